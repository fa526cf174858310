"""The judge: reads who was born when out of the text, follows whose year is shared, and knows the sentences of junk."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthgen.task.verdict import Misread, Verdict
from synthgen.tasks.bios.birthyear.wording import ASKED, BREAK, JUNK, SHARED, TOLD, junk_templates, junk_values
from synthgen.tasks.bios.world.lists import Lists

NAME = r"([^ ,;.?]+ [^ ,;.?]+ [^ ,;.?]+?)"
YEAR = r"([0-9]{4})"
MOST_ASKED = 1_000_000
"""Characters of a prompt that are read."""


def _pattern(text: str, *groups: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in text.split("{}")]
    return re.compile("".join(part + group for part, group in zip(parts, (*groups, ""), strict=True)))


TOLD_PATTERN, SHARED_PATTERN, ASKED_PATTERN = (
    _pattern(TOLD, NAME, YEAR),
    _pattern(SHARED, NAME, NAME),
    _pattern(ASKED, NAME),
)


@dataclass(frozen=True)
class ParsedProblem:
    """What a prompt says: facts in their order, (name, year or name, where), who is asked about, and the junk."""

    facts: tuple[tuple[str, str, tuple[int, int]], ...]
    asked: str
    junk: tuple[tuple[str, str], ...]  # of each sentence of junk, what it is about, and who

    @functools.cached_property
    def said(self) -> Mapping[str, str]:
        """What is said of everybody: a year, or somebody else's name."""
        return {name: told for name, told, _ in self.facts}

    def chain(self, person: str = "") -> list[str]:
        """Return who is met from a person, or the one asked about, to the one whose year is told, and the year.

        Raises ValueError if it is told nowhere.
        """
        met = [person or self.asked]
        while not met[-1].isdigit():
            if met[-1] not in self.said or len(met) > len(self.facts):
                raise ValueError(f"the birth year of {met[0]} is told nowhere")
            met.append(self.said[met[-1]])
        return met


class YearReader:
    """Reads problems worded with some lists."""

    def __init__(self, lists: Lists, instruction: str) -> None:
        self.lists, self._lead = lists, f"{instruction}{BREAK}" if instruction else ""
        self._parts = [
            {n: i for i, n in enumerate(p)} for p in (lists.first_names, lists.middle_names, lists.last_names)
        ]
        self._values = {attribute: frozenset(values) for attribute, values in junk_values(lists).items()}

    @functools.cached_property
    def _patterns(self) -> dict[str, list[tuple[str, re.Pattern[str]]]]:
        """The sentences of junk by their first word, or by the one behind the name where they begin with it."""
        patterns: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
        for attribute in JUNK:
            for template in junk_templates(self.lists)[attribute]:
                text = re.sub(r"\{(?:he:)?([^{}|]*)\|[^{}]*\}", r"\1", template)
                text = re.sub(r"\{S's\}", "{S}'s", text).replace("{O}", "{S}")
                text = text[0].upper() + text[1:]
                pattern = re.escape(text).replace(r"\{S\}", NAME.replace("(", "(?P<name>", 1))
                pattern = pattern.replace(r"\{v\}", "(?P<value>.+?)")
                word = "" if text.startswith("{v}") else text.split(" ")[text.startswith("{")]
                patterns.setdefault("" if "{" in word else word, []).append((attribute, re.compile(pattern)))
        return patterns

    def number(self, name: str) -> int:
        """Return a full name's number among all. Raises ValueError for a name that the lists do not have."""
        number = 0
        for part, known in zip(name.split(" "), self._parts, strict=True):
            if part not in known:
                raise ValueError(f"{part[:80]!r} is no name of the lists")
            number = number * len(known) + known[part]
        return number

    def name(self, number: int) -> str:
        """Return the full name of a number among all. Raises IndexError for one that the lists do not have."""
        lists, parts = self.lists, list[str]()
        for known in (lists.last_names, lists.middle_names):
            number, part = divmod(number, len(known))
            parts.append(known[part])
        return " ".join([lists.first_names[number], *reversed(parts)])

    def read(self, prompt: Any, junk: bool) -> ParsedProblem:
        """Return what a prompt says; with `junk`, every sentence must be one. Raises ValueError on anything else."""
        if not isinstance(prompt, str) or len(prompt) > MOST_ASKED or not prompt.startswith(self._lead):
            raise ValueError("the prompt is no problem of this spec")
        context, separator, question = prompt[len(self._lead) :].rpartition(BREAK)
        match = ASKED_PATTERN.fullmatch(question)
        if not separator or not match:
            raise ValueError("the prompt does not end with a question for a birth year")
        facts, attributes, at = [], [], len(self._lead)
        for sentence in context.split(". "):
            whole = sentence if sentence.endswith(".") else f"{sentence}."
            fact = TOLD_PATTERN.fullmatch(whole) or SHARED_PATTERN.fullmatch(whole)
            if fact:
                facts.append((fact[1], fact[2], (at, at + len(whole))))
            elif junk:
                attributes.append(self._junk(whole))
            at += len(sentence) + 2
        if len({name for name, *_ in facts}) < len(facts):
            raise ValueError("somebody's birth year is told twice")
        return ParsedProblem(tuple(facts), match[1], tuple(attributes))

    def _junk(self, sentence: str) -> tuple[str, str]:
        """Return what a sentence of junk is about, and who."""
        words = sentence.split(" ")
        readings = {
            (attribute, match["name"])
            for word in {words[0], "", *words[3:4]}
            for attribute, pattern in self._patterns.get(word, ())
            if (match := pattern.fullmatch(sentence)) and match["value"] in self._values[attribute]
        }
        if len(readings) != 1:
            raise ValueError(f"sentence {sentence[:80]!r} has {len(readings)} readings")
        return readings.pop()

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion by its year, whatever space and full stop are around it."""
        try:
            problem = self.read(prompt, junk=False)
            *met, year = problem.chain()
            if not isinstance(completion, str):
                raise ValueError("the completion is no text")
        except (ValueError, TypeError) as error:
            return Verdict.wrong(str(error), 0)
        said = completion.strip(" \t\r\n").removesuffix(".")
        part = {"query": "birth year", "correct": said == year, "difficulty": len(met)}
        if said == year:
            return Verdict.right([part])
        return Verdict.wrong(f"the birth year is {year}, not {said[:80]!r}", 0, 0.0, [part])

    def problem(self, prompt: Any, people: int) -> tuple[ParsedProblem, dict[str, Any]]:
        """Return a whole prompt and its latent, where every group has so many people. Raises Misread if it is wrong."""
        problem = self.read(prompt, junk=True)
        if any(name in problem.said for _, name in problem.junk):
            raise Misread("a sentence of junk is about somebody whose birth year matters")
        groups = [problem.facts[at : at + people] for at in range(0, len(problem.facts), people)]
        if not groups or len(groups[-1]) < people:
            raise Misread(f"{len(problem.facts)} facts, which are no groups of {people}")
        years = [told for _, told, _ in groups[0]]
        if not all(year.isdigit() for year in years) or len(set(years)) < people:
            raise Misread("the first group is not told years that differ")
        links = []
        for before, group in itertools.pairwise(groups):
            numbers = {name: number for number, (name, *_) in enumerate(before)}
            shared = [numbers.get(told, -1) for _, told, _ in group]
            if sorted(shared) != list(range(people)):
                raise Misread("a group does not share the years of the group before it, one each")
            links += shared
        last = [name for name, *_ in groups[-1]]
        if problem.asked not in last:
            raise Misread("somebody is asked about who is not in the last group")
        return problem, {
            "names": [self.number(name) for name, *_ in problem.facts],
            "years": [int(year) for year in years],
            "links": links,
            "asked": last.index(problem.asked),
            "answer": int(problem.chain()[-1]),
        }
