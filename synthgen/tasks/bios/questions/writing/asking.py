"""Asking: the kernel that draws questions and words them, prompts and completions, by compiled programs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.bijection import permuted
from synthgen.exact.draw import Keys, begin, below, weighted
from synthgen.exact.jit import kernel
from synthgen.tasks.bios.questions.forms import LATER, MINUS, MODULO, STATED
from synthgen.tasks.bios.questions.writing.programs import (
    FIELD,
    MODULUS,
    N_SLOTS,
    NO,
    PAIR,
    REFERENCE,
    RESULT,
    RULE,
    YES,
    ZERO,
)
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
    UNIVERSITY,
    YEAR,
    draw_person,
)

FORM, PERSON, OTHER, WORDING, HINTED, ROW_FIELDS = range(6)
"""The columns of a row: numbers of its form, person, other person (-1: nobody) and wording, and if a hint is wanted."""

FORM_BOOK, PERSON_BOOK, WORDING_BOOK, HINT_BOOK = range(4)

DRAWN, EACH = range(2)
LAWS = {"drawn": DRAWN, "each": EACH}
"""Person and form drawn anew for each row, or everybody asked every form once, in keyed order."""


class Stages(NamedTuple):
    """The keys of what is drawn for a question."""

    ranks: np.ndarray  # the ranks of majors, of the world
    questions: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, keys: Keys) -> Stages:
        """Return the keys of a world and a split."""
        return cls(keys.world("ranks"), keys.split("questions"), keys.split("question-order"))


class Law(NamedTuple):
    """What is asked how often."""

    kind: int  # one of LAWS
    ranked: bool  # whether majors are ranked by the key, else as they are listed
    forms: np.ndarray  # (forms,) int64: running weights
    hint: np.ndarray  # (2,) int64: running weights of no hint, and of one


class Asked(NamedTuple):
    """What `write_questions` fills: prompts and completions by turns, and what they are about."""

    codes: np.ndarray  # int32
    ends: np.ndarray  # (2 rows,) int64: of each prompt, then of its completion
    rows: np.ndarray  # (rows, ROW_FIELDS) int64
    units: np.ndarray  # (rows, 4) int64: ledger units by book

    @classmethod
    def new(cls, rows: int, longest: int) -> Asked:
        """Return room for some rows of at most `longest` codes."""
        units, columns = np.empty((rows, 4), np.int64), np.empty((rows, ROW_FIELDS), np.int64)
        return cls(np.empty(rows * longest, np.int32), np.empty(2 * rows, np.int64), columns, units)


@kernel
def write_questions(state, start, stop, world, group, stages, law, programs, out):
    """Word the rows [start, stop) about the people of `group`; return the number of codes."""
    # Out of the tuples before the loop: numba counts a reference to every array that is taken out of one.
    slots, results, pieces, starts, rules, wordings = programs
    codes, ends, rows, units = out
    names, people, sizes, _ = world
    forms = len(rules)
    fields = np.empty(FIELDS, np.int64)
    words = np.zeros(2 * N_SLOTS + 1, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        if law.kind == DRAWN:
            begin(state, stages.questions, row, 0)
            form = weighted(state, law.forms)
            units[i, FORM_BOOK] = state.ledger
            person = below(state, group.number)
        else:
            place = permuted(state, stages.order, 0, group.number * forms, row)
            begin(state, stages.questions, place, 1)
            form, person = place % forms, place // forms
            units[i, FORM_BOOK] = 0
        other = -1
        if rules[form, PAIR]:
            other = below(state, group.number - 1)
            other += other >= person
            other += group.first
        person += group.first
        paid = units[i, FORM_BOOK]
        units[i, PERSON_BOOK] = state.ledger - paid
        paid = state.ledger
        wording = below(state, wordings)
        units[i, WORDING_BOOK] = state.ledger - paid
        paid = state.ledger
        hinted = weighted(state, law.hint)
        units[i, HINT_BOOK] = state.ledger - paid
        rows[i, FORM] = form
        rows[i, PERSON] = person
        rows[i, OTHER] = other
        rows[i, WORDING] = wording
        rows[i, HINTED] = hinted

        rule, field, modulus = rules[form, RULE], rules[form, FIELD], rules[form, MODULUS]
        numbers = (0, 0)
        for p in range(2 if rules[form, PAIR] else 1):
            draw_person(state, names, people, person if p == 0 else other, sizes, fields)
            find_words(fields, world, slots, words, p * N_SLOTS)
            if rule != STATED:
                value = fields[field]
                if field != MAJOR:
                    value += 1  # months and days are numbered from 1
                elif law.ranked:
                    value = permuted(state, stages.ranks, 0, sizes[MAJOR], value)
                numbers = (value, 0) if p == 0 else (numbers[0], value)
        if rule == MODULO:
            if field == MONTH and modulus == 2:
                words[RESULT] = results[NO if numbers[0] % 2 else YES]
            elif field == MONTH and modulus == 12:
                words[RESULT] = results[ZERO] + numbers[0]
            else:
                words[RESULT] = results[ZERO] + numbers[0] % modulus
        elif rule == LATER:
            words[RESULT] = results[YES if numbers[0] > numbers[1] else NO]
        elif rule == MINUS:
            words[RESULT] = results[ZERO] + numbers[0] - numbers[1]

        for part in range(2):
            if part == 0:
                program = (form * wordings + wording) * 2 + hinted
            else:
                program = forms * wordings * 2 + form * 2 + hinted
            for p in range(starts[program], starts[program + 1]):
                piece = pieces[p]
                codes[at] = piece if piece > REFERENCE else words[REFERENCE - piece]
                at += 1
            ends[2 * i + part] = at
    return at


@register_jitable(forceinline=True)
def find_words(fields, world, first, words, base):
    """Write the words of a person to words[base : base + N_SLOTS]; first: the phrase of a slot's value 0."""
    day = fields[MONTH] * world.sizes[DAY] + fields[DAY]
    values = (
        *(fields[FIRST], fields[MIDDLE], fields[LAST], fields[FIRST], day, fields[YEAR]),
        *(fields[BIRTH_CITY], fields[UNIVERSITY], fields[MAJOR], fields[EMPLOYER], world.homes[fields[EMPLOYER]]),
        *(fields[MONTH], fields[DAY], day * world.sizes[YEAR] + fields[YEAR]),
    )  # in the order of SLOTS
    for slot in range(N_SLOTS):
        words[base + slot] = first[slot] + values[slot]
