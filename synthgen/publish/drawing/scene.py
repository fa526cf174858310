"""Scenes: shapes with places in pixels, whose colours are tones, so that one scene is drawn light, dark, or by a page.

y grows downwards, as in SVG. Shapes are drawn in order, later ones above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from synthgen.publish.drawing.style import LINE, SIZE, width_of
from synthgen.task.picture import Tone

Ink = Tone | Literal["ink", "quiet"]
"""What text is written with: a tone's ink (text on its fill), or the page's, strong or quiet."""
Point = tuple[float, float]
BOLD = 1.12
"""How much wider bold letters are."""


@dataclass(frozen=True)
class Box:
    """A rectangle; `title` is what it says on hover. Without `outline`, the fill alone."""

    x: float
    y: float
    width: float
    height: float
    tone: Tone
    radius: float = 4.0
    title: str = ""
    outline: bool = True


@dataclass(frozen=True)
class Path:
    """A line through points, straight or smooth, perhaps with an arrow's head at its end."""

    points: Sequence[Point]
    tone: Tone = "plain"
    smooth: bool = False
    arrow: bool = False
    bold: bool = False


@dataclass(frozen=True)
class Area:
    """A filled polygon with its outline."""

    points: Sequence[Point]
    tone: Tone


@dataclass(frozen=True)
class Words:
    """A line of text; y is its base line, x its start, middle or end."""

    x: float
    y: float
    text: str
    size: float = SIZE
    anchor: Literal["start", "middle", "end"] = "start"
    ink: Ink = "ink"
    bold: bool = False

    @property
    def width(self) -> float:
        """How wide it is; bold letters are wider."""
        return width_of(self.text, self.size) * (BOLD if self.bold else 1.0)


Shape = Box | Path | Area | Words


@dataclass(frozen=True)
class Scene:
    """Shapes on a sheet of a size, and what it shows in a sentence."""

    width: float
    height: float
    shapes: Sequence[Shape]
    caption: str = ""


def moved(shapes: Sequence[Shape], dx: float, dy: float) -> list[Shape]:
    """Return shapes at another place."""
    return [_moved(shape, dx, dy) for shape in shapes]


def _moved(shape: Shape, dx: float, dy: float) -> Shape:
    if isinstance(shape, Path | Area):
        return replace(shape, points=[(x + dx, y + dy) for x, y in shape.points])
    return replace(shape, x=shape.x + dx, y=shape.y + dy)


def lines_of(
    lines: Sequence[str],
    x: float,
    y: float,
    size: float = SIZE,
    anchor: Literal["start", "middle", "end"] = "start",
    ink: Ink = "ink",
) -> list[Shape]:
    """Return lines of text below each other, the first one's upper edge at y."""
    return [Words(x, y + size * (0.95 + LINE * i), line, size, anchor, ink) for i, line in enumerate(lines)]


def centred(
    lines: Sequence[str],
    x: float,
    middle: float,
    size: float = SIZE,
    anchor: Literal["start", "middle", "end"] = "start",
    ink: Ink = "ink",
) -> list[Shape]:
    """Return lines of text below each other, the middle of their letters at a height: capitals are 0.73 sizes high."""
    first = middle + size * (0.365 - LINE * (len(lines) - 1) / 2)
    return [Words(x, first + size * LINE * i, line, size, anchor, ink) for i, line in enumerate(lines)]
