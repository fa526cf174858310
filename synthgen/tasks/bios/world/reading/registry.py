"""The registry: the world as a judge of closed-book questions knows it, facts by person and the person of a name.

Made for judging: it shares nothing with the samplers. Facts are read off numpy's own Philox by the definition of a
draw (see `synthgen.exact.draw`), names by the inverse of the bijection.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthgen.exact.bijection import permute, unpermute
from synthgen.exact.draw import Keys
from synthgen.tasks.bios.world.lists import FIRST_YEAR, MONTHS, Lists


class Registry:
    """The facts of a world's people, in words."""

    def __init__(self, keys: Keys, lists: Lists, first: int, number: int, ranked: bool) -> None:
        self.lists, self.first, self.number, self.ranked = lists, first, number, ranked
        self._names, self._people, self._ranks = keys.world("names"), keys.world("people"), keys.world("ranks")
        parts = (lists.first_names, lists.middle_names, lists.last_names)
        self._parts = [{name: i for i, name in enumerate(part)} for part in parts]

    def person(self, number: int) -> dict[str, Any]:
        """Return a person's facts: the attributes as in texts, month, day and year, and the numbers rules work on."""
        return self.told(self.drawn(number))

    def drawn(self, number: int) -> list[int]:
        """Return what was drawn for a person: month, day, year, birth city, university, major and employer."""
        lists = self.lists
        values = (lists.birth_city, lists.university, lists.major, lists.employer)
        return draws_at(self._people, number, 0, (*lists.dates, *map(len, values)))

    def told(self, drawn: Sequence[int]) -> dict[str, Any]:
        """Return the facts of somebody for whom all this was drawn, as `person` does."""
        lists = self.lists
        month, day, year, birth_city, university, major, employer = drawn
        return {
            "birth_date": f"{MONTHS[month]} {day + 1}, {FIRST_YEAR + year}",
            "birth_city": lists.birth_city[birth_city],
            "university": lists.university[university],
            "major": lists.major[major],
            "employer": lists.employer[employer],
            "company_city": lists.cities[lists.company_city[employer]],
            "month": MONTHS[month],
            "day": str(day + 1),
            "year": str(FIRST_YEAR + year),
            "numbers": {"month": month + 1, "day": day + 1, "major": self.rank(major)},
        }

    def rank(self, major: int) -> int:
        """Return a major's rank, from 0."""
        return self._all_ranks[major] if self.ranked else major

    @functools.cached_property
    def _all_ranks(self) -> list[int]:
        majors = len(self.lists.major)
        return [permute(self._ranks, majors, major) for major in range(majors)]

    def who(self, name: str) -> int:
        """Return the person of a full name. Raises ValueError for a name of nobody in this world."""
        parts = name.split(" ")
        if len(parts) != 3:
            raise ValueError(f"{name!r} is no full name")
        number = 0
        for part, known in zip(parts, self._parts, strict=True):
            if part not in known:
                raise ValueError(f"{part!r} is no name of the lists")
            number = number * len(known) + known[part]
        return self.named(number)

    def named(self, number: int) -> int:
        """Return the person who has the full name of a number among all. Raises ValueError for nobody's."""
        person = unpermute(self._names, self.lists.names, number)
        if not self.first <= person < self.first + self.number:
            raise ValueError(f"{self._full_name(number)} is nobody in this world")
        return person

    def name(self, person: int) -> str:
        """Return a person's full name."""
        return self._full_name(permute(self._names, self.lists.names, person))

    def _full_name(self, number: int) -> str:
        words = []
        for part in (self.lists.last_names, self.lists.middle_names, self.lists.first_names):
            number, place = divmod(number, len(part))
            words.append(part[place])
        return " ".join(reversed(words))

    def fits(self, person: int, given: Mapping[str, str]) -> bool:
        """Say whether a person has all the given facts."""
        facts = self.person(person)
        return all(facts[fact] == value for fact, value in given.items())


def draws_at(key: np.ndarray, entity: int, part: int, sizes: Sequence[int]) -> list[int]:
    """Return the uniform numbers below each size that are drawn at an address: multiply and shift of 32-bit halves."""
    philox = np.random.Philox(key=key, counter=[0, 0, entity, part])
    halves: list[int] = []
    numbers = []
    for size in sizes:
        for _ in range(64):
            if not halves:
                halves = [half for word in philox.random_raw(4).tolist() for half in (word & 0xFFFFFFFF, word >> 32)]
            product = halves.pop(0) * size
            if product & 0xFFFFFFFF >= (1 << 32) % size:
                break
        numbers.append(product >> 32)
    return numbers
