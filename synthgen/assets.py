"""Files that a spec brings along: word lists, grammars, tokenizers. Beside or below the spec, never elsewhere."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from synthgen.errors import SynthgenError


def read_asset(files: Path, name: str, field: str) -> Path:
    """Return the path of a file or folder that a param names: relative to the spec's folder, never outside of it."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise SynthgenError(f"params.{field} = {name!r}: name a file beside or below the spec, without '..'")
    path = files / parts
    if not path.exists():
        raise SynthgenError(f"params.{field} = {name!r}: no such file or folder in {files.resolve()}")
    return path


def asset_files(path: Path) -> list[tuple[str, Path]]:
    """Return the files behind a file's or folder's path: (name below it, path) in order of name."""
    if path.is_file():
        return [("", path)]
    return sorted((file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.is_file())
