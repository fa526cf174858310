"""Plans: who a row is about, which sentences it has and in which order. What text and compact tokens share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import Keys, begin, below, shuffle
from synthgen.tasks.bios.world.lists import ATTRIBUTES
from synthgen.tasks.bios.world.writing.people import FACTS, FIELDS, draw_subject

N_ATTRIBUTES, PAIRS = len(ATTRIBUTES), 3
EMPLOYER_PLACE, CITY = ATTRIBUTES.index("employer"), ATTRIBUTES.index("company_city")

FIXED, BY_ENTRY, ONCE, COUPLE = range(4)
ORDERS = {"fixed": FIXED, "entry": BY_ENTRY, "person": ONCE, "couple": COUPLE}
"""Sentence orders: canonical, drawn for each entry, drawn once a person, or three fixed pairs drawn for each entry."""


WORDING, ORDER = range(2)
"""The books of a document."""


class Stages(NamedTuple):
    """The keys of what is drawn for a document."""

    rows: np.ndarray  # who a row is about
    wording: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, keys: Keys) -> Stages:
        """Return the keys of a split."""
        return cls(keys.split("rows"), keys.split("wording"), keys.split("order"))


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

    @classmethod
    def new(cls, rows: int) -> Plans:
        """Return room for the plans of some rows."""
        templates, order = (np.empty((rows, N_ATTRIBUTES), np.int64) for _ in range(2))
        return cls(np.empty((rows, FACTS + FIELDS), np.int64), templates, order, np.empty((rows, 2), np.int64))


@register_jitable(forceinline=True)
def draw_plan(state, world, group, stages, style, counts, row, i, fields, plans):
    """Draw the plan of a document row and write it to row i of `plans`; counts: templates by attribute."""
    person, entry = draw_subject(state, world, group, stages.rows, row, fields, plans.facts[i])

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
