"""Retractions among tokens: which ids take something back, and what stands before them, as rows themselves tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.windowing.token_rows import TokenRows

RETRY = "retry"
"""The kind of spans that hold what is taken back, with the mark that takes it back, in every task that has them."""


@dataclass(frozen=True)
class Retractions:
    """Ids that take something back, and ids that are taken back by them; both (vocabulary,) bool.

    A choice is one id, right before a mark: a name, where phrases are tokens.
    """

    marks: np.ndarray
    choices: np.ndarray

    @classmethod
    def of(cls, rows: TokenRows, span_kinds: tuple[str, ...], vocabulary: int) -> Retractions:
        """Read them off rows with their spans: marks are ids that stand in spans of retries alone.

        Raises SynthgenError for rows in which nothing is taken back.
        """
        inside = rows.span_kinds == span_kinds.index(RETRY) if RETRY in span_kinds else np.zeros(rows.ids.size, bool)
        marks, choices = np.zeros(vocabulary, np.bool_), np.zeros(vocabulary, np.bool_)
        marks[np.setdiff1d(rows.ids[inside], rows.ids[~inside])] = True
        if not marks.any():
            raise SynthgenError("these rows take nothing back: set params.retry with a rate above 0")
        choices[rows.ids[taken_back(rows.ids, marks)]] = True
        return cls(marks, choices)


def taken_back(ids: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Return which ids of rows one after the other stand right before a mark, and are none, (total,) bool."""
    is_mark = marks[ids]
    before = np.zeros(ids.size, np.bool_)
    before[:-1] = is_mark[1:] & ~is_mark[:-1]
    return before
