"""The sampler of stories: a graph, its names and values, lines in mixed order, a question, and the steps to its answer.

    Whenever a box would hold 7 marbles or more, 7 of them vanish. The tin box holds 3 marbles. The red box holds 2 more
    marbles than the tin box. How many marbles does the red box hold? Now the tin box holds 3 marbles. Now the red box
    holds 5 marbles.

Every stage draws under a key of its own, and none asks which pack it is told in: the same seed gives the same story.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import begin, below, shuffle, weighted
from synthgen.exact.jit import kernel
from synthgen.task.kit.retries import draw_wrong
from synthgen.task.phrases import closing, opening
from synthgen.tasks.stories.law import MOST_PARENTS
from synthgen.tasks.stories.params import MISTAKES
from synthgen.tasks.stories.writing.graphs import draw_layers, draw_names
from synthgen.tasks.stories.writing.words import say

STAGES = ("sizes", "graph", "names", "values", "order", "pack", "wording", "solution", "retries")
SIZES, GRAPH, NAMES, VALUES, ORDER, PACK, WORDING, SOLUTION, RETRIES = range(9)

GIVEN, ONE, MANY, QUESTION, STEP, BACK = range(6)
"""The kinds of sentences, as `synthgen.tasks.stories.packs.KINDS` has them."""

STEP_SPAN, RETRY_SPAN, ANSWER_SPAN = range(3)

NEEDED, OTHERS, TAKEN_BACK, PACK_NUMBER, QUERY, N_FIGURES = range(6)
"""The columns of a row's figures; the query as the number of its line."""

SENTENCE = 24
"""More codes than a sentence has, with its spans."""


NEAR, WEAK = MISTAKES["near"], MISTAKES["weak"]


class Layout(NamedTuple):
    """The settings that the kernel needs, all whole numbers."""

    least: int  # things that are needed, from and to
    most: int
    fewest: int  # others, from and to
    greatest: int
    modulus: int
    names: int
    packs: int
    wordings: int
    retries: int  # whether there are any
    mistakes: int  # what is begun by mistake: see `MISTAKES`


class Drawn(NamedTuple):
    """What the kernel fills; of `room` things a row, those beyond its own are left as they are."""

    codes: np.ndarray  # (room,) int32
    ends: np.ndarray  # (2 rows,) int64
    figures: np.ndarray  # (rows, N_FIGURES) int64
    units: np.ndarray  # (rows, stages) int64
    name: np.ndarray  # (rows, things) by line
    value: np.ndarray  # (rows, things) by line
    arity: np.ndarray  # (rows, things) by line
    parents: np.ndarray  # (rows, things, MOST_PARENTS) by line, as lines
    necessary: np.ndarray  # (rows, things) by line
    solution: np.ndarray  # (rows, things): lines in the order of the steps
    candidates: np.ndarray  # (rows, things): what could be begun by mistake before each step


@kernel
def write_rows(state, keys, start, stop, layout, tables, odds, words, drawn):
    """Write the rows [start, stop) until there is no room for one; return that row, or `stop`."""
    room = layout.most + layout.greatest
    parents, arity, layer = np.empty((room, MOST_PARENTS), np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    pool, picks, deck = np.empty(room, np.int64), np.empty(layout.names, np.int64), np.empty(layout.names, np.int64)
    name, constant, value = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    order, line, lacks = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    steps, until, wording = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room + 1, np.int64)
    wrong = np.empty(room * room, np.int64)
    graph = (parents, arity, pool, picks)
    at = 0
    for row in range(start, stop):
        out = row - start
        units = drawn.units[out]
        begin(state, keys[SIZES], row, 0)
        needed = layout.least + below(state, layout.most - layout.least + 1)
        others = layout.fewest + below(state, layout.greatest - layout.fewest + 1)
        things = needed + others
        units[SIZES] = state.ledger

        begin(state, keys[GRAPH], row, 0)
        draw_layers(state, tables, 0, needed, 1, 0, graph, layer)
        if others:
            size = 1 + weighted(state, tables.first[needed, others])
            draw_layers(state, tables, needed, others, size, needed, graph, layer)
        units[GRAPH] = state.ledger

        begin(state, keys[NAMES], row, 0)
        draw_names(state, tables.binomials, layout.names, things, layer, deck, picks, name)
        units[NAMES] = state.ledger

        begin(state, keys[VALUES], row, 0)
        _draw_values(state, layout.modulus, needed, things, parents, arity, constant, value)
        units[VALUES] = state.ledger

        begin(state, keys[ORDER], row, 0)
        for i in range(things):
            order[i] = i
        shuffle(state, order, things)
        for thing in range(things):
            shuffle(state, parents[thing], arity[thing])
        units[ORDER] = state.ledger

        begin(state, keys[PACK], row, 0)
        pack = below(state, layout.packs)
        units[PACK] = state.ledger

        begin(state, keys[WORDING], row, 0)
        for i in range(things + 1):
            wording[i] = below(state, layout.wordings)
        units[WORDING] = state.ledger

        begin(state, keys[SOLUTION], row, 0)
        _draw_steps(state, needed, parents, arity, lacks, pool, steps)
        units[SOLUTION] = state.ledger

        begin(state, keys[RETRIES], row, 0)
        count = 0
        for thing in range(things):
            lacks[thing] = arity[thing]
        for step in range(needed):
            size = 0
            for thing in range(things):
                if _may_be_mistake(layout.mistakes, lacks[thing], thing < needed and thing != steps[step]):
                    pool[size] = thing
                    size += 1
            drawn.candidates[out, step] = size
            if layout.retries:
                count = draw_wrong(state, odds, pool, size, wrong, count)
            until[step] = count
            _stand(steps[step], things, parents, arity, lacks)
        units[RETRIES] = state.ledger

        if at + SENTENCE * (things + 2 + needed + count) > drawn.codes.size:
            return row
        codes = drawn.codes
        codes[at] = words.rules[pack]
        at += 1
        for i in range(things):
            thing = order[i]
            line[thing] = i
            kind = min(arity[thing], MANY)
            at = say(
                codes, at, words, pack, kind, wording[i], thing, constant[thing], parents[thing], arity[thing], name
            )
            codes[at] = words.space
            at += 1
        at = say(codes, at, words, pack, QUESTION, wording[things], 0, 0, parents[0], 0, name)
        drawn.ends[2 * out] = at
        back = 0
        for step in range(needed):
            while back < until[step]:
                at = _solve(codes, at, words, pack, BACK, RETRY_SPAN, wrong[back], 0, name)
                back += 1
            at = _solve(codes, at, words, pack, STEP, STEP_SPAN, steps[step], value[steps[step]], name)
        if layout.modulus > 1:
            at = _mark_answer(codes, at, words.amounts[pack] + value[0])
        drawn.ends[2 * out + 1] = at

        for i in range(things):
            thing = order[i]
            drawn.name[out, i] = name[thing]
            drawn.value[out, i] = value[thing]
            drawn.arity[out, i] = arity[thing]
            drawn.necessary[out, i] = thing < needed
            for p in range(arity[thing]):
                drawn.parents[out, i, p] = line[parents[thing, p]]
        for step in range(needed):
            drawn.solution[out, step] = line[steps[step]]
        drawn.figures[out, NEEDED] = needed
        drawn.figures[out, OTHERS] = others
        drawn.figures[out, TAKEN_BACK] = count
        drawn.figures[out, PACK_NUMBER] = pack
        drawn.figures[out, QUERY] = line[0]
    return stop


@register_jitable
def _draw_values(state, modulus, needed, things, parents, arity, constant, value):
    """Draw values of roots and constants of all else, 1 to modulus - 1; work out all values, parents first."""
    for thing in range(things):
        if modulus == 1:
            constant[thing] = 0
        elif arity[thing] == 0:
            constant[thing] = below(state, modulus)
        else:
            constant[thing] = 1 + below(state, modulus - 1)
    for i in range(things):
        thing = needed - 1 - i if i < needed else things - 1 - (i - needed)
        value[thing] = constant[thing]
        for p in range(arity[thing]):
            value[thing] += value[parents[thing, p]]
        value[thing] %= modulus


@register_jitable
def _stand(done, things, parents, arity, lacks):
    """Count a thing as known: it is lacked no more, by itself least of all."""
    lacks[done] = -1
    for thing in range(things):
        for p in range(arity[thing]):
            if parents[thing, p] == done:
                lacks[thing] -= 1


@register_jitable
def _may_be_mistake(kind, lacks, comes_later):
    """Say whether a thing that lacks so many parents (-1: it stands) may be begun by mistake, as `MISTAKES` has it."""
    if kind == WEAK:
        return comes_later and lacks >= 0
    return lacks == 1 or (lacks > 1 and kind != NEAR)


@register_jitable
def _draw_steps(state, needed, parents, arity, lacks, pool, steps):
    """Draw the order of the steps: each uniform among the needed things all of whose parents are known."""
    for thing in range(needed):
        lacks[thing] = arity[thing]
    for step in range(needed):
        ready = 0
        for thing in range(needed):
            if lacks[thing] == 0:
                pool[ready] = thing
                ready += 1
        steps[step] = pool[below(state, ready)]
        _stand(steps[step], needed, parents, arity, lacks)


@register_jitable
def _solve(codes, at, words, pack, kind, span, thing, number, name):
    """Write a sentence of the solution with its span; return where it ends."""
    codes[at] = words.space
    codes[at + 1] = opening(span)
    at = say(codes, at + 2, words, pack, kind, 0, thing, number, name, 0, name)
    codes[at] = closing(span)
    return at + 1


@register_jitable
def _mark_answer(codes, at, amount):
    """Put the last amount into a span; return where the row ends."""
    place = at - 1
    while codes[place] != amount:
        codes[place + 2] = codes[place]
        place -= 1
    codes[place] = opening(ANSWER_SPAN)
    codes[place + 1] = amount
    codes[place + 2] = closing(ANSWER_SPAN)
    return at + 2
