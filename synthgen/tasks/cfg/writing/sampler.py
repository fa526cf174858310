"""The sampler: leftmost derivations, one draw for every expansion, in compiled code; of any grammar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthgen.errors import DrawError
from synthgen.exact.draw import begin, uniform
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units
from synthgen.tasks.cfg.rules import Rules
from synthgen.tasks.cfg.writing.even import EvenRules, write_even_rows

MAX_TOKENS = 1 << 30
"""Room a batch may take; a recursive grammar could ask for any amount."""


class Tables(NamedTuple):
    """A grammar as arrays. Rule r of symbol s has number first[s] + r."""

    first: np.ndarray  # (symbols,) int64: a symbol's first rule
    degree: np.ndarray  # (symbols,) int64: how many rules; 0 for terminals
    uneven: np.ndarray  # (symbols,) bool: whether its rules differ in weight
    cumulative: np.ndarray  # (rules,) int64: running sums of the weights within a symbol
    size: np.ndarray  # (rules,) int64: children of a rule
    children: np.ndarray  # (rules, widest) int32: in order if all are terminals, else last child first, for the stack
    emits: np.ndarray  # (rules,) bool: whether all children are terminals
    book: np.ndarray  # (symbols,) int64: the book that a symbol's choices belong to
    cost: np.ndarray  # (rules,) int64: what choosing a rule books, in ledger units

    @classmethod
    def of(cls, grammar: Rules) -> Tables:
        """Return the arrays of a grammar."""
        symbols = max(*grammar.rules, *grammar.terminals) + 1
        first, degree = np.zeros(symbols, np.int64), np.zeros(symbols, np.int64)
        uneven, book = np.zeros(symbols, np.bool_), np.zeros(symbols, np.int64)
        rules = [(symbol, rule) for symbol in sorted(grammar.rules) for rule in grammar.rules[symbol]]
        for number, (symbol, rule) in reversed(list(enumerate(rules))):
            first[symbol] = number
            degree[symbol] += 1
            uneven[symbol] |= rule.weight != grammar.rules[symbol][0].weight
        cumulative = np.concatenate([np.cumsum([r.weight for r in grammar.rules[s]]) for s in sorted(grammar.rules)])
        emits = np.array([not any(c in grammar.rules for c in rule.children) for _, rule in rules])
        children = np.zeros((len(rules), max(len(rule.children) for _, rule in rules)), np.int32)
        for number, (_, rule) in enumerate(rules):
            children[number, : len(rule.children)] = rule.children if emits[number] else rule.children[::-1]
        size = np.array([len(rule.children) for _, rule in rules], np.int64)
        for symbol, number in grammar.books.items():
            book[symbol] = number
        whole = {s: log2_units(sum(r.weight for r in options)) for s, options in grammar.rules.items()}
        costs = [
            whole[s] - log2_units(rule.weight) if uneven[s] else log2_units(len(grammar.rules[s])) for s, rule in rules
        ]
        cost = np.array(costs, np.int64)
        return cls(first, degree, uneven, cumulative.astype(np.int64), size, children, emits, book, cost)


class Drawn(NamedTuple):
    """Strings with their derivations: row i is ids[id_ends[i - 1] : id_ends[i]]."""

    ids: np.ndarray  # (tokens,) uint16
    id_ends: np.ndarray  # (rows,) int64
    choices: np.ndarray  # (expansions,) uint8, or uint16 if a symbol has more than 256 rules
    choice_ends: np.ndarray  # (rows,) int64
    units: np.ndarray  # (rows, books) int64: ledger units

    @classmethod
    def new(cls, grammar: Rules, tables: Tables, rows: int, tokens: int, expansions: int, books: int = 1) -> Drawn:
        """Return room for some rows of so many tokens and expansions together."""
        return cls(
            ids=np.empty(tokens, np.uint16 if grammar.vocabulary <= 2**16 else np.uint32),
            id_ends=np.empty(rows, np.int64),
            choices=np.empty(expansions, np.uint8 if tables.degree.max() <= 256 else np.uint16),
            choice_ends=np.empty(rows, np.int64),
            units=np.empty((rows, books), np.int64),
        )

    def cut(self) -> Drawn:
        """Return the same rows without the room that is left behind the last."""
        return self._replace(ids=self.ids[: self.id_ends[-1]], choices=self.choices[: self.choice_ends[-1]])


@kernel
def write_rows(state, key, start, stop, root, tables, drawn):
    """Write the rows [start, stop): tokens to `ids`, the rules chosen (as numbers within their symbol) to `choices`.

    Returns the row at which the room ran out, or `stop`.
    """
    ids, id_ends, choices, choice_ends, units = drawn
    first, degree, uneven, cumulative, size, children, emits, book, cost = tables
    widest = children.shape[1]
    stack = np.empty(ids.size + widest, np.int32)
    token = 0
    choice = 0
    for row in range(start, stop):
        begin(state, key, row, 0)
        units[row - start] = 0
        stack[0] = root
        depth = 1
        while depth > 0:
            if token + depth + widest > ids.size or choice == choices.size:
                return row
            depth -= 1
            symbol = stack[depth]
            if degree[symbol] == 0:
                ids[token] = symbol
                token += 1
                continue
            rule = first[symbol]
            if uneven[symbol]:
                sums = cumulative[rule : rule + degree[symbol]]
                chosen = np.searchsorted(sums, uniform(state, sums[-1]), side="right")
            else:
                chosen = uniform(state, degree[symbol])
            choices[choice] = chosen
            choice += 1
            rule += chosen
            units[row - start, book[symbol]] += cost[rule]
            if emits[rule]:
                for k in range(widest):  # a fixed number of steps, of which the first size[rule] count
                    ids[token + k] = children[rule, k]
                token += size[rule]
            else:
                for k in range(widest):
                    stack[depth + k] = children[rule, k]
                depth += size[rule]
        id_ends[row - start] = token
        choice_ends[row - start] = choice
    return stop


def sample_rows(
    state: np.record,
    key: np.ndarray,
    start: int,
    stop: int,
    grammar: Rules,
    tables: Tables,
    expected: float,
    even: EvenRules | None = None,
) -> Drawn:
    """Return the rows [start, stop), of `expected` tokens each on average.

    They come sooner, and are the same, where the grammar is `even`. Raises DrawError if strings do not end within a
    gigatoken.
    """
    rows = stop - start
    books = 1 + max(grammar.books.values(), default=0)
    room = int(rows * expected * 1.1) + 4 * int(expected) + 64 + tables.children.shape[1]
    while room <= MAX_TOKENS:
        drawn = Drawn.new(grammar, tables, rows, room, 2 * room, books)
        if even is not None:
            reached = write_even_rows(state, key, start, stop, even, drawn)
        else:
            reached = write_rows(state, key, start, stop, grammar.root, tables, drawn)
        if reached == stop:
            return drawn.cut()
        room *= 2
    raise DrawError(f"grammar {grammar.name}: rows {start} to {stop} do not end within {MAX_TOKENS:,} tokens")
