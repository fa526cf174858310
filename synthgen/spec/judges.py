"""Judges: processes that verify many rows or answers at a time, on all cores, and are kept for the next time.

with Judges(source) as judges:
    judges.verify(source.batch(0, 100_000))                  # whole rows: a verdict each
    judges.verify(prompts, completions, mode="answer")       # completions of prompts
    judges.reward(prompts, completions)                      # their scores, as a trainer asks for them
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pyarrow as pa

from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.task.answers import check_mode, check_pairs
from synthgen.task.verdict import Verdict

PART = 256
"""Rows or answers that a process is sent at a time; as few are judged at once, by nobody else."""


class Judges:
    """Processes that judge, as a context that ends with them; each takes a second or two to start, once."""

    def __init__(self, source: Source, workers: int | None = None) -> None:
        """`workers`: how many, by default one a core. Raises SynthgenError for none."""
        if workers is not None and workers < 1:
            raise SynthgenError(f"workers = {workers}: must be at least 1")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        self.source, self.workers = source, workers or cores or 1
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Judges:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; new ones are started where there is something to judge again."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def verify(
        self,
        rows: pa.RecordBatch | Sequence[Any],
        completions: Sequence[Any] | None = None,
        split: str = "train",
        mode: str = "strict",
    ) -> list[Verdict]:
        """Judge whole rows (a RecordBatch, or mappings), or completions of as many prompts: a verdict each, in order.

        A verdict is what `Source.verify` gives. Raises ValueError for another number of completions than of prompts,
        SynthgenError for a mode that the task has not, and where a process was killed.
        """
        check_mode(self.source.task(split), mode)
        if completions is not None:
            check_pairs(rows, completions)
        return self._asked(_verify, rows, completions, split, mode)

    def reward(
        self,
        /,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        split: Any = "train",
        mode: Any = "strict",
        **columns: Any,
    ) -> list[float]:
        """Return the scores of completions, as `Source.reward` does, and raise what that raises."""
        check_pairs(prompts, completions)
        return self._asked(_reward, prompts, completions, split if isinstance(split, str) else "train", mode)

    def _asked(self, judge: Callable[..., list[Any]], rows: Any, completions: Any, *how: Any) -> list[Any]:
        """Have rows and completions judged, in parts."""
        starts = range(0, len(rows), PART)
        parts = [
            (rows[at : at + PART], None if completions is None else completions[at : at + PART], *how) for at in starts
        ]
        if self.workers == 1 or len(parts) <= 1:
            return [said for part in parts for said in judge(self.source, *part)]
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, context, initializer=_start, initargs=(self.source,))
        try:
            return [said for part in self._pool.map(_judged, [judge] * len(parts), parts) for said in part]
        except BrokenProcessPool:
            self.close()
            raise SynthgenError("a process that judges was killed (out of memory?): ask for fewer workers") from None


def _verify(source: Source, rows: Any, completions: Any, split: str, mode: str) -> list[Verdict]:
    if isinstance(rows, pa.RecordBatch):
        rows = rows.to_pylist()
    if completions is None:
        return [source.verify(row, split=split, mode=mode) for row in rows]
    return [source.verify(*pair, split=split, mode=mode) for pair in zip(rows, completions, strict=True)]


def _reward(source: Source, prompts: Any, completions: Any, split: str, mode: Any) -> list[float]:
    return source.reward(prompts, completions, split=split, mode=mode)


_source: Any = None


def _start(source: Source) -> None:
    global _source
    _source = source
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends them


def _judged(judge: Callable[..., list[Any]], part: tuple[Any, ...]) -> list[Any]:
    return judge(_source, *part)
