"""Everybody's relations at once, for a reader who knows the world."""

from __future__ import annotations

import numpy as np

from synthgen.exact.draw import new_state
from synthgen.exact.jit import kernel
from synthgen.tasks.bios.relations.writing.relatives import Bonds, relative


def everybodys_relatives(bonds: Bonds) -> np.ndarray:
    """Return whom each relation leads to from everybody, (people, relations) int64, numbered from 0 in the group."""
    table = np.empty((bonds.people, bonds.laws.size), np.int64)
    _follow(new_state(), bonds, table)
    return table


@kernel
def _follow(state, bonds, table):
    for person in range(table.shape[0]):
        for relation in range(table.shape[1]):
            law = bonds.laws[relation]
            table[person, relation] = relative(state, bonds.keys[relation], law, bonds.bosses, table.shape[0], person)
