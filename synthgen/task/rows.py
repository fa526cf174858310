"""Rows as a task makes them: text as phrase numbers or tokens, with their difficulty, bits and latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.phrases import Codes

UNKNOWN = np.iinfo(np.int64).min
"""Ledger units of a book that nobody can count, in a row that pays it: real text. See `Task.uncounted`."""


def bits_of(units: np.ndarray) -> np.ndarray:
    """Return ledger units as bits, the total before the books: (rows, 1 + books) float64, NaN for what is unknown."""
    bits = np.empty((units.shape[0], 1 + units.shape[1]))
    bits[:, 0], bits[:, 1:] = units.sum(axis=1), units
    bits /= UNITS_PER_BIT
    unknown = units == UNKNOWN
    if unknown.any():
        bits[:, 1:][unknown] = np.nan
        bits[unknown.any(axis=1), 0] = np.nan
    return bits


@dataclass(frozen=True)
class TextSource:
    """Texts of others that stand in rows: whose, under which licence ("": none is stated), and how many are used."""

    component: str
    origin: str  # a file's or folder's name, or hub:owner/name@commit
    licence: str
    rows: int
    digest: str  # of the rows used


@dataclass(frozen=True)
class Vocab:
    """The token ids of a task: `size` ids from 0; `bos`, `eos` and `pad` for packers; `names` of single ids."""

    size: int
    bos: int
    eos: int
    pad: int
    names: Mapping[int, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that manifests hold."""
        names = {str(i): name for i, name in sorted(self.names.items())}
        return {"size": self.size, "bos": self.bos, "eos": self.eos, "pad": self.pad, "names": names}


@dataclass(frozen=True)
class Tokens:
    """Token rows one after the other: row i ends before ids[ends[i]], and begins where row i - 1 ends (row 0 at 0).

    `trained` (bool, as long as ids) says which tokens are trained on, where it is not all of them.
    """

    ids: np.ndarray  # (total,)
    ends: np.ndarray  # (rows,) int64
    trained: np.ndarray | None = None


@dataclass(frozen=True)
class Rows:
    """A batch of rows as a task makes them; `synthgen.task.arrow` turns it into a RecordBatch."""

    content: Codes | Tokens
    difficulty: np.ndarray  # (rows,) int32
    units: np.ndarray  # (rows, books) int64: ledger units of 2^-40 bit, or UNKNOWN
    latent: Mapping[str, pa.Array]  # the fields of `latent_fields`, each of `rows` entries
    extra: Mapping[str, pa.Array] = field(default_factory=dict)  # the columns of `extra_fields`
