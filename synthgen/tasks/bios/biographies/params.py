"""The params of the task `bios`: how many entries people have, how they are worded, and at which time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from synthgen.task.written import NEWER
from synthgen.tasks.bios.biographies.exposures import MOST_PEOPLE
from synthgen.tasks.bios.world.changes import ChangingParams, Time


class BiosParams(ChangingParams):
    """Params of the task `bios`."""

    entries: int | Literal["online"] = Field(
        1, description="entries a person (M or P), or `online`: a new one for ever"
    )
    sentences: Literal["once", "entry"] = Field(
        "entry", description="templates are drawn once for a person, or anew for each entry"
    )
    order: Literal["fixed", "entry", "person", "couple"] = Field(
        "fixed",
        description="sentence order: canonical, drawn for each entry, drawn once for a person, or couple: three fixed "
        "pairs (birth date and city, university and major, employer and its city) in an order drawn for each entry",
    )
    city_first: bool = Field(False, description="canonical order has the company city before the employer")
    reverse: Literal[0, 1, 2, 6] = Field(
        0, description="sentences before the one that has the name (Part 3.2); 6: it follows all, in a seventh"
    )
    full_name: bool = Field(False, description="every sentence has the full name, not only the first")
    power: Annotated[float, NEWER] = Field(
        0.0,
        ge=0,
        le=4,
        description="exponent of a power law of entries: everybody has one, and of the others, `entries` being the "
        "mean, the person of rank r has a part like r^-power, in whole numbers that add up; 0: all have as many",
    )
    time: Annotated[Time, NEWER] = Field(
        "before", description="whether people are told of as they are before the change, or after it"
    )

    @field_validator("entries")
    @classmethod
    def _some_entries(cls, entries: int | str) -> int | str:
        if isinstance(entries, int) and not 1 <= entries <= 10**6:
            raise ValueError("entries must be between 1 and 1,000,000, or 'online'")
        return entries

    @model_validator(mode="after")
    def _no_contradiction(self) -> BiosParams:
        if self.reverse and self.full_name:
            raise ValueError("full_name puts the name into every sentence, reverse keeps it out: take one of them")
        if self.power and self.entries == "online":
            raise ValueError(
                f"power = {self.power}: entries that add up are of a finite corpus; give their mean number"
            )
        if self.power and self.people > MOST_PEOPLE:
            raise ValueError(f"power = {self.power}: entries are laid out for {MOST_PEOPLE:,} people at most")
        if self.time == "after" and not self.changed:
            raise ValueError("time = 'after': no fact changes; say how many do (changed)")
        return self
