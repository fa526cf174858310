"""Entropy: bits by book, and what a row shows of them.

*Row* books stand in every row's `bits`; *world* books (names, attributes, tables) are booked once for the world and
never summed over rows. Two figures speak of a row: what is *booked*, the sum of its row books, and its *text*, the
entropy of what a reader sees, which is less where different choices make the same text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from synthgen.exact.bits import Bits, Status, hiding, total
from synthgen.exact.notebook import html_table
from synthgen.exact.samples import LEVEL, bernstein

Scope = Literal["row", "world"]


@dataclass(frozen=True)
class Draws:
    """Which draws of the world a book counts: two books may count the same ones, or some from one urn.

    `name` is equal for the same draws, `entities` says of which entities (None: they are the world's own, like a
    ranking). `urn` is how many values there are where no two entities have the same; 0 where they are independent.
    """

    name: str
    entities: range | None
    urn: int = 0

    def overlaps(self, other: Draws) -> bool:
        """Return whether both count draws of one entity."""
        if self.name != other.name:
            return False
        a, b = self.entities, other.entities
        return a is None or b is None or (a.start < b.stop and b.start < a.stop)


@dataclass(frozen=True)
class Book:
    """The bits of one named book: a row's, on average over the split, or the whole world's with what it counts."""

    bits: Bits
    scope: Scope = "row"
    draws: Draws | None = None


class Floor(NamedTuple):
    """What a perfect model that knows the world still pays, on average, in bits.

    For the text of a `row` when it is known which entity comes next, for a `document` where it is not, and for each
    predicted `token` of a document, the row's end being one; None where rows are text, or of unknown length. All are
    None where nobody knows the bits of the text.
    """

    row: Bits | None
    document: Bits | None
    token: Bits | None

    def to_json(self) -> dict[str, Any]:
        """Return the mapping of JSON, an entry {bits, status, ...} each."""
        return {name: bits.to_json() if bits else None for name, bits in self._asdict().items()}


@dataclass(frozen=True, repr=False)
class Entropy:
    """What is known of a split before any row is made.

    `books` maps a name to its `Book`; `facts` holds what else is known of the whole: numbers, or digit strings where a
    count is too long for a float. `hidden` says why a row does not show all of its choices, where that is so; then
    `shown` is the entropy of its text, where more is known of it than that it is at most what is booked. `unbooked`
    are the bits a row of which entity comes next, which no book has; `world_list` are the world's bits where its
    entities are told apart by number. `tokens` is how many tokens of a row are predicted on average, its end with them,
    where rows are tokens and that is known exactly.
    """

    books: Mapping[str, Book]
    facts: Mapping[str, Any] = field(default_factory=dict)
    hidden: str = ""
    unbooked: float = 0.0
    world_list: float | None = None
    spec: str = ""
    split: str = ""
    shown: Bits | None = None
    tokens: float | None = None

    @property
    def booked(self) -> Bits:
        """Bits that a row's ledger holds on average: the sum of the row books."""
        return total(book.bits for book in self.books.values() if book.scope == "row")

    @property
    def text(self) -> Bits:
        """Bits of what a row shows, on average: its text or tokens."""
        if self.shown is not None:
            return self.shown
        return hiding(self.booked, self.hidden) if self.hidden else self.booked

    @property
    def world(self) -> Bits:
        """Bits of the world, booked once: the sum of the world books."""
        return total(book.bits for book in self.books.values() if book.scope == "world")

    @property
    def world_in_order(self) -> float:
        """Bits of the world, where the order of its entities is told apart: they are numbered in the rows."""
        return self.world.value if self.world_list is None else self.world_list

    @property
    def floor(self) -> Floor:
        """What a perfect model that knows the world still pays for a row, a document and a predicted token."""
        if self.text.status == "unknown":
            return Floor(None, None, None)
        document = self.text + Bits(self.unbooked)
        return Floor(self.text, document, document.times(1 / self.tokens) if self.tokens else None)

    @property
    def bits(self) -> float:
        """Bits a row that are booked."""
        return self.booked.value

    @property
    def status(self) -> Status:
        """The status of `text`: `bits` is all of it where that is exact, and its upper end elsewhere."""
        return self.text.status

    def __repr__(self) -> str:
        books = ", ".join(f"{name} {book.bits}" for name, book in self.books.items() if book.scope == "row")
        of = f" {self.spec}/{self.split}" if self.spec else ""
        return f"<Entropy{of}: {self.text} bits of a row's text; booked {self.booked}: {books}>"

    def _repr_html_(self) -> str:
        rows = [(name, book.scope, str(book.bits), book.bits.status) for name, book in self.books.items()]
        rows += [("booked", "row", str(self.booked), self.booked.status), ("text", "row", str(self.text), self.status)]
        note = self.text.reason or self.hidden
        return html_table(f"{self.spec}/{self.split}", ("book", "of", "bits", "status"), rows, note)

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen entropy --json` prints."""
        text = self.text
        return {
            "spec": self.spec,
            "split": self.split,
            "bits": self.bits,
            "status": text.status,
            "reason": text.reason,
            **({"se": self.booked.se} if self.booked.se else {}),
            "text": {"low": text.low, "value": text.value, "high": None if math.isinf(text.high) else text.high}
            | {"level": text.level, "method": text.method, "n": text.n},
            "floor": self.floor.to_json(),
            "books": {name: book.bits.to_json() | {"scope": book.scope} for name, book in self.books.items()},
            "facts": dict(self.facts),
        }


def text_entry(entropy: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an entropy in JSON says of the text, as an entry {bits, status, ...} for `stated_bits`.

    Version 0.1.0 wrote but one figure, what is booked, with the status that it has as one of the text.
    """
    if "text" not in entropy:
        return entropy
    text = dict(entropy["text"])
    return {"bits": text.pop("value"), "status": entropy["status"], "reason": entropy.get("reason", ""), **text}


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
    books: Mapping[str, Book],
    sums: Mapping[str, float],
    squares: Mapping[str, float],
    rows: int,
    greatest: float = 0.0,
) -> list[str]:
    """Compare the ledger of `rows` rows (sums and sums of squares of bits, by row book) with the formulas.

    Returns one sentence for every row book whose mean lies more than 5 standard errors (and 1e-6 bits) away, or beyond
    an end of its bracket; an empty list is agreement. Books of unknown status can't disagree.

    The error is the sample's, and few rows may all be alike where the law is not: `greatest`, the bits that no row
    exceeds, adds what rows not seen yet can hold (as in `bernstein`: it falls with 1 / rows, and one row says nothing).
    Without it, the rows are taken to show all that there is.
    """
    faults = []
    unseen = 0.0
    if greatest:
        unseen = bernstein(rows, 0.0, greatest, 1 - LEVEL) if rows > 1 else math.inf
    for name, book in books.items():
        if book.scope != "row" or rows == 0:
            continue
        mean = sums[name] / rows
        variance = max(0.0, squares[name] / rows - mean * mean)
        bits, guess = book.bits, book.bits.status == "estimate"
        margin = 5 * math.hypot(math.sqrt(variance / rows), guess * bits.se) + 1e-6 * max(1.0, abs(mean)) + unseen
        low, high = (bits.value, bits.value) if guess else (bits.low, bits.high)
        if not low - margin <= mean <= high + margin:
            faults.append(
                f"book {name!r}: mean of {rows:,} rows {mean:.6f} bits, formula {book.bits} (margin {margin:.6f})"
            )
    return faults
