"""A race: contenders take turns, and what is quoted is the median ratio to the first of them.

The machine under a benchmark is shared and noisy, so a rate alone says little; how far its turns lie apart is told too.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

ROUNDS = 5


@dataclass(frozen=True)
class Rate:
    """What one contender reached in its turns.

    `per_second` of `unit` in the median turn, `least` and `greatest` in the slowest and the fastest, and the median
    `ratio` to the baseline (1.0 for itself).
    """

    name: str
    per_second: float
    unit: str
    ratio: float
    least: float
    greatest: float

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen bench --json` prints."""
        return asdict(self)


def race(contenders: Mapping[str, Callable[[], int]], unit: str, rounds: int = ROUNDS) -> list[Rate]:
    """Let contenders take turns; each call returns how many units it made. The first one is the baseline."""
    for contender in contenders.values():
        contender()  # compile and warm up
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            start = time.perf_counter()
            units = contender()
            speeds[name].append(units / (time.perf_counter() - start))
    baseline = next(iter(speeds.values()))
    return [rate_of(name, speed, unit, baseline) for name, speed in speeds.items()]


def rate_of(name: str, speeds: Sequence[float], unit: str, baseline: Sequence[float]) -> Rate:
    """Sum up units a second, a figure a turn, beside those of the baseline in the same turns."""
    ratio = statistics.median(a / b for a, b in zip(speeds, baseline, strict=True))
    return Rate(name, statistics.median(speeds), unit, ratio, min(speeds), max(speeds))
