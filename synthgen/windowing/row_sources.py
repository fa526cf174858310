"""Feeds: token rows by range, from a spec's generator or from the shards of a dataset folder, the same either way."""

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
from synthgen.mixture.mixture import Mixture
from synthgen.spec.recipe import Recipe
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.task.contract import Task, Tokens, Vocab
from synthgen.tokens.tokenized import Tokenized
from synthgen.windowing.packing import Units

PERSON = "person"
"""The latent field that says whom a row is about; two rows about one person should not share a window."""

KIND = "kind"
"""The latent field that says which component of a mixture a row is of."""


class Feed(Protocol):
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


class SourceFeed:
    """Rows straight from a spec's generator, without any disk."""

    def __init__(self, source: Source, split: str, rows: int | None) -> None:
        task, limit = source.task(split), source.rows_max(split)
        if source.spec.row_format != "tokens" or task.vocab is None:
            raise no_tokens(source.spec.name, "tokens" in task.row_formats)
        if rows is not None and rows < 1:
            raise SynthgenError(f"rows = {rows}: must be at least 1")
        if rows is not None and limit is not None and rows > limit:
            raise SynthgenError(f"rows = {rows:,}: split {split!r} of {source.spec.name} has {limit:,} in all")
        self.source, self.split = source, split
        self.name = f"{source.spec.name}/{split}"
        self.recipe, self.vocab = source.spec.windows, task.vocab
        self.rows = limit if rows is None else rows
        self.finite = limit is not None
        self.keys = Keys(source.spec.seed, source.spec.world, split)
        self._state = new_state()

    def read(self, start: int, stop: int) -> Units:
        """Return the rows [start, stop), without markers; `trained` is empty where everything is."""
        task = self.source.task(self.split)
        make = task.rows_without_spans if isinstance(task, Tokenized) else task.rows
        made = make(start, stop, self._state)
        assert isinstance(made.content, Tokens)
        trained = made.content.trained
        return _units(
            made.content.ids, made.content.ends, trained, start, made.latent.get(PERSON), made.latent.get(KIND)
        )


class FolderFeed:
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
            named = {f.name: pc.struct_field(latent, f.name) for f in latent.type if f.name in (PERSON, KIND)}
        return _units(ids, ends, trained, begin, named.get(PERSON), named.get(KIND))


class ComponentFeed:
    """The rows of one component of a mixture, from the folder that holds them all."""

    def __init__(self, folder: FolderFeed, mixture: Mixture, component: int) -> None:
        assert folder.rows is not None
        self._folder, self._slots, self._component = folder, mixture.slots, component
        self.name = f"{folder.name}/{mixture.parts[component].name}"
        self.recipe, self.vocab, self.keys = folder.recipe, folder.vocab, folder.keys
        self.rows: int | None = mixture.rows_of(component, folder.rows)
        self.finite = mixture.parts[component].task.rows_max is not None

    def read(self, start: int, stop: int) -> Units:
        """Return the component's rows [start, stop), found in the blocks they lie in."""
        assert self._folder.rows is not None
        quota, block = self._slots.stages[0].quotas[self._component], self._slots.block
        first, last = start // quota, -(-stop // quota)
        own = self._folder.read(first * block, min(last * block, self._folder.rows))
        places = np.flatnonzero(own.kinds == self._component)[start - first * quota : stop - first * quota]
        return own.picked(places, start)


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


def _units(ids: np.ndarray, ends: np.ndarray, trained: np.ndarray | None, start: int, people: Any, kinds: Any) -> Units:
    rows = np.arange(start, start + ends.size)
    return Units(
        tokens=ids,
        trained=np.zeros(0, np.bool_) if trained is None else trained,
        starts=np.concatenate([np.zeros(1, np.int64), ends]),
        rows=rows,
        people=_column(people, rows.size, np.int64, -1),
        kinds=_column(kinds, rows.size, np.int16, 0),
    )


def _column(column: Any, rows: int, kind: Any, missing: int) -> np.ndarray:
    if column is None:
        return np.full(rows, missing, kind)
    return pc.fill_null(column, missing).to_numpy(zero_copy_only=False).astype(kind, copy=False)


def feeds_of(data: Any, split: str, rows: int | None, overrides: Mapping[str, Any]) -> list[tuple[Feed, Fraction]]:
    """Return the feeds of a dataset folder (it holds a manifest) or of a spec (by name, file, or loaded), by share.

    There is one, but for mixtures that count windows: they have one for each component.
    """
    if isinstance(data, str | Path) and Path(data).is_dir():
        given = [name for name, value in overrides.items() if value]
        if given:
            raise SynthgenError(f"{data}: is a dataset folder: {', '.join(given)} cannot change it; name its spec")
        folder = FolderFeed(Path(data), split, rows)
        mixture = _of_windows(folder.task)
        if mixture is None:
            return [(folder, Fraction(1))]
        parts: list[Feed] = [ComponentFeed(folder, mixture, c) for c in range(len(mixture.parts))]
        return list(zip(parts, mixture.shares, strict=True))
    if isinstance(data, Source):
        source = data
    else:
        sets = {f"params.{name}": value for name, value in (overrides.get("params") or {}).items()}
        if overrides.get("tokenizer"):
            sets |= {"tokenizer": overrides["tokenizer"], "row_format": "tokens"}
        source = Source(load_spec(data, seed=overrides.get("seed"), world=overrides.get("world"), sets=sets))
    mixture = _of_windows(source.task(split))
    if mixture is None:
        return [(SourceFeed(source, split, rows), Fraction(1))]
    out: list[tuple[Feed, Fraction]] = []
    for c, share in enumerate(mixture.shares):
        alone = Source(load_spec(source.spec, sets={"params.component": mixture.alone(c)}))
        out.append((SourceFeed(alone, split, None if rows is None else mixture.rows_of(c, rows)), share))
    return out


def _of_windows(task: Task) -> Mixture | None:
    """Return the mixture behind a task, if its windows are of one component each."""
    task = task.text if isinstance(task, Tokenized) else task
    return task if isinstance(task, Mixture) and task.params.unit == "windows" else None


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
