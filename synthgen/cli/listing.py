"""The list of shipped specs, as `synthgen list` tells it."""

from __future__ import annotations

from typing import Any

from synthgen.exact.bits import stated_bits
from synthgen.exact.entropy import text_entry
from synthgen.spec.source import load
from synthgen.spec.spec import shipped_specs


def listing() -> list[dict[str, Any]]:
    """Return one entry a shipped spec: name, task, suite, paper, row_format, splits, rows, bits, status, difficulty."""
    entries = []
    for name in shipped_specs():
        source = load(name)
        spec = source.spec
        rows = {split: table.rows or source.rows_max(split) for split, table in spec.splits.items()}
        first = next(iter(rows), "train")
        entropy = source.entropy(first, estimates=False)
        entries.append(
            {
                "name": name,
                "task": spec.task,
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


def print_listing(entries: list[dict[str, Any]]) -> None:
    """Print the list as a table: one line a spec, those of a suite together under its name."""
    from rich.table import Table
    from rich.text import Text

    from synthgen.cli.terminal import stdout

    table = Table(box=None, pad_edge=False, header_style="bold")
    widest = max(len(entry["name"]) for entry in entries)  # on a narrow terminal the last columns give way
    for column, justify, least in (
        ("spec", "left", widest),
        ("paper", "left", 10),
        ("rows", "right", 10),
        ("bits a row", "right", 13),
        ("format", "left", 1),
        ("splits", "left", 1),
        ("difficulty counts", "left", 1),
    ):
        table.add_column(column, justify=justify, no_wrap=True, min_width=least)  # type: ignore[arg-type]
    suite = ""
    for entry in sorted(entries, key=lambda entry: (entry["suite"], entry["name"])):
        if entry["suite"] != suite:
            suite = entry["suite"]
            table.add_row()
            table.add_row(Text(suite, style="bold"))
        splits = list(entry["splits"])
        shown = " ".join(splits[:3]) + (f" +{len(splits) - 3}" if len(splits) > 3 else "")
        bits = stated_bits(text_entry(entry))
        table.add_row(
            entry["name"], entry["paper"], f"{entry['rows']:,}", bits, entry["row_format"], shown, entry["difficulty"]
        )
    console = stdout()
    console.print(table)
