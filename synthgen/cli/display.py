"""What people see: tables, coloured spans, progress. Results go to stdout, progress to stderr on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text

from synthgen.cli.console import PIPED, print_lines, print_pairs, stdout
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
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("split", *next(iter(splits.values()))):
        table.add_column(column, justify="left" if column == "split" else "right", no_wrap=True)
    for name, costs in splits.items():
        table.add_row(name, *costs.values())
    if Measurement.get(console, console.options.update(max_width=PIPED), table).maximum <= console.width:
        console.print(table)
    else:
        for name, costs in splits.items():
            console.print(Text(name, style="bold"))
            print_pairs(console, list(costs.items()))
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
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("split", "rows", "shards", "bits a row", "status"):
        table.add_column(column, justify="left" if column in ("split", "status") else "right")
    for name, split in manifest.splits.items():
        mean = manifest.mean_bits(name)
        bits = "unknown" if mean is None else f"{mean:.4f}"
        table.add_row(name, f"{split['rows']:,}", str(split["shards"]), bits, manifest.entropy(name)["status"])
    console = stdout()
    console.print(table)
    totals = manifest.totals
    speed = ""
    if rate is not None:
        speed = f", {rate[0] / rate[1]:,.0f} rows a second" if rate[0] and rate[1] > 0 else ", nothing to do"
    console.print(
        f"{folder}: {totals['rows']:,} rows, {_bytes(totals['bytes'])}{speed}", highlight=False, soft_wrap=True
    )


def print_findings(findings: Sequence[Any], folder: Path) -> None:
    """Print the checks: faults one by one, what holds in one line a check."""
    console = stdout()
    for finding in findings:
        if not finding.ok:
            line = Text("FAIL ", style="bold red").append(
                f"{finding.check}: {finding.subject}: {finding.detail}", "default"
            )
            console.print(line, soft_wrap=True)
    for check in dict.fromkeys(finding.check for finding in findings):
        of_check = [finding for finding in findings if finding.check == check]
        if all(finding.ok for finding in of_check):
            detail = of_check[0].detail if len(of_check) == 1 else f"{len(of_check)} fine"
            if check in ("re-derived", "made anew", "taken on trust", "ledger = formula", "shared rows"):
                detail = "; ".join(f"{finding.subject}: {finding.detail}" for finding in of_check[:6])
            console.print(Text("ok   ", style="green").append(f"{check}: {detail}", "default"), soft_wrap=True)
    faults = sum(not finding.ok for finding in findings)
    console.print(
        f"{folder}: {f'{faults} checks failed' if faults else 'all checks passed'}", highlight=False, soft_wrap=True
    )


def print_rates(rates: Mapping[str, Sequence[Any]]) -> None:
    """Print benchmark results: a rate, what one takes where that is much, and the ratio to the first of its group."""
    console = stdout()
    for name, lines in rates.items():
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column(name)
        table.add_column(f"{lines[0].unit}/s", justify="right")
        slow = any(rate.per_second < 1000 for rate in lines)
        if slow:
            table.add_column("ms each", justify="right")
        table.add_column("ratio", justify="right")
        for rate in lines:
            table.add_row(
                rate.name,
                f"{rate.per_second:,.0f}",
                *([f"{1000 / rate.per_second:,.2f}"] if slow else []),
                f"{rate.ratio:,.2f} x" if rate.ratio < 10 else f"{rate.ratio:,.1f} x",
            )
        console.print(table)
        console.print()
