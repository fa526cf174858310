"""Laws of plans: which clauses, groups and references an entry has, how probable that is, and how a plan is drawn.

Two laws. `uniform` takes every plan with the same probability, and never one twice for a person: entropy log2 R.
`natural` prefers what a person would write (short sentences joined, pronouns, few connectives): its bits are those of
the choices, and their expectation is computed by going through all groupings.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.bijection import permuted
from synthgen.exact.draw import begin, below, shuffle, weighted
from synthgen.exact.ledger import log2_units
from synthgen.tasks.bios.rewrites.language import (
    BY_PRONOUN,
    CLAUSES,
    CONNECTIVES,
    FRONTS,
    ORDER,
    REFS,
    SENTENCES,
    SIZES,
    TONE,
    Counts,
    Language,
    N,
    rank,
    unrank,
)

GROUP_WEIGHTS = (3, 4, 2)
"""Natural weights of sentences with one, two and three facts, as far as that many are left."""

FRONT_WEIGHTS = (2, 1)
"""Natural weights of a sentence of several facts without and with a participle in front."""

REFERENCE_WEIGHTS = (1, 2, 2, 5)
"""Natural weights of full name, first name, last name and pronoun."""

NONE_WEIGHT = 8
"""Natural weight of no connective, and of no tone; the others have 1 each."""

EACH_ONCE, UNIFORM, NATURAL = range(3)
"""The laws of plans: uniform and each at most once for a person, uniform, or by the natural weights."""


class NaturalWeights(NamedTuple):
    """Running sums of the natural weights, each int64."""

    groups: np.ndarray  # (6, 3): facts of a sentence, by how many are left less one
    fronts: np.ndarray  # (2,)
    references: np.ndarray
    connectives: np.ndarray
    tones: np.ndarray


class Law(NamedTuple):
    """A law of plans, for kernels."""

    kind: int  # EACH_ONCE, UNIFORM or NATURAL
    size: int  # R, the number of plans
    counts: Counts
    weights: NaturalWeights


def natural_weights(language: Language) -> NaturalWeights:
    """Return running sums of the natural weights.

    Their common divisors are taken out, so that where there is one way, one draw of one is all there is to enumerate.
    """

    def sums(weights: Iterable[int]) -> np.ndarray:
        cumulative = np.cumsum(list(weights), dtype=np.int64)
        return cumulative // np.gcd.reduce(cumulative)

    groups = [
        sums(w * (k < min(left, language.largest_group)) for k, w in enumerate(GROUP_WEIGHTS))
        for left in range(1, N + 1)
    ]
    references = sums(REFERENCE_WEIGHTS[r] for r in language.references)
    connectives = sums([NONE_WEIGHT] + [1] * (len(language.connectives) - 1))
    tones = sums([NONE_WEIGHT] + [1] * (len(language.tones) - 1))
    return NaturalWeights(np.array(groups), sums(FRONT_WEIGHTS), references, connectives, tones)


def natural_bits(language: Language) -> float:
    """Return the expected bits of a natural plan: the sum over all groupings of their probability times their bits."""

    def entropy(cumulative: np.ndarray) -> float:
        weights = np.diff(cumulative, prepend=0) / cumulative[-1]
        return -sum(p * math.log2(p) for p in weights.tolist() if p)

    groups, fronts, references, connectives, tones = natural_weights(language)
    front = float((fronts[1] - fronts[0]) / fronts[1])
    finite = sum(math.log2(len(clauses)) for clauses in language.finite) / N
    participle = sum(math.log2(len(clauses)) for clauses in language.participles) / N
    total = entropy(tones) + math.log2(math.factorial(N))
    for size in range(1, N + 1):
        for grouping in itertools.product(range(1, language.largest_group + 1), repeat=size):
            if sum(grouping) != N:
                continue
            probability, bits, left = 1.0, N * finite, N
            for place, facts in enumerate(grouping):
                cumulative = groups[left - 1]
                weight = cumulative[facts - 1] - (cumulative[facts - 2] if facts > 1 else 0)
                probability *= weight / cumulative[-1]
                bits -= math.log2(weight / cumulative[-1])
                fronted = front if facts > 1 else 0.0
                bits += (entropy(fronts) if facts > 1 else 0.0) + fronted * (participle - finite)
                bits += (entropy(references) + (1 - fronted) * entropy(connectives)) if place else 0.0
                left -= facts
            total += probability * bits
    return total


def natural_hidden(language: Language) -> float:
    """Return the probability that a natural plan shows no pronoun: the sum over all groupings and forms."""
    groups, fronts, _, _, _ = natural_weights(language)
    front = float((fronts[1] - fronts[0]) / fronts[1])
    named = sum(REFERENCE_WEIGHTS[r] for r in language.references if r != BY_PRONOUN) / sum(
        REFERENCE_WEIGHTS[r] for r in language.references
    )
    impersonal = language.impersonal
    # by number of participles, the mean over which facts they are of: coefficients of a product of (a + b x)
    hidden = np.ones(1)
    for fact in range(N):
        shares = [
            len(few[fact]) / len(all_[fact])
            for few, all_ in (
                (impersonal.finite, language.finite),
                (impersonal.participles, language.participles),
            )
        ]
        hidden = np.convolve(hidden, shares)
    total = 0.0
    for size in range(1, N + 1):
        for grouping in itertools.product(range(1, language.largest_group + 1), repeat=size):
            if sum(grouping) != N:
                continue
            law, left = np.array([named ** (size - 1)]), N  # by number of participles
            for facts in grouping:
                cumulative = groups[left - 1]
                weight = cumulative[facts - 1] - (cumulative[facts - 2] if facts > 1 else 0)
                law = np.convolve(law, [1 - front, front] if facts > 1 else [1.0]) * float(weight / cumulative[-1])
                left -= facts
            total += sum(float(p * hidden[k]) / math.comb(N, k) for k, p in enumerate(law))
    return total


@register_jitable(forceinline=True)
def draw_rewrite(state, key, person, entry, law, plan):
    """Draw the plan of one entry by `law`; return its rank."""
    counts, weights = law.counts, law.weights
    if law.kind == EACH_ONCE:
        number = permuted(state, key, person, law.size, entry)
        state.ledger = log2_units(law.size - entry)
        unrank(counts, number, plan)
        return number
    begin(state, key, person, entry)
    if law.kind == UNIFORM:
        number = below(state, law.size)
        unrank(counts, number, plan)
        return number
    plan[:] = 0
    plan[TONE] = weighted(state, weights.tones)
    order = plan[ORDER : ORDER + N]
    for fact in range(N):
        order[fact] = fact
    shuffle(state, order, N)
    place = 0
    while place < N:
        sentence = plan[SENTENCES]
        facts = 1 + weighted(state, weights.groups[N - place - 1])
        plan[SIZES + sentence] = facts
        if facts > 1:
            plan[FRONTS + sentence] = weighted(state, weights.fronts)
        if sentence > 0:
            plan[REFS + sentence] = weighted(state, weights.references)
            if not plan[FRONTS + sentence]:
                plan[CONNECTIVES + sentence] = weighted(state, weights.connectives)
        for k in range(facts):
            fact = order[place + k]
            front = k == 0 and plan[FRONTS + sentence]
            plan[CLAUSES + fact] = below(state, counts.participles[fact] if front else counts.finite[fact])
        place += facts
        plan[SENTENCES] += 1
    return rank(counts, plan)
