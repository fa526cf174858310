"""Entropy: bits by book, each with a status that says what kind of number it is.

*Row* books stand in every row's `bits`; *world* books (names, attributes, tables) are booked once for the world and
never summed over rows. A status is `exact`, an `upper` or `lower` bound with its reason, an `estimate` with a standard
error, or `unknown`. Sums keep the weakest: exact + upper = upper, upper + lower = unknown. A bound is never printed as
exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["exact", "upper", "lower", "estimate", "unknown"]
Scope = Literal["row", "world"]

SIGNS: dict[Status, str] = {"exact": "=", "upper": "<=", "lower": ">=", "estimate": "~", "unknown": "?"}
"""How a status is written before its number."""


@dataclass(frozen=True)
class Bits:
    """A number of bits with its status; `reason` says why it is not exact, `se` is an estimate's standard error."""

    value: float
    status: Status = "exact"
    reason: str = ""
    se: float = 0.0

    def __post_init__(self) -> None:
        if self.status != "exact" and not self.reason:
            raise ValueError(f"a status {self.status!r} needs its reason")

    def __add__(self, other: Bits) -> Bits:
        status = weakest(self.status, other.status)
        reasons = dict.fromkeys(r for reason in (self.reason, other.reason) if reason for r in reason.split("; "))
        return Bits(self.value + other.value, status, "; ".join(reasons), math.hypot(self.se, other.se))

    def times(self, factor: float) -> Bits:
        """Return this many bits `factor` (>= 0) times."""
        return Bits(self.value * factor, self.status, self.reason, self.se * factor)

    def __str__(self) -> str:
        se = f" ± {self.se:.2g}" if self.se else ""
        return f"{'' if self.status == 'exact' else SIGNS[self.status] + ' '}{self.value:,.4f}{se}"


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


@dataclass(frozen=True)
class Book:
    """The bits of one named book: a row's, on average over the split, or the whole world's."""

    bits: Bits
    scope: Scope = "row"


@dataclass(frozen=True)
class Entropy:
    """What is known of a split before any row is made.

    `books` maps a name to its `Book`; `facts` holds what else is known of the whole: numbers, or digit strings where a
    count is too long for a float. `hidden` says why a row does not show all of its choices, where that is so: its bits
    are then an upper bound on those of the text, though every book may be exact. `unbooked` are the bits a row of which
    entity comes next, which no book has; `world_list` are the world's bits where its entities are told apart by number.
    """

    books: Mapping[str, Book]
    facts: Mapping[str, Any] = field(default_factory=dict)
    hidden: str = ""
    unbooked: float = 0.0
    world_list: float | None = None
    spec: str = ""
    split: str = ""

    @property
    def row(self) -> Bits:
        """Bits a row: the sum of the row books."""
        booked = total(book.bits for book in self.books.values() if book.scope == "row")
        return booked + Bits(0.0, "upper", self.hidden) if self.hidden else booked

    @property
    def world(self) -> Bits:
        """Bits of the world, booked once: the sum of the world books."""
        return total(book.bits for book in self.books.values() if book.scope == "world")

    @property
    def world_in_order(self) -> float:
        """Bits of the world, where the order of its entities is told apart: they are numbered in the rows."""
        return self.world.value if self.world_list is None else self.world_list

    @property
    def floor(self) -> float:
        """Bits a row that a perfect model pays, who knows the world: the row books, and who comes next."""
        return self.bits + self.unbooked

    @property
    def bits(self) -> float:
        """Bits a row."""
        return self.row.value

    @property
    def status(self) -> Status:
        """The status of `bits`."""
        return self.row.status

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen entropy --json` prints."""
        row = self.row
        return {
            "spec": self.spec,
            "split": self.split,
            "bits": row.value,
            "status": row.status,
            "reason": row.reason,
            **({"se": row.se} if row.se else {}),
            "books": {name: _book_json(book) for name, book in self.books.items()},
            "facts": dict(self.facts),
        }


def _book_json(book: Book) -> dict[str, Any]:
    bits = book.bits
    extra = ({"se": bits.se} if bits.se else {}) | ({"reason": bits.reason} if bits.reason else {})
    return {"bits": bits.value, "status": bits.status, "scope": book.scope, **extra}


# ---------------------------------------------------------------------------------------------------------------------
# Formulas. All in bits.


def log2_factorial(n: int) -> float:
    """Return log2 n!; relative error some 1e-15."""
    return math.lgamma(n + 1) / math.log(2)


def log2_falling(n: int, k: int) -> float:
    """Return log2 of n (n-1) ... (n-k+1), the number of ordered draws of k without replacement."""
    if k < 100_000:
        return math.fsum(math.log2(n - i) for i in range(k))
    return (math.lgamma(n + 1) - math.lgamma(n - k + 1)) / math.log(2)


def log2_binomial(n: int, k: int) -> float:
    """Return log2 C(n, k), the bits of a k-subset."""
    return log2_falling(n, k) - log2_factorial(k)


def entropy_of(weights: Iterable[float]) -> float:
    """Return the Shannon entropy of the law proportional to `weights`."""
    weights = [w for w in weights if w > 0]
    whole = math.fsum(weights)
    return math.fsum(-w / whole * math.log2(w / whole) for w in weights)


def log2_sum(exponents: Iterable[float]) -> float:
    """Return log2 of the sum of 2^x, where the powers themselves may be too small for a float."""
    exponents = list(exponents)
    largest = max(exponents)
    return float(largest + math.log2(math.fsum(2.0 ** (x - largest) for x in exponents)))


def disagreement(
    books: Mapping[str, Book], sums: Mapping[str, float], squares: Mapping[str, float], rows: int
) -> list[str]:
    """Compare the ledger of `rows` rows (sums and sums of squares of bits, by row book) with the formulas.

    Returns one sentence for every row book whose mean lies more than 5 standard errors (and 1e-6 bits) away, or beyond
    its bound; an empty list is agreement. Books of unknown status can't disagree.
    """
    faults = []
    for name, book in books.items():
        if book.scope != "row" or rows == 0:
            continue
        mean = sums[name] / rows
        variance = max(0.0, squares[name] / rows - mean * mean)
        margin = 5 * math.hypot(math.sqrt(variance / rows), book.bits.se) + 1e-6 * max(1.0, abs(mean))
        off = mean - book.bits.value
        wrong = {"upper": off > margin, "lower": off < -margin, "unknown": False}.get(
            book.bits.status, abs(off) > margin
        )
        if wrong:
            faults.append(
                f"book {name!r}: mean of {rows:,} rows {mean:.6f} bits, formula {book.bits} (margin {margin:.6f})"
            )
    return faults
