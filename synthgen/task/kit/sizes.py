"""Laws of a problem's size: how many nodes a cycle or a graph has.

`root` is the published law of Part 4.1, p(n) proportional to 1 / (n + sqrt N) for n from the smallest to N: many
small problems and a few of the size that is tested. `uniform` takes all sizes alike; `maximum` is N itself, for tests.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import weighted
from synthgen.exact.entropy import entropy_of
from synthgen.exact.ledger import log2_units

SizeLawName = Literal["root", "uniform", "maximum"]

SCALE = 1 << 28
"""Weights are whole numbers, rounded down from SCALE / (n + sqrt N): right to 1e-6, with sums below 2^31."""


@dataclass(frozen=True)
class SizeLaw:
    """A law over the sizes low .. high, by integer weights."""

    low: int
    high: int
    weights: tuple[int, ...]  # of low, low + 1, ..., high

    @classmethod
    def of(cls, name: SizeLawName, low: int, high: int) -> SizeLaw:
        """Return a law by name, for 1 <= low <= high <= 1,000,000."""
        if name == "maximum":
            return cls(high, high, (1,))
        if name == "uniform":
            return cls(low, high, (1,) * (high - low + 1))
        # A square root and a quotient are correctly rounded everywhere, so all machines have the same weights.
        weights = [int(SCALE / (n + math.sqrt(high))) for n in range(low, high + 1)]
        return cls(low, high, tuple(weight // math.gcd(*weights) for weight in weights))

    @functools.cached_property
    def cumulative(self) -> np.ndarray:
        """Running sums of the weights, for `draw_size`, (sizes,) int64."""
        return np.cumsum(self.weights, dtype=np.int64)

    @functools.cached_property
    def law(self) -> dict[int, float]:
        """The probability of every size."""
        total = sum(self.weights)
        return {self.low + k: weight / total for k, weight in enumerate(self.weights)}

    @property
    def entropy(self) -> float:
        """Bits of a size."""
        return entropy_of(self.weights)

    def mean(self, value: Callable[[int], float]) -> float:
        """Return the mean of `value(n)`."""
        return math.fsum(p * value(n) for n, p in self.law.items())

    def units(self, n: int) -> int:
        """Return the self-information of size n in ledger units. Raises ValueError if n is no size of the law."""
        if not self.low <= n <= self.high:
            raise ValueError(f"{n} nodes, but the law has {self.low} to {self.high}")
        return int(log2_units(sum(self.weights)) - log2_units(self.weights[n - self.low]))


@register_jitable
def draw_size(state, low, cumulative):
    """Draw a size, booking its bits; `cumulative` as in `SizeLaw`."""
    return low + weighted(state, cumulative)
