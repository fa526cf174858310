"""Files that a spec brings along: word lists, grammars, tokenizers. Beside or below the spec, never elsewhere."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Concatenate, ParamSpec, TypeVar

from synthgen.errors import SynthgenError
from synthgen.task.files import exists, file_sha256
from synthgen.task.foreign import read_text
from synthgen.task.foreign import read_toml as read_toml  # here in 0.1.0

P = ParamSpec("P")
T = TypeVar("T")
Reader = Callable[Concatenate[Any, P], T]

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


def asset_digests(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each file behind a file's or folder's path, by its name below it; empty if it is gone."""
    try:
        return {name: file_sha256(file) for name, file in asset_files(path)}
    except OSError as error:
        raise SynthgenError(f"{path}: cannot be read: {error}") from None


def cached_by_contents(most: int) -> Callable[[Reader[P, T]], Reader[P, T]]:
    """Decorate what reads a file or folder (None: the package's) so that the `most` last results are kept.

    They are found again by the contents of the files, never by path or time alone: an edited list is another list.
    """

    def decorate(read: Reader[P, T]) -> Reader[P, T]:
        @functools.lru_cache(maxsize=most)
        def kept(path: Path | None, digests: tuple[tuple[str, str], ...], *args: Any, **kwargs: Any) -> T:
            return read(path, *args, **kwargs)

        def reader(path: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
            digests = () if path is None else tuple(asset_digests(path).items())
            return kept(path, digests, *args, **kwargs)  # type: ignore[arg-type]  # all of them are hashable

        functools.update_wrapper(reader, read)
        return reader

    return decorate


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file, without a byte order mark. Raises SynthgenError that names the file.

    A line ends with what editors end lines with; other separators, such as U+2028, stand inside of it.
    """
    return read_text(path).split("\n")
