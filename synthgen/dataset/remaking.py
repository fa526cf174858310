"""Rows made anew: a row is a pure function of (spec, split, index), so what a shard holds is compared with it.

Small splits are compared row by row. Of larger ones blocks are, as long in every batch of every shard, at places that
the file's own hash decides, with the first and the last row of each shard.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from synthgen.spec.source import Source

REMADE_ROWS = 1 << 16
"""Rows of a split that are made anew at least, or all it has. Making a row costs a small part of re-deriving it."""

FAULTS_TOLD, FIELDS_TOLD = 3, 3
"""Rows that are told, and fields of each; there may be more."""


class Remaking:
    """Takes in a split's batches in order, and holds their rows against the spec's own."""

    def __init__(self, source: Source, split: str, rows: int, sample: float | None, obstacle: str = "") -> None:
        """`rows` are the split's; `sample` is a share of them (0: none). `obstacle` says why none can be made."""
        self._source, self._split, self._rows = source, split, rows
        self.obstacle = obstacle or ("--sample 0" if sample == 0 else "")
        wanted = max(min(rows, REMADE_ROWS), math.ceil(rows * (sample or 0)))
        self._share = 0.0 if self.obstacle else wanted / rows
        self.compared = 0
        self.faults: list[str] = []

    def add(self, batch: pa.RecordBatch, start: int, shard: range, seed: str) -> None:
        """Take in the rows from `start` on, of a shard with these rows; `seed` decides which are compared."""
        if not self._share:
            return
        for begin, end in self._blocks(start, batch.num_rows, shard, seed):
            self.compared += end - begin
            if len(self.faults) < FAULTS_TOLD:
                fault = difference(self._source, self._split, start + begin, batch.slice(begin, end - begin))
                self.faults += [fault] if fault else []

    def _blocks(self, start: int, rows: int, shard: range, seed: str) -> Iterator[tuple[int, int]]:
        """Yield the blocks [begin, end) of a batch that are compared, counted from its first row."""
        length = min(rows, max(1, math.ceil(self._share * rows)))
        begin = random.Random(f"{seed}/{start}").randrange(rows - length + 1)
        if start == shard.start and begin > 0:
            yield 0, 1
        yield begin, begin + length
        if start + rows >= shard.stop and begin + length < rows:
            yield rows - 1, rows

    def told(self) -> str:
        """Return what was compared, or what differs."""
        if self.faults:
            return "; ".join(self.faults)
        which = "all rows" if self.compared >= self._rows else f"in blocks over all shards, of {self._rows:,}"
        return f"{self.compared:,} rows ({which}), every column the same"


def difference(source: Source, split: str, start: int, batch: pa.RecordBatch) -> str:
    """Return the first thing in which rows from index `start` on are not the spec's, or ""; all columns count.

    Of a column that there is on request alone, whose rows take long to make, the first row counts.
    """
    names = batch.schema.names
    usual = [name for name in names if name in source.schema.names]
    return _difference(source, split, start, batch.select(usual)) or (
        "" if usual == names else _difference(source, split, start, batch.slice(0, 1))
    )


def _difference(source: Source, split: str, start: int, batch: pa.RecordBatch) -> str:
    try:
        anew = source.batch(start, start + batch.num_rows, split, batch.schema.names)
    except IndexError as error:
        return str(error)
    if anew.equals(batch):
        return ""
    index = next(i for i in range(batch.num_rows) if not anew.slice(i, 1).equals(batch.slice(i, 1)))
    stated, wanted = (rows.slice(index, 1).to_pylist()[0] for rows in (batch, anew))
    return f"row {start + index:,}: {', '.join(itertools.islice(_differences(stated, wanted, ''), FIELDS_TOLD))}"


def _differences(stated: Any, wanted: Any, path: str) -> Iterator[str]:
    """Yield the fields in which two values differ, with both."""
    if isinstance(stated, Mapping) and isinstance(wanted, Mapping):
        for name, value in stated.items():
            yield from _differences(value, wanted[name], f"{path}.{name}" if path else name)
    elif isinstance(stated, list) and isinstance(wanted, list) and len(stated) == len(wanted):
        for place, (one, other) in enumerate(zip(stated, wanted, strict=True)):
            yield from _differences(one, other, f"{path}[{place}]")
    elif stated != wanted:
        yield f"{path} is {_shortened(stated)} (anew: {_shortened(wanted)})"


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
