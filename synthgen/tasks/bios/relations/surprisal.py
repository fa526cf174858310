"""What may come next in a statement, for a model that knows the world: who is meant, and in which words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.task.kit.surprisal import Phrase, Piece, Way, walked, ways_of
from synthgen.task.phrases import PhraseTable
from synthgen.tasks.bios.biographies.writing.sentences import NAME
from synthgen.tasks.bios.relations.wordings import STYLES
from synthgen.tasks.bios.relations.writing.documents import Statements
from synthgen.tasks.bios.world.crowd import Crowd
from synthgen.tasks.bios.world.writing.people import FIRST, LAST, MIDDLE

NAMES = (FIRST, MIDDLE, LAST)
PARTS = len(NAMES)


@dataclass(frozen=True)
class Reading:
    """What is known of a row so far: whom it may be about, and the ways on."""

    people: np.ndarray
    ways: tuple[Way, ...]


class StatementLaw:
    """The law of rows that state one relation, for readers who know the world."""

    def __init__(
        self,
        table: PhraseTable,
        statements: Statements,
        styles: Sequence[str],
        names: np.ndarray,
        relatives: np.ndarray,
        sizes: np.ndarray,
    ) -> None:
        """names: (people, 3) of everybody; relatives: (people, relations) whose names stand in the place of values."""
        relations = relatives.shape[1]
        fields = np.hstack([names, *(names[relatives[:, relation]] for relation in range(relations))])
        words = {
            column: [table[int(statements.values[NAMES[column % PARTS]]) + k] for k in range(sizes[column % PARTS])]
            for column in range(fields.shape[1])
        }
        self._crowd = Crowd(fields, words)
        sentences: list[list[Piece]] = []
        weights: list[float] = []
        for relation in range(relations):
            for style in styles:
                forms = statements.forms(relation, STYLES.index(style), relations)
                for form in forms:
                    sentences.append(_pieces(table, statements, form, relation))
                    weights.append(1 / len(forms))
        self._ways = ways_of(sentences, weights)

    def surprisals(self, said: Phrase) -> np.ndarray:
        """Return the bits of each character of a row, and of its end, (characters + 1,)."""
        return walked(said, Reading(self._crowd.all, self._ways), self._follow)

    def _follow(self, reading: Reading, ahead: Phrase) -> Iterator[tuple[float, Phrase, Reading | None]]:
        for way in reading.ways:
            if not isinstance(way.piece, int):
                yield way.share, way.piece, Reading(reading.people, way.onward) if way.onward else None
                continue
            for share, phrase, people in self._crowd.apart(reading.people, way.piece).get(ahead, ()):
                yield way.share * share, phrase, Reading(people, way.onward) if way.onward else None


def _pieces(table: PhraseTable, statements: Statements, form: int, relation: int) -> list[Piece]:
    """Return a form's phrases, and the columns of its two names."""
    out: list[Piece] = []
    for piece in statements.pieces[statements.starts[form] : statements.starts[form + 1]].tolist():
        if piece >= 0:
            out.append(table[piece])
        else:
            first = 0 if piece == NAME else PARTS * (1 + relation)
            out += range(first, first + PARTS)
    return out
