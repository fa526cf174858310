"""Scenes as SVG, written by xml.etree: small, the same everywhere, selectable text, colours by class.

A file brings its colours with it, for light, for dark, or for what whoever looks at it prefers. A picture within a page
(`inline`) takes them from the page's own style sheet, `rules` of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal
from xml.etree import ElementTree as Tree

from synthgen.publish.drawing.scene import Area, Box, Path, Point, Scene, Shape
from synthgen.publish.drawing.style import FONT, INK, PAGE, QUIET, TONES, Theme

HEAD = 7.0
"""Length of an arrow's head."""


def svg(scene: Scene, theme: Theme | Literal["auto"] = "auto") -> str:
    """Return a scene as an SVG file."""
    root = _element(scene)
    root.set("xmlns", "http://www.w3.org/2000/svg")
    style = Tree.Element("style")
    style.text = rules("light" if theme == "auto" else theme)
    if theme == "auto":
        style.text += f"@media (prefers-color-scheme: dark) {{{rules('dark')}}}"
    page = Tree.Element("rect", {"width": "100%", "height": "100%", "class": "page"})
    root[1:1] = [style, page]
    return Tree.tostring(root, encoding="unicode") + "\n"


def inline(scene: Scene) -> str:
    """Return a scene as an element of a page, whose style sheet has `rules`."""
    return Tree.tostring(_element(scene), encoding="unicode")


def rules(theme: Theme, within: str = "") -> str:
    """Return the style sheet of a theme; `within` is a selector that all of it stands behind."""
    at = f"{within} " if within else ""
    lines = [
        f"{at}.page{{fill:{PAGE[theme]}}}",
        f"{at}.w{{font-family:{FONT};white-space:pre}}",
        f"{at}.b{{font-weight:bold}}",
        f"{at}.i-ink{{fill:{INK[theme]}}}{at}.i-quiet{{fill:{QUIET[theme]}}}",
        f"{at}.l{{fill:none;stroke-width:1.2}}{at}.l.s{{stroke-width:2.2}}",
        f"{at}.f-faint{{stroke-dasharray:4 2.5}}",
    ]
    for tone, colours in TONES[theme].items():
        lines.append(f"{at}.f-{tone}{{fill:{colours.fill};stroke:{colours.line}}}{at}.i-{tone}{{fill:{colours.ink}}}")
        lines.append(f"{at}.l-{tone}{{stroke:{colours.line}}}{at}.h-{tone}{{fill:{colours.line}}}")
    return "".join([*lines, f"{at}.n{{stroke:none}}"])  # the last, so that it takes a tone's outline away


def _element(scene: Scene) -> Tree.Element:
    size = {
        "width": _n(scene.width),
        "height": _n(scene.height),
        "viewBox": f"0 0 {_n(scene.width)} {_n(scene.height)}",
    }
    root = Tree.Element("svg", size | {"role": "img", "aria-label": scene.caption})
    Tree.SubElement(root, "title").text = scene.caption
    for shape in scene.shapes:
        _add(root, shape)
    return root


def _add(root: Tree.Element, shape: Shape) -> None:
    if isinstance(shape, Box):
        place = {"x": _n(shape.x), "y": _n(shape.y), "width": _n(shape.width), "height": _n(shape.height)}
        box = Tree.SubElement(root, "rect", place | {"class": f"f-{shape.tone}" + ("" if shape.outline else " n")})
        if shape.radius:
            box.set("rx", _n(min(shape.radius, shape.height / 2)))
        if shape.title:
            Tree.SubElement(box, "title").text = shape.title
    elif isinstance(shape, Area):
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
        Tree.SubElement(root, "polygon", {"points": points, "class": f"f-{shape.tone}"})
    elif isinstance(shape, Path):
        line = "l s" if shape.bold else "l"
        line_points = [*shape.points[:-1], head_of(shape)[3]] if shape.arrow else shape.points
        Tree.SubElement(root, "path", {"d": _way(line_points, shape.smooth), "class": f"{line} l-{shape.tone}"})
        if shape.arrow:
            corners = " ".join(f"{_n(x)},{_n(y)}" for x, y in head_of(shape)[:3])
            Tree.SubElement(root, "polygon", {"points": corners, "class": f"h-{shape.tone}"})
    else:
        classes = f"w i-{shape.ink}" + (" b" if shape.bold else "")
        words = Tree.SubElement(root, "text", {"x": _n(shape.x), "y": _n(shape.y), "font-size": _n(shape.size)})
        words.set("class", classes)
        if shape.anchor != "start":
            words.set("text-anchor", shape.anchor)
        if len(shape.text) > 1:  # so that it fits whatever font is there
            words.set("textLength", _n(shape.width))
            words.set("lengthAdjust", "spacingAndGlyphs")
        words.text = shape.text


def head_of(path: Path) -> tuple[Point, Point, Point, Point]:
    """Return the three corners of the arrow's head at the end of a line, and where the line itself ends."""
    (ax, ay), (bx, by) = path.points[-2], path.points[-1]
    if path.smooth:  # it comes from straight above or below
        ax = bx
    length = max(((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5, 1e-9)
    ux, uy = (bx - ax) / length, (by - ay) / length
    foot = (bx - ux * HEAD, by - uy * HEAD)
    half = HEAD * 0.45
    return (bx, by), (foot[0] - uy * half, foot[1] + ux * half), (foot[0] + uy * half, foot[1] - ux * half), foot


def bends(points: Sequence[Point]) -> list[tuple[Point, Point, Point]]:
    """Return a smooth line as cubic curves (two controls and an end each), upright at every point."""
    curves = []
    for (ax, ay), (bx, by) in itertools.pairwise(points):
        half = (by - ay) / 2
        curves.append(((ax, ay + half), (bx, by - half), (bx, by)))
    return curves


def _way(points: Sequence[Point], smooth: bool) -> str:
    start = f"M{_n(points[0][0])} {_n(points[0][1])}"
    if not smooth:
        return start + "".join(f"L{_n(x)} {_n(y)}" for x, y in points[1:])
    return start + "".join("C" + " ".join(f"{_n(x)} {_n(y)}" for x, y in curve) for curve in bends(points))


def _n(value: float) -> str:
    """Return a number as short as it is: a tenth of a pixel is not seen."""
    return f"{value:.1f}".removesuffix(".0")
