"""Exposures as a judge knows them: a person's rank, by the inverse of the bijection, and the entries of that rank."""

from __future__ import annotations

import numpy as np

from synthgen.exact.bijection import unpermute
from synthgen.exact.draw import Keys
from synthgen.tasks.bios.biographies.exposures import STAGE


class Exposures:
    """How many entries each of some people has; by_rank: how many the person of each rank has."""

    def __init__(self, keys: Keys, by_rank: np.ndarray) -> None:
        self._key, self._by_rank = keys.world(STAGE), by_rank

    def of(self, place: int) -> int:
        """Return the entries of a person, numbered from 0 among those of the spec."""
        return int(self._by_rank[unpermute(self._key, self._by_rank.size, place)])
