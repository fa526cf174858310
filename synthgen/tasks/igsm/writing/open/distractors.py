"""Distractors: the sentences that no solution needs.

They stand on the free edges that the template left, and come level by level: a level is a subset of those left over,
its size uniform; each of them has a form and cites parameters, uniformly, one of the level before at least (those of
the first level none). So a set of sentences comes about in one way only, and its bits are exact. What they cite beside
each other is their kind: `any` necessary parameters too; `independent` none; `constant` ones are bare numbers.
"""

from __future__ import annotations

import functools
import math
from typing import Literal

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import below, subset
from synthgen.tasks.igsm.writing.open.counts import CONSTANT, PLAIN, PLUS, TIMES
from synthgen.tasks.igsm.writing.problem import PARAMS

Kind = Literal["any", "independent", "constant"]
ANY, INDEPENDENT, BARE_NUMBERS = 0, 1, 2
KINDS: dict[Kind, int] = {"any": ANY, "independent": INDEPENDENT, "constant": BARE_NUMBERS}

CITED, LITERAL, MINUS = range(3)
"""The columns of a form: parameters cited, `literal` and `minus` as in a problem's record."""

FORMS = np.array(
    [(0, CONSTANT, 0)]
    + [(1, literal, 0) for literal in (PLAIN, PLUS, TIMES)]
    + [(2, literal, minus) for literal in (PLAIN, PLUS, TIMES) for minus in (0, 1)]
    + [(3, literal, 0) for literal in (PLAIN, PLUS, TIMES)]
    + [(4, PLAIN, 0)],
    np.int64,
)
"""Forms of a sentence, by parameters cited."""

FORMS_BY_REFS = np.array([1, 3, 6, 3, 1], np.int64)

SCATTER = np.dtype(
    [
        ("cited", "i8", 2 * PARAMS),  # what may be cited, the last level at the end
        ("left", "i8", PARAMS),
        ("chosen", "i8", PARAMS),
        ("number", "i8", 4),
    ]
)


def new_scatter() -> np.record:
    """Return an empty scratch record for `scatter`."""
    return np.zeros(1, np.dtype((np.record, SCATTER)))[0]


@register_jitable(forceinline=True)
def _falling(n, k):
    """Return n (n-1) ... (n-k+1); 0 for k > n."""
    product = 1
    for i in range(k):
        product *= max(0, n - i)
    return product


@register_jitable
def _cite(state, w, have, last, refs, p, x):
    """Let x cite `refs` of w.cited[:have], at least one of the `last` ones at its end (where last > 0)."""
    p.refs[x] = refs
    older = have - last
    if last == 0:
        number, first = below(state, _falling(have, refs)), -1
    else:
        number, first = below(state, _falling(have, refs) - _falling(older, refs)), 0
        # `first` is the first operand of the last level: those before it are older, those behind are any.
        while number >= _falling(older, first) * last * _falling(have - first - 1, refs - first - 1):
            number -= _falling(older, first) * last * _falling(have - first - 1, refs - first - 1)
            first += 1
    for i in range(refs):
        if last > 0 and i < first:
            low, size = 0, older - i
        elif last > 0 and i == first:
            low, size = older, last
        else:
            low, size = 0, have - i
        which = low + number % size
        number //= size
        for j in range(i):  # w.number holds the ones taken, rising; among these the choice is of what is left
            if w.number[j] >= low and which >= w.number[j]:
                which += 1
        p.ref[x, i] = w.cited[which]
        place = i
        while place > 0 and w.number[place - 1] > which:
            w.number[place] = w.number[place - 1]
            place -= 1
        w.number[place] = which


@register_jitable
def scatter(state, kind, references, free, frees, p, w):
    """Give the parameters free[:frees] their sentences and append them to `made`; goes on with the draws of `state`.

    `order` and `necessary` of p must be filled, and `made` as far as the solution goes.
    """
    sentences = 0
    for i in range(p.steps):
        if p.order[i] < p.edges:
            sentences += 1
    have, last, left = 0, 0, frees
    if kind == ANY:
        for i in range(p.steps):
            w.cited[i] = p.order[i]
        have = p.steps
    for i in range(frees):
        w.left[i] = free[i]
    while left > 0:
        size = left
        if kind != BARE_NUMBERS:
            size = 1 + below(state, left)
        subset(state, left, size, w.chosen)
        low = 1 if last > 0 else 0
        high = 0 if kind == BARE_NUMBERS else min(references, have)
        forms, start = 0, low
        for refs in range(low, high + 1):
            forms += FORMS_BY_REFS[refs]
        for i in range(size):
            x = w.left[w.chosen[i]]
            form = start + below(state, forms)
            p.literal[x] = FORMS[form, LITERAL]
            p.minus[x] = FORMS[form, MINUS]
            _cite(state, w, have, last, FORMS[form, CITED], p, x)
            p.made[sentences] = x
            sentences += 1
        for i in range(size):
            w.cited[have + i] = w.left[w.chosen[i]]
        have += size
        last = size
        kept, taken = 0, 0
        for i in range(left):
            if taken < size and w.chosen[taken] == i:
                taken += 1
            else:
                w.left[kept] = w.left[i]
                kept += 1
        left = kept


# ---------------------------------------------------------------------------------------------------------------------


def means(number: int, necessary: int, kind: Kind, references: int) -> np.ndarray:
    """Return the exact means over `number` distractors beside `necessary` parameters: (4,) float64.

    Bits, and how many are constants, add a number, multiply by one.
    """
    return _means(number, necessary if kind == "any" else 0, 0, kind == "constant", references)


@functools.lru_cache(maxsize=1 << 16)
def _means(left: int, have: int, last: int, bare: bool, references: int) -> np.ndarray:
    if left == 0:
        return np.zeros(4)
    if bare:
        return np.array([0.0, left, 0.0, 0.0])
    one = _sentence(have, last, references)
    total = np.zeros(4)
    for size in range(1, left + 1):
        after = _means(left - size, have + size, size, bare, references)
        total += size * one + after
        total[0] += math.log2(left) + math.log2(math.comb(left, size))
    return total / left


@functools.lru_cache(maxsize=1 << 14)
def _sentence(have: int, last: int, references: int) -> np.ndarray:
    low, high = (1 if last else 0), min(references, have)
    kept = FORMS[(FORMS[:, CITED] >= low) & (FORMS[:, CITED] <= high)]
    ways = [math.perm(have, int(refs)) - (math.perm(have - last, int(refs)) if last else 0) for refs in kept[:, CITED]]
    bits = math.log2(len(kept)) + math.fsum(map(math.log2, ways)) / len(kept)
    return np.array([bits, *((kept[:, LITERAL] == literal).mean() for literal in (CONSTANT, PLUS, TIMES))])
