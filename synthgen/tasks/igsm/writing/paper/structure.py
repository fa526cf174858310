"""The structure graph of the paper's sampler: items in layers, edges between them, what abstract parameters need."""

from __future__ import annotations

from numba.extending import register_jitable

from synthgen.exact.draw import below, uniform
from synthgen.exact.ledger import log2_units
from synthgen.tasks.igsm.writing.problem import LAYERS, number_parameters
from synthgen.tasks.igsm.writing.sets import urn


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
        w.instances[item] = 0
    for x in range(p.edges):
        w.instances[p.owner[x]] |= 1 << x
        w.cost[x] = 1
    for x in range(p.params - 1, p.edges - 1, -1):  # inner layers have the higher numbers
        parent, layer = p.owner[x], p.target[x]
        level = layer - p.layer[parent]
        children = p.children[parent]
        needs = w.instances[parent]
        closure = needs | 1 << x
        if level > 1:
            for i in range(children):
                y = p.abstract[p.target[p.child[parent, i]], layer]
                needs |= 1 << y
                closure |= w.closure[y]
        w.needs[x] = needs
        w.closure[x] = closure
        w.cost[x] = max(1, children - 1 if level == 1 else 2 * children - 1)
        w.level[level] |= 1 << x
