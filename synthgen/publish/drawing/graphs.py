"""Graphs as shapes: nodes as boxes with their text inside, in layers, in rows, around a ring or in a chain."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from synthgen.publish.drawing.layers import GAP, Layout, layered
from synthgen.publish.drawing.scene import Box, Path, Point, Shape, Words, centred, moved
from synthgen.publish.drawing.style import LINE, SIZE, SMALL, balanced, width_of
from synthgen.task.picture import Graph, Kind, Link, Node

NODE_WIDTH = 128.0
"""Text in nodes is broken at so many pixels."""
WIDER = (NODE_WIDTH, 190.0, 260.0)
"""And in layers at whichever of these makes a graph least high."""
BETWEEN, WIDEST_GAP, SLOPE = 23.0, 64.0, 0.12
"""Pixels between layers, from and to, and for each pixel that a link goes across."""
ROWS = 72.0
"""Pixels between rows."""
NARROWER = (1.0, 0.78, 0.6)
"""Shares of the width that nodes of a layer may take, tried until links have room beside them."""
BADGE = 15.0
"""Height of a node's number, which stands on its upper left corner."""
LARGEST_RING = 26
"""Nodes that go around a circle; more go to and fro in rows."""
ARROW = 15.0
"""Pixels that a link is longer than its text, to either side."""


class _Sized:
    """A node with its lines of text and its size."""

    def __init__(self, node: Node, narrow: bool, most: float = NODE_WIDTH) -> None:
        self.node = node
        self.lines = [line for part in node.text.split("\n") for line in balanced(part, most)]
        widest = max(width_of(line) for line in self.lines)
        self.badge = "" if node.number is None else str(node.number)
        side = 5.0 if narrow else 9.0
        above = width_of(node.mark, SMALL) + 1.5 * BADGE if node.mark else 0.0
        self.width = max(widest + 2 * side, above, 24.0)
        self.height = len(self.lines) * SIZE * LINE + 2 * (4.0 if narrow else 5.0)

    def shapes(self, x: float, y: float, kind: Kind, corner: Point, mark: Kind) -> list[Shape]:
        """Draw it with its middle at (x, y), and its number on a corner: (-1, -1) is the upper left one."""
        left, top = x - self.width / 2, y - self.height / 2
        title = " ".join(self.lines) + (f" ({kind.words})" if kind.words else "")
        shapes: list[Shape] = [Box(left, top, self.width, self.height, kind.tone, title=title)]
        shapes += centred(self.lines, x, y, anchor="middle", ink=kind.tone)
        if self.badge:
            wide = max(BADGE, width_of(self.badge, SMALL) + 7)
            at_x, at_y = x + corner[0] * self.width / 2, y + corner[1] * self.height / 2
            shapes.append(Box(at_x - wide / 2, at_y - BADGE / 2, wide, BADGE, "plain", BADGE / 2))
            shapes.append(Words(at_x, at_y + SMALL * 0.36, self.badge, SMALL, "middle"))
        if self.node.mark:
            wide, right, y = width_of(self.node.mark, SMALL) + 8, x + self.width / 2 + 6, top - 4  # above the text
            shapes.append(Box(right - wide, y - BADGE / 2, wide, BADGE, mark.tone, BADGE / 2))
            shapes.append(Words(right - wide / 2, y + SMALL * 0.36, self.node.mark, SMALL, "middle", mark.tone))
        return shapes


def graph_shapes(graph: Graph, kinds: Mapping[str, Kind], most: float) -> tuple[list[Shape], float, float]:
    """Return a graph as shapes, its width and its height; it is at most so wide where that can be."""
    shapes = {"layers": _in_layers, "rows": _in_rows, "ring": _around, "chain": _in_a_chain}
    drawn = shapes[graph.shape](graph, kinds, most)
    left, top, right, bottom = _extent(drawn)
    return moved(drawn, -left, -top), right - left, bottom - top


def _extent(shapes: Sequence[Shape]) -> tuple[float, float, float, float]:
    points: list[Point] = [(0.0, 0.0)] if not shapes else []
    for shape in shapes:
        if isinstance(shape, Box):
            points += [(shape.x, shape.y), (shape.x + shape.width, shape.y + shape.height)]
        elif not isinstance(shape, Words):
            points += shape.points
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _node(sized: _Sized, x: float, y: float, kinds: Mapping[str, Kind], corner: Point = (-1.0, -1.0)) -> list[Shape]:
    node = sized.node
    return sized.shapes(x, y, kinds.get(node.kind, Kind("")), corner, kinds.get(node.mark_kind, Kind("")))


def _line(link: Link, points: Sequence[Point], kinds: Mapping[str, Kind], smooth: bool) -> Path:
    kind = kinds.get(link.kind)
    return Path(
        points, kind.tone if kind else "grey", smooth, link.arrow, bold=kind is not None and kind.tone != "faint"
    )


def _faint_first(links: Sequence[Link], paths: Sequence[Path]) -> list[Shape]:
    """Return lines in the order in which they are drawn: those with a kind above those without."""
    return [path for _, path in sorted(zip(links, paths, strict=True), key=lambda pair: pair[1].bold)]


class _Label(_Sized):
    """What a link says: its text alone, which stands between its ends as a node would."""

    def __init__(self, link: Link) -> None:
        super().__init__(Node(link.text), narrow=True)

    def shapes(self, x: float, y: float, kind: Kind, corner: Point, mark: Kind) -> list[Shape]:
        """Draw it with its middle at (x, y), on the page."""
        left, top = x - self.width / 2, y - self.height / 2
        box = Box(left, top, self.width, self.height, "plain", outline=False)
        return [box, *centred(self.lines, x, y, anchor="middle")]


def _labelled(graph: Graph, most: float) -> tuple[list[_Sized], list[Link]]:
    """Return the nodes of a graph, behind them what its links say, and the links by way of that."""
    sized, links = [_Sized(node, False, most) for node in graph.nodes], list[Link]()
    for link in graph.links:
        if link.text:
            links.append(replace(link, end=len(sized), arrow=False))
            links.append(replace(link, start=len(sized)))
            sized.append(_Label(link))
        else:
            links.append(link)
    return sized, links


def _in_layers(graph: Graph, kinds: Mapping[str, Kind], most: float) -> list[Shape]:
    """Place nodes in layers, with their text in wider boxes where that makes the graph less high, and fits."""
    drawn, *others = (_layers_of(graph, kinds, most, wide) for wide in WIDER)
    for other in others:
        (left, top, right, bottom), (_, highest, _, lowest) = _extent(other), _extent(drawn)
        drawn = other if right - left <= most and bottom - top < lowest - highest else drawn
    return drawn


def _layers_of(graph: Graph, kinds: Mapping[str, Kind], most: float, wide: float) -> list[Shape]:
    sized, links = _labelled(graph, wide)
    layout = _fitting([one.width for one in sized], [(link.start, link.end) for link in links], most)
    deepest = max(layout.layer, default=0)
    heights = [max(s.height for s, at in zip(sized, layout.layer, strict=True) if at == n) for n in range(deepest + 1)]
    middles, at = [], 0.0
    for height, gap in zip(heights, _gaps(layout.ways, deepest + 1), strict=True):
        middles.append(at + height / 2)
        at += height + gap
    paths = []
    for link, way in zip(links, layout.ways, strict=True):
        points = [(way[0][0], middles[way[0][1]] + sized[link.start].height / 2)]
        for x, level in way[1:-1]:
            points += [(x, middles[level] - heights[level] / 2), (x, middles[level] + heights[level] / 2)]
        points.append((way[-1][0], middles[way[-1][1]] - sized[link.end].height / 2))
        paths.append(_line(link, points, kinds, smooth=True))
    shapes = _faint_first(links, paths)
    for one, x, level in zip(sized, layout.x, layout.layer, strict=True):
        shapes += _node(one, x, middles[level], kinds)
    return shapes


def _fitting(widths: Sequence[float], links: Sequence[tuple[int, int]], most: float) -> Layout:
    """Return the narrowest of a few layouts, or the first that fits: links on their way take room beside nodes, too."""
    layouts = []
    for share in NARROWER:
        layouts.append(layered(widths, links, most * share))
        if layouts[-1].width <= most:
            break
    return min(layouts, key=lambda layout: layout.width)


def _gaps(ways: Sequence[Sequence[tuple[float, int]]], layers: int) -> list[float]:
    """Return the room below each layer: more where links go far across, so that they stay apart."""
    far = [0.0] * layers
    for way in ways:
        for (a, level), (b, _) in itertools.pairwise(way):
            far[level] = max(far[level], abs(a - b))
    return [min(max(BETWEEN, SLOPE * reach), WIDEST_GAP) for reach in far]


def _in_rows(graph: Graph, kinds: Mapping[str, Kind], most: float) -> list[Shape]:
    """Place nodes in their rows, those below each other as wide as the widest, as near as `most` demands."""
    sized = [_Sized(node, narrow=True) for node in graph.nodes]
    column_of, behind = [], dict[int, int]()
    for node in graph.nodes:
        column_of.append(behind.get(node.row, 0) if node.column is None else node.column)
        behind[node.row] = column_of[-1] + 1
    columns = [0.0] * max(behind.values(), default=0)
    for one, column in zip(sized, column_of, strict=True):
        columns[column] = max(columns[column], one.width)
    gap = max(4.0, min(GAP, (most - sum(columns)) / max(len(columns) - 1, 1)))
    lefts = itertools.accumulate((wide + gap for wide in columns), initial=0.0)
    middles = [left + wide / 2 for left, wide in zip(lefts, columns, strict=False)]
    place = {
        i: (middles[column], node.row * (one.height + ROWS))
        for i, (node, one, column) in enumerate(zip(graph.nodes, sized, column_of, strict=True))
    }
    paths = []
    for link in graph.links:
        (ax, ay), (bx, by) = place[link.start], place[link.end]
        down = 1 if by >= ay else -1
        start, end = ay + down * sized[link.start].height / 2, by - down * sized[link.end].height / 2
        paths.append(_line(link, [(ax, start), (bx, end)], kinds, smooth=True))
    shapes = _faint_first(graph.links, paths)
    for i, one in enumerate(sized):
        shapes += _node(one, *place[i], kinds)
    return shapes


def _in_a_chain(graph: Graph, kinds: Mapping[str, Kind], most: float) -> list[Shape]:
    """Place nodes from left to right, in as many lines as it takes, and what links say above them."""
    sized = [_Sized(node, narrow=False) for node in graph.nodes]
    high = max(one.height for one in sized)
    says = {link.end: link.text for link in graph.links}
    shapes: list[Shape] = []
    right, y = 0.0, 0.0
    before: tuple[Point, Point] | None = None  # where the last node is left, to the right and at its foot
    for i, one in enumerate(sized):
        text = says.get(i, "")
        between = max(width_of(text, SMALL) + 2 * ARROW, 2 * BETWEEN) if i else 0.0
        if broken := i > 0 and right + between + one.width > most:
            right, between, y = 0.0, max(between, 2 * BETWEEN), y + high + 1.6 * BETWEEN
        left = right + between
        for link in graph.links:
            if link.end == i and before:
                start, foot = before
                middle = y - high / 2 - 0.8 * BETWEEN  # of the way down, between two lines
                turn = [foot, (foot[0], middle), (right, middle), (right, y)]
                shapes.append(_line(link, [*(turn if broken else [start]), (left - 1, y)], kinds, smooth=False))
        if text:
            shapes.append(Words(right + between / 2 - 2, y - 6, text, SMALL, "middle"))
        shapes += _node(one, left + one.width / 2, y, kinds)
        right = left + one.width
        before = (right + 1, y), (right - one.width / 2, y + one.height / 2)
    return shapes


def _around(graph: Graph, kinds: Mapping[str, Kind], most: float) -> list[Shape]:
    sized = [_Sized(node, narrow=True) for node in graph.nodes]
    wide, high, n = max(s.width for s in sized), max(s.height for s in sized), len(sized)
    if n <= LARGEST_RING:
        radius = max(52.0, n * (math.hypot(wide, high) + 16) / (2 * math.pi))
        across = min(radius * 1.45, most / 2 - wide)
        places = [(across * math.sin(2 * math.pi * i / n), -radius * math.cos(2 * math.pi * i / n)) for i in range(n)]
    else:
        a_row = max(4, int((most + 18) / (wide + 18)))
        places = []
        for i in range(n):
            row, column = divmod(i, a_row)
            places.append(((a_row - 1 - column if row % 2 else column) * (wide + 18), row * (high + 24)))
    paths = [_line(link, _between(places, sized, link, n), kinds, smooth=False) for link in graph.links]
    shapes = _faint_first(graph.links, paths)
    for one, (x, y) in zip(sized, places, strict=True):
        outer = (1.0 if x > 1 else -1.0, 1.0 if y > 1 else -1.0) if n <= LARGEST_RING else (-1.0, -1.0)
        shapes += _node(one, x, y, kinds, outer)
    return shapes


def _between(places: Sequence[Point], sized: Sequence[_Sized], link: Link, n: int) -> list[Point]:
    """Return the way between two boxes, from edge to edge; the long way home of a ring in rows runs outside."""
    (ax, ay), (bx, by) = places[link.start], places[link.end]
    a, b = sized[link.start], sized[link.end]
    if n > LARGEST_RING and (link.start + 1) % n == 0:
        left = -a.width / 2 - 14
        low = ay + a.height / 2 + 10
        return [(ax, ay + a.height / 2), (ax, low), (left, low), (left, by), (bx - b.width / 2, by)]
    return [_edge(ax, ay, a, bx, by), _edge(bx, by, b, ax, ay)]


def _edge(x: float, y: float, sized: _Sized, to_x: float, to_y: float) -> Point:
    """Return where the straight line from a box's middle to another point leaves the box."""
    dx, dy = to_x - x, to_y - y
    if dx == dy == 0:
        return x, y
    scale = min(
        (sized.width / 2 + 1) / abs(dx) if dx else math.inf, (sized.height / 2 + 1) / abs(dy) if dy else math.inf
    )
    return x + dx * scale, y + dy * scale
