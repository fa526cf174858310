"""Asking: the kernel that draws questions and words them, prompts and completions, by compiled programs."""

from __future__ import annotations

import numpy as np

from synthgen.exact.bijection import permuted
from synthgen.exact.draw import begin, below, weighted
from synthgen.exact.jit import kernel
from synthgen.tasks.bios.questions.forms import LATER, MINUS, MODULO, STATED
from synthgen.tasks.bios.questions.writing.programs import N_SLOTS, REFERENCE, RESULT
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

ROW_FIELDS = 5
"""What the kernel writes of each row: form, person, the other (or -1), wording, hint."""


@kernel
def write_questions(state, keys, start, stop, people, law, sizes, homes, ranked, cumulative, hint, programs, out):
    """Word the rows [start, stop).

    keys: (5, 2) of the stages names, people, ranks, questions, order; people: (first, number) of those asked about;
    law: 0 draws person and form anew for each row, 1 asks everybody every form once in keyed order; ranked: whether
    majors are ranked by the key; cumulative: running weights of the forms; hint: of (no, yes); programs: (pieces,
    starts, rules, first, results, wordings); out: codes, the ends of prompts and completions, rows (ROW_FIELDS)
    and units (form, person, wording, hint). Returns the number of codes.
    """
    pieces, starts, rules, slots, results, wordings = programs
    codes, ends, asked, units = out
    first, number = people
    forms = len(rules)
    fields = np.empty(FIELDS, np.int64)
    words = np.zeros(2 * N_SLOTS + 1, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        if law == 0:
            begin(state, keys[3], row, 0)
            form = weighted(state, cumulative)
            units[i, 0] = state.ledger
            person = below(state, number)
        else:
            place = permuted(state, keys[4], 0, number * forms, row)
            begin(state, keys[3], place, 1)
            form, person = place % forms, place // forms
            units[i, 0] = 0
        pair, rule, field, modulus = rules[form, 0], rules[form, 1], rules[form, 2], rules[form, 3]
        other = -1
        if pair:
            other = below(state, number - 1)
            other += other >= person
            other += first
        person += first
        units[i, 1] = state.ledger - units[i, 0]
        wording = below(state, wordings)
        units[i, 2] = state.ledger - units[i, 0] - units[i, 1]
        hinted = weighted(state, hint)
        units[i, 3] = state.ledger - units[i, 0] - units[i, 1] - units[i, 2]
        asked[i, 0], asked[i, 1], asked[i, 2], asked[i, 3], asked[i, 4] = form, person, other, wording, hinted

        numbers = (0, 0)
        for p in range(2 if pair else 1):
            draw_person(state, keys[0], keys[1], person if p == 0 else other, sizes, fields)
            base = p * N_SLOTS
            words[base] = slots[0] + fields[FIRST]
            words[base + 1] = slots[1] + fields[MIDDLE]
            words[base + 2] = slots[2] + fields[LAST]
            words[base + 3] = slots[3] + fields[FIRST]
            words[base + 4] = slots[4] + fields[MONTH] * sizes[DAY] + fields[DAY]
            words[base + 5] = slots[5] + fields[YEAR]
            words[base + 6] = slots[6] + fields[BIRTH_CITY]
            words[base + 7] = slots[7] + fields[UNIVERSITY]
            words[base + 8] = slots[8] + fields[MAJOR]
            words[base + 9] = slots[9] + fields[EMPLOYER]
            words[base + 10] = slots[10] + homes[fields[EMPLOYER]]
            words[base + 11] = slots[11] + fields[MONTH]
            words[base + 12] = slots[12] + fields[DAY]
            words[base + 13] = slots[13] + (fields[MONTH] * sizes[DAY] + fields[DAY]) * sizes[YEAR] + fields[YEAR]
            if rule != STATED:
                value = fields[field]
                if field != MAJOR:
                    value += 1  # months and days are numbered from 1
                elif ranked:
                    value = permuted(state, keys[2], 0, sizes[MAJOR], value)
                numbers = (value, 0) if p == 0 else (numbers[0], value)
        if rule == MODULO:
            if field == MONTH and modulus == 2:
                words[RESULT] = results[1 - numbers[0] % 2]
            elif field == MONTH and modulus == 12:
                words[RESULT] = results[2] + numbers[0]
            else:
                words[RESULT] = results[2] + numbers[0] % modulus
        elif rule == LATER:
            words[RESULT] = results[1 if numbers[0] > numbers[1] else 0]
        elif rule == MINUS:
            words[RESULT] = results[2] + numbers[0] - numbers[1]

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
