"""What people see: tables, coloured spans, progress. Results go to stdout, progress to stderr on a terminal only."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text

from synthgen.cli.console import stdout
from synthgen.cli.terminal import is_read
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.pandas_later import put_pandas_off
from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits
from synthgen.exact.entropy import Entropy
from synthgen.exact.facts import formatted
from synthgen.spec.source import Source

put_pandas_off()  # before a command makes its first array: all that make one show something, too

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red", "bright_cyan", "bright_green", "bright_yellow")
LATENT_WIDTH = 400
"""Characters of a latent that `show` prints; `--json` prints all."""


MOST_ROWS, AT_A_TIME = 1_000_000, 256
"""Rows that `show` shows, and makes at a time."""


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


def rows_to_show(source: Source, first: int, n: int, split: str) -> Iterator[dict[str, Any]]:
    """Return n rows from the first, made a few at a time, for as long as somebody reads.

    Raises SynthgenError, before any is made, where the split has not as many.
    """
    try:
        source.batch(first, first + 1, split)
        source.batch(first + n - 1, first + n, split)
    except IndexError as error:
        raise SynthgenError(str(error)) from None
    starts = itertools.takewhile(lambda _: is_read(), range(first, first + n, AT_A_TIME))
    return (
        row for start in starts for row in source.batch(start, min(start + AT_A_TIME, first + n), split).to_pylist()
    )


def draw_row(source: Source, number: int, split: str, file: Path, theme: str) -> None:
    """Draw a row to a picture file, whose ending decides the format. Raises SynthgenError for another one."""
    from synthgen.publish.drawing.files import save, theme_of
    from synthgen.publish.drawing.sheet import drawn

    save(drawn(source.task(split).picture(source.row(number, split))), file, theme_of(theme))


def print_row(source: Source, row: Mapping[str, Any], split: str) -> None:
    """Print one row: its content with coloured spans, then difficulty, bits and latent."""
    console = stdout()
    bits = row["bits"]
    books = ", ".join(f"{name} {value:.4f}" for name, value in bits.items() if name != "total")
    console.print(Text(f"{source.spec.name}/{split} row {row['id']}", style="bold"))
    latent = dict(row.get("latent") or {})
    spans = latent.pop("spans", None) or {}
    if "input_ids" in row:
        console.print(source.task(split).readable(row), highlight=False)
    else:
        console.print(_coloured(row, spans), highlight=False)
        if spans:
            legend = Text("spans: ", style="dim")
            for i, kind in enumerate(spans):
                legend.append(kind, style=COLOURS[i % len(COLOURS)]).append(" ")
            console.print(legend)
    task = source.task(split)
    console.print(
        f"difficulty {row['difficulty']} ({task.difficulty}); bits {bits['total']:.4f} ({books})", highlight=False
    )
    text = json.dumps(latent, ensure_ascii=False)
    if len(text) > LATENT_WIDTH:
        text = text[:LATENT_WIDTH] + " ... (--json prints all)"
    console.print(Text(f"latent {text}", style="dim"))
    console.print()


def _coloured(row: Mapping[str, Any], spans: Mapping[str, Sequence[Mapping[str, int]]]) -> Text:
    text = Text(row["text"] if "text" in row else row["prompt"] + row["completion"])
    if "prompt" in row:
        text.stylize("dim", 0, len(row["prompt"]))
    for i, of_kind in enumerate(spans.values()):
        for span in of_kind:
            text.stylize(COLOURS[i % len(COLOURS)], span["start"], span["end"])
    return text


def print_entropy(entropy: Entropy) -> None:
    """Print bits by book and of the text, each with how it is known, then why, and the facts."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, justify in (("book", "left"), ("scope", "left"), ("bits", "right"), ("known", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    figures = {name: (book.scope, book.bits) for name, book in entropy.books.items()}
    if entropy.text != entropy.booked:
        figures["booked in all"] = ("row", entropy.booked)
    figures["the text of a row"] = ("row", entropy.text)
    reasons: dict[str, list[str]] = {}
    for name, (scope, bits) in figures.items():
        table.add_row(name, scope, str(bits), _known(bits), style="bold" if name == "the text of a row" else "")
        if bits.reason and name != "booked in all":
            reasons.setdefault(bits.reason, []).append(name)
    console = stdout()
    console.print(Text(f"{entropy.spec}/{entropy.split}", style="bold"))
    console.print(table)
    for reason, names in reasons.items():
        console.print(f"  {', '.join(names)}: {reason}", highlight=False, soft_wrap=True)
    if entropy.text.level < 1:
        chance = f"{1 - entropy.text.level:.0e}".replace("e-0", "e-")
        console.print(
            f"  the text is between its two ends but for a chance of {chance}", highlight=False, soft_wrap=True
        )
    for name, bits in entropy.floor._asdict().items():
        if bits is not None and (name == "token" or entropy.unbooked):
            console.print(f"  a perfect model pays for a {name}: {bits} bits", highlight=False, soft_wrap=True)
    for name, value in entropy.facts.items():
        console.print(f"  {name}: {formatted(value, 'screen')}", highlight=False, soft_wrap=True)


def _known(bits: Bits) -> str:
    """Return how a figure is known, in a few words."""
    if bits.status != "bracket":
        return bits.status
    return f"from {bits.n:,} rows" if bits.n else "bound"


def print_plan(plan: Mapping[str, Any]) -> None:
    """Print what a build would cost."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("split", "rows", "shards", "bytes", "content", "bits", "rows/s a core", "core time", "growth"):
        table.add_column(column, justify="left" if column == "split" else "right")
    for name, split in plan["splits"].items():
        table.add_row(
            name,
            f"{split['rows']:,}",
            f"{split['shards']:,}",
            _bytes(split["bytes"]),
            f"{_short(split['units'])} {split['unit']}",
            f"{_short(split['bits'])} ({split['status']})",
            f"{split['rows_a_second']:,.0f}",
            _duration(split["core_seconds"]),
            f"{split['growth']:.2f}",
        )
    console = stdout()
    console.print(Text(plan["spec"], style="bold"))
    console.print(table)
    fits = "fits" if plan["disk_fits"] else "DOES NOT FIT"
    files = f"{_bytes(plan['bytes'])} in {plan['shards']:,} shards of {_bytes(plan['bytes'] / plan['shards'])}"
    lines = (
        f"{files}, a manifest of {_bytes(plan['manifest_bytes'])}; {_bytes(plan['disk_free_bytes'])} free: {fits}",
        f"{plan['core_hours']:,.4g} core-hours: about {_duration(plan['seconds'])} on {plan['workers']:,} workers of "
        f"{_bytes(plan['worker_memory_bytes'])} each, if the disk takes {_bytes(plan['bytes_a_second'])} a second",
        "growth: the cost of a row near the last one, in costs of a row near the first, from a timed sample",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


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
        shards = [shard for shard in manifest.shards if shard.split == name]
        mean = sum(shard.bits.get("total", 0.0) for shard in shards) / split["rows"]
        table.add_row(name, f"{split['rows']:,}", str(split["shards"]), f"{mean:.4f}", manifest.entropy(name)["status"])
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
            if check in ("re-derived", "made anew", "ledger = formula", "shared rows"):
                detail = "; ".join(f"{finding.subject}: {finding.detail}" for finding in of_check[:6])
            console.print(Text("ok   ", style="green").append(f"{check}: {detail}", "default"), soft_wrap=True)
    faults = sum(not finding.ok for finding in findings)
    console.print(
        f"{folder}: {f'{faults} checks failed' if faults else 'all checks passed'}", highlight=False, soft_wrap=True
    )


def print_rates(rates: Mapping[str, Sequence[Any]]) -> None:
    """Print benchmark results: a rate, and the ratio to the first line of its group."""
    console = stdout()
    for name, lines in rates.items():
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column(name)
        table.add_column(f"{lines[0].unit}/s", justify="right")
        table.add_column("ratio", justify="right")
        for rate in lines:
            table.add_row(
                rate.name,
                f"{rate.per_second:,.0f}",
                f"{rate.ratio:,.2f} x" if rate.ratio < 10 else f"{rate.ratio:,.1f} x",
            )
        console.print(table)
        console.print()
