"""Strings of one length: derivations drawn from the grammar's law given how many tokens they make.

Top-down, each symbol is told how many tokens it has to make: first a rule is chosen, then the tokens of each of its
children but the last. The chances are products of length laws (floats); they are rounded to whole weights, so that the
law that is drawn from, and booked, is exact, and within some 1e-15 of the one meant.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.errors import SynthgenError
from synthgen.exact.draw import begin, uniform
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units
from synthgen.tasks.cfg.rules import Rules
from synthgen.tasks.cfg.writing.sampler import Drawn, Tables

WHOLE = 2.0**50
"""The whole weights of a choice sum to about this."""


class LengthTables(NamedTuple):
    """Length laws up to a length n: of symbols, and of what remains of a rule from each child on."""

    symbol: np.ndarray  # (symbols, n + 1): P(a symbol makes m tokens)
    rest: np.ndarray  # (rules, widest + 1, n + 1): P(children k, k + 1, ... make m tokens together)
    entropy: float  # bits of a derivation of n tokens

    @classmethod
    def of(cls, grammar: Rules, tables: Tables, n: int) -> LengthTables:
        """Return the laws. Raises SynthgenError if no string has n tokens."""
        law = np.zeros((tables.first.size, n + 1))
        surprise = np.zeros_like(law)  # sum over derivations of -p log2 p
        law[list(grammar.terminals), 1] = 1.0
        rounds = n + 1 if grammar.recursive else 1
        for _ in range(rounds):
            for a in sorted(grammar.rules) if grammar.recursive else grammar.order:
                total, bits = np.zeros(n + 1), np.zeros(n + 1)
                for p, rule in grammar.expand(a):
                    part, extra = np.zeros(n + 1), np.zeros(n + 1)
                    part[0], extra[0] = p, -p * math.log2(p)
                    for child in rule.children:
                        extra = np.convolve(extra, law[child])[: n + 1] + np.convolve(part, surprise[child])[: n + 1]
                        part = np.convolve(part, law[child])[: n + 1]
                    total, bits = total + part, bits + extra
                law[a], surprise[a] = total, bits
        chance = law[grammar.root, n]
        if chance == 0:
            possible = np.flatnonzero(law[grammar.root])
            near = f"; the nearest below is {possible[-1]}" if possible.size else ""
            raise SynthgenError(f"params.length = {n}: grammar {grammar.name} has no string of {n} tokens{near}")
        rest = np.zeros((tables.size.size, tables.children.shape[1] + 1, n + 1))
        for a in grammar.rules:
            for place, rule in enumerate(grammar.rules[a]):
                number = tables.first[a] + place
                rest[number, len(rule.children), 0] = 1.0
                for k in reversed(range(len(rule.children))):
                    rest[number, k] = np.convolve(law[rule.children[k]], rest[number, k + 1])[: n + 1]
        return cls(law, rest, float(surprise[grammar.root, n] / chance + math.log2(chance)))


def sample_length(
    state: np.record,
    key: np.ndarray,
    start: int,
    stop: int,
    grammar: Rules,
    tables: Tables,
    n: int,
    laws: LengthTables,
) -> Drawn:
    """Return the rows [start, stop), each of n tokens."""
    rows = stop - start
    in_order = np.zeros_like(tables.children)
    for a in grammar.rules:
        for place, rule in enumerate(grammar.rules[a]):
            in_order[tables.first[a] + place, : len(rule.children)] = rule.children
    weights = np.diff(tables.cumulative, prepend=0).astype(np.float64)
    weights[tables.first[tables.degree > 0]] = tables.cumulative[tables.first[tables.degree > 0]]
    drawn = Drawn.new(grammar, tables, rows, rows * n, 2 * rows * n * len(grammar.rules) + 64)
    _write_rows(state, key, start, stop, grammar.root, n, tables._replace(children=in_order), weights, laws, drawn)
    drawn.id_ends[:] = np.arange(1, rows + 1) * n
    return drawn.cut()


@kernel
def _write_rows(state, key, start, stop, root, n, tables, weights, laws, drawn):
    """Write the rows [start, stop), each of n tokens; the children of `tables` are all in order here."""
    first, degree, size, children = tables.first, tables.degree, tables.size, tables.children
    law, rest = laws.symbol, laws.rest
    ids, _, choices, choice_ends, units = drawn
    options = np.empty(n + 1 + weights.size, np.float64)
    stack, tokens = np.empty(n + children.shape[1], np.int64), np.empty(n + children.shape[1], np.int64)
    share = np.empty(children.shape[1], np.int64)
    token, choice = 0, 0
    for row in range(start, stop):
        begin(state, key, row, 0)
        stack[0], tokens[0] = root, n
        depth = 1
        while depth > 0:
            depth -= 1
            symbol, remaining = stack[depth], tokens[depth]
            if degree[symbol] == 0:
                ids[token] = symbol
                token += 1
                continue
            for r in range(degree[symbol]):
                options[r] = weights[first[symbol] + r] * rest[first[symbol] + r, 0, remaining]
            chosen = _choose(state, options, degree[symbol])
            choices[choice] = chosen
            choice += 1
            rule = first[symbol] + chosen
            for k in range(size[rule] - 1):
                for m in range(remaining + 1):
                    options[m] = law[children[rule, k], m] * rest[rule, k + 1, remaining - m]
                share[k] = _choose(state, options, remaining + 1)
                remaining -= share[k]
            share[size[rule] - 1] = remaining
            for k in range(size[rule] - 1, -1, -1):
                stack[depth], tokens[depth] = children[rule, k], share[k]
                depth += 1
        choice_ends[row - start] = choice
        units[row - start, 0] = state.ledger


@register_jitable
def _choose(state, options, count):
    """Return an option by its weight, rounded to whole parts of 2^50 but never from something to nothing; book it."""
    total = 0.0
    for i in range(count):
        total += options[i]
    whole = 0
    for i in range(count):
        if options[i] > 0:
            whole += max(1, int(options[i] / total * WHOLE))
    ticket = uniform(state, whole)
    for i in range(count):
        if options[i] > 0:
            weight = max(1, int(options[i] / total * WHOLE))
            if ticket < weight:
                state.ledger += log2_units(whole) - log2_units(weight)
                return i
            ticket -= weight
    return -1
