"""A chain as a picture: which definition needs which, and the steps of the solution."""

from __future__ import annotations

from collections.abc import Callable

from synthgen.task.picture import BACK, STEPS, Graph, Kind, Link, Node, Picture, backs_of
from synthgen.tasks.chain.reading import ParsedChain

KINDS = {
    "asked": Kind("what is asked for", "orange"),
    "needed": Kind("what it needs; the number is the step that works it out", "green"),
    "other": Kind("not needed", "faint"),
    "need": Kind("is needed by", "green"),
    "back": BACK,
    **STEPS,
}


def picture_of(reading: ParsedChain, named: Callable[[int], str]) -> Picture:
    """Return the definitions in layers, with values and steps. Raises ValueError on junk."""
    chain = reading.chain()
    steps = {name: (i, value) for i, (name, value) in enumerate(_right(reading), 1)}
    place = {name: i for i, name in enumerate(reading.lines)}
    backs = backs_of((name, value is None) for name, value in reading.sentences)
    nodes, links = [], []
    for name, (need, sign, number) in reading.lines.items():
        meant = f"{named(need)} {named(sign)} {number}" if need is not None else str(number)
        step, value = steps.get(name, (None, None))
        text = f"{named(name)} := {meant}" + ("" if value is None or need is None else f"\n= {value}")
        kind = "asked" if name == reading.query else "needed" if name in chain else "other"
        mark = backs.get(name, "")
        nodes.append(Node(text, kind, step, mark=mark, mark_kind="back" if mark else ""))
        if need is not None and need in place:
            links.append(Link(place[need], place[name], "need" if name in chain else ""))
    back = [named(name) for name, value in reading.sentences if value is None]
    begun = ", ".join(back[:8]) + (" and others" if len(back) > 8 else "")
    told = f" Begun and taken back on the way: {begun}." if back else ""
    caption = (
        f"Chain: {len(nodes)} definitions in mixed order. What is {named(reading.query)}? It takes {len(chain)} "
        f"steps, in the order of the numbers.{told}"
    )
    return Picture(caption, [Graph("", nodes, links)], KINDS)


def _right(reading: ParsedChain) -> list[tuple[int, int]]:
    """Return the sentences of the solution that are not taken back."""
    return [(name, value) for name, value in reading.sentences if value is not None]
