"""What a prompt has in all, and what may come next in its solution: steps in any order that works, some taken back."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.kit.surprisal import Phrase, behind_prompt, walked
from synthgen.task.verdict import Misread
from synthgen.tasks.stories.packs import pack_of
from synthgen.tasks.stories.params import StoriesParams
from synthgen.tasks.stories.reading.bits import prompt_units
from synthgen.tasks.stories.reading.stories import ParsedStory
from synthgen.tasks.stories.reading.texts import StoryReader

State = tuple[frozenset[int], frozenset[int]]
"""What is known, and what was taken back since the last step."""


def story_surprisals(said: str, params: StoriesParams, reader: StoryReader) -> np.ndarray:
    """Return the bits of each character of a row and of its end, (characters + 1,); those of the prompt at its last."""
    end = said.find("?") + 1
    try:
        story = reader.prompt(said[:end])
        values = story.values(params.modulus)
        bits = sum(prompt_units(story, params).values()) / UNITS_PER_BIT
    except (ValueError, Misread):
        return np.full(len(said) + 1, math.inf)
    return behind_prompt(end, bits, _completion(said[end:], story, values, params))


def _completion(said: str, story: ParsedStory, values: dict[int, int], params: StoriesParams) -> np.ndarray:
    pack, rate, kind = pack_of(story.pack, params.order_only), params.retry.rate, params.retry.kind

    def follow(state: State, ahead: Phrase) -> Iterator[tuple[float, Phrase, State | None]]:
        known, back = state
        wrong = [name for name in story.mistakes(set(known), kind) if name not in back]
        # what was taken back is not the next step: no weak mistake is; others lack a parent
        ready = [name for name in story.ready(set(known)) if name not in back]
        candidates = len(wrong) - (kind == "weak")
        share = rate if candidates else 0.0
        for name in ready:
            after = None if name == story.query else (known | {name}, frozenset[int]())
            step = pack.sentences.step.format(thing=pack.things[name], amount=_amount(values[name]))
            yield (1 - share) / len(ready), f" {step}", after
        for name in wrong if share else ():
            other = 1 - (name in ready) / len(ready)  # the chance that something else is next, as before a weak mistake
            if other:
                back_sentence = pack.sentences.back.format(thing=pack.things[name])
                yield share * other / candidates, f" {back_sentence}", (known, back | {name})

    def _amount(value: int) -> str:
        return "" if params.order_only else pack.amount(value)

    start: State = (frozenset(), frozenset())
    return walked(said, start, follow)
