"""Changes: who has another value after the change, and which; all computed, none stored.

Each fact puts the people in a keyed order of its own; those who stand first in it have another value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.bijection import permuted
from synthgen.exact.draw import Keys, begin, below, new_state
from synthgen.exact.jit import kernel
from synthgen.tasks.bios.world.changes import CHANGING, STAGE, ChangingParams
from synthgen.tasks.bios.world.writing.people import EMPLOYER, FIELDS, UNIVERSITY, Group, World, draw_person

assert len(CHANGING) == EMPLOYER - UNIVERSITY + 1  # a fact's number is its field's, from UNIVERSITY on


class Changes(NamedTuple):
    """The changes of a world, as kernels know them."""

    key: np.ndarray
    fields: np.ndarray  # int64: the fields that change; none, where none do
    number: int  # of people whom each changes for
    after: bool  # whether rows are of the world after the change

    @classmethod
    def of(cls, keys: Keys, params: ChangingParams, after: bool) -> Changes:
        """Return the changes of some keys."""
        facts = params.changing if params.changed else ()
        fields = np.array(sorted(UNIVERSITY + CHANGING.index(fact) for fact in facts), np.int64)
        return cls(keys.world(STAGE), fields, params.changed_people, after)


UNCHANGED = Changes(np.zeros(2, np.uint64), np.zeros(0, np.int64), 0, False)
"""A world that does not change."""


@register_jitable
def change_person(state, changes, people, place, person, sizes, out):
    """Make the fields of a person those after the change; place: the person's from 0, among so many people."""
    for field in changes.fields:
        fact = field - UNIVERSITY
        if permuted(state, changes.key, fact, people, place) < changes.number:
            begin(state, changes.key, person, 1 + fact)
            value = below(state, sizes[field] - 1)
            out[field] = value + (value >= out[field])


def everybody_at(world: World, group: Group, changes: Changes) -> np.ndarray:
    """Return the fields of all people of a group, before the change and after, (2, people, FIELDS) int32."""
    table = np.empty((2, group.number, FIELDS), np.int32)
    _draw(new_state(), world.names, world.people, world.sizes, group.first, changes, table)
    return table


@kernel
def _draw(state, names, people, sizes, first, changes, table):
    fields = np.empty(FIELDS, np.int64)
    for i in range(table.shape[1]):
        draw_person(state, names, people, first + i, sizes, fields)
        table[0, i] = fields
        change_person(state, changes, table.shape[1], i, first + i, sizes, fields)
        table[1, i] = fields
