"""Documents: the kernel that words a biography, six sentences from six facts."""

from __future__ import annotations

import numpy as np

from synthgen.draw import begin, below, shuffle
from synthgen.jit import kernel
from synthgen.phrases import PhraseTable, closing, opening
from synthgen.tasks.bios.lists import ATTRIBUTES, FIRST_YEAR, MONTHS, Lists
from synthgen.tasks.bios.people import (
    BIRTH_CITY,
    DAY,
    EMPLOYER,
    FIELDS,
    FIRST,
    LAST,
    MAJOR,
    MIDDLE,
    MONTH,
    PRONOUN,
    UNIVERSITY,
    YEAR,
    draw_person,
    person_at,
)
from synthgen.tasks.bios.sentences import BY_NAME, BY_PRONOUN, NAME, VALUE, Sentences

N_ATTRIBUTES = len(ATTRIBUTES)
CITY = ATTRIBUTES.index("company_city")
KINDS = ("name", *ATTRIBUTES)
"""The kinds of spans: kind 0 is a mention of the name, kind 1 + a the value of attribute a."""

CODES_PER_NAME, CODES_PER_VALUE = 5, 4


def value_phrases(lists: Lists, table: PhraseTable) -> np.ndarray:
    """Add every name and value to `table`; return the first phrase number of each field, (FIELDS + 1,) int64.

    The phrase of a field's value v is first[field] + v. First and middle names carry the space behind them, day and
    month are one phrase, and the last entry is the company cities'.
    """
    months, days, years = lists.dates
    phrases = {
        FIRST: [f"{name} " for name in lists.first_names],
        MIDDLE: [f"{name} " for name in lists.middle_names],
        LAST: lists.last_names,
        DAY: [f"{MONTHS[month]} {day + 1}, " for month in range(months) for day in range(days)],
        YEAR: [str(FIRST_YEAR + year) for year in range(years)],
        BIRTH_CITY: lists.birth_city,
        UNIVERSITY: lists.university,
        MAJOR: lists.major,
        EMPLOYER: lists.employer,
        FIELDS: lists.cities,
    }
    first = np.zeros(FIELDS + 1, np.int64)
    for field, own in phrases.items():
        first[field] = table.extend(own)
    return first


def codes_per_row(sentences: Sentences) -> int:
    """Return a bound on the codes that a row emits."""
    return N_ATTRIBUTES * (sentences.longest + CODES_PER_NAME + CODES_PER_VALUE + 1)


@kernel
def write_documents(
    state, keys, start, stop, people, sizes, homes, phrases, space, sentences, options, codes, ends, facts, plans, units
):
    """Word the rows [start, stop).

    keys: (5, 2) of the stages names, people, rows, wording, order; homes: the company city of each employer; phrases:
    `value_phrases`; options: (sentences anew for each entry, order 0 fixed / 1 by entry / 2 by person, full names).
    Writes codes and the rows' ends, facts (rows, FIELDS + 2: person, entry, fields), plans (rows, 12: templates by
    attribute, then the order) and units (rows, 2: wording, order).
    """
    pieces, piece_starts, first_template, counts, pronouns = sentences
    anew, ordering, full_name = options
    person_fields = np.empty(FIELDS, np.int64)
    order = np.empty(N_ATTRIBUTES, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        person, entry = person_at(state, keys[2], people, row)
        draw_person(state, keys[0], keys[1], person, sizes, person_fields)
        facts[i, 0] = person
        facts[i, 1] = entry
        for field in range(FIELDS):
            facts[i, 2 + field] = person_fields[field]

        begin(state, keys[3], person, entry if anew else 0)
        for attribute in range(N_ATTRIBUTES):
            plans[i, attribute] = below(state, counts[attribute])
            order[attribute] = attribute
        units[i, 0] = state.ledger if anew or entry == 0 else 0  # sentences chosen once are paid for once
        units[i, 1] = 0
        if ordering > 0:
            begin(state, keys[4], person, entry if ordering == 1 else 0)
            shuffle(state, order, N_ATTRIBUTES)
            units[i, 1] = state.ledger if ordering == 1 or entry == 0 else 0

        for place in range(N_ATTRIBUTES):
            attribute = order[place]
            plans[i, N_ATTRIBUTES + place] = attribute
            if place > 0:
                codes[at] = space
                at += 1
            template = first_template[attribute] + plans[i, attribute]
            reference = BY_NAME if place == 0 or full_name else BY_PRONOUN
            form = (template * pronouns + person_fields[PRONOUN]) * 2 + reference
            for p in range(piece_starts[form], piece_starts[form + 1]):
                piece = pieces[p]
                if piece == NAME:
                    codes[at] = opening(0)
                    codes[at + 1] = phrases[FIRST] + person_fields[FIRST]
                    codes[at + 2] = phrases[MIDDLE] + person_fields[MIDDLE]
                    codes[at + 3] = phrases[LAST] + person_fields[LAST]
                    codes[at + 4] = closing(0)
                    at += CODES_PER_NAME
                elif piece == VALUE:
                    codes[at] = opening(1 + attribute)
                    at += 1
                    if attribute == 0:
                        codes[at] = phrases[DAY] + person_fields[MONTH] * sizes[DAY] + person_fields[DAY]
                        codes[at + 1] = phrases[YEAR] + person_fields[YEAR]
                        at += 2
                    elif attribute == CITY:
                        codes[at] = phrases[FIELDS] + homes[person_fields[EMPLOYER]]
                        at += 1
                    else:
                        codes[at] = phrases[YEAR + attribute] + person_fields[YEAR + attribute]
                        at += 1
                    codes[at] = closing(1 + attribute)
                    at += 1
                else:
                    codes[at] = piece
                    at += 1
        ends[i] = at
