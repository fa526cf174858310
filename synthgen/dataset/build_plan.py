"""Plans: what a build makes, decided before a byte is written: splits, rows, shards, columns, container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.dataset.containers import CONTAINERS
from synthgen.dataset.shards import shard_path
from synthgen.errors import SynthgenError
from synthgen.spec.source import INDEX_MAX, Source
from synthgen.spec.spec import SHARDS_MAX, Spec, load_spec, with_splits

SHARD_BYTES = 64 << 20
"""Shards are about this large where nobody says how many there are, and larger where there would be too many."""

WEIGHED_ROWS = 64
"""Rows made to estimate bytes a row."""


@dataclass(frozen=True)
class BuildPlan:
    """What is to be built: the splits with their rows and shards, the columns and the container."""

    source: Source
    splits: Mapping[str, tuple[int, int]]  # name -> (rows, shards)
    columns: tuple[str, ...]
    container: str

    def to_json(self) -> dict[str, Any]:
        """Return what a second run is compared with, by field."""
        spec = self.source.spec
        return {
            "identity": spec.identity,
            "container": self.container,
            "columns": list(self.columns),
            "splits": {
                name: {
                    "rows": rows,
                    "shards": shards,
                    "params": spec.splits[name].params if name in spec.splits else {},
                }
                for name, (rows, shards) in self.splits.items()
            },
        }

    def shards(self) -> Iterator[tuple[str, int, int]]:
        """Yield (split, index, count) of every shard."""
        for split, (_, count) in self.splits.items():
            for index in range(count):
                yield split, index, count

    def path(self, split: str, index: int, count: int) -> str:
        """Return a shard's path inside the folder."""
        return shard_path(split, index, count, self.container)

    def make_ready(self) -> None:
        """Make what the rows of every split need, kernels and tables, so that the first one costs what others do."""
        for split in self.splits:
            self.source.batch(0, 1, split)

    def bytes_per_row(self, split: str) -> float:
        """Return the bytes a row takes in memory and in an Arrow shard, estimated from the first rows."""
        rows = min(WEIGHED_ROWS, self.splits[split][0])
        return self.source.batch(0, rows, split, self.columns).nbytes / rows


def plan_build(
    spec: str | Path | Spec,
    *,
    splits: Sequence[str] | None = None,
    rows: int | None = None,
    shards: int | None = None,
    columns: Sequence[str] | None = None,
    container: str = "arrow",
) -> BuildPlan:
    """Decide splits, rows and shards of a build. Raises SynthgenError for anything impossible."""
    loaded, chosen_splits = with_splits(load_spec(spec), splits or ())
    source = Source(loaded)
    for name, value in (("rows", rows), ("shards", shards)):
        if value is not None and value < 1:
            raise SynthgenError(f"--{name} {value}: must be at least 1")
    if container not in CONTAINERS:
        raise SynthgenError(f"--format {container!r}: choose one of {', '.join(CONTAINERS)}")
    chosen = source.check_columns(columns) if columns else source.schema.names
    names = list(dict.fromkeys(chosen_splits or source.splits))
    if not names:
        raise SynthgenError(f"{source.spec.name} names no splits: say which with --split NAME --rows N")
    sizes: dict[str, tuple[int, int]] = {}
    for name in names:
        source.task(name).make_ready()
        stated = source.spec.splits.get(name)
        limit = source.rows_max(name)
        number = rows or (stated.rows if stated else None) or limit
        if number is None:
            raise SynthgenError(f"split {name!r} of {source.spec.name} has no size: say how many rows with --rows N")
        if number > INDEX_MAX:
            raise SynthgenError(f"--rows {number}: rows of a split are numbered below 2^62")
        if limit is not None and number > limit:
            raise SynthgenError(
                f"split {name!r} of {source.spec.name} has {limit:,} rows in all; {number:,} were asked for"
                + (f"; {ending}" if (ending := source.task(name).ending) else "")
            )
        sizes[name] = (number, 1)
        if shards is None and stated is not None and stated.shards is not None and rows is None:
            count = stated.shards
        else:
            draft = BuildPlan(source, sizes, tuple(chosen), container)
            count = shards or min(SHARDS_MAX, max(1, round(draft.bytes_per_row(name) * number / SHARD_BYTES)))
        if count > SHARDS_MAX:
            raise SynthgenError(f"--shards {count}: at most {SHARDS_MAX:,}, since file names have five digits")
        if count > number:
            raise SynthgenError(f"split {name!r}: {count} shards for {number} rows; a shard needs a row")
        sizes[name] = (number, count)
    return BuildPlan(source, sizes, tuple(chosen), container)
