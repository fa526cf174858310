"""Token rows: what every row source gives, and all that stands behind it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthgen.exact.draw import Keys
from synthgen.spec.recipe import Recipe
from synthgen.task.rows import Vocab

NO_SPAN = -1
"""The span kind of a token that stands in no span."""


@dataclass(frozen=True)
class TokenRows:
    """Rows as tokens, without markers: row i is ids[ends[i-1]:ends[i]]."""

    ids: np.ndarray  # (total,) unsigned integers
    ends: np.ndarray  # (rows,) int64
    trained: np.ndarray  # (total,) bool: false where a row's own mask says that a token is not trained on
    numbers: np.ndarray  # (rows,) int64: the rows' indices in their split
    subjects: np.ndarray  # (rows,) int64: whom they are about, or -1
    components: np.ndarray  # (rows,) int16: which component of a mixture they are of
    span_kinds: np.ndarray  # (total,) int16: the innermost span a token stands in, or NO_SPAN; empty: not asked for
    bits: np.ndarray  # (rows,) float64: what a row's text weighs, in bits; empty: not asked for

    @classmethod
    def of(
        cls,
        start: int,
        ids: np.ndarray,
        ends: np.ndarray,
        trained: np.ndarray | None,
        subjects: Any = None,
        components: Any = None,
        span_kinds: np.ndarray | None = None,
        bits: np.ndarray | None = None,
    ) -> TokenRows:
        """Return the rows from `start` on; what is None is so of every row, or was not asked for.

        subjects and components: columns of `latent`.
        """
        rows = ends.size
        return cls(
            ids=ids,
            ends=ends,
            trained=np.ones(ids.size, np.bool_) if trained is None else trained,
            numbers=np.arange(start, start + rows),
            subjects=_column(subjects, rows, np.int64, -1),
            components=_column(components, rows, np.int16, 0),
            span_kinds=np.zeros(0, np.int16) if span_kinds is None else span_kinds,
            bits=np.zeros(0) if bits is None else bits,
        )

    def __len__(self) -> int:
        return self.ends.size

    @property
    def starts(self) -> np.ndarray:
        """The place of each row's first token."""
        return np.concatenate([np.zeros(1, np.int64), self.ends[:-1]])

    def take(self, rows: np.ndarray) -> TokenRows:
        """Return some rows, in that order."""
        starts, sizes = self.starts[rows], (self.ends - self.starts)[rows]
        ends = np.cumsum(sizes)
        places = np.arange(ends[-1]) + np.repeat(starts - ends + sizes, sizes)
        return TokenRows(
            self.ids[places],
            ends,
            self.trained[places],
            self.numbers[rows],
            self.subjects[rows],
            self.components[rows],
            self.span_kinds[places] if self.span_kinds.size else self.span_kinds,
            self.bits[rows] if self.bits.size else self.bits,
        )


def joined(parts: Sequence[TokenRows]) -> TokenRows:
    """Return the rows of all parts, one part after the other."""
    shifts = np.cumsum([0] + [part.ids.size for part in parts[:-1]])
    columns = {field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(TokenRows)}
    ends = np.concatenate([part.ends + shift for part, shift in zip(parts, shifts, strict=True)])
    return TokenRows(**(columns | {"ends": ends}))


class RowSource(Protocol):
    """Where rows come from."""

    name: str
    recipe: Recipe
    keys: Keys
    rows: int | None  # None: endless
    finite: bool  # whether the corpus itself is finite, whatever `rows` says
    span_kinds: tuple[str, ...]

    @property
    def vocab(self) -> Vocab:
        """The ids of its rows."""

    def read(self, start: int, stop: int, spans: bool = False, bits: bool = False) -> TokenRows:
        """Return the rows [start, stop), with the span of every token and the bits of every row where asked for."""

    def surprisals(self, number: int) -> np.ndarray:
        """Return the bits of each token of a row and of its end: see `synthgen.Source.surprisals`."""

    @property
    def without_surprisals(self) -> str:
        """Why these cannot be had; "" where they can."""


def _column(column: Any, rows: int, kind: Any, missing: int) -> np.ndarray:
    if column is None:
        return np.full(rows, missing, kind)
    return pc.fill_null(column, missing).to_numpy(zero_copy_only=False).astype(kind, copy=False)


def spans_of_tokens(spans: Any, kinds: Sequence[str], ends: np.ndarray) -> np.ndarray:
    """Return the number of the span kind that each token of some rows stands in, (total,) int16; NO_SPAN elsewhere.

    spans: a struct (Arrow, or a mapping) of one list of (start, end) a kind, or None; ends: where rows end, (rows,).
    Where spans of two kinds hold a token, the later kind is told.
    """
    of_tokens = np.full(int(ends[-1]), NO_SPAN, np.int16)
    if spans is None:
        return of_tokens
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    for number, kind in enumerate(kinds):
        lists = spans.field(kind) if isinstance(spans, pa.StructArray) else spans[kind]
        pairs = lists.flatten()
        rows = np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy()))
        edges = np.zeros(of_tokens.size + 1, np.int64)
        np.add.at(edges, starts[rows] + pairs.field("start").to_numpy(), 1)
        np.add.at(edges, starts[rows] + pairs.field("end").to_numpy(), -1)
        of_tokens[np.cumsum(edges[:-1]) > 0] = number
    return of_tokens
