"""Corrupted prompts: some tokens of a prefix replaced by others, behind which the string goes on as it was (Part 1)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthgen.exact.draw import begin, below, weighted
from synthgen.exact.jit import kernel


class Corruption(NamedTuple):
    """What was replaced in some rows: row i has places[ends[i - 1] : ends[i]]."""

    places: np.ndarray  # (replaced,) int32: positions in their rows
    ends: np.ndarray  # (rows,) int64
    units: np.ndarray  # (rows,) int64: ledger units of the coins and the choices


@kernel
def _corrupt(state, key, start, id_ends, cut, terminals, odds, ids, places, ends, units):
    """Replace tokens among the first `cut` of every row, in place; `odds`: running weights of (stays, is replaced)."""
    count, first = 0, 0
    for row in range(id_ends.size):
        begin(state, key, start + row, 0)
        for place in range(cut):
            if weighted(state, odds) == 1:
                other = below(state, terminals.size - 1)
                other += terminals[other] >= ids[first + place]  # terminals rise: one is passed over
                ids[first + place] = terminals[other]
                places[count] = place
                count += 1
        ends[row], units[row] = count, state.ledger
        first = id_ends[row]


def corrupt_prompts(
    state: np.record,
    key: np.ndarray,
    start: int,
    id_ends: np.ndarray,
    cut: int,
    terminals: tuple[int, ...],
    odds: np.ndarray,
    ids: np.ndarray,
) -> Corruption:
    """Corrupt the first `cut` tokens of the rows from `start` on, in place, and say where; all rows are longer."""
    rows = id_ends.size
    places, ends, units = np.empty(rows * cut, np.int32), np.empty(rows, np.int64), np.empty(rows, np.int64)
    known = np.array(terminals, ids.dtype)
    _corrupt(state, key, start, id_ends, cut, known, odds, ids, places, ends, units)
    return Corruption(places[: ends[-1]], ends, units)
