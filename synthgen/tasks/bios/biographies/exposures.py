"""Exposures: how many entries people have where they are not alike, a power law in whole numbers.

Everybody has one entry. Of the others, the person of rank r (from 1) has a part in proportion to r^-power, by largest
remainder: each part is rounded down, and what is left goes to the largest remainders, of equal ones to the lower rank.
So the entries of all people are exactly people x entries, nobody has none, and nobody more than those of lower rank.
Who has which rank is a keyed permutation of the world.

Weights are whole numbers, 2^40 r^-power rounded down, and r^power is made of products and square roots alone, which
every machine rounds alike.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from synthgen.exact.entropy import entropy_of

STAGE = "exposures"
"""The stage of the world that says who has which rank."""

MOST_PEOPLE = 2**20
"""People whose entries are laid out: in a table of 8 MB, half a second of work."""

_ONE = 2.0**40
_BITS = 52
"""Binary digits of a power behind its point: all that a float below 2 has."""


def weights_by_rank(people: int, power: float) -> np.ndarray:
    """Return the weights of the ranks, (people,) int64, the first one's 2^40."""
    ranks = np.arange(1, people + 1, dtype=np.float64)
    grown, root = np.ones(people), ranks
    whole, rest = int(power), power % 1
    for _ in range(whole):
        grown *= ranks
    for _ in range(_BITS):
        root, rest = np.sqrt(root), 2 * rest
        if rest >= 1:
            grown *= root
            rest -= 1
        if not rest:
            break
    return np.floor(_ONE / grown).astype(np.int64)


@functools.lru_cache(maxsize=4)
def entries_by_rank(people: int, entries: int, power: float) -> np.ndarray:
    """Return how many entries the person of each rank has, (people,) int64; `entries` is their mean."""
    weights, further = weights_by_rank(people, power).tolist(), people * (entries - 1)
    total = sum(weights)
    parts = [divmod(further * weight, total) for weight in weights]
    counts = np.array([whole for whole, _ in parts], np.int64) + 1
    left = further + people - int(counts.sum())
    counts[sorted(range(people), key=lambda rank: -parts[rank][1])[:left]] += 1
    counts.flags.writeable = False  # kept for whoever asks next
    return counts


def subject_bits(counts: np.ndarray, rows: int) -> float:
    """Return the bits of whom a row is about, of a corpus' first `rows`: everybody's first entries come first."""
    people, total = counts.size, int(counts.sum())
    if rows <= people:
        return float(np.log2(people))
    return entropy_of((1 + (counts - 1) * ((rows - people) / (total - people))).tolist())


def exposure_facts(counts: np.ndarray) -> dict[str, Any]:
    """Return what `Entropy.facts` has of entries by person: the least, middle and most, and people by tens of them."""
    low, middle, most = (int(np.sort(counts)[place]) for place in (0, counts.size // 2, -1))
    tens = np.bincount(np.char.str_len(counts.astype(str)))
    limits = [10**digits for digits in range(tens.size + 1)]
    by_tens = {f"{limits[d - 1]:,} to {limits[d] - 1:,}": int(tens[d]) for d in range(1, tens.size) if tens[d]}
    return {
        "exposures_a_person": {"least": low, "median": middle, "mean": float(counts.mean()), "most": most},
        "people_by_exposures": by_tens,
    }
