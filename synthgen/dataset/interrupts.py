"""Ctrl-C and SIGTERM: errors that say how to go on, raised where Python can bear it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

from synthgen.errors import Interrupted, Terminated

UNBEARABLE = (str(Path("numba", "core", "serialize.py")), str(Path("llvmlite", "binding", "executionengine.py")))
"""Python that kernels call as they return an array, and go on without what it should have given: they crash; and what
LLVM calls when it has compiled one, where an error would be lost.
"""

LATER_SECONDS = 0.01


@contextlib.contextmanager
def told_how_to_go_on(folder: Path) -> Iterator[None]:
    """Turn Ctrl-C, and SIGTERM (which cluster schedulers send first), into an error that says what is kept."""
    try:
        with raised_where_bearable({signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}):
            yield
    except KeyboardInterrupt as signalled:
        error = Interrupted(f"{folder}: interrupted; finished shards are kept: the same command goes on from here")
        error.exit_code = 143 if isinstance(signalled, Terminated) else 130
        raise error from None


@contextlib.contextmanager
def raised_where_bearable(errors: Mapping[signal.Signals, type[KeyboardInterrupt]]) -> Iterator[None]:
    """Raise an error for each of these signals that the program has no handler of its own for, as Python does, or a
    little later.

    Python raises between any two of its steps, also of such as native code has taken and cannot do without.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if frame.f_code.co_filename.endswith(UNBEARABLE):
                threading.Timer(LATER_SECONDS, os.kill, (os.getpid(), number)).start()
                return
            frame = frame.f_back
        raise errors[signal.Signals(number)]

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in errors}
    ours = [number for number, old in before.items() if old in (signal.SIG_DFL, signal.default_int_handler)]
    for number in ours:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
