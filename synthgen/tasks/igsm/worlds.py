"""Worlds: the categories and names that problems speak of. Packs of our own; a spec may bring another.

A world is four chains of four categories, from outside to inside ("Valley > Village > Workshop > Tool"); a category has
five groups of twenty names (Part 2.1, appendix A). A pack is linted when it is read: no name is a part of another or of
a category, none ends in s or has a digit, so that a reader always knows where a name ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from synthgen.errors import SynthgenError
from synthgen.task.assets import cached_by_contents, read_lines
from synthgen.task.contract import TaskParams
from synthgen.task.kit.editions import LATEST, Edition

OWN = Path(__file__).with_name("worlds")
CONTEXTS = ("school", "kitchen", "space", "castle", "sport", "zoo")
"""Packs of which no two share a word, for training in some and testing in others."""

PACKS = ("nature", "boxes", *CONTEXTS)
FIRST = {
    "nature": {"Rebec": "Double Bow"},
    "boxes": {
        "Thermostat": "Flasktat",
        "Shark Tooth|Shark Teeth": "Shark Tooth",
        "Domino|Dominoes": "Domino",
        "Table Tennis Bat": "Table Bat",
        "Pretzel Stick": "Salt Stick",
    },
}
"""Entries of packs for which the first edition, which 0.1.0 had, has others."""

CHAINS, CATEGORIES, GROUPS, NAMES = 4, 4, 5, 20
"""Chains of a world, categories of a chain, groups of a category, names of a group."""


class WorldSizes(NamedTuple):
    """How many chains, groups of a category and names of a group problems draw from; letters before longer names."""

    chains: int
    groups: int
    names: int
    letters: int


class Sizes(TaskParams):
    """How much of a world is used, from its beginning; by default all. Small worlds can be enumerated."""

    chains: int = Field(CHAINS, ge=1, le=CHAINS)
    groups: int = Field(GROUPS, ge=1, le=GROUPS, description="groups of each category")
    names: int = Field(NAMES, ge=1, le=NAMES, description="names of each group")
    letters: int = Field(52, ge=1, le=52, description="letters for variables, before names of two letters")

    def numbers(self) -> WorldSizes:
        """Return all four, as kernels take them."""
        return WorldSizes(self.chains, self.groups, self.names, self.letters)


@dataclass(frozen=True)
class World:
    """Names and categories with their plurals. Name k of group g of category c of chain h is names[h][c][g][k]."""

    categories: tuple[tuple[tuple[str, str], ...], ...]  # [chain][category] = (singular, plural)
    names: tuple[tuple[tuple[tuple[tuple[str, str], ...], ...], ...], ...]  # [chain][category][group][name]

    def flat(self) -> list[tuple[str, str]]:
        """Return all names, in order of chain, category, group and name."""
        return [name for chain in self.names for category in chain for group in category for name in group]


def words(world: World) -> set[str]:
    """Return the words of a world's names and categories, singular and plural, in small letters.

    >>> words(read_world("school")) & words(read_world("zoo"))
    set()
    """
    entries = [*world.flat(), *(category for chain in world.categories for category in chain)]
    return {word.lower() for forms in entries for form in forms for word in form.split(" ")}


def plural(name: str) -> str:
    """Return the usual plural of an English noun.

    >>> plural("Pantry"), plural("Tray"), plural("Lunch Box"), plural("Oak")
    ('Pantries', 'Trays', 'Lunch Boxes', 'Oaks')
    """
    if re.search(r"[^aeiou]y$", name):
        return name[:-1] + "ies"
    return name + ("es" if re.search(r"(ch|sh|x|z)$", name) else "s")


def read_world(pack: str | Path, edition: Edition = LATEST) -> World:
    """Return a pack by name, in an edition, or from a file. Raises SynthgenError that names the file and the entry."""
    return _read_pack(OWN / f"{pack}.txt" if pack in PACKS else Path(pack), edition)


@cached_by_contents(8)
def _read_pack(path: Path, edition: Edition) -> World:
    categories: list[tuple[str, list[list[str]]]] = []
    first = FIRST.get(path.stem, {}) if edition == 1 and path.parent == OWN else {}
    for number, line in enumerate(read_lines(path), 1):
        if line.startswith("= "):
            categories.append((line[2:].strip(), []))
        elif line.strip() and not line.startswith("#"):
            if not categories:
                raise SynthgenError(f"{path}: line {number}: a category, '= NAME', must come first")
            names = (name.strip() for name in line.split(","))
            categories[-1][1].append([first.get(name, name) for name in names])
    if len(categories) != CHAINS * CATEGORIES:
        raise SynthgenError(f"{path}: {len(categories)} categories; a world has {CHAINS} chains of {CATEGORIES}")
    for category, groups in categories:
        if [len(group) for group in groups] != [NAMES] * GROUPS:
            raise SynthgenError(f"{path}: {category!r} needs {GROUPS} lines of {NAMES} names, apart by commas")
    entries = [entry for category, groups in categories for group in [[category], *groups] for entry in group]
    forms = {entry: _forms(entry) for entry in entries}
    _lint(path, [forms[entry][0] for entry in entries])
    chains = [categories[first : first + CATEGORIES] for first in range(0, len(categories), CATEGORIES)]
    return World(
        tuple(tuple(forms[category] for category, _ in chain) for chain in chains),
        tuple(
            tuple(tuple(tuple(forms[n] for n in group) for group in groups) for _, groups in chain) for chain in chains
        ),
    )


def _forms(entry: str) -> tuple[str, str]:
    """Return (singular, plural) of an entry NAME or NAME|PLURAL."""
    name, _, irregular = entry.partition("|")
    return name, irregular or plural(name)


def _lint(path: Path, names: list[str]) -> None:
    for name in names:
        if not re.fullmatch(r"[A-Z][A-Za-z]*( [A-Z][A-Za-z]*)*", name) or name.endswith("s"):
            raise SynthgenError(f"{path}: {name!r}: a name is capitalised words without digits, not ending in s")
    together = "\n".join(names)
    for name in names:
        if together.count(name) > 1:
            other = next((n for n in names if name in n and n != name), name)
            raise SynthgenError(f"{path}: {name!r} is a part of {other!r}, or stands there twice")
