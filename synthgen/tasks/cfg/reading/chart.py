"""The chart: exact probabilities of strings, prefixes and next tokens, and exact counts of parses.

A probabilistic Earley parser (Stolcke 1995) with implicit predictions: one pass from left to right over rules of any
length, unit rules, weights and recursion. Every chart value is a sum of products of rule weights, so weights choose the
semiring: probabilities give inside and prefix probabilities, ones give the number of parses, and what is positive is
derivable. Values are divided by the probability of the tokens read so far, so that nothing underflows.

At position i an *item* is a rule of which some children are found, from where it started to i. `alpha` is its forward
probability (the whole prefix and this item, given the tokens), `gamma` its inner one. Rules of which nothing is found
yet are not stored: `expected[i, A]` says with what probability an A starts at i, left corners included.
"""

from __future__ import annotations

import graphlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_of_double
from synthgen.tasks.cfg.recursion import closure, dies_out

EXACT_FLOAT = 2.0**53
"""Counts up to this are exact in a float; larger ones are counted again with Python integers."""


class ChartRules(NamedTuple):
    """A grammar as arrays for the chart; symbols are numbered from 0, non-terminals first, then terminals."""

    weight: np.ndarray  # (rules,) float64
    corner_weight: np.ndarray  # left corners: expecting A, expect corner_symbol[j] with corner_weight[j] ...
    head: np.ndarray  # (rules,) the symbol a rule expands
    size: np.ndarray  # (rules,) how many children
    children: np.ndarray  # (rules, widest)
    dot: np.ndarray  # (rules,) dot + k is the number of the rule with k children found
    starting: np.ndarray  # rules by their first child: ...
    starting_from: np.ndarray  # (symbols + 1,) ... those of X are starting[from[X] : from[X + 1]]
    order: np.ndarray  # (symbols,) a head's is above that of the child of any of its unit rules; terminals' are lowest
    at_order: np.ndarray  # (symbols,) the inverse of `order`
    corner_symbol: np.ndarray
    corner_from: np.ndarray  # (non-terminals + 1,) ... for corner_from[A] <= j < corner_from[A + 1]
    root: int
    nonterminals: int


def chart_rules(
    root: int, rules: Sequence[tuple[int, Sequence[int], float]], nonterminals: int, terminals: int
) -> ChartRules:
    """Return the arrays of a grammar given as (head, children, weight) over dense symbol numbers.

    Raises ValueError for a cycle of unit rules and for left recursion that does not converge.
    """
    symbols = nonterminals + terminals
    size = np.array([len(children) for _, children, _ in rules], np.int64)
    children = np.full((len(rules), int(size.max())), -1, np.int64)
    for r, (_, right_side, _) in enumerate(rules):
        children[r, : len(right_side)] = right_side
    by_first = sorted(range(len(rules)), key=lambda r: (children[r, 0], r))
    at_order = np.array([*range(nonterminals, symbols), *_unit_order(rules, nonterminals)], np.int64)
    corners = np.zeros((nonterminals, nonterminals))
    for a, right_side, w in rules:
        if right_side[0] < nonterminals:
            corners[a, right_side[0]] += w
    if not dies_out(corners):
        raise ValueError("left recursion does not converge")
    reach = closure(corners)
    return ChartRules(
        weight=np.array([w for _, _, w in rules], np.float64),
        corner_weight=np.linalg.inv(np.eye(nonterminals) - corners)[np.nonzero(reach)],
        head=np.array([a for a, _, _ in rules], np.int64),
        size=size,
        children=children,
        dot=np.concatenate([[0], np.cumsum(size)])[:-1].astype(np.int64),
        starting=np.array(by_first, np.int64),
        starting_from=np.searchsorted(children[by_first, 0], np.arange(symbols + 1)).astype(np.int64),
        order=np.argsort(at_order).astype(np.int64),
        at_order=at_order,
        corner_symbol=np.nonzero(reach)[1].astype(np.int64),
        corner_from=np.concatenate([[0], np.cumsum(reach.sum(axis=1))]).astype(np.int64),
        root=root,
        nonterminals=nonterminals,
    )


def _unit_order(rules: Sequence[tuple[int, Sequence[int], float]], nonterminals: int) -> list[int]:
    """Return the non-terminals so that a head comes after the child of each of its unit rules."""
    below: dict[int, set[int]] = {a: set() for a in range(nonterminals)}
    for a, children, _ in rules:
        if len(children) == 1 and children[0] < nonterminals:
            below[a].add(children[0])
    try:
        return list(graphlib.TopologicalSorter(below).static_order())
    except graphlib.CycleError as error:
        raise ValueError(f"unit rules lead in a circle: {error.args[1]}") from None


class Chart:
    """Reads strings with one grammar. Tokens are terminals, counted from 0; other numbers are in no string."""

    def __init__(self, rules: ChartRules) -> None:
        self.rules = rules
        self._counting = rules._replace(
            weight=np.ones_like(rules.weight), corner_weight=np.ones_like(rules.corner_weight)
        )

    def conditionals(self, tokens: np.ndarray, table: np.ndarray | None = None) -> tuple[np.ndarray, int]:
        """Return P(token i | tokens before) for i = 0 .. n, the last one for the end of the string, and how far it got.

        The second value is n if some string of the language begins so, else the first position that none has; the
        entries from there on are 0. `table`, if given, is filled with the whole distributions: (n + 1, terminals + 1).
        """
        given = np.zeros(tokens.size + 1)
        whole = np.zeros((0, 0)) if table is None else table
        return given, self._run(_read, tokens, self.rules, True, given, whole, np.float64)

    def parses(self, tokens: np.ndarray) -> int:
        """Return the exact number of derivations of a string."""
        given = np.zeros(tokens.size + 1)
        if self._run(_read, tokens, self._counting, False, given, np.zeros((0, 0)), np.float64) < tokens.size:
            return 0
        if given[-1] < EXACT_FLOAT:  # every part of a sum of products of whole numbers is at most the sum
            return round(given[-1])
        exact, ones = np.zeros(tokens.size + 1, object), self._counting
        ones = ones._replace(weight=_whole(ones.weight), corner_weight=_whole(ones.corner_weight))
        self._run(getattr(_read, "py_func", _read), tokens, ones, False, exact, np.zeros((0, 0)), object)
        return int(exact[-1])

    def _run(
        self, read: Any, tokens: np.ndarray, rules: ChartRules, scaled: bool, given: Any, table: Any, number: Any
    ) -> int:
        room = 16 * tokens.size + 256
        while True:
            done = np.zeros((rules.starting_from.size - 1, tokens.size + 1), number)
            gamma = np.zeros(room, number)
            reached = read(tokens, rules, scaled, given, table, gamma, done)
            if reached >= 0:
                return int(reached)
            room *= 4


def _whole(weights: np.ndarray) -> np.ndarray:
    return weights.astype(int).astype(object)


def bits_of(given: np.ndarray) -> np.ndarray:
    """Return -log2 of probabilities (n,) in ledger units, int64: integer arithmetic, so equal on every machine."""
    return _units_of(np.minimum(given, 1.0))


@kernel
def _units_of(given):
    units = np.empty(given.size, np.int64)
    for i in range(given.size):
        units[i] = -log2_of_double(given[i])
    return units


@kernel
def _read(tokens, rules, scaled, given, table, gamma, done):
    """Read tokens from left to right; see `Chart.conditionals`. Returns -1 if `gamma` has no room for all items.

    With `scaled` false, values are not divided by prefix probabilities and given[n] is the plain sum of products of
    weights: with ones, the number of parses. `done` (symbols, n + 1) is zero and is left so.
    """
    weight, corner_weight, head, size, children, dot, starting, starting_from = rules[:8]
    order, at_order, corner_symbol, corner_from, root, nonterminals = rules[8:]
    n = tokens.size
    symbols = starting_from.size - 1
    room = gamma.size
    alpha = np.empty(room)
    rule_of, progress, start_of = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    following = np.empty(room, np.int64)  # the next item at the same position that waits for the same symbol
    waiting = np.full((n + 1, symbols), -1, np.int64)  # the first such item
    item_at = np.full((dot[-1] + size[-1] + 1, n + 1), -1, np.int64)  # by dotted rule and start: the newest item
    expected = np.zeros((n + 1, symbols))
    pending = np.zeros((symbols, n + 1), np.bool_)  # completions that stand on the heap, by order and start
    heap = np.empty(symbols * (n + 1) + 1, np.int64)
    after = np.empty(symbols)
    terminals = symbols - nonterminals

    for j in range(corner_from[root], corner_from[root + 1]):
        expected[0, corner_symbol[j]] = corner_weight[j]
    items = 0
    for i in range(n + 1):
        # What may come next: items that wait for a terminal, and rules that may start with one.
        for terminal in range(nonterminals, symbols):
            after[terminal] = 0.0
            item = waiting[i, terminal]
            while item >= 0:
                after[terminal] += alpha[item]
                item = following[item]
            for j in range(starting_from[terminal], starting_from[terminal + 1]):
                after[terminal] += expected[i, head[starting[j]]] * weight[starting[j]]
        if table.size:
            for t in range(terminals):
                table[i, t] = after[nonterminals + t]
            table[i, terminals] = given[n]
        if i == n:
            return n
        given[n] = 0
        if tokens[i] < 0 or tokens[i] >= terminals or after[nonterminals + tokens[i]] == 0.0:
            return i
        here = after[nonterminals + tokens[i]]
        given[i] = here

        # A token is a complete terminal; a completed symbol moves on what waits for it, and may complete another.
        # Short spans come first and, within a span, unit rules from below: so each is whole when its turn comes.
        first = items
        rank = order[nonterminals + tokens[i]]
        done[rank, i] = 1 / here if scaled else 1
        pending[rank, i] = True
        waits = _push(heap, 0, (n - i) * symbols + rank)
        while waits > 0:
            key = heap[0]
            waits = _pop(heap, waits)
            middle, rank = n - key // symbols, key % symbols
            symbol, value = at_order[rank], done[rank, middle]
            pending[rank, middle] = False
            done[rank, middle] = 0
            if symbol == root and middle == 0:
                given[n] = value
            which = waiting[middle, symbol]
            opening = starting_from[symbol]
            while which >= 0 or opening < starting_from[symbol + 1]:
                if which >= 0:
                    rule, k, start = rule_of[which], progress[which] + 1, start_of[which]
                    forward = alpha[which] * value if scaled else 1.0
                    inner = gamma[which] * value
                    which = following[which]
                else:
                    rule, k, start = starting[opening], 1, middle
                    opening += 1
                    if expected[middle, head[rule]] == 0.0:
                        continue
                    inner = weight[rule] * value
                    forward = expected[middle, head[rule]] * inner if scaled else 1.0
                if k == size[rule]:
                    rank = order[head[rule]]
                    done[rank, start] += inner
                    if not pending[rank, start]:
                        pending[rank, start] = True
                        waits = _push(heap, waits, (n - start) * symbols + rank)
                    continue
                item = item_at[dot[rule] + k, start]
                if item < first:
                    if items == room:
                        return -1
                    item = items
                    items += 1
                    item_at[dot[rule] + k, start] = item
                    rule_of[item], progress[item], start_of[item] = rule, k, start
                    alpha[item] = 0.0
                    gamma[item] = 0
                gamma[item] += inner
                alpha[item] += forward  # of counts, which may be too long for a float, only that it is positive matters

        # What the new items wait for, closed under left corners.
        for item in range(first, items):
            symbol = children[rule_of[item], progress[item]]
            following[item] = waiting[i + 1, symbol]
            waiting[i + 1, symbol] = item
            if symbol < nonterminals:
                for j in range(corner_from[symbol], corner_from[symbol + 1]):
                    expected[i + 1, corner_symbol[j]] += alpha[item] * corner_weight[j]
    return n


@register_jitable
def _push(heap, size, key):
    """Add a key to a heap of `size` whose smallest key is first; return the new size."""
    at = size
    while at > 0 and heap[(at - 1) // 2] > key:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = key
    return size + 1


@register_jitable
def _pop(heap, size):
    """Remove the smallest key, heap[0]; return the new size."""
    size -= 1
    key = heap[size]
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = key
    return size
