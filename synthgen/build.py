"""Builds: from a spec to a dataset folder; plan, run, resume, finish.

A build is a list of shards, each a pure function of (spec, split, range of rows), so it may be cut into any number of
workers, ranks and runs. While it is unfinished, `DIR/.synthgen/` holds what is being built (`build.json`), a record of
each finished shard and the temporary files; the manifest is written last and the folder removed.
"""

from __future__ import annotations

import functools
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

import synthgen
from synthgen.errors import SynthgenError
from synthgen.folder import is_made, locked, opened, recorded, told_how_to_go_on, told_of_a_full_disk, write_assets
from synthgen.manifest import Manifest
from synthgen.mixture import Mixture
from synthgen.pool import run_local, usable_cores
from synthgen.readme import short_readme
from synthgen.shards import (
    BATCH_ROWS,
    CONTAINERS,
    Shard,
    shard_path,
    shard_range,
    sync_folder,
    write_shard,
    write_whole,
)
from synthgen.source import Source
from synthgen.spec import Spec, load_spec
from synthgen.task import Task
from synthgen.tokenized import Tokenized
from synthgen.tokenizer import Tokenizer

SHARD_BYTES = 64 << 20
"""Shards are about this large where the spec does not say how many there are."""

SAMPLE_ROWS = 64
"""Rows made to estimate bytes a row."""

WORTH_A_POOL = 4.0
"""Seconds of work below which one process is faster than starting a pool, which takes a second or two."""


@dataclass(frozen=True)
class Build:
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

    def bytes_per_row(self, split: str) -> float:
        """Return the bytes a row takes in memory and in an Arrow shard, estimated from the first rows."""
        rows = min(SAMPLE_ROWS, self.splits[split][0])
        return self.source.batch(0, rows, split, self.columns).nbytes / rows


def plan_build(
    spec: str | Path | Spec,
    *,
    splits: Sequence[str] | None = None,
    rows: int | None = None,
    shards: int | None = None,
    columns: Sequence[str] | None = None,
    container: str = "arrow",
) -> Build:
    """Decide splits, rows and shards of a build. Raises SynthgenError for anything impossible."""
    source = Source(load_spec(spec))
    for name, value in (("rows", rows), ("shards", shards)):
        if value is not None and value < 1:
            raise SynthgenError(f"--{name} {value}: must be at least 1")
    if container not in CONTAINERS:
        raise SynthgenError(f"--format {container!r}: choose one of {', '.join(CONTAINERS)}")
    chosen = source.check_columns(columns) if columns else source.schema.names
    names = list(dict.fromkeys(splits or source.splits))
    if not names:
        raise SynthgenError(f"{source.spec.name} names no splits: say which with --split NAME --rows N")
    sizes: dict[str, tuple[int, int]] = {}
    for name in names:
        own = source.spec.splits.get(name)
        limit = source.rows_max(name)
        number = rows or (own.rows if own else None) or limit
        if number is None:
            raise SynthgenError(f"split {name!r} of {source.spec.name} has no size: say how many rows with --rows N")
        if limit is not None and number > limit:
            raise SynthgenError(
                f"split {name!r} of {source.spec.name} has {limit:,} rows in all; {number:,} were asked for"
            )
        sizes[name] = (number, 1)
        if shards is None and own is not None and own.shards is not None and rows is None:
            count = own.shards
        else:
            draft = Build(source, sizes, tuple(chosen), container)
            count = shards or max(1, round(draft.bytes_per_row(name) * number / SHARD_BYTES))
        if count > number:
            raise SynthgenError(f"split {name!r}: {count} shards for {number} rows; a shard needs a row")
        sizes[name] = (number, count)
    return Build(source, sizes, tuple(chosen), container)


def generate(
    spec: str | Path | Spec,
    out: str | Path,
    *,
    splits: Sequence[str] | None = None,
    rows: int | None = None,
    seed: int | None = None,
    world: int | None = None,
    params: Mapping[str, Any] | None = None,
    shards: int | None = None,
    workers: int | None = None,
    columns: Sequence[str] | None = None,
    format: str = "arrow",
    rank: int | None = None,
    world_size: int = 1,
    on_plan: Callable[[Build, int], None] | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> Manifest | None:
    """Build a dataset folder, or what is missing of it, and return its manifest.

    With `rank` r of `world_size` only every W-th shard is made and None is returned; `finish` completes the folder.
    `on_plan` is told the build and how many rows are still to be made, `on_rows` how many have just been made. Raises
    SynthgenError for bad input, a folder of another dataset or build, a folder in use, and a full disk.
    """
    resolved = load_spec(spec, seed=seed, world=world, params=params)
    build = plan_build(resolved, splits=splits, rows=rows, shards=shards, columns=columns, container=format)
    if rank is not None and not 0 <= rank < world_size:
        raise SynthgenError(f"--rank {rank}: ranks run from 0 to {world_size - 1} (--world-size {world_size})")
    if workers is not None and workers < 1:
        raise SynthgenError(f"--workers {workers}: must be at least 1")
    folder = Path(out)
    with opened(folder, build.to_json(), resolved, rank) as work:
        manifest = Manifest.read(folder) if (folder / "manifest.json").exists() else None
        known = {shard.path: shard for shard in manifest.shards} if manifest else {}
        known |= recorded(work)
        jobs, todo = [], 0
        for number, (split, index, count) in enumerate(build.shards()):
            path = build.path(split, index, count)
            if is_made(folder, known.get(path)) or (rank is not None and number % world_size != rank):
                continue
            start, stop = shard_range(build.splits[split][0], index, count)
            todo += stop - start
            jobs.append(functools.partial(make_shard, build, folder, split, index, count))
        _check_disk(folder, build, todo)
        for split in build.splits if jobs else ():  # compile here, once, and not in every worker
            build.source.batch(0, 1, split)
        if on_plan:
            on_plan(build, todo)
        if jobs:
            wanted = workers or (usable_cores() if _seconds(build, todo) > WORTH_A_POOL else 1)
            with told_of_a_full_disk(folder), told_how_to_go_on(folder):
                run_local(jobs, min(wanted, len(jobs)), lambda shard: None, on_rows or (lambda rows: None))
        if rank is not None:
            return None
        if manifest and not jobs and set(build.splits) <= set(manifest.splits):
            shutil.rmtree(work)
            return manifest
        return _complete(folder, build, manifest, {**known, **recorded(work)}, work)


def make_shard(build: Build, folder: Path, split: str, index: int, count: int, on_rows: Callable[[int], None]) -> Shard:
    """Make one shard of a build and record it; the unit of work of every engine."""
    path = build.path(split, index, count)
    start, stop = shard_range(build.splits[split][0], index, count)
    source, columns = build.source, build.columns

    def batches() -> Iterator[Any]:
        for first in range(start, stop, BATCH_ROWS):
            upto = min(first + BATCH_ROWS, stop)
            yield source.batch(first, upto, split, columns)
            on_rows(upto - first)

    name = Path(path).name
    schema = source.batch(start, start + 1, split, columns).schema
    work = folder / ".synthgen"
    shard = write_shard(batches(), schema, folder / path, work / "tmp" / name, path, split)
    write_whole(work / "shards" / f"{name}.json", json.dumps(shard.to_json()))
    return shard


def finish(out: str | Path) -> Manifest:
    """Complete a folder after rank runs: see that every shard is there, then write the manifest.

    Raises SynthgenError that names the missing shards.
    """
    folder = Path(out)
    work = folder / ".synthgen"
    if not (work / "build.json").is_file():
        if (folder / "manifest.json").is_file():
            return Manifest.read(folder)
        raise SynthgenError(f"{folder}: nothing to finish here; run `synthgen generate --rank R --world-size W` first")
    with locked(work, None):
        begun = json.loads((work / "build.json").read_text())
        spec = load_spec(work / "spec.toml")
        spec._name = begun["name"]
        sizes = {name: (split["rows"], split["shards"]) for name, split in begun["splits"].items()}
        build = Build(Source(spec), sizes, tuple(begun["columns"]), begun["container"])
        manifest = Manifest.read(folder) if (folder / "manifest.json").exists() else None
        known = recorded(work) | ({shard.path: shard for shard in manifest.shards} if manifest else {})
        missing = [p for p in (build.path(*shard) for shard in build.shards()) if not is_made(folder, known.get(p))]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise SynthgenError(
                f"{folder}: {len(missing)} shards are missing ({', '.join(missing[:3])}{more}); run their ranks again"
            )
        return _complete(folder, build, manifest, known, work)


# ---------------------------------------------------------------------------------------------------------------------


def _complete(folder: Path, build: Build, old: Manifest | None, known: Mapping[str, Shard], work: Path) -> Manifest:
    """Write spec, README and, last, the manifest of a folder whose shards are all there."""
    source = build.source
    spec = source.spec
    splits = dict(old.splits) if old else {}
    for name, (rows, shards) in build.splits.items():
        limit = source.rows_max(name)
        splits[name] = {
            "rows": rows,
            "shards": shards,
            "complete": None if limit is None else rows == limit,
            "split_by": source.task(name).split_by,
            "params": spec.splits[name].params if name in spec.splits else {},
            "entropy": source.entropy(name, rows, estimates=False).to_json(),
            **_shares(source.task(name), rows),
        }
    resolved = spec.resolved(splits)
    manifest = Manifest(
        content_id=spec.content_id,
        identity=spec.identity,
        spec={"name": spec.name, **resolved},
        versions={"synthgen": synthgen.__version__, "task": spec.task_class.version},
        container=build.container,
        columns=list(build.columns),
        vocab=source.vocab.to_json() if source.vocab else None,
        splits=splits,
        shards=[
            known[shard_path(name, index, split["shards"], build.container)]
            for name, split in splits.items()
            for index in range(split["shards"])
        ],
    )
    write_assets(folder, spec)
    task = source.task()
    if isinstance(task, Tokenized) and isinstance(task.tokenizer, Tokenizer):
        write_whole(folder / "tokenizer.json", task.tokenizer.to_json())
    write_whole(folder / "spec.toml", tomli_w.dumps(resolved))
    write_whole(folder / "README.md", short_readme(manifest, source.schema))
    manifest.write(folder)
    shutil.rmtree(work)
    sync_folder(folder)
    return manifest


def _shares(task: Task, rows: int) -> dict[str, Any]:
    """Return how many rows of each component a mixture's split holds; the lengths are in its entropy's facts."""
    own = task.text if isinstance(task, Tokenized) else task
    return {"component_rows": own.component_rows(rows)} if isinstance(own, Mixture) else {}


def _seconds(build: Build, todo: int) -> float:
    """Return about how long one process needs for `todo` rows, from a sample of the first split."""
    split, (rows, _) = next(iter(build.splits.items()))
    sample = min(rows, 1024)
    start = time.perf_counter()
    build.source.batch(0, sample, split, build.columns)
    return 1.5 * todo * (time.perf_counter() - start) / sample  # hashing and writing take about a third


def _check_disk(folder: Path, build: Build, todo: int) -> None:
    """Raise SynthgenError if the rows still to be made surely do not fit."""
    sizes = [build.bytes_per_row(split) for split in build.splits] if todo else [0.0]
    needed = todo * min(sizes) * (0.2 if build.container == "parquet" else 1.0)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SynthgenError(
            f"{folder}: needs about {needed / 1e9:.2f} GB and the disk has {free / 1e9:.2f} GB free; "
            "free some, make fewer rows, or leave out columns with --columns"
        )
