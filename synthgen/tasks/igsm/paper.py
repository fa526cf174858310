"""The paper's sampler (Part 2.1, appendix D), equal in distribution to the released generator.

It grows a structure graph, chooses necessary parameters within a budget, orders them backwards from the query, spends
the remaining operations on references, and describes what is left over. Coins of unknown probability (the paper draws
it uniformly) are an urn here, which is the same law without a real number in it; the strength of the bonus in the
ordering, a half-normal, is drawn from its 256 equally likely parts.
"""

from __future__ import annotations

import functools
from decimal import Decimal
from statistics import NormalDist
from typing import Any

import numpy as np
from numba.extending import register_jitable

from synthgen.draw import attempt, begin, below, uniform, weighted
from synthgen.errors import DrawError
from synthgen.ledger import log2_units
from synthgen.tasks.igsm.problem import (
    ADDED,
    BARE,
    CONSTANT,
    ITEMS,
    LAYERS,
    PARAMS,
    TIMES,
    number_parameters,
)
from synthgen.tasks.igsm.sketch import bin_of_solution

MAX_EDGES = 38
"""Edges a structure graph may have here: with 24 abstract parameters, a set of parameters is then 62 bits."""

MAX_ATTEMPTS = 1_000_000
"""Attempts at a problem; each is accepted with a probability above 1/1000 wherever a spec is let through."""

MAX_INNER = 1000
"""New graphs of the same sizes, where the ordering fails (the released generator's number too)."""

STRENGTHS = 256

WORK = np.dtype(
    [
        ("edge", "i8", (LAYERS, LAYERS)),  # children of each item, as bits
        ("needs", "i8", PARAMS),  # what an abstract parameter is computed from, as bits
        ("closure", "i8", PARAMS),  # itself and all it is computed from
        ("cost", "i8", PARAMS),
        ("level", "i8", LAYERS),  # abstract parameters of a level, as bits
        ("own", "i8", ITEMS),  # instance parameters of an item, as bits
        ("chosen", "i8"),  # as bits, and in order
        ("list", "i8", PARAMS),
        ("listed", "i8"),
        ("apart", "i8", PARAMS),  # unnecessary parameters that touch no necessary one
        ("aparts", "i8"),
        ("described", "i8"),  # instance parameters with a sentence
        ("mentioned", "i8"),  # abstract parameters in the problem
        ("room", "i8", PARAMS),
        ("extra", "i8", PARAMS),
        ("hits", "i8"),  # the urn of growing
        ("misses", "i8"),
        ("minimum", "i8"),  # operations the chosen parameters take
        ("order_units", "i8"),
        ("operator_units", "i8"),
        ("structure_units", "i8"),
        ("op_units", "i8"),
        ("attempts", "i8"),
        ("least", "i8"),  # the widths that were drawn
        ("most", "i8"),
        ("bin", "i8"),
    ]
)


def new_work() -> Any:
    """Return scratch for the sampler."""
    return np.zeros(1, np.dtype((np.record, WORK)))[0]


LAW = np.dtype(
    [
        ("max_op", "i8"),
        ("max_edge", "i8"),
        ("fixed", "i8"),  # 1: the number of steps s is the target op; 0: redrawn until the op comes out
        ("favour_wanted", "i8"),  # 1: the bonus is for parameters that are wanted already (the paper's text)
        ("bins", "i8"),  # allowed template bins, as bits; all 23: no test
        ("reask", "i8"),  # 1: another parameter is asked for afterwards
        ("modulus", "i8"),
    ]
)

ALL_BINS = (1 << 23) - 1


@functools.cache
def depth_sums(max_op: int, max_edge: int) -> np.ndarray:
    """Return running sums of the weights of depths (and widths) 2, 3, 4 for every s, (max_op + 1, 3) int64.

    A softmax of -(r - 0.2)^2, -(r - 0.5)^2, -(r - 0.8)^2 with r = (s - 1) / (max_edge - 1), in 2^30ths.
    """
    sums = np.zeros((max_op + 1, 3), np.int64)
    for s in range(1, max_op + 1):
        r = Decimal(s - 1) / Decimal(max(1, max_edge - 1))
        weights = [(-((r - Decimal(c) / 10) ** 2)).exp() for c in (2, 5, 8)]
        sums[s] = np.cumsum([int(w / sum(weights) * 2**30) for w in weights])
    return sums


@functools.cache
def strengths() -> np.ndarray:
    """Return the weights exp(0), exp(g), exp(2 g), in 2^20ths, at the middles of |N(0, 1)|'s equal parts."""
    normal, table = NormalDist(), np.zeros((STRENGTHS, 3), np.int64)
    for k in range(STRENGTHS):
        g = Decimal(round(normal.inv_cdf(0.5 + (k + 0.5) / (2 * STRENGTHS)), 9))
        table[k] = [int((g * bonus).exp() * 2**20) for bonus in range(3)]
    return table


# ---------------------------------------------------------------------------------------------------------------------
# Sets of parameters as bits, and draws with their exact books.


@register_jitable
def size_of(mask):
    """Return the number of bits."""
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count


@register_jitable
def member(mask, n):
    """Return the number of the n-th bit, from 0."""
    for _ in range(n):
        mask &= mask - 1
    return size_of((mask & -mask) - 1)


@register_jitable
def pick(state, mask):
    """Return a uniform member of a set."""
    return member(mask, below(state, size_of(mask)))


@register_jitable
def lesser(state, low, high):
    """Return the lesser of two uniform numbers of [low, high]."""
    n = high - low + 1
    x = min(uniform(state, n), uniform(state, n))
    state.ledger += 2 * log2_units(n) - log2_units(2 * (n - x) - 1)
    return low + x


@register_jitable
def greater(state, low, high):
    """Return the greater of two uniform numbers of [low, high]."""
    n = high - low + 1
    x = max(uniform(state, n), uniform(state, n))
    state.ledger += 2 * log2_units(n) - log2_units(2 * x + 1)
    return low + x


@register_jitable
def urn(state, hits, misses):
    """Toss a coin whose probability was drawn uniformly and has shown these hits and misses."""
    total = hits + misses + 2
    hit = uniform(state, total) <= hits
    state.ledger += log2_units(total) - log2_units(hits + 1 if hit else misses + 1)
    return hit


# ---------------------------------------------------------------------------------------------------------------------
# The stages, in the order of the paper.


@register_jitable
def grow(state, p, w, layers, least, most, edges):
    """Draw the structure graph: widths from `least` to `most`, then `edges` edges; every inner item has a parent."""
    p.layers = layers
    for i in range(layers):
        p.width[i] = least
    for _ in range(LAYERS * LAYERS + 1):
        room, need, free = 0, 0, 0
        for i in range(layers):
            if i > 0:
                room += p.width[i - 1] * p.width[i]
                need += p.width[i]
            if p.width[i] < most:
                free += 1
        if room >= edges:
            if need == edges:
                break
            if urn(state, w.hits, w.misses):
                w.hits += 1
            else:
                w.misses += 1
                break
            if free == 0:
                break
        which = below(state, free)
        for i in range(layers):
            if p.width[i] < most:
                if which == 0:
                    p.width[i] += 1
                    break
                which -= 1
    need, missing = 0, 0
    for i in range(layers - 1):
        for j in range(p.width[i]):
            w.edge[i, j] = 0
        for k in range(p.width[i + 1]):
            w.edge[i, below(state, p.width[i])] |= 1 << k
        need += p.width[i + 1]
        missing += (p.width[i] - 1) * p.width[i + 1]
    left = edges - need
    for i in range(layers - 1):
        for j in range(p.width[i]):
            for k in range(p.width[i + 1]):
                if left > 0 and not w.edge[i, j] >> k & 1:
                    taken = uniform(state, missing) < left
                    state.ledger += log2_units(missing) - log2_units(left if taken else missing - left)
                    missing -= 1
                    if taken:
                        w.edge[i, j] |= 1 << k
                        left -= 1
    number_parameters(p, w.edge)


@register_jitable
def connect(p, w):
    """Compute what abstract parameters need, by themselves and in all, and what they cost."""
    for level in range(p.layers):
        w.level[level] = 0
    for item in range(p.first[p.layers]):
        w.own[item] = 0
    for x in range(p.edges):
        w.own[p.owner[x]] |= 1 << x
        w.cost[x] = 1
    for x in range(p.params - 1, p.edges - 1, -1):  # inner layers have the higher numbers
        own, layer = p.owner[x], p.target[x]
        level = layer - p.layer[own]
        children = p.children[own]
        needs = w.own[own]
        closure = needs | 1 << x
        if level > 1:
            for i in range(children):
                y = p.abstract[p.target[p.child[own, i]], layer]
                needs |= 1 << y
                closure |= w.closure[y]
        w.needs[x] = needs
        w.closure[x] = closure
        w.cost[x] = max(1, children - 1 if level == 1 else 2 * children - 1)
        w.level[level] |= 1 << x


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
    p.necessary = place
    while unplaced:
        pool = unplaced & ~blocked
        if place < p.necessary:
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
def extend(state, p, w, s):
    """Spend the remaining operations on further references; return the number of operations reached.

    The parameter at place i may cite the number and up to i earlier ones, four things in all.
    """
    room = 0
    addable = 0
    for i in range(p.necessary):
        w.room[i] = 0 if p.order[i] >= p.edges else max(min(i + 1, 4) - 2, 0)
        w.extra[i] = 0
        room += w.room[i]
        if w.room[i] > 0:
            addable |= 1 << i
    extra = min(max(s - w.minimum, 0), room)
    for _ in range(extra):
        i = pick(state, addable)
        w.extra[i] += 1
        if w.extra[i] == w.room[i]:
            addable &= ~(1 << i)
    return w.minimum + extra


@register_jitable
def refer(state, p, w):
    """Draw the references of the necessary instance parameters, the one that makes them needed first."""
    earlier = 0
    for i in range(p.necessary):
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


@register_jitable
def fill(p, w):
    """Count as known the abstract parameters whose parts are all chosen; one pass, with the released code's gaps."""
    for i in range(p.layers - 1):
        for own in range(p.first[i], p.first[i + 1]):
            x = p.abstract[own, i + 1]
            if not w.chosen >> x & 1 and w.own[own] & ~w.described == 0:
                enlist(w, p, 1 << x)
    for i in range(p.layers - 1):
        _fill_layer(p, w, i, i + 2)


@register_jitable
def _fill_layer(p, w, i, lowest):
    """Fill one layer's parameters for the layers from `lowest` on; one that misses a part stops all that follow."""
    stamped = False
    for layer in range(lowest, p.layers):
        for own in range(p.first[i], p.first[i + 1]):
            if not w.chosen >> p.abstract[own, i + 1] & 1:
                continue
            for c in range(p.children[own]):
                if not w.chosen >> p.abstract[p.target[p.child[own, c]], layer] & 1:
                    stamped = True
            if stamped:
                break
            x = p.abstract[own, layer]
            if not w.chosen >> x & 1:
                enlist(w, p, 1 << x)


@register_jitable
def fill_above(p, w, x):
    """Do the same after instance parameter x got its sentence, for its item and for the layers above it."""
    own = p.owner[x]
    i = p.layer[own]
    if w.own[own] & ~w.described:
        return
    enlist(w, p, 1 << p.abstract[own, i + 1])
    for layer in range(i + 2, p.layers):
        known = True
        for c in range(p.children[own]):
            if not w.chosen >> p.abstract[p.target[p.child[own, c]], layer] & 1:
                known = False
        if not known:
            break
        if not w.chosen >> p.abstract[own, layer] & 1:
            enlist(w, p, 1 << p.abstract[own, layer])
    for above in range(i - 1, -1, -1):
        _fill_layer(p, w, above, i + 1)


@register_jitable
def describe_rest(state, p, w):
    """Give every instance parameter that is not necessary a sentence too, in random order."""
    w.aparts = 0
    instances = (1 << p.edges) - 1
    remain = instances & ~w.described
    made = size_of(w.described)
    while remain:
        x = pick(state, remain)
        remain &= ~(1 << x)
        apart = below(state, 2) == 0
        source = w.aparts if apart else w.listed
        count = 1
        while count < min(source + 1, 4) and below(state, 2) == 0:
            count += 1
        p.refs[x] = 0
        if count == source + 1:
            p.literal[x] = ADDED
            for i in range(source):
                p.ref[x, i] = w.apart[i] if apart else w.list[i]
            p.refs[x] = source
        else:
            if below(state, 2) == 0:
                p.literal[x] = ADDED
                count -= 1
            _sample_list(state, p, w, x, apart, source, count)
        for r in range(p.refs[x]):
            y = p.ref[x, r]
            if y >= p.edges:
                w.mentioned |= w.closure[y] & ~instances
        w.described |= 1 << x
        p.made[made] = x
        made += 1
        enlist(w, p, 1 << x)
        if apart:
            w.apart[w.aparts] = x
            w.aparts += 1
        fill_above(p, w, x)
        units = state.ledger
        sign(state, p, x)
        w.operator_units += state.ledger - units


@register_jitable
def _sample_list(state, p, w, x, apart, source, count):
    """Cite `count` different members of a list, in the order they are drawn."""
    while p.refs[x] < count:
        which = below(state, source - p.refs[x])
        for r in range(p.refs[x]):  # the which-th place not taken yet; those taken stand in w.extra, rising
            if which >= w.extra[r]:
                which += 1
        place = p.refs[x]
        while place > 0 and w.extra[place - 1] > which:
            w.extra[place] = w.extra[place - 1]
            place -= 1
        w.extra[place] = which
        p.ref[x, p.refs[x]] = w.apart[which] if apart else w.list[which]
        p.refs[x] += 1


@register_jitable
def ask_again(state, p, w):
    """Ask for another parameter, uniformly, and order what it needs anew, uniformly among what can come next."""
    old = p.order[p.necessary - 1]
    query = below(state, p.params - 1)
    if query >= old:
        query += 1
    needed = 1 << query
    for i in range(p.edges - 1, -1, -1):  # backwards: what an abstract one needs is closed, and made before its citer
        x = p.made[i]
        rest = needed >> p.edges << p.edges
        while rest:
            needed |= w.closure[member(rest, 0)]
            rest &= rest - 1
        if needed >> x & 1:
            for r in range(p.refs[x]):
                needed |= 1 << p.ref[x, r]
    rest = needed >> p.edges << p.edges
    while rest:
        needed |= w.closure[member(rest, 0)]
        rest &= rest - 1
    placed, count = 0, 0
    while placed != needed:
        ready = 0
        rest = needed & ~placed
        while rest:
            x = member(rest, 0)
            rest &= rest - 1
            before = w.needs[x] if x >= p.edges else 0
            if x < p.edges:
                for r in range(p.refs[x]):
                    before |= 1 << p.ref[x, r]
            if before & ~placed == 0:
                ready |= 1 << x
        units = state.ledger
        x = pick(state, ready)
        w.order_units += state.ledger - units
        p.order[count] = x
        count += 1
        placed |= 1 << x
    p.necessary = count


# ---------------------------------------------------------------------------------------------------------------------


@register_jitable
def draw_problem(state, key, row, p, w, law, op_sums, sizes, table, scratch):
    """Draw one problem into p, without names, values, letters and the order of its sentences.

    w.op_units, structure_units, order_units and operator_units are the books of the accepted attempt.
    """
    begin(state, key, row, 0)
    op = 1 + weighted(state, op_sums)
    w.op_units = state.ledger
    for number in range(1, MAX_ATTEMPTS + 1):
        attempt(state, number)
        w.order_units = 0
        w.operator_units = 0
        w.attempts = number
        if _attempt(state, p, w, law, sizes, table, op, scratch):
            w.structure_units = state.ledger - w.order_units - w.operator_units
            return op
    raise DrawError("iGSM: no problem with the wanted operations in a million attempts")


@register_jitable
def _attempt(state, p, w, law, sizes, table, op, scratch):
    s = op if law.fixed else lesser(state, op, law.max_op)
    n = greater(state, 1, s)
    m = n + below(state, s - n + 1)
    layers = 2 + weighted(state, sizes[s])
    a, b = 2 + weighted(state, sizes[s]), 2 + weighted(state, sizes[s])
    least, most = min(a, b), max(a, b)
    edges = lesser(state, (layers - 1) * least, max(law.max_edge, (layers - 1) * least))
    edges = min(edges, (layers - 1) * most * most)
    if min(m, edges) > op:  # op >= min(s, m, edges) for every graph of these sizes
        return False
    w.least = least
    w.most = most
    w.hits = 0
    w.misses = 0
    begun = state.ledger
    for _ in range(MAX_INNER):
        state.ledger = begun
        w.order_units = 0
        grow(state, p, w, layers, least, most, edges)
        connect(p, w)
        choose(state, p, w, n, m)
        if arrange(state, p, w, table, law.favour_wanted):
            return _finish(state, p, w, law, s, op, scratch)
    return False


@register_jitable
def reached(state, key, row, p, w, op, max_edge, sizes, table):
    """Return the operations of one try with s = op; 0 where the ordering failed."""
    begin(state, key, row, 0)
    n = greater(state, 1, op)
    m = n + below(state, op - n + 1)
    layers = 2 + weighted(state, sizes[op])
    a, b = 2 + weighted(state, sizes[op]), 2 + weighted(state, sizes[op])
    least, most = min(a, b), max(a, b)
    edges = lesser(state, (layers - 1) * least, max(max_edge, (layers - 1) * least))
    w.hits = 0
    w.misses = 0
    grow(state, p, w, layers, least, most, min(edges, (layers - 1) * most * most))
    connect(p, w)
    choose(state, p, w, n, m)
    return extend(state, p, w, op) if arrange(state, p, w, table, False) else 0


@register_jitable
def _finish(state, p, w, law, s, op, scratch):
    """Give the ordered parameters their sentences, if op and bin are the wanted ones."""
    if extend(state, p, w, s) != op:
        return False
    refer(state, p, w)
    units = state.ledger
    w.described = w.chosen & ((1 << p.edges) - 1)
    w.mentioned = w.chosen & ~w.described
    made = 0
    for i in range(p.necessary):
        x = p.order[i]
        if x < p.edges:
            sign(state, p, x)
            p.made[made] = x
            made += 1
    w.operator_units = state.ledger - units
    if not law.reask:
        w.bin = bin_of_solution(p, scratch)
        if not law.bins >> w.bin & 1:
            return False
    fill(p, w)
    describe_rest(state, p, w)
    if law.reask:
        ask_again(state, p, w)
        w.bin = bin_of_solution(p, scratch)
        if not law.bins >> w.bin & 1:
            return False
    return True
