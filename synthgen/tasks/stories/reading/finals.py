"""Final answers of stories in any layout: a number with the equations before it, or a listing of things."""

from __future__ import annotations

import re
from typing import Any

from synthgen.task.judging import NUMBER, Final
from synthgen.task.kit.equations import FIELD, Quantities, judged_equations, point
from synthgen.task.verdict import Verdict
from synthgen.tasks.stories.packs import Pack
from synthgen.tasks.stories.reading.stories import ParsedStory, Sentence


def final_of(story: ParsedStory, pack: Pack, modulus: int) -> Final:
    """Return what answers a prompt: the value that is asked for, or the things that are needed in an order that works.

    Things may be named without their article, and in letters of any size; in a listing, in the sentences of its pack.
    """
    bare = [thing.removeprefix("the ") for thing in pack.things]
    numbers = {thing.lower(): name for name, thing in enumerate(bare)}
    named = rf"\b(?:the )?({'|'.join(bare)})\b"
    looks = re.compile(f"(?i){named}")
    if modulus == 1:
        looks = re.compile(rf"(?i)(?:\b{re.escape(pack.pieces('step')[0])})?{named}")
        return Final(looks, lambda said: _listed(story, [numbers[one.lower()] for one in looks.findall(said)]), True)
    right = story.values(modulus)
    values = {pack.things[name]: value for name, value in right.items()}

    def calculation(thing: Any) -> int:
        line = story.lines[numbers[thing.removeprefix("the ").lower()]]
        return (line.constant + sum(point(pack.things[parent]) for parent in line.parents)) % FIELD

    def judge(said: str) -> Verdict:
        if int(said) == right[story.query]:
            return Verdict.right()
        return Verdict.wrong(f"wrong answer: {said[:40]}, it is {right[story.query]}", 0)

    facts = Quantities(looks, lambda match: pack.things[numbers[match[1].lower()]], values, calculation, modulus)
    needed, said = {pack.things[name] for name in story.needed}, _as_said(pack, bare)
    return Final(NUMBER, judge, steps=lambda text: judged_equations(said.sub(r"\1 = \2", text), facts, needed))


def _as_said(pack: Pack, bare: list[str]) -> re.Pattern[str]:
    """Return what a step looks like in the words of its pack: "the red box holds 5 marbles", or 3 + 2 = 5 of them."""
    _, _, verb, _, tail = pack.pieces("step")
    units = "|".join(re.escape(unit.removeprefix("{n} ")) for unit in pack.sentences.amount)
    number, tail = r"([0-9][-0-9 +()=]{0,80}?) ?", re.escape(tail.rstrip("."))
    return re.compile(rf"(?i)\b((?:the )?(?:{'|'.join(bare)})){verb}{number}(?:{units})\b{tail}")


def _listed(story: ParsedStory, names: list[int]) -> Verdict:
    """Judge a listing of things: all that is needed, each after what it needs."""
    solved = ParsedStory(story.pack, story.lines, story.query, [Sentence(name, 0, False) for name in names])
    fault = solved.fault(1)
    return Verdict.wrong(fault[1], fault[0]) if fault else Verdict.right()
