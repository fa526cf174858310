"""Budgets of a problem of the paper's sampler, and how many edges its structure graph has: four styles.

A problem has s operations, m of them for the parameters that are chosen, n of those for abstract ones; n <= m <= s. The
papers use `light` (Part 2.1, appendix D); the released code has three more, of which only the names say what they are.

light     s the lesser of two uniform numbers; n the greater of two up to s, m from n on; edges the lesser of two
uniform   s uniform, m up to s, n up to m
middle    n, m, s are three uniform numbers in their order; where s is given, n and m are two up to it
heavy     n uniform, m from n on, s from m on; where s is given, all are up to it

All but `light` draw edges uniformly, half of the time from none on, half of the time from s on.
"""

from __future__ import annotations

from numba.extending import register_jitable

from synthgen.exact.draw import below
from synthgen.tasks.igsm.writing.sets import greater, lesser

STYLES = ("light", "uniform", "middle", "heavy")
LIGHT, UNIFORM, MIDDLE, HEAVY = range(len(STYLES))


@register_jitable
def draw_budgets(state, law, op):
    """Return (s, m, n): of a given s, which is the op, or of all that make this op; s is 0 where it cannot make it."""
    if law.style == LIGHT:
        s = op if law.fixed else lesser(state, op, law.max_op)
        n = greater(state, 1, s)
        return s, n + below(state, s - n + 1), n
    if law.style == UNIFORM:
        s = op if law.fixed else op + below(state, law.max_op - op + 1)
        m = 1 + below(state, s)
        return s, m, 1 + below(state, m)
    if law.style == MIDDLE:
        return _middle(state, law, op)
    most = op if law.fixed else law.max_op
    n = 1 + below(state, most)
    m = n + below(state, most - n + 1)
    s = op if law.fixed else m + below(state, most - m + 1)
    return s if s >= op else 0, m, n


@register_jitable
def _middle(state, law, op):
    most = op if law.fixed else law.max_op
    a, b = 1 + below(state, most), 1 + below(state, most)
    c = op if law.fixed else 1 + below(state, most)
    least, greatest = min(a, b, c), max(a, b, c)
    return greatest if greatest >= op else 0, a + b + c - least - greatest, least


@register_jitable
def draw_edges(state, law, s, least, most):
    """Return how many edges there are, given s, and the fewest and the most that the layers can have."""
    if law.style == LIGHT:
        edges = lesser(state, least, max(law.max_edge, least))
    else:
        lowest = min(s, law.max_edge) if below(state, 2) else 0
        edges = lowest + below(state, law.max_edge - lowest + 1)
    return min(max(edges, least), most)
