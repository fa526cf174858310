"""Texts as shapes: a passage with its spans behind the words, a string with the tree above it, and a table."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from synthgen.publish.drawing.scene import Box, Path, Shape, Words, centred, lines_of
from synthgen.publish.drawing.style import LINE, SIZE, SMALL, width_of, wrapped
from synthgen.task.picture import Bar, Kind, Parse, Passage, Span, Table

MOST_TEXT = 4000
"""Characters of a passage that are drawn."""
ROOMY = 1.75
"""Lines of a passage are so many sizes apart, so that spans do not touch."""
LEAF, BAR = 13.0, 16.0
"""The least width of a leaf, and the height of a bar with the gap above it."""
BEYOND = 7.0
"""Pixels that a bar reaches beyond its line where it goes on in another."""
WIDEST_CELL, CELL = 220.0, 11.0
"""Pixels of a table's column at most, and within a cell around its text."""


def passage_shapes(passage: Passage, kinds: Mapping[str, Kind], most: float) -> tuple[list[Shape], float, float]:
    """Return a passage as shapes, its width and height; spans are filled and underlined: a frame hides full stops."""
    text = passage.text[:MOST_TEXT]
    more = len(passage.text) - len(text)
    boxes: list[Shape] = []
    words: list[Shape] = []
    widest, lines = 0.0, list(_lines(text, most))
    for number, (first, last) in enumerate(lines):
        base = number * SIZE * ROOMY + SIZE * 1.2
        x = 0.0
        for start, end, span in _pieces(first, last, passage.spans, passage.given):
            piece = text[start:end]
            lead = len(piece) - len(piece.lstrip(" "))
            wide = width_of(piece)
            kind = kinds.get(span.kind) if span else None
            if kind:
                foot = base + SIZE * 0.35
                boxes.append(Box(x, base - SIZE * 1.1, wide, SIZE * 1.45, kind.tone, 0, kind.words, outline=False))
                boxes.append(Path([(x, foot), (x + wide, foot)], kind.tone))
            ink = kind.tone if kind else "quiet" if start < passage.given else "ink"
            if piece.strip():
                words.append(Words(x + width_of(piece[:lead]), base, piece.strip(" "), ink=ink))
            x += wide
        widest = max(widest, x)
    height = len(lines) * SIZE * ROOMY
    if more:
        words.append(Words(0, height + SIZE, f"… and {more:,} more characters", SMALL, ink="quiet"))
        height += SIZE * LINE
    return [*boxes, *words], widest, height + 4


def _lines(text: str, most: float) -> Iterator[tuple[int, int]]:
    """Yield the (first, last) characters of every line: broken at spaces, and within words that are too long."""
    start, at, x, space = 0, 0, 0.0, -1
    while at < len(text):
        if text[at] == "\n":
            yield start, at
            start, at, x, space = at + 1, at + 1, 0.0, -1
            continue
        if text[at] == " ":
            space = at
        x += width_of(text[at])
        if x > most and text[at] != " ":
            end = space if space > start else at
            yield start, end
            start = at = end + (end == space)
            x, space = 0.0, -1
            continue
        at += 1
    if start < len(text) or not text:
        yield start, len(text)


def _pieces(first: int, last: int, spans: Sequence[Span], given: int) -> Iterator[tuple[int, int, Span | None]]:
    """Yield a line in pieces that look alike: (start, end, the span they are in)."""
    inside = [span for span in spans if span.start < last and span.end > first]
    edges = {first, last, *(edge for span in inside for edge in (span.start, span.end)), given}
    for start, end in itertools.pairwise(sorted(edge for edge in edges if first <= edge <= last)):
        yield start, end, next((span for span in inside if span.start <= start < span.end), None)


def parse_shapes(parse: Parse, kinds: Mapping[str, Kind], most: float) -> tuple[list[Shape], float, float]:
    """Return a string with its tree as shapes: as many leaves to a line as there is room for, bars above them.

    A bar that goes on in another line is open there, and reaches beyond the line; each of its pieces has its name.
    """
    above = (width_of(bar.text, SMALL) for bar in parse.bars if bar.end - bar.start == 1)
    leaf = max(LEAF, max((width_of(text) for text in parse.leaves), default=0) + 6, max(above, default=0) + 8)
    beyond = BEYOND if len(parse.leaves) * leaf > most else 0.0
    a_line = max(1, int((most - 2 * beyond) / leaf))
    levels = max((bar.level for bar in parse.bars), default=0)
    line_height = levels * BAR + SIZE * 1.6 + 12
    shapes: list[Shape] = []
    starts = range(0, max(1, len(parse.leaves)), a_line)
    for number, first in enumerate(starts):
        top, last = number * line_height, min(first + a_line, len(parse.leaves))
        for bar in parse.bars:
            if bar.start < last and bar.end > first:
                shapes += _bar(bar, first, last, leaf, beyond, top + (levels - bar.level) * BAR, kinds)
        base = top + levels * BAR + SIZE * 1.1
        for i in range(first, last):
            shapes.append(Words(beyond + (i - first + 0.5) * leaf, base, parse.leaves[i], anchor="middle"))
    high = len(starts) * line_height - 8
    if len(starts) > 1:
        told = "The string is broken into lines: a bar without its right end goes on at the left of the next line."
        shapes.append(Words(0, high + SMALL + 6, told, SMALL, ink="quiet"))
        high += SMALL * LINE + 10
    return shapes, min(a_line, max(1, len(parse.leaves))) * leaf + 2 * beyond, high


def _bar(
    bar: Bar, first: int, last: int, leaf: float, beyond: float, y: float, kinds: Mapping[str, Kind]
) -> Iterator[Shape]:
    """Draw the part of a bar that stands above the leaves [first, last) of a line, open where it goes on in another."""
    kind = kinds.get(bar.kind, Kind(""))
    began, goes_on, high = bar.start < first, bar.end > last, BAR - 2.5
    left = 0.0 if began else beyond + (bar.start - first) * leaf + 0.75
    right = beyond + (last - first) * leaf + beyond if goes_on else beyond + (bar.end - first) * leaf - 0.75
    title = f"{bar.text}: {bar.end - bar.start:,} {'leaf' if bar.end - bar.start == 1 else 'leaves'}"
    broken = began or goes_on
    yield Box(left, y, right - left, high, kind.tone, 0 if broken else 2.5, title, outline=not broken)
    if began and goes_on:
        yield Path([(left, y), (right, y)], kind.tone)
        yield Path([(left, y + high), (right, y + high)], kind.tone)
    elif broken:
        open_end, closed = (left, right) if began else (right, left)
        yield Path([(open_end, y), (closed, y), (closed, y + high), (open_end, y + high)], kind.tone)
    if width_of(bar.text, SMALL) <= right - left - 2:
        yield from centred([bar.text], (left + right) / 2, y + high / 2, SMALL, "middle", kind.tone)


def table_shapes(table: Table, kinds: Mapping[str, Kind], most: float) -> tuple[list[Shape], float, float]:
    """Return a table as shapes, its width and height: heads, a line, and rows whose cells with a kind are filled."""
    widest = min(WIDEST_CELL, most / len(table.heads)) - 2 * CELL
    heads = [wrapped(head, widest, SMALL) for head in table.heads]
    rows = [[wrapped(cell.text, widest) for cell in row] for row in table.rows]
    widths = [max(width_of(line, SMALL) for line in head) for head in heads]
    for broken in rows:
        widths = [max(wide, *map(width_of, lines)) for wide, lines in zip(widths, broken, strict=True)]
    lefts = list(itertools.accumulate((wide + 2 * CELL for wide in widths), initial=0.0))
    y = max(map(len, heads)) * SMALL * LINE + 6
    shapes: list[Shape] = [Path([(0, y), (lefts[-1], y)], "plain")]
    for lines, left in zip(heads, lefts, strict=False):
        base = y - 6 - len(lines) * SMALL * LINE
        shapes += lines_of(lines, left + CELL, base, SMALL, ink="quiet")
    y += 3
    for row, cells in zip(table.rows, rows, strict=True):
        high = max(map(len, cells)) * SIZE * LINE + 5
        for cell, lines, left, wide in zip(row, cells, lefts, widths, strict=False):
            kind = kinds.get(cell.kind)
            if kind:
                title = f"{cell.text}: {kind.words}"
                shapes.append(Box(left + 1, y, wide + 2 * CELL - 2, high - 2, kind.tone, 3, title))
            shapes += centred(lines, left + CELL, y + high / 2 - 1, ink=kind.tone if kind else "ink")
        y += high
    return shapes, lefts[-1], y
