"""Everybody at once: the fields of a group of people as one table, for a reader who knows the world."""

from __future__ import annotations

import numpy as np

from synthgen.exact.draw import new_state
from synthgen.exact.jit import kernel
from synthgen.tasks.bios.world.writing.people import FIELDS, Group, World, draw_person

MOST_PEOPLE = 2_000_000
"""Tables are made of groups up to this size: they then take 90 MB."""


def everybody(world: World, group: Group) -> np.ndarray:
    """Return the fields of all people of a group, (people, FIELDS) int32."""
    table = np.empty((group.number, FIELDS), np.int32)
    _draw(new_state(), world.names, world.people, world.sizes, group.first, table)
    return table


@kernel
def _draw(state, names, people, sizes, first, table):
    fields = np.empty(FIELDS, np.int64)
    for i in range(table.shape[0]):
        draw_person(state, names, people, first + i, sizes, fields)
        table[i] = fields
