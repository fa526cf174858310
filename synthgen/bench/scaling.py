"""Does it scale: what two workers make beside one, and what a row costs at index 0, 10^9 and 10^15.

Both are ratios within one run. Workers are timed in the middle of a build, from a tenth of its rows to nine tenths, so
that neither the start of the processes nor the last shard counts; what the machine itself allows, two processes that
only count beside one, is measured in between and told as well.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from synthgen.bench.race import ROUNDS
from synthgen.dataset.build import generate
from synthgen.dataset.shards import BATCH_ROWS, Summary
from synthgen.spec.source import load
from synthgen.spec.spec import shipped_specs

SPECS = ("bios-online", "cfg3f", "igsm-med-pq")
"""Endless specs of three kinds: text, tokens, and rows that take some work each."""

SECONDS = 6.0
"""How long one worker is given for a build."""

WORKERS = ("1 worker", "2 workers")
CONTROLS = ("control, counts: 1 process", "control, counts: 2 processes")

INDICES = (0, 10**9, 10**15)


def known_specs() -> list[str]:
    """Return those of `SPECS` that are shipped."""
    return [name for name in SPECS if name in shipped_specs()]


def workers_rates(spec: str, folder: str | None, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Return rates, a figure a round: rows a second of 1 and 2 workers, and counts a second of 1 and 2 bare processes.

    Builds are written below `folder` (by default the system's for temporary files).
    """
    source = load(spec)
    split = next(iter(source.splits), "train")
    rows = _rows_for(source, split, folder)
    rates: dict[str, list[float]] = {name: [] for name in (*(f"{spec}: {n}" for n in WORKERS), *CONTROLS)}
    for _ in range(rounds):
        for number, name in enumerate(WORKERS, start=1):
            rates[f"{spec}: {name}"].append(_middle_rate(spec, split, rows, number, folder))
        for number, name in enumerate(CONTROLS, start=1):
            rates[name].append(_counts(number))
    return rates


def _rows_for(source: Any, split: str, folder: str | None) -> int:
    """Return how many rows one worker makes in `SECONDS`, if the disk has room for twice as many."""
    source.batch(0, BATCH_ROWS, split)
    start, rows, size = time.perf_counter(), 0, 0
    while time.perf_counter() - start < 0.5:
        batch = source.batch(rows, rows + BATCH_ROWS, split)
        Summary(batch.schema).add(batch)
        rows += BATCH_ROWS
        size += batch.nbytes
    wanted = rows / (time.perf_counter() - start) * SECONDS
    with TemporaryDirectory(dir=folder) as place:
        free = shutil.disk_usage(place).free
    return int(min(wanted, free / 2 / (size / rows)))


def _middle_rate(spec: str, split: str, rows: int, workers: int, folder: str | None) -> float:
    """Build in a new folder and return the rows a second between a tenth and nine tenths of the rows."""
    seen: list[tuple[float, int]] = []
    done = 0

    def on_rows(more: int) -> None:
        nonlocal done
        done += more
        if more:
            seen.append((time.perf_counter(), done))

    with TemporaryDirectory(dir=folder) as place:
        out = Path(place, "data")
        generate(spec, out, splits=[split], rows=rows, shards=8, workers=workers, on_rows=on_rows)
    middle = [(at, done) for at, done in seen if 0.1 * rows <= done <= 0.9 * rows]
    return (middle[-1][1] - middle[0][1]) / (middle[-1][0] - middle[0][0])


def build_contenders(spec: str, seconds: float, folder: str | None) -> dict[str, Callable[[], int]]:
    """Return contenders that build about `seconds` of one worker's rows as a whole, with 1 and 2 workers."""
    source = load(spec)
    split = next(iter(source.splits), "train")
    rows = int(_rows_for(source, split, folder) * seconds / SECONDS)

    def build(workers: int) -> int:
        with TemporaryDirectory(dir=folder) as place:
            generate(spec, Path(place, "data"), splits=[split], rows=rows, workers=workers)
        return rows

    return {f"{spec}, {seconds:g} s of work: {name}": partial(build, n) for n, name in enumerate(WORKERS, start=1)}


def _count(until: float) -> int:
    count = 0
    while time.time() < until:
        for _ in range(10_000):
            count += 1
    return count


def _counts(processes: int) -> float:
    """Return how much `processes` processes count together, in counts a second."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        list(pool.map(_count, [time.time() + 1.0] * processes))  # they are up by then
        start = time.time()
        return sum(pool.map(_count, [start + 2.0] * processes)) / 2.0


def index_contenders(spec: str) -> dict[str, Callable[[], int]]:
    """Return contenders for a race that make the same number of rows from each of `INDICES` on."""
    source = load(spec)

    def make(first: int) -> int:
        for step in range(8):
            source.batch(first + step * BATCH_ROWS, first + (step + 1) * BATCH_ROWS)
        return 8 * BATCH_ROWS

    return {f"{spec}: rows from {index:.0e}": partial(make, index) for index in INDICES}
