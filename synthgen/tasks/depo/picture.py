"""A row of Depo as a picture: the cycle, and on it the hops of a query."""

from __future__ import annotations

from collections.abc import Callable

from synthgen.task.picture import ANSWER, ASKED, PASSED, Graph, Kind, Link, Node, Picture
from synthgen.tasks.depo.reading import Name, ParsedDepo

KINDS = {
    "from": Kind("the query starts here", ASKED),
    "passed": Kind("passed on the way", PASSED),
    "to": Kind("the answer", ANSWER),
    "hop": Kind("a hop", PASSED),
    "query": Kind("leads there in so many hops", "grey"),
    "answer": Kind("the answer", ANSWER),
}
"""The legend; the last is of spans of the row alone."""
MOST_LISTED = 12
"""Further queries that are drawn as a start and an answer."""


def picture_of(reading: ParsedDepo, named: Callable[[Name], str]) -> Picture:
    """Return the cycle with the longest query's hops, and below it the other queries. Raises ValueError on junk."""
    after = reading.successors()
    ring = [reading.edges[0][0]]
    while len(ring) < len(after):
        ring.append(after[ring[-1]])
    n, place = len(ring), {name: i for i, name in enumerate(ring)}
    shown = max(reading.queries, key=lambda query: query.hops)
    start = place[shown.node]
    ring = ring[start:] + ring[:start]
    hops = shown.hops % n or n
    kinds = dict.fromkeys(range(1, hops), "passed") | {0: "from"} | {shown.hops % n: "to"}
    nodes = [Node(named(name), kinds.get(i, ""), i if 0 < i <= hops < n else None) for i, name in enumerate(ring)]
    links = [Link(i, (i + 1) % n, "hop" if i < hops else "") for i in range(n)]
    hop = "hop" if shown.hops == 1 else "hops"
    caption = (
        f"Depo: a cycle of {n} nodes, given edge by edge in mixed order. Where do {shown.hops} {hop} from node "
        f"{named(shown.node)} lead? To node {named(shown.answer)}."
    )
    panels = [Graph("", nodes, links, "ring")]
    others = [query for query in reading.queries if query is not shown]
    if others:
        listed = others[:MOST_LISTED]
        nodes = [Node(named(query.node), "from") for query in listed]
        nodes += [Node(named(query.answer), "to", query.hops, row=1) for query in listed]
        more = f", and {len(others) - len(listed)} more" if len(others) > len(listed) else ""
        joined = [Link(i, len(listed) + i, "query") for i in range(len(listed))]
        panels.append(Graph(f"The other queries{more}; the number is how many hops away", nodes, joined, "rows"))
    return Picture(caption, panels, KINDS)
