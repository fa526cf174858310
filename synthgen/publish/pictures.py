"""What the rows of a dataset look like in numbers and in one picture: difficulty and length, split by split."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from synthgen.dataset.manifest import Manifest
from synthgen.dataset.shards import read_batches
from synthgen.errors import missing
from synthgen.task.arrow import CONTENT_COLUMNS, row_lengths

READ_ROWS = 100_000
"""Rows of a split that are measured: its first."""

PICTURE = "pictures/difficulty-and-length.png"
MOST_SPLITS = 6
"""Splits drawn in one panel; more could not be told apart."""


@dataclass(frozen=True)
class SplitLengths:
    """Difficulty and length of a split's first rows."""

    split: str
    rows: int
    difficulty: dict[int, int]  # value -> rows
    length: dict[int, int]  # tokens or characters -> rows
    unit: str  # of the length

    def quantiles(self, what: str) -> tuple[int, float, int, int]:
        """Return (least, mean, median, greatest) of `difficulty` or `length`."""
        counts: dict[int, int] = getattr(self, what)
        values = sorted(counts)
        mean = math.fsum(value * counts[value] for value in values) / self.rows
        seen = 0
        for value in values:
            seen += counts[value]
            if 2 * seen >= self.rows:
                return values[0], mean, value, values[-1]
        raise AssertionError("a split has rows")


def read_folder(folder: Path, manifest: Manifest) -> list[SplitLengths]:
    """Measure the first rows of every split of a dataset folder. Raises SynthgenError for an unreadable shard."""
    splits = []
    for split in manifest.splits:
        rows, difficulty, length = 0, Counter[int](), Counter[int]()
        for shard in (shard for shard in manifest.shards if shard.split == split):
            for batch in read_batches(folder / shard.path):
                if rows < READ_ROWS:
                    rows += batch.num_rows
                    _count(difficulty, _difficulty(batch))
                    if any(name in CONTENT_COLUMNS for name in batch.schema.names):
                        _count(length, row_lengths(batch))
            if rows >= READ_ROWS:
                break
        unit = "tokens" if "input_ids" in manifest.columns else "characters"
        splits.append(SplitLengths(split, rows, dict(difficulty), dict(length), unit))
    return splits


def _count(counter: Counter[int], values: np.ndarray) -> None:
    distinct, counts = np.unique(values, return_counts=True)
    counter.update(dict(zip(distinct.tolist(), counts.tolist(), strict=True)))


def _difficulty(batch: pa.RecordBatch) -> np.ndarray:
    return batch.column("difficulty").to_numpy() if "difficulty" in batch.schema.names else np.zeros(0, np.int64)


def digest(splits: Sequence[SplitLengths]) -> str:
    """Return a hash of what the picture shows; it stands in the PNG's metadata."""
    shown = [[r.split, r.unit, sorted(r.difficulty.items()), sorted(r.length.items())] for r in splits]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def plot_lengths(splits: Sequence[SplitLengths], difficulty: str, target: Path) -> None:
    """Write the picture of difficulty (in words: `difficulty`) and length to `target`.

    Raises SynthgenError without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("plot", "a card's picture", "leave it out with --no-pictures") from None
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels: tuple[Any, ...] = tuple(figure.subplots(1, 2))
    for panel, what, name in (
        (panels[0], "difficulty", f"difficulty: {difficulty}"),
        (panels[1], "length", f"length: {splits[0].unit}"),
    ):
        counts = [getattr(split_lengths, what) for split_lengths in splits[:MOST_SPLITS]]
        values = [np.repeat(list(c), list(c.values())) for c in counts]
        if not any(v.size for v in values):
            continue
        least, most = min(v.min() for v in values if v.size), max(v.max() for v in values if v.size)
        width = max(1, math.ceil((most - least + 1) / 60))
        edges = np.arange(least, most + width + 1, width) - 0.5
        for split_lengths, lengths in zip(splits, values, strict=False):
            weights = np.full(lengths.size, 1 / max(1, lengths.size))
            panel.hist(lengths, edges, weights=weights, histtype="step", label=split_lengths.split)
        panel.set_xlabel(name, fontsize=8)
        panel.set_ylabel("share of rows", fontsize=8)
        panel.tick_params(labelsize=7)
    panels[0].legend(fontsize=7)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=90, metadata={"Software": "synthgen", "Comment": digest(splits)})
