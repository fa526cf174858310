"""Reading problems back, from the text and the names alone: parser and solver. Shares nothing with what wrote them.

A parameter is a pair of names, (item, item) or (item, category). Names are capitalised words, so where one ends is
never in doubt. `synthgen.tasks.igsm.reading.solution_reader` judges solutions on top of this.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from synthgen.tasks.igsm.markers import MARKERS
from synthgen.tasks.igsm.worlds import World

Parameter = tuple[str, str]

MAX_TEXT = 100_000
"""Characters of a prompt or completion that are read; more is refused at once."""

NAME = r"[A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*"
DIGITS = r"(?:0|[1-9][0-9]{0,999})"
"""A number as texts write it: ASCII digits without leading noughts, no more than anybody multiplies."""
TOO_LARGE = 10**1000
BARE, ADDED, TIMES, CONSTANT = range(4)

_EACH = rf"each {NAME}'s {NAME}"
_THE = rf"the {NAME} in each {NAME}"
PAPER_SENTENCE = re.compile(
    rf"The number of each ({NAME})'s ({NAME}) equals (?:({DIGITS})(?=\.)|(?:({DIGITS}) (more than|times as much as) )?"
    rf"(?:the (sum|difference) of )?({_EACH}(?:(?:, {_EACH})* and {_EACH})?))\."
)
PAPER_REFERENCE = re.compile(rf"each ({NAME})'s ({NAME})")
PAPER_QUESTION = re.compile(rf"How many ({NAME}) does each ({NAME}) have\?")
COUNT_SENTENCE = re.compile(
    rf"(?:There (are|is) ({DIGITS}) ({NAME}) in each ({NAME})|To count the ({NAME}) in each ({NAME}), "
    rf"(?:add ({DIGITS}) to ({_THE})|multiply ({_THE}) by ({DIGITS})|count ({_THE})|(?:take ({_THE}) away from ({_THE})"
    rf"|add up ({_THE}(?:, {_THE})* and {_THE}))(?:, then (add|multiply by) ({DIGITS}))?))\."
)
COUNT_REFERENCE = re.compile(rf"the ({NAME}) in each ({NAME})")
COUNT_QUESTION = re.compile(rf"How many ({NAME}) are in each ({NAME})\?")


STATED = 100
"""Numbers below this are what sentences mostly state."""


def _paper_leads() -> dict[str, tuple[int, int, str]]:
    """Return literal, number, and sum or difference, by what stands between "equals" and the first citation."""
    leads = {"": (BARE, 0, "")}
    for number in range(STATED):
        leads |= {f" {number} more than": (ADDED, number, ""), f" {number} times as much as": (TIMES, number, "")}
    for lead, (literal, number, _) in list(leads.items()):
        leads |= {f"{lead} the {what} of": (literal, number, what) for what in ("sum", "difference")}
    return leads | {f" {number}": (CONSTANT, number, "") for number in range(STATED)}


PAPER_LEADS = _paper_leads()
MOST_SAID = 1 << 17
"""Pairs of names that a reader remembers."""


class Sentence(NamedTuple):
    """What a problem says of an instance parameter: its number and what that does, and what it cites, in order."""

    literal: int
    number: int
    minus: bool
    cites: tuple[Parameter, ...]


@dataclass(slots=True)
class Problem:
    """A problem as read: a sentence of each instance parameter, in order of the text, and what is asked."""

    sentences: dict[Parameter, Sentence]
    query: Parameter
    spans: list[tuple[int, int]]
    question: tuple[int, int]
    children: dict[str, list[str]] = field(default_factory=dict)
    layer: dict[str, int] = field(default_factory=dict)  # of items, and of categories, from 0 within the chain
    categories: set[str] = field(default_factory=set)
    deepest: int = 0
    known_needs: dict[Parameter, list[Parameter]] = field(default_factory=dict)  # of abstract parameters
    known_needed: set[Parameter] = field(default_factory=set)

    def is_abstract(self, parameter: Parameter) -> bool:
        """Say whether a parameter counts things of a category."""
        return parameter[1] in self.categories

    def exists(self, parameter: Parameter) -> bool:
        """Say whether the problem has a parameter: one with a sentence, or an abstract one of an item."""
        if parameter in self.sentences:
            return True
        item, target = parameter
        return (
            target in self.categories
            and item in self.layer
            and item not in self.categories
            and self.layer[item] < self.layer[target]
        )

    def needs(self, parameter: Parameter) -> Sequence[Parameter]:
        """Return what a parameter is computed from."""
        sentence = self.sentences.get(parameter)
        if sentence is not None:
            return sentence.cites
        if parameter in self.known_needs:
            return self.known_needs[parameter]
        needs = self.known_needs[parameter] = []
        item, category = parameter
        deep = self.layer[category] - self.layer[item] > 1
        for child in self.children.get(item, ()):
            needs.append((item, child))
            if deep:
                needs.append((child, category))
        return needs

    def needed(self) -> set[Parameter]:
        """Return the query and all it is computed from, directly or not."""
        if not self.known_needed:
            needed, stack = {self.query}, [self.query]
            while stack:
                for other in self.needs(stack.pop()):
                    if other not in needed:
                        needed.add(other)
                        stack.append(other)
            self.known_needed = needed
        return self.known_needed

    def parameters(self) -> list[Parameter]:
        """Return every parameter there is: those with sentences in order of the text, then the abstract ones."""
        items = [name for name in self.layer if name not in self.categories]
        inner = sorted(self.categories, key=lambda category: self.layer[category])
        abstract = [(item, c) for item in items for c in inner if self.layer[item] < self.layer[c]]
        return [*self.sentences, *abstract]


class ProblemReader:
    """Reads problems of one world and one family of wording, and solves them."""

    def __init__(self, world: World, family: str, modulus: int, form: str, marked: bool = False) -> None:
        self.before, self.behind = (f"{MARKERS[0]} ", MARKERS[1]) if marked else ("", "")
        self.family, self.modulus, self.question_first = family, modulus, form == "qp"
        self.place: dict[str, tuple[int, int, int]] = {}  # chain, category, group; the group of a category is -1
        self.singular: dict[str, str] = {}
        self._pairs: dict[Parameter, tuple[int, int, int, int, int]] = {}  # 123,000 at most
        self.said: dict[str, Parameter] = {}  # by "Oak's Wren", where both are names of the world
        self.chains = [[name for name, _ in chain] for chain in world.categories]
        for h, chain in enumerate(world.categories):
            for c, (name, many) in enumerate(chain):
                self.place[name] = (h, c, -1)
                self.singular[many] = name
                for g, group in enumerate(world.names[h][c]):
                    for one, several in group:
                        self.place[one] = (h, c, g)
                        self.singular[several] = one
        self._names = {name for name in self.place if re.fullmatch(NAME, name)}

    def plural(self, name: str) -> str:
        """Return the plural of an item or category."""
        return next(many for many, one in self.singular.items() if one == name)

    def read(self, prompt: Any) -> Problem:
        """Return a problem from its prompt. Raises ValueError that says what is wrong with it."""
        if not isinstance(prompt, str) or not 0 < len(prompt) <= MAX_TEXT:
            raise ValueError(f"a prompt is a text of at most {MAX_TEXT:,} characters")
        if self.before:
            if not (prompt.startswith(self.before) and prompt.endswith(self.behind)):
                raise ValueError(f"a prompt stands between {self.before}and {self.behind}")
            return self._read(prompt[: -len(self.behind)], len(self.before))
        return self._read(prompt, 0)

    def length(self, text: str) -> int:
        """Return how long the prompt is that a text begins with; 0 where it begins with none."""
        paper = self.family == "paper"
        pattern, question = (PAPER_SENTENCE, PAPER_QUESTION) if paper else (COUNT_SENTENCE, COUNT_QUESTION)
        at, end, asked = len(self.before), 0, None
        if self.question_first and (asked := question.match(text, at)):
            at = asked.end() + 1
        while match := pattern.match(text, at):
            end = match.end()
            at = end + 1
        if not self.question_first and (asked := question.match(text, at)):
            end = asked.end()
        return end + len(self.behind) if asked and end and text.startswith(self.behind, end) else 0

    def _read(self, prompt: str, at: int) -> Problem:
        """Read sentences and question from a place on."""
        paper = self.family == "paper"
        pattern, question = (PAPER_SENTENCE, PAPER_QUESTION) if paper else (COUNT_SENTENCE, COUNT_QUESTION)
        sentences: dict[Parameter, Sentence] = {}
        spans, asked = [], None
        if self.question_first:
            asked = question.match(prompt, at)
            if asked is None:
                raise ValueError("the prompt does not begin with a question")
            at = asked.end() + 1
        while True:
            end = prompt.find(".", at) + 1
            said = self._plain(prompt[at : end - 1]) if paper and end else None
            if said is None:
                match = pattern.match(prompt, at)
                if match is None:
                    break
                said, end = self._paper(match) if paper else self._count(match), match.end()
            parameter, sentence = said
            if parameter in sentences:
                raise ValueError(f"{parameter[0]}'s {parameter[1]} has two sentences")
            sentences[parameter] = sentence
            spans.append((at, end))
            at = end + 1
            if prompt[end:at] not in (" ", ""):
                raise ValueError("sentences are apart by a space")
        if not self.question_first:
            asked = question.match(prompt, at)
            if asked is None:
                raise ValueError(f"{prompt[at : at + 60]!r} is neither a sentence nor a question")
            at = asked.end() + 1
        if asked is None or at != len(prompt) + 1 or not sentences:
            raise ValueError(f"{prompt[at : at + 60]!r} is no sentence")
        if prompt[asked.end() : asked.end() + 1] not in (" ", ""):
            raise ValueError("sentences are apart by a space")
        item, many = asked[2], asked[1]
        problem = Problem(sentences, (item, self._one(many)), spans, asked.span())
        self._structure(problem)
        return problem

    def _one(self, plural: str) -> str:
        if plural not in self.singular:
            raise ValueError(f"{plural!r} is no plural of the world's names")
        return self.singular[plural]

    def _plain(self, text: str) -> tuple[Parameter, Sentence] | None:
        """Return what a sentence of the paper's family says, or None: then the pattern tells if it is one.

        Thrice as fast as the pattern, and enough for all that names things of the world and numbers below `STATED`.
        """
        start, *parts = text.split(" each ")
        if start != "The number of" or not parts:
            return None
        name, _, lead = parts[0].partition(" equals")
        parameter, form = self.said.get(name) or self._pair_said(name), PAPER_LEADS.get(lead)
        if parameter is None or form is None:
            return None
        literal, number, what = form
        if len(parts) == 1:
            return (parameter, Sentence(literal, number, False, ())) if literal == CONSTANT else None
        if literal == CONSTANT or (not what) != (len(parts) == 2) or (what == "difference" and len(parts) != 3):
            return None
        cites = []
        for place, part in enumerate(parts[1:], 2 - len(parts)):  # up to 0, the last one
            if place:
                behind = "," if place < -1 else " and"
                if not part.endswith(behind):
                    return None
                part = part[: -len(behind)]
            cited = self.said.get(part) or self._pair_said(part)
            if cited is None:
                return None
            cites.append(cited)
        return parameter, Sentence(literal, number, what == "difference", tuple(cites))

    def _pair_said(self, text: str) -> Parameter | None:
        """Return what "Oak's Wren" names, and remember it; None where these are not both names of the world."""
        owner, _, target = text.partition("'s ")
        if owner not in self._names or target not in self._names:
            return None
        if len(self.said) < MOST_SAID:
            self.said[text] = owner, target
        return owner, target

    def _paper(self, match: re.Match[str]) -> tuple[Parameter, Sentence]:
        owner, target, constant, number, how, what, cited = match.groups()
        if constant is not None:
            return (owner, target), Sentence(CONSTANT, int(constant), False, ())
        cites = tuple(PAPER_REFERENCE.findall(cited))
        if (what is None) != (len(cites) == 1) or (what == "difference" and len(cites) != 2):
            raise ValueError(f"{match[0][:80]!r}: the sum or difference of {len(cites)}")
        literal = BARE if number is None else ADDED if how == "more than" else TIMES
        return (owner, target), Sentence(literal, int(number or 0), what == "difference", cites)

    def _count(self, match: re.Match[str]) -> tuple[Parameter, Sentence]:
        be, number, things, owner, many, item, more, base, times, factor, copy, away, whole, several, then, last = (
            match.groups()
        )
        if be is not None:
            one = be == "is"
            if one != (number == "1"):
                raise ValueError(f"{match[0][:80]!r}: are or is")
            return (owner, things if one else self._one(things)), Sentence(CONSTANT, int(number), False, ())
        target = (item, self._one(many))
        if more is not None:
            return target, Sentence(ADDED, int(more), False, (self._cited(base),))
        if times is not None:
            return target, Sentence(TIMES, int(factor), False, (self._cited(times),))
        if copy is not None:
            return target, Sentence(BARE, 0, False, (self._cited(copy),))
        literal = BARE if then is None else ADDED if then == "add" else TIMES
        if away is not None:
            return target, Sentence(literal, int(last or 0), True, (self._cited(whole), self._cited(away)))
        cites = tuple((owner, self._one(things)) for things, owner in COUNT_REFERENCE.findall(several))
        return target, Sentence(literal, int(last or 0), False, cites)

    def _cited(self, text: str) -> Parameter:
        match = COUNT_REFERENCE.fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:60]!r} is no parameter")
        return match[2], self._one(match[1])

    def _structure(self, problem: Problem) -> None:
        """Work out layers and children, and refuse what cannot be: names of two chains, citations of nothing."""
        place, layer, sentences = self.place, problem.layer, problem.sentences
        mentioned = {} if problem.query in sentences else {problem.query: None}  # those without a sentence
        for sentence in sentences.values():
            for parameter in sentence.cites:
                if parameter not in sentences:
                    mentioned[parameter] = None
        groups: list[int] = [-1] * 4
        chain = -1
        for parameter in (*sentences, *mentioned):
            owner, target = parameter
            h, c, g, c2, g2 = self._pairs.get(parameter) or self._pair(parameter)
            if chain < 0:
                chain = h
            if h != chain:
                raise ValueError(f"{owner}'s {target} cannot be: the problem is about another world")
            layer[owner] = c
            if groups[c] != g:
                if groups[c] >= 0:
                    raise ValueError(f"{owner}'s {target}: names of two groups in one layer")
                groups[c] = g
            if g2 >= 0:
                layer[target] = c2
                if groups[c2] != g2:
                    if groups[c2] >= 0:
                        raise ValueError(f"{owner}'s {target}: names of two groups in one layer")
                    groups[c2] = g2
        children, deepest = problem.children, 0
        for owner, target in sentences:
            if place[target][2] < 0:
                raise ValueError(f"{owner}'s {target}: a sentence states the number of a whole category")
            if owner in children:
                children[owner].append(target)
            else:
                children[owner] = [target]
            deepest = max(deepest, layer[target])
        problem.deepest = deepest
        for c, name in enumerate(self.chains[chain][: problem.deepest + 1]):
            problem.categories.add(name)
            layer[name] = c
        for parameter in mentioned:
            if not problem.exists(parameter):
                raise ValueError(f"{parameter[0]}'s {parameter[1]} is mentioned, but nothing says what it is")

    def _pair(self, parameter: Parameter) -> tuple[int, int, int, int, int]:
        """Return (chain, category and group of the item, of what it holds), and remember it."""
        owner, target = parameter
        if owner not in self.place or target not in self.place:
            raise ValueError(f"{owner}'s {target}: not both names of this world")
        (h, c, g), (h2, c2, g2) = self.place[owner], self.place[target]
        if h != h2 or g < 0 or c2 <= c or (g2 >= 0 and c2 != c + 1):
            raise ValueError(f"{owner}'s {target} cannot be: these names do not hold each other")
        self._pairs[parameter] = h, c, g, c2, g2
        return h, c, g, c2, g2

    def solve(self, problem: Problem) -> dict[Parameter, int]:
        """Return the value of every parameter the query needs. Raises ValueError for a circle of sentences."""
        return solve(problem, self.modulus, [problem.query])


def depths(problem: Problem) -> dict[Parameter, int]:
    """Return how many parameters stand on the longest way to each that the query needs, itself too.

    Raises ValueError for a circle of sentences.
    """
    depth: dict[Parameter, int] = {}
    open_: set[Parameter] = set()
    stack, needs_of = [problem.query], problem.needs
    while stack:
        parameter = stack[-1]
        if parameter in depth:
            stack.pop()
            continue
        needs, deepest = needs_of(parameter), 0
        missing = [other for other in needs if other not in depth]
        if missing:
            if parameter in open_:
                raise ValueError(f"{parameter[0]}'s {parameter[1]} depends on itself")
            open_.add(parameter)
            stack += missing
            continue
        for other in needs:
            if depth[other] > deepest:
                deepest = depth[other]
        depth[parameter] = deepest + 1
        stack.pop()
    return depth


def solve(problem: Problem, modulus: int, wanted: list[Parameter]) -> dict[Parameter, int]:
    """Return the values of parameters and of all they need, modulo a prime, or as integers for modulus 0.

    Raises ValueError for a circle, and for an integer of more than 1,000 digits.
    """
    values: dict[Parameter, int] = {}
    open_: set[Parameter] = set()
    stack = list(wanted)
    while stack:
        parameter = stack[-1]
        if parameter in values:
            stack.pop()
            continue
        needs = problem.needs(parameter)
        missing = [other for other in needs if other not in values]
        if missing:
            if parameter in open_:
                raise ValueError(f"{parameter[0]}'s {parameter[1]} depends on itself")
            open_.add(parameter)
            stack += missing
            continue
        value = _value(problem, parameter, [values[other] for other in needs])
        if not modulus and abs(value) >= TOO_LARGE:
            raise ValueError(f"{parameter[0]}'s {parameter[1]} has more than 1,000 digits")
        values[parameter] = value % modulus if modulus else value
        stack.pop()
    return values


def _value(problem: Problem, parameter: Parameter, operands: list[int]) -> int:
    sentence = problem.sentences.get(parameter)
    if sentence is None:
        if problem.layer[parameter[1]] - problem.layer[parameter[0]] == 1:
            return sum(operands)
        return sum(a * b for a, b in zip(operands[::2], operands[1::2], strict=True))
    value = operands[0] - operands[1] if sentence.minus else sum(operands)
    if sentence.literal == TIMES:
        return value * sentence.number
    return value + sentence.number
