"""Programs: the forms of questions, compiled for the kernel that words them, as text or as tokens.

A program is a list of pieces: phrases (or token ids), brackets of spans, and references to *words*, the phrases of the
people a row is about. There is one for each prompt (form, wording, with a hint or without) and each completion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from synthgen.task.phrases import PhraseTable, closing, opening
from synthgen.tasks.bios.questions.forms import SPAN_KINDS, Form, largest_number
from synthgen.tasks.bios.world.lists import FIRST_YEAR, MONTHS, Lists
from synthgen.tasks.bios.world.writing.people import DAY, MAJOR, MONTH

NAME, GIVEN, HINT, ANSWER = range(len(SPAN_KINDS))

SLOTS = (
    *("first_", "middle_", "last", "first", "month_day", "year"),
    *("birth_city", "university", "major", "employer", "company_city", "month", "day", "date"),
)
"""The words of one person; in text `first_` and `middle_` carry the space behind them."""
N_SLOTS = len(SLOTS)
RESULT = 2 * N_SLOTS
"""The word for what a rule gives: behind the words of A and of B."""

REFERENCE = -100
"""Pieces at and below this refer to words: piece REFERENCE - w stands for word w."""

NO, YES, ZERO = range(3)
"""The columns of `Words.results`."""

PAIR, RULE, FIELD, MODULUS, RULE_FIELDS = range(5)
"""The columns of a form's rules: whether it is about two people, the rule, the field it counts with, and a modulus."""

FULL_NAME = ("first_", "middle_", "last")

Item = int | str
"""What a prompt is made of: phrases, and the markers of a wording."""


@dataclass(frozen=True)
class Words:
    """How facts are said: the phrases that each fact takes, and where the phrases of their values begin."""

    first: np.ndarray  # (N_SLOTS,) int64: the phrase of a slot's value 0
    results: np.ndarray  # (3,) int64: the phrases NO, YES, and ZERO, the number 0
    date: tuple[str, ...]  # the slots of a birth date

    def pieces(self, fact: str, span_kind: int, person: int) -> list[int]:
        """Return the pieces that state a fact of a person in a span of `span_kind`."""
        slots = {"A": FULL_NAME, "B": FULL_NAME, "full": FULL_NAME, "birth_date": self.date}.get(fact, (fact,))
        words = [RESULT] if fact == "result" else [person * N_SLOTS + SLOTS.index(slot) for slot in slots]
        return [opening(span_kind), *(REFERENCE - word for word in words), closing(span_kind)]


class Programs(NamedTuple):
    """Programs and their words, for kernels."""

    first: np.ndarray  # (N_SLOTS,) int64: the phrase of a slot's value 0
    results: np.ndarray  # (3,) int64: see `Words`
    pieces: np.ndarray  # (total,) int32
    starts: np.ndarray  # (programs + 1,) int64: the prompts, then the completions
    rules: np.ndarray  # (forms, RULE_FIELDS) int64
    wordings: int

    @property
    def longest(self) -> int:
        """The most codes of any row."""
        sizes = np.diff(self.starts)
        prompts = 2 * len(self.rules) * self.wordings
        return int(sizes[:prompts].max() + sizes[prompts:].max())


def compile_programs(
    forms: Sequence[Form],
    prompts: Sequence[Sequence[Sequence[Item]]],
    endings: Sequence[Sequence[int]],
    separators: Sequence[Sequence[int]],
    words: Words,
) -> Programs:
    """Compile the prompts of each form's wordings, and the completions.

    endings: what closes a prompt that wants the answer at once, and one that wants a hint; separators: what stands
    before, between and behind the parts of a completion, and between a hint and its answer.
    """
    pieces: list[int] = []
    starts = [0]
    for wordings in prompts:
        for prompt in wordings:
            for ending in endings:
                for item in prompt:
                    if isinstance(item, int):
                        pieces.append(item)
                    else:
                        pieces += words.pieces(item, NAME if item in ("A", "B") else GIVEN, int(item == "B"))
                pieces += ending
                starts.append(len(pieces))
    before, between, behind, parted = separators
    for form in forms:
        for hinted in (False, True):
            hint = [words.pieces(f, HINT, person) for person in range(1 + form.pair) for f in form.hint if hinted]
            stated = hint + [words.pieces(fact, ANSWER, 0) for fact in form.answer]
            for place, part in enumerate(stated):
                pieces += [*(before if not place else parted if place == len(hint) else between), *part]
            pieces += behind
            starts.append(len(pieces))
    fields = {"": 0, "month": MONTH, "day": DAY, "major": MAJOR}
    rules = np.empty((len(forms), RULE_FIELDS), np.int64)
    for number, form in enumerate(forms):
        rules[number, [PAIR, RULE, FIELD, MODULUS]] = form.pair, form.rule, fields[form.number], form.modulus
    code, limits = np.array(pieces, np.int32), np.array(starts, np.int64)
    return Programs(words.first, words.results, code, limits, rules, len(prompts[0]))


def text_programs(
    lists: Lists,
    forms: Sequence[Form],
    questions: Sequence[Sequence[str]],
    endings: Sequence[str],
    parted: str,
    table: PhraseTable,
) -> Programs:
    """Compile the wordings of each form as text; phrases are added to `table`. `parted`: between hint and answer."""
    months, days, years = lists.dates
    phrases: Mapping[str, Sequence[str]] = {
        "first_": [f"{name} " for name in lists.first_names],
        "middle_": [f"{name} " for name in lists.middle_names],
        "last": lists.last_names,
        "first": lists.first_names,
        "month_day": [f"{MONTHS[month]} {day + 1}, " for month in range(months) for day in range(days)],
        "year": [str(FIRST_YEAR + year) for year in range(years)],
        "birth_city": lists.birth_city,
        "university": lists.university,
        "major": lists.major,
        "employer": lists.employer,
        "company_city": lists.cities,
        "month": MONTHS[:months],
        "day": [str(day + 1) for day in range(days)],
        "date": (),  # a date is said in two phrases
    }
    first = np.array([table.extend(phrases[slot]) for slot in SLOTS], np.int64)
    largest = largest_number(lists)
    no, yes = table.extend(["No"]), table.extend(["Yes"])
    zero = table.extend([str(number) for number in range(-largest, largest + 1)]) + largest
    words = Words(first, np.array([no, yes, zero], np.int64), ("month_day", "year"))
    prompts = [[_items(wording, table) for wording in wordings] for wordings in questions]
    closings = [[table.add(ending)] if ending else [] for ending in endings]
    return compile_programs(forms, prompts, closings, [[table.add(text)] for text in (" ", "; ", ".", parted)], words)


def _items(wording: str, table: PhraseTable) -> list[Item]:
    matches = re.findall(r"\{([^}]*)\}|([^{]+)", wording)
    return [marker or table.add(literal) for marker, literal in matches]
