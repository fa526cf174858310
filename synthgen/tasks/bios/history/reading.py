"""The judge of questions about then and now: reads prompts, and works the answer out of the world's history."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.task.judging import Final
from synthgen.task.verdict import Verdict
from synthgen.tasks.bios.history.wordings import NO, YES
from synthgen.tasks.bios.world.reading.history import History
from synthgen.tasks.bios.world.reading.values import any_value

MOST_ASKED = 10_000
"""Characters of a prompt that are read."""

NAME = r"(?P<name>[^ ,;]+ [^ ,;]+ [^ ,;]+?)"


@dataclass(frozen=True)
class ParsedQuestion:
    """What a prompt says; `name` is where the person's name stands."""

    ask: str
    target: str
    wording: int
    person: int
    name: tuple[int, int]

    @property
    def facts(self) -> int:
        """How many facts the answer rests on."""
        return 2 if self.ask == "whether" else 1


class HistoryJudge:
    """Judges the questions of one spec."""

    def __init__(
        self,
        history: History,
        wordings: Mapping[str, Mapping[str, Sequence[str]]],
        asks: Sequence[str],
        targets: Sequence[str],
        paraphrases: int,
        cue: str,
    ) -> None:
        self.history, self._cue = history, cue and f" {cue}"
        self._patterns = [
            (ask, target, number, re.compile(NAME.join(map(re.escape, wording.split("{A}")))))
            for ask in asks
            for target in targets
            for number, wording in enumerate(wordings[ask][target][:paraphrases])
        ]

    def read(self, prompt: Any) -> ParsedQuestion:
        """Return what a prompt says. Raises ValueError if it is no question of this spec about people of its world."""
        if not isinstance(prompt, str) or len(prompt) > MOST_ASKED or not prompt.endswith(self._cue):
            raise ValueError(f"the prompt is no text of a question that ends with {self._cue!r}")
        question = prompt.removesuffix(self._cue) if self._cue else prompt
        readings = [
            (ask, target, number, match)
            for ask, target, number, pattern in self._patterns
            if (match := pattern.fullmatch(question))
        ]
        if len(readings) != 1:
            raise ValueError(f"question {question[:80]!r} has {len(readings)} readings")
        ask, target, number, match = readings[0]
        return ParsedQuestion(ask, target, number, self.history.registry.who(match["name"]), match.span("name"))

    def answer(self, person: int, ask: str, target: str) -> str:
        """Return the answer as it stands in texts."""
        before, after = (str(facts[target]) for facts in self.history.told(person))
        if ask == "whether":
            return NO if before == after else YES
        return before if ask == "before" else after

    @functools.cached_property
    def longest(self) -> int:
        """The most characters of a completion."""
        lists = self.history.registry.lists
        values = (lists.university, lists.major, lists.employer, lists.cities)
        return max(len(text) for texts in values for text in texts) + 2

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion by its answer, whatever space and full stop are around it."""
        try:
            question = self.read(prompt)
            if not isinstance(completion, str):
                raise ValueError("the completion is no text")
            answer = self.answer(question.person, question.ask, question.target)
        except (ValueError, TypeError) as error:
            return Verdict.wrong(str(error), 0)
        said = completion.strip(" \t\r\n").removesuffix(".")
        before, after = (values[question.target] for values in self.history.values(question.person))
        part = {
            "query": question.target,
            "correct": said == answer,
            "difficulty": question.facts,
            "ask": question.ask,
            "changed": before != after,
        }
        if said == answer:
            return Verdict.right([part])
        return Verdict.wrong(f"the answer is {answer}, not {said[:80]!r}", 0, 0.0, [part])

    def final(self, prompt: Any) -> Final:
        """Return what answers a question: a value of the fact that it asks for, or whether there was a change."""
        question = self.read(prompt)
        looks = any_value(self.history.registry.lists, "yes" if question.ask == "whether" else question.target)
        return Final(re.compile(looks), lambda said: self.judge(prompt, said))

    def parse(self, prompt: Any, completion: Any) -> dict[str, Any]:
        """Return the latent that prompt, completion and the world show, and the spans. Raises ValueError on junk."""
        question = self.read(prompt)
        if not isinstance(completion, str) or not (completion.startswith(" ") and completion.endswith(".")):
            raise ValueError("a completion begins with a space and ends with a full stop")
        start, end = len(prompt) + 1, len(prompt) + len(completion) - 1
        if start >= end:
            raise ValueError("the completion is empty")
        before, after = (values[question.target] for values in self.history.values(question.person))
        return {
            "ask": question.ask,
            "target": question.target,
            "person": question.person,
            "wording": question.wording,
            "before": before,
            "after": after,
            "spans": {"name": [question.name], "answer": [(start, end)]},
        }
