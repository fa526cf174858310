"""A question about then and now as a picture: its text, and what the world had before the change and has after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.task.picture import ANSWER, ASKED, Graph, Kind, Link, Node, Passage, Picture

KINDS = {
    "name": Kind("whom the question names", ASKED),
    "answer": Kind("what the answer is told by", ANSWER),
    "other": Kind("in the other records", "grey"),
    "time": Kind("the change", "blue"),
    "same": Kind("no change", "grey"),
}


def picture_of(passage: Passage, said: Mapping[str, Any]) -> Picture:
    """Return a question, and the fact that it asks for at both times; `said` is the row's latent in words."""
    asks = {"before": ("before",), "after": ("after",)}.get(said["ask"], ("before", "after"))
    nodes = [Node(str(said[time]), "answer" if time in asks else "other") for time in ("before", "after")]
    fact, differ = str(said["target"]).replace("_", " "), said["before"] != said["after"]
    now = f"in the new ones {said['after']}" if differ else "the same in the new ones"
    caption = (
        f"A question about a world that changed: the {fact} of {said['person']} is {said['before']} in the old "
        f"records, and {now}. Biographies of both times tell so."
    )
    link = Link(0, 1, "time", text="change") if differ else Link(0, 1, "same", text="no change")
    return Picture(caption, [passage, Graph(f"The {fact}: old records, new records", nodes, [link], "chain")], KINDS)
