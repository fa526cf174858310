"""Graphs of Brevo and orders of their nodes, as draws: what the sampler compiles, and tests walk choice by choice.

`released` is the published process: leaves, then nodes one by one, each below some of those with room for a child. The
text does not show in which order they came. `open` has layers instead, which are a property of the graph itself: each
node has a parent in the layer just above it, so nothing is hidden and every bit is exact.
"""

from __future__ import annotations

from numba.extending import register_jitable

from synthgen.exact.draw import below, uniform
from synthgen.exact.ledger import log2_units


@register_jitable
def draw_released(state, n, degree, most_leaves, parents, arity, room):
    """Draw a graph of n nodes in order of creation; return its number of leaves.

    parents[v, : arity[v]] are the parents of node v; behind them stands the first of them again, or v itself where it
    has none: loops over all `degree` places are foreseen by the processor, those over 1 to 4 parents are not. `room`
    (2, n) holds the nodes that may have more children, and how many they have. The order of a node's parents is not
    booked.
    """
    leaves = 1 + below(state, most_leaves)
    for v in range(leaves):
        arity[v] = 0
        for i in range(degree):
            parents[v, i] = v
        room[0, v] = v
        room[1, v] = 0
    free = leaves
    for v in range(leaves, n):
        number = 1 + below(state, min(degree, free))
        for i in range(number):
            j = i + below(state, free - i)
            room[0, i], room[0, j] = room[0, j], room[0, i]
            state.ledger -= log2_units(i + 1)
        arity[v] = number
        for i in range(degree):
            parents[v, i] = room[0, i if i < number else 0]
        for i in range(number - 1, -1, -1):
            parent, last = room[0, i], room[0, free - 1]
            room[1, parent] += 1
            full = room[1, parent] == degree
            room[0, i] = last if full else parent
            free -= full
        room[0, free] = v
        room[1, v] = 0
        free += 1
    return leaves


@register_jitable
def choose(n, k):
    """Return C(n, k), for small k."""
    if k > n:
        return 0
    result = 1
    for i in range(k):
        result = result * (n - i) // (i + 1)
    return result


@register_jitable
def draw_open(state, n, degree, width, parents, arity):
    """Draw a graph of n nodes layer by layer; return the sizes of its first and its last layer.

    A layer has 1 to `width` nodes; a node below the first has 1 to `degree` parents, a uniform set of nodes above it
    among those that hold a node of the layer just above. `parents` as in `draw_released`.
    """
    placed = 0
    above = 0  # the size of the layer just above
    first = 0
    while placed < n:
        size = 1 + below(state, min(width, n - placed))
        for v in range(placed, placed + size):
            arity[v] = 0
            if above > 0:
                arity[v] = 1 + below(state, min(degree, placed))
                _draw_parents(state, parents[v], arity[v], placed, above)
            for i in range(arity[v], degree):
                parents[v, i] = parents[v, 0] if arity[v] > 0 else v
        if above == 0:
            first = size
        placed += size
        above = size
    return first, above


@register_jitable
def _draw_parents(state, out, number, placed, above):
    """Write a uniform set of `number` of the nodes 0 .. placed - 1, at least one of them among the last `above`."""
    older = placed - above
    total = choose(placed, number) - choose(older, number)
    u = uniform(state, total)
    near = 0  # how many of them are in the layer just above
    weight = 0
    while u >= weight:
        u -= weight
        near += 1
        weight = choose(above, near) * choose(older, number - near)
    booked = state.ledger + log2_units(total)
    _draw_subset(state, out, 0, near, older, above)
    _draw_subset(state, out, near, number, 0, older)
    state.ledger = booked


@register_jitable
def _draw_subset(state, out, start, stop, low, size):
    """Write a uniform subset of low .. low + size - 1 to out[start:stop] (Floyd's method)."""
    for i in range(start, stop):
        top = size - (stop - start) + (i - start)
        candidate = low + below(state, top + 1)
        for j in range(start, i):
            if out[j] == candidate:
                candidate = low + top
        out[i] = candidate


@register_jitable
def mark_needed(query, parents, needed):
    """Mark the query and all it needs in needed[: query + 1]; return how many they are. Parents have lower numbers."""
    for v in range(query):
        needed[v] = False
    needed[query] = True
    total = 0
    for v in range(query, -1, -1):
        total += needed[v]
        for i in range(parents.shape[1]):
            needed[parents[v, i]] |= needed[v]
    return total


@register_jitable
def draw_greedy(state, query, total, parents, arity, needed, waiting, ready, out):
    """List the needed nodes as published: from the end, uniformly among those whose listed children all stand.

    `waiting` (n,) and `ready` (n,) are room to work in. This is not uniform over all valid orders.
    """
    for v in range(query + 1):
        waiting[v] = 0
    for v in range(query + 1):
        for i in range(parents.shape[1]):
            waiting[parents[v, i]] += needed[v] & (i < arity[v])
    ready[0] = query
    number = 1
    for place in range(total - 1, -1, -1):
        chosen = below(state, number)
        v = ready[chosen]
        number -= 1
        ready[chosen] = ready[number]
        out[place] = v
        for i in range(parents.shape[1]):
            parent, counts = parents[v, i], i < arity[v]
            waiting[parent] -= counts
            ready[number] = parent  # kept if it counts
            number += counts & (waiting[parent] == 0)


@register_jitable
def list_sorted(query, parents, arity, needed, word, layer, out):
    """List the needed nodes layer by layer (a node's layer is its longest way from a leaf), by word within a layer."""
    number = 0
    for v in range(query + 1):
        layer[v] = 0
        for i in range(arity[v]):
            layer[v] = max(layer[v], layer[parents[v, i]] + 1)
        if needed[v]:
            place = number
            while place > 0 and (layer[out[place - 1]], word[out[place - 1]]) > (layer[v], word[v]):
                out[place] = out[place - 1]
                place -= 1
            out[place] = v
            number += 1


@register_jitable
def depth_of(query, parents, arity, way):
    """Return the shortest way from the query to a leaf, as published for Part 4.1's split by depth."""
    for v in range(query + 1):
        shortest = way[parents[v, 0]]
        for i in range(1, parents.shape[1]):
            shortest = min(shortest, way[parents[v, i]])
        way[v] = shortest + 1 if arity[v] > 0 else 0
    return way[query]
