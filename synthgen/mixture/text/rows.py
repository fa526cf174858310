"""Rows of real text as a task: each row of the dataset once, in an order that (seed, split) draws.

Row i is row permuted(i) of the rows used, whatever was asked for before. Its bits are unknown: nobody knows the law
that people write by. Nothing here derives a text again, so that a reader takes it on trust.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthgen.errors import SynthgenError
from synthgen.exact.bijection import permute, permuted
from synthgen.exact.bits import Bits
from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Book, Entropy
from synthgen.exact.jit import kernel
from synthgen.mixture.text.fields import HUB, TextFields, origin_of
from synthgen.mixture.text.preparing import taken_in
from synthgen.mixture.text.store import StoredTexts, stored
from synthgen.task.contract import Task
from synthgen.task.phrases import Codes, PhraseTable
from synthgen.task.rows import UNKNOWN, Rows, TextSource
from synthgen.task.verdict import Misread, Reread

TEXT = "text"
"""The row book of what nobody can count."""

WHY = "it is real text, and nobody knows the law it was written by"

ORDER = "order of real text"
"""The stage of the keys that the order is drawn with."""

CODE_POINTS = 0x110000
MOST_CHARACTERS = 1 << 29
"""Characters of a batch: its bytes must stay below 2 GiB."""


class RealText(Task):
    """Texts of a dataset that is there already."""

    name = "text"
    row_formats = ("document",)
    books = (TEXT,)
    uncounted = (TEXT,)
    difficulty = "characters of the text"
    Params: ClassVar[Any] = TextFields
    params: TextFields

    def __init__(self, params: TextFields, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self._order = keys.split(ORDER)

    @property
    def free_text(self) -> bool:
        return True

    @property
    def latent_fields(self) -> list[pa.Field]:
        return [pa.field("source_row", pa.int64())]

    @property
    def rows_max(self) -> int:
        return self.params.rows or 0

    @cached_property
    def _texts(self) -> StoredTexts | None:
        return stored(self.params.digest)

    def make_ready(self) -> None:
        if self._texts is None:
            self._texts = taken_in(self.params, self.files)

    @property
    def without_rows(self) -> str:
        if self._texts is not None:
            return ""
        origin = origin_of(self.params.text)
        fix = "fetches them" if origin.startswith(HUB) else f"takes them in, with {origin} beside the spec"
        return f"the rows of {origin} (digest {self.params.digest[:16]}...) are not here; `synthgen generate` {fix}"

    def text_sources(self) -> Sequence[TextSource]:
        params = self.params
        return [TextSource("", origin_of(params.text), params.licence, self.rows_max, params.digest)]

    @cached_property
    def _alphabet(self) -> tuple[PhraseTable, np.ndarray]:
        """The characters of the dataset as phrases, and the phrase of each code point, (code points,) int32."""
        assert self._texts is not None
        characters = self._texts.index.characters
        numbers = np.zeros(CODE_POINTS, np.int32)
        numbers[[ord(character) for character in characters]] = np.arange(len(characters))
        return PhraseTable(characters), numbers

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        """Return rows of text. Raises SynthgenError where they are not on this machine, or damaged."""
        if self._texts is None:
            raise SynthgenError(f"params.component: {self.without_rows}")
        places = np.empty(stop - start, np.int64)
        _place(state, self._order, self.rows_max, start, places)
        texts = self._texts.at(places)
        lengths = np.array([len(text) for text in texts], np.int64)
        if lengths.sum() > MOST_CHARACTERS:
            raise SynthgenError(
                f"params.component: text = {origin_of(self.params.text)!r}: {lengths.size:,} rows hold "
                f"{lengths.sum():,} characters; cut its texts into shorter ones"
            )
        table, numbers = self._alphabet
        codes = numbers[np.frombuffer("".join(texts).encode("utf-32-le"), "<u4")]
        return Rows(
            Codes(table, codes, np.cumsum(lengths)),
            lengths.astype(np.int32),
            np.full((lengths.size, 1), UNKNOWN),
            {"source_row": pa.array(places)},
        )

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        return Entropy({TEXT: Book(Bits(0.0, "unknown", WHY))})

    @property
    def without_surprisals(self) -> str:
        return WHY

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Hold against the row what follows from its number and its own text; the text itself is taken on trust."""
        if row["bits"][TEXT] is not None:
            raise Misread(f"bits.{TEXT} is {row['bits'][TEXT]}: {WHY}")
        return Reread(
            difficulty=len(row["text"]),
            latent={"source_row": permute(self._order, self.rows_max, row["id"])},
        )


@kernel
def _place(state, key, rows, start, places):
    """Write which of `rows` rows the rows from `start` on are."""
    for i in range(places.size):
        places[i] = permuted(state, key, 0, rows, start + i)
