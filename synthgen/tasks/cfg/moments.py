"""Closed forms of a grammar: entropy, lengths, counts. By recursion over the symbols, or by a linear system.

Without recursion every figure is a sum over children before parents. With recursion (an English-like grammar) the
expectations solve v = own + M v, where M[a, b] is how many b an expansion of a is expected to hold; they are finite
exactly if M's spectral radius is below 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.entropy import entropy_of
from synthgen.tasks.cfg.recursion import dies_out, spectral_radius
from synthgen.tasks.cfg.rules import Rules

LENGTH_TAIL = 1e-12
"""The length law of a recursive grammar is cut where less than this is left."""

LENGTH_CUT = 4096
"""... or at this many tokens, or before, ..."""

LENGTH_WORK = 1 << 28
"""... where so many products are made, a second's worth."""

BEYOND = 1e-4
"""Bits that the strings of a recursive grammar which are too long to be looked at may hold, on average, ..."""

CUBES = 5_000
"""... or more, where to look at all others takes time: so much at most is the mean cube of their tokens."""


def expectation(grammar: Rules, node_value: Mapping[int, float], leaf: float) -> dict[int, float]:
    """Return, by symbol, the expected sum over a derivation of node_value[non-terminal] and `leaf` a terminal."""
    value = dict.fromkeys(grammar.terminals, leaf)
    if grammar.recursive:
        symbols, matrix = mean_matrix(grammar)
        leaves = np.array([sum(p * sum(c in value for c in r.children) for p, r in grammar.expand(a)) for a in symbols])
        solved = np.linalg.solve(
            np.eye(len(symbols)) - matrix, np.array([node_value[a] for a in symbols]) + leaf * leaves
        )
        return value | dict(zip(symbols, solved.tolist(), strict=True))
    for a in grammar.order:
        value[a] = node_value[a] + math.fsum(p * sum(value[c] for c in rule.children) for p, rule in grammar.expand(a))
    return value


def mean_matrix(grammar: Rules) -> tuple[list[int], np.ndarray]:
    """Return the reachable non-terminals and how many of each an expansion of each is expected to hold.

    Raises SynthgenError if expansions do not die out, so that strings would be endless.
    """
    symbols = [a for a in sorted(grammar.rules) if a in grammar.reachable]
    number = {a: i for i, a in enumerate(symbols)}
    matrix = np.zeros((len(symbols), len(symbols)))
    for a in symbols:
        for p, rule in grammar.expand(a):
            for child in rule.children:
                if child in number:
                    matrix[number[a], number[child]] += p
    if not dies_out(matrix):
        raise SynthgenError(
            f"grammar {grammar.name}: strings are expected to be endless (spectral radius "
            f"{spectral_radius(matrix):.4f}, not below 1); give the rules without recursion more weight"
        )
    return symbols, matrix


def derivation_entropy(grammar: Rules, book: int | None = None) -> float:
    """Return the bits of a derivation: the rule law's entropy at every node, in expectation; all books, or one."""
    entropies = dict.fromkeys(grammar.rules, 0.0)
    for a, rules in grammar.rules.items():
        if book is None or grammar.books.get(a, 0) == book:
            entropies[a] = entropy_of(rule.weight for rule in rules)
    return expectation(grammar, entropies, 0.0)[grammar.root]


def expected_length(grammar: Rules) -> float:
    """Return the expected number of tokens of a string."""
    return expectation(grammar, dict.fromkeys(grammar.rules, 0.0), 1.0)[grammar.root]


def length_sd(grammar: Rules) -> float:
    """Return the standard deviation of the number of tokens of a string.

    With recursion it comes from the law of total variance, since the law of lengths is cut somewhere.
    """
    if not grammar.recursive:
        law = length_law(grammar)
        return float(np.sqrt(law @ (np.arange(law.size) - expected_length(grammar)) ** 2))
    mean = expectation(grammar, dict.fromkeys(grammar.rules, 0.0), 1.0)
    among_rules = {
        a: math.fsum(p * (sum(mean[c] for c in rule.children) - mean[a]) ** 2 for p, rule in grammar.expand(a))
        for a in grammar.rules
        if a in grammar.reachable
    }
    return math.sqrt(expectation(grammar, among_rules, 0.0)[grammar.root])


def length_law(grammar: Rules) -> np.ndarray:
    """Return the law of a string's length: law[n] is the probability of n tokens.

    Each entry is exact. That of a grammar with recursion ends at some length: what is missing to a sum of 1, the
    remainder, is the probability of all longer strings.
    """
    if grammar.recursive:
        return _cut_length_law(grammar)
    law: dict[int, np.ndarray] = {t: np.array([0.0, 1.0]) for t in grammar.terminals}
    for a in grammar.order:
        law[a] = _one_length_law(grammar, law, a)
    return law[grammar.root]


def _one_length_law(grammar: Rules, law: Mapping[int, np.ndarray], a: int) -> np.ndarray:
    parts = []
    for p, rule in grammar.expand(a):
        part = np.array([p])
        for child in rule.children:
            part = np.convolve(part, law[child])
        parts.append(part)
    total = np.zeros(max(part.size for part in parts))
    for part in parts:
        total[: part.size] += part
    return total


def _cut_length_law(grammar: Rules) -> np.ndarray:
    """Return the law of the lengths of a grammar with recursion, one length after the other.

    Every child has a token at least, so two of them make n tokens by laws that are known below n. `row` numbers what
    has a law: symbols, and beginnings of right-hand sides, each a shorter beginning and one child more.
    """
    mean_matrix(grammar)  # tells of strings without end
    row: dict[tuple[int, ...], int] = {(t,): i for i, t in enumerate(grammar.terminals)}
    heads = [a for a in grammar.unit_order if a in grammar.reachable]
    row |= {(a,): len(row) + i for i, a in enumerate(heads)}
    pairs = []
    for a in heads:
        for rule in grammar.rules[a]:
            for size in range(2, len(rule.children) + 1):
                if rule.children[:size] not in row:
                    row[rule.children[:size]] = len(row)
                    pairs.append((row[rule.children[: size - 1]], row[rule.children[size - 1 : size]]))
    options = [(row[a,], [(p, row[rule.children]) for p, rule in grammar.expand(a)]) for a in heads]
    cut = min(LENGTH_CUT, max(64, math.isqrt(2 * LENGTH_WORK // max(1, len(pairs)))))
    law = np.zeros((len(row), cut + 1))
    back = np.zeros((len(row), cut + 1))  # the same from its end, so that a convolution is a product of two slices
    law[: len(grammar.terminals), 1] = back[: len(grammar.terminals), cut - 1] = 1.0
    first_pair, root, left = len(grammar.terminals) + len(heads), row[grammar.root,], 1.0
    for n in range(1, cut + 1):
        for i, (head, last) in enumerate(pairs, first_pair):
            law[i, n] = back[i, cut - n] = law[head, 1:n] @ back[last, cut - n + 1 : cut]
        for a, rules in options:
            law[a, n] = back[a, cut - n] = sum(p * law[children, n] for p, children in rules)
        left -= law[root, n]
        if left < LENGTH_TAIL:
            break
    return np.trim_zeros(law[root], "b")


def shortest(grammar: Rules) -> int:
    """Return the tokens of the shortest string."""
    length: dict[int, float] = dict.fromkeys(grammar.terminals, 1)
    before: dict[int, float] = {}
    while length != before:
        before = dict(length)
        for a in grammar.order or grammar.rules:
            length[a] = min(sum(length.get(c, math.inf) for c in rule.children) for rule in grammar.rules[a])
    return int(length[grammar.root])


def longest(grammar: Rules) -> int | None:
    """Return the tokens of the longest string; None if there is no end."""
    if grammar.recursive:
        return None
    length = dict.fromkeys(grammar.terminals, 1)
    for a in grammar.order:
        length[a] = max(sum(length[c] for c in rule.children) for rule in grammar.rules[a])
    return length[grammar.root]


def derivation_range(grammar: Rules) -> tuple[float, float]:
    """Return the least and the greatest bits of a derivation, of a grammar without recursion."""
    ends = []
    for extreme in (min, max):
        value = dict.fromkeys(grammar.terminals, 0.0)
        for a in grammar.order:
            value[a] = extreme(sum(value[c] for c in rule.children) - math.log2(p) for p, rule in grammar.expand(a))
        ends.append(value[grammar.root])
    return ends[0], ends[1]


def cumulant(grammar: Rules, bits: float, token: float, theta: float) -> float:
    """Return ln E[exp(theta S)] of a derivation's S = `bits` times its bits and `token` for each of its tokens.

    Of a grammar without recursion, and exact.
    """
    value = dict.fromkeys(grammar.terminals, theta * token)
    for a in grammar.order:
        terms = [
            (1 - theta * bits / math.log(2)) * math.log(p) + sum(value[c] for c in r.children)
            for p, r in grammar.expand(a)
        ]
        top = max(terms)
        value[a] = top + math.log(math.fsum(math.exp(term - top) for term in terms))
    return value[grammar.root]


def bits_by_length(grammar: Rules) -> tuple[float, float]:
    """Return (b, c) with at most b n + c bits in any derivation of n tokens, of a grammar with recursion.

    With b bits taken off for each token, what is left of the best derivation of each symbol must not grow any more.
    """
    a_token = 1.0
    while True:
        value = dict.fromkeys(grammar.rules, -math.inf) | dict.fromkeys(grammar.terminals, -a_token)
        for _ in range(2 * len(grammar.rules)):
            before = dict(value)
            for a in grammar.rules:
                value[a] = max(sum(value[c] for c in rule.children) - math.log2(p) for p, rule in grammar.expand(a))
            if value == before:
                return a_token, max(0.0, value[grammar.root])
        a_token *= 1.25


def long_tail(grammar: Rules, law: np.ndarray) -> tuple[int, float, float]:
    """Return (tokens, bits, rest) of a recursive grammar, whose lengths have this `law`.

    Strings of at most so many `tokens` have at most so many `bits` of derivation; all longer ones together add `rest`
    to the mean bits of a derivation, at most. That is not more than BEYOND, unless the law is cut before, or the time
    to look at the strings, which grows with the cube of their tokens, is too long.
    """
    a_token, more = bits_by_length(grammar)
    lengths, mean = np.arange(law.size), expected_length(grammar)
    tokens, rest, cubes = 8, math.inf, np.cumsum(law * lengths**3.0)
    while rest > BEYOND and tokens < law.size and cubes[tokens] <= CUBES:
        tokens += 1 + tokens // 4
        known = slice(tokens + 1)
        rest_tokens = max(0.0, mean - float(law[known] @ lengths[known]))
        rest = a_token * rest_tokens + more * max(0.0, 1 - float(law[known].sum()))
    return tokens, a_token * tokens + more, rest


def derivation_counts(grammar: Rules) -> dict[int, int]:
    """Return the exact number of derivations of each symbol. Raises SynthgenError for a recursive grammar."""
    if grammar.recursive:
        raise SynthgenError(f"grammar {grammar.name} is recursive: it has endlessly many derivations")
    count = dict.fromkeys(grammar.terminals, 1)
    for a in grammar.order:
        count[a] = sum(math.prod(count[c] for c in rule.children) for rule in grammar.rules[a])
    return count


def collision_bits(grammar: Rules) -> float:
    """Return -log2 of the probability that two derivations are the same (their Renyi entropy of order 2)."""
    value = dict.fromkeys(grammar.terminals, 0.0)  # log2 of the probability, so that nothing underflows
    if grammar.recursive:
        value |= dict.fromkeys(grammar.rules, -math.inf)
    for _ in range(1000 if grammar.recursive else 1):
        before = dict(value)
        for a in sorted(grammar.rules) if grammar.recursive else grammar.order:
            terms = [2 * math.log2(p) + sum(value[c] for c in rule.children) for p, rule in grammar.expand(a)]
            top = max(terms)
            value[a] = top + math.log2(math.fsum(2 ** (t - top) for t in terms)) if top > -math.inf else top
        if value == before:
            break
    return -value[grammar.root]
