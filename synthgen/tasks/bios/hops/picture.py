"""A question along relations as a picture: its text, and the chain from whom it names to the answer."""

from __future__ import annotations

from collections.abc import Sequence

from synthgen.task.picture import ANSWER, ASKED, PASSED, Graph, Kind, Link, Node, Passage, Picture

KINDS = {
    "name": Kind("whom the question names", ASKED),
    "passed": Kind("passed on the way, and not named", PASSED),
    "answer": Kind("the answer", ANSWER),
    "hop": Kind("a hop", PASSED),
}


def picture_of(passage: Passage, met: Sequence[str], hops: Sequence[str]) -> Picture:
    """Return a question, and who is met from its first name to the answer; `hops` says what leads to the next."""
    kinds = ["name", *["passed"] * (len(hops) - 1), "answer"]
    nodes = [Node(text, kind, i or None) for i, (text, kind) in enumerate(zip(met, kinds, strict=True))]
    links = [Link(i, i + 1, "hop", text=hop) for i, hop in enumerate(hops)]
    many = "one hop" if len(hops) == 1 else f"{len(hops)} hops"
    caption = (
        f"Hops: the answer is {many} away from {met[0]}: {', then '.join(hops)}. It is {met[-1]}. What each hop needs "
        "is told in other rows."
    )
    return Picture(caption, [passage, Graph("How the answer is found", nodes, links, "chain")], KINDS)
