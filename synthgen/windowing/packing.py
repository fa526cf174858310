"""Packing: token rows to windows of one length, in compiled code; what is cut, dropped or padded is counted.

Rows have their markers by now (see `marking`). A window of `context` predictions is
context + 1 tokens of marked rows: the first are inputs, and each is to predict the next. So a row of n tokens costs
n + 1 predictions, the last of which is the marker behind it.

    packed = cut_windows(rows, at, context, noted)       # chop: windows at any places of the token string
    packed, row, dropped = pack_rows(rows, ...)          # cut, left, pad, row: windows that begin at a row
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.jit import kernel
from synthgen.spec.recipe import WHOLE_ROWS
from synthgen.windowing.marking import NO_MARKER, MarkedRows, Markers, mark
from synthgen.windowing.token_rows import TokenRows

IGNORED = -100
"""The target of a position without loss, as torch's cross entropy has it."""

CUT, LEFT, PAD, ROW = (WHOLE_ROWS.index(packing) for packing in ("cut", "left", "pad", "row"))
"""The packings whose windows begin at a row, as kernels know them."""

TOKENS, TRAINED, PADDING, ROWS, TRUNCATED, DROPPED = range(6)
"""Columns of a window's tallies, in the order of the fields of `Counts`."""


@dataclass
class Counts:
    """What windows were made of, exactly: so far, or of a whole build."""

    windows: int = 0
    tokens: int = 0  # predictions: every position but padding
    trained: int = 0  # predictions with a loss
    padding: int = 0  # positions that are padding
    rows: int = 0  # rows whose beginning stands in a window
    truncated: int = 0  # of these, rows whose end was cut away
    dropped: int = 0  # rows that stand in no window: too long for one, or in a last window that was not filled

    def add(self, other: Counts) -> None:
        """Add another's counts to these."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


@dataclass(frozen=True)
class PackedWindows:
    """Windows of one length: arrays of shape (windows, context), and the rows of each, [first, last)."""

    input_ids: np.ndarray
    targets: np.ndarray  # int32; IGNORED where there is no loss
    next_ids: np.ndarray  # what follows each input, with a loss or without
    documents: np.ndarray  # int32: number of the row at each position; -1: padding
    positions: np.ndarray  # int32: place in the row's piece in this window
    spans: np.ndarray  # (windows, 2) int64
    tallies: np.ndarray  # (windows, 6) int64: what `Counts` counts of each window, but for their number
    begins: np.ndarray  # (windows,) int64: the place of the first input in its row, markers counted

    def part(self, first: int, last: int) -> PackedWindows:
        """Return the windows [first, last)."""
        return PackedWindows(*(getattr(self, field.name)[first:last] for field in fields(self)))

    @property
    def counts(self) -> Counts:
        """What the windows are made of."""
        return Counts(self.spans.shape[0], *(int(n) for n in self.tallies.sum(axis=0)))


class Notes(NamedTuple):
    """What kernels write of windows beside their tokens: see `PackedWindows`."""

    documents: np.ndarray
    positions: np.ndarray
    spans: np.ndarray
    tallies: np.ndarray


@kernel
def _cut(tokens, trained, starts, at, first, context, noted, inputs, targets, next_ids, notes):
    """Copy the windows that begin at the tokens `at`, in the rows `first`; if `noted`, write the rest too."""
    for w in range(at.size):
        begin = at[w]
        row = first[w]
        notes.spans[w, 0] = row
        losses = 0
        for t in range(context):
            place = begin + t
            inputs[w, t] = tokens[place]
            if trained[place + 1]:
                targets[w, t] = tokens[place + 1]
                losses += 1
            else:
                targets[w, t] = IGNORED
        last = begin + context - 1
        rows = 1 if starts[row] == begin else 0
        while starts[row + 1] <= last:
            row += 1
            rows += 1
        notes.spans[w, 1] = row + 1
        notes.tallies[w, TOKENS] = context
        notes.tallies[w, TRAINED] = losses
        notes.tallies[w, ROWS] = rows
        if noted:
            row = first[w]
            origin = begin
            for t in range(context):
                if starts[row + 1] <= begin + t:
                    row += 1
                    origin = starts[row]
                next_ids[w, t] = tokens[begin + t + 1]
                notes.documents[w, t] = row
                notes.positions[w, t] = begin + t - origin


def cut_windows(rows: MarkedRows, at: np.ndarray, context: int, noted: bool) -> PackedWindows:
    """Return the windows that begin at the tokens `at` of the rows' string, each of context + 1 tokens of it.

    Unless `noted`, what follows each input, documents and positions are left out (no columns).
    """
    shape, extra = (at.size, context), (at.size, context if noted else 0)
    inputs, targets = np.empty(shape, rows.tokens.dtype), np.empty(shape, np.int32)
    next_ids = np.empty(extra, rows.tokens.dtype)
    notes = Notes(
        np.empty(extra, np.int32), np.empty(extra, np.int32), np.empty((at.size, 2), np.int64), _tallies(at.size)
    )
    first = np.searchsorted(rows.starts, at, side="right") - 1
    _cut(rows.tokens, rows.trained, rows.starts, at, first, context, noted, inputs, targets, next_ids, notes)
    return PackedWindows(inputs, targets, next_ids, *notes, at - rows.starts[first])


def _tallies(windows: int) -> np.ndarray:
    return np.zeros((windows, DROPPED + 1), np.int64)


def last_window(rows: MarkedRows, context: int, end: int, end_trained: bool, pad: int) -> PackedWindows:
    """Return what is left of a token string, at most `context` tokens, as one window.

    The marker `end` closes it (NO_MARKER: rows have their own), and padding follows.
    """
    left = rows.tokens.size
    tokens = np.full(context + 1, pad, rows.tokens.dtype)
    trained = np.zeros(context + 1, np.bool_)
    tokens[:left], trained[:left] = rows.tokens, rows.trained
    predicted = left - 1
    if end != NO_MARKER:
        tokens[left], trained[left] = end, end_trained
        predicted = left
    starts = np.append(rows.starts, context + 2)  # a row of padding, so that every token is in one
    whole = MarkedRows(tokens, trained, starts, rows.numbers, rows.subjects, rows.components)
    packed = cut_windows(whole, np.zeros(1, np.int64), context, True)
    packed.documents[:, left:] = -1
    packed.positions[:, left:] = 0
    packed.spans[0, 1] = rows.numbers.size
    tally = packed.tallies[0]
    tally[TOKENS], tally[PADDING] = predicted, context - predicted
    tally[ROWS] = (rows.starts[:-1] >= 0).sum()
    return packed


class Closing(NamedTuple):
    """How windows of whole rows end."""

    end: int  # the marker that closes a window, or NO_MARKER where rows bring their own
    pad: int
    final: bool = True  # no row follows, so the last window is filled with padding, or dropped
    drop: bool = False  # a last window that is not full is dropped


@kernel
def _pack(tokens, trained, starts, packing, closing, windows, weights, notes):
    """Fill windows of whole rows from the first row on; return (windows, first row that is in none, rows dropped)."""
    width = windows.shape[1]
    marker = 0 if closing.end == NO_MARKER else 1
    rows = starts.size - 1
    n = 0
    row = 0
    dropped = 0
    while row < rows:
        first = row
        fill = 0
        skipped = 0
        truncated = 0
        shown = 0
        full = False
        while row < rows and not full:
            size = starts[row + 1] - starts[row]
            if size + marker > width and packing != LEFT:
                skipped += 1  # too long for any window
                row += 1
                continue
            whole = packing in (PAD, ROW)
            if whole and (fill + size + marker > width or (packing == ROW and fill > 0)):
                break  # it stands whole in the next window
            if fill + marker >= width:
                break
            take = min(size, width - fill)
            for k in range(take):
                windows[n, fill + k] = tokens[starts[row] + k]
                weights[n, fill + k] = trained[starts[row] + k]
                notes.documents[n, fill + k] = row
                notes.positions[n, fill + k] = k
            fill += take
            shown += 1
            full = fill == width
            if take < size or (full and marker):
                truncated += 1
            row += 1
        if shown == 0:
            dropped += skipped
            continue
        closed = full or row < rows or packing == ROW
        if not closed and not closing.final:
            return n, first, dropped  # the window goes on with the rows of the next block
        dropped += skipped
        if not closed and closing.drop:
            dropped += shown
            continue
        if fill < width and marker:
            windows[n, fill] = closing.end
            weights[n, fill] = trained[starts[first]]
            notes.documents[n, fill] = -1
            notes.positions[n, fill] = 0
            fill += 1
        for k in range(fill, width):
            windows[n, k] = closing.pad
            weights[n, k] = False
            notes.documents[n, k] = -1
            notes.positions[n, k] = 0
        notes.spans[n, 0] = first
        notes.spans[n, 1] = row
        losses = 0
        for k in range(1, width):
            losses += weights[n, k]
        notes.tallies[n, TOKENS] = fill - 1
        notes.tallies[n, TRAINED] = losses
        notes.tallies[n, PADDING] = width - fill
        notes.tallies[n, ROWS] = shown
        notes.tallies[n, TRUNCATED] = truncated
        notes.tallies[n, DROPPED] = dropped
        dropped = 0
        n += 1
    return n, rows, dropped


def pack_rows(rows: MarkedRows, packing: int, context: int, closing: Closing) -> tuple[PackedWindows, int, int]:
    """Return windows that begin at a row, the first row that is in none of them yet, and rows dropped behind them.

    packing: CUT, LEFT, PAD or ROW.
    """
    # Two neighbouring windows of whole rows are more than one window full; and no row stands in two.
    number = rows.numbers.size
    most = number if packing == ROW else min(number, 2 * rows.tokens.size // context + 2)
    shape = (most, context + 1)
    windows, weights = np.empty(shape, rows.tokens.dtype), np.empty(shape, np.bool_)
    notes = Notes(np.empty(shape, np.int32), np.empty(shape, np.int32), np.empty((most, 2), np.int64), _tallies(most))
    n, left, dropped = _pack(rows.tokens, rows.trained, rows.starts, packing, closing, windows, weights, notes)
    inputs, next_ids = windows[:n, :-1], windows[:n, 1:]
    targets = np.where(weights[:n, 1:], next_ids.astype(np.int32), np.int32(IGNORED))
    documents, positions = notes.documents[:n, :-1], notes.positions[:n, :-1]
    spans, tallies, begins = notes.spans[:n], notes.tallies[:n], np.zeros(n, np.int64)
    packed = PackedWindows(inputs, targets, next_ids, documents, positions, spans, tallies, begins)
    return packed, int(left), int(dropped)


def row_windows(
    rows: TokenRows, trained: np.ndarray, markers: Markers, pad: int, context: int
) -> dict[str, np.ndarray]:
    """Return inputs and targets of one window a row, as wide as the longest needs: start, tokens -> tokens, end.

    Raises SynthgenError for a row that `context` is too little for.
    """
    longest = int((rows.ends - rows.starts).max())
    if longest + 1 > context:
        raise too_long(longest, context)
    marked = mark(rows, np.arange(len(rows)), trained, markers)
    packed, _, _ = pack_rows(marked, ROW, longest + 1, Closing(NO_MARKER, pad))
    arrays = {"input_ids": packed.input_ids, "targets": packed.targets, "widths": packed.tallies[:, TOKENS]}
    return trimmed(arrays, pad)


def trimmed(arrays: Mapping[str, np.ndarray], pad: int) -> dict[str, np.ndarray]:
    """Return the arrays of a batch without the last positions, where all windows are padding.

    `widths` says how much of each window is none; an input that predicts nothing, as a closing marker, becomes padding.
    """
    width = int(arrays["widths"].max())
    out = {name: array[:, :width] if array.ndim > 1 else array for name, array in arrays.items()}
    out["input_ids"] = np.where(np.arange(width) < arrays["widths"][:, None], out["input_ids"], pad)
    return out


def too_long(longest: int, context: int) -> SynthgenError:
    """Return the error on a row that has no room in a window of its own."""
    return SynthgenError(f"context = {context}: a row has {longest} tokens; take at least {longest + 1}")


@kernel
def repeated(subjects, spans):
    """Return (window, row, row) of the first window with two rows about one subject, or (-1, 0, 0)."""
    for w in range(spans.shape[0]):
        for a in range(spans[w, 0] + 1, spans[w, 1]):
            if subjects[a] >= 0:
                for b in range(spans[w, 0], a):
                    if subjects[a] == subjects[b]:
                        return w, b, a
    return -1, 0, 0
