"""Pools: rows of several tasks in one batch: phrases and spans renumbered, tokens shifted, marks put before them."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthgen.exact.draw import new_state
from synthgen.exact.jit import kernel
from synthgen.task.contract import Task
from synthgen.task.phrases import SPANS, Codes, PhraseTable, span_lists
from synthgen.task.rows import Rows, Tokens


@dataclass(frozen=True)
class Component:
    """A component of a mixture: its task, ready to make rows."""

    name: str
    task: Task
    row_format: str
    domain: str
    bytes_and_rows: tuple[int, int] | None = None
    """How large it is, where that is known without making a row."""
    goes_round: bool | None = None
    """Whether it begins again after its last row, or the mixture ends there; None: as it is with the others."""

    @functools.cached_property
    def latent(self) -> pa.StructType:
        """The type of its own latent, without spans."""
        return pa.struct(self.task.latent_fields)

    def rows_at(self, places: np.ndarray, state: np.record) -> Rows:
        """Return the rows `places`: a run of rows of the task, or a few runs where a finite corpus goes round."""
        cuts = np.flatnonzero(np.diff(places) != 1) + 1
        runs = [self.task.rows(int(run[0]), int(run[-1]) + 1, state) for run in np.split(places, cuts)]
        return runs[0] if len(runs) == 1 else _joined(runs)

    def size(self, rows: int) -> tuple[int, int]:
        """Return (tokens, or bytes of text; rows) of the first rows."""
        if self.bytes_and_rows is not None:
            size, rows = self.bytes_and_rows
            return size + rows * len(self.domain.encode()), rows
        limit = self.task.rows_max
        rows = rows if limit is None else min(rows, limit)
        content = self.task.rows(0, rows, new_state()).content
        if isinstance(content, Tokens):
            return int(content.ids.size) + rows * bool(self.domain), rows
        starts = content.table.arrays[1]
        codes = content.codes[content.codes >= 0]
        return int((starts[codes + 1] - starts[codes]).sum()) + rows * len(self.domain.encode()), rows

    def surprisals(self, said: Sequence[int] | str, domain: Sequence[int] | str, offset: int = 0) -> np.ndarray:
        """Return the bits of what a row of the mixture says, and of its end, if the row is of this component.

        `domain` is what stands before all its rows; offset: what is added to its token ids.
        """
        bits = np.full(len(said) + 1, np.inf)
        shared = next((i for i, (a, b) in enumerate(zip(said, domain, strict=False)) if a != b), None)
        if shared is None and len(said) >= len(domain):
            rest = said[len(domain) :]
            bits[len(domain) :] = self.task.surprisals(rest if isinstance(rest, str) else [i - offset for i in rest])
        bits[: len(domain) if shared is None else shared] = 0.0
        return bits

    def component_row(self, row: Mapping[str, Any], row_format: str, domain: int, offset: int) -> dict[str, Any]:
        """Return the component's row behind a row of the mixture. Raises ValueError where its mark is missing."""
        latent = dict(row["latent"])
        fields = {**(latent.get(self.name) or {})}
        shift = len(self.domain) if row_format != "tokens" else int(domain >= 0)
        content: dict[str, Any] = {}
        if row_format == "tokens":
            ids, mask = row["input_ids"], row.get("completion_mask")
            if domain >= 0:
                if ids[0] != domain or (mask is not None and mask[0] and self.task.masked):
                    raise ValueError("the row does not begin with its domain token")
                ids, mask = ids[1:], mask[1:] if mask is not None else None
            content["input_ids"] = [i - offset for i in ids]
            if self.task.masked:
                content["completion_mask"] = mask
            elif mask is not None and not all(mask):
                raise ValueError("completion_mask leaves out what is trained on")
        elif row_format == "document":
            content["text"] = _without(row["text"], self.domain)
        elif self.row_format == "document":
            if row["prompt"]:
                raise ValueError("a document has no prompt")
            content["text"] = _without(row["completion"], self.domain)
        else:
            content |= {"prompt": _without(row["prompt"], self.domain), "completion": row["completion"]}
        spans = latent.get("spans")
        if spans is not None and self.task.span_kinds:
            fields["spans"] = {
                kind: [{"start": s["start"] - shift, "end": s["end"] - shift} for s in spans[kind]]
                for kind in self.task.span_kinds
            }
        bits = {book: row["bits"][book] for book in self.task.books}
        return {
            "id": latent["row"],
            **content,
            "difficulty": row["difficulty"],
            "bits": {"total": None if None in bits.values() else math.fsum(bits.values()), **bits},
            "latent": fields,
        }


def _without(text: str, domain: str) -> str:
    if not text.startswith(domain):
        raise ValueError(f"the row does not begin with its control text {domain!r}")
    return text[len(domain) :]


def _joined(runs: Sequence[Rows]) -> Rows:
    """Return runs of rows of one task as one."""
    contents = [run.content for run in runs]
    shifts = np.cumsum([0, *(int(c.ends[-1]) for c in contents)])
    ends = np.concatenate([c.ends + shift for c, shift in zip(contents, shifts, strict=False)])
    first = contents[0]
    content: Tokens | Codes
    if isinstance(first, Tokens):
        tokens = [c for c in contents if isinstance(c, Tokens)]
        masks = [c.trained for c in tokens if c.trained is not None]
        content = Tokens(np.concatenate([c.ids for c in tokens]), ends, np.concatenate(masks) if masks else None)
    else:
        codes = [c.codes[: c.ends[-1]] for c in contents if isinstance(c, Codes)]
        content = Codes(first.table, np.concatenate(codes), ends, first.kinds, first.parts)
    return Rows(
        content,
        np.concatenate([run.difficulty for run in runs]),
        np.concatenate([run.units for run in runs]),
        {name: pa.concat_arrays([run.latent[name] for run in runs]) for name in runs[0].latent},
    )


# ---------------------------------------------------------------------------------------------------------------------


@kernel
def _gather_codes(codes, ends, parts, rows, places, shift, kinds, mark, wanted, out, out_ends, room):
    """Copy the texts `rows` of one component to the slots `places` of `out`, with phrases and span kinds renumbered.

    Slot s begins at room[s]; out_ends (slots * wanted) is written. mark: a phrase to put before a row, or -1.
    """
    for i in range(rows.size):
        row = rows[i]
        at = room[places[i]]
        text = row * parts
        start = ends[text - 1] if text else 0
        if wanted > parts:  # a document among prompts: its prompt is empty
            out_ends[places[i] * wanted] = at
        if mark >= 0:
            out[at] = mark
            at += 1
        for part in range(parts):
            for k in range(start, ends[text + part]):
                code = codes[k]
                if code >= 0:
                    out[at] = code + shift
                elif code & 1:
                    out[at] = -2 * kinds[(-code - 1) // 2] - 1
                else:
                    out[at] = -2 * kinds[-code // 2 - 1] - 2
                at += 1
            start = ends[text + part]
            out_ends[places[i] * wanted + wanted - parts + part] = at


class Phrasebook:
    """The phrases of several tasks in one table, whose first are the control texts of the components."""

    def __init__(self, marks: Sequence[str]) -> None:
        self.table = PhraseTable(marks)
        self._known: list[tuple[PhraseTable, int, int]] = []  # (a task's table, phrases it had, what to add to them)

    def shift(self, table: PhraseTable) -> int:
        """Return what to add to the phrases of `table`, which are taken over when first met, and when they got more."""
        for known, size, shift in self._known:
            if known is table and size == len(table):
                return shift
        self._known = [entry for entry in self._known if entry[0] is not table]
        self._known.append((table, len(table), self.table.extend(table[k] for k in range(len(table)))))
        return self._known[-1][2]


def merged_codes(
    book: Phrasebook,
    components: Sequence[Component],
    drawn: Mapping[int, Rows],
    turns: np.ndarray,
    taken: np.ndarray,
    span_kinds: Sequence[str],
    wanted: int,
) -> Codes:
    """Return the components' texts in the order of their slots, over one table of all phrases."""
    sizes = np.empty(turns.size, np.int64)
    contents: dict[int, Codes] = {}
    for c, rows in drawn.items():
        assert isinstance(rows.content, Codes)
        contents[c] = rows.content
        lengths = np.diff(rows.content.ends[rows.content.parts - 1 :: rows.content.parts], prepend=0)
        sizes[turns == c] = lengths[taken[turns == c]] + bool(components[c].domain)
    room = np.concatenate([[0], np.cumsum(sizes)])
    out, out_ends = np.empty(int(room[-1]), np.int32), np.empty(turns.size * wanted, np.int64)
    for c, content in contents.items():
        places = np.flatnonzero(turns == c)
        numbers = np.array([span_kinds.index(kind) for kind in content.kinds] or [0], np.int64)
        shift, mark = book.shift(content.table), c if components[c].domain else -1
        batch = (content.codes, np.ascontiguousarray(content.ends, np.int64), content.parts, taken[places], places)
        _gather_codes(*batch, shift, numbers, mark, wanted, out, out_ends, room)
    return Codes(book.table, out, out_ends, span_kinds, wanted)


@kernel
def _gather_tokens(ids, ends, trained, rows, places, offset, mark, masked, out, mask, room):
    """Copy the token rows `rows` of one component to the slots `places`; mark: a token to put before a row, or -1."""
    for i in range(rows.size):
        row = rows[i]
        at = room[places[i]]
        if mark >= 0:
            out[at] = mark
            mask[at] = not masked
            at += 1
        for k in range(ends[row - 1] if row else 0, ends[row]):
            out[at] = ids[k] + offset
            mask[at] = trained[k] if masked else True
            at += 1


def merged_tokens(
    drawn: Mapping[int, Rows],
    turns: np.ndarray,
    taken: np.ndarray,
    offsets: Sequence[int],
    marks: Sequence[int],
    vocabulary: int,
    masked: bool,
) -> Tokens:
    """Return the components' token rows in the order of their slots: ids shifted by `offsets`, behind their marks."""
    sizes = np.empty(turns.size, np.int64)
    for c, rows in drawn.items():
        lengths = np.diff(rows.content.ends, prepend=0)
        sizes[turns == c] = lengths[taken[turns == c]] + (marks[c] >= 0)
    room = np.concatenate([[0], np.cumsum(sizes)])
    out = np.empty(int(room[-1]), np.uint16 if vocabulary <= 2**16 else np.uint32)
    mask = np.empty(int(room[-1]), np.bool_)
    for c, rows in drawn.items():
        assert isinstance(rows.content, Tokens)
        tokens, places = rows.content, np.flatnonzero(turns == c)
        trained = np.zeros(0, np.bool_) if tokens.trained is None else tokens.trained
        _gather_tokens(
            tokens.ids,
            tokens.ends,
            trained,
            taken[places],
            places,
            offsets[c],
            marks[c],
            tokens.trained is not None,
            out,
            mask,
            room,
        )
    return Tokens(out, room[1:], mask if masked else None)


def merged_spans(
    span_kinds: Sequence[str],
    drawn: Mapping[int, Rows],
    turns: np.ndarray,
    taken: np.ndarray,
    shifts: Sequence[int],
) -> pa.StructArray:
    """Return the token spans of the components' rows in the order of their slots, moved behind their marks."""
    fields = []
    for kind in span_kinds:
        lists = [pa.array([[]], SPANS)]  # of rows whose component knows no such span
        at = np.zeros(turns.size, np.int64)
        for c, rows in drawn.items():
            spans = rows.latent.get("spans")
            if spans is None or kind not in [field.name for field in spans.type]:
                continue
            column = spans.field(kind)
            edges = column.flatten()
            offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(column).to_numpy())])
            starts, ends = (edges.field(name).to_numpy() + np.int32(shifts[c]) for name in ("start", "end"))
            at[turns == c] = sum(len(part) for part in lists) + taken[turns == c]
            lists.append(span_lists(offsets, starts, ends))
        fields.append(pa.concat_arrays(lists).take(pa.array(at)))
    return pa.StructArray.from_arrays(fields, fields=[pa.field(k, SPANS, nullable=False) for k in span_kinds])
