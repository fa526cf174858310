"""The params of bioD, named as in the paper (2404.05405)."""

from __future__ import annotations

from pydantic import Field

from synthgen.task.contract import TaskParams
from synthgen.task.kit.editions import EditionField
from synthgen.tasks.bios.world.population import Entries


class BiodParams(TaskParams):
    """Params of the task `biod`, named as in the paper."""

    N: int = Field(20_000, ge=1, le=2**40, description="people")
    K: int = Field(5, ge=1, le=1000, description="attributes of a person")
    C: int = Field(1, ge=1, le=1000, description="chunks of a value")
    D: int = Field(100, ge=1, le=10**6, description="different chunks of an attribute")
    L: int = Field(1, ge=1, le=1000, description="tokens of a chunk")
    T: int = Field(1000, ge=1, le=10**6, description="tokens that chunks are made of")
    names: tuple[int, int, int] = Field((400, 400, 1000), description="first, middle and last names there are")
    entries: Entries = Field(100, description="entries a person, or `online`: a new one for ever")
    edition: EditionField = 1
