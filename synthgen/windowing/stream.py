"""Streams: windows as a `datasets.IterableDataset`, in Arrow tables from the packers to whoever reads them.

A table holds one batch of a lane. A reader of several shards has their batches in turn, so that none waits for another
to end, and where it stands is the state of `Windows`: going on costs nothing that was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
from datasets.iterable_dataset import _BaseExamplesIterable

from synthgen.windowing.packing import IGNORED

TYPES = {"input_ids": "int32", "labels": "int32", "attention_mask": "int8", "position_ids": "int32"}
"""The columns and their types; formats for models make int64 of them."""

TABLE_WINDOWS = 64
"""Windows of a table, where no batch size was told."""


def stream_of(packed: Any, shards: int, windows: Callable[..., Any]) -> datasets.IterableDataset:
    """Return the stream of some `Windows`, in so many shards, each of which calls `windows` for its lanes."""
    names = [name for name in TYPES if name != "position_ids" or packed.recipe.attention == "document"]
    arguments = {
        **packed.arguments,
        "batch_size": TABLE_WINDOWS if packed.batch_size == 1 else packed.batch_size,
        "fields": ("input_ids", "targets", "widths", *(("positions",) if "position_ids" in names else ())),
        "trim": False,
    }
    features = datasets.Features(
        {name: datasets.List(datasets.Value(TYPES[name]), length=packed.context) for name in names}
    )
    tables = WindowTables(windows, arguments, features, range(shards), shards)
    return datasets.IterableDataset(tables, info=datasets.DatasetInfo(features=features))


class WindowTables(_BaseExamplesIterable):
    """Tables of the windows of some shards, as `datasets` asks for them."""

    _state_dict: Any

    def __init__(
        self,
        windows: Callable[..., Any],
        arguments: Mapping[str, Any],
        features: datasets.Features,
        ranks: Sequence[int],
        shards: int,
    ) -> None:
        super().__init__()
        self._windows, self._arguments, self._features = windows, arguments, features
        self._ranks, self._shards = tuple(ranks), shards

    @property
    def is_typed(self) -> bool:
        return True

    @property
    def features(self) -> datasets.Features:
        return self._features

    @property
    def iter_arrow(self) -> Any:
        return self._tables

    @property
    def num_shards(self) -> int:
        return len(self._ranks)

    def _init_state_dict(self) -> dict[str, Any]:
        self._state_dict = {"windows": None, "given": 0, "type": type(self).__name__}
        return self._state_dict

    def _batches(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], pa.Table]]:
        """Yield the states before and after a table, and the table, from the state on."""
        packed = self._windows(**{**self._arguments, "rank": self._ranks[0], "world_size": self._shards})
        packed.ranks = frozenset(self._ranks)
        given = 0
        if self._state_dict and self._state_dict["windows"]:
            packed.load(self._state_dict["windows"])
            given = self._state_dict["given"]
        state, schema = packed.state(), self._features.arrow_schema
        for batch in packed:
            before, state = state, packed.advanced(state, batch)
            yield before, state, _table(batch, schema, packed.recipe.separator == "both").slice(given)
            given = 0

    def _note(self, state: Mapping[str, Any], given: int) -> None:
        """Note where to go on: at a state, behind so many windows of the table that follows."""
        if self._state_dict:
            self._state_dict |= {"windows": state, "given": given}

    def _tables(self) -> Iterator[tuple[str, pa.Table]]:
        for _, after, table in self._batches():
            self._note(after, 0)
            yield str(after["batch"]), table

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        given = self._state_dict["given"] if self._state_dict else 0
        for before, after, table in self._batches():
            last = given + table.num_rows
            for row in table.to_pylist():
                given += 1
                self._note(*((before, given) if given < last else (after, 0)))
                yield f"{after['batch']}_{given}", row
            given = 0

    def shuffle_data_sources(self, generator: np.random.Generator) -> WindowTables:
        """Return these: `shuffle` of `windows` says in what order rows come."""
        return self

    def shard_data_sources(self, num_shards: int, index: int, contiguous: bool = True) -> WindowTables:
        """Return the shards of one of `num_shards` readers."""
        numbers = self.split_shard_indices_by_worker(num_shards, index, contiguous=contiguous)
        ranks = [self._ranks[n] for n in numbers]
        return WindowTables(self._windows, self._arguments, self._features, ranks, self._shards)

    def reshard_data_sources(self) -> WindowTables:
        """Return these: a lane is not divided."""
        return self


def _table(batch: Mapping[str, np.ndarray], schema: pa.Schema, whole: bool) -> pa.Table:
    """Return a batch as transformers' models take it: the inputs are their own labels.

    whole: rows end with a marker of their own, which is no padding, and predicts nothing.
    """
    ids = batch["input_ids"]
    context = ids.shape[1]
    columns = {"input_ids": ids.astype(np.int32)}
    columns["labels"] = np.empty(ids.shape, np.int32)
    columns["labels"][:, 0] = IGNORED
    columns["labels"][:, 1:] = batch["targets"][:, :-1]
    widths = batch["widths"][:, None] + whole
    full = int(widths.min()) >= context
    columns["attention_mask"] = np.ones(ids.shape, np.int8) if full else (np.arange(context) < widths).astype(np.int8)
    if "positions" in batch:
        columns["position_ids"] = batch["positions"].astype(np.int32)
    arrays = [pa.FixedSizeListArray.from_arrays(pa.array(columns[name].ravel()), context) for name in schema.names]
    return pa.Table.from_arrays(arrays, schema=schema)
