"""The local engine: shards made by a pool of processes that survives the death of its workers.

An engine is a function run(jobs, workers, on_done, on_rows): it calls every job (a picklable function of one argument,
a function to report rows to), hands each result to `on_done`, and raises what a job raised.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from multiprocessing.connection import wait as wait_for
from typing import Any

from synthgen.dataset.pandas_later import put_pandas_off
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
    jobs: Sequence[Job], workers: int, on_done: Callable[[Shard], None], on_rows: Callable[[int], None]
) -> None:
    """Run jobs here (one worker or one job) or in `workers` spawned processes; a killed worker's jobs are run again."""
    if workers == 1 or len(jobs) == 1:
        for job in jobs:
            on_done(job(on_rows))
        return
    waiting = list(range(len(jobs)))
    deaths = 0
    while waiting:
        left = _run_pool(jobs, waiting, min(workers, len(waiting)), on_done, on_rows)
        deaths = deaths + 1 if len(left) == len(waiting) else 1
        if left and deaths > MAX_DEATHS:
            raise SynthgenError(
                f"workers were killed {deaths} times (out of memory?); finished shards are kept: "
                "run the same command again, with fewer --workers"
            )
        if left:
            print("synthgen: a worker was killed; what it had not finished is made again", file=sys.stderr, flush=True)
        waiting = left


def _run_pool(
    jobs: Sequence[Job],
    numbers: list[int],
    workers: int,
    on_done: Callable[[Shard], None],
    on_rows: Callable[[int], None],
) -> list[int]:
    """Run jobs in one pool; return those that a worker's death left undone."""
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(counter,))
    seen = 0
    undone = set(numbers)
    others = set(multiprocessing.active_children())
    try:
        with interrupts_held():
            futures = {executor.submit(_run_job, jobs[number]): number for number in numbers}
        pending = set(futures)
        while pending:
            done, pending = wait(pending, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            rows = counter.value
            on_rows(rows - seen)
            seen = rows
            for future in done:
                on_done(future.result())
                undone.discard(futures[future])
    except BrokenProcessPool:
        return sorted(undone)
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
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


_counter: Any = None


def _start_worker(counter: Any) -> None:
    global _counter
    _counter = counter
    put_pandas_off()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A pool's workers outlive a parent that is killed: they would wait for work for ever.
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)


def _run_job(job: Job) -> Shard:
    return job(_report)


def _report(rows: int) -> None:
    with _counter.get_lock():
        _counter.value += rows
