"""The recognizer: whether a string is one of an ambiguous grammar, and how far it could be, without probabilities.

The chart's Earley parser (see `synthgen.tasks.cfg.reading.chart`), with all items of a dotted rule at a place as one
row of bits, a bit for each start. Steps still grow with the cube of the tokens, but 64 at a time: 2,000 tokens of
the most ambiguous grammar take a tenth of a second and not ten.
"""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.jit import kernel
from synthgen.tasks.cfg.reading.chart import ChartRules

MOST_BYTES = 1 << 28
"""Of the bits of all items. Larger grammars are left to the chart."""


class Recognizer:
    """Reads strings with one grammar. Tokens are as `Chart` has them."""

    def __init__(self, rules: ChartRules) -> None:
        self.rules = rules
        self.dotted = int(rules.dot[-1] + rules.size[-1])
        waits = [(int(rules.children[r, k]), r, k) for r in range(rules.size.size) for k in range(1, rules.size[r])]
        table = np.array(sorted(waits), np.int64).reshape(-1, 3)
        self._rule, self._progress = np.ascontiguousarray(table[:, 1]), np.ascontiguousarray(table[:, 2])
        self._waiting_from = np.searchsorted(table[:, 0], np.arange(rules.starting_from.size)).astype(np.int64)

    def fits(self, tokens: int) -> bool:
        """Return whether a string of so many tokens is read in bounded memory."""
        return self.dotted * (tokens + 1) * (tokens // 64 + 1) * 8 <= MOST_BYTES

    def read(self, tokens: np.ndarray) -> tuple[int, bool]:
        """Return the first position that no string has (n if some string begins so), and whether it is a string."""
        items = np.zeros((self.dotted, tokens.size + 1, tokens.size // 64 + 1), np.uint64)
        reached, whole = _recognize(tokens, self.rules, self._waiting_from, self._rule, self._progress, items)
        return int(reached), bool(whole)


@kernel
def _recognize(tokens, rules, waiting_from, waiting_rule, progress, items):
    """Read tokens; see `Recognizer.read`. Bit s of items[dot[rule] + k, i] is an item from s to i; all are 0."""
    head, size, children, dot, starting, starting_from, order, at_order = rules[2:10]
    corner_symbol, corner_from, root, nonterminals = rules[10:]
    n = tokens.size
    symbols, words = starting_from.size - 1, items.shape[2]
    expected = np.zeros((n + 1, symbols), np.bool_)
    some = np.zeros((items.shape[0], n + 1), np.bool_)  # whether a row of bits has any
    done = np.zeros((symbols, words), np.uint64)  # the starts of what is complete, by order
    pending = np.zeros(words, np.uint64)  # all of them
    one, whole = np.uint64(1), False
    for j in range(corner_from[root], corner_from[root + 1]):
        expected[0, corner_symbol[j]] = True
    for i in range(n):
        token = nonterminals + tokens[i]
        if tokens[i] < 0 or token >= symbols:
            return i, False
        viable = False
        for j in range(waiting_from[token], waiting_from[token + 1]):
            viable |= some[dot[waiting_rule[j]] + progress[j], i]
        for j in range(starting_from[token], starting_from[token + 1]):
            viable |= expected[i, head[starting[j]]]
        if not viable:
            return i, False
        done[:] = 0
        pending[:] = 0
        _add(done, pending, order[token], i)
        whole = False
        for middle in range(i, -1, -1):  # short spans first and, within a span, unit rules from below
            word, bit = middle >> 6, one << np.uint64(middle & 63)
            if not pending[word] & bit:
                continue
            for rank in range(symbols):
                if not done[rank, word] & bit:
                    continue
                symbol = at_order[rank]
                whole |= symbol == root and middle == 0
                for j in range(waiting_from[symbol], waiting_from[symbol + 1]):
                    rule, k = waiting_rule[j], progress[j]
                    item = dot[rule] + k
                    if not some[item, middle]:
                        continue
                    if k + 1 == size[rule]:
                        above = order[head[rule]]
                        for w in range(word + 1):
                            done[above, w] |= items[item, middle, w]
                            pending[w] |= items[item, middle, w]
                    else:
                        some[item + 1, i + 1] = True
                        for w in range(word + 1):
                            items[item + 1, i + 1, w] |= items[item, middle, w]
                for j in range(starting_from[symbol], starting_from[symbol + 1]):
                    rule = starting[j]
                    if not expected[middle, head[rule]]:
                        continue
                    if size[rule] == 1:
                        _add(done, pending, order[head[rule]], middle)
                    else:
                        some[dot[rule] + 1, i + 1] = True
                        items[dot[rule] + 1, i + 1, word] |= bit
        for j in range(waiting_rule.size):
            symbol = children[waiting_rule[j], progress[j]]
            if symbol < nonterminals and some[dot[waiting_rule[j]] + progress[j], i + 1]:
                for c in range(corner_from[symbol], corner_from[symbol + 1]):
                    expected[i + 1, corner_symbol[c]] = True
    return n, whole


@register_jitable
def _add(done, pending, rank, start):
    """Note that a symbol is complete which begins at `start`."""
    bit = np.uint64(1) << np.uint64(start & 63)
    done[rank, start >> 6] |= bit
    pending[start >> 6] |= bit
