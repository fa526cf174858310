"""Accuracy: how many answers are right, with Wilson's interval; in all, and by what a question was about.

A verdict's `parts` are its queries, each with `correct` and what it may be sorted by: `difficulty`, and the task's own
(`hops` of Depo; `listed` and `depth` of Brevo).

    by(verdicts, "hops")["8"]          # Accuracy(right=97, of=1000): 0.097 in [0.080, 0.117]
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from synthgen.task.verdict import Verdict

Z = 1.959963984540054
"""The 97.5 % point of the normal law: intervals hold 95 %."""


def wilson(right: float, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share, `right` of `of` (Wilson 1927); all of [0, 1] if there are none.

    >>> tuple(round(x, 3) for x in wilson(9, 10))
    (0.596, 0.982)
    """
    if of == 0:
        return 0.0, 1.0
    p, z2 = right / of, Z * Z
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = Z * math.sqrt(p * (1 - p) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    low = 0.0 if right == 0 else max(0.0, middle - half)  # the ends are exact, whatever is rounded
    return low, 1.0 if right == of else min(1.0, middle + half)


@dataclass
class Accuracy:
    """How many are right, of how many; an answer may be right in part."""

    right: float = 0.0
    of: int = 0

    def add(self, right: float) -> None:
        """Count one more."""
        self.right += right
        self.of += 1

    @property
    def share(self) -> float:
        """The share that is right; 0 of none."""
        return self.right / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return wilson(self.right, self.of)

    def to_json(self) -> dict[str, Any]:
        """Return the share, its interval and the count."""
        low, high = self.interval
        return {"accuracy": self.share, "low": low, "high": high, "n": self.of}


def by(verdicts: Iterable[Verdict], field: str = "difficulty") -> dict[str, Accuracy]:
    """Return accuracy by the value of a field of every query, in rising order, and of `all` together.

    A verdict without parts is a completion that could not be read: it counts as one wrong query, of `unread`.
    """
    table: dict[str, Accuracy] = {}
    numbers: dict[str, float] = {}
    for verdict in verdicts:
        for part in verdict.parts or ({field: "unread", "correct": verdict.correct},):
            value = part.get(field, "unknown")
            numbers[str(value)] = value if isinstance(value, int | float) else math.inf
            for key in (str(value), "all"):
                table.setdefault(key, Accuracy()).add(float(part["correct"]))
    return {key: table[key] for key in sorted(table, key=lambda k: (k == "all", numbers.get(k, math.inf), k))}
