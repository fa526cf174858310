"""Numberings of a problem's items that its text allows: a text names items, and shows of their numbers but little.

Within a layer any order will do that keeps to what a solution shows: an abstract parameter adds up its parts in the
order of their numbers.
"""

from __future__ import annotations

import itertools

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import uniform
from synthgen.tasks.igsm.writing.problem import LAYERS
from synthgen.tasks.igsm.writing.sets import member

WIDEST = 4
"""Items of a layer of the paper's sampler, at most."""

ORDERS = np.zeros((WIDEST + 1, 24, WIDEST), np.int64)
for _width in range(WIDEST + 1):
    for _k, _order in enumerate(itertools.permutations(range(_width))):
        ORDERS[_width, _k, :_width] = _order
HOW_MANY = np.array([1, 1, 2, 6, 24])
"""All orders of up to four items: what stands at each place; the first is the rising one."""

NUMBERING = np.dtype(
    [
        ("before", "i8", (LAYERS, WIDEST, WIDEST)),  # 1: this item of a layer has a lower number than that one
        ("allowed", "i8", (LAYERS, 24)),
        ("count", "i8", LAYERS),
    ]
)


@register_jitable
def keep_shown(p, g):
    """Start with the orders that the steps of abstract parameters show."""
    g.before[:] = 0
    for i in range(p.steps):
        x = p.order[i]
        if x >= p.edges:
            parent = p.owner[x]
            for k in range(1, p.children[parent]):
                keep_order(p, g, p.target[p.child[parent, k - 1]], p.target[p.child[parent, k]])


@register_jitable
def keep_order(p, g, a, b):
    """Keep two items of one layer in their order."""
    layer = p.layer[a]
    if a != b:
        g.before[layer, min(a, b) - p.first[layer], max(a, b) - p.first[layer]] = 1


@register_jitable
def keep_enlisted(p, g, chosen):
    """Keep the order of some parameters of each kind, as far as it comes from that of items."""
    rest = chosen
    while rest:
        x = member(rest, 0)
        rest &= rest - 1
        others = rest
        while others:
            y = member(others, 0)
            others &= others - 1
            if (x < p.edges) != (y < p.edges) or p.layer[p.owner[x]] != p.layer[p.owner[y]]:
                continue
            if p.owner[x] != p.owner[y]:
                keep_order(p, g, p.owner[x], p.owner[y])
            elif x < p.edges:
                keep_order(p, g, p.target[x], p.target[y])


@register_jitable
def count_numberings(p, g):
    """List the orders of each layer that are allowed; return how many numberings that makes."""
    whole = 1.0
    for layer in range(p.layers):
        width = p.width[layer]
        g.count[layer] = 0
        for k in range(HOW_MANY[width]):
            kept = True
            for later in range(width):
                for earlier in range(later):
                    if g.before[layer, ORDERS[width, k, later], ORDERS[width, k, earlier]]:
                        kept = False
            if kept:
                g.allowed[layer, g.count[layer]] = k
                g.count[layer] += 1
        whole *= g.count[layer]
    return whole


@register_jitable
def draw_numbering(state, p, w, g):
    """Give the items of w a uniform numbering of those that are allowed."""
    for layer in range(p.layers):
        k = g.allowed[layer, uniform(state, g.count[layer])]
        for i in range(p.width[layer]):
            w.numbered[p.first[layer] + i] = p.first[layer] + ORDERS[p.width[layer], k, i]


@register_jitable
def drawn_numbering(p, w):
    """Give the items of w the numbers that they were drawn with."""
    for item in range(p.first[p.layers]):
        w.numbered[item] = item
