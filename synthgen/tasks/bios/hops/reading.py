"""The judge of questions along relations: reads prompts by style, and works the answer out from the world."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.task.judging import Final
from synthgen.task.verdict import Verdict
from synthgen.tasks.bios.relations.reading.relatives import Relatives
from synthgen.tasks.bios.relations.wordings import FACT_NAMES, PERSON, Relation, RelationLists
from synthgen.tasks.bios.world.reading.values import any_value

MOST_ASKED = 10_000
"""Characters of a prompt that are read."""

JSON = re.compile(r'\{"person": "(?P<person>[^"]+)", "path": \["(?P<path>[^\[\]]+)"\], "answer":')
"""A prompt in JSON: no name has a quote."""

FACTS = {name: fact for fact, name in FACT_NAMES.items()}


@dataclass(frozen=True)
class ParsedQuestion:
    """What a prompt says; `name` is where the person's name stands."""

    style: str
    wording: int
    target: str
    person: int
    path: tuple[Relation, ...]
    name: tuple[int, int]

    @property
    def hops(self) -> int:
        """Steps to the answer."""
        return len(self.path) + (self.target != PERSON)


class QuestionJudge:
    """Judges the questions of one spec."""

    def __init__(
        self, relatives: Relatives, wordings: RelationLists, targets: Sequence[str], paraphrases: int, cue: str
    ) -> None:
        self.relatives, self._cue = relatives, cue and f" {cue}"
        links = "|".join(map(re.escape, relatives.relations))
        chain = rf"(?P<name>[^ ,;]+ [^ ,;]+ [^ ,;]+?)(?P<path>(?:'s (?:{links}))*)"
        self._patterns = [
            (target, number, re.compile(chain.join(map(re.escape, wording.split("{A}")))))
            for target in targets
            for number, wording in enumerate(wordings.questions(target)[:paraphrases])
        ]

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self, prompt: Any) -> ParsedQuestion:
        """Return what a prompt says. Raises ValueError if it is no question of this spec about people of its world."""
        if not isinstance(prompt, str) or len(prompt) > MOST_ASKED:
            raise ValueError("the prompt is no text of a question")
        if prompt.startswith("{"):
            return self._json(prompt)
        return self._triple(prompt) if prompt.endswith(" |") else self._sentence(prompt)

    def _json(self, prompt: str) -> ParsedQuestion:
        match = JSON.fullmatch(prompt)
        if not match:
            raise ValueError("the prompt is no JSON with a person, a path, and an answer to come")
        return self._path("json", match["person"], match.span("person"), match["path"].split('", "'))

    def _triple(self, prompt: str) -> ParsedQuestion:
        name, *steps = prompt.removesuffix(" |").split(" | ")
        return self._path("triple", name, (0, len(name)), steps)

    def _path(self, style: str, name: str, span: tuple[int, int], steps: Sequence[str]) -> ParsedQuestion:
        target = PERSON
        if steps and steps[-1] in FACTS:
            target, steps = FACTS[steps[-1]], steps[:-1]
        return ParsedQuestion(style, 0, target, self.relatives.registry.who(name), self._relations(steps), span)

    def _sentence(self, prompt: str) -> ParsedQuestion:
        if not prompt.endswith(self._cue):
            raise ValueError(f"the prompt does not end with {self._cue!r}")
        question = prompt.removesuffix(self._cue) if self._cue else prompt
        readings = [
            (target, number, match)
            for target, number, pattern in self._patterns
            if (match := pattern.fullmatch(question))
        ]
        if len(readings) != 1:
            raise ValueError(f"question {question[:80]!r} has {len(readings)} readings")
        target, number, match = readings[0]
        path = self._relations(match["path"].split("'s ")[1:])
        return ParsedQuestion(
            "sentence", number, target, self.relatives.registry.who(match["name"]), path, match.span("name")
        )

    def _relations(self, names: Sequence[str]) -> tuple[Relation, ...]:
        relations = self.relatives.relations
        if unknown := [name for name in names if name not in relations]:
            raise ValueError(f"{unknown[0][:80]!r} is no relation of this spec")
        path = tuple(relations[name] for name in names)
        if any(a is b and a.law == "pairs" for a, b in itertools.pairwise(path)):
            raise ValueError("a path leads back where it came from")
        return path

    # -- answering ----------------------------------------------------------------------------------------------------

    def answer(self, question: ParsedQuestion) -> str:
        """Return the answer as it stands in texts."""
        registry = self.relatives.registry
        last = self.relatives.along(question.person, question.path)[-1]
        return registry.name(last) if question.target == PERSON else str(registry.person(last)[question.target])

    @functools.cached_property
    def longest(self) -> int:
        """The most characters of a completion."""
        lists = self.relatives.registry.lists
        values = (lists.birth_city, lists.university, lists.major, lists.employer, lists.cities)
        names = sum(max(map(len, part)) for part in (lists.first_names, lists.middle_names, lists.last_names)) + 2
        return max(names, len("September 28, 9899"), *(len(text) for texts in values for text in texts)) + 4

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion by its answer, whatever space is around it."""
        try:
            question = self.read(prompt)
            if not isinstance(completion, str):
                raise ValueError("the completion is no text")
            answer = self.answer(question)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            return Verdict.wrong(str(error), 0)
        said = completion.strip(" \t\r\n")
        if question.style == "sentence":
            said = said.removesuffix(".")
        elif question.style == "json":
            said = said.removesuffix("}").removesuffix('"').removeprefix('"')
        part = {
            "query": question.target,
            "correct": said == answer,
            "difficulty": question.hops,
            "hops": question.hops,
            "style": question.style,
        }
        if said == answer:
            return Verdict.right([part])
        return Verdict.wrong(f"the answer is {answer}, not {said[:80]!r}", 0, 0.0, [part])

    def final(self, prompt: Any) -> Final:
        """Return what answers a question: a value of the fact that it asks for, or a name."""
        return Final(self._looks(self.read(prompt).target), lambda said: self.judge(prompt, said))

    @functools.cache  # noqa: B019
    def _looks(self, target: str) -> re.Pattern[str]:
        return re.compile(any_value(self.relatives.registry.lists, "full" if target == PERSON else target))

    # -- whole rows ---------------------------------------------------------------------------------------------------

    def parse(self, prompt: Any, completion: Any) -> dict[str, Any]:
        """Return the latent that prompt and completion show, and the spans. Raises ValueError on junk."""
        question = self.read(prompt)
        before, behind = {"sentence": (" ", "."), "triple": (" ", ""), "json": (' "', '"}')}[question.style]
        if not isinstance(completion, str) or not (completion.startswith(before) and completion.endswith(behind)):
            raise ValueError(f"a completion begins with {before!r} and ends with {behind!r}")
        start, end = len(prompt) + len(before), len(prompt) + len(completion) - len(behind)
        if start >= end:
            raise ValueError("the completion is empty")
        return {
            "person": question.person,
            "path": [relation.key for relation in question.path],
            "target": question.target,
            "style": question.style,
            "wording": question.wording,
            "people": self.relatives.along(question.person, question.path),
            "spans": {"name": [question.name], "answer": [(start, end)]},
        }
