"""A dataset folder under construction: locked, resumable, and never mistaken for another dataset's."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from synthgen.dataset.build_journal import BuildJournal, read_begun, spec_is_sound
from synthgen.dataset.interrupts import told_how_to_go_on
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.shards import Shard
from synthgen.errors import SynthgenError
from synthgen.spec.spec import Spec, load_spec
from synthgen.task.assets import asset_files
from synthgen.task.files import write_whole
from synthgen.task.foreign import read_bytes

UNWRITABLE = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ESTALE),
    *(errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL),
)
"""The errors of a folder that cannot be written to."""

LOCK_TRIES = 100
"""How often a lock is taken anew because its file was removed meanwhile by a run that ended."""


@contextlib.contextmanager
def opened(folder: Path, wanted: Mapping[str, Any], spec: Spec, rank: int | None, verify: bool) -> Iterator[Path]:
    """Open a folder for the build `wanted` of `spec`: refuse another dataset's, lock it, write down what is built.

    Gives the folder of unfinished work. With `verify`, a folder that has lost its manifest is taken for what its
    `spec.toml` says. Raises SynthgenError for a folder of other things, or in use.
    """
    work = folder / ".synthgen"
    with explaining_a_full_disk(folder), told_how_to_go_on(folder):
        if folder.exists() and not folder.is_dir():
            raise SynthgenError(f"{folder}: is a file; name a folder")
        _refuse_foreign(folder, wanted, verify)
        folder.mkdir(parents=True, exist_ok=True)
        with locked(work, rank):
            _refuse_foreign(folder, wanted, verify)  # again: another run may have ended between
            for part in (folder / "data", work / "tmp", work / "shards"):
                part.mkdir(exist_ok=True)
            _begin(work, wanted, spec)
            if rank is None:
                for leftover in (work / "tmp").iterdir():
                    leftover.unlink()
            yield work


def _begin(work: Path, wanted: Mapping[str, Any], spec: Spec) -> None:
    """Write down what is built, unless it is there in good order."""
    begun = read_begun(work)
    if begun is not None:
        _refuse_other(work.parent, begun["build"], wanted, only_common_splits=False)
        if spec_is_sound(work, begun):
            return
    write_assets(work, spec, work / "tmp")
    BuildJournal(work, wanted).begin(spec.name, tomli_w.dumps(spec.resolved(wanted["splits"])))


def read_manifest(folder: Path, verify: bool = False) -> Manifest | None:
    """Return a folder's manifest, or None if there is none; with `verify`, a damaged one counts as none."""
    if not (folder / "manifest.json").exists():
        return None
    try:
        manifest = Manifest.read(folder)
    except SynthgenError:
        if verify:
            return None
        raise
    return manifest if not verify or manifest.is_unchanged(folder) else None


def _refuse_foreign(folder: Path, wanted: Mapping[str, Any], verify: bool) -> None:
    """Raise SynthgenError if the folder holds anything but a dataset, or the beginnings of one, that is `wanted`."""
    manifest = read_manifest(folder, verify)
    entries = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    finished = bool(entries) and ".synthgen" not in entries and not (folder / ".synthgen").is_dir()
    if manifest is None and finished:
        # Looked for again: a run that has ended since wrote it before it took the folder of its work away.
        manifest = read_manifest(folder, verify)
    if manifest is not None:
        there = {
            "identity": manifest.identity,
            "container": manifest.container,
            "columns": manifest.columns,
            "splits": {n: {k: s[k] for k in ("rows", "shards", "params")} for n, s in manifest.splits.items()},
        }
        _refuse_other(folder, there, wanted, only_common_splits=True)
    elif finished:
        if not (folder / "data").is_dir() or not (folder / "spec.toml").is_file():
            raise SynthgenError(f"{folder}: holds other files and no dataset; name a new or empty folder")
        if not verify:
            raise SynthgenError(f"{folder}: a dataset without its manifest; add --verify to make what is missing again")
        _compare(folder, "identity", load_spec(folder / "spec.toml").identity, wanted["identity"])


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
    try:
        for _ in range(LOCK_TRIES):
            work.mkdir(exist_ok=True)
            try:
                file = (work / "lock").open("a+")
            except FileNotFoundError:  # the run that had it has just ended and removed the folder
                continue
            with file:
                _flock(file.fileno(), work, rank, doing)
                if not _is_still(work / "lock", file.fileno()):
                    continue
                yield
                return
    finally:
        # Empty once a run has completed the folder; on NFS only now, since the lock was open until here.
        with contextlib.suppress(OSError):
            work.rmdir()
    raise SynthgenError(f"{work.parent}: other processes keep coming and going here; wait for them")


def _flock(handle: int, work: Path, rank: int | None, doing: str) -> None:
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if rank is None else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SynthgenError(
            f"{work.parent}: another process is {doing} this folder; wait for it "
            "(tasks of an array job share a folder with --rank auto)"
        ) from None
    except OSError as error:
        print(
            f"synthgen: {work.parent} cannot be locked ({error.strerror}): run one process at a time", file=sys.stderr
        )


def _is_still(path: Path, handle: int) -> bool:
    """Say whether `path` still is the file that was opened."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def discard(work: Path) -> None:
    """Remove the folder of unfinished work, but for the empty folder itself: `locked` takes that away."""
    for entry in work.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != "lock":
            entry.unlink()
    (work / "lock").unlink()


def is_made(folder: Path, shard: Shard | None) -> bool:
    """Say whether a recorded shard's file is there, in its recorded size."""
    return shard is not None and (folder / shard.path).is_file() and (folder / shard.path).stat().st_size == shard.bytes


@contextlib.contextmanager
def explaining_a_full_disk(folder: Path) -> Iterator[None]:
    """Turn what a full, read-only or failing disk raises into a SynthgenError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SynthgenError(
                f"{folder}: the disk is full; finished shards are kept: free some space and run the same command again"
            ) from None
        if error.errno == errno.EFBIG:
            raise SynthgenError(
                f"{folder}: the system refuses files of this size (see `ulimit -f`); finished shards are kept: raise "
                "the limit, or make more --shards in a new folder"
            ) from None
        if error.errno in UNWRITABLE:
            raise SynthgenError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
        raise


def write_assets(folder: Path, spec: Spec, scratch: Path, only_lost: bool = False) -> None:
    """Copy the files that the spec's params name to `folder/assets/`, or those that are not there.

    Raises SynthgenError if they were edited after the spec was read.
    """
    spec.refuse_edited_files()
    for name, file in asset_paths(spec).items():
        copy = folder / name
        if only_lost and copy.is_file():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_whole(copy, read_bytes(file), scratch)


def asset_paths(spec: Spec) -> dict[str, Path]:
    """Return the files that a spec's params name, by their path in a dataset folder."""
    assets = spec.assets.values()
    return {f"assets/{path.name}{name and '/'}{name}": file for path in assets for name, file in asset_files(path)}
