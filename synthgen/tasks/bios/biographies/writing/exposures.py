"""Exposures by person: the entries of ranks, dealt out by the world's permutation."""

from __future__ import annotations

import numpy as np

from synthgen.exact.bijection import permuted
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.jit import kernel
from synthgen.tasks.bios.biographies.exposures import STAGE


def entries_by_person(keys: Keys, by_rank: np.ndarray) -> np.ndarray:
    """Return how many entries everybody has, (people,) int64; by_rank: how many the person of each rank has."""
    entries = np.empty(by_rank.size, np.int64)
    _deal(new_state(), keys.world(STAGE), by_rank, entries)
    return entries


@kernel
def _deal(state, key, by_rank, entries):
    for rank in range(by_rank.size):
        entries[permuted(state, key, 0, by_rank.size, rank)] = by_rank[rank]
