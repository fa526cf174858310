"""Documents: the kernel that words a biography, six sentences from six facts."""

from __future__ import annotations

from typing import NamedTuple

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

SPAN_KINDS = ("name", *ATTRIBUTES)
"""The kinds of spans: kind 0 is a mention of the name, kind 1 + a the value of attribute a."""

CODES_PER_NAME, CODES_PER_VALUE = 5, 4

SLOT = 1 << 30
"""A code of a sentence that stands for what a row says of a field is SLOT + field."""

CITY_SLOT = FIELDS
"""The company city, which is no field of a person."""

NAME_SLOTS = (FIRST, MIDDLE, LAST)
VALUE_SLOTS = ((DAY, YEAR), (BIRTH_CITY,), (UNIVERSITY,), (MAJOR,), (EMPLOYER,), (CITY_SLOT,))
"""The fields that a sentence says of an attribute; a day's phrase has its month."""


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


class Wording(NamedTuple):
    """What the kernel words a plan with; form f of a sentence (see `Sentences`) is forms[starts[f] : starts[f + 1]]."""

    phrases: np.ndarray  # `value_phrases`
    space: int  # the phrase between two sentences
    forms: np.ndarray  # (total,) int32: codes, brackets of spans among them, and slots
    starts: np.ndarray  # (forms + 1,) int64
    first: np.ndarray  # from here on: `Sentences`
    counts: np.ndarray
    pronouns: int

    @classmethod
    def of(cls, phrases: np.ndarray, space: int, sentences: Sentences) -> Wording:
        """Return the codes of all sentences."""
        forms: list[int] = []
        starts = [0]
        templates = np.repeat(np.arange(N_ATTRIBUTES), sentences.counts * sentences.pronouns * REFERENCES)
        for form, attribute in enumerate([*templates.tolist(), 0]):  # the last one, which closes, states no value
            for piece in sentences.pieces[sentences.starts[form] : sentences.starts[form + 1]].tolist():
                if piece in (NAME, VALUE):
                    kind, fields = (0, NAME_SLOTS) if piece == NAME else (1 + attribute, VALUE_SLOTS[attribute])
                    forms += [opening(kind), *(SLOT + field for field in fields), closing(kind)]
                else:
                    forms.append(piece)
            starts.append(len(forms))
        ends = np.array(starts, np.int64)
        return cls(
            phrases, space, np.array(forms, np.int32), ends, sentences.first, sentences.counts, sentences.pronouns
        )


@kernel
def write_documents(state, start, stop, world, group, changes, stages, style, wording, codes, ends, plans):
    """Word the rows [start, stop): write codes, the rows' ends (rows,) and their plans."""
    # Out of the tuples before the loop: numba counts a reference to every array that is taken out of one.
    phrases, space, forms, starts, first, counts, pronouns = wording
    templates, order, name_at, full_name = plans.templates, plans.order, style.name_at, style.full_name
    homes, days = world.homes, world.sizes[DAY]
    fields = np.empty(FIELDS, np.int64)
    slots = np.empty(FIELDS + 1, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        draw_plan(state, world, group, changes, stages, style, counts, row, i, fields, plans)
        for field in range(FIELDS):
            slots[field] = phrases[field] + fields[field]
        slots[DAY] += fields[MONTH] * days
        slots[CITY_SLOT] = phrases[CITY_SLOT] + homes[fields[EMPLOYER]]
        for place in range(N_ATTRIBUTES + (name_at == N_ATTRIBUTES)):
            if place > 0:
                codes[at] = space
                at += 1
            form = starts.size - 2
            if place < N_ATTRIBUTES:
                attribute = order[i, place]
                template = first[attribute] + templates[i, attribute]
                reference = BY_PRONOUN if place > 0 else BY_PERSON
                if place == name_at or full_name:
                    reference = BY_NAME
                form = (template * pronouns + fields[PRONOUN]) * REFERENCES + reference
            for p in range(starts[form], starts[form + 1]):
                code = forms[p]
                filled = code >= SLOT  # looked up in any case: a branch here would be foreseen wrongly
                slot = slots[(code - SLOT) * filled]
                codes[at] = slot if filled else code
                at += 1
        ends[i] = at


@register_jitable(forceinline=True)
def write_name(codes, at, fields, phrases):
    """Write the codes of a person's full name, with its span; return the new end."""
    codes[at] = opening(0)
    codes[at + 1] = phrases[FIRST] + fields[FIRST]
    codes[at + 2] = phrases[MIDDLE] + fields[MIDDLE]
    codes[at + 3] = phrases[LAST] + fields[LAST]
    codes[at + 4] = closing(0)
    return at + CODES_PER_NAME


@register_jitable(forceinline=True)
def write_value(codes, at, attribute, fields, world, phrases):
    """Write the codes of a person's value of an attribute, with its span; return the new end."""
    codes[at] = opening(1 + attribute)
    at += 1
    if attribute == 0:
        codes[at] = phrases[DAY] + fields[MONTH] * world.sizes[DAY] + fields[DAY]
        codes[at + 1] = phrases[YEAR] + fields[YEAR]
        at += 2
    elif attribute == CITY:
        codes[at] = phrases[FIELDS] + world.homes[fields[EMPLOYER]]
        at += 1
    else:
        codes[at] = phrases[YEAR + attribute] + fields[YEAR + attribute]
        at += 1
    codes[at] = closing(1 + attribute)
    return at + 1
