"""A row of Brevo as a picture: the graph, what the query needs, and the order in which that is listed."""

from __future__ import annotations

from collections.abc import Callable

from synthgen.task.picture import ANSWER, ASKED, Graph, Kind, Link, Node, Picture
from synthgen.tasks.brevo.reading.rows import Name, ParsedBrevo

KINDS = {
    "asked": Kind("what is asked for", ASKED),
    "needed": Kind("what it needs: the answer; the number is its place in it", ANSWER),
    "other": Kind("not needed", "faint"),
    "need": Kind("is needed by", ANSWER),
    "step": Kind("a node of the answer", ANSWER),
}
"""The legend; the last is of spans of the row alone."""


def picture_of(reading: ParsedBrevo, named: Callable[[Name], str]) -> Picture:
    """Return the graph in layers, with the listing as numbers. Raises ValueError for a graph with a circle."""
    needed, place = reading.needed(), {name: i for i, name in enumerate(reading.parents)}
    step = {name: i for i, name in enumerate(reading.answer, 1)}
    nodes = [
        Node(
            named(name),
            "asked" if name == reading.query else "needed" if name in needed else "other",
            step.get(name),
        )
        for name in place
    ]
    links = [
        Link(place[parent], place[name], "need" if name in needed else "")
        for name, parents in reading.parents.items()
        for parent in sorted(parents, key=place.__getitem__)
    ]
    caption = (
        f"Brevo: a graph of {len(nodes)} nodes, given edge by edge in mixed order. The answer lists all that node "
        f"{named(reading.query)} needs, {len(reading.answer)} nodes, each after what it needs itself."
    )
    return Picture(caption, [Graph("", nodes, links)], KINDS)
