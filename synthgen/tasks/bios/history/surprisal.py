"""What may come next in a question about then and now, and its answer, for a model that knows the world.

Whoever knows the world, before and after, pays for the prompt alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from synthgen.task.kit.surprisal import Phrase, Piece, Way, walked, ways_of
from synthgen.task.phrases import PhraseTable
from synthgen.tasks.bios.history.writing import Wordings
from synthgen.tasks.bios.world.crowd import Crowd
from synthgen.tasks.bios.world.writing.people import FIRST, LAST, MIDDLE

NAMES = (FIRST, MIDDLE, LAST)
ANSWER = LAST + 1
"""Pieces from here on are answers: of the first question and target, the second, and so on."""


@dataclass(frozen=True)
class Reading:
    """What is known of a row so far: whom it may name, and the ways on."""

    people: np.ndarray
    ways: tuple[Way, ...]


class HistoryLaw:
    """The law of questions about then and now, for readers who know the world."""

    def __init__(
        self,
        table: PhraseTable,
        wordings: Wordings,
        names: np.ndarray,
        sizes: np.ndarray,
        answer: Callable[[int, int, int], str],
    ) -> None:
        """names: (people, 3) of those asked about; answer: of a person's place among them, an ask and a target."""
        self._answer = answer
        asks, self._targets, paraphrases = wordings.before.shape
        before, end = (table[int(mark)] for mark in wordings.around)
        sentences: list[list[Piece]] = []
        for ask, target, wording in np.ndindex(asks, self._targets, paraphrases):
            head, tail = (table[int(side[ask, target, wording])] for side in (wordings.before, wordings.after))
            sentences.append([head, *NAMES, tail + before, ANSWER + ask * self._targets + target, end])
        self._ways = ways_of(sentences)
        values = wordings.values
        self._crowd = Crowd(names, {k: [table[int(values[k]) + i] for i in range(sizes[k])] for k in NAMES})

    def surprisals(self, said: Phrase) -> np.ndarray:
        """Return the bits of each character of prompt and completion, and of their end, (characters + 1,)."""
        return walked(said, Reading(self._crowd.all, self._ways), self._follow)

    def _follow(self, reading: Reading, ahead: Phrase) -> Iterator[tuple[float, Phrase, Reading | None]]:
        for way in reading.ways:
            piece, people = way.piece, reading.people
            if not isinstance(piece, int):
                yield way.share, piece, Reading(people, way.onward) if way.onward else None
            elif piece >= ANSWER:
                ask, target = divmod(piece - ANSWER, self._targets)
                yield way.share, self._answer(int(people[0]), ask, target), Reading(people, way.onward)
            else:
                for share, phrase, group in self._crowd.apart(people, piece).get(ahead, ()):
                    yield way.share * share, phrase, Reading(group, way.onward)
