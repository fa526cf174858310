"""The paper's sampler (Part 2.1, appendix D), equal in distribution to the released generator.

It grows a structure graph, chooses necessary parameters within a budget, orders them backwards from the query, spends
the remaining operations on references, and describes what is left over. Coins of unknown probability (the paper draws
it uniformly) are an urn here, which is the same law without a real number in it.
"""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any

import numpy as np
from numba.extending import register_jitable

from synthgen.errors import DrawError
from synthgen.exact.draw import attempt, begin, below, uniform, weighted
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units
from synthgen.tasks.igsm.writing.linear_orders import draw_linear_order
from synthgen.tasks.igsm.writing.paper.budgets import draw_budgets, draw_edges
from synthgen.tasks.igsm.writing.paper.necessary import arrange, choose, extend, reachable, refer, sign
from synthgen.tasks.igsm.writing.paper.structure import connect, grow
from synthgen.tasks.igsm.writing.paper.unnecessary import describe_rest, fill
from synthgen.tasks.igsm.writing.problem import ITEMS, LAYERS, PARAMS
from synthgen.tasks.igsm.writing.sets import greater, lesser, member, pick
from synthgen.tasks.igsm.writing.sketch import bin_of_solution

MAX_EDGES = 38
"""Edges a structure graph may have here: with 24 abstract parameters, a set of parameters is then 62 bits."""

MAX_ATTEMPTS = 1_000_000
"""Attempts at a problem; each is accepted with a probability above 1/1000 wherever a spec is let through."""

MAX_INNER = 1000
"""New graphs of the same sizes, where the ordering fails (the released generator's number too)."""

WORK = np.dtype(
    [
        ("edge", "i8", (LAYERS, LAYERS)),  # children of each item, as bits
        ("needs", "i8", PARAMS),  # what an abstract parameter is computed from, as bits
        ("closure", "i8", PARAMS),  # itself and all it is computed from
        ("cost", "i8", PARAMS),
        ("level", "i8", LAYERS),  # abstract parameters of a level, as bits
        ("instances", "i8", ITEMS),  # instance parameters of an item, as bits
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
        ("failed", "i8"),  # turns of the accepted attempt whose ordering failed, and the urn after them
        ("hits_before", "i8"),
        ("misses_before", "i8"),
        ("numbered", "i8", ITEMS),  # the item of each number: the numbers themselves, but where others are tried out
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
    work = np.zeros(1, np.dtype((np.record, WORK)))[0]
    work.numbered[:] = np.arange(ITEMS)
    return work


LAW = np.dtype(
    [
        ("max_op", "i8"),
        ("max_edge", "i8"),
        ("fixed", "i8"),  # 1: the number of steps s is the target op; 0: redrawn until the op comes out
        ("favour_wanted", "i8"),  # 1: the bonus is for parameters that are wanted already (the paper's text)
        ("bins", "i8"),  # allowed template bins, as bits; all 23: no test
        ("reask", "i8"),  # 1: another parameter is asked for afterwards
        ("modulus", "i8"),
        ("style", "i8"),  # how budgets and edges are drawn
        ("needless", "i8"),  # 1: the solution has needless steps
    ]
)

ALL_BINS = (1 << 23) - 1


@functools.cache
def depth_sums(max_op: int, max_edge: int) -> np.ndarray:
    """Return running sums of the weights of depths (and widths) 2, 3, 4 for every s, (max_op + 1, 6) int64.

    A softmax of -(r - 0.2)^2, -(r - 0.5)^2, -(r - 0.8)^2 with r = (s - 1) / (max_edge - 1), in 2^30ths. Behind the
    sums stand the ledger units of each depth.
    """
    sums = np.zeros((max_op + 1, 6), np.int64)
    for s in range(1, max_op + 1):
        r = Decimal(s - 1) / Decimal(max(1, max_edge - 1))
        weights = [(-((r - Decimal(c) / 10) ** 2)).exp() for c in (2, 5, 8)]
        shares = [int(w / sum(weights) * 2**30) for w in weights]
        sums[s, :3] = np.cumsum(shares)
        sums[s, 3:] = [log2_units(sum(shares)) - log2_units(share) for share in shares]
    return sums


@register_jitable
def draw_size(state, sizes, s):
    """Draw a depth, or a width: 2, 3 or 4."""
    drawn = uniform(state, sizes[s, 2])
    size = 2 + (1 if drawn >= sizes[s, 0] else 0) + (1 if drawn >= sizes[s, 1] else 0)
    state.ledger += sizes[s, size + 1]
    return size


@register_jitable
def ask_again(state, p, w):
    """Ask for another parameter, uniformly, and order what it needs anew, uniformly among what can come next."""
    old = p.order[p.steps - 1]
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
    p.steps = count


@register_jitable
def add_needless(state, p, w):
    """Solve a random linear order of all that the problem mentions, up to what is asked (`be_shortest=False`)."""
    units = state.ledger
    p.steps = draw_linear_order(state, p, p.order, p.order[p.steps - 1])
    w.order_units = state.ledger - units


@kernel
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
def first_turn_after(state, key, row, number, p, w, law, sizes, table, op, scratch):
    """Go on with attempts after `number`; return that of the first one which is accepted without a failed turn."""
    begin(state, key, row, 0)
    for later in range(number + 1, MAX_ATTEMPTS + 1):
        attempt(state, later)
        if _attempt(state, p, w, law, sizes, table, op, scratch) and w.failed == 0:
            return later
    raise DrawError("iGSM: no problem with the wanted operations in a million attempts")


@register_jitable
def _attempt(state, p, w, law, sizes, table, op, scratch):
    s, m, n = draw_budgets(state, law, op)
    if s == 0:
        return False
    layers = draw_size(state, sizes, s)
    a, b = draw_size(state, sizes, s), draw_size(state, sizes, s)
    least, most = min(a, b), max(a, b)
    edges = draw_edges(state, law, s, (layers - 1) * least, (layers - 1) * most * most)
    if min(m, edges) > op:  # op >= min(s, m, edges) for every graph of these sizes
        return False
    w.least = least
    w.most = most
    w.hits = 0
    w.misses = 0
    begun = state.ledger
    for turn in range(MAX_INNER):
        state.ledger = begun
        w.order_units = 0
        w.failed = turn
        w.hits_before = w.hits
        w.misses_before = w.misses
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
    layers = draw_size(state, sizes, op)
    a, b = draw_size(state, sizes, op), draw_size(state, sizes, op)
    least, most = min(a, b), max(a, b)
    edges = lesser(state, (layers - 1) * least, max(max_edge, (layers - 1) * least))
    w.hits = 0
    w.misses = 0
    grow(state, p, w, layers, least, most, min(edges, (layers - 1) * most * most))
    connect(p, w)
    choose(state, p, w, n, m)
    return reachable(p, w, op) if arrange(state, p, w, table, False) else 0


@register_jitable
def _finish(state, p, w, law, s, op, scratch):
    """Give the ordered parameters their sentences, if op and bin are the wanted ones."""
    if reachable(p, w, s) != op:
        return False
    extend(state, p, w, op - w.minimum)
    refer(state, p, w)
    units = state.ledger
    w.described = w.chosen & ((1 << p.edges) - 1)
    w.mentioned = w.chosen & ~w.described
    sentences = 0
    for i in range(p.steps):
        x = p.order[i]
        if x < p.edges:
            sign(state, p, x)
            p.made[sentences] = x
            sentences += 1
    w.operator_units = state.ledger - units
    changes = law.reask or law.needless  # the solution is another one in the end, and so may be its bin
    if not changes:
        w.bin = bin_of_solution(p, scratch)
        if not law.bins >> w.bin & 1:
            return False
    fill(p, w)
    describe_rest(state, p, w)
    p.mentioned = w.mentioned
    if law.reask:
        ask_again(state, p, w)
    if law.needless:
        add_needless(state, p, w)
    if changes:
        w.bin = bin_of_solution(p, scratch)
        if not law.bins >> w.bin & 1:
            return False
    return True
