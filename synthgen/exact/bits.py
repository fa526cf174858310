"""Numbers of bits: exact, between two ends, estimated, or unknown; sums keep what is certain of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Status = Literal["exact", "bracket", "estimate", "unknown"]
Method = Literal["enumerated", "proved", "empirical-bernstein", "betting", "sandwich"]

METHODS: dict[str, str] = {
    "enumerated": "every case was gone through",
    "proved": "both ends are proved",
    "empirical-bernstein": "the mean of a sample, and how far it can be off (Maurer and Pontil 2009, theorem 4)",
    "betting": "the mean of a sample, and what bets against it would have won (Waudby-Smith and Ramdas 2024)",
    "sandwich": "two estimates, the one too low on average and the other too high",
}
"""How the ends of a bracket are known; of a sum, the weakest, which comes last."""

BOUNDS = {"upper": (0.0, None), "lower": (None, math.inf)}
"""Statuses of version 0.1.0 as the ends of a bracket; None is the number itself."""


@dataclass(frozen=True)
class Bits:
    """A number of bits with its status, and the reason why it is not exact.

    The truth is between `low` and `high` (both included) with probability `level`, which is below 1 only where the ends
    come from `n` sampled rows; `value` is the best figure, or an end. An exact number has both ends at its value, an
    estimate (with its standard error `se`) and an unknown number have none: 0 and infinity. Ends that are not given are
    so. `Bits(8.0, "upper", reason)` is short for a bracket from 0 to 8, `"lower"` for one without an upper end.
    """

    value: float
    status: Status = "exact"
    reason: str = ""
    se: float = 0.0
    low: float = math.nan
    high: float = math.nan
    level: float = 1.0
    method: Method | None = None
    n: int = 0

    def __post_init__(self) -> None:
        if self.status != "exact" and not self.reason:
            raise ValueError(f"a status {self.status!r} needs its reason")
        low, high = BOUNDS.get(self.status, (None, None) if self.status == "exact" else (0.0, math.inf))
        if self.status in BOUNDS:
            object.__setattr__(self, "status", "bracket")
        for name, end in (("low", low), ("high", high)):
            if math.isnan(getattr(self, name)):
                object.__setattr__(self, name, self.value if end is None else end)
        if self.status == "bracket" and self.method is None:
            object.__setattr__(self, "method", "proved")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} bits are not between {self.low} and {self.high}")

    def __add__(self, other: Bits) -> Bits:
        status = weakest(self.status, other.status)
        reasons = dict.fromkeys(r for reason in (self.reason, other.reason) if reason for r in reason.split("; "))
        ranks = [list(METHODS).index(bits.method) for bits in (self, other) if bits.method]
        return Bits(
            self.value + other.value,
            status,
            "; ".join(reasons),
            math.hypot(self.se, other.se),
            low=self.low + other.low if status in ("exact", "bracket") else math.nan,
            high=self.high + other.high if status in ("exact", "bracket") else math.nan,
            level=max(0.0, self.level + other.level - 1),
            method=list(METHODS)[max(ranks)] if ranks else None,  # type: ignore[arg-type]
            n=min((bits.n for bits in (self, other) if bits.n), default=0),
        )

    def times(self, factor: float) -> Bits:
        """Return this many bits `factor` (>= 0) times."""
        return Bits(
            self.value * factor,
            self.status,
            self.reason,
            self.se * factor,
            low=self.low * factor if self.status == "bracket" else math.nan,
            high=self.high * (factor or math.nan) if self.status == "bracket" else math.nan,
            level=self.level,
            method=self.method,
            n=self.n,
        )

    def __str__(self) -> str:
        return stated_bits(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the mapping of a book in JSON; an end that is infinite is null."""
        ends = {"low": self.low, "high": _finite(self.high), "level": self.level, "method": self.method}
        return {
            "bits": self.value,
            "status": self.status,
            **(ends if self.status == "bracket" else {}),
            **({"n": self.n} if self.n else {}),
            **({"se": self.se} if self.se else {}),
            **({"reason": self.reason} if self.reason else {}),
        }


def at_most(high: float, reason: str, low: float = 0.0, rests_on: Bits = Bits(0.0)) -> Bits:
    """Return a bracket whose best figure is its upper end; an exact number where the other end is the same.

    It is known as surely as the figure that its ends were worked out from: proved, where that is exact.
    """
    if low == high:
        return Bits(high)
    level, method = rests_on.level, rests_on.method or "proved"
    return Bits(high, "bracket", reason, low=low, high=high, level=level, method=method, n=rests_on.n)


def hiding(booked: Bits, reason: str, low: float = 0.0) -> Bits:
    """Return what is known of a text that hides some of what is booked: at most that, as surely as it is known."""
    if booked.status not in ("exact", "bracket"):
        return replace(booked, reason="; ".join(dict.fromkeys(r for r in (reason, booked.reason) if r)))
    return at_most(booked.high, reason, low, booked)


def weakest(a: Status, b: Status) -> Status:
    """Return the status of a sum."""
    if a == b or b == "exact":
        return a
    return b if a == "exact" else "unknown"


def total(parts: Iterable[Bits]) -> Bits:
    """Return the sum with the weakest status; the sum of nothing is exactly 0."""
    result = Bits(0.0)
    for part in parts:
        result = result + part
    return result


def ends_of(entry: Mapping[str, Any]) -> tuple[float, float]:
    """Return the two ends of an entry {bits, status, ...} of JSON, also of one by version 0.1.0."""
    if entry["status"] in BOUNDS or entry["status"] == "exact":
        low, high = BOUNDS.get(entry["status"], (None, None))
        return entry["bits"] if low is None else low, entry["bits"] if high is None else high
    high = entry.get("high")
    return entry.get("low", 0.0), math.inf if high is None else high


def stated_bits(entry: Mapping[str, Any]) -> str:
    """Return the bits of an entry {bits, status, ...} of JSON as people read them: with both ends, or the error."""
    status, (low, high) = entry["status"], ends_of(entry)
    if status in ("bracket", *BOUNDS):
        if math.isinf(high):
            return f">= {low:,.4f}"
        return f"{low:,.4f} to {high:,.4f}" if low else f"<= {high:,.4f}"
    if status == "unknown" and not entry["bits"]:
        return "unknown"
    sign = {"exact": "", "estimate": "~ "}.get(status, "? ")
    return f"{sign}{entry['bits']:,.4f}" + (f" ± {entry['se']:.2g}" if entry.get("se") else "")


def stated_status(entry: Mapping[str, Any]) -> str:
    """Return the status of an entry of JSON, how its ends are known, and its reason."""
    level, n = entry.get("level", 1.0), entry.get("n")
    how = [entry["method"]] if entry.get("method") not in (None, "proved") else []
    how += [f"{n:,} rows"] if n else []
    how += [f"but for a chance of {1 - level:.0e}".replace("e-0", "e-")] if level < 1 else []
    status = entry["status"] + (f" ({', '.join(how)})" if how else "")
    return status + (f": {entry['reason']}" if entry.get("reason") else "")


def _finite(end: float) -> float | None:
    return None if math.isinf(end) else end
