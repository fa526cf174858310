"""Where output goes: a terminal, a file, a pipe that somebody may close, in an encoding that may lack a letter."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from synthgen.dataset.plain_text import finite, in_json, shown
from synthgen.errors import SynthgenError


class Unwritable(SynthgenError):
    """What a command says cannot be written: a device is full, a limit reached."""

    exit_code = 1


class _Output(io.FileIO):
    """A standard stream's file. Nobody reads on behind a closed pipe, which is no error; a full device is one."""

    def __init__(self, handle: int, silent: bool) -> None:
        super().__init__(handle, "w", closefd=False)
        self._silent, self.lost = silent, False

    def write(self, data: Any) -> int:
        """Write what the system takes; after a fault, nothing more."""
        if not self.lost:
            try:
                return super().write(data)
            except OSError as error:
                self.lost = True
                if not self._silent and not isinstance(error, BrokenPipeError):
                    raise Unwritable(f"the output cannot be written: {error.strerror}") from None
        return len(data)


def prepare_streams() -> None:
    """Make stdout and stderr take any character, as an escape if need be, and end well where nothing can be written."""
    sys.stdout, sys.stderr = _prepared(sys.stdout, silent=False), _prepared(sys.stderr, silent=True)


def _prepared(stream: TextIO | None, silent: bool) -> TextIO:
    if stream is None:  # closed by whoever started this
        return open(os.devnull, "w")  # noqa: PTH123
    if not isinstance(stream, io.TextIOWrapper) or isinstance(getattr(stream.buffer, "raw", None), _Output):
        return stream
    try:
        handle = stream.fileno()
    except io.UnsupportedOperation:  # memory in the place of a file: a notebook's, a test's
        return stream
    stream.flush()
    file = io.BufferedWriter(_Output(handle, silent))
    return io.TextIOWrapper(file, stream.encoding, "backslashreplace", line_buffering=stream.line_buffering or silent)


def is_read() -> bool:
    """Say whether anybody may still read what goes to stdout."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return not (isinstance(raw, _Output) and raw.lost)


def json_text(value: Any) -> str:
    """Return a value as JSON for stdout: with escapes alone where its encoding is not Unicode's, null for no number."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    unicode = codecs.lookup(encoding).name.startswith("utf")
    return in_json(json.dumps(finite(value), indent=1, ensure_ascii=not unicode, default=str))


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json_text(value))


def print_json_list(values: Iterator[Any]) -> None:
    """Print values as a JSON list, each when it comes."""
    print("[", end="")
    for number, value in enumerate(values):
        print(f"{',' if number else ''}\n {json_text(value)}".replace("\n", "\n ").replace("\n  ", "\n ", 1), end="")
    print("\n]")


def say(text: str) -> None:
    """Tell a terminal what is being done; nobody else."""
    if sys.stderr.isatty():
        complain(text)


def complain(text: str) -> None:
    """Print a sentence to stderr."""
    print(f"synthgen: {shown(text)}", file=sys.stderr)
