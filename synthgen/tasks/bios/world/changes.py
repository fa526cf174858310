"""A world that changes: at one time some people have another employer, university or major than before.

Of each fact that changes, a share of the people have another value afterwards, any of the others, all alike; who they
are is a subset drawn among all, every one as likely. So what must be known beyond the world before is, for each fact,
log2 C(N, K) bits of who changed, and log2(size - 1) for each of the K of into what. A company's city follows from the
employer, as ever; names and births do not change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits
from synthgen.exact.entropy import Book, Draws, log2_binomial
from synthgen.task.fidelity import Deviation
from synthgen.task.written import NEWER
from synthgen.tasks.bios.world.lists import Lists
from synthgen.tasks.bios.world.population import WorldParams

Changing = Literal["university", "major", "employer"]
CHANGING: tuple[Changing, ...] = ("university", "major", "employer")
"""The facts that may change, by their numbers in the addresses of draws."""

STAGE = "change"
"""The stage of the world at which they are drawn."""

FOLLOWS = {"company_city": "employer"}
"""What changes with another fact."""

Time = Literal["before", "after"]
TIMES: tuple[Time, ...] = ("before", "after")
"""The two times of a world that changes."""

NOT_PUBLISHED = Deviation(
    "facts that change",
    "none in any paper of the series",
    lambda params: f"of each, {share_words(params.changed)} of the people" * (params.changed > 0),
    decided_by=("changed", "changing"),
)


def share_words(share: float) -> str:
    """Return a share for people.

    >>> share_words(0.25)
    '25 %'
    """
    return f"{100 * share:.6g} %"


class ChangingParams(WorldParams):
    """A world of people, some of whose facts change; without `changed`, none do."""

    changed: Annotated[float, NEWER] = Field(
        0.0, ge=0, le=1, description="the share of the people who have another value after the change, of each fact"
    )
    changing: Annotated[tuple[Changing, ...], NEWER] = Field(
        CHANGING, min_length=1, description="the facts that change; a company's city changes with the employer"
    )

    @property
    def changed_people(self) -> int:
        """How many people a fact changes of: the share of them, rounded down."""
        return math.floor(Fraction(str(self.changed)) * self.people)

    @field_validator("changing")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("name each fact once")
        return names

    @model_validator(mode="after")
    def _somebody_changes(self) -> ChangingParams:
        if self.changed and not self.changed_people:
            raise ValueError(f"changed = {self.changed}: of {self.people:,} people that is nobody; take a larger share")
        return self


def refuse_single_values(params: ChangingParams, lists: Lists) -> None:
    """Raise SynthgenError where a fact changes that has one value in all."""
    for fact in params.changing if params.changed else ():
        if lists.sizes()[fact] == 1:
            raise SynthgenError(
                f"params.changing: the lists have one value for {fact}, so that there is no other; take more, or leave "
                f"{fact!r} out"
            )


def change_bits(params: ChangingParams, lists: Lists) -> dict[str, float]:
    """Return the bits of each fact's changes, given the world before: who has another value, and which."""
    people, number = params.people, params.changed_people
    who = log2_binomial(people, number) if number else 0.0
    return {fact: who + number * math.log2(lists.sizes()[fact] - 1) for fact in params.changing if params.changed}


def change_book(params: ChangingParams, lists: Lists) -> Book:
    """Return the world book of all changes."""
    of = f"{params.changed_people} of {params.people} people from {params.first_person} on"
    draws = Draws(f"changes of {', '.join(params.changing)} for {of}", None)
    return Book(Bits(math.fsum(change_bits(params, lists).values())), "world", draws)


def with_changes(known: Mapping[str, Any], bits: float) -> dict[str, float]:
    """Return the facts of a whole world, as `world_bits` has them at one time, with those of its changes."""
    return {
        "world_list_bits": known["world_list_bits"] + bits,
        "world_bits": known["world_bits"] + bits,
        "world_bits_a_person": (known["world_bits"] + bits) / known["people"],
    }
