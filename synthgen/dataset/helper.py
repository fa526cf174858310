"""Helpers: processes that run jobs beside the one that was asked for them, and end with it.

Nothing else is imported here than what Python has: a helper is told to start, and that its parent was killed, before it
has imported what jobs need, which takes most of a second.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.reduction import DupFd, ForkingPickler
from typing import Any

SIZE = 8
"""Bytes of a number in the file."""


class Work:
    """Jobs, and the numbers of those that are to be run, each of which one process takes.

    Both stand in a file that all have open: processes share their place in it, and a read of a few bytes is one step.
    So there is no lock, which a killed process might hold, and none is started more slowly where there are many jobs.
    Jobs go to processes of ours as `multiprocessing` hands over arguments; the file has no name and no other reader.
    """

    def __init__(
        self,
        jobs: Sequence[Callable[[Callable[[int], None]], Any]],
        numbers: Sequence[int],
        make_ready: Callable[[], None] | None = None,
    ) -> None:
        """`make_ready` is called in every helper before it takes its first job."""
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (`close` closes it)
        self._size = self._file.write(ForkingPickler.dumps((jobs, make_ready)))
        self._file.write(b"".join(number.to_bytes(SIZE, sys.byteorder) for number in numbers))
        self._file.seek(self._size)

    def __reduce__(self) -> Any:
        return _received, (DupFd(self._file.fileno()), self._size)

    @functools.cached_property
    def jobs(self) -> Any:
        """All jobs, which share one plan; imports what they need, and makes it ready."""
        from synthgen.dataset.pandas_later import put_pandas_off

        put_pandas_off()
        jobs, make_ready = ForkingPickler.loads(os.pread(self._file.fileno(), self._size, 0))
        if make_ready is not None:
            make_ready()
        return jobs

    def take(self) -> int | None:
        """Return the number of a job that nobody has taken; None if there is none left."""
        number = self._file.read(SIZE)
        return int.from_bytes(number, sys.byteorder) if number else None

    def close(self) -> None:
        """Close the file; those who have it open keep it."""
        self._file.close()


def _received(handle: Any, size: int) -> Work:
    work = Work.__new__(Work)
    work._file, work._size = os.fdopen(handle.detach(), "rb", buffering=0), size
    return work


_work: Any = None
_rows: Any = None


def start(work: Work, rows: Any) -> None:
    """Make this process a helper; `rows` is where it writes how many rows of each job are made."""
    global _work, _rows
    _work, _rows = work, rows
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A pool's workers outlive a parent that is killed: they would wait for work for ever.
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def run_next() -> tuple[int, Any] | None:
    """Run the next job that nobody has taken; return its number and what came of it, or None if there is none."""
    jobs = _work.jobs  # at first this takes a second or two, in which others may run what there is
    number: int | None = _work.take()
    if number is None:
        return None

    def tell(rows: int) -> None:
        _rows[number] += rows

    return number, jobs[number](tell)
