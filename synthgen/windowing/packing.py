"""Packing: token rows to windows of one length, in compiled code; what is cut, dropped or padded is counted.

A row becomes a *unit*: its marker (the beginning-of-sequence token) and its tokens. A window of `context` predictions
is context + 1 tokens of units: the first are inputs, and each is to predict the next. So a row of n tokens costs n + 1
predictions, the last of which is the marker behind it.

    own = mark(rows, order, ...)                     # units: tokens, whether each is trained on, where each unit starts
    packed = cut_windows(own, at, context, room)     # chop: windows at any places of the token string
    packed, row, dropped = pack_rows(own, ...)       # cut, left, pad, row: windows that begin at a row
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from synthgen.exact.jit import kernel
from synthgen.spec.recipe import Recipe

IGNORED = -100
"""The target of a position without loss, as torch's cross entropy has it."""

LOSSES = ("all", "completion", "mask")
SEPARATORS = ("bos", "eos", "both")


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
        for own in fields(self):
            setattr(self, own.name, getattr(self, own.name) + getattr(other, own.name))


@dataclass(frozen=True)
class Units:
    """Rows with their markers, one after the other."""

    tokens: np.ndarray  # (total,) uint16 or uint32
    trained: np.ndarray  # (total,) bool: whether there is a loss where this token is the target
    starts: np.ndarray  # (rows + 1,) int64: where units start; the first may lie before 0, and the last is the end
    rows: np.ndarray  # (rows,) int64: their indices in the split
    people: np.ndarray  # (rows,) int64: whom they are about, or -1
    kinds: np.ndarray  # (rows,) int16: which component of a mixture they are of

    def behind(self, token: int) -> Units:
        """Return what is left from `token` on."""
        row = int(np.searchsorted(self.starts[:-1], token, side="right")) - 1 if token < self.tokens.size else -1
        row = self.rows.size if row < 0 else row
        return Units(
            self.tokens[token:],
            self.trained[token:],
            self.starts[row:] - token,
            self.rows[row:],
            self.people[row:],
            self.kinds[row:],
        )

    def picked(self, places: np.ndarray, first: int) -> Units:
        """Return some rows (without markers) as rows `first`, `first` + 1, ..."""
        sizes = np.diff(self.starts)[places]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        at = np.repeat(self.starts[places] - starts[:-1], sizes) + np.arange(starts[-1])
        trained = self.trained[at] if self.trained.size else self.trained
        rows = np.arange(first, first + places.size)
        return Units(self.tokens[at], trained, starts, rows, self.people[places], self.kinds[places])

    def followed_by(self, other: Units) -> Units:
        """Return these units and then the other ones."""
        return Units(
            np.concatenate([self.tokens, other.tokens]),
            np.concatenate([self.trained, other.trained]),
            np.concatenate([self.starts[:-1], other.starts + self.tokens.size]),
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.people, other.people]),
            np.concatenate([self.kinds, other.kinds]),
        )


@dataclass(frozen=True)
class Packed:
    """Windows of one length: arrays of shape (windows, context), and the units of each, [first, last)."""

    input_ids: np.ndarray
    targets: np.ndarray  # int32; IGNORED where there is no loss
    units: np.ndarray  # int32: number of the unit at each position; -1: padding
    positions: np.ndarray  # int32: place in the unit's piece in this window
    spans: np.ndarray  # (windows, 2) int64
    tallies: np.ndarray  # (windows, 6) int64: what `Counts` counts of each window, but for their number

    def part(self, first: int, last: int) -> Packed:
        """Return the windows [first, last)."""
        return Packed(*(getattr(self, own.name)[first:last] for own in fields(self)))

    @property
    def counts(self) -> Counts:
        """What the windows are made of."""
        return Counts(self.spans.shape[0], *(int(n) for n in self.tallies.sum(axis=0)))


@kernel
def _mark(ids, edges, trained, order, loss, separator, bos, eos, tokens, targets, starts):
    """Write rows as units in the given order; `trained` may be empty: all are. See `LOSSES` and `SEPARATORS`."""
    first = eos if separator == 1 else bos
    at = 0
    for i in range(order.size):
        row = order[i]
        starts[i] = at
        tokens[at] = first
        targets[at] = loss < 2 and separator < 2  # it ends the row before
        at += 1
        for k in range(edges[row], edges[row + 1]):
            tokens[at] = ids[k]
            targets[at] = loss == 0 or trained.size == 0 or trained[k]
            at += 1
        if separator == 2:
            tokens[at] = eos
            targets[at] = loss < 2
            at += 1
    starts[order.size] = at


def mark(own: Units, order: np.ndarray, all_trained: bool, recipe: Recipe, bos: int, eos: int) -> Units:
    """Return rows without markers as units with them, in the given order.

    With `all_trained`, what `own.trained` says is not looked at. See `Recipe` for losses and separators.
    """
    total = own.tokens.size + (2 if recipe.separator == "both" else 1) * order.size
    tokens, targets = np.empty(total, own.tokens.dtype), np.empty(total, np.bool_)
    starts = np.empty(order.size + 1, np.int64)
    loss, separator = LOSSES.index(recipe.loss), SEPARATORS.index(recipe.separator)
    trained = own.trained[:0] if all_trained else own.trained
    _mark(own.tokens, own.starts, trained, order, loss, separator, bos, eos, tokens, targets, starts)
    return Units(tokens, targets, starts, own.rows[order], own.people[order], own.kinds[order])


@kernel
def _cut(tokens, trained, starts, at, first, context, room, inputs, targets, units, positions, spans, tallies):
    """Copy the windows that begin at the tokens `at`, in the units `first`; with `room`, note units and places too."""
    for w in range(at.size):
        begin = at[w]
        unit = first[w]
        spans[w, 0] = unit
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
        rows = 1 if starts[unit] == begin else 0
        while starts[unit + 1] <= last:
            unit += 1
            rows += 1
        spans[w, 1] = unit + 1
        tallies[w, 0] = context
        tallies[w, 1] = losses
        tallies[w, 3] = rows
        if room:
            unit = first[w]
            origin = begin
            for t in range(context):
                if starts[unit + 1] <= begin + t:
                    unit += 1
                    origin = starts[unit]
                units[w, t] = unit
                positions[w, t] = begin + t - origin


def cut_windows(own: Units, at: np.ndarray, context: int, room: bool) -> Packed:
    """Return the windows that begin at the tokens `at` of the units' string, each of context + 1 tokens of it.

    Without `room`, units and positions are left out (no columns).
    """
    shape, extra = (at.size, context), (at.size, context if room else 0)
    inputs, targets = np.empty(shape, own.tokens.dtype), np.empty(shape, np.int32)
    units, positions = np.empty(extra, np.int32), np.empty(extra, np.int32)
    spans, tallies = np.empty((at.size, 2), np.int64), np.zeros((at.size, 6), np.int64)
    first = np.searchsorted(own.starts, at, side="right") - 1
    _cut(
        own.tokens,
        own.trained,
        own.starts,
        at,
        first,
        context,
        room,
        inputs,
        targets,
        units,
        positions,
        spans,
        tallies,
    )
    return Packed(inputs, targets, units, positions, spans, tallies)


def last_window(own: Units, context: int, end: int, trains: bool, pad: int) -> Packed:
    """Return what is left of a token string, at most `context` tokens, as one window.

    `end` (a target if it `trains`; -1: units have their own) closes it, and padding follows.
    """
    left = own.tokens.size
    tokens = np.full(context + 1, pad, own.tokens.dtype)
    trained = np.zeros(context + 1, np.bool_)
    tokens[:left], trained[:left] = own.tokens, own.trained
    predicted = left - 1
    if end >= 0:
        tokens[left], trained[left] = end, trains
        predicted = left
    starts = np.append(own.starts, context + 2)  # a unit of padding, so that every token is in one
    packed = cut_windows(
        Units(tokens, trained, starts, own.rows, own.people, own.kinds), np.zeros(1, np.int64), context, True
    )
    packed.units[:, left:] = -1
    packed.positions[:, left:] = 0
    packed.spans[0, 1] = own.rows.size
    packed.tallies[0] = predicted, packed.tallies[0, 1], context - predicted, (own.starts[:-1] >= 0).sum(), 0, 0
    return packed


@kernel
def _pack(tokens, trained, starts, mode, end, pad, final, drop, windows, weights, units, positions, spans, tallies):
    """Fill windows of whole rows from the first unit on; return (windows, first unit that is in none, rows dropped).

    mode: as in `WHOLE_ROWS`; end: the marker that closes a window, or -1 where units bring their own; final: no unit
    follows, so the last window is filled with padding, or dropped.
    """
    width = windows.shape[1]
    closing = 1 if end >= 0 else 0
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
            if size + closing > width and mode != 1:
                skipped += 1  # too long for any window
                row += 1
                continue
            if mode >= 2 and (fill + size + closing > width or (mode == 3 and fill > 0)):
                break  # it stands whole in the next window
            if fill + closing >= width:
                break
            take = min(size, width - fill)
            for k in range(take):
                windows[n, fill + k] = tokens[starts[row] + k]
                weights[n, fill + k] = trained[starts[row] + k]
                units[n, fill + k] = row
                positions[n, fill + k] = k
            fill += take
            shown += 1
            full = fill == width
            if take < size or (full and closing):
                truncated += 1
            row += 1
        if shown == 0:
            dropped += skipped
            continue
        closed = full or row < rows or mode == 3
        if not closed and not final:
            return n, first, dropped  # the window goes on with the rows of the next block
        dropped += skipped
        if not closed and drop:
            dropped += shown
            continue
        if fill < width and closing:
            windows[n, fill] = end
            weights[n, fill] = trained[starts[first]]
            units[n, fill] = -1
            positions[n, fill] = 0
            fill += 1
        for k in range(fill, width):
            windows[n, k] = pad
            weights[n, k] = False
            units[n, k] = -1
            positions[n, k] = 0
        spans[n, 0] = first
        spans[n, 1] = row
        tallies[n, 0] = fill - 1
        tallies[n, 1] = 0
        for k in range(1, width):
            tallies[n, 1] += weights[n, k]
        tallies[n, 2] = width - fill
        tallies[n, 3] = shown
        tallies[n, 4] = truncated
        tallies[n, 5] = dropped
        dropped = 0
        n += 1
    return n, rows, dropped


def pack_rows(
    own: Units, mode: int, context: int, end: int, pad: int, final: bool, drop: bool
) -> tuple[Packed, int, int]:
    """Return windows that begin at a row, the first unit that is in none of them yet, and rows dropped behind them.

    mode: number of the packing in `WHOLE_ROWS`; end: the closing marker (-1: units have their own); final: nothing
    follows, so the last window is padded, or dropped where `drop` says so.
    """
    # Two neighbouring windows of whole rows are more than one window full; and no row stands in two.
    room = own.rows.size if mode == 3 else min(own.rows.size, 2 * own.tokens.size // context + 2)
    shape = (room, context + 1)
    windows, weights = np.empty(shape, own.tokens.dtype), np.empty(shape, np.bool_)
    units, positions = np.empty(shape, np.int32), np.empty(shape, np.int32)
    spans, tallies = np.empty((room, 2), np.int64), np.zeros((room, 6), np.int64)
    made, left, dropped = _pack(
        own.tokens,
        own.trained,
        own.starts,
        mode,
        end,
        pad,
        final,
        drop,
        windows,
        weights,
        units,
        positions,
        spans,
        tallies,
    )
    inputs, nexts = windows[:made, :-1], windows[:made, 1:]
    targets = np.where(weights[:made, 1:], nexts.astype(np.int32), np.int32(IGNORED))
    packed = Packed(inputs, targets, units[:made, :-1], positions[:made, :-1], spans[:made], tallies[:made])
    return packed, int(left), int(dropped)


@kernel
def repeated(people, spans):
    """Return (window, row, row) of the first window with two units about one person, or (-1, 0, 0)."""
    for w in range(spans.shape[0]):
        for a in range(spans[w, 0] + 1, spans[w, 1]):
            if people[a] >= 0:
                for b in range(spans[w, 0], a):
                    if people[a] == people[b]:
                        return w, b, a
    return -1, 0, 0
