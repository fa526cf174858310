"""Orders of a solution: how many there are, exactly, and a uniform one.

A problem says what its parameters need, not in which order they are computed. Every order in which each comes after
what it needs (a linear extension of the graph) is a right solution. Where an open template is uniform, so is the order
of the solution given the problem: log2 of the number of orders is what a perfect model still pays for it.

The number is f(S) over sets S of parameters: where S falls into parts that need nothing of each other, the product of
their numbers times the ways to interleave them; else the sum of f(S - i) over those i in S that nothing in S needs.
Each f(S) is computed once, in a hash table. Measured on open templates: 57 sets (10 microseconds) at 15
operations, 2,700 (1 millisecond) at 32, at most 22,000. Where a bound on open ends makes orders that cross it
impossible, the sum alone is used.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.errors import DrawError
from synthgen.exact.draw import below_wide
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import multiply_high
from synthgen.exact.wide import ZERO, add, from_word, less, load, log2_wide, multiply, store, subtract
from synthgen.tasks.igsm.writing.open.templates import STATED
from synthgen.tasks.igsm.writing.sets import size_of

MAX_ORDERED = 57
"""57! is below 2^256, where the counts end; and sets are bit masks of 64."""

_SIZES = (1 << 10, 1 << 18)
"""Slots of the hash table, at most half of them used: the small one stays in the processor's cache, the large one is
for the rare rest."""

PROBLEM, SLOTS, STORED = range(3)
"""The places of `Memo.now`: the number of the problem, slots in use, sets stored."""

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

GRAPH = np.dtype(
    [
        ("nodes", "i8"),
        ("most_open", "i8"),  # parameters that may wait for a use at any time; 0: any number
        ("before", "i8", MAX_ORDERED),  # bit masks: what a parameter needs
        ("after", "i8", MAX_ORDERED),  # what needs it
        ("uses", "i8", MAX_ORDERED),  # what ends its waiting (where most_open is set)
    ]
)


class Memo(NamedTuple):
    """Room to work in, for any number of problems one after the other."""

    keys: np.ndarray  # (slots,) int64: the set
    stamps: np.ndarray  # (slots,) int64: the problem it belongs to
    values: np.ndarray  # (slots, 4) uint64: f of the set
    stack: np.ndarray  # (depth,) int64
    now: np.ndarray  # (3,) int64: see PROBLEM, SLOTS and STORED
    binomial: np.ndarray  # (58, 58) int64


def new_graph() -> np.record:
    """Return an empty graph for `count_orders`: fill `nodes`, `most_open` and `before`, then call `link`."""
    return np.zeros(1, np.dtype((np.record, GRAPH)))[0]


def new_memo() -> Memo:
    """Return empty room (12 MB, of which 50 kB are touched as a rule)."""
    binomial = np.zeros((MAX_ORDERED + 1, MAX_ORDERED + 1), np.int64)
    binomial[:, 0] = 1
    for n in range(1, MAX_ORDERED + 1):
        binomial[n, 1:] = binomial[n - 1, 1:] + binomial[n - 1, :-1]
    slots = _SIZES[1]
    return Memo(
        np.zeros(slots, np.int64),
        np.zeros(slots, np.int64),
        np.zeros((slots, 4), np.uint64),
        np.zeros(MAX_ORDERED * (MAX_ORDERED + 2), np.int64),
        np.zeros(3, np.int64),
        binomial,
    )


@register_jitable
def link(graph):
    """Derive `after` from `before`, and let every need end the waiting."""
    for i in range(graph.nodes):
        graph.after[i] = 0
    for i in range(graph.nodes):
        for j in range(graph.nodes):
            graph.after[j] |= (graph.before[i] >> j & 1) << i
    for i in range(graph.nodes):
        graph.uses[i] = graph.after[i]


@register_jitable
def of_template(graph, template, most_open, merged):
    """Fill `graph` with what the parameters of a template need; most_open and merged are those of the shape (0: free).

    In a merged language the terms of a sum stand in the order of computation, so each needs the one before.
    """
    graph.nodes = template.nodes
    graph.most_open = most_open
    for i in range(template.nodes):
        graph.before[i] = 0
        for operand in range(template.refs[i]):
            graph.before[i] |= 1 << template.ref[i, operand]
    link(graph)
    for i in range(template.nodes):
        if template.under[i] >= 0:
            graph.uses[i] = 1 << template.under[i]
        if merged and template.kind[i] == STATED and template.minus[i] == 0:
            for operand in range(1, template.refs[i]):
                earlier, later = template.ref[i, operand - 1], template.ref[i, operand]
                graph.before[later] |= 1 << earlier
                graph.after[earlier] |= 1 << later


@register_jitable
def _open(graph, mask):
    """Return how many of a set wait for their use."""
    number = 0
    for i in range(graph.nodes):
        if mask >> i & 1 and graph.uses[i] & mask == 0:
            number += 1
    return number


@register_jitable
def _part(graph, mask):
    """Return the part of a set that hangs together with its lowest member."""
    part = mask & -mask
    grown = 0
    while grown != part:
        grown = part
        for i in range(graph.nodes):
            if mask >> i & 1 and (graph.before[i] | graph.after[i] | 1 << i) & part:
                part |= (graph.before[i] | graph.after[i] | 1 << i) & mask
    return part


@register_jitable
def _slot(memo, mask):
    """Return the slot of a set, or the free one where it would go."""
    last = memo.now[SLOTS] - 1
    slot = np.int64(multiply_high(np.uint64(mask), _MULTIPLIER)) & last
    while memo.stamps[slot] == memo.now[PROBLEM] and memo.keys[slot] != mask:
        slot = (slot + 1) & last
    return slot


@register_jitable
def _ask(memo, mask, depth):
    """Return the slot of f(mask); where it is not known yet, -1, with `mask` on the stack."""
    slot = _slot(memo, mask)
    if memo.stamps[slot] == memo.now[PROBLEM]:
        return slot
    memo.stack[depth] = mask
    return -1


@register_jitable
def _value(graph, memo, mask, depth):
    """Return f(mask) and 0; or, where that needs others first, how many of them stand on the stack from `depth` on."""
    missing = 0
    value = ZERO
    if mask & (mask - 1) == 0:
        return from_word(1), 0
    if graph.most_open > 0:
        if _open(graph, mask) > graph.most_open:
            return ZERO, 0
    else:
        part = _part(graph, mask)
        if part != mask:
            one = _ask(memo, part, depth)
            missing += one < 0
            other = _ask(memo, mask ^ part, depth + missing)
            missing += other < 0
            if missing == 0:
                ways = from_word(memo.binomial[size_of(mask), size_of(part)])
                value = multiply(multiply(load(memo.values, one), load(memo.values, other)), ways)
            return value, missing
    for i in range(graph.nodes):
        if mask >> i & 1 and graph.after[i] & mask == 0:
            slot = _ask(memo, mask ^ 1 << i, depth + missing)
            if slot < 0:
                missing += 1
            elif missing == 0:
                value = add(value, load(memo.values, slot))
    return value, missing


@register_jitable
def _solve(graph, memo, goal):
    """Return whether f(goal) and all it needs fit the table; they are in it then."""
    memo.stack[0] = goal
    depth = 1
    while depth > 0:
        mask = memo.stack[depth - 1]
        slot = _slot(memo, mask)
        if memo.stamps[slot] == memo.now[PROBLEM]:
            depth -= 1
            continue
        value, missing = _value(graph, memo, mask, depth)
        depth += missing
        if missing > 0:
            continue
        memo.now[STORED] += 1
        if 2 * memo.now[STORED] > memo.now[SLOTS]:
            return False
        memo.keys[slot] = mask
        memo.stamps[slot] = memo.now[PROBLEM]
        store(memo.values, slot, value)
        depth -= 1
    return True


@register_jitable
def count_orders(graph, memo):
    """Return the number of orders, a wide number; 0 where it needs more than 131,072 sets.

    Raises DrawError for more than 57 parameters.
    """
    if graph.nodes > MAX_ORDERED:
        raise DrawError("orders are counted for at most 57 parameters")
    goal = (1 << graph.nodes) - 1
    for size in _SIZES:
        memo.now[PROBLEM] += 1
        memo.now[SLOTS] = size
        memo.now[STORED] = 0
        if _solve(graph, memo, goal):
            return load(memo.values, _slot(memo, goal))
    return ZERO


@register_jitable
def order_units(graph, memo):
    """Return log2 of the number of orders in ledger units; -1 where the number is not known."""
    number = count_orders(graph, memo)
    return log2_wide(number) if less(ZERO, number) else -1


@kernel
def count_order_units(graph, memo):
    """The same of a graph of which only `before` is filled in."""
    link(graph)
    return order_units(graph, memo)


@register_jitable
def draw_order(state, graph, memo, order):
    """Write a uniform order to order[:nodes], booking log2 of their number.

    Raises DrawError where the number is not known (see `count_orders`).
    """
    whole = count_orders(graph, memo)
    if not less(ZERO, whole):
        raise DrawError("too many sets of parameters to count the orders of this solution")
    number = below_wide(state, whole, log2_wide(whole))
    mask = (1 << graph.nodes) - 1
    for place in range(graph.nodes - 1, -1, -1):
        chosen = -1
        for i in range(graph.nodes):
            if chosen < 0 and mask >> i & 1 and graph.after[i] & mask == 0:
                if not _solve(graph, memo, mask ^ 1 << i):
                    raise DrawError("too many sets of parameters to draw an order of this solution")
                orders = load(memo.values, _slot(memo, mask ^ 1 << i))
                if less(number, orders):
                    chosen = i
                else:
                    number = subtract(number, orders)
        order[place] = chosen
        mask ^= 1 << chosen
