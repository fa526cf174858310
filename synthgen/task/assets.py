"""Files that a spec brings along: word lists, grammars, tokenizers. Beside or below the spec, never elsewhere."""

from __future__ import annotations

import functools
import itertools
import re
import tomllib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, Concatenate, ParamSpec, TypeVar

from synthgen.errors import SynthgenError
from synthgen.task.files import exists, file_sha256

P = ParamSpec("P")
T = TypeVar("T")
Reader = Callable[Concatenate[Any, P], T]

MAX_FILES = 1000
MAX_BYTES = 256 << 20
"""What a param may bring along: so many files, so many bytes in all."""

MAX_TOML_BYTES = 64 << 20

DEEP_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){64}""")
"""A key of more than 64 parts (a.a.a ...): tomllib's time is quadratic in them, and no spec has any such."""


def read_asset(files: Path, name: str, field: str) -> Path:
    """Return the path of a file or folder that a param names: relative to the spec's folder, never outside of it."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise SynthgenError(f"{field} = {name!r}: name a file beside or below the spec, without '..'")
    path = files / parts
    if not exists(path):
        raise SynthgenError(f"{field} = {name!r}: no such file or folder in {files.resolve()}")
    return path


def asset_files(path: Path) -> list[tuple[str, Path]]:
    """Return the files behind a file's or folder's path: (name below it, path) in order of name."""
    if path.is_file():
        files = [("", path)]
    else:
        below = (file for file in path.rglob("*") if file.is_file())
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
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SynthgenError(f"{path}: cannot be read: {error}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises SynthgenError that names the file, whatever it holds."""
    try:
        if path.stat().st_size > MAX_TOML_BYTES:
            raise SynthgenError(f"{path}: larger than {MAX_TOML_BYTES >> 20} MiB; no spec or list is")
        text = path.read_text(encoding="utf-8")
        if DEEP_KEY.search(text):
            raise RecursionError
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SynthgenError(f"{path}: not valid TOML: {error}") from None
    except RecursionError:
        raise SynthgenError(f"{path}: not valid TOML: nested too deeply") from None
    except (OSError, ValueError) as error:
        raise SynthgenError(f"{path}: cannot be read: {error}") from None
