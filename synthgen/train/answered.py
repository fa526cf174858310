"""What a model was asked and said, kept to be looked at."""

from __future__ import annotations

from dataclasses import dataclass

from synthgen.task.verdict import Verdict


@dataclass(frozen=True)
class Exchange:
    """What was asked, what the row itself answers ("" where nothing is asked), what was said, and whether it is right.

    Of a row that asks several things, `asked` is what stands before an answer: from the answer before it on.
    """

    asked: str
    expected: str
    said: str
    correct: bool


@dataclass(frozen=True)
class Answered:
    """A row's answers to be looked at: all that was asked of it, and the verdict."""

    exchanges: tuple[Exchange, ...]
    verdict: Verdict
