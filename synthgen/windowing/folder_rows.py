"""Rows of a dataset folder, mapped into memory: of a split, or of one component of it."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthgen.dataset.manifest import Manifest
from synthgen.dataset.shards import map_batches
from synthgen.dataset.values import check_values
from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys, new_state
from synthgen.spec.spec import load_spec
from synthgen.task.arrow import schema_of
from synthgen.task.contract import WindowComponent
from synthgen.task.rows import Vocab
from synthgen.windowing.spec_rows import no_tokens
from synthgen.windowing.token_rows import TokenRows, spans_of_tokens

WANTED = ("input_ids", "completion_mask", "latent")
"""The columns that windows need."""

LARGE, RATIO = 1 << 30, 200
"""A shard may decode to so many bytes, or so many times its own: Parquet is read whole."""


class FolderRows:
    """Rows of a dataset folder's shards: mapped into memory, not copied."""

    def __init__(self, folder: Path, split: str, rows: int | None) -> None:
        manifest = Manifest.read(folder)
        if split not in manifest.splits:
            raise SynthgenError(f"{folder}: has no split {split!r}; it has {', '.join(manifest.splits)}")
        if "input_ids" not in manifest.columns or manifest.vocab is None:
            raise (
                no_tokens(str(folder))
                if "input_ids" not in manifest.columns
                else SynthgenError(f"{folder}: its manifest names no vocabulary")
            )
        spec = load_spec(folder / "spec.toml")
        vocab = manifest.vocab
        names = {int(key): name for key, name in vocab["names"].items()}
        there = int(manifest.splits[split]["rows"])
        if rows is not None and not 1 <= rows <= there:
            raise SynthgenError(f"rows = {rows:,}: split {split!r} of {folder} has {there:,}")
        self.name = f"{folder}/{split}"
        self.recipe = spec.windows
        self.vocab = Vocab(vocab["size"], vocab["bos"], vocab["eos"], vocab["pad"], names)
        self.rows: int | None = there if rows is None else rows
        self.finite = manifest.splits[split]["complete"] is not None
        self.task = spec.task_of(split)
        self.span_kinds = tuple(self.task.span_kinds)
        self.keys = Keys(spec.seed, spec.world, split)
        self._shards = [folder / shard.path for shard in manifest.shards if shard.split == split]
        sizes = [shard.rows for shard in manifest.shards if shard.split == split]
        self._starts = np.cumsum([0, *sizes])
        mapped = all(shard.suffix == ".arrow" for shard in self._shards)
        schema = schema_of(self.task, spec.row_format)
        self._schema = pa.schema([field for field in schema if field.name in WANTED and field.name in manifest.columns])
        self._open = functools.lru_cache(maxsize=None if mapped else 2)(self._open_shard)

    def read(self, start: int, stop: int, spans: bool = False, bits: bool = False) -> TokenRows:
        """Return the rows [start, stop); their bits are those of the spec's own rows, which are the same."""
        floor = self.task.row_floor(self.task.rows(start, stop, new_state())) if bits else None
        begin = start
        parts: list[pa.Table] = []
        shard = int(np.searchsorted(self._starts, start, side="right")) - 1
        while start < stop:
            first, last = int(self._starts[shard]), min(stop, int(self._starts[shard + 1]))
            part = self._open(shard).slice(start - first, last - start)
            self._check(part, self._shards[shard])
            parts.append(part)
            start, shard = last, shard + 1
        table = pa.concat_tables(parts).combine_chunks()
        ids = _flat(table.column("input_ids"))
        ends = np.cumsum(pc.list_value_length(table.column("input_ids")).to_numpy(), dtype=np.int64)
        trained = _flat(table.column("completion_mask")) if "completion_mask" in table.column_names else None
        named: dict[str, Any] = {}
        if "latent" in table.column_names:
            latent = table.column("latent").combine_chunks()
            wanted = {self.task.subject_field, self.task.component_field, "spans"}
            named = {f.name: pc.struct_field(latent, f.name) for f in latent.type if f.name in wanted}
        subjects, components = named.get(self.task.subject_field), named.get(self.task.component_field)
        span_kinds = spans_of_tokens(named.get("spans"), self.span_kinds, ends) if spans else None
        return TokenRows.of(begin, ids, ends, trained, subjects, components, span_kinds, floor)

    @property
    def without_surprisals(self) -> str:
        """Why a row's tokens have no surprisals; "" where they have."""
        return self.task.without_surprisals

    def surprisals(self, number: int) -> np.ndarray:
        """Return the bits of each token of a row and of its end, (tokens + 1,)."""
        return self.task.surprisals(self.read(number, number + 1).ids.tolist(), number)

    def _open_shard(self, number: int) -> pa.Table:
        """Return a shard's columns that windows need. Arrow stays on disk, mapped; Parquet is read whole."""
        path, rows = self._shards[number], int(self._starts[number + 1] - self._starts[number])
        if not path.is_file():
            raise SynthgenError(f"{path}: is missing; run the same `synthgen generate` again")
        batches, size, most = [], 0, max(LARGE, RATIO * path.stat().st_size)
        for batch in map_batches(path, WANTED):
            batches.append(batch)
            size += batch.nbytes
            if size > most:
                raise SynthgenError(
                    f"{path}: decodes to more than {most:,} bytes, {RATIO} times its size; no shard does"
                )
        strange = [batch.schema for batch in batches if not batch.schema.equals(self._schema)]
        if strange:
            raise SynthgenError(f"{path}: its columns are not those of the spec; see `synthgen check`")
        if sum(batch.num_rows for batch in batches) != rows:
            raise SynthgenError(f"{path}: has not the {rows:,} rows that the manifest states; see `synthgen check`")
        return pa.Table.from_batches(batches, self._schema)

    def _check(self, part: pa.Table, path: Path) -> None:
        """Raise SynthgenError for rows that are none, before a model meets them."""
        try:
            for batch in part.to_batches():
                check_values(batch)
        except SynthgenError as error:
            raise SynthgenError(f"{path}: {error}; see `synthgen check`") from None
        ids = _flat(part.column("input_ids"))
        if ids.size and int(ids.max()) >= self.vocab.size:
            raise SynthgenError(f"{path}: token {ids.max()}, of a vocabulary of {self.vocab.size:,}")


class ComponentRows:
    """The rows of one component, from the folder that holds them all."""

    def __init__(self, folder: FolderRows, component: WindowComponent, number: int) -> None:
        assert folder.rows is not None
        self._folder, self._component, self._number = folder, component, number
        self.name = f"{folder.name}/{component.name}"
        self.recipe, self.vocab, self.keys = folder.recipe, folder.vocab, folder.keys
        self.span_kinds, self.task = folder.span_kinds, component.task
        self.rows: int | None = component.rows_within(folder.rows)
        self.finite = component.task.rows_max is not None

    def read(self, start: int, stop: int, spans: bool = False, bits: bool = False) -> TokenRows:
        """Return the component's rows [start, stop), picked out of the rows they lie among."""
        assert self._folder.rows is not None
        among = self._component.range_of(start, stop)
        before = self._component.rows_within(among.start)
        rows = self._folder.read(among.start, min(among.stop, self._folder.rows), spans, bits)
        places = np.flatnonzero(rows.components == self._number)[start - before : stop - before]
        return replace(rows.take(places), numbers=np.arange(start, start + places.size))

    @property
    def without_surprisals(self) -> str:
        """Why a row's tokens have no surprisals; "" where they have."""
        return self.task.without_surprisals

    def surprisals(self, number: int) -> np.ndarray:
        """Return the bits of each token of a row and of its end, (tokens + 1,)."""
        return self.task.surprisals(self.read(number, number + 1).ids.tolist(), number)


def _flat(column: pa.ChunkedArray) -> np.ndarray:
    values = pc.list_flatten(column)
    parts = [chunk.to_numpy(zero_copy_only=False) for chunk in values.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint16)
