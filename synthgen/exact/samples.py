"""Means of samples between two ends, which hold the true mean but for a stated probability."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from synthgen.exact.bits import Bits, Method

LEVEL = 1 - 1e-6
"""The probability with which a sampled bracket holds the truth."""

THETAS = np.geomspace(1e-4, 2.0, 64).tolist()
"""Where `beyond` looks for the least of what are all bounds, in nats a bit."""

Cumulant = Callable[[float], float]
"""ln E[exp(theta A)] of a figure A, by theta > 0."""


def users_file() -> Path:
    """Return the file with the long runs that `synthgen certify` made here, for this user."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111  Path's needs a home
    return Path(home) / "synthgen" / "certificates.json"


class Sums(NamedTuple):
    """What is kept of independent values of one law: how many, their sum and that of their squares.

    Values outside of two cuts enter the sums as the cut, and are counted: `under` the lower and `over` the upper one.
    A sample may thus have a few values that are far from all others, though they could be farther. `rising` and
    `falling` are what two bets have won, in nats: see `betted`. Without bets they are 0.
    """

    n: int
    total: float
    squares: float
    under: int
    over: int
    rising: float = 0.0
    falling: float = 0.0

    @classmethod
    def of(cls, values: np.ndarray, cuts: tuple[float, float], bets: tuple[float, float] = (0.0, 0.0)) -> Sums:
        """Sum up values (n,)."""
        kept = np.clip(values, *cuts).tolist()
        under, over = int((values < cuts[0]).sum()), int((values > cuts[1]).sum())
        rising = math.fsum(math.log1p(bets[0] * (value - cuts[0])) for value in kept) if bets[0] else 0.0
        falling = math.fsum(math.log1p(bets[1] * (cuts[1] - value)) for value in kept) if bets[1] else 0.0
        squares = math.fsum(value * value for value in kept)
        return cls(len(kept), math.fsum(kept), squares, under, over, rising, falling)

    @classmethod
    def together(cls, parts: Iterable[Sums]) -> Sums:
        """Return the sums of all parts."""
        columns = list(zip(*parts, strict=True))
        n, under, over = (sum(columns[k]) for k in (0, 3, 4))
        total, squares, rising, falling = (math.fsum(columns[k]) for k in (1, 2, 5, 6))
        return cls(int(n), total, squares, int(under), int(over), rising, falling)

    @property
    def mean(self) -> float:
        """The mean of the values, cut."""
        return self.total / self.n

    @property
    def variance(self) -> float:
        """The variance of the values, cut, unbiased."""
        return max(0.0, (self.squares - self.total * self.mean) / (self.n - 1))

    def bracket(
        self,
        cuts: tuple[float, float],
        ends: tuple[float, float],
        reason: str,
        level: float = LEVEL,
        bets: tuple[float, float] = (0.0, 0.0),
        tails: tuple[Cumulant, Cumulant] | None = None,
    ) -> Bits:
        """Return the true mean between two ends, given the cuts and the least and the greatest possible value.

        The mean of what is cut is within the empirical Bernstein bound, or where `bets` were laid between what these
        leave possible; what is beyond a cut adds its probability, at most, times the way to the last possible value, or
        what `tails` leave it: of figures that are never less than minus the value, and than the value. Each of the
        four statements fails with a quarter of 1 - level.
        """
        failure = (1 - level) / 4
        if all(bets):
            low = cuts[0] + betted(self.rising, self.n, bets[0], failure)
            high = cuts[1] - betted(self.falling, self.n, bets[1], failure)
        else:
            margin = bernstein(self.n, self.variance, cuts[1] - cuts[0], failure)
            low, high = self.mean - margin, self.mean + margin
        if ends[0] < cuts[0]:
            chance = most_likely(self.under, self.n, failure)
            low -= min(chance * (cuts[0] - ends[0]), beyond(tails[0], -cuts[0], chance) if tails else math.inf)
        if ends[1] > cuts[1]:
            chance = most_likely(self.over, self.n, failure)
            high += min(chance * (ends[1] - cuts[1]), beyond(tails[1], cuts[1], chance) if tails else math.inf)
        low, high = max(ends[0], low), min(ends[1], high)
        value = min(max(self.mean, low), high)
        se = math.sqrt(self.variance / self.n)
        return Bits(value, "bracket", reason, se, low, high, level, _method(bets), self.n)


def _method(bets: tuple[float, float]) -> Method:
    return "betting" if all(bets) else "empirical-bernstein"


def betted(won: float, n: int, bet: float, failure: float) -> float:
    """Return how far above 0 the mean of n values >= 0 is at least, but for a probability of `failure`.

    `won` is the sum of ln(1 + bet * value). The product of these n factors has the mean (1 + bet * mean)^n, which it
    exceeds by the factor 1 / failure with a probability of `failure` at most (Markov). It is the capital of whoever
    bets on values above a mean, with a bet that is fixed before any of them is seen: Waudby-Smith and Ramdas 2024
    (arXiv 2010.09686), section 4, whose bets may change. Values need no end above.
    """
    return math.expm1((won + math.log(failure)) / n) / bet


def bet_for(distance: float, spread: float, n: int, failure: float) -> float:
    """Return the bet that serves n values >= 0 best whose mean is near `distance` and whose deviation near `spread`.

    1 + bet * value is (1 + bet * mean) (1 + b (value - mean)) where bet = b / (1 - b * mean); of a small b,
    sqrt(2 ln(1 / failure) / n) / spread is best (Markov's rest and half of the variance's). At most half of what is
    there at stake, so that no value takes all.
    """
    b = math.sqrt(2 * math.log(1 / failure) / n) / max(spread, 1e-9)
    if distance <= 0:  # all that was seen is at the cut
        return b
    b = min(b, 0.5 / distance)
    return b / (1 - b * distance)


def beyond(cumulant: Cumulant, cut: float, chance: float) -> float:
    """Return the most that a figure A adds to a mean by what it is over `cut`, in an event of at most this `chance`.

    With Z = max(A - cut, 0) and an event of probability q, exp(theta E[Z | event]) <= E[exp(theta Z)] / q (Jensen), so
    E[Z; event] <= q (ln E[exp(theta Z)] + ln(1 / q)) / theta, for every theta; it grows with q up to 1 / e. And
    E[exp(theta Z)] <= 1 + E[exp(theta (A - cut))]. Infinite for a greater chance.
    """
    if chance > 1 / math.e:
        return math.inf
    logs = (float(np.logaddexp(0.0, cumulant(theta) - theta * cut)) / theta for theta in THETAS)
    return chance * min(log - math.log(chance) / theta for log, theta in zip(logs, THETAS, strict=True))


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
