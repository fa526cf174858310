"""The world of a spec: how many people of which lists, and how many bits their names and facts are.

All tasks of this family take these params, and the same seed and world number make the same people in each of them.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits
from synthgen.exact.entropy import Book, Draws, log2_binomial, log2_falling
from synthgen.task.contract import TaskParams
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.kit.editions import EditionField
from synthgen.tasks.bios.world.lists import Lists, Sizes, read_lists

Pronoun = Literal["he", "she", "they"]
Entries = Annotated[int, Field(ge=1, le=10**6)] | Literal["online"]
"""How many entries a person has; online: a new one for ever."""


def tiny_sizes(**sizes: int) -> dict[str, int]:
    """Return sizes of 1 for every list (2 for the names), but for those that are given: worlds to enumerate."""
    return dict.fromkeys(Sizes.model_fields, 1) | {"first_names": 2, "last_names": 2} | sizes


class WorldParams(TaskParams):
    """What makes a world, and which of its people a spec is about."""

    people: int = Field(100_000, ge=1, le=2**40, description="N, the number of people")
    first_person: int = Field(
        0, ge=0, le=2**40, description="the first person's number: groups are disjoint ranges of one world"
    )
    pronouns: tuple[Pronoun, ...] = Field(("he", "she"), min_length=1, description="a person's is drawn from these")
    lists: str = Field("", description="a folder of word lists and templates; files it lacks are the package's own")
    sizes: Sizes = Field(Sizes(), description="how much of each list is used; by default all")
    edition: EditionField = 1

    @property
    def everybody(self) -> range:
        """The people, by their numbers in the world."""
        return range(self.first_person, self.first_person + self.people)

    @field_validator("pronouns")
    @classmethod
    def _different(cls, pronouns: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(pronouns)) < len(pronouns):
            raise ValueError("name each pronoun once")
        return pronouns


def lists_of(params: WorldParams, folder: Path | None) -> Lists:
    """Read the lists of a world. Raises SynthgenError if they have too few names for its people."""
    lists = read_lists(folder, params.sizes, params.edition)
    if params.first_person + params.people > lists.names:
        raise SynthgenError(
            f"params.first_person + params.people = {params.first_person + params.people:,}, more than the "
            f"{lists.names:,} full names ({len(lists.first_names)} x {len(lists.middle_names)} "
            f"x {len(lists.last_names)}): take fewer people or longer lists"
        )
    return lists


def knowledge_of(lists: Lists, people: int) -> Knowledge:
    """Return what there is to know of `people` people of these lists; a company's city follows from the employer."""
    bits = {name: math.log2(size) for name, size in lists.sizes().items()} | {"company_city": 0.0}
    return Knowledge(people, lists.names, sum(bits.values()), span_bits=bits)


def world_bits(lists: Lists, everybody: range, pronoun: float) -> tuple[dict[str, Book], dict[str, Any]]:
    """Return the world books and facts of some people, whose pronoun is worth `pronoun` bits each.

    Names as a set, as a list (numbers of people carry meaning) and in the papers' form N log2(N0 / N) (2404.05405).
    """
    sizes, people = lists.sizes(), len(everybody)
    urn = f"full names, {len(lists.first_names)} x {len(lists.middle_names)} x {len(lists.last_names)}"
    attributes = sum(math.log2(size) for size in sizes.values())
    books = {
        "names": Book(Bits(log2_binomial(lists.names, people)), "world", Draws(urn, everybody, lists.names)),
        "attributes": Book(Bits(attributes * people), "world"),
        "pronouns": Book(Bits(pronoun * people), "world"),
    }
    total = sum(book.bits.value for book in books.values())
    return books, {
        "people": people,
        "full_names": lists.names,
        "names_set_bits": log2_binomial(lists.names, people),
        "names_list_bits": log2_falling(lists.names, people),
        "names_paper_bits": people * math.log2(lists.names / people),
        "attribute_bits_a_person": attributes,
        "attribute_bits": {name: math.log2(size) for name, size in sizes.items()} | {"company_city": 0.0},
        "pronoun_bits_a_person": pronoun,
        "world_list_bits": log2_falling(lists.names, people) + (attributes + pronoun) * people,
        "world_bits": total,
        "world_bits_a_person": total / people,
    }
