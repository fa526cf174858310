"""The word lists behind people: names, dates, cities, universities, majors, employers and sentence templates.

A spec may bring its own folder of files; those it lacks are ours. All lists are linted when they are read: no entry
twice, and no value a part of another value, of a name or of a template, so that every value in a text is one fact.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from synthgen.errors import SynthgenError, nearest
from synthgen.task.assets import read_lines
from synthgen.task.contract import TaskParams
from synthgen.task.foreign import read_toml

OWN = Path(__file__).with_name("lists")
MONTHS = tuple(
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
FIRST_YEAR = 1900

OWN_LISTS = (
    "Sentences, names and values are our own, in the numbers of the released lists (400 first, 400 middle and 1,000 "
    "last names, 200 cities, 300 universities, 100 majors, 263 employers, 46 to 52 sentences a fact)."
)
"""How the package's own lists differ from the released ones, for dataset cards."""

ATTRIBUTES = ("birth_date", "birth_city", "university", "major", "employer", "company_city")
"""The facts of a person in canonical order (Part 3.1, section 2): the employer before its city."""

NAME_PARTS = ("first_names", "middle_names", "last_names")
VALUE_FILES = {"birth_city": "birth_cities", "university": "universities", "major": "majors", "employer": "employers"}


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


@functools.lru_cache(maxsize=32)
def read_lists(folder: Path | None, sizes: Sizes) -> Lists:
    """Read the lists of a folder, with ours for those it lacks, cut to `sizes`, and lint them.

    Raises SynthgenError that names the file and the entry.
    """
    names = {part: _read(folder, part, getattr(sizes, part)) for part in NAME_PARTS}
    values = {attribute: _read(folder, file, getattr(sizes, file)) for attribute, file in VALUE_FILES.items()}
    employers, homes = [], []
    for entry in values.pop("employer"):
        employer, separator, city = entry.partition("; ")
        if not separator or not city:
            raise SynthgenError(f"{path_of(folder, 'employers.txt')}: {entry!r}: write EMPLOYER; CITY")
        employers.append(employer)
        homes.append(city)
    cities = tuple(sorted(set(homes)))
    templates = _read_templates(path_of(folder, "templates.toml"), sizes.templates)
    lists = Lists(
        **names,
        dates=(sizes.months, sizes.days, sizes.years),
        birth_city=values["birth_city"],
        university=values["university"],
        major=values["major"],
        employer=tuple(employers),
        cities=cities,
        company_city=tuple(cities.index(city) for city in homes),
        templates=templates,
    )
    _lint(lists, folder)
    return lists


def path_of(folder: Path | None, file: str) -> Path:
    """Return where a file of lists stands: in the spec's folder, or else among ours."""
    return folder / file if folder is not None and (folder / file).is_file() else OWN / file


def _read(folder: Path | None, name: str, size: int | None) -> tuple[str, ...]:
    path = path_of(folder, f"{name}.txt")
    entries = [line.strip() for line in read_lines(path) if line.strip()]
    seen: set[str] = set()
    for number, entry in enumerate(entries, 1):
        if entry in seen:
            raise SynthgenError(f"{path}: {entry!r} stands there twice (entry {number}); every entry must be different")
        seen.add(entry)
    wanted = len(entries) if size is None else size
    if len(entries) < max(wanted, 1):
        raise SynthgenError(
            f"{path}: {len(entries)} entries, but the spec needs {max(wanted, 1)} (params.sizes.{name})"
        )
    return tuple(entries[:wanted])


def _read_templates(path: Path, size: int | None) -> dict[str, tuple[str, ...]]:
    table = read_toml(path)
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
    return {attribute: tuple(table[attribute][:size]) for attribute in ATTRIBUTES}


def _lint(lists: Lists, folder: Path | None) -> None:
    values = [*lists.birth_city, *lists.university, *lists.major, *lists.employer, *lists.cities]
    origin = folder or OWN
    for value in values:
        if values.count(value) > 1:
            raise SynthgenError(f"{origin}: {value!r} stands in two lists; a value must be one fact")
    names = [*lists.first_names, *lists.middle_names, *lists.last_names]
    templates = [template for entries in lists.templates.values() for template in entries]
    haystack = "\n".join(values + names + templates)
    for value in values:
        if haystack.count(value) > 1:
            other = next(text for text in values + names + templates if value in text and text != value)
            raise SynthgenError(f"{origin}: {value!r} is a part of {other!r}; a value must not stand inside other text")
    for part in names:
        if " " in part or part in MONTHS:
            raise SynthgenError(f"{origin}: name {part!r}: a name is one word, and no month")
