"""The sampler of chains: two chains of definitions in mixed order, and one of them solved step by step.

    a := 7 ; c := b * 3 ; x := 2 ; b := a + 4 ; ? c  define c as BACK ; define a as 7 ; define b as 11 ; ...

In the chain that is asked for each line needs the one before. The other chain is there to be mistaken.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import begin, below, shuffle
from synthgen.exact.jit import kernel
from synthgen.task.kit.retries import draw_wrong
from synthgen.tasks.chain.symbols import ADD, AS, ASK, BACK, DEFINE, FIRST_VALUE, IS, SENTENCE, STOP, SUBTRACT

SIZES, NAMES, VALUES, ORDER, RETRIES = range(5)
STAGES = ("sizes", "names", "values", "order", "retries")

PERFECT, WEAK, MISS = range(3)
MISTAKE_KINDS = ("perfect", "weak", "miss")

STEPS, OTHERS, TAKEN_BACK, ANSWER, PROMPT, N_FIGURES = range(6)
"""The columns of a row's figures: lines of the chain asked for and of the other, retries, answer, prompt's tokens."""


class Layout(NamedTuple):
    """The settings that the kernel needs, all whole numbers."""

    least: int  # lines of the chain that is asked for, from and to
    most: int
    fewest: int  # lines of the other chain, from and to
    greatest: int
    modulus: int
    names: int
    kind: int
    next_counts: int


@register_jitable
def _candidates(layout, step, steps, lines, pool):
    """Fill the pool with the lines that are mistakes before a step; return how many. The other chain's come last."""
    size = 0
    first = step if layout.kind == MISS or (layout.kind == WEAK and layout.next_counts) else step + 1
    for line in range(first, steps):
        pool[size] = line
        size += 1
    if layout.kind != WEAK:
        for line in range(steps if layout.kind == MISS else steps + 1, lines):
            pool[size] = line
            size += 1
    return size


class Drawn(NamedTuple):
    """What the kernel fills; rows stand behind one another."""

    ids: np.ndarray  # (room,) uint16
    ends: np.ndarray  # (rows,) int64: where each row's ids end
    figures: np.ndarray  # (rows, N_FIGURES) int64
    units: np.ndarray  # (rows, stages) int64: ledger units


@kernel
def write_rows(state, keys, start, stop, layout, odds, drawn):
    """Write the rows [start, stop) until there is no room for one; return that row, or `stop`."""
    ids, ends, figures, units = drawn
    room = layout.most + layout.greatest
    name, value, sign, number, order, pool = (
        np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64),
        np.empty(room, np.int64), np.empty(room, np.int64),
    )  # fmt: skip
    wrong, until = np.empty(room * room, np.int64), np.empty(room, np.int64)
    deck = np.empty(layout.names, np.int64)
    token = 0
    for row in range(start, stop):
        out = row - start
        begin(state, keys[SIZES], row, 0)
        steps = layout.least + below(state, layout.most - layout.least + 1)
        lines = steps + layout.fewest + below(state, layout.greatest - layout.fewest + 1)
        units[out, SIZES] = state.ledger

        begin(state, keys[NAMES], row, 0)
        for i in range(layout.names):
            deck[i] = i
        for i in range(lines):
            k = i + below(state, layout.names - i)
            deck[i], deck[k] = deck[k], deck[i]
            name[i] = FIRST_VALUE + layout.modulus + deck[i]
        units[out, NAMES] = state.ledger

        begin(state, keys[VALUES], row, 0)
        for i in range(lines):
            if i == 0 or i == steps:
                number[i] = below(state, layout.modulus)
                value[i] = number[i]
                continue
            sign[i] = ADD + below(state, 3)
            number[i] = below(state, layout.modulus)
            if sign[i] == ADD:
                value[i] = (value[i - 1] + number[i]) % layout.modulus
            elif sign[i] == SUBTRACT:
                value[i] = (value[i - 1] - number[i] + layout.modulus) % layout.modulus
            else:
                value[i] = value[i - 1] * number[i] % layout.modulus
        units[out, VALUES] = state.ledger

        begin(state, keys[ORDER], row, 0)
        for i in range(lines):
            order[i] = i
        shuffle(state, order, lines)
        units[out, ORDER] = state.ledger

        begin(state, keys[RETRIES], row, 0)
        count = 0
        for step in range(steps):
            size = _candidates(layout, step, steps, lines, pool)
            count = draw_wrong(state, odds, pool, size, wrong, count)
            until[step] = count
        units[out, RETRIES] = state.ledger

        if token + 6 * lines + 2 + SENTENCE * (steps + count) > ids.size:
            return row
        first = token
        for k in range(lines):
            i = order[k]
            ids[token] = name[i]
            ids[token + 1] = IS
            token += 2
            if i != 0 and i != steps:
                ids[token] = name[i - 1]
                ids[token + 1] = sign[i]
                token += 2
            ids[token] = FIRST_VALUE + number[i]
            ids[token + 1] = STOP
            token += 2
        ids[token] = ASK
        ids[token + 1] = name[steps - 1]
        token += 2
        figures[out, PROMPT] = token - first
        at = 0
        for step in range(steps):
            for k in range(at, until[step]):
                token = _sentence(ids, token, name[wrong[k]], BACK)
            token = _sentence(ids, token, name[step], FIRST_VALUE + value[step])
            at = until[step]
        figures[out, STEPS] = steps
        figures[out, OTHERS] = lines - steps
        figures[out, TAKEN_BACK] = count
        figures[out, ANSWER] = value[steps - 1]
        ends[out] = token
    return stop


@register_jitable
def _sentence(ids, token, name, what):
    ids[token] = DEFINE
    ids[token + 1] = name
    ids[token + 2] = AS
    ids[token + 3] = what
    ids[token + 4] = STOP
    return token + SENTENCE
