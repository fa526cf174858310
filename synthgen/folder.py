"""A dataset folder under construction: locked, resumable, and never mistaken for another dataset's."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from synthgen.assets import asset_files
from synthgen.errors import Interrupted, SynthgenError
from synthgen.manifest import Manifest
from synthgen.shards import Shard, write_whole
from synthgen.spec import Spec


@contextlib.contextmanager
def opened(folder: Path, wanted: Mapping[str, Any], spec: Spec, rank: int | None) -> Iterator[Path]:
    """Open a folder for the build `wanted` of `spec`: refuse another dataset's, lock it, write down what is built.

    Gives the folder of unfinished work. Raises SynthgenError for a folder of other things, or in use.
    """
    if folder.exists() and not folder.is_dir():
        raise SynthgenError(f"{folder}: is a file; name a folder")
    work = folder / ".synthgen"
    if (folder / "manifest.json").exists():
        manifest = Manifest.read(folder)
        there = {
            "identity": manifest.identity,
            "container": manifest.container,
            "columns": manifest.columns,
            "splits": {n: {k: s[k] for k in ("rows", "shards", "params")} for n, s in manifest.splits.items()},
        }
        _refuse_other(folder, there, wanted, only_common_splits=True)
    elif folder.is_dir() and not work.is_dir() and any(folder.iterdir()):
        raise SynthgenError(f"{folder}: holds other files and no dataset; name a new or empty folder")
    try:
        for part in ("data", ".synthgen/tmp", ".synthgen/shards"):
            (folder / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SynthgenError(f"{folder}: cannot be written: {error.strerror}") from None
    with locked(work, rank):
        begun = work / "build.json"
        if begun.exists():
            try:
                there = json.loads(begun.read_text())
            except ValueError:
                raise SynthgenError(f"{begun}: damaged; remove {work} and run again") from None
            there.pop("name", None)
            _refuse_other(folder, there, wanted, only_common_splits=False)
        else:
            with told_of_a_full_disk(folder):
                write_assets(work, spec)
                write_whole(work / "spec.toml", tomli_w.dumps(spec.resolved(wanted["splits"])))
                write_whole(begun, json.dumps({"name": spec.name, **wanted}))
        if rank is None:
            for leftover in (work / "tmp").iterdir():
                leftover.unlink()
        yield work


def _refuse_other(folder: Path, there: Mapping[str, Any], wanted: Mapping[str, Any], only_common_splits: bool) -> None:
    """Raise SynthgenError that names the first field in which a folder's build differs from the one wanted."""
    for field in ("identity", "container", "columns"):
        _compare(folder, field, there[field], wanted[field])
    for name in set(there["splits"]) | set(wanted["splits"]):
        if name in there["splits"] and name in wanted["splits"]:
            _compare(folder, f"splits.{name}", there["splits"][name], wanted["splits"][name])
        elif not only_common_splits:
            raise SynthgenError(
                f"{folder}: an unfinished build with other splits ({', '.join(there['splits'])}) is there"
            )


def _compare(folder: Path, field: str, there: Any, wanted: Any) -> None:
    if isinstance(there, Mapping) and isinstance(wanted, Mapping):
        for key in [*there, *(k for k in wanted if k not in there)]:
            _compare(folder, f"{field}.{key}".removeprefix("identity."), there.get(key), wanted.get(key))
    elif there != wanted:
        raise SynthgenError(
            f"{folder}: holds another dataset: {field} is {there!r} there and {wanted!r} here; "
            "name another folder, or remove that one"
        )


@contextlib.contextmanager
def locked(work: Path, rank: int | None, doing: str = "generating into") -> Iterator[None]:
    """Hold the folder's lock: alone, or, as a rank, beside other ranks. A dead holder's lock is free."""
    with (work / "lock").open("w") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if rank is None else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SynthgenError(f"{work.parent}: another process is {doing} this folder; wait for it") from None
        except OSError as error:
            print(
                f"synthgen: {work.parent} cannot be locked ({error.strerror}): run one process at a time",
                file=sys.stderr,
            )
        yield


def recorded(work: Path) -> dict[str, Shard]:
    """Return the finished shards of an unfinished build, by path."""
    shards = (Shard(**json.loads(file.read_text())) for file in sorted((work / "shards").glob("*.json")))
    return {shard.path: shard for shard in shards}


def is_made(folder: Path, shard: Shard | None) -> bool:
    """Say whether a recorded shard's file is there, in its recorded size."""
    return shard is not None and (folder / shard.path).is_file() and (folder / shard.path).stat().st_size == shard.bytes


@contextlib.contextmanager
def told_of_a_full_disk(folder: Path) -> Iterator[None]:
    """Turn what a full or read-only disk raises into a SynthgenError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SynthgenError(
                f"{folder}: the disk is full; finished shards are kept: free some space and run the same command again"
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise SynthgenError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
        raise


@contextlib.contextmanager
def told_how_to_go_on(folder: Path) -> Iterator[None]:
    """Turn Ctrl-C into an error that says what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(
            f"{folder}: interrupted; finished shards are kept: the same command goes on from here"
        ) from None


def write_assets(folder: Path, spec: Spec) -> None:
    """Copy the files that the spec's params name to `folder/assets/`."""
    for path in spec.assets.values():
        for name, file in asset_files(path):
            copy = folder / "assets" / path.name / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_whole(copy, file.read_text(encoding="utf-8"))
