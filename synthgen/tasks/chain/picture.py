"""A chain as a picture: which definition needs which, and the steps of the solution."""

from __future__ import annotations

from collections.abc import Callable

from synthgen.task.picture import (
    ANSWER,
    ASKED,
    BACK,
    BACK_MARK,
    NEEDED,
    Graph,
    Kind,
    Link,
    Node,
    Panel,
    Picture,
    backs_of,
    backs_told,
    question_and_answer,
)
from synthgen.tasks.chain.reading import ParsedChain

KINDS = {
    "asked": Kind("what is asked for", ASKED),
    "answer": Kind("the answer", ANSWER),
    "needed": Kind("what it needs; the number is the step that works it out", NEEDED),
    "other": Kind("not needed", "faint"),
    "need": Kind("is needed by", NEEDED),
    "back": BACK,
    "step": Kind("a step", NEEDED),
    "retry": BACK,
    "retry_name": BACK,
}
"""The legend; the last three are of spans of the row alone."""


def picture_of(reading: ParsedChain, named: Callable[[int], str], modulus: int) -> Picture:
    """Return the definitions in layers, with values and steps. Raises ValueError on junk."""
    chain = reading.chain()
    right = [(name, value) for name, value in reading.sentences if value is not None]
    steps = {name: (i, value) for i, (name, value) in enumerate(right, 1)}
    place = {name: i for i, name in enumerate(reading.lines)}
    backs = backs_of((name, value is None) for name, value in reading.sentences)
    nodes, links = [], []
    for name, (need, sign, number) in reading.lines.items():
        meant = f"{named(need)} {named(sign)} {number}" if need is not None else str(number)
        step, value = steps.get(name, (None, None))
        text = f"{named(name)} := {meant}" + ("" if value is None or need is None else f" = {value}")
        kind = "asked" if name == reading.query else "needed" if name in chain else "other"
        marked = name in backs
        nodes.append(Node(text, kind, step, mark=BACK_MARK if marked else "", mark_kind="back" if marked else ""))
        if need is not None and need in place:
            links.append(Link(place[need], place[name], "need" if name in chain else ""))
    many = f"{len(chain)} step{'s' * (len(chain) > 1)}"
    caption = (
        f"Chain: {len(nodes)} definitions in mixed order; values are modulo {modulus}. What is {named(reading.query)}? "
        f"It takes {many}, in the order of the numbers."
    )
    panels: list[Panel] = [Graph("", nodes, links)]
    if reading.query in steps:
        asked = named(reading.query)
        panels.insert(0, question_and_answer(f"What is {asked}?", str(steps[reading.query][1]), asked))
    names = {name: named(name) for name in backs}
    return Picture(caption, panels, KINDS, backs_told(backs, names, chain))
