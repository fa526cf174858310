"""A story as a picture: what needs what, with the steps of the solution."""

from __future__ import annotations

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
from synthgen.tasks.stories.packs import Pack
from synthgen.tasks.stories.reading.stories import ParsedStory

KINDS = {
    "asked": Kind("what is asked for", ASKED),
    "answer": Kind("the answer", ANSWER),
    "needed": Kind("what it needs; the number is its step", NEEDED),
    "other": Kind("not needed", "faint"),
    "need": Kind("is needed by", NEEDED),
    "back": BACK,
    "step": Kind("a step", NEEDED),
    "retry": BACK,
}
"""The legend; the last two are of spans of the row alone."""


def picture_of(story: ParsedStory, pack: Pack, modulus: int) -> Picture:
    """Return the things in layers, with values and steps. Raises ValueError where they need each other in a circle."""
    values = story.values(modulus)
    steps = {name: step for step, (_, name) in enumerate(story.places(), 1)}
    place = {name: i for i, name in enumerate(story.lines)}
    backs = backs_of((sentence.name, sentence.back) for sentence in story.sentences)
    nodes, links = [], []
    for name, line in story.lines.items():
        kind = "asked" if name == story.query else "needed" if name in story.needed else "other"
        text = pack.things[name]
        if modulus > 1:
            summed = " + ".join(str(number) for number in (*(values[one] for one in line.parents), line.constant))
            text += f"\n{summed} = {values[name]}" if line.parents else f"\n{values[name]}"
        mark = BACK_MARK if name in backs else ""
        nodes.append(Node(text, kind, steps.get(name), mark=mark, mark_kind="back" if mark else ""))
        links += [Link(place[parent], place[name], "need" if name in story.needed else "") for parent in line.parents]
    asked = pack.things[story.query]
    modular = f"; values are modulo {modulus}" if modulus > 1 else ""
    caption = (
        f"Stories ({story.pack}): what leads to {asked}? Of {len(nodes)} things {len(story.needed)} are needed, in the "
        f"order of the numbers{modular}."
    )
    panels: list[Panel] = [Graph("", nodes, links)]
    if modulus > 1:
        question = pack.sentences.question[0].format(thing=asked)
        panels.insert(0, question_and_answer(question, str(values[story.query]), asked))
    return Picture(caption, panels, KINDS, backs_told(backs, {name: pack.things[name] for name in backs}, story.needed))
