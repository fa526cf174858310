"""Necessary parameters in the paper's sampler: chosen within a budget, ordered backwards, given references.

The strength of the bonus in the ordering, a half-normal, is drawn from its 256 equally likely parts.
"""

from __future__ import annotations

import functools
from decimal import Decimal
from statistics import NormalDist

import numpy as np
from numba.extending import register_jitable

from synthgen.errors import DrawError
from synthgen.exact.draw import below, uniform
from synthgen.exact.ledger import log2_units
from synthgen.tasks.igsm.writing.problem import ADDED, BARE, CONSTANT, PARAMS, TIMES
from synthgen.tasks.igsm.writing.sets import member, pick, size_of, urn

STRENGTHS = 256


@functools.cache
def strengths() -> np.ndarray:
    """Return the weights exp(0), exp(g), exp(2 g), in 2^20ths, at the middles of |N(0, 1)|'s equal parts."""
    normal, table = NormalDist(), np.zeros((STRENGTHS, 3), np.int64)
    for k in range(STRENGTHS):
        g = Decimal(round(normal.inv_cdf(0.5 + (k + 0.5) / (2 * STRENGTHS)), 9))
        table[k] = [int((g * bonus).exp() * 2**20) for bonus in range(3)]
    return table


@register_jitable
def enlist(w, p, new):
    """Put a set behind the list of chosen parameters: abstract ones first, as the released generator does."""
    rest = new >> p.edges << p.edges
    for part in range(2):
        while rest:
            w.list[w.listed] = member(rest, 0)
            w.listed += 1
            rest &= rest - 1
        if part == 0:
            rest = new & ((1 << p.edges) - 1)
    w.chosen |= new


@register_jitable
def cost_of_set(p, w, new):
    """Return the operations of a set of parameters: one an instance, more an abstract one."""
    cost = size_of(new & ((1 << p.edges) - 1))
    rest = new >> p.edges << p.edges
    while rest:
        cost += w.cost[member(rest, 0)]
        rest &= rest - 1
    return cost


@register_jitable
def choose(state, p, w, n, m):
    """Choose the necessary parameters: abstract ones (with all they need) for n operations, m in all."""
    instances = (1 << p.edges) - 1
    w.chosen = 0
    w.listed = 0
    total = p.edges
    for item in range(p.first[p.layers - 1]):
        c = p.children[item]
        total += max(2 * c - 1, 0) * (p.layers - p.layer[item] - 2) + (c - 1 if c > 1 else c)
    n = min(n, total)
    others = m - n
    spent, lowest, highest = 0, 1, p.layers - 1
    for _ in range(4 * PARAMS):
        if n == 0:
            break
        fallback, fallback_cost = -1, 0
        stop = False
        for level in range(1, p.layers):
            candidates = w.level[level] & ~w.chosen
            if candidates == 0:
                if level == lowest:
                    lowest += 1
                elif level == highest:
                    highest -= 1
                continue
            x = pick(state, candidates)
            cost = cost_of_set(p, w, w.closure[x] & ~w.chosen)
            if cost > n:
                if level == lowest:
                    stop = True
                    break
                enlist(w, p, w.closure[fallback] & ~w.chosen)
                n -= fallback_cost
                spent += fallback_cost
                break
            if level >= highest:
                enlist(w, p, w.closure[x] & ~w.chosen)
                n -= cost
                spent += cost
                break
            fallback, fallback_cost = x, cost
        if stop:
            others += n
            n = 0
    if n > 0:
        raise DrawError("iGSM: choosing the necessary parameters did not end")
    others = min(others, size_of(instances & ~w.chosen))
    for _ in range(others):
        enlist(w, p, 1 << pick(state, instances & ~w.chosen))
    w.minimum = spent + others


@register_jitable
def blocked_by(p, w, unplaced):
    """Return what unplaced abstract parameters need: none of it can be placed yet."""
    blocked = 0
    rest = unplaced >> p.edges << p.edges
    while rest:
        blocked |= w.needs[member(rest, 0)]
        rest &= rest - 1
    return blocked


@register_jitable
def arrange(state, p, w, table, favour_wanted):
    """Order the chosen parameters backwards from the query, adding references so that each is needed.

    Returns False where no wanted parameter can be placed: the graph is then drawn again.
    """
    instances = (1 << p.edges) - 1
    unplaced, wanted = w.chosen, 0
    blocked = blocked_by(p, w, unplaced)
    strength = uniform(state, STRENGTHS)
    state.ledger += log2_units(STRENGTHS)
    hits, misses, place = 0, 0, w.listed
    p.steps = place
    while unplaced:
        pool = unplaced & ~blocked
        if place < p.steps:
            pool &= wanted
        if pool == 0:
            return False
        before = state.ledger
        x = pick(state, pool)
        w.order_units += state.ledger - before
        place -= 1
        p.order[place] = x
        unplaced &= ~(1 << x)
        wanted &= ~(1 << x)
        if x >= p.edges:
            blocked = blocked_by(p, w, unplaced)
            wanted |= w.needs[x]
        elif unplaced:
            ready = unplaced & ~blocked
            stuck = ready & wanted == 0
            cite = stuck
            if not stuck:
                cite = urn(state, hits, misses)
                if cite:
                    hits += 1
                else:
                    misses += 1
            if cite:
                y = _reference(state, ready if stuck else unplaced, wanted, instances, table, strength, favour_wanted)
                p.ref[x, 0] = y
                p.refs[x] = 1
                wanted |= 1 << y
    return True


@register_jitable
def _reference(state, pool, wanted, instances, table, strength, favour_wanted):
    """Draw the parameter a sentence cites: a bonus for abstract ones, and one for those not wanted yet."""
    bonus = wanted if favour_wanted else ~wanted
    none = pool & instances & ~bonus
    one = pool & (instances & bonus | ~instances & ~bonus)
    two = pool & ~instances & bonus
    a = size_of(none) * table[strength, 0]
    b = size_of(one) * table[strength, 1]
    c = size_of(two) * table[strength, 2]
    u = uniform(state, a + b + c)
    if u < a:
        state.ledger += log2_units(a + b + c) - log2_units(a)
        return pick(state, none)
    if u < a + b:
        state.ledger += log2_units(a + b + c) - log2_units(b)
        return pick(state, one)
    state.ledger += log2_units(a + b + c) - log2_units(c)
    return pick(state, two)


@register_jitable
def reachable(p, w, s):
    """Return how many operations, of s, the chosen parameters and further references can take.

    The parameter at place i may cite the number and up to i earlier ones, four things in all.
    """
    room = 0
    for i in range(p.steps):
        w.room[i] = 0 if p.order[i] >= p.edges else max(min(i + 1, 4) - 2, 0)
        room += w.room[i]
    return w.minimum + min(max(s - w.minimum, 0), room)


@register_jitable
def extend(state, p, w, extra):
    """Spend the remaining operations on further references, where there is room."""
    addable = 0
    for i in range(p.steps):
        w.extra[i] = 0
        if w.room[i] > 0:
            addable |= 1 << i
    for _ in range(extra):
        i = pick(state, addable)
        w.extra[i] += 1
        if w.extra[i] == w.room[i]:
            addable &= ~(1 << i)


@register_jitable
def refer(state, p, w):
    """Draw the references of the necessary instance parameters, the one that makes them needed first."""
    earlier = 0
    for i in range(p.steps):
        x = p.order[i]
        if x < p.edges:
            count = 1 + below(state, 2) if w.extra[i] == 0 else w.extra[i] + 2
            count = min(count, i + 1, 4)
            if count == i + 1:
                p.literal[x] = ADDED
                first = p.ref[x, 0] if p.refs[x] else -1
                for j in range(i):
                    if p.order[j] != first:
                        p.ref[x, p.refs[x]] = p.order[j]
                        p.refs[x] += 1
            else:
                pool = earlier
                if p.refs[x]:
                    pool &= ~(1 << p.ref[x, 0])
                    count -= 1
                open_number = True
                if count > 0 and below(state, 2) == 0:
                    count -= 1
                    p.literal[x] = ADDED
                    open_number = False
                for _ in range(count):
                    which = below(state, size_of(pool) + (1 if open_number else 0))
                    if open_number and which == size_of(pool):
                        p.literal[x] = ADDED
                        open_number = False
                    else:
                        y = member(pool, which)
                        pool &= ~(1 << y)
                        p.ref[x, p.refs[x]] = y
                        p.refs[x] += 1
        earlier |= 1 << x


@register_jitable
def sign(state, p, x):
    """Draw the operators of a sentence: added or multiplied, sum or difference."""
    if p.literal[x] != BARE:
        p.literal[x] = CONSTANT if p.refs[x] == 0 else ADDED if below(state, 2) == 0 else TIMES
    if p.refs[x] == 2:
        p.minus[x] = below(state, 2)
