"""The entropy of a grammar's strings, where two derivations may make one: estimated, with its error.

H(string) = H(derivation) - E[log2 P(string) / p(derivation)]. The difference is small and varies little, so a few
thousand strings give it to some hundredths of a bit.
"""

from __future__ import annotations

import math

import numpy as np

from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import Bits
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.tasks.cfg.grammar import Grammar

SAMPLES = 2000
"""Strings behind an estimate of the text's entropy."""


def text_entropy(grammar: Grammar, samples: int = SAMPLES) -> Bits:
    """Return the bits of a string: exact where the grammar is proved unambiguous, else an estimate with its error."""
    exact = grammar.derivation_entropy
    if grammar.unambiguous:
        return Bits(exact)
    excess = np.empty(samples)
    for i, (ids, units) in enumerate(grammar.sampled(new_state(), Keys(0).split("text entropy"), samples)):
        excess[i] = grammar.log2_probability(ids) + units / UNITS_PER_BIT
    if abs(excess).max() < 1e-6:
        return Bits(
            exact, "upper", f"no string of {samples:,} had a second derivation, but that none has is not proved"
        )
    reason = f"{samples:,} strings: derivation bits less the mean of log2 P(string) / p(derivation)"
    return Bits(exact - float(excess.mean()), "estimate", reason, float(excess.std()) / math.sqrt(samples))
