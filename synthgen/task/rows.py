"""Rows as a task makes them: text as phrase numbers or tokens, with their difficulty, bits and latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from synthgen.task.phrases import Codes


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
    units: np.ndarray  # (rows, books) int64: ledger units of 2^-40 bit
    latent: Mapping[str, pa.Array]  # the fields of `latent_fields`, each of `rows` entries
    extra: Mapping[str, pa.Array] = field(default_factory=dict)  # the columns of `extra_fields`
