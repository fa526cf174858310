"""The world: who person p is. Names without replacement, independent uniform attributes; all computed, none stored.

Person p has the same name and the same facts in every spec of one world, whatever the number of people: facts are
drawn at the address (world, "people", p), names are the keyed permutation of all full names at (world, "names").
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.bijection import permuted
from synthgen.exact.draw import Keys, begin, below
from synthgen.tasks.bios.world.lists import Lists

FIRST, MIDDLE, LAST, MONTH, DAY, YEAR, BIRTH_CITY, UNIVERSITY, MAJOR, EMPLOYER, PRONOUN, FIELDS = range(12)
"""The fields of a person, as `draw_person` writes them."""

SUBJECT, ENTRY, FACTS = range(3)
"""The columns of a row's facts: the person's number, the entry's, and from FACTS on the person's fields."""


class World(NamedTuple):
    """What kernels know of a world."""

    names: np.ndarray  # the key of the names
    people: np.ndarray  # the key of all other fields
    sizes: np.ndarray  # (FIELDS,) int64: how many values a field can take
    homes: np.ndarray  # (employers,) int64: the company city of each

    @classmethod
    def of(cls, keys: Keys, lists: Lists, pronouns: int) -> World:
        """Return the world of some keys and lists."""
        homes = np.array(lists.company_city, np.int64)
        return cls(keys.world("names"), keys.world("people"), field_sizes(lists, pronouns), homes)


class Group(NamedTuple):
    """The people that rows are about: `number` of the world's, from person `first` on."""

    first: int
    number: int


def field_sizes(lists: Lists, pronouns: int) -> np.ndarray:
    """Return how many values each field can take, (FIELDS,) int64."""
    names = (len(lists.first_names), len(lists.middle_names), len(lists.last_names))
    values = (len(lists.birth_city), len(lists.university), len(lists.major), len(lists.employer))
    return np.array([*names, *lists.dates, *values, pronouns], np.int64)


@register_jitable(forceinline=True)  # else numba counts references to the arrays of the tuples, at every call
def draw_subject(state, world, group, order_key, row, fields, facts):
    """Draw who a document row is about: fill `fields` and the row's `facts`; return (person, entry)."""
    place, entry = person_at(state, order_key, group.number, row)
    person = group.first + place
    draw_person(state, world.names, world.people, person, world.sizes, fields)
    write_subject(person, entry, fields, facts)
    return person, entry


@register_jitable(forceinline=True)
def write_subject(person, entry, fields, facts):
    """Write who a document row is about to the row's `facts`."""
    facts[SUBJECT] = person
    facts[ENTRY] = entry
    for field in range(FIELDS):
        facts[FACTS + field] = fields[field]


@register_jitable
def draw_person(state, names_key, people_key, person, sizes, out):
    """Write the fields of `person` to `out`; `sizes` is `field_sizes`."""
    draw_name(state, names_key, person, sizes, out)
    begin(state, people_key, person, 0)
    for field in range(MONTH, FIELDS):
        out[field] = below(state, sizes[field])


@register_jitable
def draw_name(state, names_key, person, sizes, out):
    """Write the three parts of a person's name to `out`: no two people have the same."""
    name = permuted(state, names_key, 0, sizes[FIRST] * sizes[MIDDLE] * sizes[LAST], person)
    out[LAST] = name % sizes[LAST]
    name //= sizes[LAST]
    out[MIDDLE] = name % sizes[MIDDLE]
    out[FIRST] = name // sizes[MIDDLE]


@register_jitable
def person_at(state, order_key, people, row):
    """Return (person, entry) of a document row.

    Entry e of all people comes before entry e + 1. Within an entry the two halves of the people follow each other,
    each in keyed order, so entries of one person lie more than half the people apart.
    """
    entry, place = row // people, row % people
    half = (people + 1) // 2
    if place < half:
        return permuted(state, order_key, 2 * entry, half, place), entry
    return half + permuted(state, order_key, 2 * entry + 1, people - half, place - half), entry
