"""The world: who person p is. Names without replacement, independent uniform attributes; all computed, none stored.

Person p has the same name and the same facts in every spec of one world, whatever the number of people: facts are
drawn at the address (world, "people", p), names are the keyed permutation of all full names at (world, "names").
"""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.bijection import permuted
from synthgen.exact.draw import begin, below
from synthgen.tasks.bios.world.lists import Lists

FIRST, MIDDLE, LAST, MONTH, DAY, YEAR, BIRTH_CITY, UNIVERSITY, MAJOR, EMPLOYER, PRONOUN, FIELDS = range(12)
"""The fields of a person, as `draw_person` writes them."""


def field_sizes(lists: Lists, pronouns: int) -> np.ndarray:
    """Return how many values each field can take, (FIELDS,) int64."""
    names = (len(lists.first_names), len(lists.middle_names), len(lists.last_names))
    values = (len(lists.birth_city), len(lists.university), len(lists.major), len(lists.employer))
    return np.array([*names, *lists.dates, *values, pronouns], np.int64)


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
