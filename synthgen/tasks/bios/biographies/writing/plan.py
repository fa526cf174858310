"""Plans: who a row is about, which sentences it has and in which order. What text and compact tokens share."""

from __future__ import annotations

from numba.extending import register_jitable

from synthgen.exact.draw import begin, below, shuffle
from synthgen.tasks.bios.world.lists import ATTRIBUTES
from synthgen.tasks.bios.world.writing.people import FIELDS, draw_person, person_at

N_ATTRIBUTES, PAIRS = len(ATTRIBUTES), 3
EMPLOYER_PLACE, CITY = ATTRIBUTES.index("employer"), ATTRIBUTES.index("company_city")

FIXED, BY_ENTRY, ONCE, COUPLE = range(4)
ORDERS = {"fixed": FIXED, "entry": BY_ENTRY, "person": ONCE, "couple": COUPLE}
"""Sentence orders: canonical, drawn for each entry, drawn once a person, or three fixed pairs drawn for each entry."""


def style_numbers(sentences: str, order: str, city_first: bool, name_at: int, full_name: bool) -> tuple[int, ...]:
    """Return what a kernel needs to know of a variant: (anew, order, city first, name's sentence, full names)."""
    return int(sentences == "entry"), ORDERS[order], int(city_first), name_at, int(full_name)


@register_jitable
def draw_plan(state, keys, row, first_person, people, sizes, counts, style, fields, facts, plans, units, i):
    """Draw the plan of a document row and write it to row i of `facts`, `plans` and `units`.

    keys: (5, 2) of the stages names, people, rows, wording, order; counts: templates by attribute; facts: person, entry
    and fields; plans: templates by attribute, then the order; units: wording, order.
    """
    anew, ordering, city_first = style[0], style[1], style[2]
    place, entry = person_at(state, keys[2], people, row)
    person = first_person + place
    draw_person(state, keys[0], keys[1], person, sizes, fields)
    facts[i, 0] = person
    facts[i, 1] = entry
    for field in range(FIELDS):
        facts[i, 2 + field] = fields[field]

    begin(state, keys[3], person, entry if anew else 0)
    for attribute in range(N_ATTRIBUTES):
        plans[i, attribute] = below(state, counts[attribute])
    units[i, 0] = state.ledger if anew or entry == 0 else 0  # sentences chosen once are paid for once

    order = plans[i, N_ATTRIBUTES:]
    for attribute in range(N_ATTRIBUTES):
        order[attribute] = attribute
    if city_first:
        order[EMPLOYER_PLACE], order[CITY] = CITY, EMPLOYER_PLACE
    units[i, 1] = 0
    if ordering != FIXED:
        begin(state, keys[4], person, 0 if ordering == ONCE else entry)
        if ordering == COUPLE:
            shuffle_pairs(state, order)
        else:
            shuffle(state, order, N_ATTRIBUTES)
        units[i, 1] = state.ledger if ordering != ONCE or entry == 0 else 0


@register_jitable
def shuffle_pairs(state, order):
    """Permute the three pairs (date, birth city), (university, major), (employer, its city) (Part 3.1's couple)."""
    for pair in range(PAIRS - 1, 0, -1):
        other = below(state, pair + 1)
        for k in range(2):
            order[2 * pair + k], order[2 * other + k] = order[2 * other + k], order[2 * pair + k]
