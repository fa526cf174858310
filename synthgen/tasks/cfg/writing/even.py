"""The sampler of even layered grammars, as the published ones are: the rows of `sampler.write_rows` in half the time.

Draws are the same, one for every expansion, so which of the two kernels made a row cannot be told from it. This one
looks up no symbol: a non-terminal is given as its *node*, one number that holds all its draw asks for (how many rules
it has, and above these DEGREE bits the number of the first). A rule is a record of 64 bytes, a line of the cache. And
symbols just above the tokens are drawn in a loop of their own, past the stack.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthgen.exact.draw import begin, uniform
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units
from synthgen.tasks.cfg.rules import Rules

WIDEST = np.uint64(4)
"""Children that a rule has here, at most. As many are copied each time: to stop earlier takes longer."""

DEGREE = np.uint64(16)
"""Bits of a node that hold how many rules its symbol has."""

MOST_RULES = 256
"""Rules that a symbol has here, at most: choices are bytes."""

MOST_TOKENS = 1 << 16
"""Ids are below this: tokens are two bytes."""

_U0, _U1, _RULES = np.uint64(0), np.uint64(1), np.uint64(0xFFFF)

LINE = np.dtype(
    (
        np.record,
        [
            ("units", "i8"),  # what choosing the rule books
            ("width", "u8"),  # its children
            ("low", "u8"),  # whether every rule of its children holds tokens and nothing else
            ("tokens", "u2", int(WIDEST)),  # its children, if they are tokens
            ("nodes", "u8", int(WIDEST)),  # or else the nodes of its children: in order if it is low, or last first
        ],
    )
)


class EvenRules(NamedTuple):
    """An even layered grammar; its rules are numbered as in `sampler.Tables`."""

    lines: np.ndarray  # (rules,) LINE
    root: np.uint64  # the node of the root
    levels: int  # of symbols, that of the tokens included

    @classmethod
    def of(cls, grammar: Rules) -> EvenRules | None:
        """Return the lines of a grammar; None for one that has weights, no levels, several books or long rules."""
        rules, levels = grammar.rules, grammar.levels or ()
        even = all(rule.weight == options[0].weight for options in rules.values() for rule in options)
        widest = max(len(rule.children) for options in rules.values() for rule in options)
        narrow = widest <= WIDEST and max(map(len, rules.values())) <= MOST_RULES and grammar.vocabulary <= MOST_TOKENS
        if not (even and narrow) or len(levels) < 3 or any(grammar.books.values()):
            return None
        node, number = {}, 0
        for symbol in sorted(rules):
            node[symbol] = (number << int(DEGREE)) + len(rules[symbol])
            number += len(rules[symbol])
        lines = np.zeros(number, LINE)
        for symbol in grammar.reachable & set(rules):
            units, first = log2_units(len(rules[symbol])), node[symbol] >> int(DEGREE)
            for line, rule in zip(lines[first:], rules[symbol], strict=False):
                line.units, line.width, line.low = units, len(rule.children), symbol in levels[-3]
                if symbol in levels[-2]:
                    line.tokens[: line.width] = rule.children
                else:
                    line.nodes[: line.width] = [node[c] for c in (rule.children if line.low else rule.children[::-1])]
        return cls(lines, np.uint64(node[grammar.root]), len(levels))


@kernel
def write_even_rows(state, key, start, stop, even, drawn):
    """Write the rows [start, stop) as `sampler.write_rows` does.

    Returns the row at which the room ran out, or `stop`. Places are unsigned: of others it is asked, at every access,
    whether they count from the end.
    """
    ids, id_ends, choices, choice_ends, units = drawn
    lines, root, levels = even
    stack = np.empty(WIDEST * np.uint64(levels), np.uint64)
    token, choice = _U0, _U0
    for row in range(start, stop):
        begin(state, key, row, 0)
        stack[_U0] = root
        depth, booked = _U1, 0
        while depth > _U0:
            if token + WIDEST * WIDEST > ids.size or choice + WIDEST >= choices.size:
                return row
            depth -= _U1
            node = stack[depth]
            chosen = np.uint64(uniform(state, node & _RULES))
            rule = (node >> DEGREE) + chosen
            booked += lines[rule].units
            choices[choice] = chosen
            choice += _U1
            if lines[rule].low:
                for k in range(lines[rule].width):
                    node = lines[rule].nodes[k]
                    chosen = np.uint64(uniform(state, node & _RULES))
                    lowest = (node >> DEGREE) + chosen
                    booked += lines[lowest].units
                    choices[choice] = chosen
                    choice += _U1
                    for i in range(WIDEST):  # of which the first `width` count
                        ids[token + i] = lines[lowest].tokens[i]
                    token += lines[lowest].width
            else:
                for k in range(WIDEST):
                    stack[depth + k] = lines[rule].nodes[k]
                depth += lines[rule].width
        id_ends[row - start] = token
        choice_ends[row - start] = choice
        units[row - start, 0] = booked
    return stop
