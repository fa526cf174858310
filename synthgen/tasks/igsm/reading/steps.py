"""Steps of a solution as they stand in its text, in any wording and level of detail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from synthgen.tasks.igsm.markers import MARKERS
from synthgen.tasks.igsm.reading.problem import DIGITS, MAX_TEXT, NAME, Parameter

_SMALL = "abcdefghijklmnopqrstuvwxyz"
LETTERS = {*_SMALL, *_SMALL.upper()} | {a + b for a in _SMALL.upper() for b in _SMALL}
"""What variables may be called."""
NUMBER = rf"(?:-(?!0))?{DIGITS}"
"""A whole number as solutions write it, as a regular expression."""
LITERAL, RESULT = re.compile(DIGITS), re.compile(NUMBER)
RESULTS = {str(number): number for number in range(1000)}
"""Most results."""
PAPER_STEP = re.compile(rf"Define ({NAME})'s ({NAME}) as ([A-Za-z]+)")
COUNT_STEP = re.compile(rf"Let ([A-Za-z]+) be the ({NAME}) in each ({NAME})")
PAPER_NAME = re.compile(rf"({NAME})'s ({NAME})")
COUNT_NAME = re.compile(rf"the ({NAME}) in each ({NAME})")
BACK = "BACK"
"""The word that takes a definition back (Part 2.2)."""


Operation = tuple[str, str | None, str | None, int]
"""A calculation as it stands there: letter, symbols, numbers, result."""


@dataclass(slots=True)
class Step:
    """A step as read: what it defines, its operations in order of the text, and what it was found to be."""

    parameter: Parameter | None
    letter: str
    operations: list[Operation]
    span: tuple[int, int]
    name: tuple[int, int]  # where the parameter's name stands; empty where it is not shown
    back: bool = False


class StepReader:
    """Reads the solutions of one family of wording and level of detail."""

    def __init__(
        self,
        family: str,
        detail: int,
        singular: Mapping[str, str],
        marked: bool = False,
        said: Mapping[str, Parameter] = MappingProxyType({}),
    ) -> None:
        """`singular`: the item that a plural in the text stands for; `said`: some parameters by their names."""
        self._said = said
        self.family, self._singular = family, singular
        self.names, self.no_symbols, self.no_numbers = detail % 3, detail // 3 % 2 == 1, detail // 6 == 1
        so, answer = ("so ", " Answer: ") if family == "paper" else ("hence ", " So the answer is ")
        self._so, self._answer, self._stop = so, f"{MARKERS[2]} " if marked else answer, "" if marked else "."
        self._end = re.compile(re.escape(f".{self._answer}") + rf"({NUMBER})" + re.escape(self._stop))

    def read(self, completion: Any) -> tuple[list[Step], int, tuple[int, int]]:
        """Return the steps of a solution, its answer, and where that stands. Raises ValueError for a fault of form."""
        if not isinstance(completion, str) or len(completion) > MAX_TEXT:
            raise ValueError(f"a completion is a text of at most {MAX_TEXT:,} characters")
        cut = completion.rfind("." + self._answer)
        end = self._end.fullmatch(completion, cut) if cut >= 0 else None
        if end is None or not completion.startswith(" ") or self._answer in completion[:cut]:
            ending = f"{self._answer.lstrip()}NUMBER{self._stop}"
            raise ValueError(f"a completion begins with a space and ends with {ending}")
        steps, at = [], 1
        for text in completion[1:cut].split(". "):
            steps.append(self._step(text, at))
            at += len(text) + 2
        return steps, int(end[1]), end.span(1)

    def _step(self, text: str, at: int) -> Step:
        head, *parts = text.split("; ")
        parameter, letter, (start, end) = self._head(head)
        span, name = (at, at + len(text)), (at + start, at + end)
        if letter == BACK and not parts:
            return Step(parameter, letter, [], span, name, back=True)
        if not parts or not parts[-1].startswith(self._so):
            raise ValueError(f"{text[:80]!r} does not say what is so")
        parts[-1] = parts[-1][len(self._so) :]
        operation = self._operation
        operations = [operation(part) for part in parts]
        if operations[-1][0] != letter:
            raise ValueError(f"{text[:80]!r} defines one thing and computes another")
        return Step(parameter, letter, operations, span, name)

    def _head(self, head: str) -> tuple[Parameter | None, str, tuple[int, int]]:
        """Return what a step defines, its letter, and where the name stands in the head."""
        paper = self.family == "paper"
        if self.names == 2:
            return self._named(head), head, (0, len(head))
        if self.names == 1:
            letter = head.removeprefix("Define ") if paper else head.removeprefix("Let ").removesuffix(" be next")
            if head != (f"Define {letter}" if paper else f"Let {letter} be next"):
                raise ValueError(f"{head[:80]!r} defines nothing")
            return None, letter, (0, 0)
        said, _, letter = head.removeprefix("Define ").rpartition(" as ")
        if paper and said in self._said and (letter in LETTERS or letter == BACK) and head.startswith("Define "):
            return self._said[said], letter, (len("Define "), len("Define ") + len(said))
        match = (PAPER_STEP if paper else COUNT_STEP).fullmatch(head)
        if match is None:
            raise ValueError(f"{head[:80]!r} defines nothing")
        if paper:
            return (match[1], match[2]), match[3], (match.start(1), match.end(2))
        name = (match.start(2) - len("the "), match.end(3))
        return (match[3], self._singular.get(match[2], match[2])), match[1], name

    def _named(self, text: str) -> Parameter:
        match = (PAPER_NAME if self.family == "paper" else COUNT_NAME).fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:80]!r} is no parameter")
        if self.family == "paper":
            return match[1], match[2]
        return match[2], self._singular.get(match[1], match[1])

    def _operation(self, text: str) -> Operation:
        parts = text.split(" = ")
        result = RESULTS.get(parts[-1])
        if result is None:
            if not RESULT.fullmatch(parts[-1]):
                raise ValueError(f"{text[:80]!r} has no result")
            result = int(parts[-1])
        if not 2 <= len(parts) <= 4:
            raise ValueError(f"{text[:80]!r} is no calculation")
        middle = parts[1:-1]
        symbols = middle.pop(0) if middle and not self.no_symbols else None
        numbers = middle.pop(0) if middle and not self.no_numbers else None
        if middle or (self.names != 2 and parts[0] not in LETTERS):
            raise ValueError(f"{text[:80]!r} is no calculation")
        return parts[0], symbols, numbers, result
