"""Builds: from a plan to a dataset folder; run, resume, finish.

A build is a list of shards, each a pure function of (spec, split, range of rows), so it may be cut into any number of
workers, machines, ranks and runs. While it is unfinished, `DIR/.synthgen/` holds the journal and the temporary files;
the manifest is written last and the folder removed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from synthgen.dataset.build_journal import BuildJournal
from synthgen.dataset.build_plan import BuildPlan
from synthgen.dataset.build_plan import plan_build as plan_build
from synthgen.dataset.cluster import run_on_cluster
from synthgen.dataset.folder import (
    discard,
    explaining_a_full_disk,
    is_made,
    locked,
    opened,
    read_manifest,
    write_assets,
)
from synthgen.dataset.interrupts import told_how_to_go_on
from synthgen.dataset.jobs import Job, LocalJob, RemoteJob, code_of, plan_in
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.processes import run_local, usable_cores
from synthgen.dataset.readme import short_readme
from synthgen.dataset.shards import Shard, shard_path, shard_range
from synthgen.errors import SynthgenError, nearest
from synthgen.exact.progress import notebook_bar
from synthgen.spec.source import Source
from synthgen.spec.spec import Spec, check_split_labels, load_spec
from synthgen.task.files import sync_folder, write_whole

ENGINES = ("local", "dask")

WORTH_A_POOL = 4.0
"""Seconds of work below which one process is faster than starting a pool, which takes a second or two."""


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
    engine: str = "local",
    scheduler: str | None = None,
    verify: bool = False,
    on_plan: Callable[[BuildPlan, int], None] | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> Manifest | None:
    """Build a dataset folder, or what is missing of it, and return its manifest.

    With `rank` r of `world_size` only every W-th shard is made and None is returned; `finish` completes the folder.
    `engine` "dask" has the shards made by the workers of the cluster at `scheduler`, or of one it starts here; they
    must see the folder under the same path. `verify` reads shards that are there and makes damaged ones again.
    `on_plan` is told the build and how many rows are still to be made (or read), `on_rows` how many just were; without
    it, a notebook shows a bar. Raises SynthgenError for bad input, a folder of another dataset or build, a folder in
    use, and a full disk.
    """
    resolved = load_spec(spec, seed=seed, world=world, params=params)
    plan = plan_build(resolved, splits=splits, rows=rows, shards=shards, columns=columns, container=format)
    _check_engine(engine, scheduler, workers, rank, world_size)
    folder = Path(out)
    bar = notebook_bar("rows", hidden=on_rows is not None)
    with bar, opened(folder, plan.to_json(), resolved, rank, verify) as work:
        manifest = read_manifest(folder, verify)
        check_split_labels(dict.fromkeys([*(manifest.splits if manifest else ()), *plan.splits]), str(folder))
        journal = BuildJournal(work, plan.to_json())
        known = {shard.path: shard for shard in [*(manifest.shards if manifest else ()), *journal.shards()]}
        todo: list[tuple[str, int, Shard | None]] = []
        new_rows = old_rows = 0  # to be made, and to be read again
        for number, (split, index, count) in enumerate(plan.shards()):
            shard = known.get(plan.path(split, index, count))
            there = shard if is_made(folder, shard) else None
            if (there and not verify) or (rank is not None and number % world_size != rank):
                continue
            start, stop = shard_range(plan.splits[split][0], index, count)
            new_rows += 0 if there else stop - start
            old_rows += stop - start if there else 0
            todo.append((split, index, there))
        _check_disk(folder, plan, new_rows)
        if todo:
            plan.make_ready()  # compile here, once, and not in every worker
        if on_plan:
            on_plan(plan, new_rows + old_rows)
        bar.reset(new_rows + old_rows)
        tell = on_rows or bar.update
        jobs: list[Job]
        new_shards: list[Shard] = []
        if engine == "dask" and todo:
            home, code = str(folder.absolute()), code_of(plan)
            jobs = [RemoteJob(home, journal.token, code, *one) for one in todo]
            run_on_cluster(jobs, workers, new_shards.append, tell, scheduler)
        elif todo:
            jobs = [LocalJob(plan, folder, *one) for one in todo]
            wanted = workers or (usable_cores() if _seconds(plan, new_rows + old_rows // 3) > WORTH_A_POOL else 1)
            run_local(jobs, min(wanted, len(jobs)), new_shards.append, tell, plan.make_ready)
        if rank is not None:
            return None
        told = manifest is not None and manifest.spec["params"] == plan.source.spec.resolved()["params"]
        if manifest and told and not todo and set(plan.splits) <= set(manifest.splits):
            _write_definition(folder, plan.source, manifest, work / "tmp", only_lost=True)
            discard(work)
            return manifest
        return _complete(folder, plan, manifest, known | {shard.path: shard for shard in new_shards}, work)


def finish(out: str | Path) -> Manifest:
    """Complete a folder after rank runs: see that every shard is there, then write the manifest.

    Raises SynthgenError that names the missing shards.
    """
    folder = Path(out)
    work = folder / ".synthgen"
    if not work.is_dir():
        if (folder / "manifest.json").is_file():
            return Manifest.read(folder)
        raise SynthgenError(f"{folder}: nothing to finish here; run `synthgen generate --rank R --world-size W` first")
    with explaining_a_full_disk(folder), told_how_to_go_on(folder), locked(work, None):
        plan = plan_in(folder)
        manifest = read_manifest(folder)
        journalled = BuildJournal(work, plan.to_json()).shards()
        known = {shard.path: shard for shard in [*(manifest.shards if manifest else ()), *journalled]}
        missing = [p for p in (plan.path(*shard) for shard in plan.shards()) if not is_made(folder, known.get(p))]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise SynthgenError(
                f"{folder}: {len(missing)} shards are missing ({', '.join(missing[:3])}{more}); run their ranks again"
            )
        (work / "tmp").mkdir(exist_ok=True)  # what copies a folder may leave out those that are empty
        return _complete(folder, plan, manifest, known, work)


# ---------------------------------------------------------------------------------------------------------------------


def _complete(folder: Path, plan: BuildPlan, old: Manifest | None, known: Mapping[str, Shard], work: Path) -> Manifest:
    """Write spec, README and, last, the manifest of a folder whose shards are all there."""
    source, others = plan.source, dict(old.splits) if old else {}
    counts = {name: split["shards"] for name, split in others.items()}
    counts |= {name: count for name, (_, count) in plan.splits.items()}
    paths = [shard_path(name, i, count, plan.container) for name, count in counts.items() for i in range(count)]
    shards = [known[path] for path in paths]
    manifest = Manifest.describe(source, plan.splits, plan.columns, plan.container, shards, others)
    scratch = work / "tmp"
    _write_definition(folder, source, manifest, scratch)
    manifest.write(folder, scratch)
    discard(work)
    sync_folder(folder)
    return manifest


def _write_definition(folder: Path, source: Source, manifest: Manifest, scratch: Path, only_lost: bool = False) -> None:
    """Write what stands beside the shards: assets, sidecars, `spec.toml` and README; or what of it is not there."""
    write_assets(folder, source.spec, scratch, only_lost)
    spec = tomli_w.dumps(source.spec.resolved(manifest.splits))
    beside = {
        **source.task().sidecars(),
        "spec.toml": spec,
        "README.md": short_readme(manifest, source.schema_with(manifest.columns), source.task()),
    }
    for name, text in beside.items():
        if not (only_lost and (folder / name).is_file()):
            write_whole(folder / name, text, scratch)


def _check_engine(engine: str, scheduler: str | None, workers: int | None, rank: int | None, world_size: int) -> None:
    """Raise SynthgenError for a way of working that does not exist, or that contradicts itself."""
    if rank is None and world_size != 1:
        raise SynthgenError(f"--world-size {world_size}: say which rank this is with --rank R, or --rank auto")
    if rank is not None and not 0 <= rank < world_size:
        raise SynthgenError(f"--rank {rank}: ranks run from 0 to {world_size - 1} (--world-size {world_size})")
    if workers is not None and workers < 1:
        raise SynthgenError(f"--workers {workers}: must be at least 1")
    if engine not in ENGINES:
        raise SynthgenError(f"--engine {engine!r}: choose one of {', '.join(ENGINES)}{nearest(engine, ENGINES)}")
    if scheduler is not None and engine != "dask":
        raise SynthgenError(f"--scheduler {scheduler}: is for --engine dask")
    if scheduler is not None and workers is not None:
        raise SynthgenError("--workers: the cluster at --scheduler has its own; leave it out")
    if engine == "dask" and rank is not None:
        raise SynthgenError("--rank: --engine dask shares out the work itself; leave it out")


def _seconds(plan: BuildPlan, todo: int) -> float:
    """Return about how long one process needs for `todo` rows, from a sample of the first split."""
    split, (rows, _) = next(iter(plan.splits.items()))
    sample = min(rows, 1024)
    start = time.perf_counter()
    plan.source.batch(0, sample, split, plan.columns)
    return 1.5 * todo * (time.perf_counter() - start) / sample  # hashing and writing take about a third


def _check_disk(folder: Path, plan: BuildPlan, todo: int) -> None:
    """Raise SynthgenError if the rows still to be made surely do not fit."""
    sizes = [plan.bytes_per_row(split) for split in plan.splits] if todo else [0.0]
    needed = todo * min(sizes) * (0.2 if plan.container == "parquet" else 1.0)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SynthgenError(
            f"{folder}: needs about {needed / 1e9:.2f} GB and the disk has {free / 1e9:.2f} GB free; "
            "free some, make fewer rows, or leave out columns with --columns"
        )
