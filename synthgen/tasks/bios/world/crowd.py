"""Crowds: the people that what was said so far may be about, told apart by what is said next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from synthgen.task.kit.surprisal import Phrase

KEPT = 1000
"""Groups of more people are told apart once for all rows."""


class Crowd:
    """Some people of a world, numbered from 0, and how their facts are said."""

    def __init__(
        self, fields: np.ndarray, words: Mapping[int, Sequence[Phrase]], weights: np.ndarray | None = None
    ) -> None:
        """fields: (people, columns), the values; words: by column, how its values are said; weights: (people,), how
        often each is spoken of, all alike where there are none.
        """
        self.fields, self._words, self._weights, self.all = fields, words, weights, np.arange(len(fields))
        self._parts: dict[tuple[int, int], dict[Phrase, list[tuple[float, Phrase, np.ndarray]]]] = {}
        self._kept = {id(self.all)}  # groups that are kept, so that no other array has their ids

    def apart(self, people: np.ndarray, column: int) -> dict[Phrase, list[tuple[float, Phrase, np.ndarray]]]:
        """Return the values among some people: by how they begin, (share, how it is said, who has it)."""
        key = id(people), column
        if key in self._parts:
            return self._parts[key]
        values, words = self.fields[people, column], self._words[column]
        order = np.argsort(values, kind="stable")
        groups = np.split(people[order], np.flatnonzero(np.diff(values[order])) + 1)
        whole = self._weight(people)
        parts: dict[Phrase, list[tuple[float, Phrase, np.ndarray]]] = {}
        for group in groups:
            phrase = words[self.fields[group[0], column]]
            parts.setdefault(phrase[:1], []).append((self._weight(group) / whole, phrase, group))
        if id(people) in self._kept and people.size > KEPT:
            self._parts[key] = parts
            self._kept |= {id(group) for group in groups if group.size > KEPT}
        return parts

    def _weight(self, people: np.ndarray) -> float:
        return people.size if self._weights is None else float(self._weights[people].sum())
