"""Linear orders of what a problem mentions, each behind all it is computed from: of sentences, and of needless steps.

As the released code draws them: one after the other, uniformly among what is ready. There is one vertex more, on which
everything with a number of its own waits.
"""

from __future__ import annotations

from numba.extending import register_jitable

from synthgen.tasks.igsm.writing.problem import BARE
from synthgen.tasks.igsm.writing.sets import member, pick

NUMBERS = 62
"""The vertex that stands for the numbers of sentences; parameters are those below (of the paper's sampler, 62)."""


@register_jitable
def draw_linear_order(state, p, out, last):
    """Write a random linear order of the instance parameters and those of p.mentioned, up to `last`; return its size.

    -1: up to the end. Books every choice, that of the numbers too.
    """
    placed, count = 0, 0
    whole = (1 << p.edges) - 1 | p.mentioned | 1 << NUMBERS
    while placed != whole:
        x = pick(state, _ready(p, whole & ~placed, placed))
        placed |= 1 << x
        if x != NUMBERS:
            out[count] = x
            count += 1
            if x == last:
                break
    return count


@register_jitable
def _ready(p, left, placed):
    """Return what is left, as bits, of which all that it is computed from is placed."""
    ready, rest = left & 1 << NUMBERS, left & ~(1 << NUMBERS)
    while rest:
        x = member(rest, 0)
        rest &= rest - 1
        if _needs(p, x) & ~placed == 0:
            ready |= 1 << x
    return ready


@register_jitable
def _needs(p, x):
    """Return what parameter x is computed from, as bits."""
    needs = 0
    if x < p.edges:
        for r in range(p.refs[x]):
            needs |= 1 << p.ref[x, r]
        return needs | 1 << NUMBERS if p.literal[x] != BARE else needs
    item, layer = p.owner[x], p.target[x]
    for i in range(p.children[item]):
        edge = p.child[item, i]
        needs |= 1 << edge
        if layer - p.layer[item] > 1:
            needs |= 1 << p.abstract[p.target[edge], layer]
    return needs
