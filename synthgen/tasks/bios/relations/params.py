"""Params: which relations there are among the people of a world, and how rows word them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from synthgen.tasks.bios.world.population import Entries, WorldParams

StyleName = Literal["sentence", "triple", "json"]


class RelatedParams(WorldParams):
    """The relations of a world's people: the same params and world give the same ones, whatever the rows."""

    relations: tuple[str, ...] = Field(
        ("friend", "mentor", "boss"), min_length=1, max_length=16, description="the relations that rows speak of"
    )
    bosses: int | None = Field(
        None,
        ge=2,
        le=10**9,
        description="people whom a relation of many to one leads to; by default one in a hundred, or two",
    )
    styles: tuple[StyleName, ...] = Field(
        ("sentence",), min_length=1, description="how a row is worded, drawn from these: sentence, triple or json"
    )
    paraphrases: int = Field(1, ge=1, description="sentences for each relation or question; the first of the lists")

    @property
    def few(self) -> int:
        """How many people relations of many to one lead to."""
        return min(max(2, self.people // 100), 10**9) if self.bosses is None else self.bosses

    @field_validator("relations", "styles")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("name each once")
        return names

    @model_validator(mode="after")
    def _somebody_else(self) -> RelatedParams:
        if not 2 <= self.few <= self.people:
            raise ValueError(
                f"people = {self.people}, bosses = {self.few}: need two people, and no more bosses than all"
            )
        return self


class RelationsParams(RelatedParams):
    """Params of the task `relations`."""

    entries: Entries = Field(1, description="how often each relation of each person is stated, or `online`: for ever")
    biography: bool = Field(
        False, description="a person's relations stand behind their biography (one of `bios`), a sentence each"
    )

    @model_validator(mode="after")
    def _sentences_behind_sentences(self) -> RelationsParams:
        if self.biography and self.styles != ("sentence",):
            raise ValueError("biography = true: relations are told in sentences; leave styles out")
        return self
