"""The word lists behind people: names, dates, cities, universities, majors, employers and sentence templates.

A spec may bring its own folder of files; those it lacks are ours. All lists are linted when they are read: no entry
twice, and no value a part of another value, of a name, of a template or of a date, so that every value in a text is one
fact; and nothing that would mean something else to whoever reads a text again, such as the end of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from synthgen.errors import SynthgenError, nearest
from synthgen.task.assets import cached_by_contents
from synthgen.task.contract import TaskParams
from synthgen.task.entries import Entry, looks, read_entries, refuse_strangers, refuse_twins, unseen
from synthgen.task.foreign import read_toml
from synthgen.task.kit.editions import Edition
from synthgen.tasks.bios.world.editions import as_in

OWN = Path(__file__).with_name("lists")
MONTHS = tuple(
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
FIRST_YEAR = 1900
SPOKEN = frozenset("he his him himself she her herself they their them themselves the person".split())  # noqa: SIM905
"""Words that stand for a person in texts, so that no name can be one of them."""

ATTRIBUTES = ("birth_date", "birth_city", "university", "major", "employer", "company_city")
"""The facts of a person in canonical order (Part 3.1, section 2): the employer before its city."""

NAME_PARTS = ("first_names", "middle_names", "last_names")
FILES = ("templates.toml", "clauses.toml", "questions.toml", "relations.toml", "changes.toml")
"""Files of the folder that are no lists of words; each task of this family reads its own."""

VALUE_FILES = {"birth_city": "birth_cities", "university": "universities", "major": "majors", "employer": "employers"}

MARKER = re.compile(r"v|S|S's|O|he|his|him|himself|(he:)?[^|{}]*\|[^|{}]*")
"""What may stand in braces in a template."""


class Sizes(TaskParams):
    """How many entries of each list are used, from its beginning; by default all. Small worlds for small models."""

    first_names: int | None = Field(None, ge=1)
    middle_names: int | None = Field(None, ge=1)
    last_names: int | None = Field(None, ge=1)
    months: int = Field(12, ge=1, le=12)
    days: int = Field(28, ge=1, le=28, description="so that every month has every day (Part 3.1)")
    years: int = Field(200, ge=1, le=8000, description="from 1900 on")
    birth_cities: int | None = Field(None, ge=1)
    universities: int | None = Field(None, ge=1)
    majors: int | None = Field(None, ge=1)
    employers: int | None = Field(None, ge=1)
    templates: int | None = Field(None, ge=1, description="sentence templates of each attribute")


@dataclass(frozen=True)
class Lists:
    """Every list a biography is made of. `company_city` is the city of each employer, by number into `cities`."""

    first_names: tuple[str, ...]
    middle_names: tuple[str, ...]
    last_names: tuple[str, ...]
    dates: tuple[int, int, int]  # months, days, years
    birth_city: tuple[str, ...]
    university: tuple[str, ...]
    major: tuple[str, ...]
    employer: tuple[str, ...]
    cities: tuple[str, ...]  # of companies
    company_city: tuple[int, ...]  # of each employer
    templates: dict[str, tuple[str, ...]]

    @property
    def names(self) -> int:
        """How many full names there are: N0 of the papers."""
        return len(self.first_names) * len(self.middle_names) * len(self.last_names)

    def name_number(self, parts: Mapping[str, int]) -> int:
        """Return the number of a full name among all, given those of its parts (first, middle, last) in their lists."""
        number = parts["first"] * len(self.middle_names) + parts["middle"]
        return number * len(self.last_names) + parts["last"]

    def sizes(self) -> dict[str, int]:
        """Return how many values each drawn attribute can take; a company city follows from the employer."""
        months, days, years = self.dates
        sizes = {"birth_date": months * days * years}
        return sizes | {name: len(getattr(self, name)) for name in ("birth_city", "university", "major", "employer")}

    def date(self, number: int) -> str:
        """Return birth date `number` as it stands in texts."""
        _, days, years = self.dates
        rest, year = divmod(number, years)
        month, day = divmod(rest, days)
        return f"{MONTHS[month]} {day + 1}, {FIRST_YEAR + year}"

    def value(self, attribute: str, number: int) -> str:
        """Return value `number` of an attribute as it stands in texts."""
        if attribute == "birth_date":
            return self.date(number)
        return self.cities[number] if attribute == "company_city" else getattr(self, attribute)[number]


@cached_by_contents(32)
def read_lists(folder: Path | None, sizes: Sizes, edition: Edition) -> Lists:
    """Read the lists of a folder, with ours of an edition for those it lacks, cut to `sizes`, and lint them.

    Raises SynthgenError that names the file and the entry.
    """
    if folder is not None:
        refuse_strangers(folder, [*FILES, *(f"{name}.txt" for name in (*NAME_PARTS, *VALUE_FILES.values()))])
    names = {part: _read(folder, part, getattr(sizes, part), edition) for part in NAME_PARTS}
    values = {attribute: _read(folder, file, getattr(sizes, file), edition) for attribute, file in VALUE_FILES.items()}
    homes = []
    for number, entry in enumerate(values["employer"]):
        employer, separator, city = entry.text.partition("; ")
        if not separator or not city or not employer:
            raise SynthgenError(f"{entry.where}: {entry.text!r}: write EMPLOYER; CITY")
        values["employer"][number] = entry._replace(text=employer)
        homes.append(entry._replace(text=city))
    refuse_twins(values["employer"])
    values["company_city"] = list({home.text: home for home in homes}.values())
    refuse_twins(values["company_city"])
    templates = _read_templates(path_of(folder, "templates.toml"), sizes.templates, edition)
    _lint_names([entry for entries in names.values() for entry in entries])
    _lint_values(
        [entry for entries in values.values() for entry in entries],
        [entry for entries in names.values() for entry in entries],
        [template for entries in templates.values() for template in entries],
    )
    cities = tuple(sorted({home.text for home in homes}))
    return Lists(
        **{part: _texts(entries) for part, entries in names.items()},
        dates=(sizes.months, sizes.days, sizes.years),
        birth_city=_texts(values["birth_city"]),
        university=_texts(values["university"]),
        major=_texts(values["major"]),
        employer=_texts(values["employer"]),
        cities=cities,
        company_city=tuple(cities.index(home.text) for home in homes),
        templates=templates,
    )


def _texts(entries: list[Entry]) -> tuple[str, ...]:
    return tuple(entry.text for entry in entries)


def path_of(folder: Path | None, file: str) -> Path:
    """Return where a file of lists stands: in the spec's folder, or else among ours."""
    return folder / file if folder is not None and (folder / file).is_file() else OWN / file


def _read(folder: Path | None, name: str, size: int | None, edition: Edition) -> list[Entry]:
    path = path_of(folder, f"{name}.txt")
    entries = read_entries(path)
    if path.parent == OWN:
        entries = [entry._replace(text=as_in(edition, path.name, entry.text)) for entry in entries]
    refuse_twins(entries)
    wanted = len(entries) if size is None else size
    if len(entries) < max(wanted, 1):
        raise SynthgenError(
            f"{path}: {len(entries)} entries, but the spec needs {max(wanted, 1)} (params.sizes.{name})"
        )
    return entries[:wanted]


def _read_templates(path: Path, size: int | None, edition: Edition) -> dict[str, tuple[str, ...]]:
    table = read_toml(path)
    if path.parent == OWN:
        table = as_in(edition, path.name, table)
    for key in table:
        if key not in ATTRIBUTES:
            raise SynthgenError(f"{path}: unknown attribute {key!r}{nearest(key, ATTRIBUTES)}")
    for attribute in ATTRIBUTES:
        entries = table.get(attribute)
        if not isinstance(entries, list) or not entries or not all(isinstance(entry, str) for entry in entries):
            raise SynthgenError(f"{path}: {attribute} needs a list of at least one sentence")
        if len(set(entries)) < len(entries):
            twice = next(entry for entry in entries if entries.count(entry) > 1)
            raise SynthgenError(f"{path}: {attribute}: {twice!r} stands there twice")
        if size is not None and len(entries) < size:
            raise SynthgenError(f"{path}: {attribute}: {len(entries)} templates, but the spec needs {size}")
        for entry in entries:
            slots = re.findall(r"\{(v|S|S's|O)\}", entry)
            if slots.count("v") != 1 or len(slots) != 2:
                message = "a template holds {v} once and one of {S}, {S's}, {O} once"
                raise SynthgenError(f"{path}: {attribute}: {entry!r}: {message}")
            for marker in re.findall(r"\{([^}]*)\}", entry):
                if not MARKER.fullmatch(marker):
                    raise SynthgenError(f"{path}: {attribute}: {entry!r}: unknown marker {{{marker}}}")
            if fault := unseen(entry):
                raise SynthgenError(f"{path}: {attribute}: {entry!r}: {fault}")
            if entry != entry.strip() or not entry.endswith(".") or ". " in entry or ".." in entry:
                message = "a template is one sentence, ends with its only full stop, and has no space around it"
                raise SynthgenError(f"{path}: {attribute}: {entry!r}: {message}")
        shapes = [_shape(entry) for entry in entries]
        for number, shape in enumerate(shapes):
            if shape in shapes[:number]:
                alike = entries[shapes.index(shape)]
                raise SynthgenError(
                    f"{path}: {attribute}: {entries[number]!r} says the same as {alike!r}; take one out"
                )
    return {attribute: tuple(table[attribute][:size]) for attribute in ATTRIBUTES}


def _shape(template: str) -> str:
    """Return how a template reads of a man: two that read the same could not be told apart."""
    forms = {"S": "he", "S's": "his", "O": "him", "v": "{v}"}
    return re.sub(r"\{(?:he:)?([^}|]*)[^}]*\}", lambda marker: forms.get(marker[1], marker[1]), template).lower()


def _lint_names(names: list[Entry]) -> None:
    for name, where in names:
        if name.lower() in SPOKEN:
            raise SynthgenError(f"{where}: name {name!r}: texts call people so who have a name; take it out")
        if " " in name or name in MONTHS:
            raise SynthgenError(f"{where}: name {name!r}: a name is one word, and no month")
        if any(mark in name for mark in ".,;") or name.endswith("'s"):
            fault = "a name has no full stop, comma or semicolon, which end it in texts, and does not end in 's"
            raise SynthgenError(f"{where}: name {name!r}: {fault}")


def _lint_values(values: list[Entry], names: list[Entry], templates: list[str]) -> None:
    first: dict[str, Entry] = {}
    for entry in values:
        other = first.setdefault(looks(entry.text), entry)
        if other is not entry:
            raise SynthgenError(
                f"{entry.where}: {entry.text!r} stands in two lists ({other.where}); a value must be one fact"
            )
    others = [*values, *names, *(Entry(template, "a template") for template in templates)]
    haystack = "\n".join(looks(other.text) for other in others)
    for value, where in values:
        if value.endswith(".") or ". " in value or ";" in value:
            raise SynthgenError(
                f"{where}: {value!r}: a full stop ends a sentence, a semicolon a fact; write it without"
            )
        if re.fullmatch(r"[0-9 ,]*", value) or any(value in month for month in MONTHS):
            raise SynthgenError(f"{where}: {value!r} is a part of a date; a value must be one fact")
        if haystack.count(looks(value)) > 1:
            whole = next(o for o in others if looks(value) in looks(o.text) and (o.text, o.where) != (value, where))
            if whole.text == value:
                raise SynthgenError(f"{where}: {value!r} is a name too ({whole.where}); a value must be one fact")
            raise SynthgenError(
                f"{where}: {value!r} is a part of {whole.text!r} ({whole.where}); a value must not stand inside others"
            )
