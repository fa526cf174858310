"""What people see: tables, coloured spans, progress. Results go to stdout, progress to stderr on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from synthgen.cli.console import print_lines, print_table, stdout
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.pandas_later import put_pandas_off

put_pandas_off()  # commands on folders show them by way of this file, before they make their first array


class Progress:
    """A progress bar of rows on stderr, drawn on a terminal only; counts seconds from `expect`."""

    def __init__(self, unit: str) -> None:
        self._console = Console(stderr=True)
        columns = (TextColumn(f"{unit} "), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = RichProgress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal)
        self._task = self._bar.add_task("", total=None)
        self._rows, self._start, self._last = 0, time.perf_counter(), time.perf_counter()

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.stop()

    def expect(self, rows: int) -> None:
        """Say how many rows there will be."""
        self._start = time.perf_counter()
        self._bar.update(self._task, total=rows)

    def add(self, rows: int) -> None:
        """Say that rows have been made."""
        self._rows += rows
        self._last = time.perf_counter()
        self._bar.update(self._task, advance=rows)

    def rate(self) -> tuple[int, float]:
        """Return (rows, seconds) from `expect` to the last row."""
        return self._rows, self._last - self._start


def print_plan(plan: Mapping[str, Any]) -> None:
    """Print what a build would cost, a split a line, or line by line where that is too narrow for the figures."""
    console = stdout()
    splits = {name: _costs(split) for name, split in plan["splits"].items()}
    first = next(iter(plan["splits"].values()))
    asked = plan["rows"] == first["rows"] * len(splits) and len(splits) > 1
    rows = f"{first['rows']:,} rows of each of {len(splits)} splits" if asked else f"{plan['rows']:,} rows"
    console.print(Text(f"{plan['spec']}: {rows}", style="bold") + (f", {plan['rows']:,} in all" if asked else ""))
    heads = ("split", *next(iter(splits.values())))
    print_table(console, heads, [(name, *costs.values()) for name, costs in splits.items()])
    fits = "fits" if plan["disk_fits"] else "DOES NOT FIT"
    files = f"{_bytes(plan['bytes'])} in {plan['shards']:,} shards of {_bytes(plan['bytes'] / plan['shards'])}"
    lines = (
        f"{files}, a manifest of {_bytes(plan['manifest_bytes'])}; {_bytes(plan['disk_free_bytes'])} free: {fits}",
        f"{plan['core_hours']:,.4g} core-hours: about {_duration(plan['seconds'])} on {plan['workers']:,} workers of "
        f"{_bytes(plan['worker_memory_bytes'])} each, if the disk takes {_bytes(plan['bytes_a_second'])} a second",
        "growth: the cost of a row near the last one, in costs of a row near the first, from a timed sample",
    )
    for line in lines:
        print_lines(console, Text(line), 0)


def _costs(split: Mapping[str, Any]) -> dict[str, str]:
    """Return what a split costs, by the name of the figure."""
    return {
        "rows": f"{split['rows']:,}",
        "shards": f"{split['shards']:,}",
        "bytes": _bytes(split["bytes"]),
        "content": f"{_short(split['units'])} {split['unit']}",
        "bits": f"{_short(split['bits'])} ({split['status']})",
        "rows/s a core": f"{split['rows_a_second']:,.0f}",
        "core time": _duration(split["core_seconds"]),
        "growth": f"{split['growth']:.2f}",
    }


def _short(number: float) -> str:
    """Return a large number in three figures: 12,300, 45.6 M, 1.02 T."""
    if number < 1e5:
        return f"{number:,.0f}"
    for unit in ("k", "M", "G"):
        number /= 1000
        if number < 1000:
            return f"{number:.3g} {unit}"
    return f"{number / 1000:,.4g} T"


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.0f} PB"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def print_manifest(manifest: Manifest, folder: Path, rate: tuple[int, float] | None) -> None:
    """Print what a dataset folder holds: rows and bits by split, and how fast its rows were just made."""
    rows: list[Sequence[str]] = []
    for name, split in manifest.splits.items():
        mean = manifest.mean_bits(name)
        bits = "unknown" if mean is None else f"{mean:,.4f}"
        rows.append((name, f"{split['rows']:,}", f"{split['shards']:,}", bits, manifest.entropy(name)["status"]))
    console = stdout()
    print_table(console, ("split", "rows", "shards", "bits a row", "status"), rows, left=(0, 4))
    totals = manifest.totals
    speed = ""
    if rate is not None:
        speed = f", {rate[0] / rate[1]:,.0f} rows a second" if rate[0] and rate[1] > 0 else ", nothing to do"
    print_lines(console, Text(f"{folder}: {totals['rows']:,} rows, {_bytes(totals['bytes'])}{speed}"), 0)


def print_findings(findings: Sequence[Any], folder: Path) -> None:
    """Print the checks: faults one by one, what holds in one line a check."""
    console = stdout()
    for finding in findings:
        if not finding.ok:
            said = f"{finding.check}: {finding.subject}: {finding.detail}"
            print_lines(console, Text.assemble(("FAIL ", "bold red"), said), 0, hanging=5)
    for check in dict.fromkeys(finding.check for finding in findings):
        of_check = [finding for finding in findings if finding.check == check]
        if all(finding.ok for finding in of_check):
            detail = of_check[0].detail if len(of_check) == 1 else f"{len(of_check)} fine"
            if check in ("re-derived", "made anew", "taken on trust", "ledger = formula", "shared rows"):
                detail = "; ".join(f"{finding.subject}: {finding.detail}" for finding in of_check[:6])
            print_lines(console, Text.assemble(("ok   ", "green"), f"{check}: {detail}"), 0, hanging=5)
    faults = sum(not finding.ok for finding in findings)
    verdict = f"{faults} check{'s' * (faults != 1)} failed" if faults else "all checks passed"
    print_lines(console, Text(f"{folder}: {verdict}"), 0)


def print_rates(rates: Mapping[str, Sequence[Any]]) -> None:
    """Print benchmark results: the median rate, the least and the greatest, and the ratio to the first of its group."""
    console = stdout()
    for name, lines in rates.items():
        rows = [
            (rate.name, _rate(rate.per_second), f"{_rate(rate.least)} to {_rate(rate.greatest)}", _ratio(rate.ratio))
            for rate in lines
        ]
        print_table(console, (name, f"{lines[0].unit}/s", "least to most", "ratio"), rows)
        console.print()


def _rate(per_second: float) -> str:
    """Return three digits that count: 1.53M, 24.3k, 0.27."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")):
        if per_second >= 0.9995 * size or size == 1.0:
            number = per_second / size
            return f"{number:.{2 if number < 9.995 else 1 if number < 99.95 else 0}f}{letter}"
    raise ValueError(per_second)


def _ratio(ratio: float) -> str:
    return f"{ratio:,.2f} x" if ratio < 10 else f"{ratio:,.1f} x"
