"""What the explorer shows of a row: its text in pieces with bits and spans, its latents, its picture."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthgen.dataset.manifest import Manifest
from synthgen.dataset.plain_text import shown
from synthgen.dataset.shards import read_batches
from synthgen.errors import SynthgenError
from synthgen.exact.glossary import book_words
from synthgen.publish.drawing.sheet import drawn
from synthgen.publish.drawing.svg import inline
from synthgen.spec.latents import told
from synthgen.spec.source import Source
from synthgen.task.arrow import CONTENT_COLUMNS
from synthgen.task.contract import Task
from synthgen.task.picture import TONES, Passage, Picture, Tone
from synthgen.task.verdict import UNREADABLE

LONGEST_TEXT = 6000
"""Characters, or tokens, of a row that are shown."""
PICTURE_BYTES = 150_000
"""A picture that is larger is left out: a page holds many."""


def rows_of_spec(source: Source, split: str, rows: int) -> Iterator[dict[str, Any]]:
    """Yield the first rows of a split as `shown_row` has them."""
    limit = source.rows_max(split)
    for row in source.batch(0, rows if limit is None else min(rows, limit), split).to_pylist():
        yield shown_row(source, split, row)


def rows_of_folder(folder: Path, manifest: Manifest, source: Source, split: str, rows: int) -> Iterator[dict[str, Any]]:
    """Yield the first rows of a split as they stand in a folder's files. Raises SynthgenError for an unreadable one."""
    shards = (shard for shard in manifest.shards if shard.split == split)
    batches = (batch for shard in shards for batch in read_batches(folder / shard.path))
    every = (row for batch in batches for row in batch.slice(0, rows).to_pylist())
    for number, row in enumerate(itertools.islice(every, rows)):
        try:
            entry = shown_row(source, split, row)
        except UNREADABLE as error:
            reason = str(error) or type(error).__name__
            raise SynthgenError(
                f"{folder}: row {number} of {split} cannot be shown: {reason[:120]}; see `synthgen check {folder}`"
            ) from None
        yield entry


def shown_row(source: Source, split: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of a row, as JSON has it.

    `pieces` are its tokens by name, or else `text` its characters; `given`: how many of them are the prompt; `spans`:
    [first, behind the last, kind], and `tones` the colour of each kind; `latent`: what it was made from, in words;
    `bits`: what a perfect model pays for each and for the end, where that is known. Columns that a folder leaves out
    are left out here.
    """
    task = source.task(split)
    spans = (row.get("latent") or {}).get("spans") or {}
    table: dict[str, Any] = {"split": split, "id": row.get("id", 0), "difficulty": row.get("difficulty")}
    if "input_ids" in row:
        names, mask = (task.vocab.names if task.vocab else {}), row.get("completion_mask") or [True]
        table["pieces"] = [shown(names.get(i, str(i))) for i in row["input_ids"][:LONGEST_TEXT]]
        table["given"] = mask.index(True) if any(mask) else 0
    else:
        table["text"] = "".join(row[name] for name in CONTENT_COLUMNS if name in row)[:LONGEST_TEXT]
        table["given"] = len(row.get("prompt", ""))
    table["spans"] = [
        [span["start"], span["end"], kind] for kind, of_kind in spans.items() for span in of_kind or () if span
    ]
    books = (row.get("bits") or {}).items()
    table["books"] = {book_words(name): "unknown" if bits is None else finite(bits, 4) for name, bits in books}
    extra = {field.name: row[field.name] for field in task.extra_fields if field.name in row}
    table["latent"] = [[name, shown(text)] for name, text in told({**latents_of(task, row), **extra}, task.glossary)]
    if not task.without_surprisals and any(name in row for name in CONTENT_COLUMNS):
        table["bits"] = [finite(bits, 3) for bits in source.surprisals(row, split)[: LONGEST_TEXT + 1]]
    picture = picture_of(task, row)
    table["picture"] = _inline(picture)
    table["tones"] = tones_of([kind for kind, of_kind in spans.items() if of_kind], spans, picture)
    return table


def latents_of(task: Task, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the latents of a row in words; as they stand, where the row has not all that words are made from."""
    try:
        return task.decode(row)
    except UNREADABLE:  # as in `picture_of`
        return {name: value for name, value in (row.get("latent") or {}).items() if name != "spans"}


def picture_of(task: Task, row: Mapping[str, Any]) -> Picture | None:
    """Return the picture of a row; None where the row has not all that it is made from."""
    try:
        return task.picture(row)
    except UNREADABLE:  # a folder of some columns, or a row that is damaged: what there is of it is shown
        return None


def _inline(picture: Picture | None) -> str:
    """Return a picture as SVG; "" where there is none, or it is too large, or there is nothing to draw."""
    try:
        svg = inline(drawn(picture)) if picture else ""
    except UNREADABLE:  # as in `picture_of`
        return ""
    return svg if len(svg) <= PICTURE_BYTES else ""


def tones_of(
    kinds: Sequence[str], spans: Mapping[str, Iterable[Mapping[str, int]]], picture: Picture | None
) -> dict[str, Tone]:
    """Return the colours of kinds of spans: what the picture of the row has too is of one colour in both.

    That is a kind that the picture's legend names, or whose spans its text has under another name; the rest take
    colours that the picture leaves.
    """
    legend = picture.kinds if picture else {}
    placed = {
        (span.start, span.end): legend[span.kind].tone
        for panel in (picture.panels if picture else ())
        if isinstance(panel, Passage)
        for span in panel.spans
        if span.kind in legend
    }
    tones: dict[str, Tone] = {}
    for kind in kinds:
        at = [placed[place] for span in spans[kind] or () if (place := (span["start"], span["end"])) in placed]
        if kind in legend or at:
            tones[kind] = legend[kind].tone if kind in legend else at[0]
    taken = {kind.tone for kind in legend.values()}
    free = itertools.cycle([tone for tone in TONES if tone not in taken] or TONES)
    return {kind: tones[kind] if kind in tones else next(free) for kind in kinds}


def finite(bits: float, digits: int) -> float | None:
    """Return a figure in few digits; None for one that JSON has not: what no row has there is endlessly unlikely."""
    return round(float(bits), digits) if math.isfinite(bits) else None


def within(rows: Iterable[dict[str, Any]], most: int) -> Iterator[dict[str, Any]]:
    """Yield rows for as long as they have no more bytes than `most` together; the first in any case."""
    size = 0
    for row in rows:
        size += len(json.dumps(row))
        if size > most and size > len(json.dumps(row)):
            return
        yield row
