"""Rewriting: the kernel that draws a plan of clauses for each entry, and words it.

Two laws. `uniform` takes every plan with the same probability, and never one twice for a person: entropy log2 R.
`natural` prefers what a person would write (short sentences joined, pronouns, few connectives): its bits are those of
the choices, and their expectation is computed by going through all groupings.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.bijection import permuted
from synthgen.exact.draw import begin, below, shuffle, weighted
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units
from synthgen.task.phrases import PhraseTable, closing, opening
from synthgen.tasks.bios.biographies.writing import sentences
from synthgen.tasks.bios.biographies.writing.documents import CODES_PER_NAME, CODES_PER_VALUE, write_value
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
    Language,
    N,
    rank,
    unrank,
)
from synthgen.tasks.bios.world.lists import ATTRIBUTES
from synthgen.tasks.bios.world.writing.people import FIELDS, FIRST, LAST, MIDDLE, PRONOUN, draw_person, person_at

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

CODES_PER_ROW = 6 * (CODES_PER_NAME + 8) + 6 * (CODES_PER_VALUE + 2) + 4


def natural_weights(language: Language) -> tuple[np.ndarray, ...]:
    """Return running sums of the natural weights: group sizes by facts left, fronts, references, connectives, tones.

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
    return np.array(groups), sums(FRONT_WEIGHTS), references, connectives, tones


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


def clause_phrases(
    language: Language, pronouns: tuple[str, ...], first_names: tuple[str, ...], table: PhraseTable
) -> tuple[np.ndarray, ...]:
    """Add all wordings to `table`; return the phrase numbers that `write_rewrites` takes.

    finite (6, most, pronouns, 2: after a name, after a pronoun), participles (6, most, pronouns), subjects (pronouns,
    2: small, capital), connectives, tones (tones, 2), and marks: space, full stop, ", ", ", and", " and", ",", and
    the first of the bare first names.
    """
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
    marks = [table.add(mark) for mark in (" ", ".", ", ", ", and", " and", ",")] + [table.extend(first_names)]
    others = [np.array(x, np.int32) for x in (subjects, connectives, tones, marks)]
    return finite, participles, *others


def inflected(clause: str, pronoun: str, after_pronoun: bool) -> str:
    """Return a clause with its verb and pronouns inflected; `after_pronoun`: its subject is the pronoun.

    >>> inflected("{was|were} born in", "they", True)
    'were born in'
    """
    reference = sentences.BY_PRONOUN if after_pronoun else sentences.BY_NAME
    return "".join(map(str, sentences.render(f"x{clause}", pronoun, reference)))[1:]  # x: nothing is capitalised


@register_jitable
def draw_rewrite(state, key, person, entry, law, counts, naturals, size, plan):
    """Draw the plan of one entry (law 0: uniform, each at most once; 1: uniform; 2: natural); return its rank."""
    if law == 0:
        number = permuted(state, key, person, size, entry)
        state.ledger = log2_units(size - entry)
        unrank(counts, number, plan)
        return number
    begin(state, key, person, entry)
    if law == 1:
        number = below(state, size)
        unrank(counts, number, plan)
        return number
    sizes = counts[0]
    groups, fronts, references, connectives, tones = naturals
    plan[:] = 0
    plan[TONE] = weighted(state, tones)
    order = plan[ORDER : ORDER + N]
    for fact in range(N):
        order[fact] = fact
    shuffle(state, order, N)
    place = 0
    while place < N:
        sentence = plan[SENTENCES]
        facts = 1 + weighted(state, groups[N - place - 1])
        plan[SIZES + sentence] = facts
        if facts > 1:
            plan[FRONTS + sentence] = weighted(state, fronts)
        if sentence > 0:
            plan[REFS + sentence] = weighted(state, references)
            if not plan[FRONTS + sentence]:
                plan[CONNECTIVES + sentence] = weighted(state, connectives)
        for k in range(facts):
            fact = order[place + k]
            front = k == 0 and plan[FRONTS + sentence]
            plan[CLAUSES + fact] = below(state, sizes[3 + N + fact] if front else sizes[3 + fact])
        place += facts
        plan[SENTENCES] += 1
    return rank(counts, plan)


@kernel
def write_rewrites(
    state, keys, start, stop, first_person, people, sizes, homes, phrases, wordings, references, commas, law, counts,
    naturals, size, codes, ends, facts, orders, ranks, units,
):  # fmt: skip
    """Word the rows [start, stop).

    keys: (4, 2) of the stages names, people, rows, wording; wordings: `clause_phrases`; references: those used; commas:
    (6,) whether a fact's values hold a comma. Writes codes and the rows' ends, facts (rows, FIELDS + 2: person, entry,
    fields), orders (rows, 6), ranks (rows,) and units (rows, 1).
    """
    fields, plan = np.empty(FIELDS, np.int64), np.zeros(PLAN, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        place, entry = person_at(state, keys[2], people, row)
        person = first_person + place
        draw_person(state, keys[0], keys[1], person, sizes, fields)
        facts[i, 0] = person
        facts[i, 1] = entry
        facts[i, 2:] = fields
        ranks[i] = draw_rewrite(state, keys[3], person, entry, law, counts, naturals, size, plan)
        units[i, 0] = state.ledger
        for fact in range(N):
            orders[i, fact] = plan[ORDER + fact]
        at = write_plan(plan, fields, sizes, homes, phrases, wordings, references, commas, codes, at)
        ends[i] = at


@register_jitable
def write_plan(plan, fields, sizes, homes, phrases, wordings, references, commas, codes, at):
    """Write the codes of one rewrite; return the new end."""
    finite, participles, subjects, connectives, tones, marks = wordings
    space, stop, comma_space, comma_and, and_, comma, first_names = marks
    p = fields[PRONOUN]
    codes[at] = tones[plan[TONE], 0]
    at += 1
    place = 0
    for sentence in range(plan[SENTENCES]):
        if sentence > 0:
            codes[at] = space
            at += 1
        begins = True  # whether the subject begins the sentence
        facts = plan[SIZES + sentence]
        k = 0
        if plan[FRONTS + sentence]:
            fact = plan[ORDER + place]
            codes[at] = participles[fact, plan[CLAUSES + fact], p]
            at = write_value(codes, at + 1, fact, fields, sizes, homes, phrases)
            codes[at] = comma_space
            at += 1
            begins = False
            k = 1
        elif plan[CONNECTIVES + sentence] > 0:
            codes[at] = connectives[plan[CONNECTIVES + sentence]]
            at += 1
            begins = False
        reference = references[plan[REFS + sentence]] if sentence > 0 else FULL
        if reference == BY_PRONOUN:
            codes[at] = subjects[p, 1 if begins else 0]
            at += 1
        elif reference == FULL:
            codes[at] = opening(0)
            codes[at + 1] = phrases[FIRST] + fields[FIRST]
            codes[at + 2] = phrases[MIDDLE] + fields[MIDDLE]
            codes[at + 3] = phrases[LAST] + fields[LAST]
            codes[at + 4] = closing(0)
            at += CODES_PER_NAME
        else:
            codes[at] = first_names + fields[FIRST] if reference == FIRST_NAME else phrases[LAST] + fields[LAST]
            at += 1
        clauses = facts - k
        for clause in range(clauses):
            fact = plan[ORDER + place + k + clause]
            if clause > 0:
                series = clauses > 2 or commas[plan[ORDER + place + k + clause - 1]]
                if clause < clauses - 1:
                    codes[at] = comma
                else:
                    codes[at] = comma_and if series else and_
                at += 1
            codes[at] = finite[fact, plan[CLAUSES + fact], p, 1 if reference == BY_PRONOUN else 0]
            at = write_value(codes, at + 1, fact, fields, sizes, homes, phrases)
        codes[at] = stop
        at += 1
        place += facts
    codes[at] = tones[plan[TONE], 1]
    return at + 1


def comma_values() -> np.ndarray:
    """Return which facts' values hold a comma, (6,) bool."""
    return np.array([attribute in COMMA_VALUES for attribute in ATTRIBUTES])
