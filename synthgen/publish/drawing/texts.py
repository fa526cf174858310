"""Texts as shapes: a passage with its spans behind the words, and a string with the tree above it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from synthgen.publish.drawing.scene import Box, Shape, Words
from synthgen.publish.drawing.style import LINE, SIZE, SMALL, width_of
from synthgen.task.picture import Bar, Kind, Parse, Passage, Span

MOST_TEXT = 4000
"""Characters of a passage that are drawn."""
ROOMY = 1.75
"""Lines of a passage are so many sizes apart, so that spans do not touch."""
LEAF, BAR = 13.0, 16.0
"""The least width of a leaf, and the height of a bar with the gap above it."""
PAD = 1.5
"""Pixels that a span's colour goes beyond its letters."""


def passage_shapes(passage: Passage, kinds: Mapping[str, Kind], most: float) -> tuple[list[Shape], float, float]:
    """Return a passage as shapes, its width and height."""
    text = passage.text[:MOST_TEXT]
    more = len(passage.text) - len(text)
    boxes: list[Shape] = []
    words: list[Shape] = []
    lines = list(_lines(text, most))
    for number, (first, last) in enumerate(lines):
        base = number * SIZE * ROOMY + SIZE * 1.2
        x = 0.0
        for start, end, span in _pieces(first, last, passage.spans, passage.given):
            piece = text[start:end]
            lead = len(piece) - len(piece.lstrip(" "))
            wide = width_of(piece)
            kind = kinds.get(span.kind) if span else None
            if kind:
                boxes.append(Box(x - PAD, base - SIZE * 1.1, wide + 2 * PAD, SIZE * 1.45, kind.tone, 3, kind.words))
            ink = kind.tone if kind else "quiet" if start < passage.given else "ink"
            if piece.strip():
                words.append(Words(x + width_of(piece[:lead]), base, piece.strip(" "), ink=ink))
            x += wide
    height = len(lines) * SIZE * ROOMY
    if more:
        words.append(Words(0, height + SIZE, f"… and {more:,} more characters", SMALL, ink="quiet"))
        height += SIZE * LINE
    return [*boxes, *words], most, height + 4


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
    """Return a string with its tree as shapes: as many leaves to a line as there is room for, bars above them."""
    above = (width_of(bar.text, SMALL) for bar in parse.bars if bar.end - bar.start == 1)
    leaf = max(LEAF, max((width_of(text) for text in parse.leaves), default=0) + 6, max(above, default=0) + 5)
    a_line = max(1, int(most / leaf))
    levels = max((bar.level for bar in parse.bars), default=0)
    line_height = levels * BAR + SIZE * 1.6 + 12
    shapes: list[Shape] = []
    starts = range(0, max(1, len(parse.leaves)), a_line)
    for number, first in enumerate(starts):
        top, last = number * line_height, min(first + a_line, len(parse.leaves))
        for bar in parse.bars:
            if bar.start < last and bar.end > first:
                shapes += _bar(bar, max(bar.start, first) - first, min(bar.end, last) - first, leaf, top, levels, kinds)
        base = top + levels * BAR + SIZE * 1.1
        for i in range(first, last):
            shapes.append(Words((i - first + 0.5) * leaf, base, parse.leaves[i], anchor="middle"))
    return shapes, min(a_line, max(1, len(parse.leaves))) * leaf, len(starts) * line_height - 8


def _bar(
    bar: Bar, start: int, end: int, leaf: float, top: float, levels: int, kinds: Mapping[str, Kind]
) -> Iterator[Shape]:
    kind = kinds.get(bar.kind, Kind(""))
    x, y, wide = start * leaf + 0.75, top + (levels - bar.level) * BAR, (end - start) * leaf - 1.5
    yield Box(x, y, wide, BAR - 2.5, kind.tone, 2.5, f"{bar.text}: {bar.end - bar.start:,} leaves")
    if width_of(bar.text, SMALL) <= wide - 2:
        yield Words(x + wide / 2, y + BAR * 0.62, bar.text, SMALL, "middle", kind.tone)
