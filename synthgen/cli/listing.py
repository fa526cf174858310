"""The list of shipped specs, as `synthgen list` tells it: from a table that is shipped beside them, so at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatch
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen.errors import SynthgenError, nearest

if TYPE_CHECKING:
    from rich.console import Console

LISTING = Path(__file__).with_name("listing.json")
"""The shipped table, which `make docs` writes and a test compares with the specs."""

ROOMY = 150
"""Columns from which on a spec has one line, its title in it."""

PIPED = 1000
"""Columns where output goes to a file or a pipe: no line is broken there."""


def all_shipped() -> list[dict[str, Any]]:
    """Return the entries of `listed` for all shipped specs."""
    entries: list[dict[str, Any]] = json.loads(LISTING.read_text("utf-8"))
    return entries


def shipped_listing(pattern: str = "") -> list[dict[str, Any]]:
    """Return the entries of `listed` for the shipped specs, or for those whose name fits a pattern.

    A pattern is a name, the beginning of some (`igsm`), or has * and ? in it (`bios-*5*`). Raises SynthgenError if none
    fits.
    """
    entries = all_shipped()
    fitting = [entry for entry in entries if fnmatch(entry["name"], _wild(pattern))]
    if not fitting and not plugged_in(pattern):
        raise SynthgenError(f"{pattern}: no spec is called so{nearest(pattern, [entry['name'] for entry in entries])}")
    return fitting


def _wild(pattern: str) -> str:
    return pattern if any(c in pattern for c in "*?[") else f"{pattern}*"


def plugged_in(pattern: str = "") -> list[tuple[str, str]]:
    """Return (task, its package) of the tasks that other packages bring, or of those whose name fits a pattern."""
    points = sorted(entry_points(group="synthgen.tasks"), key=lambda point: point.name)
    named = [(point.name, point.dist.name if point.dist is not None else point.module) for point in points]
    return [(name, package) for name, package in named if fnmatch(name, _wild(pattern))]


def listed(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return one entry a spec, by family and name, made from the specs themselves, which takes seconds.

    Its fields: name, task, family, title, suite, paper, row_format, splits, rows, bits, status, text, difficulty.
    """
    from synthgen.spec.source import load, place_in_lists

    entries = []
    for source in sorted(map(load, names), key=lambda source: place_in_lists(source)[1]):
        spec = source.spec
        rows = {split: table.rows or source.rows_max(split) for split, table in spec.splits.items()}
        first = next(iter(rows), "train")
        entropy = source.entropy(first, estimates=False)
        entries.append(
            {
                "name": spec.name,
                "task": spec.task,
                "family": place_in_lists(source)[0],
                "title": spec.title,
                "suite": spec.suite,
                "paper": spec.paper or spec.task_class.paper,
                "row_format": spec.row_format,
                "splits": rows,
                "rows": sum(number or 0 for number in rows.values()),
                **{key: value for key, value in entropy.to_json().items() if key in ("bits", "status", "text")},
                "difficulty": spec.task_class.difficulty,
            }
        )
    return entries


def print_plug_ins(tasks: Sequence[tuple[str, str]]) -> None:
    """Print the tasks of other packages, which have specs of their own only where somebody writes them."""
    from rich.text import Text

    from synthgen.cli.console import print_pairs, stdout

    console = stdout()
    console.print(Text("\nTasks of other packages", style="bold"), soft_wrap=True)
    print_pairs(console, [(name, f"of {package}: write a spec with task = {name!r}") for name, package in tasks])


def print_listing(entries: list[dict[str, Any]], long: bool = False, console: Console | None = None) -> None:
    """Print entries by family: name, rows, bits of a row's text, title; `long`: format, splits and difficulty too."""
    from rich.text import Text

    from synthgen.cli.console import stdout
    from synthgen.exact.bits import stated_bits
    from synthgen.exact.entropy import text_entry

    console = console or stdout()
    width = console.width if console.is_terminal else PIPED
    names = max(len(entry["name"]) for entry in entries)
    bits = {entry["name"]: stated_bits(text_entry(entry)) for entry in entries}
    widest, most = max(map(len, bits.values())), max(len(f"{entry['rows']:,}") for entry in entries)
    indent = names + most + widest + 6
    heading = ""
    columns = f"{'spec':<{names}}  {'rows':>{most}}  {'bits of a row':>{widest}}"
    console.print(Text(columns, style="dim"), soft_wrap=True)
    for entry in entries:
        if entry["family"] != heading:
            heading = entry["family"]
            console.print(Text(f"\n{heading}", style="bold"), soft_wrap=True)
        line = Text(f"{entry['name']:<{names}}  {entry['rows']:>{most},}  {bits[entry['name']]:>{widest}}  ")
        said = [entry["title"]]
        if long:
            splits = ", ".join(f"{split} {rows:,}" for split, rows in entry["splits"].items())
            said += [f"{entry['row_format']}; difficulty: {entry['difficulty']}", f"splits: {splits}"]
        if width >= ROOMY and not long:
            line.append(entry["title"] if len(entry["title"]) <= width - indent else "")
            said = [] if len(entry["title"]) <= width - indent else said
        line.rstrip()
        console.print(line, soft_wrap=True)
        for text in said:
            for part in Text(text, style="dim").wrap(console, width - 2):
                part.rstrip()
                console.print(Text("  ") + part, soft_wrap=True)
