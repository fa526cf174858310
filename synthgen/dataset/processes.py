"""The local engine: shards made by this process and a pool beside it that survives the death of its workers.

An engine is a function run(jobs, workers, on_done, on_rows): it calls every job (a picklable function of one argument,
a function to report rows to), hands each result to `on_done`, and raises what a job raised.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker

import numpy as np

from synthgen.dataset.helper import Work, run_next, start
from synthgen.dataset.shards import Shard
from synthgen.errors import SynthgenError

Job = Callable[[Callable[[int], None]], Shard]  # see `synthgen.dataset.jobs`

MAX_DEATHS = 5
"""How often the pool is made anew after a worker died, without a shard finished since, before the run is given up."""

POLL_SECONDS = 0.2


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_local(
    jobs: Sequence[Job],
    workers: int,
    on_done: Callable[[Shard], None],
    on_rows: Callable[[int], None],
    make_ready: Callable[[], None] | None = None,
) -> None:
    """Run jobs here and in `workers` - 1 spawned processes beside; a killed one's jobs are run again.

    This process works too: it can begin at once, where another takes a second or two to be ready for its first row,
    `make_ready` included, which is called there alone.
    """
    waiting = list(range(len(jobs)))
    deaths = 0
    while waiting:
        helpers = min(workers, len(waiting)) - 1
        if not helpers:
            for number in waiting:
                on_done(jobs[number](on_rows))
            return
        left = _run_together(jobs, waiting, helpers, on_done, on_rows, make_ready)
        deaths = deaths + 1 if len(left) == len(waiting) else 1
        if left and deaths > MAX_DEATHS:
            raise SynthgenError(
                f"workers were killed {deaths} times (out of memory?); finished shards are kept: "
                "run the same command again, with fewer --workers"
            )
        if left:
            print("synthgen: a worker was killed; what it had not finished is made again", file=sys.stderr, flush=True)
        waiting = left


def _run_together(
    jobs: Sequence[Job],
    numbers: list[int],
    helpers: int,
    on_done: Callable[[Shard], None],
    on_rows: Callable[[int], None],
    make_ready: Callable[[], None] | None,
) -> list[int]:
    """Run jobs here and in one pool of `helpers` processes; return those that a helper's death left undone.

    Whoever is free takes the next job, so nobody waits for a helper that is not up yet.
    """
    context = multiprocessing.get_context("spawn")
    rows = context.RawArray("q", len(jobs))
    work = Work(jobs, numbers, make_ready)
    executor = ProcessPoolExecutor(helpers, mp_context=context, initializer=start, initargs=(work, rows))
    back: queue.SimpleQueue[Future[tuple[int, Shard] | None]] = queue.SimpleQueue()
    undone = set(numbers)
    seen = 0
    others = set(multiprocessing.active_children())

    def hear(timeout: float | None = None) -> None:
        """Take in what helpers have done since; wait for it up to `timeout` seconds. Raises what a job raised."""
        nonlocal seen
        with contextlib.suppress(queue.Empty):
            while True:
                if (done := back.get(timeout is not None, timeout).result()) is not None:
                    undone.discard(done[0])
                    on_done(done[1])
                timeout = None
        now = int(np.frombuffer(rows, np.int64).sum())
        on_rows(now - seen)
        seen = now

    def here(more: int) -> None:
        on_rows(more)
        hear()

    try:
        with interrupts_held():
            for _ in numbers:
                executor.submit(run_next).add_done_callback(back.put)
        while (number := work.take()) is not None:
            on_done(jobs[number](here))
            undone.discard(number)
        while undone:
            hear(POLL_SECONDS)
    except BrokenProcessPool:
        return sorted(undone)
    finally:  # helpers have nothing left to finish; one that is not up yet is not waited for
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        executor.shutdown(cancel_futures=True)
        work.close()
    return []


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while workers are started: it is for the parent alone, and they inherit that it is held."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # by starting it, the first worker would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
