"""Columns: Arrow arrays from what kernels write, without a copy where that is possible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def list_column(ends: np.ndarray, values: np.ndarray, item: pa.DataType) -> pa.ListArray:
    """Return lists of `item`: row i holds values[ends[i - 1] : ends[i]]."""
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    items = flags(values) if item == pa.bool_() else pa.array(values, item)
    return pa.ListArray.from_arrays(pa.array(offsets), items, type=pa.list_(item))


def flags(values: np.ndarray) -> pa.BooleanArray:
    """Return bools, (n,), as Arrow's bits; numpy packs them some ten times as fast as Arrow does."""
    bits = np.packbits(values, bitorder="little")
    return pa.BooleanArray.from_buffers(pa.bool_(), values.size, [None, pa.py_buffer(bits)])


def struct_column(kind: pa.StructType, columns: Sequence[np.ndarray | pa.Array]) -> pa.StructArray:
    """Return structs of `kind` from one column a field; numpy columns are cast to the field's type."""
    arrays = [
        pa.array(column.astype(field.type.to_pandas_dtype())) if isinstance(column, np.ndarray) else column
        for column, field in zip(columns, kind, strict=True)
    ]
    return pa.StructArray.from_arrays(arrays, fields=list(kind))


def within_spans(spans: pa.StructArray, kinds: Sequence[str], ends: np.ndarray) -> np.ndarray:
    """Return which tokens of some rows stand in a span of these kinds, (total,) bool; ends: where rows end, (rows,)."""
    edges = np.zeros(int(ends[-1]) + 1, np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    for kind in kinds:
        lists = spans.field(kind)
        first = np.repeat(starts, np.diff(lists.offsets.to_numpy()))
        np.add.at(edges, first + lists.flatten().field("start").to_numpy(), 1)
        np.add.at(edges, first + lists.flatten().field("end").to_numpy(), -1)
    return np.cumsum(edges[:-1]) > 0
