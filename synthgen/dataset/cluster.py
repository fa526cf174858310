"""The Dask engine: shards made by the workers of a cluster, on as many machines as it has.

The coordinator hands out jobs of a few hundred bytes and gets the records of finished shards back; the rows go from
each worker straight to the shared folder. A worker may be lost at any time: the scheduler gives its shards to others.

    dask scheduler --port 8786                                        # on one machine
    dask worker tcp://HOST:8786 --nthreads 1 --nworkers 16            # on each machine: one process a core
    synthgen generate cfg3f --rows 4_000_000_000 --out /shared/cfg3f --engine dask --scheduler tcp://HOST:8786
"""

from __future__ import annotations

import contextlib
import errno
import logging
import queue
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from synthgen.dataset.processes import interrupts_held, usable_cores
from synthgen.dataset.shards import Shard
from synthgen.errors import SynthgenError, missing

CONNECT_SECONDS = 20
"""How long the scheduler is waited for."""

WORKER_SECONDS = 300
"""How long a cluster without any worker is waited for, at the start and after all were lost."""

POLL_SECONDS = 0.5

JOBS_A_THREAD = 4
"""Jobs handed out for each thread of the cluster, so that the scheduler's memory does not grow with the dataset."""

TRIES = 3
"""How often a shard is tried whose worker could not reach the folder, before the run is given up."""

FINAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""What trying again on another worker does not mend: a full or read-only folder."""


def run_on_cluster(
    jobs: Sequence[Any],
    workers: int | None,
    on_done: Callable[[Shard], None],
    on_rows: Callable[[int], None],
    scheduler: str | None = None,
) -> None:
    """Run jobs (`jobs.RemoteJob`) on the cluster at `scheduler`, or on one of `workers` processes started here.

    Raises what a job raised, and SynthgenError if the scheduler or all workers are lost.
    """
    try:
        with _connected(scheduler, min(workers or usable_cores(), len(jobs))) as client:
            run = _Run(client, jobs, on_done, on_rows)
            try:
                run.wait()
            finally:
                run.stop()
    except OSError as error:  # whatever was asked of the scheduler as it went
        if type(error).__name__ == "CommClosedError":
            raise _scheduler_lost() from None
        raise


class _Run:
    """One run of a list of jobs: what is handed out, and what came back."""

    def __init__(self, client: Any, jobs: Sequence[Any], on_done: Callable[[Shard], None], on_rows: Any) -> None:
        self.client, self.jobs, self.on_done, self.on_rows = client, jobs, on_done, on_rows
        self.waiting = list(reversed(range(len(jobs))))
        self.tries = [0] * len(jobs)
        self.out: dict[Any, int] = {}  # future -> number of its job
        self.back: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.threads: dict[str, int] = {}  # of each worker that is there
        self.lonely_since = self.looked = time.monotonic()
        self.told = False  # that there are no workers

    def wait(self) -> None:
        """Hand out jobs and take results until all are done."""
        self._look_at_workers()
        while self.waiting or self.out:
            while self.waiting and len(self.out) < JOBS_A_THREAD * max(1, sum(self.threads.values())):
                self._submit(self.waiting.pop())
            try:
                self._take(self.back.get(timeout=POLL_SECONDS))
            except queue.Empty:
                self._look_at_workers()
            if time.monotonic() - self.looked > 4 * POLL_SECONDS:
                self._look_at_workers()
        self._look_at_workers()

    def stop(self) -> None:
        """Take back what is handed out and not begun."""
        if self.out and self.client.status == "running":
            self.client.cancel(list(self.out), force=True)

    def _submit(self, number: int) -> None:
        self.tries[number] += 1
        future = self.client.submit(self.jobs[number], _nobody, pure=False, key=f"shard-{number}-{self.tries[number]}")
        self.out[future] = number
        future.add_done_callback(self.back.put)

    def _take(self, future: Any) -> None:
        number = self.out.pop(future)
        if future.status == "finished":
            shard = future.result(timeout=CONNECT_SECONDS)
            self.on_done(shard)
            self.on_rows(shard.rows)
            return
        if future.cancelled():
            raise _scheduler_lost()
        error = future.exception(timeout=CONNECT_SECONDS)
        if isinstance(error, OSError) and error.errno not in FINAL and self.tries[number] < TRIES:
            _tell(f"{self.jobs[number].split} shard {self.jobs[number].index} failed ({error}): it is tried again")
            self.waiting.append(number)
            return
        if type(error).__name__ == "KilledWorker":
            raise SynthgenError(
                f"{self.jobs[number].split} shard {self.jobs[number].index} was lost with its worker again and again "
                "(out of memory?); finished shards are kept: run the same command again with larger workers"
            )
        raise error

    def _look_at_workers(self) -> None:
        """See which workers are there; tell of those that were lost, and give up if none comes back."""
        self.looked = time.monotonic()
        try:
            threads = dict(self.client.nthreads())
        except (OSError, RuntimeError, ValueError):
            raise _scheduler_lost() from None
        for address in set(self.threads) - set(threads):
            _tell(f"worker {address} was lost; what it had not finished is made again by others")
        if not threads and not self.told:
            self.told = True
            _tell(f"no workers at {_address(self.client)}; waiting for some")
        self.threads = threads
        if threads:
            self.lonely_since, self.told = self.looked, False
        elif self.looked - self.lonely_since > WORKER_SECONDS:
            raise SynthgenError(
                f"no workers at {_address(self.client)} for {WORKER_SECONDS} s; finished shards are kept: "
                "start some (`dask worker ADDRESS --nthreads 1`) and run the same command again"
            )


def _nobody(rows: int) -> None:
    """Progress is told shard by shard: rows are not reported over the network."""


def _tell(message: str) -> None:
    print(f"synthgen: {message}", file=sys.stderr, flush=True)


def _address(client: Any) -> str:
    return str(client.scheduler.address) if client.scheduler else "the scheduler"


def _scheduler_lost() -> SynthgenError:
    return SynthgenError(
        "the connection to the scheduler was lost; finished shards are kept: start it and run the same command again"
    )


@contextlib.contextmanager
def _connected(scheduler: str | None, workers: int) -> Iterator[Any]:
    """Give a client of the cluster at `scheduler`, or of one started here for as long as it is needed."""
    try:
        import distributed
    except ImportError:
        raise missing("dask", "--engine dask") from None
    with _quiet(), contextlib.ExitStack() as stack:
        if scheduler is None:
            with interrupts_held():
                cluster = distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",
                    memory_limit=0,
                    silence_logs=logging.CRITICAL,
                )
            stack.enter_context(cluster)
            scheduler = cluster.scheduler_address
        _knock(scheduler)
        client = distributed.Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        stack.callback(client.close, timeout=5)
        yield client


def _knock(scheduler: str) -> None:
    """Raise SynthgenError unless something listens at an address like tcp://HOST:8786."""
    host, colon, port = scheduler.rpartition("://")[2].rpartition(":")
    try:
        if not colon or not port.isdecimal():
            raise OSError("an address looks like tcp://HOST:8786")
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise SynthgenError(
            f"--scheduler {scheduler}: cannot be reached ({error}); start one with `dask scheduler`"
        ) from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own logs, tracebacks among them, from stderr: what matters is told in our words."""
    names = [n for n in logging.root.manager.loggerDict if n.split(".")[0] in ("distributed", "tornado", "asyncio")]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
