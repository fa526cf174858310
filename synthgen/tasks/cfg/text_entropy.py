"""The entropy of a grammar's strings, where two derivations may make one.

H(string) = H(derivation) - E[X], where X = log2 P(string) / p(derivation) >= 0 is what the other derivations of a
string add to its probability. Few derivations are listed; else E[X] is a mean of sampled strings, between two ends.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from synthgen.exact.bits import Bits, at_most
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import entropy_of
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.certificates import ROUNDING, Sampling
from synthgen.tasks.cfg import moments
from synthgen.tasks.cfg.grammar import Grammar

AMBIGUOUS = "two derivations may make one string"
UNPROVED = "the grammar is not proved unambiguous: two derivations may make one text"

LISTED = 1 << 17
"""Derivations up to which all strings are listed."""

STREAM = 1
"""Goes up whenever the sampler would draw other strings for certificates."""

SAMPLES = 8000
"""Strings behind a bracket that no certificate makes narrow."""

SAMPLES_UNDER_NOISE = 60
"""As many where rows are perturbed, and a string takes some ten milliseconds or more."""


def text_entropy(grammar: Grammar, draw: bool = True) -> Bits:
    """Return the bits of a string. Where rows are perturbed and no certificate is there, `draw` decides whether some
    strings are drawn, which may take seconds; without them all that is known is that a derivation has as many or more.
    """
    booked = grammar.derivation_entropy
    if grammar.unambiguous:
        return Bits(booked)
    if not is_sampled(grammar):
        return Bits(entropy_of(string_law(grammar).values()))
    reason = f"{AMBIGUOUS}; derivation bits less the mean of log2 P(string) / p(derivation)"
    excess = sampling_of(grammar).mean(reason, draw or not grammar.perturbed)
    if excess is None:
        return at_most(booked, UNPROVED)
    beyond = 0.0
    if grammar.recursive:  # strings that are too long to be looked at
        longest, _, beyond = grammar.long_tail
        if beyond > moments.BEYOND:
            reason += f"; those of more than {longest} tokens are not looked at, and hold up to {beyond:.4g} bits of it"
    ends = {"low": max(0.0, booked - excess.high - beyond), "high": booked - excess.low}
    return Bits(
        booked - excess.value, "bracket", reason, level=excess.level, method=excess.method, n=excess.n, **ends
    )  # fmt: skip


def is_sampled(grammar: Grammar) -> bool:
    """Return whether the entropy of a grammar's strings needs a sample: neither proof nor list gives it."""
    return not grammar.unambiguous and (grammar.recursive or grammar.derivations > LISTED)


def string_law(grammar: Grammar) -> dict[tuple[int, ...], float]:
    """Return the probability of every string of a grammar without recursion."""
    law: dict[int, dict[tuple[int, ...], float]] = {t: {(t,): 1.0} for t in grammar.terminals}
    for a in grammar.order:
        strings: dict[tuple[int, ...], float] = defaultdict(float)
        for p, rule in grammar.expand(a):
            ways: list[tuple[tuple[int, ...], float]] = [((), p)]
            for child in rule.children:
                ways = [(left + right, q * share) for left, q in ways for right, share in law[child].items()]
            for string, share in ways:
                strings[string] += share
        law[a] = dict(strings)
    return law[grammar.root]


def sampling_of(grammar: Grammar) -> Sampling:
    """Return how X is drawn; under noise, with the string's length and its derivation's bits as controls.

    X is at most the derivation's bits, of which, and of the controls, all moments are known.
    """
    noisy, longest, (fewest, most), least_bits = grammar.perturbed, math.inf, grammar.lengths, 0.0
    if grammar.recursive:
        longest, most_bits, _ = grammar.long_tail
    else:
        least_bits, most_bits = moments.derivation_range(grammar)
    mean_bits, mean_length = grammar.derivation_entropy, grammar.expected_length
    ends = [(0.0, most_bits)]
    if noisy:
        ends += [(fewest - mean_length, (most or 0) - mean_length), (least_bits - mean_bits, most_bits - mean_bits)]

    def draw(first: int, stop: int) -> np.ndarray:
        rows = np.zeros((stop - first, len(ends)))
        strings = grammar.sampled(new_state(), Keys(0).split("text entropy"), stop, first)
        for row, (ids, units) in zip(rows, strings, strict=True):
            booked = units / UNITS_PER_BIT
            if len(ids) <= longest:
                others = grammar.log2_probability(ids) + booked
                if not others > -ROUNDING:
                    raise AssertionError(f"{grammar.name}: a string that was drawn is read as {others} bits likelier")
                row[0] = max(0.0, others)
            row[1:] = [len(ids) - mean_length, booked - mean_bits][: len(ends) - 1]
        return rows

    def cumulant(weights: Sequence[float], theta: float) -> float:
        most, length, bits = weights
        mean = length * mean_length + bits * mean_bits
        return moments.cumulant(grammar, most + bits, length, theta) - theta * mean

    rules = [[a, [[list(rule.children), rule.weight] for rule in grammar.rules[a]]] for a in sorted(grammar.rules)]
    law = {"cfg": rules, "root": grammar.root}
    few = SAMPLES_UNDER_NOISE if noisy else SAMPLES
    return Sampling(law, STREAM, draw, ends, few, cumulant if noisy and not grammar.recursive else None)
