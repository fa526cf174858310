"""Alphabets: the symbols of a token task by number, and the ids they have in its rows.

Samplers and readers work with numbers 0, 1, 2, ...; a lookup turns them into ids at the end. So a task can keep the
numbering that its paper published (markers near 10,000) or number its symbols without gaps, which is what a small model
wants.

    alphabet = Alphabet.of([("yes", 5000), ("no", 5001)], bos=9999, eos=9995, pad=0, numbering="released")
    alphabet.ids[numbers]                     # symbol 3 ("yes") has id 5000
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from synthgen.task.ids import WrongKind, ids_of
from synthgen.task.rows import Vocab

Numbering = Literal["released", "compact"]

FIRST = 3
"""The number of the first symbol of a task's own: 0, 1 and 2 are the marks that packers add."""


@dataclass(frozen=True)
class Alphabet:
    """Symbols by number: `names[k]` has the id `ids[k]`. Numbers 0, 1 and 2 are <bos>, <eos> and <pad>."""

    names: tuple[str, ...]
    ids: np.ndarray  # (symbols,) uint16

    @classmethod
    def of(
        cls, symbols: Sequence[tuple[str, int]], bos: int, eos: int, pad: int, numbering: Numbering = "released"
    ) -> Alphabet:
        """Return the alphabet of (name, published id) pairs, numbered from 3 on in their order."""
        table = [("<bos>", bos), ("<eos>", eos), ("<pad>", pad), *symbols]
        ids = [published for _, published in table] if numbering == "released" else list(range(len(table)))
        if len(set(ids)) < len(ids) or max(ids) >= 2**16:
            raise ValueError("two symbols have one id, or an id needs more than 16 bits")
        return cls(tuple(name for name, _ in table), np.array(ids, np.uint16))

    @functools.cached_property
    def vocab(self) -> Vocab:
        """The vocabulary by id."""
        ids = [int(token_id) for token_id in self.ids]
        return Vocab(max(ids) + 1, ids[0], ids[1], ids[2], dict(zip(ids, self.names, strict=True)))

    @functools.cached_property
    def _numbers(self) -> dict[int, int]:
        return {int(token_id): number for number, token_id in enumerate(self.ids)}

    def numbers_of(self, ids: Sequence[int]) -> list[int]:
        """Return the numbers behind token ids, -1 for ids of no symbol."""
        return [self._numbers.get(token_id, -1) for token_id in ids]

    def read(self, ids: Any) -> list[int]:
        """Return the numbers behind token ids. Raises ValueError for anything else."""
        try:
            plain = ids_of(ids)
        except WrongKind as error:
            raise ValueError(f"not a list of token ids: {error}") from None
        numbers = [self._numbers.get(token_id, -1) for token_id in plain]
        if -1 in numbers:
            place = numbers.index(-1)
            shown = f", {plain[place]}," if abs(plain[place]) < 10**18 else ""
            raise ValueError(f"token {place}{shown} is not in the vocabulary")
        return numbers
