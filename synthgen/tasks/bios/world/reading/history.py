"""The history of a world that changes, as a judge knows it: everybody's facts before the change and after.

It shares nothing with the samplers: who changes is read off the bijection in plain Python, new values off numpy's own
Philox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.exact.bijection import permute
from synthgen.exact.draw import Keys
from synthgen.tasks.bios.world.changes import CHANGING, STAGE
from synthgen.tasks.bios.world.lists import Lists
from synthgen.tasks.bios.world.reading.registry import Registry, draws_at

FIRST_CHANGING = 4
"""Where the facts that may change begin in what `Registry.drawn` returns."""


class History:
    """The facts of some people at two times."""

    def __init__(
        self, keys: Keys, lists: Lists, everybody: range, changing: Sequence[str], changed_people: int
    ) -> None:
        """`changing`: the facts that change, each of so many people."""
        self.registry = Registry(keys, lists, everybody.start, len(everybody), ranked=False)
        self._key, self._everybody = keys.world(STAGE), everybody
        self._changing, self._number = changing, changed_people

    def changes(self, person: int, fact: str) -> bool:
        """Return whether a person has another value of one of the facts that may change."""
        place = person - self._everybody.start
        return fact in self._changing and (
            permute(self._key, len(self._everybody), place, CHANGING.index(fact)) < self._number
        )

    def drawn(self, person: int) -> tuple[list[int], list[int]]:
        """Return what `Registry.drawn` does, before the change and after it."""
        before = self.registry.drawn(person)
        after = list(before)
        for number, fact in enumerate(CHANGING):
            if self.changes(person, fact):
                others = [
                    value
                    for value in range(len(getattr(self.registry.lists, fact)))
                    if value != before[FIRST_CHANGING + number]
                ]
                (choice,) = draws_at(self._key, person, 1 + number, (len(others),))
                after[FIRST_CHANGING + number] = others[choice]
        return before, after

    def told(self, person: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a person's facts before the change and after it, in words: see `Registry.person`."""
        before, after = self.drawn(person)
        return self.registry.told(before), self.registry.told(after)

    def values(self, person: int) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return the numbers of a person's values by attribute, before the change and after it."""
        before, after = self.drawn(person)
        return self._numbered(before), self._numbered(after)

    def _numbered(self, drawn: Sequence[int]) -> dict[str, int]:
        month, day, year, birth_city, university, major, employer = drawn
        lists = self.registry.lists
        _, days, years = lists.dates
        return {
            "birth_date": (month * days + day) * years + year,
            "birth_city": birth_city,
            "university": university,
            "major": major,
            "employer": employer,
            "company_city": lists.company_city[employer],
        }
