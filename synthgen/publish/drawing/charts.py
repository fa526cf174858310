"""Charts: the books of a row as one bar, and the lengths of several splits as ridges above one scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from synthgen.publish.drawing.scene import Area, Box, Path, Point, Scene, Shape, Words, centred
from synthgen.publish.drawing.sheet import WIDTH, framed
from synthgen.publish.drawing.style import LINE, SIZE, SMALL, width_of
from synthgen.task.picture import TONES

HIGH = 30.0
"""Height of the bar of books."""
BINS = 60
"""Columns of a ridge at most."""
RIDGE, LANE = 30.0, 36.0
"""Height of the highest column of a ridge, and how far below it the next ridge stands: none hides another."""
TICKS = 6


def books_scene(books: Mapping[str, float], title: str, every: Sequence[str] = ()) -> Scene:
    """Return the bits of a row by book as one bar with a line for each book below it; `books` maps names to bits.

    `every` are the books of all bars that stand beside this one: a book has one colour in all of them.
    """
    shown = list(dict.fromkeys([*every, *(name for name, bits in books.items() if bits > 0)]))
    tone_of = {name.replace("_", " "): TONES[i % len(TONES)] for i, name in enumerate(shown)}
    books = {name.replace("_", " "): bits for name, bits in books.items()}
    paid = {name: bits for name, bits in books.items() if bits > 0}
    free = [name for name in books if name not in paid]
    total = math.fsum(paid.values())
    shapes: list[Shape] = []
    x = 0.0
    for name, bits in paid.items():
        wide, tone = WIDTH * bits / total, tone_of[name]
        shapes.append(Box(x, 0, wide, HIGH, tone, 0, f"{name}: {bits:,.2f} bits"))
        if width_of(name) <= wide - 8:
            shapes += centred([name], x + wide / 2, HIGH / 2, anchor="middle", ink=tone)
        x += wide
    y = HIGH + 14
    column = WIDTH / 3
    for i, (name, bits) in enumerate(paid.items()):
        left, base = i % 3 * column, y + i // 3 * SIZE * 1.6 + SIZE
        shapes += [Box(left, base - 10, 11, 11, tone_of[name], 2), Words(left + 17, base, name)]
        figure = f"{bits:,.2f} bits, {100 * bits / total:.1f} %"
        shapes.append(Words(left + column - 24, base, figure, SMALL, "end", "quiet"))
    y += math.ceil(len(paid) / 3) * SIZE * 1.6
    if free:
        shapes.append(Words(0, y + SIZE * LINE, f"Nothing is drawn for {', '.join(free)}.", SMALL, ink="quiet"))
        y += SIZE * LINE + 4
    if not paid:
        shapes = [Words(0, SIZE, "A row holds no bits: nothing of it is drawn.", SIZE)]
        y = SIZE * LINE
    says = ", ".join(f"{name} {bits:,.2f}" for name, bits in paid.items())
    return framed(f"{title}: {total:,.2f} bits", shapes, y, f"{title}: {total:,.2f} bits. {says}.")


def ridges_scene(counts: Mapping[str, Mapping[int, int]], title: str) -> Scene:
    """Return how often each value is there, split by split, as ridges; `counts` maps a split to {value: rows}.

    The highest column of every split is as high as any other's.
    """
    least, most = min(min(c) for c in counts.values()), max(max(c) for c in counts.values())
    step = max(1, math.ceil((most - least + 1) / BINS))
    columns = (most - least) // step + 1
    side = max(width_of(name) for name in counts) + 14
    wide = (WIDTH - side) / columns
    heights = {name: _shares(c, least, step, columns) for name, c in counts.items()}
    shapes: list[Shape] = []
    base = RIDGE
    for number, (name, shares) in enumerate(heights.items()):
        highest = max(shares)  # of this split alone: one of a single value would flatten all others
        outline: list[Point] = [(side, base)]
        for i, share in enumerate(shares):
            y = base - RIDGE * share / highest
            outline += [(side + i * wide, y), (side + (i + 1) * wide, y)]
        outline.append((WIDTH, base))
        shapes.append(Area(outline, TONES[number % len(TONES)]))
        shapes.append(Words(side - 10, base - 3, name, SIZE, "end"))
        base += LANE
    base += 4 - LANE
    shapes.append(Path([(side, base), (WIDTH, base)], "plain"))
    for value in _ticks(least, most):
        x = side + (value - least + 0.5) / step * wide
        shapes.append(Path([(x, base), (x, base + 4)], "plain"))
        shapes.append(Words(x, base + 17, f"{value:,}", SMALL, "middle", "quiet"))
    ends = ", ".join(f"{name} {min(c):,} to {max(c):,}" for name, c in counts.items())
    return framed(f"{title}; every split by its own scale", shapes, base + 20, f"{title}, split by split: {ends}.")


def _shares(counts: Mapping[int, int], least: int, step: int, columns: int) -> list[float]:
    shares, total = [0.0] * columns, sum(counts.values())
    for value, rows in counts.items():
        shares[(value - least) // step] += rows / total
    return shares


def _ticks(least: int, most: int) -> Sequence[int]:
    """Return round whole numbers between two ends, a few."""
    rough = max(1.0, (most - least) / TICKS)
    power = 10 ** math.floor(math.log10(rough))
    step = max(1, int(next(m * power for m in (1, 2, 5, 10) if m * power >= rough)))
    return range(math.ceil(least / step) * step, most + 1, step)
