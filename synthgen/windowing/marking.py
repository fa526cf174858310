"""Marking: the tokens that stand around a row (begin, end, its domain), and which of its tokens are trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from synthgen.exact.jit import kernel
from synthgen.windowing.token_rows import TokenRows

NO_MARKER = -1
"""In the place of a marker's id where there is none."""


class Markers(NamedTuple):
    """What stands before and behind every row, and whether it is trained on."""

    before: int
    before_trained: bool
    behind: int = NO_MARKER
    behind_trained: bool = False


@dataclass(frozen=True)
class MarkedRows:
    """Rows with their markers, one after the other."""

    tokens: np.ndarray  # (total,) unsigned integers
    trained: np.ndarray  # (total,) bool: whether there is a loss where this token is the target
    starts: np.ndarray  # (rows + 1,) int64: where rows start; the first may lie before 0, and the last is the end
    numbers: np.ndarray  # (rows,) int64: their indices in the split
    subjects: np.ndarray  # (rows,) int64: whom they are about, or -1
    components: np.ndarray  # (rows,) int16: which component of a mixture they are of

    def behind(self, token: int) -> MarkedRows:
        """Return what is left from `token` on."""
        row = int(np.searchsorted(self.starts[:-1], token, side="right")) - 1 if token < self.tokens.size else -1
        row = self.numbers.size if row < 0 else row
        return MarkedRows(
            self.tokens[token:],
            self.trained[token:],
            self.starts[row:] - token,
            self.numbers[row:],
            self.subjects[row:],
            self.components[row:],
        )

    def followed_by(self, other: MarkedRows) -> MarkedRows:
        """Return these rows and then the other ones."""
        return MarkedRows(
            np.concatenate([self.tokens, other.tokens]),
            np.concatenate([self.trained, other.trained]),
            np.concatenate([self.starts[:-1], other.starts + self.tokens.size]),
            np.concatenate([self.numbers, other.numbers]),
            np.concatenate([self.subjects, other.subjects]),
            np.concatenate([self.components, other.components]),
        )


@kernel
def _mark(ids, edges, trained, order, markers, tokens, targets, starts):
    """Write rows with their markers in the given order."""
    at = 0
    for i in range(order.size):
        row = order[i]
        starts[i] = at
        tokens[at] = markers.before
        targets[at] = markers.before_trained
        at += 1
        behind = at + edges[row + 1] - edges[row]
        tokens[at:behind] = ids[edges[row] : edges[row + 1]]
        targets[at:behind] = trained[edges[row] : edges[row + 1]]
        at = behind
        if markers.behind != NO_MARKER:
            tokens[at] = markers.behind
            targets[at] = markers.behind_trained
            at += 1
    starts[order.size] = at


def mark(rows: TokenRows, order: np.ndarray, trained: np.ndarray, markers: Markers) -> MarkedRows:
    """Return rows with their markers, in the given order; trained: (total,) bool, whether each token has a loss."""
    total = rows.ids.size + (1 if markers.behind == NO_MARKER else 2) * order.size
    dtype = np.result_type(rows.ids.dtype, np.min_scalar_type(max(markers.before, markers.behind)))
    tokens, targets = np.empty(total, dtype), np.empty(total, np.bool_)
    starts = np.empty(order.size + 1, np.int64)
    edges = np.concatenate([np.zeros(1, np.int64), rows.ends])
    _mark(rows.ids, edges, trained, order, markers, tokens, targets, starts)
    return MarkedRows(tokens, targets, starts, rows.numbers[order], rows.subjects[order], rows.components[order])
