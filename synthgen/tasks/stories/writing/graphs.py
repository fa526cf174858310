"""Drawing graphs layer by layer, and names in sets; see `synthgen.tasks.stories.law`."""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import below, weighted
from synthgen.tasks.stories.law import CHOICES

PARENTS = np.array([k for k, _ in CHOICES])
LACKING = np.array([j for _, j in CHOICES])


@register_jitable
def draw_subset(state, binomials, n, k, out):
    """Write a uniform k-subset of [0, n) to out[:k], rising; one draw, by its rank in the order of dictionaries."""
    if k == 0:
        return
    rank = below(state, binomials[n, k])
    item = 0
    for i in range(k):
        while binomials[n - 1 - item, k - 1 - i] <= rank:
            rank -= binomials[n - 1 - item, k - 1 - i]
            item += 1
        out[i] = item
        item += 1


@register_jitable
def draw_layers(state, tables, base, count, size, at, graph, layer):
    """Draw the layers of `count` things from number `at` on, the first of `size`; parents have higher numbers.

    Others (base > 0) may have the needed things 0 .. base - 1 as parents too. `graph` is (parents, arity, pool, picks);
    layer[i] becomes the size of thing i's layer for its first thing, and 0 for the rest.
    """
    parents, arity, pool, picks = graph
    end = at + count
    while at < end:
        left = end - at
        following = 0
        if left > size:
            following = 1 + weighted(state, tables.following[base, left, size])
        # The pool: first the next layer's things, which lack a child, then what is deeper, then what is given.
        deeper = 0
        for thing in range(at + size, end):
            pool[deeper] = thing
            deeper += 1
        for thing in range(base):
            pool[deeper] = thing
            deeper += 1
        lacking = following
        for i in range(size):
            thing = at + i
            layer[thing] = 0 if i else size
            choice = weighted(state, tables.parents[deeper, lacking, size - i])
            k, j = PARENTS[choice], LACKING[choice]
            arity[thing] = k
            draw_subset(state, tables.binomials, deeper - lacking, k - j, picks)
            for p in range(k - j):
                parents[thing, j + p] = pool[lacking + picks[p]]
            draw_subset(state, tables.binomials, lacking, j, picks)
            for p in range(j):
                parents[thing, p] = pool[picks[p]]
            for p in range(j - 1, -1, -1):  # from the last one on, so that what stands before keeps its place
                lacking -= 1
                pool[picks[p]], pool[lacking] = pool[lacking], pool[picks[p]]
        at += size
        size = following


@register_jitable
def draw_names(state, binomials, names, things, layer, deck, picks, name):
    """Draw the names of all things, a set for each layer, rising within it."""
    for i in range(names):
        deck[i] = i
    left = names
    thing = 0
    while thing < things:
        size = layer[thing]
        draw_subset(state, binomials, left, size, picks)
        kept = 0
        taken = 0
        for i in range(left):
            if taken < size and picks[taken] == i:
                name[thing + taken] = deck[i]
                taken += 1
            else:
                deck[kept] = deck[i]
                kept += 1
        left = kept
        thing += size
