"""Trace: which rows a model saw at a step, and where in its windows they stood.

Batches are pure functions of the step, so nothing is recorded: the windows of the step are made again, with a note of
the row behind every input.

    for piece in trace(Path("runs/cfg3f"), 100): ...     # synthgen trace runs/cfg3f 100
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.train.batches import RunData
from synthgen.train.runs import CHECKPOINT, read_settings
from synthgen.windowing.packing import IGNORED

NOTED = ("row_ids", "document_ids", "kinds", "places")
"""What windows tell of the rows in them."""


@dataclass(frozen=True)
class Piece:
    """A piece of a row in a window: the inputs [first, last) are its tokens from `place` on."""

    rank: int
    window: int  # in the rank's batch
    first: int
    last: int
    stream: int  # of the run's streams
    spec: str
    split: str
    component: str  # of a mixture; "" where it is none
    row: int  # in its split, or, where a mixture's windows are of one component each, among that component's rows
    place: int  # 0 is the start marker, where rows have one before them
    trained: int  # of its inputs, those whose next token has a loss

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen trace --json` prints."""
        return asdict(self)


def trace(folder: Path, step: int, ranks: int = 1) -> list[Piece]:
    """Return the pieces of rows that a run saw at a step (from 1, as its metrics count), rank by rank, in order.

    `ranks` is how many processes trained it, by which packed windows are dealt. Raises SynthgenError for a step that
    the run has not, or a folder that is no run.
    """
    settings, _ = read_settings(folder)
    if not 1 <= step <= settings.train.steps:
        raise SynthgenError(f"step {step}: {folder} has the steps 1 to {settings.train.steps:,}")
    specs = folder if not (folder / CHECKPOINT).exists() and (folder / "specs").is_dir() else None
    pieces: list[Piece] = []
    for rank in range(ranks):
        pieces += pieces_of(RunData(settings, specs, NOTED), step, rank, ranks)
    return pieces


def pieces_of(data: RunData, step: int, rank: int = 0, ranks: int = 1) -> Iterator[Piece]:
    """Yield the pieces of one rank; `data` is made with the fields `NOTED`."""
    data.open(rank, ranks)
    if data.packed:
        data.load({"step": step - 1, "windows": {"batch": (step - 1) * ranks, "lanes": {}}})
    arrays = data.arrays(step - 1, rank, ranks)
    documents, inside = arrays["document_ids"], arrays["row_ids"] >= 0
    edges = np.ones((documents.shape[0], documents.shape[1] + 1), np.bool_)
    edges[:, 1:-1] = documents[:, 1:] != documents[:, :-1]
    for window in range(documents.shape[0]):
        for first, last in itertools.pairwise(np.flatnonzero(edges[window]).tolist()):
            if inside[window, first]:
                yield _piece(data, arrays, rank, window, first, last)


def _piece(data: RunData, arrays: Any, rank: int, window: int, first: int, last: int) -> Piece:
    kind = int(arrays["kinds"][window, first])
    stream = kind if len(data.sources) > 1 else 0
    rows, settings = data.sources[stream], data.settings.data[stream]
    components = [one.name for one in getattr(rows.task, "components", ())] if len(data.sources) == 1 else []
    return Piece(
        rank=rank,
        window=window,
        first=first,
        last=last,
        stream=stream,
        spec=rows.source.spec.name,
        split=settings.split,
        component=components[kind] if components else "",
        row=int(arrays["row_ids"][window, first]),
        place=int(arrays["places"][window, first]),
        trained=int((arrays["targets"][window, first:last] != IGNORED).sum()),
    )
