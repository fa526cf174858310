"""Chances of the order and the sentences of a problem's necessary parameters, in one attempt of the paper's sampler.

A text shows neither the strength of the bonus, nor which first references made a parameter needed and which were drawn
later, nor when the number was drawn, nor in which order operations were spent. All of that is summed out, exactly.
"""

from __future__ import annotations

import math

import numpy as np
from numba.extending import register_jitable

from synthgen.tasks.igsm.writing.paper.necessary import STRENGTHS, blocked_by
from synthgen.tasks.igsm.writing.paper.shapes import falling
from synthgen.tasks.igsm.writing.problem import BARE, PARAMS
from synthgen.tasks.igsm.writing.sets import size_of

MOST_WANTED = 1024
"""Sets of wanted parameters, with tosses of the urn, that are kept apart."""

ONES = 1
"""Places with room for one more operation: the third alone."""

BOTH = 64
"""Places that get two more operations, at most: the sentences there can be."""

CITING = np.dtype(
    [
        ("wanted", "i8", (2, MOST_WANTED)),
        ("hits", "i8", (2, MOST_WANTED)),
        ("misses", "i8", (2, MOST_WANTED)),
        ("chance", "f8", (2, MOST_WANTED, STRENGTHS)),
        ("states", "i8", 2),
        ("cited", "f8", PARAMS),  # the chance of a place's sentence if its first reference made that one needed
        ("free", "f8", PARAMS),  # and if it did not
        ("spread", "f8", (2, ONES + 1, BOTH + 1, BOTH + 1)),  # of further operations
    ]
)


@register_jitable
def extra_at(p, i):
    """Return how many operations the parameter at place i got beyond its least."""
    x = p.order[i]
    if x >= p.edges:
        return 0
    return max(0, p.refs[x] + (1 if p.literal[x] != BARE else 0) - 2)


@register_jitable
def room_at(p, i):
    """Return how many it can get."""
    return 0 if p.order[i] >= p.edges else max(min(i + 1, 4) - 2, 0)


@register_jitable
def extra_bits(p, c):
    """Return -log2 of the chance that so many further operations were spent where they were, in whatever order.

    All that matters of a place is its room, 1 or 2, and how much of that it gets.
    """
    ones, both, halves, places, picks = 0, 0, 0, 0, 0
    for i in range(p.steps):
        room, extra = room_at(p, i), extra_at(p, i)
        places += 1 if room > 0 else 0
        ones += 1 if room == 1 and extra == 1 else 0
        both += 1 if room == 2 and extra == 2 else 0
        halves += 1 if room == 2 and extra == 1 else 0
        picks += extra
    if picks == 0:
        return 0.0
    return -math.log2(_spread(ones, both, halves, places, picks, c))


@register_jitable
def _spread(ones, both, halves, places, picks, c):
    """Return the sum over all orders of picks of the product of their chances.

    A state is (ones done, of `both` begun, of `both` full); halves done are what is left of the picks so far.
    """
    for i in range(ones + 1):
        c.spread[0, i, : both + 1, : both + 1] = 0
    c.spread[0, 0, 0, 0] = 1
    for pick in range(picks):
        here, there = c.spread[pick % 2], c.spread[1 - pick % 2]
        for i in range(ones + 1):
            there[i, : both + 1, : both + 1] = 0
        for i in range(ones + 1):
            for j in range(both + 1):
                for k in range(j + 1):
                    chance, h = here[i, j, k], pick - i - j - k
                    if chance == 0:
                        continue
                    each = chance / (places - i - k)
                    if i < ones:
                        there[i + 1, j, k] += each * (ones - i)
                    if j < both:
                        there[i, j + 1, k] += each * (both - j)
                    if k < j:
                        there[i, j, k + 1] += each * (j - k)
                    if h < halves:
                        there[i, j, k] += each * (halves - h)
    return c.spread[picks % 2, ones, both, both]


@register_jitable
def _drawn_later(number, refs, pool):
    """Return the chance of a sentence of some references, and perhaps the number, drawn from a pool in this order.

    A coin may set the number first; else it is drawn like any other, and at which place is not shown.
    """
    count = refs + number
    if count == 0:
        return 1.0
    drawn = 0.5 / falling(pool + 1, count)
    return 0.5 / falling(pool, refs) + count * drawn if number else drawn


@register_jitable
def sentence_chances(p, c):
    """Set, for each place of an instance parameter, the chances of its references: its first one cited, or not."""
    for i in range(p.steps):
        x = p.order[i]
        c.cited[i] = c.free[i] = 0.0
        if x >= p.edges:
            continue
        refs, number = p.refs[x], 1 if p.literal[x] != BARE else 0
        count = refs + number
        if count < 1 or count > min(i + 1, 4):
            continue
        counted = 0.5 if count <= 2 and i > 0 else 1.0
        if count < i + 1:
            c.free[i] = counted * _drawn_later(number, refs, i)
            if refs > 0:
                c.cited[i] = counted * _drawn_later(number, refs - 1, i - 1)
            continue
        in_order, behind_first = number == 1, number == 1 and refs > 0
        place = 0
        for r in range(refs):
            in_order &= p.ref[x, r] == p.order[r]
            if r > 0:
                place += 1 if p.order[place] == p.ref[x, 0] else 0
                behind_first &= p.ref[x, r] == p.order[place]
                place += 1
        c.free[i] = counted if in_order else 0.0
        c.cited[i] = counted if behind_first else 0.0


@register_jitable
def _arrive(c, side, wanted, hits, misses):
    """Return the number of a state, made with no chance yet where it is new; -1: there are too many."""
    for i in range(c.states[side]):
        if c.wanted[side, i] == wanted and c.hits[side, i] == hits and c.misses[side, i] == misses:
            return i
    i = c.states[side]
    if i == MOST_WANTED:
        return -1
    c.wanted[side, i], c.hits[side, i], c.misses[side, i] = wanted, hits, misses
    c.chance[side, i] = 0
    c.states[side] += 1
    return i


@register_jitable
def order_bits(p, w, c, chosen, table, favour_wanted):
    """Return -log2 of the chance of the order and the references of the chosen parameters; infinite: too many states.

    `sentence_chances` must have been called.
    """
    instances = (1 << p.edges) - 1
    unplaced = chosen
    blocked = blocked_by(p, w, unplaced)
    side, scale = 0, 0.0
    c.states[0] = 0
    c.chance[0, _arrive(c, 0, 0, 0, 0)] = 1 / STRENGTHS
    for place in range(p.steps - 1, -1, -1):
        x = p.order[place]
        pool = unplaced & ~blocked
        unplaced &= ~(1 << x)
        if x >= p.edges:
            blocked = blocked_by(p, w, unplaced)
        ready = unplaced & ~blocked
        cited = p.ref[x, 0] if p.refs[x] > 0 else -1
        there = 1 - side
        c.states[there] = 0
        for i in range(c.states[side]):
            wanted = c.wanted[side, i]
            allowed = pool if place == p.steps - 1 else pool & wanted
            if not allowed >> x & 1:
                continue
            picked = 1 / size_of(allowed)
            wanted &= ~(1 << x)
            hits, misses = c.hits[side, i], c.misses[side, i]
            if x >= p.edges or not unplaced:
                if x >= p.edges:
                    wanted |= w.needs[x]
                else:
                    picked *= c.free[place]
                to = _arrive(c, there, wanted, hits, misses)
                if to < 0:
                    return math.inf
                for k in range(STRENGTHS):
                    c.chance[there, to, k] += picked * c.chance[side, i, k]
                continue
            stuck = ready & wanted == 0
            tosses = hits + misses + 2
            if not stuck and c.free[place] > 0:
                to = _arrive(c, there, wanted, hits, misses + 1)
                if to < 0:
                    return math.inf
                share = picked * (misses + 1) / tosses * c.free[place]
                for k in range(STRENGTHS):
                    c.chance[there, to, k] += share * c.chance[side, i, k]
            citable = ready if stuck else unplaced
            if cited < 0 or not citable >> cited & 1 or c.cited[place] == 0:
                continue
            bonus = wanted if favour_wanted else ~wanted
            one = size_of(citable & (instances & bonus | ~instances & ~bonus))
            two = size_of(citable & ~instances & bonus)
            none = size_of(citable) - one - two
            class_of = (1 if cited >= p.edges else 0) + (1 if bonus >> cited & 1 else 0)
            share = picked * c.cited[place] * (1.0 if stuck else (hits + 1) / tosses)
            to = _arrive(c, there, wanted | 1 << cited, hits + (0 if stuck else 1), misses)
            if to < 0:
                return math.inf
            for k in range(STRENGTHS):
                weights = none * table[k, 0] + one * table[k, 1] + two * table[k, 2]
                c.chance[there, to, k] += share * c.chance[side, i, k] * table[k, class_of] / weights
        side = there
        greatest = 0.0
        for i in range(c.states[side]):
            for k in range(STRENGTHS):
                greatest = max(greatest, c.chance[side, i, k])
        if greatest == 0:
            return math.inf
        for i in range(c.states[side]):
            for k in range(STRENGTHS):
                c.chance[side, i, k] /= greatest
        scale += math.log2(greatest)
    whole = 0.0
    for i in range(c.states[side]):
        for k in range(STRENGTHS):
            whole += c.chance[side, i, k]
    return -math.log2(whole) - scale
