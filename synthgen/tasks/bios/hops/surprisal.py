"""The law of questions along relations, for readers who know the world."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from synthgen.task.kit.surprisal import Piece, ways_of
from synthgen.task.phrases import PhraseTable
from synthgen.tasks.bios.hops.writing import ASKS_PERSON, Wordings
from synthgen.tasks.bios.relations.wordings import SENTENCE
from synthgen.tasks.bios.world.writing.answered import ANSWER, NAMES, AnsweredLaw


def law_of(
    table: PhraseTable,
    wordings: Wordings,
    laws: Sequence[str],
    hops: Sequence[int],
    names: np.ndarray,
    sizes: np.ndarray,
    answer: Callable[[int, Sequence[int], int], str],
) -> AnsweredLaw:
    """Return the law. names: (people, 3) of those asked about; answer: of a person's place among them, a path, and a
    target.
    """
    paths: list[tuple[tuple[int, ...], int]] = []
    sentences: list[list[Piece]] = []
    weights: list[float] = []
    for distance, (target, number) in itertools.product(hops, enumerate(wordings.targets.tolist())):
        for path, share in _paths(laws, distance - (number != ASKS_PERSON)):
            paths.append((path, number))
            for style, kind in enumerate(wordings.styles.tolist()):
                paraphrases = wordings.before.shape[2] if kind == SENTENCE else 1
                for wording in range(paraphrases):
                    said = [wordings.before[style, target, wording], *NAMES]
                    said += [wordings.links[style, int(step > 0), one] for step, one in enumerate(path)]
                    said += [wordings.after[style, target, wording, int(bool(path))], wordings.around[style, 0]]
                    pieces: list[Piece] = [table[int(one)] for one in said]
                    pieces[1 : 1 + len(NAMES)] = NAMES
                    tail = table[int(wordings.around[style, 1])]
                    sentences.append([*pieces, ANSWER + len(paths) - 1, *([tail] if tail else [])])
                    weights.append(share / paraphrases)

    def known(place: int, question: int) -> str:
        return answer(place, *paths[question])

    return AnsweredLaw(table, ways_of(sentences, weights), wordings.values, sizes, names, known)


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
