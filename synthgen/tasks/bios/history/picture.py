"""A question about then and now as a picture: its text, and what the world had before the change and has after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.task.picture import Graph, Kind, Link, Node, Passage, Picture

KINDS = {
    "name": Kind("whom the question names", "orange"),
    "answer": Kind("the answer, or what it rests on", "green"),
    "other": Kind("at the other time", "grey"),
    "time": Kind("the change", "orange"),
}


def picture_of(passage: Passage, said: Mapping[str, Any]) -> Picture:
    """Return a question, and the fact that it asks for at both times; `said` is the row's latent in words."""
    asks = {"before": ("before",), "after": ("after",)}.get(said["ask"], ("before", "after"))
    nodes = [Node(str(said[time]), "answer" if time in asks else "other") for time in ("before", "after")]
    fact = str(said["target"]).replace("_", " ")
    now = "is another one now" if said["before"] != said["after"] else "is the same now"
    caption = (
        f"A question about a changed world: the {fact} of {said['person']} was {said['before']} before, and {now}. "
        "Biographies of both times tell so."
    )
    graph = Graph(f"The {fact}: before the change, and after it", nodes, [Link(0, 1, "time", text="change")], "chain")
    return Picture(caption, [passage, graph], KINDS)
