"""A story as a picture: what needs what, with the steps of the solution."""

from __future__ import annotations

from synthgen.task.picture import Graph, Kind, Link, Node, Picture
from synthgen.tasks.stories.packs import Pack
from synthgen.tasks.stories.reading.stories import ParsedStory

KINDS = {
    "asked": Kind("what is asked for", "orange"),
    "needed": Kind("what it needs; the number is its step", "green"),
    "other": Kind("not needed", "faint"),
    "need": Kind("is needed by", "green"),
}


def picture_of(story: ParsedStory, pack: Pack, modulus: int) -> Picture:
    """Return the things in layers, with values and steps. Raises ValueError where they need each other in a circle."""
    values = story.values(modulus)
    steps = {name: step for step, (_, name) in enumerate(story.places(), 1)}
    place = {name: i for i, name in enumerate(story.lines)}
    nodes, links = [], []
    for name, line in story.lines.items():
        kind = "asked" if name == story.query else "needed" if name in story.needed else "other"
        text = pack.things[name]
        if modulus > 1:
            summed = " + ".join(str(number) for number in (*(values[one] for one in line.parents), line.constant))
            text += f"\n{summed} = {values[name]}" if line.parents else f"\n{values[name]}"
        nodes.append(Node(text, kind, steps.get(name)))
        links += [Link(place[parent], place[name], "need" if name in story.needed else "") for parent in line.parents]
    back = [pack.things[sentence.name] for sentence in story.sentences if sentence.back]
    begun = ", ".join(back[:8]) + (" ..." if len(back) > 8 else "")
    told = f" Begun and taken back on the way: {begun}." if back else ""
    what = f"values are sums modulo {modulus}" if modulus > 1 else "there are no values, only the order counts"
    caption = (
        f"Stories ({story.pack}): {len(nodes)} things, of which the question needs {len(story.needed)}; {what}. "
        f"The steps are numbered.{told}"
    )
    return Picture(caption, [Graph("", nodes, links)], KINDS)
