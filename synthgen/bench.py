"""Benchmarks: rates on one core, always as a ratio to something familiar measured in the same run.

The machine under a benchmark is shared and noisy, so a rate alone says little: contenders take turns for a few rounds
and the median ratio is what to quote.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthgen.bijection import permuted
from synthgen.draw import Keys, begin, below, new_state
from synthgen.jit import kernel


@dataclass(frozen=True)
class Rate:
    """What one contender reached: `per_second` of `unit`, and the median `ratio` to the baseline (1.0 for itself)."""

    name: str
    per_second: float
    unit: str
    ratio: float


def race(contenders: dict[str, Callable[[], int]], unit: str, rounds: int = 3) -> list[Rate]:
    """Let contenders take turns; each call returns how many units it made. The first one is the baseline."""
    for contender in contenders.values():
        contender()  # compile and warm up
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            start = time.perf_counter()
            made = contender()
            rates[name].append(made / (time.perf_counter() - start))
    baseline = next(iter(rates.values()))
    return [
        Rate(name, statistics.median(own), unit, statistics.median(a / b for a, b in zip(own, baseline, strict=True)))
        for name, own in rates.items()
    ]


@kernel
def _draws(state, key, n):
    begin(state, key, 0, 0)
    total = 0
    for _ in range(n):
        total += below(state, 6)
    return total


@kernel
def _names(state, key, n):
    total = 0
    for i in range(n):
        total += permuted(state, key, 0, 160_000_000, i)
    return total


def bench_draw() -> list[Rate]:
    """`below(6)` with its ledger, and a permutation of 160 million names, against `random` and numpy."""
    key, generator, plain = Keys(0).split("bench"), np.random.Generator(np.random.Philox(0)), random.Random(0)

    def ours() -> int:
        _draws(new_state(), key, 20_000_000)
        return 20_000_000

    def bijection() -> int:
        _names(new_state(), key, 1_000_000)
        return 1_000_000

    def randrange() -> int:
        for _ in range(300_000):
            plain.randrange(6)
        return 300_000

    def integers() -> int:
        return int(generator.integers(6, size=20_000_000).size)

    return race(
        {
            "random.randrange(6)": randrange,
            "numpy Generator.integers(6), in bulk": integers,
            "below(6), addressed and booked": ours,
            "permuted(160,000,000)": bijection,
        },
        unit="draws",
    )
