"""The params of the task `hops`: how far questions go, what they ask for, and whom they name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from synthgen.tasks.bios.relations.params import RelatedParams

TargetName = Literal["birth_date", "birth_city", "university", "major", "employer", "company_city", "person"]
"""What may be asked for: `wordings.TARGETS`."""


class HopsParams(RelatedParams):
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
    group: Literal["train", "test", "all"] = Field(
        "train", description="which part of the people is named in questions"
    )
    train_people: int | None = Field(None, ge=0, description="people in the train group, the first; default: half")
    cue: str = Field("Answer:", description="the last words of a question that is a sentence")

    @field_validator("hops", "targets")
    @classmethod
    def _once(cls, values: tuple[int | str, ...]) -> tuple[int | str, ...]:
        if len(set(values)) < len(values):
            raise ValueError("name each once")
        return values

    @field_validator("cue")
    @classmethod
    def _tight(cls, text: str) -> str:
        if text != text.strip():
            raise ValueError("no space around it: one is put in front")
        return text
