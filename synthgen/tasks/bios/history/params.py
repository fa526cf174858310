"""The params of the task `history`: what is asked about which facts, and of whom."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from synthgen.tasks.bios.history.wordings import ASKS, TARGETS, Ask, Target, source_of
from synthgen.tasks.bios.world.asked import AskedParams, Cue
from synthgen.tasks.bios.world.changes import ChangingParams


class HistoryParams(ChangingParams, AskedParams):
    """Params of the task `history`. Pronouns are not asked for: they are the documents' and change nothing here."""

    changed: float = Field(
        0.2, gt=0, le=1, description="the share of the people who have another value after the change, of each fact"
    )
    asks: tuple[Ask, ...] = Field(
        ASKS,
        min_length=1,
        description="what is asked, drawn from these: the value before the change, after it, or whether they differ",
    )
    targets: tuple[Target, ...] = Field(
        (), description="the facts asked for, drawn from these; by default all that change, and the company's city"
    )
    about: Literal["all", "changed", "kept"] = Field(
        "all", description="whom questions are about: all, or those alone for whom the fact (of a city, the employer) "
        "has changed, or has not"
    )  # fmt: skip
    paraphrases: int = Field(1, ge=1, description="wordings of each question, drawn from; the first of the lists")
    cue: Cue = Field("Answer:", description="the last words of every prompt")

    @property
    def facts(self) -> tuple[Target, ...]:
        """The facts asked for."""
        return self.targets or tuple(target for target in TARGETS if source_of(target) in self.changing)

    @field_validator("asks", "targets")
    @classmethod
    def _once(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(values)) < len(values):
            raise ValueError("name each once")
        return values

    @model_validator(mode="after")
    def _of_what_changes(self) -> HistoryParams:
        if kept := [target for target in self.targets if source_of(target) not in self.changing]:
            raise ValueError(f"targets: {kept[0]!r} does not change; add {source_of(kept[0])!r} to changing")
        return self
