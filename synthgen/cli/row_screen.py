"""What `synthgen show` shows of a row: its parts, its spans, what it was made from, and its bits by book."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from synthgen.cli.console import print_lines, print_pairs, stdout
from synthgen.cli.terminal import is_read
from synthgen.errors import SynthgenError
from synthgen.exact.glossary import book_words
from synthgen.exact.keys import worded
from synthgen.spec.latents import told
from synthgen.spec.source import Source

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red", "bright_cyan", "bright_green", "bright_yellow")

MOST_LINES = 3
"""Lines of a latent that are shown; `--json` prints all."""

MOST_ROWS, AT_A_TIME = 1_000_000, 256
"""Rows that `show` shows, and makes at a time."""

BAR = 24
"""Columns of the longest bar."""

PARTS = {"text": "text", "prompt": "prompt", "completion": "completion"}
"""The columns of text, in their order."""


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
    """Print one row: what it says, part by part, with its spans; difficulty and bits; and its latents in words."""
    console, spans = stdout(), (row.get("latent") or {}).get("spans") or {}
    console.print(Text(f"{source.spec.name}, row {row['id']} of {split}", style="bold"))
    for heading, said in _said(source, row, split, spans).items():
        console.print(Text(heading, style="bold"))
        print_lines(console, said, 2)
    _print_spans(console, row, spans)
    difficulty = Text.assemble(("difficulty ", "bold"), f"{row['difficulty']} ({source.task(split).difficulty})")
    console.print(difficulty, soft_wrap=True)
    _print_bits(console, row["bits"])
    if latents := source.decode(row, split):
        console.print(Text("made from", style="bold"))
        print_pairs(console, list(told(latents, source.task(split).glossary)), MOST_LINES)
    console.print()


def _said(source: Source, row: Mapping[str, Any], split: str, spans: Mapping[str, Any]) -> dict[str, Text]:
    """Return what a row says, by heading, with its spans in colours; of a token row, how much is trained on."""
    if "input_ids" in row:
        mask = row.get("completion_mask")
        trained = f", {sum(mask):,} of them trained on" if mask else ""
        return {f"{len(row['input_ids']):,} tokens{trained}": Text(source.readable(row, split))}
    texts, at = {}, 0
    for name in PARTS:
        if name not in row:
            continue
        texts[name] = Text(row[name])
        for colour, of_kind in zip(itertools.cycle(COLOURS), spans.values(), strict=False):
            for span in of_kind:
                if at <= span["start"] < at + len(row[name]):
                    texts[name].stylize(colour, span["start"] - at, span["end"] - at)
        at += len(row[name])
        if texts[name].plain.startswith(" "):
            texts[name] = texts[name][1:]
    return texts


def _print_spans(console: Console, row: Mapping[str, Any], spans: Mapping[str, Sequence[Mapping[str, int]]]) -> None:
    """Print the kinds of spans, each with what it covers, or how many there are where that is long."""
    said = "".join(row.get(name, "") for name in PARTS)
    widest = max((len(worded(kind)) for kind in spans), default=0)
    if any(spans.values()):
        console.print(Text("spans", style="bold"))
    for colour, (kind, of_kind) in zip(itertools.cycle(COLOURS), spans.items(), strict=False):
        if not of_kind:
            continue
        covered = " | ".join(dict.fromkeys(said[span["start"] : span["end"]] for span in of_kind))
        short = said and cell_len(covered) <= SHORT and "\n" not in covered
        what = covered if short else f"{len(of_kind)} of them" if len(of_kind) > 1 else "one"
        console.print(Text("  ") + Text(worded(kind).ljust(widest), style=colour) + f"  {what}", soft_wrap=True)


SHORT = 56
"""Columns up to which the texts of a kind of spans are shown."""


def _print_bits(console: Console, bits: Mapping[str, float | None]) -> None:
    """Print the bits of a row, by book, each with a bar as long as its share of the largest."""
    books = {book_words(name): value for name, value in bits.items() if name != "total"}
    console.print(Text.assemble(("bits ", "bold"), _figure(bits["total"])), soft_wrap=True)
    if len(books) == 1:
        return
    widest, most = max(map(len, books)), max([*(value or 0.0 for value in books.values()), 1e-9])
    figures = {name: _figure(value) for name, value in books.items()}
    for name, value in books.items():
        figure = figures[name].rjust(max(map(len, figures.values())))
        bar = _block() * round(BAR * (value or 0.0) / most)
        console.print(
            Text.assemble(f"  {name.ljust(widest)}  {figure}", (f"  {bar}" if bar else "", "blue")), soft_wrap=True
        )


def _figure(bits: float | None) -> str:
    return "unknown" if bits is None else f"{bits:,.4f}"


def _block() -> str:
    """Return what bars are made of, in the encoding at hand."""
    try:
        "█".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return "#"
    return "█"
