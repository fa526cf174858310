"""The roster of a split's questions: who was asked about, over all rows, and whether anybody was who should not be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

COUNTED = 2**26
"""Questions are counted by person in splits about up to this many people; of larger ones, strangers alone are told."""


def people_of(batch: pa.RecordBatch) -> np.ndarray:
    """Return everybody whom a batch of questions is about, the second of two people behind the first ones."""
    latent = batch.column("latent")
    return np.concatenate([latent.field(who).drop_null().to_numpy() for who in ("person", "other")])


class Roster:
    """Gathers one split. `each` is how often everybody is asked, where the split asks everybody alike."""

    def __init__(self, persons: range, each: int | None) -> None:
        self.persons, self.each = persons, each
        self._counts = np.zeros(len(persons) if len(persons) <= COUNTED else 0, np.int64)
        self._strangers, self._stranger = 0, -1

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in the next rows of the split."""
        persons = self.persons
        everybody = people_of(batch)
        strange = everybody[(everybody < persons.start) | (everybody >= persons.stop)]
        if strange.size and not self._strangers:
            self._stranger = int(strange[0])
        self._strangers += strange.size
        if self._counts.size:
            first = batch.column("latent").field("person").drop_null().to_numpy()
            np.add.at(self._counts, first[(first >= persons.start) & (first < persons.stop)] - persons.start, 1)

    def findings(self) -> Iterator[tuple[str, bool, str]]:
        """Yield (what, whether it holds, the figures)."""
        persons = f"{self.persons.start:,} to {self.persons.stop - 1:,}"
        detail = f"{self._strangers:,} others, such as person {self._stranger}" if self._strangers else "nobody else"
        yield "people asked about", not self._strangers, f"persons {persons}, {detail}"
        if self._counts.size:
            counts = self._counts
            spread = f"{counts.min():,} to {counts.max():,} a person, {counts.mean():,.2f} on average"
            alike = self.each is None or bool((counts == self.each).all())
            yield "questions", alike, spread + ("" if self.each is None else f"; must be {self.each:,}")
