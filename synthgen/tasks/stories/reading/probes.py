"""Probes: what a model may know of a story's things, asked as V-probing asks about parameters (Part 2.1, section 4).

nece: the question needs a thing; dep: a thing needs another, at once or not; can_next: a step can be taken next.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from synthgen.exact.draw import Draw, Keys
from synthgen.task.probing import Glimpse, Probing
from synthgen.tasks.stories.reading.stories import ParsedStory

NECE, DEP, CAN_NEXT, REGRET = "nece", "dep", "can_next", "regret"

RANK, MOST_CHOICES = 8, 10
"""Of the update of the embedding, and of choices a story, as the paper has them for iGSM (section 4, appendix B)."""

ABOUT = {
    NECE: "whether the question needs a thing, behind the prompt",
    DEP: "whether a thing needs another, directly or not, behind the prompt",
    CAN_NEXT: "whether a step can be taken next, needed or not, behind some steps",
}


def probings_of(retries: bool) -> dict[str, Probing]:
    """Return what can be looked for in rows; with `retries`, regret too."""
    probings = {what: Probing(about, {what: 2}, RANK) for what, about in ABOUT.items()}
    if retries:
        probings[REGRET] = Probing("whether a step is begun too early, behind its thing", {REGRET: 2})
    return probings


def glimpses_of(story: ParsedStory, things: Sequence[str], place: int, text: str, row: int, what: str) -> list[Glimpse]:
    """Return where a probe looks in a story, and what it should find; the prompt of its `text` ends at `place`.

    At most ten choices a story, drawn by the row's number.
    """
    ends = {0: place}
    known: dict[int, set[int]] = {0: set()}
    spans = iter(story.spans["step"])
    for step, (_, name) in enumerate(story.places(), 1):
        ends[step], known[step] = next(spans)[1], known[step - 1] | {name}
    if what == REGRET:
        return _regrets(story, things, text)
    lines = list(story.lines)
    choices: list[tuple[int, tuple[int, ...]]] = [(0, (name,)) for name in lines]
    if what == DEP:
        choices = [(0, pair) for pair in itertools.permutations(lines, 2)]
    if what == CAN_NEXT:
        choices = [(step, (name,)) for step in range(len(ends) - 1) for name in lines]
    draw = Draw(Keys(0).split(f"probe {what}"), entity=row)
    glimpses = []
    for chosen in draw.subset(len(choices), min(MOST_CHOICES, len(choices))):
        step, names = choices[chosen]
        if what == CAN_NEXT:
            label = names[0] not in known[step] and not story.lacking(names[0], known[step])
        else:
            label = names[0] in story.needed if what == NECE else names[1] in _above(story, names[0])
        glimpses.append(Glimpse(ends[step], {what: int(label)}, tuple(things[name] for name in names)))
    return glimpses


def _above(story: ParsedStory, name: int) -> set[int]:
    """Return the things that a thing needs, directly or not."""
    above, stack = set[int](), [name]
    while stack:
        for parent in story.lines[stack.pop()].parents:
            if parent not in above:
                above.add(parent)
                stack.append(parent)
    return above


def _regrets(story: ParsedStory, things: Sequence[str], text: str) -> list[Glimpse]:
    """Return a look behind the thing of every sentence of the solution: does it lack a parent?"""
    known, glimpses = set[int](), []
    starts = sorted(start for kind in ("step", "retry") for start, _ in story.spans[kind])
    for start, sentence in zip(starts, story.sentences, strict=True):
        thing = things[sentence.name].lower()
        place = text.lower().index(thing, start) + len(thing)
        glimpses.append(Glimpse(place, {REGRET: int(story.lacking(sentence.name, known) > 0)}))
        if not sentence.back:
            known.add(sentence.name)
    return glimpses
