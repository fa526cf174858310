"""Means of samples between two ends, which hold the true mean but for a stated probability."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from synthgen.exact.bits import Bits

LEVEL = 1 - 1e-6
"""The probability with which a sampled bracket holds the truth."""


class Sums(NamedTuple):
    """What is kept of independent values of one law: how many, their sum and that of their squares.

    Values outside of two cuts enter the sums as the cut, and are counted: `under` the lower and `over` the upper one.
    A sample may thus have a few values that are far from all others, though they could be farther.
    """

    n: int
    total: float
    squares: float
    under: int
    over: int

    @classmethod
    def of(cls, values: np.ndarray, cuts: tuple[float, float]) -> Sums:
        """Sum up values (n,)."""
        kept = np.clip(values, *cuts).tolist()
        under, over = int((values < cuts[0]).sum()), int((values > cuts[1]).sum())
        return cls(len(kept), math.fsum(kept), math.fsum(value * value for value in kept), under, over)

    @classmethod
    def together(cls, parts: Iterable[Sums]) -> Sums:
        """Return the sums of all parts."""
        columns = list(zip(*parts, strict=True))
        n, under, over = (sum(columns[k]) for k in (0, 3, 4))
        return cls(int(n), math.fsum(columns[1]), math.fsum(columns[2]), int(under), int(over))

    @property
    def mean(self) -> float:
        """The mean of the values, cut."""
        return self.total / self.n

    @property
    def variance(self) -> float:
        """The variance of the values, cut, unbiased."""
        return max(0.0, (self.squares - self.total * self.mean) / (self.n - 1))

    def bracket(self, cuts: tuple[float, float], ends: tuple[float, float], reason: str, level: float = LEVEL) -> Bits:
        """Return the true mean between two ends, given the cuts and the least and the greatest possible value.

        The mean of what is cut is within the empirical Bernstein bound; what is beyond a cut adds its probability, at
        most, times the way to the last possible value. Each of the four statements fails with a quarter of 1 - level.
        """
        failure = (1 - level) / 4
        margin = bernstein(self.n, self.variance, cuts[1] - cuts[0], failure)
        below = above = 0.0
        if ends[0] < cuts[0]:
            below = most_likely(self.under, self.n, failure) * (cuts[0] - ends[0])
        if ends[1] > cuts[1]:
            above = most_likely(self.over, self.n, failure) * (ends[1] - cuts[1])
        low, high = max(ends[0], self.mean - margin - below), min(ends[1], self.mean + margin + above)
        value = min(max(self.mean, low), high)
        se = math.sqrt(self.variance / self.n)
        return Bits(value, "bracket", reason, se, low, high, level, "empirical-bernstein", self.n)


def bernstein(n: int, variance: float, span: float, failure: float) -> float:
    """Return how far above a sample's mean the true one lies at most, but for a probability of `failure`.

    Of n values in an interval of length `span`, with this (unbiased) variance in the sample. Below it, by symmetry, as
    far. Maurer and Pontil 2009 (arXiv 0907.3740), theorem 4.
    """
    x = math.log(2 / failure)
    return math.sqrt(2 * variance * x / n) + 7 * span * x / (3 * (n - 1))


def most_likely(hits: int, n: int, failure: float) -> float:
    """Return the greatest chance of a hit that `hits` of `n` leave possible, but for a probability of `failure`.

    Chernoff's bound: n KL(hits / n, p) = ln(1 / failure).
    """
    seen, goal = hits / n, math.log(1 / failure) / n

    def divergence(p: float) -> float:
        left = seen * math.log(seen / p) if seen else 0.0
        return left + ((1 - seen) * math.log((1 - seen) / (1 - p)) if seen < 1 else 0.0)

    low, high = seen, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if middle >= 1 or divergence(middle) > goal:
            high = middle
        else:
            low = middle
    return high
