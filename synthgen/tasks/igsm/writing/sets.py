"""Sets of parameters as bits, and draws with their exact books."""

from __future__ import annotations

from numba.extending import register_jitable

from synthgen.exact.draw import below, uniform
from synthgen.exact.ledger import log2_units


@register_jitable(forceinline=True)
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
