"""Forms of questions: what each asks, what answers it, what may be stated as a hint, and how it is worded.

A form is *family.name*: `extract.major` asks for a fact (Part 3.1), `retrieve.year` for a part of one or for two,
`classify.month_2` for a class of one, `compare.day` and `subtract.day` set two people side by side, `inverse.full_six`
asks who somebody is (Part 3.2). The wordings stand in `lists/questions.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.errors import SynthgenError, nearest
from synthgen.task.assets import cached_by_contents
from synthgen.task.foreign import read_toml
from synthgen.task.kit.editions import Edition
from synthgen.tasks.bios.world.editions import as_in
from synthgen.tasks.bios.world.lists import ATTRIBUTES, OWN, Lists

FILE = "questions.toml"

SPAN_KINDS = ("name", "given", "hint", "answer")
"""Kinds of spans: names in the prompt; values in it; facts stated before the answer; the answer's parts."""

EXTRACT = "extract"
"""The family of Part 3.1; the others are of Part 3.2."""

STATED, MODULO, LATER, MINUS = range(4)
"""How an answer follows: it is stated in the facts; a number modulo another; whether A's number is larger than B's;
A's number minus B's."""

GIVEN = {
    "date": ("birth_date",),
    "date_city": ("birth_date", "birth_city"),
    "three": ("university", "major", "employer"),
    "four": ("birth_city", "university", "major", "employer"),
    "six": ATTRIBUTES,
}
"""The facts that the inverse questions give (2309.14402, section 6)."""


@dataclass(frozen=True)
class Form:
    """One form of question. Answers and hints are facts: an attribute, month, day, year, first, full or result."""

    family: str
    name: str
    answer: tuple[str, ...]
    hint: tuple[str, ...] = ()  # facts of A that may be stated first; of A and then of B where there are two people
    rule: int = STATED
    number: str = ""  # the number that a rule works on: month (from 1), day (from 1) or major (its rank, from 0)
    modulus: int = 0
    given: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its whole name, such as `extract.major`."""
        return f"{self.family}.{self.name}"

    @property
    def pair(self) -> bool:
        """Whether it is about two people."""
        return self.rule in (LATER, MINUS)

    @property
    def facts(self) -> int:
        """How many facts it rests on: those to be recalled, or those an inverse question gives."""
        return len(self.given) or (2 if self.pair else len(self.answer))

    @property
    def markers(self) -> list[str]:
        """The markers that its wordings hold, each once."""
        return sorted(self.given) or (["A", "B"] if self.pair else ["A"])


def _all_forms() -> Iterable[Form]:
    for attribute in ATTRIBUTES:
        yield Form(EXTRACT, attribute, (attribute,))
    for part in ("month", "day", "year"):
        yield Form("retrieve", part, (part,), hint=("birth_date",))
    for one, other in (("birth_city", "employer"), ("university", "major"), ("company_city", "employer")):
        for pair in ((one, other), (other, one)):
            yield Form("retrieve", "_".join(pair), pair)
    for number, moduli in (("month", (2, 6, 12)), ("major", (5, 20, 100))):
        for m in moduli:
            yield Form("classify", f"{number}_{m}", ("result",), (number,), MODULO, number, m)
    for family, rule in (("compare", LATER), ("subtract", MINUS)):
        for number in ("month", "day", "major"):
            yield Form(family, number, ("result",), (number,), rule, number)
    for whole in ("first", "full"):
        for name, given in GIVEN.items():
            yield Form("inverse", f"{whole}_{name}", (whole,), given=given)


FORMS = {form.key: form for form in _all_forms()}
"""All forms by name, in canonical order."""

FAMILIES = tuple(dict.fromkeys(form.family for form in FORMS.values()))


def chosen_forms(names: Iterable[str]) -> tuple[Form, ...]:
    """Return the forms of a list of names, each a form's or a whole family's. Raises ValueError for an unknown one."""
    forms: list[Form] = []
    for name in names:
        matching = [form for form in FORMS.values() if name in (form.key, form.family)]
        if not matching:
            raise ValueError(f"{name!r} is no form of question{nearest(name, [*FAMILIES, *FORMS])}")
        forms += matching
    keys = [form.key for form in forms]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise ValueError(f"{twice[0]!r} is named twice")
    return tuple(forms)


@cached_by_contents(32)
def read_questions(folder: Path | None, edition: Edition) -> dict[str, tuple[str, ...]]:
    """Read the wordings of every form, by its name, and lint them; forms that the folder's file lacks are ours,
    of an edition.

    Raises SynthgenError that names the file, the form and the wording.
    """
    wordings = as_in(edition, FILE, _read(OWN / FILE))
    if folder is not None and (folder / FILE).is_file():
        wordings |= _read(folder / FILE)
    shapes: dict[str, str] = {}
    for key, form_wordings in wordings.items():
        for wording in form_wordings:
            shape = re.sub(r"\{(\w+)\}", "{}", wording)
            if shape in shapes and {key, shapes[shape]} != {key}:
                raise SynthgenError(f"{FILE}: {key} and {shapes[shape]} are both worded {wording!r}")
            shapes[shape] = key
    return wordings


def _read(path: Path) -> dict[str, tuple[str, ...]]:
    table = read_toml(path)
    wordings = {}
    for family, forms in table.items():
        for name, entry in forms.items() if isinstance(forms, dict) else [("", forms)]:
            key = f"{family}.{name}"
            if key not in FORMS:
                raise SynthgenError(f"{path}: {key!r} is no form of question{nearest(key, FORMS)}")
            wordings[key] = _linted(path, FORMS[key], entry)
    return wordings


def _linted(path: Path, form: Form, wordings: Any) -> tuple[str, ...]:
    if not isinstance(wordings, list) or not wordings or not all(isinstance(wording, str) for wording in wordings):
        raise SynthgenError(f"{path}: {form.key} needs a list of at least one wording")
    for wording in wordings:
        if sorted(re.findall(r"\{([^}]*)\}", wording)) != form.markers:
            markers = ", ".join("{" + marker + "}" for marker in form.markers)
            raise SynthgenError(
                f"{path}: {form.key}: {wording!r}: a wording holds each of {markers} once, and no other"
            )
        if wordings.count(wording) > 1:
            raise SynthgenError(f"{path}: {form.key}: {wording!r} stands there twice")
        if wording != wording.strip() or not wording.endswith(("?", ".")):
            raise SynthgenError(
                f"{path}: {form.key}: {wording!r}: a wording ends with ? or . and has no space around it"
            )
    return tuple(wordings)


def largest_number(lists: Lists) -> int:
    """Return the largest number that an answer can be; the smallest is minus that."""
    return max(*lists.dates[:2], len(lists.major), 100)
