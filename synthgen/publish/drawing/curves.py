"""Curves: a run's loss over its floor, and shares with their intervals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from synthgen.publish.drawing.scene import Area, Box, Path, Point, Scene, Shape, Words
from synthgen.publish.drawing.sheet import WIDTH, framed
from synthgen.publish.drawing.style import SIZE, SMALL, width_of

HIGH, SIDE = 240.0, 56.0
"""Height of a plot, and what stands to its left."""
TICKS = 5
MOST_POINTS = 400
"""Points of a curve that are drawn; of more, every so many."""
DOT = 8.0


def loss_scene(loss: Sequence[Point], floor: Sequence[Point]) -> Scene:
    """Return a run's loss (step, bits a token) and the floor of fresh rows; labels stand beside the lines.

    The floor is that of each step's own rows, and scatters as they do: its mean is a line, its deviation a band.
    """
    floors = [y for _, y in floor]
    every = [*(y for _, y in loss), *floors]
    top, steps = max(every), max(x for x, _ in loss)
    ticks = ticks_of(0.0, top)
    right = WIDTH - 90

    def place(x: float, y: float) -> Point:
        return SIDE + (right - SIDE) * x / max(steps, 1), HIGH * (1 - y / ticks[-1])

    shapes: list[Shape] = []
    for tick in ticks:
        _, y = place(0, tick)
        shapes.append(Path([(SIDE, y), (right, y)], "faint"))
        shapes.append(Words(SIDE - 8, y + 4, f"{tick:g}", SMALL, "end", "quiet"))
    for tick in ticks_of(0.0, steps):
        x, _ = place(tick, 0)
        if tick <= steps:
            shapes.append(Words(x, HIGH + 18, f"{tick:,g}", SMALL, "middle", "quiet"))
    ends: list[tuple[float, str]] = []
    if floors:
        mean, spread = statistics.fmean(floors), statistics.pstdev(floors)
        corners = [(0.0, mean - spread), (steps, mean - spread), (steps, mean + spread), (0.0, mean + spread)]
        if spread:
            shapes.append(Area([place(x, max(y, 0.0)) for x, y in corners], "orange"))
        shapes.append(Path([place(0, mean), place(steps, mean)], "orange", bold=True))
        ends.append((place(0, mean)[1], f"floor {mean:.3f}"))
    points = [place(x, y) for x, y in _thinned(loss)]
    if len(points) > 1:
        shapes.append(Path(points, "blue", bold=True))
    else:
        x, y = points[0]
        shapes.append(Box(x - DOT / 2, y - DOT / 2, DOT, DOT, "blue", DOT / 2))
    ends.append((points[-1][1], f"loss {loss[-1][1]:.3f}"))
    ends.sort()
    for i, (y, text) in enumerate(ends):
        shapes.append(Words(right + 8, max(y + 4, ends[0][0] + 4 + 15 * i), text, SMALL))
    shapes.append(Words((SIDE + right) / 2, HIGH + 36, "step", SMALL, "middle", "quiet"))
    says = f"Loss in bits a token over {steps:,.0f} steps: from {loss[0][1]:.3f} to {loss[-1][1]:.3f}"
    says += f"; the floor of fresh rows is {statistics.fmean(floors):.3f}." if floors else "."
    return framed("Loss in bits a token", shapes, HIGH + 40, says)


def shares_scene(title: str, shares: Sequence[tuple[str, float, float, float]]) -> Scene:
    """Return shares, each (name, share, low, high), as bars with their 95 % intervals."""
    side = max(width_of(name) for name, *_ in shares) + 14
    right = WIDTH - 60
    shapes: list[Shape] = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = side + (right - side) * tick
        shapes.append(Path([(x, 0), (x, len(shares) * 24 + 2)], "faint"))
        shapes.append(Words(x, len(shares) * 24 + 18, f"{100 * tick:.0f} %", SMALL, "middle", "quiet"))
    for i, (name, share, low, high) in enumerate(shares):
        y = i * 24 + 4
        told = f"{name}: {share:.3f}, between {low:.3f} and {high:.3f}"
        shapes.append(Words(side - 10, y + 13, name, SIZE, "end"))
        if share:
            shapes.append(Box(side, y, (right - side) * share, 18, "blue", 2, told))
        ends = side + (right - side) * low, side + (right - side) * high
        shapes += [Path([(x, y + 4), (x, y + 14)], "orange", bold=True) for x in ends]
        shapes.append(Path([(ends[0], y + 9), (ends[1], y + 9)], "orange", bold=True))
        shapes.append(Words(right + 8, y + 13, f"{share:.3f}", SMALL, ink="quiet"))
    says = "; ".join(f"{name} {share:.3f} ({low:.3f} to {high:.3f})" for name, share, low, high in shares)
    return framed(f"{title} (orange: 95 % intervals)", shapes, len(shares) * 24 + 24, f"{title}: {says}.")


def ticks_of(least: float, most: float) -> list[float]:
    """Return round numbers that hold both ends between them, a few."""
    rough = max((most - least) / TICKS, 1e-9)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    return [step * i for i in range(math.floor(least / step), math.ceil(most / step) + 1)]


def _thinned(curve: Sequence[Point]) -> Sequence[Point]:
    every = math.ceil(len(curve) / MOST_POINTS)
    return [*curve[:-1:every], curve[-1]]
