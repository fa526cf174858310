"""What may come next in an expression: the law of Mano's rows, token by token.

A reader of a prefix expression does not know how many operations the left side of an open one will have. But sides that
are whole are known, and so is where they end: what is open is one chain of operations from the root to the last token,
and the chance of all that stands is a sum over the sizes along that chain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from synthgen.tasks.mano.reading import Marks, read


def row_surprisals(row: Sequence[int], marks: Marks, lengths: Sequence[int], signs: str, twins: bool) -> np.ndarray:
    """Return the bits of each symbol of a row and of its end, (symbols + 1,); inf from the first impossible one on.

    row: numbers of symbols, which may be only a beginning; lengths: how many operations an expression may have, all
    alike; signs: those in use; twins: whether operations and marks have two numbers each, all alike.
    """
    bits, twin = np.full(len(row) + 1, np.inf), 1.0 if twins else 0.0
    size = marks.lengths.get(row[0], 0) if row else 0
    if size not in lengths:
        return bits
    bits[0], end = math.log2(len(lengths)) + twin, 2 + 2 * size
    expression, before = OpenExpression(size), 1.0
    for i, symbol in enumerate(row[1:end], 1):
        operation = marks.operations.get(symbol)
        if operation not in signs if operation else symbol not in marks.values:
            return bits
        chance = expression.say(operation is not None)
        if not chance:
            return bits
        choice = math.log2(len(signs)) + twin if operation else math.log2(marks.modulus)
        bits[i], before = math.log2(before / chance) + choice, chance
    if len(row) > end and marks.answers.get(row[end]) == size:
        bits[end] = twin
        if len(row) > end + 1 and row[end + 1] in marks.values:
            reading = read(row[: end + 2], marks)
            if reading.value(marks.modulus) == reading.answer:
                bits[end + 1] = 0.0
                bits[end + 2] = 0.0 if len(row) == end + 2 else np.inf
    return bits


class OpenExpression:
    """The shape of an expression of `size` operations, said from the front: an operation, or a value."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._open: list[tuple[int, float] | None] = []  # by open operation: its left side (size, chance), if whole
        self._whole = False

    def say(self, operation: bool) -> float:
        """Take one symbol more; return the chance of all that was said, 0 where no expression begins so."""
        if self._whole:
            return 0.0
        if operation:
            self._open.append(None)
            return self._chance() if len(self._open) <= self._size else 0.0
        size, chance = 0, 1.0
        while self._open:
            left = self._open.pop()
            if left is None:
                self._open.append((size, chance))
                return self._chance()
            size += 1 + left[0]
            chance *= left[1] / size
        self._whole = True
        return chance if size == self._size else 0.0

    def _chance(self) -> float:
        sizes = np.arange(self._size + 1)
        by_size = np.ones(self._size + 1)  # of the innermost side, of which nothing is said yet
        for left in reversed(self._open):
            inside = np.zeros(self._size + 1)
            if left is None:
                inside[1:] = np.cumsum(by_size)[:-1]
            else:
                inside[1 + left[0] :] = left[1] * by_size[: self._size - left[0]]
            by_size = inside / np.maximum(sizes, 1)
        return float(by_size[self._size])
