"""Strata: accuracy by what a question was about, with confidence intervals.

A verdict's `parts` are its queries, each with `correct` and what it may be sorted by: `difficulty`, and the task's own
(`hops` of Depo; `listed` and `depth` of Brevo).

    strata(verdicts, by="hops")["8"]          # Stratum(of=1000, right=97, ...): accuracy 0.097 in [0.08, 0.117]
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from synthgen.task.verdict import Verdict

Z = 1.959963984540054
"""The 97.5 % point of the normal law: intervals hold 95 %."""


@dataclass(frozen=True)
class Stratum:
    """How many of a stratum's queries were answered right."""

    of: int
    right: int

    @property
    def accuracy(self) -> float:
        """The share answered right."""
        return self.right / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        p, n = self.accuracy, self.of
        middle, half = p + Z * Z / (2 * n), Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        scale = 1 + Z * Z / n
        return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def strata(verdicts: Iterable[Verdict], by: str = "difficulty") -> dict[str, Stratum]:
    """Return accuracy by the value of the field `by` of every query, in rising order, and of `all` together.

    A verdict without parts is a completion that could not be read: it counts as one wrong query, of `unread`.
    """
    counts: dict[str, list[int]] = {}
    numbers: dict[str, float] = {}
    for verdict in verdicts:
        parts = verdict.parts or ({by: "unread", "correct": verdict.correct},)
        for part in parts:
            value = part.get(by, "unknown")
            numbers[str(value)] = value if isinstance(value, int | float) else math.inf
            for key in (str(value), "all"):
                own = counts.setdefault(key, [0, 0])
                own[0] += 1
                own[1] += bool(part["correct"])
    ordered = sorted(counts, key=lambda key: (key == "all", numbers.get(key, math.inf), key))
    return {key: Stratum(*counts[key]) for key in ordered}
