"""Verdicts, and what a reader finds in a row, held against what the row states of itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

from synthgen.errors import SynthgenError
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.exact.notebook import html_table

UNREADABLE = (
    LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, StopIteration, RuntimeError,
    SynthgenError,
)  # fmt: skip
"""What junk in a row or an answer can end in where it is read."""

TOLERANCE = 1e-6
"""Bits by which a book may differ that a reader counts in floats; what it counts in ledger units must be equal."""


@dataclass(frozen=True, repr=False)
class Verdict:
    """A judgement: right or not, a score in [0, 1], why, the first wrong step (None if right), and parts by query.

    `mode` says what was judged: "strict", "steps" or "answer" (see `Source.verify`).
    """

    correct: bool
    score: float
    reason: str = ""
    step: int | None = None
    parts: tuple[Mapping[str, Any], ...] = ()
    mode: str = "strict"

    def __repr__(self) -> str:
        why = "right" if self.correct else f"wrong at step {self.step}: " if self.step is not None else "wrong: "
        right = sum(bool(part.get("correct")) for part in self.parts)
        told = f"; {right} of {len(self.parts)} parts right" if len(self.parts) > 1 else ""
        return f"<Verdict: {why}{_shortened(self.reason) if not self.correct else ''}; score {self.score:g}{told}>"

    def _repr_html_(self) -> str:
        rows = [(number, str(part)) for number, part in enumerate(self.parts)]
        caption = "right" if self.correct else f"wrong: {self.reason}"
        return html_table(f"{caption} (score {self.score:g})", ("part", "says") if rows else (), rows)

    @classmethod
    def right(cls, parts: Sequence[Mapping[str, Any]] = ()) -> Verdict:
        """Return the verdict on something faultless."""
        return cls(True, 1.0, parts=tuple(parts))

    @classmethod
    def wrong(
        cls, reason: str, step: int | None = None, score: float = 0.0, parts: Sequence[Mapping[str, Any]] = ()
    ) -> Verdict:
        """Return the verdict on something with a fault at `step`."""
        return cls(False, score, reason, step, tuple(parts))

    @classmethod
    def by_parts(cls, right: Sequence[bool], given: int, reason: str) -> Verdict:
        """Return the verdict on an answer whose parts are right or not; the first `given` of them stand in the prompt.

        The score is the share of what the prompt leaves open; 0 where the prompt itself is wrong.
        """
        if all(right):
            return cls.right()
        step, asked = list(right).index(False), right[given:]
        return cls.wrong(reason, step, sum(asked) / len(asked) if step >= given else 0.0)


class Misread(ValueError):
    """Raised where a row can be read, but says something that is not so; its text is the verdict's reason."""


@dataclass(frozen=True)
class Reread:
    """What a reader finds in a row. What it leaves out is taken on trust.

    `bits` has the books that the row shows: integers are ledger units, and must be equal; floats are bits.
    """

    difficulty: int
    bits: Mapping[str, int | float] = field(default_factory=dict)
    latent: Mapping[str, Any] = field(default_factory=dict)
    spans: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    mask: Sequence[bool] | None = None
    verdict: Verdict = field(default_factory=Verdict.right)

    @classmethod
    def refused(cls, verdict: Verdict) -> Reread:
        """Return what there is to say of a row whose content is wrong by itself."""
        return cls(0, verdict=verdict)


def held_against(row: Mapping[str, Any], reread: Reread) -> str:
    """Return the first thing that a row states otherwise than a reader found it, or "" if there is none."""
    if row["difficulty"] != reread.difficulty:
        return f"difficulty is {row['difficulty']}, it should be {reread.difficulty}"
    if reread.mask is not None and list(row["completion_mask"]) != list(reread.mask):
        return "completion_mask does not cover exactly what is trained on"
    for name, value in reread.latent.items():
        if row["latent"][name] != value:
            return f"latent.{name} is {_shortened(row['latent'][name])}, the row shows {_shortened(value)}"
    for kind, spans in reread.spans.items():
        if [(span["start"], span["end"]) for span in row["latent"]["spans"][kind]] != [tuple(span) for span in spans]:
            return f"latent.spans.{kind} does not cover what stands there"
    stated = {book: value for book, value in row["bits"].items() if book != "total"}
    if None in stated.values():  # a book that nobody can count: neither can the sum be
        uncounted = next(book for book, value in stated.items() if value is None)
        if row["bits"]["total"] is not None:
            return f"bits.total is {row['bits']['total']}, and bits.{uncounted} is unknown"
    for book, value in reread.bits.items():
        exact = isinstance(value, Integral)
        bits = value / UNITS_PER_BIT if exact else value
        if stated[book] is None:
            return f"bits.{book} is empty, it should be {bits}"
        if stated[book] != bits if exact else not abs(stated[book] - bits) <= TOLERANCE:
            return f"bits.{book} is {stated[book]}, it should be {bits}"
    if None not in stated.values() and not abs(row["bits"]["total"] - math.fsum(stated.values())) <= 1e-9:
        return "bits.total is not the sum of its books"
    return ""


def _shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
