"""What others wrote, read within bounds or refused in one sentence: specs, lists, manifests, journals, runs, answers.

Nothing else in the package opens such a file or parses such a text (a test sees to it). A file is regular, or it is not
read: a pipe or a device may have no end. It is of bounded size, UTF-8 with or without a byte order mark, nested to a
bounded depth, and without numbers that nothing can hold. Then a *shape*, a pydantic type, says what it must look like.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from synthgen.errors import SynthgenError

MAX_BYTES = 256 << 20
"""Of any file; a manifest of 100,000 shards has a fifth of it."""

MAX_TOML_BYTES = 16 << 20
"""Of TOML: a grammar of a hundred thousand rules is a third of it, and tomllib takes a second for a megabyte."""

MAX_LINE_BYTES = 64 << 20
"""Of a line of JSON Lines, which may go on without an end."""

MAX_VALUES = 10_000_000
"""Commas of a JSON text: a value takes up to a hundred bytes of memory, and `[],` three of the file."""

MAX_YAML_BYTES = 4 << 20
"""Of a card's metadata."""

MAX_DEPTH = 64
"""Lists in lists. What is written here has eight; Python's own limit is a thousand, behind which it stops."""

MAX_DIGITS = 308
"""Of a whole number, so that it is a float too. Longer ones are written as text (see `synthgen.exact.entropy`)."""

LONGEST_SHOWN = 200
"""Characters of a value that a message repeats."""

DEEP_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){64}""")
"""A key of more than 64 parts (a.a.a ...): tomllib's time is quadratic in them, and no spec has any such."""

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

LONG_NUMBER = re.compile(rf"[0-9]{{{MAX_DIGITS + 1}}}")


class Unreadable(SynthgenError):
    """A file, or a text, is not what it should be. Whoever can do without it catches this and makes it anew."""


# ---------------------------------------------------------------------------------------------------------------------
# Files.


def read_bytes(path: str | Path, most: int = MAX_BYTES) -> bytes:
    """Return what a regular file holds. Raises Unreadable for any other kind of file, and beyond `most` bytes."""
    try:
        with open(path, "rb", opener=_regular) as file:
            large = os.fstat(file.fileno()).st_size > most
            data = b"" if large else file.read(most + 1)  # which may have grown
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: cannot be read: {_reason(error)}") from None
    if large or len(data) > most:
        raise Unreadable(f"{path}: larger than {_size(most)}; no such file is")
    return data


def read_text(path: str | Path, most: int = MAX_BYTES) -> str:
    """Return a file's text, without a byte order mark, lines ended by a line feed each.

    Raises Unreadable as `read_bytes` does, and for what is not UTF-8, with the line.
    """
    return text_of(read_bytes(path, most), str(path))


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the table of a TOML file. Raises Unreadable that names the file, whatever it holds."""
    return toml_of(read_text(path, MAX_TOML_BYTES), str(path))


def read_json(path: str | Path, shape: Any = Any, fix: str = "", most: int = MAX_BYTES) -> Any:
    """Return what a JSON file holds, as `shape`. Raises Unreadable that names the file, the field and the `fix`."""
    try:
        return shaped(shape, json_of(read_text(path, most), str(path)), str(path))
    except Unreadable as error:
        raise Unreadable(f"{error}{fix and '; '}{fix}") from None


def read_json_lines(path: str | Path, shape: Any = Any, fix: str = "") -> Iterator[tuple[int, Any]]:
    """Yield (number of the line, what it holds as `shape`) of a file with one JSON value a line; empty lines are none.

    A line ends at a line feed and nowhere else: U+2028 or U+0085 may stand inside a string. Raises Unreadable that
    names file, line, field and the `fix`.
    """
    try:
        with open(path, "rb", opener=_regular) as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), 1):
                where = f"{path}, line {number}"
                if len(line) > MAX_LINE_BYTES:
                    raise Unreadable(f"{where}: longer than {_size(MAX_LINE_BYTES)}; no such line is")
                text = text_of(line, where, number == 1)
                if text.strip():
                    yield number, shaped(shape, json_of(text, where), where)
    except Unreadable as error:
        raise Unreadable(f"{error}{fix and '; '}{fix}") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: cannot be read: {_reason(error)}") from None


# ---------------------------------------------------------------------------------------------------------------------
# Texts.


def text_of(data: bytes, origin: str, begins: bool = True) -> str:
    """Return bytes as text; where a file `begins`, a byte order mark is dropped. `origin` is what errors begin with."""
    if begins and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable(f"{origin}: is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig" if begins else "utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        which = f", line {line}" if line > 1 else ""
        raise Unreadable(
            f"{origin}{which}: byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def json_of(text: str, origin: str) -> Any:
    """Return what a JSON text holds. Raises Unreadable where it is none, too deep, or too much."""
    if text.count(",") > MAX_VALUES:
        raise Unreadable(f"{origin}: more than {MAX_VALUES:,} values; no such file has as many")
    try:
        value = json.loads(text, parse_int=_whole_number if LONG_NUMBER.search(text) else None)
        if SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise Unreadable(f"{origin}: nested too deeply") from None
    except UnicodeEncodeError:
        raise Unreadable(f"{origin}: not text: half of a character (\\ud800 to \\udfff) stands alone") from None
    except ValueError as error:
        raise Unreadable(f"{origin}: not JSON: {_reason(error)}") from None
    return _bounded(value, origin)


def toml_of(text: str, origin: str) -> dict[str, Any]:
    """Return the table of a TOML text. Raises Unreadable where it is none, too deep, or has numbers beyond 64 bits."""
    try:
        if DEEP_KEY.search(text):
            raise RecursionError
        table = tomllib.loads(text)
    except RecursionError:
        raise Unreadable(f"{origin}: not valid TOML: nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"{origin}: not valid TOML: {error}") from None
    except ValueError as error:  # a number that Python does not read, a date that is none
        raise Unreadable(f"{origin}: not valid TOML: {_reason(error)}") from None
    return _bounded(table, origin, 2**63)


def yaml_of(text: str, origin: str) -> Any:
    """Return what a YAML text holds. Raises Unreadable where it is none, too deep, or has anchors, which multiply."""
    import yaml

    if len(text) > MAX_YAML_BYTES:
        raise Unreadable(f"{origin}: its metadata is longer than {_size(MAX_YAML_BYTES)}")
    try:
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent):
                raise Unreadable(f"{origin}: its metadata uses anchors, which no card needs")
            if depth > MAX_DEPTH:
                raise RecursionError
        return _bounded(yaml.safe_load(text), origin, 2**63)
    except RecursionError:
        raise Unreadable(f"{origin}: its metadata is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:  # the second for a date that is none
        raise Unreadable(f"{origin}: its metadata is no YAML: {_reason(error)}") from None


def shaped(shape: Any, value: Any, origin: str, fix: str = "") -> Any:
    """Return a value as what a pydantic type makes of it, strictly. Raises Unreadable that names the first field."""
    if shape is Any:
        return value
    try:
        strict = not dataclasses.is_dataclass(shape)  # which strictly is no table
        return _adapter(shape).validate_python(value, strict=strict)
    except ValidationError as error:
        raise Unreadable(f"{origin}: {first_fault(error)}{fix and '; '}{fix}") from None


def first_fault(error: ValidationError) -> str:
    """Return the first fault of a validation, as field = value: what is wrong."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"{where!r} is missing"
    if first["type"] in ("model_type", "dict_type", "dataclass_type"):
        return f"{where}{where and ' = '}{short(first['input'])}: should be a table of keys and values"
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{where} = {short(first['input'])}: {message}" if where else f"{short(first['input'])}: {message}"


def short(value: Any) -> str:
    """Return a value as a message repeats it: in one line, and not all of a long one."""
    if isinstance(value, int) and value.bit_length() > 4 * MAX_DIGITS:
        return f"a number of {value.bit_length():,} bits"
    text = repr(value[:LONGEST_SHOWN] if isinstance(value, str | bytes) else value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]} ..."


# ---------------------------------------------------------------------------------------------------------------------
# Bounds.


def _regular(path: str, flags: int) -> int:
    """Open a file that has an end; do not wait for whoever might write into a pipe."""
    handle = os.open(path, flags | os.O_NONBLOCK)
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise ValueError(f"is a {'folder' if stat.S_ISDIR(mode) else 'pipe or a device'}, not a file")
    return handle


def _bounded(value: Any, origin: str, below: int | None = None) -> Any:
    """Return a value that is nested no deeper than MAX_DEPTH, with whole numbers within (-`below`, `below`)."""
    level: list[Any] = [[value]]
    for _ in range(MAX_DEPTH + 2):
        items = [item for one in level for item in (one.values() if isinstance(one, dict) else one)]
        level = [item for item in items if isinstance(item, dict | list)]
        if below is not None:
            for item in items:
                if isinstance(item, int) and not -below <= item < below:
                    raise Unreadable(f"{origin}: {short(item)} is beyond 64 bits; no field takes such a number")
        if not level:
            return value
    raise Unreadable(f"{origin}: nested too deeply")


def _whole_number(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits.lstrip('-')):,} digits; no field takes more than {MAX_DIGITS}")
    return int(digits)


@functools.lru_cache(maxsize=64)
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if "integer string conversion" in text:
        return "a number of thousands of digits; no field takes such a number"
    return text.splitlines()[0]


def _size(bound: int) -> str:
    return f"{bound >> 20} MiB"
