"""What may come next in a rewrite, for a model that knows the world: who it is about, and how the grammar goes on.

A reader holds what is said so far to be about some people, and to stand somewhere in a plan: with some facts left, in a
sentence that is to have one, two or three. Given its facts and its form, all else of a sentence is drawn by itself.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from synthgen.task.kit.surprisal import Phrase, Piece, walked
from synthgen.tasks.bios.biographies.surprisal import HOME, NAMES, facts_of, value_fields
from synthgen.tasks.bios.biographies.writing.sentences import PRONOUNS
from synthgen.tasks.bios.rewrites.language import BY_PRONOUN, FIRST_NAME, FULL, GROUPS, Language, N
from synthgen.tasks.bios.rewrites.writing.laws import NATURAL, Law
from synthgen.tasks.bios.rewrites.writing.wording import COMMA_VALUES, inflected
from synthgen.tasks.bios.world.crowd import Crowd
from synthgen.tasks.bios.world.lists import ATTRIBUTES
from synthgen.tasks.bios.world.writing.people import FIRST, LAST, PRONOUN, World

ALONE = HOME + 1
"""The field of a first name that nothing stands behind."""

ALL = 2**N - 1
"""The six facts, as bits."""

SUBJECTS: dict[int, tuple[Piece, ...]] = {FULL: NAMES, FIRST_NAME: (ALONE,)}
"""How a sentence names whom it is about; else by the last name."""


class Stage(IntEnum):
    """What stands behind the pieces at hand."""

    START, SENTENCE, SUBJECT, CLAUSE, JOIN, OVER = range(6)


class Reading(NamedTuple):
    """What is known of a row so far: some people, and where in a plan it stands."""

    people: np.ndarray
    stage: Stage = Stage.START
    pieces: tuple[Piece, ...] = ()
    tones: tuple[int, ...] = ()
    left: int = ALL  # the facts that no sentence before this one has told, as bits
    told: tuple[int, ...] = ()  # those that this one has
    sizes: tuple[int, ...] = ()  # how many it may have in all
    front: bool = False  # whether a participle stands in front
    begins: bool = True  # whether the subject begins the sentence
    by_pronoun: bool = False


class RewriteLaw:
    """The law of rewrites, for readers who know the world."""

    def __init__(
        self,
        language: Language,
        law: Law,
        pronouns: Sequence[str],
        people: np.ndarray,
        world: World,
        words: Mapping[int, Sequence[Phrase]],
    ) -> None:
        """people: everybody's fields, (people, FIELDS); words: how their values are said, by field."""
        self._language, self._law, self._pronouns = language, law, pronouns
        self._crowd = Crowd(np.column_stack([facts_of(people, world), people[:, FIRST]]), words)
        references, connectives, tones = len(language.references), len(language.connectives), len(language.tones)
        self._references, self._connectives, self._tones = (np.ones(n) / n for n in (references, connectives, tones))
        if law.kind == NATURAL:
            sums = law.weights.references, law.weights.connectives, law.weights.tones
            self._references, self._connectives, self._tones = (np.diff(s, prepend=0) / s[-1] for s in sums)

    def surprisals(self, text: str) -> np.ndarray:
        """Return the bits of each character of a text and of its end, (characters + 1,)."""
        return walked(text, Reading(self._crowd.all), self._follow)

    def _follow(self, reading: Reading, ahead: Phrase) -> Iterator[tuple[float, Phrase, Reading | None]]:
        if reading.pieces:
            piece, behind = reading.pieces[0], reading._replace(pieces=reading.pieces[1:])
            if not isinstance(piece, int):
                yield 1.0, piece, behind
                return
            for share, phrase, people in self._crowd.apart(reading.people, piece).get(ahead, ()):
                yield share, phrase, behind._replace(people=people)
        elif reading.stage == Stage.OVER:
            whole = sum(self._tones[tone] for tone in reading.tones)
            for tone in reading.tones:
                after = self._language.tones[tone][1]
                yield self._tones[tone] / whole, f" {after}" if after else "", None
        else:
            ways = {
                Stage.START: self._tone,
                Stage.SENTENCE: self._sentence,
                Stage.SUBJECT: self._subject,
                Stage.CLAUSE: self._clause,
                Stage.JOIN: self._join,
            }
            for chance, behind in ways[reading.stage](reading):
                yield chance, "", behind

    def _tone(self, reading: Reading) -> Iterator[tuple[float, Reading]]:
        before = [f"{before} " if before else "" for before, _ in self._language.tones]
        for text in dict.fromkeys(before):
            tones = tuple(tone for tone, other in enumerate(before) if other == text)
            share = float(sum(self._tones[tone] for tone in tones))
            yield share, reading._replace(stage=Stage.SENTENCE, pieces=(text,), tones=tones)

    def _sentence(self, reading: Reading) -> Iterator[tuple[float, Reading]]:
        """Tell people of different pronouns apart; then begin with a participle, or with a connective."""
        plans = self._plans(reading.left)
        for of_pronoun, _, people in self._crowd.apart(reading.people, PRONOUN)[""]:
            one = reading._replace(people=people, stage=Stage.SUBJECT, told=(), by_pronoun=False)
            for front in (False, True):
                sizes = tuple(size for size in (1, 2, 3) if plans.get((front, (), size)))
                share = of_pronoun * sum(plans[front, (), size] for size in sizes)
                if not share:
                    continue
                begun = one._replace(front=front, sizes=sizes, begins=not front)
                if front:
                    yield from self._facts(begun, share, ", ")
                elif reading.left == ALL:
                    yield share, begun
                else:
                    for k, connective in enumerate(self._language.connectives):
                        spoken = begun._replace(pieces=(connective,), begins=k == 0)
                        yield share * float(self._connectives[k]), spoken

    def _subject(self, reading: Reading) -> Iterator[tuple[float, Reading]]:
        if reading.left == ALL:
            yield 1.0, reading._replace(stage=Stage.CLAUSE, pieces=NAMES)
            return
        for share, reference in zip(self._references.tolist(), self._language.references, strict=True):
            pieces = SUBJECTS.get(reference, (LAST,))
            if reference == BY_PRONOUN:
                he = PRONOUNS[self._pronoun(reading)]["he"]
                pieces = (he.capitalize() if reading.begins else he,)
            yield share, reading._replace(stage=Stage.CLAUSE, pieces=pieces, by_pronoun=reference == BY_PRONOUN)

    def _clause(self, reading: Reading) -> Iterator[tuple[float, Reading]]:
        return self._facts(reading, 1.0)

    def _facts(self, reading: Reading, share: float, *behind: str) -> Iterator[tuple[float, Reading]]:
        """Tell one fact more, in any of the clauses for it."""
        plans, participle = self._plans(reading.left), reading.front and not reading.told
        whole = sum(plans[reading.front, reading.told, size] for size in reading.sizes)
        stage = reading.stage if participle else Stage.JOIN
        for fact in range(N):
            told = (*reading.told, fact)
            chance = sum(plans.get((reading.front, told, size), 0.0) for size in reading.sizes)
            if chance:
                clauses = self._clauses(self._pronoun(reading), reading.by_pronoun, participle, fact)
                for clause in clauses:
                    pieces = (clause, *value_fields(fact), *behind)
                    yield share * chance / whole / len(clauses), reading._replace(stage=stage, pieces=pieces, told=told)

    def _join(self, reading: Reading) -> Iterator[tuple[float, Reading]]:
        """End the sentence, or go on to its next fact."""
        plans, told = self._plans(reading.left), reading.told
        whole = sum(plans.get((reading.front, told, size), 0.0) for size in reading.sizes)
        for size in reading.sizes:
            chance = plans.get((reading.front, told, size), 0.0) / whole
            if not chance:
                continue
            if size == len(told):
                left = reading.left & ~sum(1 << fact for fact in told)
                stage, stop = (Stage.SENTENCE, ". ") if left else (Stage.OVER, ".")
                yield chance, reading._replace(stage=stage, pieces=(stop,), left=left)
                continue
            clauses, last = size - reading.front, size - 1 == len(told)
            comma = clauses > 2 or ATTRIBUTES[told[-1]] in COMMA_VALUES
            joint = (", and" if comma else " and") if last else ","
            yield chance, reading._replace(stage=Stage.CLAUSE, pieces=(joint,), sizes=(size,))

    def _pronoun(self, reading: Reading) -> str:
        return self._pronouns[int(self._crowd.fields[reading.people[0], PRONOUN])]

    @functools.cache  # noqa: B019
    def _clauses(self, pronoun: str, by_pronoun: bool, participle: bool, fact: int) -> list[str]:
        if participle:
            texts = [inflected(clause, pronoun, False) for clause in self._language.participles[fact]]
            return [f"{text[0].upper()}{text[1:]} " for text in texts]
        return [f" {inflected(clause, pronoun, by_pronoun)} " for clause in self._language.finite[fact]]

    @functools.cache  # noqa: B019
    def _plans(self, left: int) -> dict[tuple[bool, tuple[int, ...], int], float]:
        """Return the chance that the next sentence begins with some facts, by (front, these facts, how many in all).

        left: the facts that are left, as bits.
        """
        counts, weights, first = self._law.counts, self._law.weights, int(left == ALL)
        plans: dict[tuple[bool, tuple[int, ...], int], float] = {}
        for g, group in enumerate(GROUPS):
            mask, size = int(counts.masks[g]), len(group)
            if mask & ~left:
                continue
            for front in (False, True):
                if self._law.kind != NATURAL:
                    ways = int(counts.weights[first, g, int(front)]) * int(counts.after[left ^ mask])
                    chance = ways / (self._language.size // len(self._tones) if first else int(counts.after[left]))
                else:
                    sums, fronts = weights.groups[left.bit_count() - 1], weights.fronts
                    share = (sums[size - 1] - (sums[size - 2] if size > 1 else 0)) / sums[-1]
                    share *= 1 - front if size == 1 else (fronts[1] - fronts[0] if front else fronts[0]) / fronts[1]
                    chance = float(share) / math.perm(left.bit_count(), size)
                for end in range(size + 1) if chance else ():
                    key = front, group[:end], size
                    plans[key] = plans.get(key, 0.0) + chance
        return plans
