"""Files that a spec brings along: word lists, grammars, tokenizers. Beside or below the spec, never elsewhere."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from synthgen.errors import SynthgenError
from synthgen.task.files import exists
from synthgen.task.foreign import read_text
from synthgen.task.foreign import read_toml as read_toml  # here in 0.1.0

MAX_FILES = 1000
MAX_BYTES = 256 << 20
"""What a param may bring along: so many files, so many bytes in all."""


def read_asset(files: Path, name: str, field: str) -> Path:
    """Return the path of a file or folder that a param names: relative to the spec's folder, never outside of it."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise SynthgenError(f"{field} = {name!r}: name a file beside or below the spec, without '..'")
    path = files / parts
    if not exists(path):
        raise SynthgenError(f"{field} = {name!r}: no such file or folder in {files.resolve()}")
    home = os.path.realpath(files)
    for entry in itertools.islice(_below(path), MAX_FILES + 1):
        target = Path(os.path.realpath(entry))  # unlike Path.resolve, also of a link to itself
        if not target.is_relative_to(home):
            link = next((step for step in (entry, *entry.parents) if step.is_symlink()), entry)
            raise SynthgenError(
                f"{field} = {name!r}: {link} is a link to {os.path.realpath(link)}, outside of the spec's folder: "
                "copy the file there, if it is meant"
            )
        if not entry.is_file() and not entry.is_dir():
            raise SynthgenError(f"{field} = {name!r}: {entry} is a pipe, a device or a dead link; put a file there")
    return path


def _below(path: Path) -> Iterator[Path]:
    """Yield a path and, if it is a folder, what lies below; a link to a folder is not followed."""
    yield path
    if path.is_dir():
        yield from path.rglob("*")


def asset_files(path: Path) -> list[tuple[str, Path]]:
    """Return the files behind a file's or folder's path: (name below it, path) in order of name."""
    if path.is_file():
        files = [("", path)]
    else:
        below = (file for file in _below(path) if file.is_file())
        first = itertools.islice(below, MAX_FILES + 1)
        files = sorted((file.relative_to(path).as_posix(), file) for file in first)
    if len(files) > MAX_FILES or sum(file.stat().st_size for _, file in files) > MAX_BYTES:
        raise SynthgenError(f"{path}: more than {MAX_FILES:,} files or {MAX_BYTES >> 20} MiB; name a smaller folder")
    return files


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file. Raises SynthgenError that names the file."""
    return read_text(path).splitlines()
