"""Lanes: blocks of rows, packed one after the other; any lane may be taken up again from a few integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.draw import Draw, begin, below, new_state
from synthgen.exact.jit import kernel
from synthgen.spec.recipe import WHOLE_ROWS
from synthgen.windowing.blocks import LaneSettings
from synthgen.windowing.marking import NO_MARKER, MarkedRows
from synthgen.windowing.packing import (
    DROPPED,
    TOKENS,
    Closing,
    Counts,
    PackedWindows,
    cut_windows,
    last_window,
    pack_rows,
    repeated,
    too_long,
)
from synthgen.windowing.token_rows import RowSource

MAX_FRUITLESS = 64
"""Blocks in a row that may give no window before the data is called unfit."""


@kernel
def _places(state, key, block, bound, number):
    """Return where the windows of a block begin: (number,) uniform places below `bound`."""
    begin(state, key, block, 0)
    places = np.empty(number, np.int64)
    for i in range(number):
        places[i] = below(state, bound)
    return places


class Packer:
    """The windows of one source in one lane, chunk by chunk.

    It stands at (block, offset, skip): the chunk at hand is made of what follows that token (chop) or row (else) of
    that block, and `skip` windows of it were given away.
    """

    def __init__(self, settings: LaneSettings, lane: int, lanes: int, at: Sequence[int] | None) -> None:
        self.settings, self._lanes = settings, lanes
        self._block, self._offset, self._skip = at or (lane, 0, 0)
        self._next = self._block
        self._held: MarkedRows | None = None  # what the chunk was made of, and what is left behind it
        self._bounds: list[tuple[int, int, int]] = []  # of `held`: (token or row, the block there, offset in it)
        self._used = 0  # tokens or rows of `held` that the chunk took
        self._chunk: PackedWindows | None = None
        self._final = False
        self.lost = Counts()  # rows dropped behind the last window

    @property
    def cursor(self) -> tuple[int, int, int]:
        """Where it stands."""
        return self._block, self._offset, self._skip

    def take(self, n: int) -> tuple[PackedWindows, MarkedRows] | None:
        """Return up to n windows, at least one, and the rows they are made of; None at the end."""
        while self._chunk is None or self._skip >= self._chunk.spans.shape[0]:
            if not self._advance():
                return None
        assert self._held is not None
        last = min(self._skip + n, self._chunk.spans.shape[0])
        part = self._chunk.part(self._skip, last)
        self._refuse(int(part.tallies[:, DROPPED].sum()))
        self._skip = last
        return part, self._held

    def _advance(self) -> bool:
        """Make the next chunk, of which `skip` windows are known already the first time; False at the end."""
        if self._chunk is not None:
            self._refuse(self.lost.dropped)
            self._leave()
        for _ in range(MAX_FRUITLESS):
            if self._final:
                return False
            if self.settings.has(self._next):
                self._fetch()
            else:
                self._final = True
            if self._held is None:
                return False
            self._chunk = self._pack(self._held)
            if self._chunk.spans.shape[0]:
                if self.settings.watch:
                    self._watch(self._held, self._chunk)
                return True
            self._refuse(self.lost.dropped)
        raise SynthgenError(
            f"{self.settings.source.name}: {MAX_FRUITLESS} blocks of {self.settings.rows} rows gave no window of "
            f"{self.settings.recipe.context} tokens with packing = {self.settings.recipe.packing!r}; "
            "take another context"
        )

    def _refuse(self, dropped: int) -> None:
        """Raise SynthgenError where rows that are too long for a window were dropped, and none may be."""
        if dropped and self.settings.every_row:
            assert self._held is not None
            markers = 1 if self.settings.markers.behind == NO_MARKER else 2
            raise too_long(int(np.diff(self._held.starts).max()) - markers, self.settings.recipe.context)

    def _leave(self) -> None:
        """Forget what the chunk took, and stand behind it."""
        assert self._held is not None
        rows = self.settings.recipe.packing != "chop"
        place = max(k for k, bound in enumerate(self._bounds) if bound[0] <= self._used)
        start, self._block, offset = self._bounds[place]
        self._offset, self._skip = offset + self._used - start, 0
        self._bounds = [(max(0, at - self._used), block, off) for at, block, off in self._bounds[place:]]
        self._bounds[0] = (0, self._block, self._offset)
        self._held = self._held.behind(int(self._held.starts[self._used]) if rows else self._used)
        self._chunk, self._used = None, 0

    def _fetch(self) -> None:
        """Hold one block more."""
        block, offset = self.settings.marked_rows(self._next), 0
        rows = self.settings.recipe.packing != "chop"
        if self._held is None:
            offset = self._offset
            block = block.behind(int(block.starts[offset]) if rows else offset)
        held = 0 if self._held is None else self._held.numbers.size if rows else self._held.tokens.size
        self._bounds.append((held, self._next, offset))
        self._held = block if self._held is None else self._held.followed_by(block)
        self._next += self._lanes

    def _pack(self, held: MarkedRows) -> PackedWindows:
        """Return the windows that `held` is enough for."""
        settings, recipe = self.settings, self.settings.recipe
        context, pad = recipe.context, settings.source.vocab.pad
        if recipe.packing != "chop":
            closing = Closing(settings.end, pad, self._final, settings.drop)
            packed, self._used, dropped = pack_rows(held, WHOLE_ROWS.index(recipe.packing), context, closing)
            self.lost = Counts(dropped=self.lost.dropped + dropped)
            return packed
        if recipe.order == "random":
            self._used = held.tokens.size
            number = max(0, (held.tokens.size - 1) // context)
            key, block = settings.source.keys.split("windows"), self._next - self._lanes
            number = 0 if self._final else number
            places = _places(new_state(), key, block, max(1, held.tokens.size - context), number)
            return cut_windows(held, places, context, settings.noted)
        number = max(0, held.tokens.size - 1) // context
        if number == 0 and self._final and held.tokens.size and not settings.drop:
            self._used = held.tokens.size
            return last_window(held, context, settings.end, settings.markers.before_trained, pad)
        if number == 0 and self._final and held.tokens.size:
            begun = int((held.starts[:-1] >= 0).sum())
            self.lost = Counts(dropped=begun)
        self._used = number * context
        return cut_windows(held, np.arange(number) * context, context, settings.noted)

    def _watch(self, held: MarkedRows, chunk: PackedWindows) -> None:
        window, first, second = repeated(held.subjects, chunk.spans)
        if window >= 0:
            raise SynthgenError(
                f"{self.settings.source.name}: rows {held.numbers[first]:,} and {held.numbers[second]:,} are both "
                f"about person {held.subjects[first]:,} and share a window of {self.settings.recipe.context} tokens, "
                "which teaches copying; take more people, packing = 'row', or neighbours = 'allow'"
            )


class Lane:
    """The windows of one lane, of one source or several in exact shares; where one source ends, the others go on."""

    def __init__(
        self,
        number: int,
        lanes: int,
        members: Sequence[LaneSettings],
        weights: Sequence[int],
        at: Sequence[int] | None,
        drawn: bool = True,
    ) -> None:
        """`at`: the cursor to stand at; `drawn`: members take turns in drawn order, else one after the other."""
        self.number, self._weights, self._members, self._drawn = number, weights, members, drawn
        self.given, self._slot = at[:2] if at else (0, 0)
        places = [at[2 + 3 * k : 5 + 3 * k] if at else None for k in range(len(members))]
        self._packers = [Packer(one, number, lanes, place) for one, place in zip(members, places, strict=True)]
        self._over = {k for k, one in enumerate(members) if not one.has(number)}
        self._turn: tuple[int, list[int]] = (-1, [])

    @property
    def ended(self) -> bool:
        """Whether all sources are at their end."""
        return len(self._over) == len(self._members)

    @property
    def cursor(self) -> tuple[int, ...]:
        """Windows given, slots passed, and where each packer stands."""
        return self.given, self._slot, *(part for packer in self._packers for part in packer.cursor)

    def _member(self, slot: int) -> int:
        """Return which source a slot is of: exact shares in every round of sum(weights) slots."""
        if len(self._weights) == 1:
            return 0
        turn, place = divmod(slot, sum(self._weights))
        if self._turn[0] != turn:
            order = [member for member, weight in enumerate(self._weights) for _ in range(weight)]
            if self._drawn:
                draw = Draw(self._members[0].source.keys.split("members"), entity=self.number, part=turn)
                order = [order[k] for k in draw.permutation(len(order))]
            self._turn = turn, order
        return self._turn[1][place]

    def take(self, n: int) -> tuple[dict[str, np.ndarray], Counts] | None:
        """Return the arrays of up to n windows (none, if the last rows were dropped) and counts; None at the end."""
        parts: list[dict[str, np.ndarray]] = []
        counts, k = Counts(), 0
        while k < n and not self.ended:
            member = self._member(self._slot)
            run = 1 if len(self._weights) > 1 else n - k
            while k + run < n and self._member(self._slot + run) == member:
                run += 1
            taken = None if member in self._over else self._packers[member].take(run)
            if taken is None:
                if member not in self._over:
                    self._over.add(member)
                    counts.add(self._packers[member].lost)
                self._slot += run
                continue
            packed, rows = taken
            counts.add(packed.counts)
            parts.append(arrays(packed, rows, self._members[member]))
            k += packed.spans.shape[0]
            self._slot += packed.spans.shape[0]
        self.given += k
        if not parts:
            return ({}, counts) if counts.dropped else None
        return parts[0] if len(parts) == 1 else _stacked(parts), counts


def _stacked(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def arrays(packed: PackedWindows, rows: MarkedRows, settings: LaneSettings) -> dict[str, np.ndarray]:
    """Return the arrays of a batch, by field, and `widths`: how many positions of each window are no padding."""
    fields, out = settings.fields, {"input_ids": packed.input_ids, "widths": packed.tallies[:, TOKENS]}
    out |= {name: getattr(packed, name) for name in ("targets", "next_ids", "positions") if name in fields}
    inside = packed.documents >= 0
    if "document_ids" in fields:
        out["document_ids"] = np.where(inside, packed.documents - packed.documents[:, :1], np.int32(-1))
    if "row_ids" in fields:
        out["row_ids"] = np.where(inside, rows.numbers[np.where(inside, packed.documents, 0)], -1)
    if "kinds" in fields:
        kinds = rows.components[np.where(inside, packed.documents, 0)] if settings.member is None else settings.member
        out["kinds"] = np.where(inside, kinds, -1).astype(np.int16)
    if "places" in fields:
        first = packed.documents == packed.documents[:, :1]  # a row that was begun in the window before, or is whole
        out["places"] = np.where(inside, packed.positions + first * packed.begins[:, None], -1).astype(np.int32)
    if "token_bits" in fields:
        out["token_bits"] = _token_bits(packed, rows, settings.source)
    return out


def _token_bits(packed: PackedWindows, rows: MarkedRows, source: RowSource) -> np.ndarray:
    """Return what a perfect model pays for what follows each input, (windows, context) float32; NaN for padding."""
    bits = np.full(packed.documents.shape, np.nan, np.float32)
    for window, documents in enumerate(packed.documents):
        for row in np.unique(documents[documents >= 0]):
            here = documents == row
            places = packed.positions[window, here] + (packed.begins[window] if row == documents[0] else 0)
            of_row = source.surprisals(int(rows.numbers[row]))
            # Behind a row's end there is a marker, where rows have one of their own, and then always the next one's.
            bits[window, here] = np.append(of_row, 0.0)[np.minimum(places, of_row.size)]
    return bits
