"""Documents: the kernel that words a biography, six sentences from six facts."""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.jit import kernel
from synthgen.task.phrases import PhraseTable, closing, opening
from synthgen.tasks.bios.biographies.writing.plan import CITY, N_ATTRIBUTES, draw_plan
from synthgen.tasks.bios.biographies.writing.sentences import (
    BY_NAME,
    BY_PERSON,
    BY_PRONOUN,
    NAME,
    REFERENCES,
    VALUE,
    Sentences,
)
from synthgen.tasks.bios.world.lists import ATTRIBUTES, FIRST_YEAR, MONTHS, Lists
from synthgen.tasks.bios.world.writing.people import (
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
)

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
    for field, texts in phrases.items():
        first[field] = table.extend(texts)
    return first


def codes_per_row(sentences: Sentences) -> int:
    """Return a bound on the codes that a row emits."""
    return (N_ATTRIBUTES + 1) * (sentences.longest + CODES_PER_NAME + CODES_PER_VALUE + 1)


@kernel
def write_documents(
    state,
    keys,
    start,
    stop,
    first_person,
    people,
    sizes,
    homes,
    phrases,
    space,
    sentences,
    style,
    codes,
    ends,
    facts,
    plans,
    units,
):
    """Word the rows [start, stop).

    keys: (5, 2) of the stages names, people, rows, wording, order; homes: the company city of each employer; phrases:
    `value_phrases`; style: `style_numbers`. Writes codes and the rows' ends, facts (rows, FIELDS + 2: person, entry,
    fields), plans (rows, 12: templates by attribute, then the order) and units (rows, 2: wording, order).
    """
    pieces, piece_starts, first_template, counts, pronouns = sentences
    name_at, full_name = style[3], style[4]
    fields = np.empty(FIELDS, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        draw_plan(state, keys, row, first_person, people, sizes, counts, style, fields, facts, plans, units, i)
        for place in range(N_ATTRIBUTES + (name_at == N_ATTRIBUTES)):
            if place > 0:
                codes[at] = space
                at += 1
            form = piece_starts.size - 2
            attribute = 0
            if place < N_ATTRIBUTES:
                attribute = plans[i, N_ATTRIBUTES + place]
                template = first_template[attribute] + plans[i, attribute]
                reference = BY_PRONOUN if place > 0 else BY_PERSON
                if place == name_at or full_name:
                    reference = BY_NAME
                form = (template * pronouns + fields[PRONOUN]) * REFERENCES + reference
            for p in range(piece_starts[form], piece_starts[form + 1]):
                piece = pieces[p]
                if piece == NAME:
                    codes[at] = opening(0)
                    codes[at + 1] = phrases[FIRST] + fields[FIRST]
                    codes[at + 2] = phrases[MIDDLE] + fields[MIDDLE]
                    codes[at + 3] = phrases[LAST] + fields[LAST]
                    codes[at + 4] = closing(0)
                    at += CODES_PER_NAME
                elif piece == VALUE:
                    at = write_value(codes, at, attribute, fields, sizes, homes, phrases)
                else:
                    codes[at] = piece
                    at += 1
        ends[i] = at


@register_jitable
def write_value(codes, at, attribute, fields, sizes, homes, phrases):
    """Write the codes of a person's value of an attribute, with its span; return the new end."""
    codes[at] = opening(1 + attribute)
    at += 1
    if attribute == 0:
        codes[at] = phrases[DAY] + fields[MONTH] * sizes[DAY] + fields[DAY]
        codes[at + 1] = phrases[YEAR] + fields[YEAR]
        at += 2
    elif attribute == CITY:
        codes[at] = phrases[FIELDS] + homes[fields[EMPLOYER]]
        at += 1
    else:
        codes[at] = phrases[YEAR + attribute] + fields[YEAR + attribute]
        at += 1
    codes[at] = closing(1 + attribute)
    return at + 1
