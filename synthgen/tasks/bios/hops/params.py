"""The params of the task `hops`: how far questions go, what they ask for, and whom they name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from synthgen.tasks.bios.relations.params import RelatedParams
from synthgen.tasks.bios.world.asked import AskedParams, Cue

TargetName = Literal["birth_date", "birth_city", "university", "major", "employer", "company_city", "person"]
"""What may be asked for: `wordings.TARGETS`."""


class HopsParams(RelatedParams, AskedParams):
    """Params of the task `hops`. Pronouns are not asked for: they are the documents' and change nothing here."""

    hops: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field(
        (1, 2),
        min_length=1,
        description="steps from the person named to the answer, drawn from these: every relation followed is one, and "
        "so is the fact asked for",
    )
    targets: tuple[TargetName, ...] = Field(
        ("birth_date", "birth_city", "university", "major", "employer", "company_city", "person"),
        min_length=1,
        description="what is asked for in the end, drawn from these: facts, or who it is",
    )
    cue: Cue = Field("Answer:", description="the last words of a question that is a sentence")

    @field_validator("hops", "targets")
    @classmethod
    def _once(cls, values: tuple[int | str, ...]) -> tuple[int | str, ...]:
        if len(set(values)) < len(values):
            raise ValueError("name each once")
        return values
