"""Jobs: the unit of work of every engine. One shard, made (or made again) whole, and written into the journal.

A job is a picklable function of one argument, a function that is told of rows as they are made. It may run anywhere
that sees the folder, twice if need be, and at the same time: it makes the same bytes, and a rename puts them in place.
"""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from synthgen.dataset.build_journal import BuildJournal, read_begun, spec_is_sound
from synthgen.dataset.build_plan import BuildPlan
from synthgen.dataset.shards import BATCH_ROWS, Shard, Summary, read_batches, shard_range, write_shard
from synthgen.errors import SynthgenError
from synthgen.exact.jit import package_digest
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.task.files import file_sha256
from synthgen.version import __version__

OnRows = Callable[[int], None]
Job = Callable[[OnRows], Shard]


@dataclass(frozen=True)
class LocalJob:
    """Shard `index` of a split, on the machine that planned the build."""

    plan: BuildPlan
    folder: Path
    split: str
    index: int
    there: Shard | None
    """The record of a file that is there already, to be read again and kept if it is sound."""

    def __call__(self, on_rows: OnRows) -> Shard:
        """Make the shard unless it is there and sound; return its record."""
        rows, count = self.plan.splits[self.split]
        path = self.plan.path(self.split, self.index, count)
        work = self.folder / ".synthgen"
        component = self.plan.source.task().component_field
        shard = read_again(self.folder, self.there, component) if self.there else None
        if shard is not None:
            on_rows(shard.rows)
        else:
            start, stop = shard_range(rows, self.index, count)
            schema = self.plan.source.batch(start, start + 1, self.split, self.plan.columns).schema
            batches = self._batches(start, stop, on_rows)
            target, container = self.folder / path, self.plan.container
            shard = write_shard(batches, schema, target, path, self.split, component, work / "tmp", container)
        BuildJournal(work, self.plan.to_json()).add(shard)
        return shard

    def _batches(self, start: int, stop: int, on_rows: OnRows) -> Iterator[pa.RecordBatch]:
        for first in range(start, stop, BATCH_ROWS):
            upto = min(first + BATCH_ROWS, stop)
            yield self.plan.source.batch(first, upto, self.split, self.plan.columns)
            on_rows(upto - first)


def read_again(folder: Path, stated: Shard, component_field: str) -> Shard | None:
    """Return the record of a shard as its file gives it, or None if the file is not the one that was written.

    Of `stated` only the file's SHA-256 is believed; rows, content hash and bits are taken anew.
    """
    file = folder / stated.path
    size, digest = file.stat().st_size, file_sha256(file)
    if (size, digest) != (stated.bytes, stated.sha256):
        return None
    summary = None
    try:
        for batch in read_batches(file):
            summary = summary or Summary(batch.schema, component_field)
            summary.add(batch)
    except (SynthgenError, pa.ArrowException):
        return None
    if summary is None:
        return None
    return summary.shard(stated.path, stated.split, size, digest)


# ---------------------------------------------------------------------------------------------------------------------
# On other machines.


@dataclass(frozen=True)
class RemoteJob:
    """Shard `index` of a split, on any machine that has synthgen and sees the folder: a few hundred bytes to send."""

    folder: str
    token: str
    """The build's, as its journal has it: a folder with another build in it is refused."""
    code: tuple[str, ...]
    """What `code_of` gave where the build was planned."""
    split: str
    index: int
    there: Shard | None

    def __call__(self, on_rows: OnRows) -> Shard:
        """Make the shard unless it is there and sound; return its record."""
        # A source is for one thread; a worker may have several.
        plan = _plan_of(self.folder, self.token, threading.get_ident())
        here = code_of(plan)
        if here != self.code:
            differs = next(f"{b}, not {a}" for a, b in zip(self.code, here, strict=True) if a != b)
            raise SynthgenError(
                f"the worker on {socket.gethostname()} has other code ({differs}), which may make other rows: "
                "install the same version of synthgen and its plug-ins everywhere"
            )
        return LocalJob(plan, Path(self.folder), self.split, self.index, self.there)(on_rows)


@functools.cache
def _code_of(package: str) -> str:
    return package_digest(package)


def code_of(plan: BuildPlan) -> tuple[str, ...]:
    """Return what a build's rows depend on beside its spec: the version and digests of the sources."""
    package = plan.source.spec.task_class.__module__.split(".")[0]
    return f"synthgen {__version__}", *(f"{name} {_code_of(name)}" for name in ("synthgen", package))


@functools.lru_cache(maxsize=16)
def _plan_of(folder: str, token: str, thread: int) -> BuildPlan:
    plan = plan_in(Path(folder))
    if BuildJournal(Path(folder) / ".synthgen", plan.to_json()).token != token:
        raise SynthgenError(f"{folder}: on {socket.gethostname()} this is the folder of another build")
    return plan


def plan_in(folder: Path) -> BuildPlan:
    """Return the build that is under way in a folder, from the folder alone.

    Raises SynthgenError if there is none here, or if what was written down of it is damaged.
    """
    work = folder / ".synthgen"
    if not work.is_dir():
        raise SynthgenError(
            f"{folder}: no build here on {socket.gethostname()}; the folder must be on a disk that all workers share"
        )
    begun = read_begun(work)
    again = "run the same `synthgen generate` again, it is then written anew"
    if begun is None or not spec_is_sound(work, begun):
        raise SynthgenError(f"{work}: damaged; {again}")
    spec = load_spec(work / "spec.toml").named(begun["name"])
    stated: Any = begun["build"]
    sizes = {name: (split["rows"], split["shards"]) for name, split in stated["splits"].items()}
    source = Source(spec)
    plan = BuildPlan(source, sizes, tuple(source.check_columns(stated["columns"])), stated["container"])
    if plan.to_json() != stated:
        raise SynthgenError(f"{work}/assets: not the files the build began with; remove {work} and {again}")
    return plan
