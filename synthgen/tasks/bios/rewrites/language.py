"""Clauses: the language of rewrites, its counts, and the numbering of all its plans.

A plan of a rewrite is a tone, an order of the six facts, their grouping into sentences of one to three, and for each
sentence a form, a clause a fact, a way to refer to the person and a connective. There are two forms: all clauses
finite, joined by "and", behind an optional connective; or, with two facts or three, a participle of the first fact in
front of the subject. The first sentence has the full name and no connective. Plans have ranks in
[0, R): `unrank` and `rank`.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.errors import SynthgenError
from synthgen.task.foreign import read_toml
from synthgen.tasks.bios.world.lists import ATTRIBUTES, path_of

N = len(ATTRIBUTES)
REFERENCES = ("full", "first", "last", "pronoun")
FULL, FIRST_NAME, LAST_NAME, BY_PRONOUN = range(4)

LARGEST_GROUP = 3
GROUPS = tuple(group for size in range(1, LARGEST_GROUP + 1) for group in itertools.permutations(range(N), size))
"""All ordered groups of one to three facts, in the order of their ranks."""

TONE, SENTENCES, SIZES, FRONTS, REFS, CONNECTIVES, ORDER, CLAUSES, PLAN = 0, 1, 2, 8, 14, 20, 26, 32, 38
"""Where a plan, PLAN numbers long, has what; SIZES to CONNECTIVES by sentence, ORDER by place, CLAUSES by attribute."""

RANKS_MAX = 2**62


class Counts(NamedTuple):
    """What `rank` and `unrank` need to know of a language. Groups are numbered as in GROUPS."""

    tones: int  # how many; so too the next two
    connectives: int
    references: int
    finite: np.ndarray  # (6,) int64: how many clauses an attribute has
    participles: np.ndarray  # (6,) int64
    masks: np.ndarray  # (groups,) int64: the facts of a group as bits
    members: np.ndarray  # (groups, 3) int64: the facts of a group, then -1
    weights: np.ndarray  # (2, groups, 2) int64: ways to word a group (later on, as the first sentence) without and with
    # a participle in front
    after: np.ndarray  # (64,) int64: ways to word the facts that are left, as bits


@dataclass(frozen=True)
class Language:
    """Clauses by attribute, connectives, tones as (before, after), references, and the most facts of a sentence."""

    finite: tuple[tuple[str, ...], ...]
    participles: tuple[tuple[str, ...], ...]
    connectives: tuple[str, ...]
    tones: tuple[tuple[str, str], ...]
    references: tuple[int, ...] = tuple(range(len(REFERENCES)))
    largest_group: int = LARGEST_GROUP

    @functools.cached_property
    def counts(self) -> Counts:
        """What `rank` and `unrank` need. Raises SynthgenError for more plans than their numbers reach."""
        finite, participles = [len(x) for x in self.finite], [len(x) for x in self.participles]
        connectives, references = len(self.connectives), len(self.references)
        masks = [sum(1 << fact for fact in group) for group in GROUPS]
        members = [[*group, *[-1] * (LARGEST_GROUP - len(group))] for group in GROUPS]
        first = []
        for group in GROUPS:
            plain = math.prod(finite[fact] for fact in group)
            fronted = participles[group[0]] * math.prod(finite[fact] for fact in group[1:]) if len(group) > 1 else 0
            first.append((plain, fronted) if len(group) <= self.largest_group else (0, 0))
        later = [(references * connectives * plain, references * fronted) for plain, fronted in first]
        after = [1] + [0] * (2**N - 1)
        for mask in range(1, 2**N):
            inside = [g for g in range(len(GROUPS)) if masks[g] & ~mask == 0]
            after[mask] = sum(sum(later[g]) * after[mask ^ masks[g]] for g in inside)
        if max(after) >= RANKS_MAX:
            raise SynthgenError(f"clauses.toml: {max(after):.3g} rewrites are more than 2^62: use fewer clauses")
        return Counts(
            len(self.tones),
            connectives,
            references,
            np.array(finite, np.int64),
            np.array(participles, np.int64),
            np.array(masks, np.int64),
            np.array(members, np.int64),
            np.array([later, first], np.int64),
            np.array(after, np.int64),
        )

    @functools.cached_property
    def size(self) -> int:
        """R, the number of plans, which is the number of texts of one person."""
        counts = self.counts
        left = counts.after[(2**N - 1) ^ counts.masks]
        ways = sum(int(counts.weights[1, g].sum()) * int(left[g]) for g in range(len(GROUPS)))
        if ways * len(self.tones) >= RANKS_MAX:
            raise SynthgenError(
                f"clauses.toml: {ways * len(self.tones):.3g} rewrites are more than 2^62: use fewer clauses"
            )
        return ways * len(self.tones)

    @property
    def impersonal(self) -> Language:
        """The part of the language that shows no pronoun: for how often a person's stays unknown."""
        return Language(
            tuple(tuple(clause for clause in clauses if not shows_pronoun(clause)) for clauses in self.finite),
            tuple(tuple(clause for clause in clauses if not shows_pronoun(clause)) for clauses in self.participles),
            self.connectives,
            self.tones,
            tuple(reference for reference in self.references if reference != BY_PRONOUN),
            self.largest_group,
        )


def shows_pronoun(clause: str) -> bool:
    """Say whether a clause holds a form of the pronoun; `{was|were}` alone does not."""
    return any("|" not in marker for marker in re.findall(r"\{([^}]*)\}", clause))


def read_language(
    folder: Path | None,
    largest: int | None = None,
    references: Sequence[str] = REFERENCES,
    largest_group: int = LARGEST_GROUP,
) -> Language:
    """Read `clauses.toml` of a folder, or ours, cut to `largest` entries of each kind.

    Raises SynthgenError that names the file and the entry.
    """
    path = path_of(folder, "clauses.toml")
    table = read_toml(path)
    try:
        around = table.pop("around")
        finite = tuple(_entries(path, a, table[a]["finite"], largest) for a in ATTRIBUTES)
        participles = tuple(_entries(path, a, table[a]["participles"], largest) for a in ATTRIBUTES)
        connectives = tuple(map(str, around["connectives"]))[:largest]
        tones = tuple((str(before), str(after)) for before, after in around["tones"])[:largest]
    except (TypeError, ValueError, AttributeError) as error:
        raise SynthgenError(f"{path}: cannot be read: {error}") from None
    except KeyError as error:
        raise SynthgenError(f"{path}: {error} is missing") from None
    for what, entries in (("connectives", connectives), ("tones", tones)):
        if not entries or len(set(entries)) < len(entries):
            raise SynthgenError(f"{path}: around.{what}: at least one is needed, and none twice")
    used = tuple(number for number, reference in enumerate(REFERENCES) if reference in references)
    return Language(finite, participles, connectives, tones, used, largest_group)


def _entries(path: Path, attribute: str, entries: Any, largest: int | None) -> tuple[str, ...]:
    result = tuple(str(entry) for entry in entries)[:largest]
    if not result:
        raise SynthgenError(f"{path}: {attribute} needs at least one clause of each kind")
    for one in result:
        for other in result:
            if one is not other and f"{other} ".startswith(f"{one} "):
                raise SynthgenError(f"{path}: {attribute}: {one!r} is the beginning of {other!r}")
    return result


@register_jitable
def unrank(counts, number, plan):
    """Write the plan of rank `number`."""
    masks, members, weights, after = counts.masks, counts.members, counts.weights, counts.after
    plan[:] = 0
    plan[TONE] = number % counts.tones
    rest = number // counts.tones
    left = 2**N - 1
    place = 0
    while left:
        sentence = plan[SENTENCES]
        first = 1 if sentence == 0 else 0
        group = 0
        while True:
            if masks[group] & ~left == 0:
                ways = (weights[first, group, 0] + weights[first, group, 1]) * after[left ^ masks[group]]
                if rest < ways:
                    break
                rest -= ways
            group += 1
        left ^= masks[group]
        wording = rest // after[left]
        rest %= after[left]
        if wording >= weights[first, group, 0]:
            wording -= weights[first, group, 0]
            plan[FRONTS + sentence] = 1
        if not first:
            plan[REFS + sentence] = wording % counts.references
            wording //= counts.references
            if not plan[FRONTS + sentence]:
                plan[CONNECTIVES + sentence] = wording % counts.connectives
                wording //= counts.connectives
        for k in range(LARGEST_GROUP):
            fact = members[group, k]
            if fact < 0:
                break
            choices = counts.participles[fact] if k == 0 and plan[FRONTS + sentence] else counts.finite[fact]
            plan[CLAUSES + fact] = wording % choices
            wording //= choices
            plan[ORDER + place] = fact
            place += 1
            plan[SIZES + sentence] += 1
        plan[SENTENCES] += 1


@register_jitable
def rank(counts, plan):
    """Return the rank of a plan: the inverse of `unrank`."""
    masks, members, weights, after = counts.masks, counts.members, counts.weights, counts.after
    number = 0
    left = 2**N - 1
    place = 0
    for sentence in range(plan[SENTENCES]):
        first = 1 if sentence == 0 else 0
        group = 0
        while not _is(members, group, plan, place, plan[SIZES + sentence]):
            if masks[group] & ~left == 0:
                number += (weights[first, group, 0] + weights[first, group, 1]) * after[left ^ masks[group]]
            group += 1
        left ^= masks[group]
        wording = 0
        front = plan[FRONTS + sentence]
        for k in range(plan[SIZES + sentence] - 1, -1, -1):
            fact = members[group, k]
            choices = counts.participles[fact] if k == 0 and front else counts.finite[fact]
            wording = wording * choices + plan[CLAUSES + fact]
        if not first:
            if not front:
                wording = wording * counts.connectives + plan[CONNECTIVES + sentence]
            wording = wording * counts.references + plan[REFS + sentence]
        number += (wording + (weights[first, group, 0] if front else 0)) * after[left]
        place += plan[SIZES + sentence]
    return number * counts.tones + plan[TONE]


@register_jitable
def _is(members, group, plan, place, size):
    for k in range(LARGEST_GROUP):
        if members[group, k] != (plan[ORDER + place + k] if k < size else -1):
            return False
    return True
