"""The judge of questions: judges answers from the wordings, the lists and the world, sharing nothing with what asked.

A prompt is matched against every wording of the forms asked for; a prompt that two readings fit is refused. The answer
is then worked out from the facts of the people it names, or, for inverse questions, is right if it names anybody whose
facts are the ones given.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from synthgen.task.judging import Final
from synthgen.task.verdict import Misread, Verdict
from synthgen.tasks.bios.questions.forms import Form
from synthgen.tasks.bios.world.lists import MONTHS
from synthgen.tasks.bios.world.reading.registry import Registry
from synthgen.tasks.bios.world.reading.values import any_value

SEMICOLON = "; "
"""What stands between the parts of hints and of answers."""

PART = r"(?:[;,/]|,? and|)\s+(?:(?:[-+]|[0-9][.)]) +)?(?:[A-Za-z ]{1,30}[:=] *)?"
"""What may stand between two parts of an answer in any layout."""

MORE = r"(?:[;,/]|,? (?:and|or)) *"
"""What stands before one part too many."""

MOST_ASKED = 10_000
"""Characters of a prompt that are read."""

Search = Callable[[Form, Mapping[str, str]], Sequence[int]]
"""Suggests the people who may fit given facts; the judge confirms each."""


@dataclass(frozen=True)
class ParsedQuestion:
    """What a prompt says: its form, wording, whether a hint is wanted (None: not said), the people or facts in it."""

    form: Form
    wording: int
    hinted: bool | None
    people: tuple[int, ...]
    given: Mapping[str, str]
    spans: Mapping[str, list[tuple[int, int]]] = field(default_factory=dict)


class QuestionJudge:
    """Judges the questions of one spec."""

    def __init__(
        self,
        world: Registry,
        forms: Sequence[Form],
        questions: Sequence[Sequence[str]],
        endings: tuple[str, str],
        parted: str,
        search: Search,
    ) -> None:
        """`parted`: what stands between a hint and its answer."""
        self.world, self.endings, self._parted, self._search = world, endings, parted, search
        self._forms = {form.key: form for form in forms}
        self._patterns: dict[str, list[tuple[Form, int, re.Pattern[str]]]] = {}
        for form, wordings in zip(forms, questions, strict=True):
            for number, wording in enumerate(wordings):
                escaped = re.escape(wording.replace("{", "\x00").replace("}", "\x01"))
                pattern = re.sub(r"\x00([AB])\x01", r"(?P<\1>[^ ,;]+ [^ ,;]+ [^ ,;]+?)", escaped)
                pattern = re.sub(r"\x00(\w+)\x01", self._any_value, pattern)
                first = wording.split(" ")[0] if not wording.startswith("{") else ""
                self._patterns.setdefault(first, []).append((form, number, re.compile(pattern)))

    # -- reading ------------------------------------------------------------------------------------------------------

    def _any_value(self, marker: re.Match[str]) -> str:
        """Return a pattern of any value of a fact; no longer than the longest, so that matching is quick."""
        return rf"(?P<{marker[1]}>.{{1,{self._widest(marker[1])}}}?)"

    def _widest(self, fact: str) -> int:
        """Return the characters of a fact's longest value."""
        lists = self.world.lists
        parts = [max(map(len, names)) for names in (lists.first_names, lists.middle_names, lists.last_names)]
        if fact in ("full", "first"):
            return sum(parts) + 2 if fact == "full" else parts[0]
        if fact in ("birth_date", "month", "day", "year", "result"):
            return len("September 28, 9899")
        return max(map(len, lists.cities if fact == "company_city" else getattr(lists, fact)))

    @functools.cached_property
    def longest(self) -> int:
        """The most characters of a completion: every part of hints and answer at its longest."""
        parts = [(*form.hint, *form.hint, *form.answer) for form in self._forms.values()]
        return max(2 + sum(self._widest(fact) + 2 for fact in facts) for facts in parts)

    def read(self, prompt: Any) -> ParsedQuestion:
        """Return what a prompt says. Raises ValueError if it is no question of this spec about people of its world."""
        if not isinstance(prompt, str) or len(prompt) > MOST_ASKED:
            raise ValueError("the prompt is no text of a question")
        endings = sorted(enumerate(self.endings), key=lambda pair: -len(pair[1]))  # one may be the end of the other
        wants, ending = next(((wants, e) for wants, e in endings if prompt.endswith(e)), (0, None))
        if ending is None:
            raise ValueError(f"the prompt ends with neither of {self.endings}")
        told = bool(wants) if self.endings[0] != self.endings[1] else None
        question = prompt.removesuffix(ending)
        readings = []
        for first in {question.split(" ")[0], ""}:
            for form, number, pattern in self._patterns.get(first, ()):
                match = pattern.fullmatch(question)
                if match and all(self._known(key, text) for key, text in match.groupdict().items()):
                    readings.append((form, number, match))
        if len(readings) != 1:
            raise ValueError(f"question {question[:80]!r} has {len(readings)} readings")
        form, number, match = readings[0]
        parts = match.groupdict()
        names = [key for key in ("A", "B") if key in parts]
        people = tuple(self.world.who(parts[key]) for key in names)
        if len(set(people)) < len(people):
            raise ValueError("the question sets somebody beside themselves")
        given = {key: text for key, text in parts.items() if key not in names}
        spans = {
            "name": sorted(match.span(key) for key in names),
            "given": sorted(match.span(key) for key in given),
        }
        return ParsedQuestion(form, number, told, people, given, spans)

    def _known(self, key: str, text: str) -> bool:
        """Say whether a text is a value of the lists; names are looked up later, and told if unknown."""
        lists = self.world.lists
        if key in ("A", "B"):
            return True
        if key == "birth_date":
            return bool(re.fullmatch(r"[A-Z][a-z]+ [1-9][0-9]?, [0-9]{4}", text))
        if key == "month":
            return text in MONTHS
        if key == "day":
            return bool(re.fullmatch(r"[1-9][0-9]?", text))
        return text in (lists.cities if key == "company_city" else getattr(lists, key))

    # -- answering ----------------------------------------------------------------------------------------------------

    def stated(self, form: Form, people: Sequence[int]) -> tuple[list[str], list[str]]:
        """Return (hint, answer) of a question about `people`, each as the parts that stand in a completion."""
        facts = [self.world.person(person) for person in people]
        hint = [person_facts[fact] for person_facts in facts for fact in form.hint]
        if form.family == "inverse":
            name = self.world.name(people[0])
            return hint, [name if form.answer == ("full",) else name.split(" ")[0]]
        if not form.number:
            return hint, [facts[0][fact] for fact in form.answer]
        numbers = [person_facts["numbers"][form.number] for person_facts in facts]
        if form.family == "compare":
            return hint, ["Yes" if numbers[0] > numbers[1] else "No"]
        if form.family == "subtract":
            return hint, [str(numbers[0] - numbers[1])]
        if form.key == "classify.month_2":
            return hint, ["No" if numbers[0] % 2 else "Yes"]
        return hint, [str(numbers[0] if form.key == "classify.month_12" else numbers[0] % form.modulus)]

    def fitting(self, form: Form, given: Mapping[str, str]) -> list[int]:
        """Return everybody of the world who has the given facts, in rising order."""
        return [person for person in sorted(self._search(form, given)) if self.world.fits(person, given)]

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion by its answer. A hint before it must be values of its facts, and is judged in `parts`."""
        try:
            reading = self.read(prompt)
            if not isinstance(completion, str):
                raise ValueError("the completion is no text")
            return self._judge(reading, self._parts(reading.form, completion.strip(" \t\r\n").removesuffix(".")))
        except (ValueError, TypeError, KeyError, IndexError) as error:
            return Verdict.wrong(str(error), 0)

    def _parts(self, form: Form, said: str) -> list[str]:
        """Return the parts of a completion: hints and answers. Answers that hints go before hold no full stop."""
        if not form.hint or self._parted == SEMICOLON:
            return said.split(SEMICOLON)
        hint, parted, answer = said.rpartition(self._parted)
        return [*(hint.split(SEMICOLON) if parted else []), *answer.split(SEMICOLON)]

    def _judge(self, reading: ParsedQuestion, said: list[str]) -> Verdict:
        form = reading.form
        hint: list[str] = []
        if form.family == "inverse":
            right = [len(said) == 1 and self._right_name(form, reading.given, said[0])]
            told, answer = None, ["the name of anybody who fits"]
        else:
            hint, answer = self.stated(form, reading.people)
            n = len(answer)
            told = None if len(said) <= n else said[:-n] == hint
            # A hint of other values is judged in `parts`; any other text before the answer is talk, worth nothing.
            facts, hinted = form.hint * (1 + form.pair), said[:-n]
            sound = len(said) == n or (len(hinted) == len(facts) > 0 and all(map(self._known, facts, hinted)))
            right = [sound and a == b for a, b in zip(said[-n:], answer, strict=False)]
        part = {"query": form.key, "correct": all(right), "hint": told, "difficulty": form.facts}
        if right and all(right):
            return Verdict.right([part])
        score = sum(right) / len(answer)
        return Verdict.wrong(f"the answer is {'; '.join(answer)}, not {'; '.join(said)[:80]!r}", 0, score, [part])

    def _right_name(self, form: Form, given: Mapping[str, str], name: str) -> bool:
        if form.answer == ("full",):
            try:
                return self.world.fits(self.world.who(name), given)
            except ValueError:
                return False
        return any(self.world.name(person).split(" ")[0] == name for person in self.fitting(form, given))

    def final(self, prompt: Any) -> Final:
        """Return what answers a question: a value of each fact that it asks for, in their order."""
        looks = self._looks(self.read(prompt).form)

        def judge(said: str) -> Verdict:
            match = looks.fullmatch(said)
            return self.judge(prompt, SEMICOLON.join(match.groups()) if match else said)

        return Final(looks, judge)

    @functools.cache  # noqa: B019
    def _looks(self, form: Form) -> re.Pattern[str]:
        yes = form.family == "compare" or form.key == "classify.month_2"
        facts = [("yes" if yes else "number") if fact == "result" else fact for fact in form.answer]
        values = [any_value(self.world.lists, fact, number < len(facts)) for number, fact in enumerate(facts, 1)]
        one = PART.join(f"({value})" for value in values)
        return re.compile(one if len(values) == 1 else rf"(?<!; ){one}(?!{MORE}(?:{'|'.join(values)}))")

    # -- whole rows ---------------------------------------------------------------------------------------------------

    def parse(self, prompt: Any, completion: Any) -> dict[str, Any]:
        """Return what prompt and completion show of a row's latent, and the spans. Raises ValueError on junk.

        The person is None where only a first name is given.
        """
        reading = self.read(prompt)
        form = reading.form
        if not isinstance(completion, str) or not completion.startswith(" ") or not completion.endswith("."):
            raise ValueError("a completion begins with a space and ends with a full stop")
        said = self._parts(form, completion[1:-1])
        hints = len(form.hint) * (2 if form.pair else 1)
        if len(said) - len(form.answer) not in (0, hints):
            raise ValueError(f"{len(said)} parts, where the answer has {len(form.answer)}")
        hinted = len(said) > len(form.answer)
        spans: dict[str, list[tuple[int, int]]] = {**reading.spans, "hint": [], "answer": []}
        at = len(prompt) + 1
        for place, part in enumerate(said):
            spans["hint" if hinted and place < hints else "answer"].append((at, at + len(part)))
            at += len(part) + 2
        people: list[int | None] = list(reading.people)
        if form.family == "inverse":
            people = [self.world.who(said[0]) if form.answer == ("full",) else None]
        return {
            "form": form.key,
            "person": people[0],
            "other": people[1] if form.pair else None,
            "wording": reading.wording,
            "hint": hinted,
            "spans": spans,
        }

    def reread(self, prompt: Any, completion: Any, person: Any, asked: range) -> tuple[int, dict[str, Any]]:
        """Return the facts that a row's question rests on, and the latents that these texts and the world show.

        `person` is whom the row says it is about: where only a first name is given, the texts do not tell. `asked` are
        the people whom its split asks about. Raises Misread for texts that are not so, and ValueError on junk.
        """
        reading, shown = self.read(prompt), self.parse(prompt, completion)
        form = reading.form
        if shown["person"] is None:
            shown["person"] = person
        people = [shown["person"], *([shown["other"]] if form.pair else [])]
        for one in people:
            if not isinstance(one, int) or one not in asked:
                raise Misread(
                    f"person {one} is not among those asked about in this split, {asked.start} to {asked.stop - 1}"
                )
        if reading.hinted not in (None, shown["hint"]):
            raise Misread(f"the prompt {'wants' if reading.hinted else 'does not want'} a hint")
        hint, answer = self.stated(form, people)
        told = SEMICOLON.join(hint) + self._parted if shown["hint"] else ""
        wanted = f" {told}{SEMICOLON.join(answer)}."
        if completion != wanted:
            raise Misread(f"the completion is {completion[:80]!r}, the facts say {wanted!r}")
        if not self.world.fits(people[0], reading.given):
            raise Misread(f"person {people[0]} does not have the facts of the question")
        answers = self.fitting(form, reading.given) if form.family == "inverse" else []
        latent = {name: shown[name] for name in ("form", "person", "other", "wording", "hint")}
        return form.facts, latent | {"answers": answers}
