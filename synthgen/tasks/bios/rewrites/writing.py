"""Rewriting: the kernel that draws a plan of clauses for each entry, and words it.

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
from synthgen.exact.draw import Keys, begin, below, shuffle, weighted
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units
from synthgen.task.phrases import PhraseTable
from synthgen.tasks.bios.biographies.writing import sentences
from synthgen.tasks.bios.biographies.writing.documents import (
    CODES_PER_NAME,
    CODES_PER_VALUE,
    value_phrases,
    write_name,
    write_value,
)
from synthgen.tasks.bios.rewrites.language import (
    BY_PRONOUN,
    CLAUSES,
    CONNECTIVES,
    FIRST_NAME,
    FRONTS,
    FULL,
    ORDER,
    PLAN,
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
from synthgen.tasks.bios.world.lists import ATTRIBUTES, Lists
from synthgen.tasks.bios.world.writing.people import FACTS, FIELDS, FIRST, LAST, PRONOUN, draw_subject

GROUP_WEIGHTS = (3, 4, 2)
"""Natural weights of sentences with one, two and three facts, as far as that many are left."""

FRONT_WEIGHTS = (2, 1)
"""Natural weights of a sentence of several facts without and with a participle in front."""

REFERENCE_WEIGHTS = (1, 2, 2, 5)
"""Natural weights of full name, first name, last name and pronoun."""

NONE_WEIGHT = 8
"""Natural weight of no connective, and of no tone; the others have 1 each."""

COMMA_VALUES = ("birth_date", "birth_city", "company_city")
"""Attributes whose values hold a comma, and want another behind them inside a sentence."""

EACH_ONCE, UNIFORM, NATURAL = range(3)
"""The laws of plans: uniform and each at most once for a person, uniform, or by the natural weights."""

CODES_PER_ROW = 6 * (CODES_PER_NAME + 8) + 6 * (CODES_PER_VALUE + 2) + 4


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


class Stages(NamedTuple):
    """The keys of what is drawn for a row."""

    rows: np.ndarray  # who it is about
    plans: np.ndarray

    @classmethod
    def of(cls, keys: Keys) -> Stages:
        """Return the keys of a split."""
        return cls(keys.split("rows"), keys.split("rewrites"))


class Plans(NamedTuple):
    """What `write_rewrites` tells of its rows beside their codes."""

    facts: np.ndarray  # (rows, FACTS + FIELDS) int64: see `draw_subject`
    orders: np.ndarray  # (rows, 6) int8: the attribute at each place
    ranks: np.ndarray  # (rows,) int64
    units: np.ndarray  # (rows, 1) int64: ledger units of the wording

    @classmethod
    def new(cls, rows: int) -> Plans:
        """Return room for the plans of some rows."""
        facts, orders = np.empty((rows, FACTS + FIELDS), np.int64), np.empty((rows, N), np.int8)
        return cls(facts, orders, np.empty(rows, np.int64), np.empty((rows, 1), np.int64))


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


class Wording(NamedTuple):
    """What the kernel words a plan with: numbers of phrases, but for the last two."""

    values: np.ndarray  # (FIELDS + 1,) int64: `value_phrases`
    finite: np.ndarray  # (6, most, pronouns, 2: after a name, after a pronoun) int32
    participles: np.ndarray  # (6, most, pronouns) int32
    subjects: np.ndarray  # (pronouns, 2: small, capital) int32
    connectives: np.ndarray  # int32
    tones: np.ndarray  # (tones, 2: before, behind) int32
    space: int
    stop: int
    comma_space: int
    comma_and: int
    plain_and: int
    comma: int
    first_names: int  # the first of the names without a space behind them
    references: np.ndarray  # (used,) int64: what the references of a plan are
    commas: np.ndarray  # (6,) bool: whether an attribute's values hold a comma


def wording_of(language: Language, pronouns: tuple[str, ...], lists: Lists, table: PhraseTable) -> Wording:
    """Add all values, names and clauses to `table`; return their numbers."""
    values = value_phrases(lists, table)
    most = max(len(clauses) for clauses in (*language.finite, *language.participles))
    finite = np.zeros((N, most, len(pronouns), 2), np.int32)
    participles = np.zeros((N, most, len(pronouns)), np.int32)
    for fact in range(N):
        for p, pronoun in enumerate(pronouns):
            for k, clause in enumerate(language.finite[fact]):
                for by_pronoun in range(2):
                    finite[fact, k, p, by_pronoun] = table.add(f" {inflected(clause, pronoun, bool(by_pronoun))} ")
            for k, clause in enumerate(language.participles[fact]):
                text = inflected(clause, pronoun, False)
                participles[fact, k, p] = table.add(f"{text[0].upper()}{text[1:]} ")
    subjects = [[table.add(he), table.add(he.capitalize())] for he in (sentences.PRONOUNS[p]["he"] for p in pronouns)]
    connectives = [table.add(connective) for connective in language.connectives]
    tones = [
        [table.add(f"{before} " if before else ""), table.add(f" {behind}" if behind else "")]
        for before, behind in language.tones
    ]
    space, stop, comma_space, comma_and, plain_and, comma = map(table.add, (" ", ".", ", ", ", and", " and", ","))
    return Wording(
        values=values,
        finite=finite,
        participles=participles,
        subjects=np.array(subjects, np.int32),
        connectives=np.array(connectives, np.int32),
        tones=np.array(tones, np.int32),
        space=space,
        stop=stop,
        comma_space=comma_space,
        comma_and=comma_and,
        plain_and=plain_and,
        comma=comma,
        first_names=table.extend(lists.first_names),
        references=np.array(language.references, np.int64),
        commas=np.array([attribute in COMMA_VALUES for attribute in ATTRIBUTES]),
    )


def inflected(clause: str, pronoun: str, after_pronoun: bool) -> str:
    """Return a clause with its verb and pronouns inflected; `after_pronoun`: its subject is the pronoun.

    >>> inflected("{was|were} born in", "they", True)
    'were born in'
    """
    reference = sentences.BY_PRONOUN if after_pronoun else sentences.BY_NAME
    return "".join(map(str, sentences.render(f"x{clause}", pronoun, reference)))[1:]  # x: nothing is capitalised


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


@kernel
def write_rewrites(state, start, stop, world, group, stages, law, wording, codes, ends, plans):
    """Word the rows [start, stop): write codes, the rows' ends (rows,) and their plans."""
    fields, plan = np.empty(FIELDS, np.int64), np.zeros(PLAN, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        person, entry = draw_subject(state, world, group, stages.rows, row, fields, plans.facts[i])
        plans.ranks[i] = draw_rewrite(state, stages.plans, person, entry, law, plan)
        plans.units[i, 0] = state.ledger
        for fact in range(N):
            plans.orders[i, fact] = plan[ORDER + fact]
        at = write_plan(plan, fields, world, wording, codes, at)
        ends[i] = at


@register_jitable(forceinline=True)
def write_plan(plan, fields, world, wording, codes, at):
    """Write the codes of one rewrite; return the new end."""
    p = fields[PRONOUN]
    codes[at] = wording.tones[plan[TONE], 0]
    at += 1
    place = 0
    for sentence in range(plan[SENTENCES]):
        if sentence > 0:
            codes[at] = wording.space
            at += 1
        begins = True  # whether the subject begins the sentence
        facts = plan[SIZES + sentence]
        k = 0
        if plan[FRONTS + sentence]:
            fact = plan[ORDER + place]
            codes[at] = wording.participles[fact, plan[CLAUSES + fact], p]
            at = write_value(codes, at + 1, fact, fields, world, wording.values)
            codes[at] = wording.comma_space
            at += 1
            begins = False
            k = 1
        elif plan[CONNECTIVES + sentence] > 0:
            codes[at] = wording.connectives[plan[CONNECTIVES + sentence]]
            at += 1
            begins = False
        reference = wording.references[plan[REFS + sentence]] if sentence > 0 else FULL
        if reference == BY_PRONOUN:
            codes[at] = wording.subjects[p, 1 if begins else 0]
            at += 1
        elif reference == FULL:
            at = write_name(codes, at, fields, wording.values)
        elif reference == FIRST_NAME:
            codes[at] = wording.first_names + fields[FIRST]
            at += 1
        else:
            codes[at] = wording.values[LAST] + fields[LAST]
            at += 1
        clauses = facts - k
        for clause in range(clauses):
            fact = plan[ORDER + place + k + clause]
            if clause > 0:
                series = clauses > 2 or wording.commas[plan[ORDER + place + k + clause - 1]]
                if clause < clauses - 1:
                    codes[at] = wording.comma
                else:
                    codes[at] = wording.comma_and if series else wording.plain_and
                at += 1
            codes[at] = wording.finite[fact, plan[CLAUSES + fact], p, 1 if reference == BY_PRONOUN else 0]
            at = write_value(codes, at + 1, fact, fields, world, wording.values)
        codes[at] = wording.stop
        at += 1
        place += facts
    codes[at] = wording.tones[plan[TONE], 1]
    return at + 1
