"""Sheets: a picture's panels below each other, what it shows in a sentence above them, the legend below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from synthgen.publish.drawing.graphs import graph_shapes
from synthgen.publish.drawing.scene import BOLD, Box, Path, Scene, Shape, Words, lines_of, moved
from synthgen.publish.drawing.style import LINE, SIZE, SMALL, TITLE, balanced, width_of
from synthgen.publish.drawing.texts import parse_shapes, passage_shapes, table_shapes
from synthgen.task.picture import Graph, Panel, Parse, Passage, Picture, Table, Tone

WIDTH = 880.0
"""Pixels across, within the margins."""
LEAST = 340.0
"""Pixels across of small pictures: sentences above them want some room."""
MARGIN, BESIDE = 20.0, 44.0
"""Pixels around a sheet, and between two panels beside each other."""

Drawn = tuple[list[Shape], float, float]
"""Shapes, their width and their height."""


def drawn(picture: Picture) -> Scene:
    """Return a picture as a scene."""
    shapes: list[Shape] = []
    y, widest = 0.0, 0.0
    for line in _lines(picture):
        x, lowest = 0.0, 0.0
        for parts, wide, high in line:
            shapes += moved(parts, x, y)
            x, lowest = x + wide + BESIDE, max(lowest, high)
        widest = max(widest, x - BESIDE)
        y += lowest
    wide = max(LEAST, widest, *(words.width for words in shapes if isinstance(words, Words)))
    if picture.note:
        notes = [line for part in picture.note.split("\n") for line in balanced(part, wide)]
        shapes += lines_of(notes, 0, y)
        y += len(notes) * SIZE * LINE + 18
    used = [name for name in picture.kinds if _is_used(name, picture.panels)]
    legend, high = _legend(used, picture, wide)
    shapes += moved(legend, 0, y)
    widest = max([wide, *(words.x + words.width for words in legend if isinstance(words, Words))])
    return framed(picture.caption, shapes, y + high, picture.told, widest)


def _lines(picture: Picture) -> Iterator[list[Drawn]]:
    """Yield panels with their titles in lines: two graphs stand beside each other where there is room."""
    waiting: Drawn | None = None
    for panel in picture.panels:
        drawn = _titled(panel, picture)
        if waiting and isinstance(panel, Graph) and waiting[1] + BESIDE + drawn[1] <= WIDTH:
            yield [waiting, drawn]
            waiting = None
            continue
        if waiting:
            yield [waiting]
        waiting = drawn if isinstance(panel, Graph) else None
        if not waiting:
            yield [drawn]
    if waiting:
        yield [waiting]


def _titled(panel: Panel, picture: Picture) -> Drawn:
    """Return a panel below its title, with the room behind it."""
    parts, wide, high = _panel(panel, picture)
    heads = balanced(panel.title, max(wide, LEAST) / BOLD) if panel.title else []
    shapes: list[Shape] = [Words(0, SIZE + SIZE * LINE * i, head, SIZE, bold=True) for i, head in enumerate(heads)]
    y = SIZE * LINE * len(heads) + 10 if heads else 0.0
    widest = max([wide, *(words.width for words in shapes if isinstance(words, Words))])
    graph = isinstance(panel, Graph)  # numbers stand on the corners of nodes
    return [*shapes, *moved(parts, 0, y + 8 if graph else y)], widest, y + high + (30 if graph else 18)


def framed(title: str, shapes: Sequence[Shape], height: float, caption: str, width: float = WIDTH) -> Scene:
    """Return shapes as a scene with margins, a title above them."""
    lines = balanced(title, width, TITLE)
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


def _legend(kinds: Sequence[str], picture: Picture, most: float) -> tuple[list[Shape], float]:
    """Return the legend, at most so wide, as shapes and its height: samples of the colours and what they mean."""
    boxes = {name for panel in picture.panels for name in _kinds_in(panel, with_links=False)}
    shapes: list[Shape] = []
    x, y = 0.0, 0.0
    entries: list[tuple[str, Tone | None, bool]] = [
        (picture.kinds[name].words, picture.kinds[name].tone, name not in boxes) for name in kinds
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
