"""Relatives: whose mentor, friend or boss somebody is, computed and never stored.

Every relation puts the people in a keyed order of its own: friends are neighbours in it, two by two; a mentor is the
next one; the bosses are the first ones. So a step costs a look for a place and one for a person.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.bijection import permuted, unpermuted
from synthgen.exact.draw import Keys, begin, below
from synthgen.tasks.bios.relations.laws import CIRCLE, LAWS, PAIRS
from synthgen.tasks.bios.relations.wordings import Relation


class Bonds(NamedTuple):
    """The relations of a group of people, as kernels know them."""

    keys: np.ndarray  # (relations, 2) uint64: of the world
    laws: np.ndarray  # (relations,) int64: of LAWS
    bosses: int
    first: int  # the group's first person
    people: int

    @classmethod
    def of(cls, keys: Keys, relations: tuple[Relation, ...], bosses: int, everybody: range) -> Bonds:
        """Return the relations of some keys over everybody."""
        return cls(
            np.array([keys.world(f"relation {relation.key}") for relation in relations]),
            np.array([LAWS[relation.law] for relation in relations], np.int64),
            bosses,
            everybody.start,
            len(everybody),
        )


@register_jitable
def relative(state, key, law, bosses, people, person):
    """Return whom a relation leads to from `person`, both numbered from 0 in the group. It moves the state."""
    place = unpermuted(state, key, 0, people, person)
    if law == PAIRS:
        place ^= 1
    elif law == CIRCLE:
        place = place + 1 if place + 1 < people else 0
    else:
        begin(state, key, person, 1)
        if place < bosses:
            other = below(state, bosses - 1)
            place = other + (other >= place)  # nobody is their own
        else:
            place = below(state, bosses)
    return permuted(state, key, 0, people, place)
