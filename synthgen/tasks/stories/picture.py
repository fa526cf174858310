"""A story as a picture: what needs what, with the steps of the solution."""

from __future__ import annotations

from synthgen.task.picture import BACK, STEPS, Graph, Kind, Link, Node, Picture, backs_of
from synthgen.tasks.stories.packs import Pack
from synthgen.tasks.stories.reading.stories import ParsedStory

KINDS = {
    "asked": Kind("what is asked for", "orange"),
    "needed": Kind("what it needs; the number is its step", "green"),
    "other": Kind("not needed", "faint"),
    "need": Kind("is needed by", "green"),
    "back": BACK,
    **STEPS,
}


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
        mark = backs.get(name, "")
        nodes.append(Node(text, kind, steps.get(name), mark=mark, mark_kind="back" if mark else ""))
        links += [Link(place[parent], place[name], "need" if name in story.needed else "") for parent in line.parents]
    back = [pack.things[sentence.name] for sentence in story.sentences if sentence.back]
    begun = ", ".join(back[:8]) + (" and others" if len(back) > 8 else "")
    told = f" Begun and taken back on the way: {begun}." if back else ""
    answer = f", and the answer is {values[story.query]} (modulo {modulus})" if modulus > 1 else ""
    caption = (
        f"Stories ({story.pack}): what leads to {pack.things[story.query]}? Of {len(nodes)} things {len(story.needed)} "
        f"are needed, in the order of the numbers{answer}.{told}"
    )
    return Picture(caption, [Graph("", nodes, links)], KINDS)
