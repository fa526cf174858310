"""Sheets: a picture's panels below each other, what it shows in a sentence above them, the legend below."""

from __future__ import annotations

from collections.abc import Sequence

from synthgen.publish.drawing.graphs import graph_shapes
from synthgen.publish.drawing.scene import Box, Path, Scene, Shape, Words, lines_of, moved
from synthgen.publish.drawing.style import LINE, SIZE, SMALL, TITLE, width_of, wrapped
from synthgen.publish.drawing.texts import parse_shapes, passage_shapes, table_shapes
from synthgen.task.picture import Graph, Kind, Panel, Parse, Passage, Picture, Table, Tone

WIDTH = 880.0
"""Pixels across, within the margins."""
LEAST = 340.0
"""Pixels across of small pictures: sentences above them want some room."""
MARGIN = 20.0


def drawn(picture: Picture) -> Scene:
    """Return a picture as a scene."""
    shapes: list[Shape] = []
    y, widest = 0.0, 0.0
    for panel in picture.panels:
        if panel.title:
            shapes.append(Words(0, y + SIZE, panel.title, SIZE, bold=True))
            y += SIZE * LINE + 10
        parts, wide, high = _panel(panel, picture)
        shapes += moved(parts, 0, y + 8 if isinstance(panel, Graph) else y)
        widest = max(widest, wide)
        y += high + (32 if isinstance(panel, Graph) else 18)
    wide = max(LEAST, widest, *(words.width for words in shapes if isinstance(words, Words)))
    used = [kind for name, kind in picture.kinds.items() if _is_used(name, picture.panels)]
    legend, high = _legend(used, picture, wide)
    shapes += moved(legend, 0, y)
    widest = max([wide, *(words.x + words.width for words in legend if isinstance(words, Words))])
    return framed(picture.caption, shapes, y + high, picture.caption, widest)


def framed(title: str, shapes: Sequence[Shape], height: float, caption: str, width: float = WIDTH) -> Scene:
    """Return shapes as a scene with margins, a title above them."""
    lines = wrapped(title, width, TITLE)
    head = len(lines) * TITLE * LINE + 12
    above = lines_of(lines, MARGIN, MARGIN - 4, TITLE)
    return Scene(
        width + 2 * MARGIN, head + height + 2 * MARGIN, [*above, *moved(shapes, MARGIN, MARGIN + head)], caption
    )


def _panel(panel: Panel, picture: Picture) -> tuple[list[Shape], float, float]:
    if isinstance(panel, Graph):
        return graph_shapes(panel, picture.kinds, WIDTH)
    if isinstance(panel, Parse):
        return parse_shapes(panel, picture.kinds, WIDTH)
    if isinstance(panel, Table):
        return table_shapes(panel, picture.kinds, WIDTH)
    return passage_shapes(panel, picture.kinds, WIDTH)


def _is_used(name: str, panels: Sequence[Panel]) -> bool:
    return any(name in _kinds_in(panel) for panel in panels)


def _kinds_in(panel: Panel, with_links: bool = True) -> set[str]:
    if isinstance(panel, Graph):
        of_nodes = {kind for node in panel.nodes for kind in (node.kind, node.mark_kind)}
        return of_nodes | {link.kind for link in panel.links if with_links}
    if isinstance(panel, Table):
        return {cell.kind for row in panel.rows for cell in row}
    return {part.kind for part in (panel.bars if isinstance(panel, Parse) else panel.spans)}


def _legend(kinds: Sequence[Kind], picture: Picture, most: float) -> tuple[list[Shape], float]:
    """Return the legend, at most so wide, as shapes and its height: samples of the colours and what they mean."""
    boxes = {name for panel in picture.panels for name in _kinds_in(panel, with_links=False)}
    drawn_as_line = {id(kind) for name, kind in picture.kinds.items() if name not in boxes}
    shapes: list[Shape] = []
    x, y = 0.0, 0.0
    entries: list[tuple[str, Tone | None, bool]] = [
        (kind.words, kind.tone, id(kind) in drawn_as_line) for kind in kinds
    ]
    if any(isinstance(panel, Passage) and 0 < panel.given < len(panel.text) for panel in picture.panels):
        entries.append(("grey text: the prompt", None, False))
    for words, tone, is_line in entries:
        sample = 0.0 if tone is None else 24.0
        wide = sample + width_of(words, SMALL) + 22
        if x and x + wide - 22 > most:
            x, y = 0.0, y + SIZE * 1.6
        if tone is not None:
            shapes.append(
                Path([(x, y + 7), (x + 18, y + 7)], tone, arrow=True, bold=True)
                if is_line
                else Box(x, y, 18, 13, tone, 3)
            )
        shapes.append(Words(x + sample, y + 11, words, SMALL, ink="quiet" if tone is None else "ink"))
        x += wide
    return shapes, (y + SIZE * 1.3) if entries else 0.0
