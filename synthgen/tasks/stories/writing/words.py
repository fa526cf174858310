"""The sentences of packs as kernels take them: phrases by number, and slots that are filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.task.phrases import PhraseTable
from synthgen.tasks.stories.packs import KINDS, WORDINGS, capital, pack_of

SLOTS = {"{thing}": -1, "{Thing}": -2, "{things}": -3, "{amount}": -4, "{more}": -5}
THING, CAPITAL, THINGS, AMOUNT, MORE, STOP = -1, -2, -3, -4, -5, -6
"""What stands in a sentence in the place of a phrase; STOP behind its last piece."""


class Words(NamedTuple):
    """The phrases of some packs: pack, kind of sentence, wording, piece; and the first of each run of phrases."""

    sentences: np.ndarray  # (packs, kinds, WORDINGS, pieces) int32
    things: np.ndarray  # (packs, 2) int32: the first thing's phrase, and as a sentence begins with it
    amounts: np.ndarray  # (packs,) int32: the phrase of amount 0
    more: np.ndarray  # (packs,) int32: the phrase of constant 0
    rules: np.ndarray  # (packs,) int32: that values count modulo m, with a space behind; of order, an empty phrase
    space: int
    comma: int
    last: int  # " and "


def words_of(table: PhraseTable, packs: Sequence[str], order: bool, modulus: int) -> Words:
    """Put the phrases of some packs into a table and return where they are."""
    read = [pack_of(name, order) for name in packs]
    said = {
        (number, place, wording): pack.pieces(kind, wording)
        for number, pack in enumerate(read)
        for place, kind in enumerate(KINDS)
        for wording in range(len(pack.sentences.of(kind)))
    }
    sentences = np.full((len(read), len(KINDS), WORDINGS, 1 + max(map(len, said.values()))), STOP, np.int32)
    for at, pieces in said.items():
        sentences[at][: len(pieces)] = [SLOTS[piece] if piece in SLOTS else table.add(piece) for piece in pieces]
    things = [[table.extend(pack.things), table.extend(map(capital, pack.things))] for pack in read]
    amounts = [table.extend(map(pack.amount, range(modulus))) for pack in read]
    more = [table.extend(map(pack.more, range(modulus))) for pack in read]
    rules = [table.add(pack.rule(modulus)) for pack in read]
    return Words(
        sentences,
        np.array(things, np.int32),
        np.array(amounts, np.int32),
        np.array(more, np.int32),
        np.array(rules, np.int32),
        space=table.add(" "),
        comma=table.add(", "),
        last=table.add(" and "),
    )


@register_jitable
def say(codes, at, words, pack, kind, wording, thing, number, parents, count, name):
    """Write a sentence about a thing to codes[at:], and return where it ends.

    `number` is its value or constant; `parents`, `count` of them, are what it names; `name` their names.
    """
    sentence = words.sentences[pack, kind, wording]
    for piece in sentence:
        if piece == STOP:
            break
        if piece in (THING, CAPITAL):
            codes[at] = words.things[pack, -1 - piece] + name[thing]
        elif piece == AMOUNT:
            codes[at] = words.amounts[pack] + number
        elif piece == MORE:
            codes[at] = words.more[pack] + number
        elif piece == THINGS:
            for p in range(count):
                if p:
                    codes[at] = words.last if p == count - 1 else words.comma
                    at += 1
                codes[at] = words.things[pack, 0] + name[parents[p]]
                at += 1
            continue
        else:
            codes[at] = piece
        at += 1
    return at
