"""What a problem's structure does not decide: names, values, the order of its sentences, letters. All of it uniform."""

from __future__ import annotations

from numba.extending import register_jitable

from synthgen.exact.draw import begin, below, shuffle
from synthgen.exact.ledger import log2_units
from synthgen.tasks.igsm.worlds import CATEGORIES
from synthgen.tasks.igsm.writing.linear_orders import draw_linear_order
from synthgen.tasks.igsm.writing.problem import ADDED, CONSTANT, TIMES

LETTERS, LONG_LETTERS = 52, 26 * 26
"""Single letters, a-z and A-Z, and what follows beyond 52 operations: a capital and a small letter."""

ANY_ORDER, AS_MADE = 5, 6
"""Levels of shuffling the sentences of a problem: wholly, not at all. Lower ones, from 0, are how far one may stray."""


@register_jitable
def draw_names(state, key, row, p, sizes, as_sets):
    """Draw a chain, its first category, a group of each layer and names for all items; books their bits.

    `sizes`: how many chains, groups and names of the world are used, (4,) int64; the last is about letters.
    `as_sets`: items have no order of their own, and a layer's names are a subset in rising order.
    """
    begin(state, key, row, 0)
    p.chain = below(state, sizes[0])
    p.start = below(state, CATEGORIES - p.layers + 1)
    for i in range(p.layers):
        p.group[i] = below(state, sizes[1])
        first = p.first[i]
        for j in range(p.width[i]):
            which = below(state, sizes[2] - j)
            place = first + j
            for k in range(first, first + j):  # names taken already stand before, rising
                if which >= p.taken[k]:
                    which += 1
            while place > first and p.taken[place - 1] > which:
                p.taken[place] = p.taken[place - 1]
                place -= 1
            p.taken[place] = which
            p.name[first + j] = which
        if as_sets:
            for j in range(p.width[i]):
                p.name[first + j] = p.taken[first + j]
                state.ledger -= log2_units(j + 1)
    return state.ledger


@register_jitable
def draw_values(state, key, row, p, modulus):
    """Draw the number of every sentence that has one: 0 to m - 1, but 1 to m - 1 where it multiplies."""
    begin(state, key, row, 0)
    for x in range(p.edges):
        if p.literal[x] == TIMES:
            p.number[x] = 1 + below(state, modulus - 1)
        elif p.literal[x] == ADDED or p.literal[x] == CONSTANT:
            p.number[x] = below(state, modulus)
    return state.ledger


@register_jitable
def draw_sentence_order(state, key, row, p, level):
    """Order the problem's sentences: anyhow, as they were made, or by a linear order that is then mildly shuffled."""
    begin(state, key, row, 0)
    if level == ANY_ORDER:
        for x in range(p.edges):
            p.sentence[x] = x
        shuffle(state, p.sentence, p.edges)
    elif level == AS_MADE:
        for i in range(p.edges):
            p.sentence[i] = p.made[i]
    else:
        _shuffle_mildly(state, p, level)
    return state.ledger


@register_jitable
def _shuffle_mildly(state, p, level):
    """Draw a linear order of all that the problem mentions, and put each behind its place by 0 to `level` places.

    What then shares a place is shuffled (the released code's levels 0 to 4). Only sentences show.
    """
    count = draw_linear_order(state, p, p.sorted, -1)
    for i in range(count):
        p.place[i] = i + below(state, level + 1)
    shown = 0
    for place in range(count + level):
        together = 0
        for i in range(max(0, place - level), min(count, place + 1)):
            if p.place[i] == place:
                p.taken[together] = p.sorted[i]
                together += 1
        shuffle(state, p.taken, together)
        for i in range(together):
            if p.taken[i] < p.edges:
                p.sentence[shown] = p.taken[i]
                shown += 1


@register_jitable
def draw_letters(state, key, row, p, single, partial_only):
    """Give every symbol one of `single` letters, without replacement; beyond these, the rest get two letters.

    `partial_only`: parameters are written by name, and only partial results have letters.
    """
    begin(state, key, row, 0)
    given = 0
    for symbol in range(p.op):
        if partial_only and p.meaning[symbol] >= 0:
            continue
        first = single if given >= single else 0  # the first symbol of this kind
        size, base = (LONG_LETTERS, LETTERS) if first else (single, 0)
        which = base + below(state, size - given + first)
        for k in range(first, given):  # the taken ones stand in p.taken, rising
            if which >= p.taken[k]:
                which += 1
        place = given
        while place > first and p.taken[place - 1] > which:
            p.taken[place] = p.taken[place - 1]
            place -= 1
        p.taken[place] = which
        p.spelling[symbol] = which
        given += 1
    return state.ledger
