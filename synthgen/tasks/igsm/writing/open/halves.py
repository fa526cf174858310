"""Train and test halves of the templates: a keyed permutation of the ranks of every op, cut in one place.

The first `bins` of 23 parts of the permuted ranks are for training, the rest for testing: the cut of the papers' 23
bins (16 in the released code, 17 in the text of 2407.20311). A half is drawn from directly, a rank is placed in its
half by the inverse, and no template can be in both: the permutation is one to one. The same is done for every op by
itself, so both halves have the same law of op. An op with one template can't be cut and is whole in both; `unsplit`
names it.

A template here is ordered: one problem, solved in another order, is another template, and may be in the other half.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.bijection import permuted_wide, subkeys, unpermuted_wide
from synthgen.exact.draw import below_wide
from synthgen.exact.ledger import log2_big
from synthgen.exact.wide import add, load, to_int, to_words
from synthgen.tasks.igsm.writing.open.counts import Counts

BINS = 23
"""Bins of the papers' split (2407.20311, the template hash modulo 23)."""

Half = Literal["all", "train", "test"]


class Ranks(NamedTuple):
    """What kernels need to draw a rank, by op: row `op` of each array."""

    size: np.ndarray  # (op + 1, 4) uint64: numbers to draw from
    start: np.ndarray  # (op + 1, 4) uint64: what is added to them
    whole: np.ndarray  # (op + 1, 4) uint64: templates of the op
    units: np.ndarray  # (op + 1,) int64: log2 of size, in ledger units
    keys: np.ndarray  # (op + 1, 16) uint64: subkeys of the permutation
    permuted: np.ndarray  # (op + 1,) bool: whether there is a permutation


@register_jitable
def draw_rank(state, ranks, op):
    """Return a uniform rank of the half, a wide number; books log2 of how many there are."""
    number = below_wide(state, load(ranks.size, op), ranks.units[op])
    if not ranks.permuted[op]:
        return number
    return permuted_wide(ranks.keys[op], load(ranks.whole, op), add(number, load(ranks.start, op)))


class Halves:
    """The halves of the templates of `counts` under `key` (a stage of the world: all splits must share it).

    `bins` of 23 parts are for training, 1 <= bins <= 22.
    """

    def __init__(self, counts: Counts, key: np.ndarray, bins: int = 16) -> None:
        self.counts, self.bins = counts, bins
        self._key = key

    def train_size(self, op: int) -> int:
        """Return how many templates of `op` operations the training half has, where the op is split."""
        return self.counts.count(op) * self.bins // BINS

    def is_split(self, op: int) -> bool:
        """Return whether both halves of an op have a template; an op that has too few is whole in both."""
        return 0 < self.train_size(op) < self.counts.count(op)

    @property
    def unsplit(self) -> list[int]:
        """The ops that have templates, but too few to be split."""
        ops = range(1, self.counts.shape.op + 1)
        return [op for op in ops if self.counts.count(op) and not self.is_split(op)]

    def size(self, op: int, half: Half = "all") -> int:
        """Return how many templates of `op` operations a half has."""
        count, train = self.counts.count(op), self.train_size(op)
        if half == "all" or not self.is_split(op):
            return count
        return train if half == "train" else count - train

    def half_of(self, op: int, rank: int) -> Half:
        """Return the half that a template is in: "train" or "test", or "all" where the op is not split."""
        if not self.is_split(op):
            return "all"
        place = unpermuted_wide(subkeys(self._key, op), to_words(self.counts.count(op)), to_words(rank))
        return "train" if to_int(place) < self.train_size(op) else "test"

    def ranks(self, half: Half) -> Ranks:
        """Return the arrays from which kernels draw the ranks of a half."""
        ops = range(self.counts.shape.op + 1)
        counts = [self.counts.count(op) if op else 0 for op in ops]
        split = [half != "all" and op > 0 and self.is_split(op) for op in ops]
        sizes = [self.size(op, half) if op else 0 for op in ops]
        starts = [self.train_size(op) if split[op] and half == "test" else 0 for op in ops]
        return Ranks(
            np.array([to_words(size) for size in sizes], np.uint64),
            np.array([to_words(start) for start in starts], np.uint64),
            np.array([to_words(count) for count in counts], np.uint64),
            np.array([log2_big(size) if size else 0 for size in sizes], np.int64),
            np.array([subkeys(self._key, op) for op in ops], np.uint64),
            np.array(split),
        )
