"""What may come next in a row of bioD, for a model that knows the world: who it is, and which attribute is told."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from synthgen.task.kit.surprisal import END, equally_likely
from synthgen.tasks.bios.biod.symbols import PRONOUN, SPECIALS

NAME = 3
"""The ids of a name."""


def row_surprisals(said: Sequence[int], rows: np.ndarray, attributes: int) -> np.ndarray:
    """Return the bits of each id of a row and of its end, (ids + 1,); inf from the first impossible one on.

    rows: a row of each person of the world, (people, ids).
    """
    bits, people = np.full(len(said) + 1, np.inf), rows
    for place, token in enumerate(said[:NAME]):
        like = people[people[:, place] == token]
        if not len(like):
            return bits
        bits[place], people = math.log2(len(people) / len(like)), like
    if len(said) >= NAME:  # who it is is known
        row = people[0].tolist()
        bits[NAME:] = equally_likely(said, lambda i: sentence_options(i, said, row, attributes))[NAME:]
    return bits


def sentence_options(i: int, said: Sequence[int], row: Sequence[int], attributes: int) -> Collection[int]:
    """Return what may be id i of a row behind said[:i], each equally likely; `row` is one of the same person."""
    if i < NAME or i == len(row):
        return [said[i] if i < NAME else END]
    width = (len(row) - NAME + 1) // attributes  # of a sentence: pronoun, attribute, value; the first has no pronoun
    place = (i - NAME + 1) % width
    if place == 0:
        return [PRONOUN]
    if place == 1:
        return set(range(SPECIALS, SPECIALS + attributes)) - set(said[NAME:i:width])
    return [row[NAME + row[NAME::width].index(said[i - place + 1]) * width + place - 1]]
