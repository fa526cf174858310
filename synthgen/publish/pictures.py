"""What the rows of a dataset look like in numbers and in pictures: bits by book, lengths split by split, one row."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from synthgen.dataset.manifest import Manifest
from synthgen.dataset.shards import read_batches
from synthgen.exact.bits import stated_bits
from synthgen.exact.entropy import text_entry
from synthgen.publish.drawing.charts import books_scene, ridges_scene
from synthgen.publish.drawing.scene import Scene
from synthgen.publish.drawing.sheet import drawn
from synthgen.publish.drawing.svg import svg
from synthgen.task.arrow import CONTENT_COLUMNS, row_lengths
from synthgen.task.contract import Task
from synthgen.task.files import write_whole
from synthgen.task.verdict import UNREADABLE

READ_ROWS = 100_000
"""Rows of a split that are measured: its first."""

PICTURES = {name: f"pictures/{name}.svg" for name in ("row", "bits", "length", "difficulty")}
"""The files of a card's pictures, in the order in which they are there; a card has those that have something to say.

SVG, which follows whoever looks at it into the dark: the Hub, GitHub and Sphinx show it by the link of an image.
"""
EARLIER = (*(f"pictures/{name}.png" for name in PICTURES), "pictures/difficulty-and-length.png")
"""Files of pictures that cards of earlier versions had."""
MOST_SPLITS = 8
"""Splits drawn in one picture; more could not be told apart."""


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


def constant(splits: Sequence[SplitLengths], what: str) -> int | None:
    """Return the `difficulty` or `length` that all rows of all splits have; None where they differ, or have none."""
    values = {value for split in splits for value in getattr(split, what)}
    return values.pop() if len(values) == 1 and all(getattr(split, what) for split in splits) else None


def scenes(
    manifest: Manifest, task: Task, splits: Sequence[SplitLengths], first: str, row: Mapping[str, Any]
) -> dict[str, Scene]:
    """Return the pictures of a dataset by name: `row` is the one that its card shows, books are of the split `first`.

    What is the same for all rows is not drawn, nor a difficulty that is the length, nor a row without the columns that
    it is made from.
    """
    out: dict[str, Scene] = {}
    with contextlib.suppress(*UNREADABLE):  # a folder may leave columns out, the latent above all
        out["row"] = drawn(task.picture(row))
    paid = _of_rows(manifest, first)
    if sum(bits > 0 for bits in paid.values()) > 1:
        text = stated_bits(text_entry(manifest.entropy(first)))
        holds = (
            f" (its text has {text} bits, as different draws make the same text)"
            if text != stated_bits(manifest.entropy(first))
            else ""
        )
        every = [name for split in manifest.splits for name, bits in _of_rows(manifest, split).items() if bits > 0]
        out["bits"] = books_scene(paid, f"What is booked for a row of {first}, on average{holds}", every)
    measured = {what: {s.split: getattr(s, what) for s in splits[:MOST_SPLITS]} for what in ("length", "difficulty")}
    titles = {"length": f"Length of the rows in {splits[0].unit}", "difficulty": f"Difficulty: {task.difficulty}"}
    for what, counts in measured.items():
        alike = what == "difficulty" and counts == measured["length"]
        if not alike and all(counts.values()) and constant(splits[:MOST_SPLITS], what) is None:
            out[what] = ridges_scene(counts, titles[what])
    return out


def _of_rows(manifest: Manifest, split: str) -> dict[str, float]:
    """Return the bits of a split's rows by book."""
    books = manifest.entropy(split)["books"]
    return {name: book["bits"] for name, book in books.items() if book["scope"] == "row"}


def draw_pictures(folder: Path, pictures: Mapping[str, Scene]) -> None:
    """Write pictures as SVG files below `folder`, in the place of those of an earlier card."""
    for name, path in PICTURES.items():
        if name in pictures:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_whole(folder / path, svg(pictures[name]))
        else:
            (folder / path).unlink(missing_ok=True)
    for path in EARLIER:
        (folder / path).unlink(missing_ok=True)
