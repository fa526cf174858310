"""The law of questions about then and now, for readers who know the world before the change and after it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthgen.task.kit.surprisal import Piece, ways_of
from synthgen.task.phrases import PhraseTable
from synthgen.tasks.bios.history.writing import Wordings
from synthgen.tasks.bios.world.writing.answered import ANSWER, NAMES, AnsweredLaw


def law_of(
    table: PhraseTable,
    wordings: Wordings,
    names: np.ndarray,
    sizes: np.ndarray,
    answer: Callable[[int, int, int], str],
) -> AnsweredLaw:
    """Return the law. names: (people, 3) of those asked about; answer: of a person's place among them, an ask and a
    target.
    """
    asks, targets, paraphrases = wordings.before.shape
    before, end = (table[int(mark)] for mark in wordings.around)
    sentences: list[list[Piece]] = []
    for ask, target, wording in np.ndindex(asks, targets, paraphrases):
        head, tail = (table[int(side[ask, target, wording])] for side in (wordings.before, wordings.after))
        sentences.append([head, *NAMES, tail + before, ANSWER + ask * targets + target, end])

    def known(place: int, question: int) -> str:
        return answer(place, *divmod(question, targets))

    return AnsweredLaw(table, ways_of(sentences), wordings.values, sizes, names, known)
