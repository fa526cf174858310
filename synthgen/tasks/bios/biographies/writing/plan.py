"""Plans: who a row is about, which sentences it has and in which order. What text and compact tokens share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.bijection import permuted
from synthgen.exact.draw import Keys, begin, below, shuffle
from synthgen.tasks.bios.world.lists import ATTRIBUTES
from synthgen.tasks.bios.world.writing.changes import change_person
from synthgen.tasks.bios.world.writing.people import FACTS, FIELDS, draw_person, person_at, write_subject

N_ATTRIBUTES, PAIRS = len(ATTRIBUTES), 3
EMPLOYER_PLACE, CITY = ATTRIBUTES.index("employer"), ATTRIBUTES.index("company_city")

FIXED, BY_ENTRY, ONCE, COUPLE = range(4)
ORDERS = {"fixed": FIXED, "entry": BY_ENTRY, "person": ONCE, "couple": COUPLE}
"""Sentence orders: canonical, drawn for each entry, drawn once a person, or three fixed pairs drawn for each entry."""


WORDING, ORDER = range(2)
"""The books of a document."""


ALIKE = np.zeros(0, np.int64)
"""What `Stages.further` is where all people have as many entries."""


class Stages(NamedTuple):
    """The keys of what is drawn for a document."""

    rows: np.ndarray  # who a row is about
    wording: np.ndarray
    order: np.ndarray
    further: np.ndarray  # (people,) int64: running numbers of everybody's entries beyond the first; `ALIKE`

    @classmethod
    def of(cls, keys: Keys, further: np.ndarray = ALIKE, suffix: str = "") -> Stages:
        """Return the keys of a split; `suffix`: of stages whose draws are others than those of all other specs."""
        rows, wording, order = (keys.split(stage + suffix) for stage in ("rows", "wording", "order"))
        return cls(rows, wording, order, further)


class Style(NamedTuple):
    """A variant of the biographies, as kernels know it: whole numbers."""

    anew: int  # whether each entry draws its sentences, or only a person's first
    order: int  # one of ORDERS
    city_first: int  # whether the canonical order has the company city before the employer
    name_at: int  # the sentence that has the name; N_ATTRIBUTES: one behind all
    full_name: int  # whether every sentence has the full name


class Plans(NamedTuple):
    """Plans by row, as `draw_plan` writes them."""

    facts: np.ndarray  # (rows, FACTS + FIELDS) int64: see `draw_subject`
    templates: np.ndarray  # (rows, N_ATTRIBUTES) int64: which of an attribute's, by attribute
    order: np.ndarray  # (rows, N_ATTRIBUTES) int64: the attribute at each place
    units: np.ndarray  # (rows, 2) int64: ledger units of WORDING and ORDER
    times: np.ndarray  # (rows, 2, FIELDS) int64: the person's fields before the change and after; no rows without one

    @classmethod
    def new(cls, rows: int, changing: bool = False) -> Plans:
        """Return room for the plans of some rows."""
        templates, order = (np.empty((rows, N_ATTRIBUTES), np.int64) for _ in range(2))
        facts, units = np.empty((rows, FACTS + FIELDS), np.int64), np.empty((rows, 2), np.int64)
        return cls(facts, templates, order, units, np.empty((rows if changing else 0, 2, FIELDS), np.int64))


@register_jitable
def subject_at(state, order_key, further, people, row):
    """Return (person, entry) of a document row, the person from 0.

    Where people have other numbers of entries: everybody's first entry as ever, then all others in one keyed order.
    """
    if further.size == 0 or row < people:
        return person_at(state, order_key, people, row)
    slot = permuted(state, order_key, 2, further[-1], row - people)
    person = np.searchsorted(further, slot, side="right")
    return person, 1 + slot - (further[person - 1] if person else 0)


@register_jitable(forceinline=True)
def draw_plan(state, world, group, changes, stages, style, counts, row, i, fields, plans):
    """Draw the plan of a document row and write it to row i of `plans`; counts: templates by attribute."""
    place, entry = subject_at(state, stages.rows, stages.further, group.number, row)
    person = group.first + place
    draw_person(state, world.names, world.people, person, world.sizes, fields)
    if changes.fields.size:
        plans.times[i, 0] = fields
        change_person(state, changes, group.number, place, person, world.sizes, fields)
        plans.times[i, 1] = fields
        if not changes.after:
            fields[:] = plans.times[i, 0]
    write_subject(person, entry, fields, plans.facts[i])

    begin(state, stages.wording, person, entry if style.anew else 0)
    for attribute in range(N_ATTRIBUTES):
        plans.templates[i, attribute] = below(state, counts[attribute])
    # Sentences chosen once are paid for once.
    plans.units[i, WORDING] = state.ledger if style.anew or entry == 0 else 0

    order = plans.order[i]
    for attribute in range(N_ATTRIBUTES):
        order[attribute] = attribute
    if style.city_first:
        order[EMPLOYER_PLACE], order[CITY] = CITY, EMPLOYER_PLACE
    plans.units[i, ORDER] = 0
    if style.order != FIXED:
        begin(state, stages.order, person, 0 if style.order == ONCE else entry)
        if style.order == COUPLE:
            shuffle_pairs(state, order)
        else:
            shuffle(state, order, N_ATTRIBUTES)
        plans.units[i, ORDER] = state.ledger if style.order != ONCE or entry == 0 else 0


@register_jitable
def shuffle_pairs(state, order):
    """Permute the three pairs (date, birth city), (university, major), (employer, its city) (Part 3.1's couple)."""
    for pair in range(PAIRS - 1, 0, -1):
        other = below(state, pair + 1)
        for k in range(2):
            order[2 * pair + k], order[2 * other + k] = order[2 * other + k], order[2 * pair + k]
