"""Whom questions are about: a part of a world's people, so that splits can share nobody."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from synthgen.errors import SynthgenError
from synthgen.tasks.bios.world.population import WorldParams


def _tight(text: str) -> str:
    if text != text.strip():
        raise ValueError("no space around it: one is put in front")
    return text


Cue = Annotated[str, AfterValidator(_tight)]
"""Words at the end of a prompt."""


class AskedParams(WorldParams):
    """Params of a world of whose people a part is asked about."""

    group: Literal["train", "test", "all"] = Field("train", description="which part of the people is asked about")
    train_people: int | None = Field(None, ge=0, description="people in the train group, the first; default: half")


def persons_of(params: AskedParams) -> range:
    """Return the people asked about, by their numbers in the world. Raises SynthgenError if there are none."""
    train = (params.people + 1) // 2 if params.train_people is None else params.train_people
    if train > params.people:
        raise SynthgenError(f"params.train_people = {train:,}: there are {params.people:,} people")
    first, last = {"train": (0, train), "test": (train, params.people), "all": (0, params.people)}[params.group]
    if first == last:
        raise SynthgenError(f"params.group = {params.group!r} has nobody to be asked about")
    return range(params.first_person + first, params.first_person + last)


def meet(one: range, other: range) -> bool:
    """Say whether two groups of people have somebody in common."""
    return max(one.start, other.start) < min(one.stop, other.stop)
