"""The console that screens are drawn on: as wide as the terminal, and without an edge where output is piped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from synthgen.dataset.plain_text import shown

PIPED = 1 << 20
"""Columns where output goes to a file or a pipe: no line is broken there."""

NARROW = 40
"""Columns that a terminal has at least; of a narrower one, the lines are broken by itself."""

WIDEST_NAME = 44
"""Columns of names beside which their values stand."""

LEFT_OUT = "... (--json prints all)"

WITHOUT_EDGE = 120
"""Columns that a line left out is counted by where there is no edge."""


class _Console(Console):
    """A console that takes text for text: nothing in it is markup, and control characters are shown as escapes."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        segments = super().render(renderable, options)
        yield from _without_trailing_blanks(
            segment if segment.control else Segment(shown(segment.text), segment.style) for segment in segments
        )


def _without_trailing_blanks(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Leave out the blanks before the end of a line: what a table pads its last column with."""
    blanks: list[Segment] = []
    for segment in segments:
        if segment.text == "\n":
            blanks.clear()
        if segment.text.strip(" ") or segment.control:
            yield from blanks
            blanks.clear()
            text = segment.text.rstrip(" ")
            yield segment if segment.control else Segment(text, segment.style)
            if len(text) < len(segment.text) and not segment.control:
                blanks.append(Segment(segment.text[len(text) :], segment.style))
        else:
            blanks.append(segment)
    yield from blanks


def stdout() -> Console:
    """Return a console on stdout, as wide as the terminal; PIPED columns wide where it is none."""
    console = _Console(markup=False, emoji=False, highlight=False)
    console.width = max(console.width, NARROW) if console.is_terminal else PIPED
    return console


def print_lines(console: Console, text: Text, indent: int, most: int | None = None, hanging: int = 0) -> None:
    """Print a text some columns from the left, broken between its words on a terminal, and nowhere else.

    Of more than `most` lines, or of so much in a pipe, the rest is left out, which is said. Lines after the first
    begin `hanging` columns further on.
    """
    width = console.width - indent - hanging if console.is_terminal else PIPED
    lines = [line for part in text.split("\n", allow_blank=True) for line in part.wrap(console, width) or [Text()]]
    if most is not None and not console.is_terminal:
        lines = [line for part in lines for line in part.wrap(console, WITHOUT_EDGE)]
        lines = [Text(" ").join([*lines[:most]]), *lines[most:]]
        most = 1
    for number, line in enumerate(lines[:most]):
        line.rstrip()
        margin = indent + (hanging if number else 0)
        console.print(Text(" " * margin if line.plain else "") + line, soft_wrap=True)
    if most is not None and len(lines) > most:
        console.print(Text(" " * indent + LEFT_OUT, style="dim"), soft_wrap=True)


def print_pairs(console: Console, pairs: Sequence[tuple[str, str]], most: int | None = None, indent: int = 2) -> None:
    """Print what is called how, a name and its value a line: values stand below each other, or below long names."""
    widest = max((cell_len(name) for name, _ in pairs if cell_len(name) <= WIDEST_NAME), default=0)
    room = console.width - indent - widest - 2 if console.is_terminal else PIPED
    for name, value in pairs:
        head = Text(" " * indent + name)
        apart = cell_len(name) > widest or (cell_len(value) > room and room < NARROW)
        if apart and cell_len(name) + cell_len(value) + indent + 2 <= console.width:
            console.print(head + f"  {value}", soft_wrap=True)
        elif apart:
            console.print(head, soft_wrap=True)
            print_lines(console, Text(value), indent + 4, most)
        else:
            lines = Text(value).wrap(console, room) or [Text()]
            for number, line in enumerate(lines[:most]):
                line.rstrip()
                before = head.plain.ljust(indent + widest) if number == 0 else " " * (indent + widest)
                console.print(Text(before + ("  " if line.plain else "")) + line, soft_wrap=True)
            if most is not None and len(lines) > most:
                console.print(Text(" " * (indent + widest + 2) + LEFT_OUT, style="dim"), soft_wrap=True)


def print_table(
    console: Console, heads: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[int] = (0,)
) -> None:
    """Print a table, a row a line; or figure by figure below the first cell of its row, where it is too wide.

    `left` are the places of the columns of words; figures stand on the right of theirs.
    """
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place in left else "right", no_wrap=True)
    for cells in rows:
        table.add_row(*cells)
    if Measurement.get(console, console.options.update(max_width=PIPED), table).maximum <= console.width:
        console.print(table)
        return
    for first, *others in rows:
        print_lines(console, Text(first.strip(), style="bold"), 0)
        print_pairs(console, list(zip(heads[1:], others, strict=True)))


def print_command(console: Console, parts: Sequence[str]) -> None:
    """Print a command to copy: on one line, or a part a line where that is too long, which a shell takes as one."""
    line = " ".join(parts)
    said = line if not console.is_terminal or cell_len(line) <= console.width else " \\\n  ".join(parts)
    console.print(Text(said), soft_wrap=True)
