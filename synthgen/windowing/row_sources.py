"""Row sources: token rows by range, from a spec's generator or from a dataset folder's shards, the same either way."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synthgen.dataset.manifest import Manifest
from synthgen.dataset.shards import read_batches
from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys, new_state
from synthgen.spec.recipe import Recipe
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.task.contract import Task, WindowComponent
from synthgen.task.rows import Tokens, Vocab
from synthgen.windowing.packing import Units


class RowSource(Protocol):
    """Where rows come from."""

    name: str
    recipe: Recipe
    vocab: Vocab
    keys: Keys
    rows: int | None  # None: endless
    finite: bool  # whether the corpus itself is finite, whatever `rows` says

    def read(self, start: int, stop: int) -> Units:
        """Return the rows [start, stop), without markers; `trained` is empty where everything is."""


def no_tokens(name: str, native: bool = False) -> SynthgenError:
    """Return the error on text rows without a tokenizer."""
    fix = "set row_format = 'tokens', or tokenize the text: " if native else ""
    return SynthgenError(f"{name} has text rows: {fix}tokenizer = 'words', 'bytes', or a tokenizer's JSON file")


class SpecRows:
    """Rows straight from a task, without any disk."""

    def __init__(self, task: Task, name: str, recipe: Recipe, rows: int | None) -> None:
        assert task.vocab is not None
        self.task, self.name, self.recipe, self.vocab = task, name, recipe, task.vocab
        self.rows = task.rows_max if rows is None else rows
        self.finite = task.rows_max is not None
        self.keys = task.keys
        self._state = new_state()

    @classmethod
    def of(cls, source: Source, split: str, rows: int | None) -> SpecRows:
        """Return the rows of a split: `rows` of them, or all. Raises SynthgenError for text, or too many rows."""
        task, limit = source.task(split), source.rows_max(split)
        if source.spec.row_format != "tokens" or task.vocab is None:
            raise no_tokens(source.spec.name, "tokens" in task.row_formats)
        if rows is not None and rows < 1:
            raise SynthgenError(f"rows = {rows}: must be at least 1")
        if rows is not None and limit is not None and rows > limit:
            raise SynthgenError(f"rows = {rows:,}: split {split!r} of {source.spec.name} has {limit:,} in all")
        return cls(task, f"{source.spec.name}/{split}", source.spec.windows, rows)

    def of_component(self, component: WindowComponent, rows: int | None) -> SpecRows:
        """Return the rows of one component: all, or those among the split's first `rows`."""
        within = None if rows is None else component.rows_within(rows)
        return SpecRows(component.task, f"{self.name}/{component.name}", self.recipe, within)

    def read(self, start: int, stop: int) -> Units:
        """Return the rows [start, stop), without markers; `trained` is empty where everything is."""
        made = self.task.token_rows(start, stop, self._state)
        content = made.content
        assert isinstance(content, Tokens)
        subjects, components = made.latent.get(self.task.subject_field), made.latent.get(self.task.component_field)
        return _units(content.ids, content.ends, content.trained, start, subjects, components)


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
        self.keys = Keys(spec.seed, spec.world, split)
        self._shards = [folder / shard.path for shard in manifest.shards if shard.split == split]
        sizes = [shard.rows for shard in manifest.shards if shard.split == split]
        self._starts = np.cumsum([0, *sizes])
        mapped = all(shard.suffix == ".arrow" for shard in self._shards)
        self._open = functools.lru_cache(maxsize=None if mapped else 2)(_open_shard)

    def read(self, start: int, stop: int) -> Units:
        """Return the rows [start, stop), without markers; `trained` is empty where everything is."""
        begin = start
        parts: list[pa.Table] = []
        shard = int(np.searchsorted(self._starts, start, side="right")) - 1
        while start < stop:
            first, last = int(self._starts[shard]), min(stop, int(self._starts[shard + 1]))
            parts.append(self._open(self._shards[shard]).slice(start - first, last - start))
            start, shard = last, shard + 1
        table = pa.concat_tables(parts).combine_chunks()
        ids = _flat(table.column("input_ids"))
        ends = np.cumsum(pc.list_value_length(table.column("input_ids")).to_numpy(), dtype=np.int64)
        trained = _flat(table.column("completion_mask")) if "completion_mask" in table.column_names else None
        named: dict[str, Any] = {}
        if "latent" in table.column_names:
            latent = table.column("latent").combine_chunks()
            wanted = {self.task.subject_field, self.task.component_field}
            named = {f.name: pc.struct_field(latent, f.name) for f in latent.type if f.name in wanted}
        subjects, components = named.get(self.task.subject_field), named.get(self.task.component_field)
        return _units(ids, ends, trained, begin, subjects, components)


class ComponentRows:
    """The rows of one component, from the folder that holds them all."""

    def __init__(self, folder: FolderRows, component: WindowComponent, number: int) -> None:
        assert folder.rows is not None
        self._folder, self._component, self._number = folder, component, number
        self.name = f"{folder.name}/{component.name}"
        self.recipe, self.vocab, self.keys = folder.recipe, folder.vocab, folder.keys
        self.rows: int | None = component.rows_within(folder.rows)
        self.finite = component.task.rows_max is not None

    def read(self, start: int, stop: int) -> Units:
        """Return the component's rows [start, stop), picked out of the rows they lie among."""
        assert self._folder.rows is not None
        among = self._component.range_of(start, stop)
        before = self._component.rows_within(among.start)
        rows = self._folder.read(among.start, min(among.stop, self._folder.rows))
        places = np.flatnonzero(rows.kinds == self._number)[start - before : stop - before]
        return rows.picked(places, start)


def _open_shard(path: Path) -> pa.Table:
    """Return a shard's columns that windows need. An Arrow stream stays on disk, mapped; Parquet is read whole."""
    wanted = ("input_ids", "completion_mask", "latent")
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        return file.read([name for name in wanted if name in file.schema_arrow.names])
    batches = list(read_batches(path))
    table = pa.Table.from_batches(batches)
    return table.select([name for name in wanted if name in table.column_names])


def _flat(column: pa.ChunkedArray) -> np.ndarray:
    values = pc.list_flatten(column)
    parts = [chunk.to_numpy(zero_copy_only=False) for chunk in values.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint16)


def _units(
    ids: np.ndarray, ends: np.ndarray, trained: np.ndarray | None, start: int, subjects: Any, components: Any
) -> Units:
    rows = np.arange(start, start + ends.size)
    return Units(
        tokens=ids,
        trained=np.zeros(0, np.bool_) if trained is None else trained,
        starts=np.concatenate([np.zeros(1, np.int64), ends]),
        rows=rows,
        people=_column(subjects, rows.size, np.int64, -1),
        kinds=_column(components, rows.size, np.int16, 0),
    )


def _column(column: Any, rows: int, kind: Any, missing: int) -> np.ndarray:
    if column is None:
        return np.full(rows, missing, kind)
    return pc.fill_null(column, missing).to_numpy(zero_copy_only=False).astype(kind, copy=False)


def row_sources_of(
    data: Any, split: str, rows: int | None, overrides: Mapping[str, Any]
) -> list[tuple[RowSource, Fraction]]:
    """Return the row sources, by share, of a dataset folder (it holds a manifest) or of a spec (by name, file, loaded).

    There is one, but where components have windows of their own: then one for each.
    """
    if isinstance(data, str | Path) and Path(data).is_dir():
        given = [name for name, value in overrides.items() if value]
        if given:
            raise SynthgenError(f"{data}: is a dataset folder: {', '.join(given)} cannot change it; name its spec")
        folder = FolderRows(Path(data), split, rows)
        numbered = enumerate(folder.task.window_components())
        return [(ComponentRows(folder, one, number), one.share) for number, one in numbered] or [(folder, Fraction(1))]
    if isinstance(data, Source):
        source = data
    else:
        sets = {f"params.{name}": value for name, value in (overrides.get("params") or {}).items()}
        if overrides.get("tokenizer"):
            sets |= {"tokenizer": overrides["tokenizer"], "row_format": "tokens"}
        source = Source(load_spec(data, seed=overrides.get("seed"), world=overrides.get("world"), sets=sets))
    whole = SpecRows.of(source, split, rows)
    components = source.task(split).window_components()
    return [(whole.of_component(one, rows), one.share) for one in components] or [(whole, Fraction(1))]


def members_of(data: Any) -> Sequence[tuple[Any, int]]:
    """Return `data` as a list of (one data, weight)."""
    if not isinstance(data, list | tuple):
        return [(data, 1)]
    pairs: list[tuple[Any, int]] = [
        (pair[0], pair[1]) if isinstance(pair, list | tuple) else (pair, 1) for pair in data
    ]
    if not pairs:
        raise SynthgenError("windows of nothing: give a spec, a dataset folder, or a list of (data, weight)")
    for one, weight in pairs:
        if not isinstance(weight, int) or not 1 <= weight <= 10**6:
            raise SynthgenError(f"weight {weight!r} of {one}: give an integer from 1 to 1,000,000")
    return pairs
