"""Probabilities of whole strings by a dense table of spans, for grammars without recursion in which most spans fit.

Under noise nearly every span can be any symbol, and a sparse chart pays for each item it keeps apart. Here a symbol, or
the first children of a rule, has one row a start, one column a length between its shortest and its longest; the rows of
a right-hand side are sums of rows of its last child, shifted by the length of what is before, which a machine adds up
several at a time. Two rules that begin alike share what they begin with. Terminals have 2^scale instead of 1, so that
a span of n tokens has its probability times 2^(scale n), which stays near 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.jit import kernel

MOST_SCALED = 800.0
"""Bits that terminals may add to a string in all, and ..."""

LEAST_FOUND = 2.0**-100
"""... what a string must come to, scaled. Then what is lost is nothing: a product that is too small for a float, below
2^-1022, meets at most 2^800 on its way up, and of fewer than 2^50 such none reaches 2^-70 of the sum."""

MOST_ENTRIES = 1 << 26
"""Entries of all tables of a string, half a gigabyte; pages that nothing is written to take no memory."""


class InsideRules(NamedTuple):
    """A grammar as arrays: tables are numbered, terminals first, then in an order in which each needs earlier ones.

    A table is of a symbol, or of the first two or more children of a rule. Sums come from lists of (other, p), products
    from a pair (before, last); the one that a table is not has no entries or -1.
    """

    terminals: int
    least: np.ndarray  # (tables,) tokens of the shortest span
    most: np.ndarray  # (tables,) tokens of the longest
    before: np.ndarray  # (tables,) of a product: what it begins with, a table; else -1
    last: np.ndarray  # (tables,) ... and its last child, the table of a symbol
    first: np.ndarray  # (tables + 1,) of a sum: its terms are from first[v] to first[v + 1] ...
    term: np.ndarray  # (terms,) ... a table
    weight: np.ndarray  # (terms,) ... and its probability
    root: int
    scale: float  # bits that a token adds


def inside_rules(
    root: int,
    order: Sequence[int],
    expansions: Mapping[int, Sequence[tuple[float, Sequence[int]]]],
    terminals: Sequence[int],
    scale: float,
) -> InsideRules:
    """Return the arrays of a grammar: `order` has the non-terminals, children before parents, `expansions` their rules.

    Terminals are numbered from 0 in the order given, as in the chart.
    """
    number: dict[tuple[int, ...], int] = {(t,): i for i, t in enumerate(terminals)}
    least, most = [1] * len(number), [1] * len(number)
    before, last = [-1] * len(number), [-1] * len(number)
    first, term, weight = [0] * (len(number) + 1), list[int](), list[float]()

    def add(key: tuple[int, ...], shortest: int, longest: int, left: int, right: int) -> None:
        number[key] = len(least)
        for column, value in zip((least, most, before, last), (shortest, longest, left, right), strict=True):
            column.append(value)
        first.append(len(term))

    for a in order:
        for _, children in expansions[a]:
            for size in range(2, len(children) + 1):
                if tuple(children[:size]) not in number:
                    left, right = number[tuple(children[: size - 1])], number[(children[size - 1],)]
                    ends = least[left] + least[right], most[left] + most[right]
                    add(tuple(children[:size]), *ends, left, right)
        options = [(p, number[tuple(children)]) for p, children in expansions[a]]
        term += [v for _, v in options]
        weight += [p for p, _ in options]
        add((a,), min(least[v] for _, v in options), max(most[v] for _, v in options), -1, -1)
    return InsideRules(
        terminals=len(terminals),
        least=np.array(least, np.int64),
        most=np.array(most, np.int64),
        before=np.array(before, np.int64),
        last=np.array(last, np.int64),
        first=np.array(first, np.int64),
        term=np.array(term, np.int64),
        weight=np.array(weight),
        root=number[(root,)],
        scale=scale,
    )


def log2_inside(rules: InsideRules, tokens: np.ndarray) -> float:
    """Return log2 of the probability of a string (terminals, counted from 0); NaN where it is too long or unlikely."""
    widths = np.maximum(0, np.minimum(rules.most, tokens.size) - rules.least + 1)
    if tokens.size * rules.scale > MOST_SCALED or tokens.size * int(widths.sum()) > MOST_ENTRIES:
        return math.nan
    value = _inside(tokens, 2.0**rules.scale, *rules[:-1])
    return math.log2(value) - tokens.size * rules.scale if LEAST_FOUND < value < math.inf else math.nan


@kernel
def _inside(tokens, one, terminals, least, most, before, last, first, term, weight, root):
    """Return the scaled probability of a string; `one` is what a terminal counts."""
    n = tokens.size
    tables = least.size
    width = np.zeros(tables, np.int64)
    offset = np.zeros(tables + 1, np.int64)
    for v in range(tables):
        width[v] = max(0, min(most[v], n) - least[v] + 1)
        offset[v + 1] = offset[v] + n * width[v]

    # Where a table can start, given what may stand before it: from the root down.
    starts = np.zeros((tables, n + 1), np.bool_)
    starts[root, 0] = True
    for v in range(tables - 1, terminals - 1, -1):
        if before[v] < 0:
            for j in range(first[v], first[v + 1]):
                for i in range(n):
                    starts[term[j], i] |= starts[v, i]
        else:
            near, far = least[before[v]], most[before[v]]
            upto = 0
            for i in range(n):
                if starts[v, i]:
                    starts[before[v], i] = True
                    for at in range(max(upto, i + near), min(n - 1, i + far) + 1):
                        starts[last[v], at] = True
                    upto = max(upto, i + far + 1)

    table = np.zeros(offset[tables])
    low = np.ones((tables, n), np.int64)  # the columns of a row that are not 0: from here ...
    high = np.zeros((tables, n), np.int64)  # ... to here, both included; none where this is less
    for i in range(n):
        table[offset[tokens[i]] + i] = one
        low[tokens[i], i] = 0
    for v in range(terminals, tables):
        if width[v] == 0:
            continue
        for i in range(n - least[v] + 1):
            if not starts[v, i]:
                continue
            row = table[offset[v] + i * width[v] : offset[v] + (i + 1) * width[v]]
            from_, upto = width[v], -1
            if before[v] < 0:
                for j in range(first[v], first[v + 1]):
                    u = term[j]
                    if low[u, i] <= high[u, i]:
                        shift = least[u] - least[v]
                        there = offset[u] + i * width[u]
                        _add(row, weight[j], table[there : there + width[u]], shift, low[u, i], high[u, i])
                        from_, upto = min(from_, shift + low[u, i]), max(upto, shift + high[u, i])
            else:
                b, c = before[v], last[v]
                for k in range(low[b, i], high[b, i] + 1):
                    factor = table[offset[b] + i * width[b] + k]
                    at = i + least[b] + k
                    if factor != 0.0 and at < n and low[c, at] <= high[c, at]:
                        there = offset[c] + at * width[c]
                        _add(row, factor, table[there : there + width[c]], k, low[c, at], high[c, at])
                        from_, upto = min(from_, k + low[c, at]), max(upto, k + high[c, at])
            low[v, i], high[v, i] = from_, upto
    if width[root] == 0 or n < least[root]:
        return 0.0
    return table[offset[root] + n - least[root]]


@register_jitable
def _add(row, factor, other, shift, low, high):
    """Add `factor` times the columns [low, high] of another row to a row's, `shift` further on."""
    into = row[shift + low : shift + high + 1]
    what = other[low : high + 1]
    for m in range(what.size):
        into[m] += factor * what[m]
