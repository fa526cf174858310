"""The registry: the world as a judge of closed-book questions knows it, facts by person and the person of a name.

Made for judging: it shares nothing with the samplers. Facts are read off numpy's own Philox by the definition of a
draw (see `synthgen.exact.draw`), names by the inverse of the bijection.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
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
        lists = self.lists
        months, days, years = lists.dates
        sizes = (months, days, years, *(len(x) for x in (lists.birth_city, lists.university, lists.major)))
        month, day, year, birth_city, university, major, employer = self._draws(number, (*sizes, len(lists.employer)))
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

    def _draws(self, person: int, sizes: tuple[int, ...]) -> list[int]:
        """Return the person's uniform numbers below each size, by the multiply-and-shift of 32-bit halves."""
        philox = np.random.Philox(key=self._people, counter=[0, 0, person, 0])
        halves: list[int] = []
        numbers = []
        for size in sizes:
            for _ in range(64):
                if not halves:
                    halves = [
                        half for word in philox.random_raw(4).tolist() for half in (word & 0xFFFFFFFF, word >> 32)
                    ]
                product = halves.pop(0) * size
                if product & 0xFFFFFFFF >= (1 << 32) % size:
                    break
            numbers.append(product >> 32)
        return numbers

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
        person = unpermute(self._names, self.lists.names, number)
        if not self.first <= person < self.first + self.number:
            raise ValueError(f"{name} is nobody in this world")
        return person

    def name(self, person: int) -> str:
        """Return a person's full name."""
        number = permute(self._names, self.lists.names, person)
        words = []
        for part in (self.lists.last_names, self.lists.middle_names, self.lists.first_names):
            number, place = divmod(number, len(part))
            words.append(part[place])
        return " ".join(reversed(words))

    def fits(self, person: int, given: Mapping[str, str]) -> bool:
        """Say whether a person has all the given facts."""
        facts = self.person(person)
        return all(facts[fact] == value for fact, value in given.items())
