"""What two splits share: rows, those whom rows are about, templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pyarrow as pa

from synthgen.dataset.finding import Finding
from synthgen.exact.jit import kernel
from synthgen.spec.source import Source
from synthgen.task.arrow import CONTENT_COLUMNS
from synthgen.task.contract import Task

FINGERPRINT_ROWS = 1 << 26
"""Splits are compared row by row up to this many rows; above, their first rows are."""

MERGE = 256
"""Batches whose people are merged at a time, so that memory grows with the people and not with the rows."""


@dataclass
class Contents:
    """What a pass over a split's rows keeps of them, to be held against another split's."""

    fingerprints: list[np.ndarray] = field(default_factory=list)  # 64 bits a row
    templates: list[np.ndarray] = field(default_factory=list)  # the first 64 bits of the templates' hashes
    subjects: list[np.ndarray] = field(default_factory=list)  # whom the rows are about, where splits divide them

    def add(self, batch: pa.RecordBatch, task: Task, start: int) -> None:
        """Add the batch that begins at row `start`."""
        latent = "latent" in batch.schema.names
        if start < FINGERPRINT_ROWS:
            self.fingerprints.append(_fingerprints(batch))
            if latent and task.template_field:
                hashes = batch.column("latent").field(task.template_field).to_pylist()
                self.templates.append(np.array([int(text[:16], 16) for text in hashes], np.uint64))
        subjects = task.subjects(batch) if latent else None
        if subjects is not None:
            self.subjects.append(np.unique(subjects))
            if len(self.subjects) == MERGE:
                self.subjects = [np.unique(np.concatenate(self.subjects))]


def check_overlap(splits: Mapping[str, Contents], source: Source) -> Iterator[Finding]:
    """Count what every two splits share: first rows and whom they are about, then templates."""
    for a, b in combinations([name for name, contents in splits.items() if contents.fingerprints], 2):
        yield from _shared_rows(splits, source, a, b)
    templates = {name: _distinct(contents.templates) for name, contents in splits.items() if contents.templates}
    for a, b in combinations(templates, 2):
        halves = source.task(a).template_half, source.task(b).template_half
        apart = "" not in halves and halves[0] != halves[1]
        yield _shared("shared templates", a, b, templates[a], templates[b], apart)


def _shared_rows(splits: Mapping[str, Contents], source: Source, a: str, b: str) -> Iterator[Finding]:
    """Count rows that stand in both splits, by a fingerprint of their content, and people asked about in both."""
    by, apart = source.task(a).split_by, source.task(a).apart(source.task(b))
    hidden = source.entropy(a, estimates=False).hidden  # then two rows may be alike, and not what they are about
    count, bound = _among(splits[a].fingerprints, splits[b].fingerprints), apart and not hidden
    detail = f"{count:,} (split by {by}){'; must be 0' if bound else ''}"
    yield Finding("shared rows", f"{a}, {b}", not bound or count == 0, detail)
    if splits[a].subjects and splits[b].subjects:
        one, two = (_distinct(splits[name].subjects) for name in (a, b))
        yield _shared(f"shared by {by}", a, b, one, two, apart, by)


def _shared(check: str, a: str, b: str, one: np.ndarray, two: np.ndarray, apart: bool, by: str = "") -> Finding:
    """Count what stands in both of two sorted arrays without repetition; two splits that are apart must share none."""
    both = np.intersect1d(one, two, assume_unique=True)
    which = f", such as {by} {both[0]}" if by and both.size else ""
    detail = f"{both.size:,} of {one.size:,} and {two.size:,}{which}{'; must be 0' if apart else ''}"
    return Finding(check, f"{a}, {b}", not apart or both.size == 0, detail)


def _among(ones: list[np.ndarray], others: list[np.ndarray]) -> int:
    """Count the numbers in `ones` that are in `others` too; part by part, so that one sorted copy is all it takes."""
    known = np.concatenate(others)
    known.sort()
    places = ((part, np.minimum(np.searchsorted(known, part), known.size - 1)) for part in ones)
    return sum(int((known[place] == part).sum()) for part, place in places)


def _distinct(arrays: list[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate(arrays))


def _fingerprints(batch: pa.RecordBatch) -> np.ndarray:
    """Return a 64-bit hash of each row's content columns, (rows,) uint64."""
    prints = np.zeros(batch.num_rows, np.uint64)
    for name in CONTENT_COLUMNS:
        if name in batch.schema.names:
            column = batch.column(name)
            width = 1 if pa.types.is_string(column.type) else column.type.value_type.byte_width
            buffers = column.buffers()
            offsets = np.frombuffer(buffers[1], np.int32)[column.offset : column.offset + len(column) + 1]
            data = buffers[-1]
            raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
            _mix(raw, offsets.astype(np.int64) * width, prints)
    return prints


@kernel
def _mix(data, offsets, prints):
    """Fold the bytes of each row into its fingerprint (FNV-1a, then a finaliser)."""
    for row in range(prints.size):
        word = prints[row] ^ np.uint64(0xCBF29CE484222325)
        for i in range(offsets[row], offsets[row + 1]):
            word = (word ^ np.uint64(data[i])) * np.uint64(0x100000001B3)
        word ^= word >> np.uint64(32)
        prints[row] = word * np.uint64(0x9E3779B97F4A7C15)
