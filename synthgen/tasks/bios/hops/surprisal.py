"""What may come next in a question along relations, and its answer, for a model that knows the world.

Whoever knows the world pays for the prompt alone: behind a name and a path the answer is known.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.task.kit.surprisal import Phrase, Piece, Way, walked, ways_of
from synthgen.task.phrases import PhraseTable
from synthgen.tasks.bios.hops.writing import ASKS_PERSON, Wordings
from synthgen.tasks.bios.relations.wordings import SENTENCE
from synthgen.tasks.bios.world.crowd import Crowd
from synthgen.tasks.bios.world.writing.people import FIRST, LAST, MIDDLE

NAMES = (FIRST, MIDDLE, LAST)
ANSWER = LAST + 1
"""Pieces from here on are answers: of the first path, the second, and so on."""


@dataclass(frozen=True)
class Reading:
    """What is known of a row so far: whom it may name, and the ways on."""

    people: np.ndarray
    ways: tuple[Way, ...]


class HopLaw:
    """The law of questions along relations, for readers who know the world."""

    def __init__(
        self,
        table: PhraseTable,
        wordings: Wordings,
        laws: Sequence[str],
        hops: Sequence[int],
        names: np.ndarray,
        sizes: np.ndarray,
        answer: Callable[[int, Sequence[int], int], str],
    ) -> None:
        """names: (people, 3) of those asked about; answer: of a person's place among them, a path, and a target."""
        self._answer = answer
        self._paths: list[tuple[tuple[int, ...], int]] = []
        sentences: list[list[Piece]] = []
        weights: list[float] = []
        for distance, (target, number) in itertools.product(hops, enumerate(wordings.targets.tolist())):
            for path, share in _paths(laws, distance - (number != ASKS_PERSON)):
                self._paths.append((path, number))
                for style, kind in enumerate(wordings.styles.tolist()):
                    paraphrases = wordings.before.shape[2] if kind == SENTENCE else 1
                    for wording in range(paraphrases):
                        said = [wordings.before[style, target, wording], *NAMES]
                        said += [wordings.links[style, int(step > 0), one] for step, one in enumerate(path)]
                        said += [wordings.after[style, target, wording, int(bool(path))], wordings.around[style, 0]]
                        pieces: list[Piece] = [table[int(one)] for one in said]
                        pieces[1 : 1 + len(NAMES)] = NAMES
                        tail = table[int(wordings.around[style, 1])]
                        sentences.append([*pieces, ANSWER + len(self._paths) - 1, *([tail] if tail else [])])
                        weights.append(share / paraphrases)
        self._ways = ways_of(sentences, weights)
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
                path, target = self._paths[piece - ANSWER]
                text = self._answer(int(people[0]), path, target)
                yield way.share, text, Reading(people, way.onward) if way.onward else None
            else:
                for share, phrase, group in self._crowd.apart(people, piece).get(ahead, ()):
                    yield way.share * share, phrase, Reading(group, way.onward)


def _paths(laws: Sequence[str], steps: int) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield all paths of so many relations with their chances: no pairs twice in a row."""
    for path in itertools.product(range(len(laws)), repeat=steps):
        back = [laws[one] == "pairs" for one in path[:-1]]
        if any(one == other and pairs for one, other, pairs in zip(path, path[1:], back, strict=False)):
            continue
        share = 1.0
        for place in range(steps):
            share /= len(laws) - (place > 0 and back[place - 1])
        yield path, share
