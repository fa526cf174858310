"""What may come next in a question that names somebody, and its answer, for a model that knows the world.

Whoever knows the world pays for the prompt alone: behind the question and a name the answer is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from synthgen.task.kit.surprisal import Phrase, Way, walked
from synthgen.task.phrases import PhraseTable
from synthgen.tasks.bios.world.crowd import Crowd
from synthgen.tasks.bios.world.writing.people import FIRST, LAST, MIDDLE

NAMES = (FIRST, MIDDLE, LAST)
ANSWER = LAST + 1
"""Pieces of the sentences from here on are answers: to the first question, the second, and so on."""


@dataclass(frozen=True)
class _Reading:
    """What is known of a row so far: whom it may name, and the ways on."""

    people: np.ndarray
    ways: tuple[Way, ...]


class AnsweredLaw:
    """The law of sentences with a full name (the pieces `NAMES`) and an answer (`ANSWER` and on)."""

    def __init__(
        self,
        table: PhraseTable,
        ways: tuple[Way, ...],
        values: np.ndarray,
        sizes: np.ndarray,
        names: np.ndarray,
        answer: Callable[[int, int], str],
    ) -> None:
        """values, sizes: the first phrase of each part of names, and how many there are; names: (people, 3) of those
        asked about; answer: of a person's place among them, and the number of a question.
        """
        self._ways, self._answer = ways, answer
        self._crowd = Crowd(names, {k: [table[int(values[k]) + i] for i in range(sizes[k])] for k in NAMES})

    def surprisals(self, said: Phrase) -> np.ndarray:
        """Return the bits of each character of prompt and completion, and of their end, (characters + 1,)."""
        return walked(said, _Reading(self._crowd.all, self._ways), self._follow)

    def _follow(self, reading: _Reading, ahead: Phrase) -> Iterator[tuple[float, Phrase, _Reading | None]]:
        for way in reading.ways:
            piece, people = way.piece, reading.people
            onward = _Reading(people, way.onward) if way.onward else None
            if not isinstance(piece, int):
                yield way.share, piece, onward
            elif piece >= ANSWER:
                yield way.share, self._answer(int(people[0]), piece - ANSWER), onward
            else:
                for share, phrase, group in self._crowd.apart(people, piece).get(ahead, ()):
                    yield way.share * share, phrase, _Reading(group, way.onward)
