"""Files that are whole: whoever reads one sees what was there before or all that was written, never a part.

with replacing(Path("shard.arrow")) as file:
    file.write(b"...")
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path, scratch: Path | None = None, only_writer: bool = False) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends; if the block fails, `path` is as it was.

    It has another name meanwhile, in `scratch`: a folder of the same file system, by default the file's own. With
    `only_writer`, nobody else writes `path`, and the name is always PATH.partial, so that what a kill -9 leaves is
    overwritten and does not pile up. Raises OSError where the disk is full; nothing is left behind then.
    """
    folder = scratch or path.parent
    temporary = folder / f"{path.name}.partial" if only_writer else temporary_name(folder, path.name)
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str | bytes, scratch: Path | None = None, only_writer: bool = False) -> None:
    """Write a small file at once (see `replacing`)."""
    with replacing(path, scratch, only_writer) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def temporary_name(folder: Path, name: str) -> Path:
    """Return a name that no other writer has, on this machine or another: two may be making the same file."""
    return folder / f".{name}.{os.getpid()}-{secrets.token_hex(6)}"


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def exists(path: Path) -> bool:
    """Return whether there is a file or folder of this name; False for a name that nothing can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Return whether there is a file of this name; False for a name that nothing can have."""
    return exists(path) and path.is_file()


def shipped(name: str) -> Path:
    """Return the path of a file or folder that goes with the package: inside it in a wheel, beside it in a clone."""
    package = Path(__file__).parents[1]
    inside = package / name
    return inside if inside.exists() else package.parent / name


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hex digits, without reading it all into memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
