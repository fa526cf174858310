"""Wording: the clauses of a language as phrases, and a plan written with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

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
    REFS,
    SENTENCES,
    SIZES,
    TONE,
    Language,
    N,
)
from synthgen.tasks.bios.world.lists import ATTRIBUTES, Lists
from synthgen.tasks.bios.world.writing.people import FIRST, LAST, PRONOUN

COMMA_VALUES = ("birth_date", "birth_city", "company_city")
"""Attributes whose values hold a comma, and want another behind them inside a sentence."""

CODES_PER_ROW = 6 * (CODES_PER_NAME + 8) + 6 * (CODES_PER_VALUE + 2) + 4


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
