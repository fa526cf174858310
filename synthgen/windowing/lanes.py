"""Lanes: blocks of rows, packed one after the other; any lane may be taken up again from a few integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.draw import Draw, begin, below, new_state
from synthgen.exact.jit import kernel
from synthgen.spec.recipe import WHOLE_ROWS, Recipe
from synthgen.windowing.packing import Counts, Packed, Units, cut_windows, last_window, mark, pack_rows, repeated
from synthgen.windowing.row_sources import RowSource

BLOCK_TOKENS = 1 << 16
"""Tokens of a block, about: enough that a call costs nothing, little enough that 48 lanes take no memory."""

BLOCK_WINDOWS = 32
"""Windows of a block, at the least."""

SAMPLE_ROWS = 64
"""Rows that the length of a row is taken from."""

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


def block_rows(feed: RowSource, context: int) -> int:
    """Return how many rows make a block: a power of two by the mean length of the first rows, so the same anywhere."""
    rows = SAMPLE_ROWS if feed.rows is None else min(SAMPLE_ROWS, feed.rows)
    size = feed.read(0, rows).tokens.size / rows + 1
    wanted = max(BLOCK_TOKENS, BLOCK_WINDOWS * context) / size
    return 1 << max(0, min(16, round(np.log2(wanted))))


@dataclass(frozen=True)
class Plan:
    """How the rows of one feed become windows."""

    feed: RowSource
    recipe: Recipe
    rows: int  # of a block
    epochs: int | None
    shuffle: bool
    drop: bool  # a last window that is not full is dropped, not padded
    watch: bool  # refuse two rows about one person in one window
    room: bool  # note each position's unit and place
    member: int | None  # its number in a list of several data

    @property
    def blocks(self) -> int | None:
        """Blocks of an epoch; None for an endless feed."""
        return None if self.feed.rows is None else -(-self.feed.rows // self.rows)

    def has(self, block: int) -> bool:
        """Say whether there is a block of that number (blocks are counted on over the epochs)."""
        return self.blocks is None or self.epochs is None or block < self.blocks * self.epochs

    def units(self, block: int) -> Units:
        """Return the units of a block."""
        if self.blocks is None:
            start, stop = block * self.rows, (block + 1) * self.rows
        else:
            assert self.feed.rows is not None
            start = block % self.blocks * self.rows
            stop = min(start + self.rows, self.feed.rows)
        own = self.feed.read(start, stop)
        order = np.arange(stop - start)
        if self.shuffle:
            order = np.array(Draw(self.feed.keys.split("shuffle"), entity=block).permutation(stop - start))
        return mark(own, order, own.trained.size == 0, self.recipe, self.feed.vocab.bos, self.feed.vocab.eos)

    @property
    def end(self) -> int:
        """The marker that closes a window of whole rows; -1 where rows bring their own end."""
        vocab = self.feed.vocab
        return {"bos": vocab.bos, "eos": vocab.eos, "both": -1}[self.recipe.separator]


class Packer:
    """The windows of one feed in one lane, chunk by chunk.

    It stands at (block, offset, skip): the chunk at hand is made of what follows that token (chop) or row (else) of
    that block, and `skip` windows of it were given away.
    """

    def __init__(self, plan: Plan, lane: int, lanes: int, at: Sequence[int] | None) -> None:
        self.plan, self._lanes = plan, lanes
        self._block, self._offset, self._skip = at or (lane, 0, 0)
        self._next = self._block
        self._held: Units | None = None  # what the chunk was made of, and what is left behind it
        self._bounds: list[tuple[int, int, int]] = []  # of `held`: (token or row, the block there, offset in it)
        self._used = 0  # tokens or rows of `held` that the chunk took
        self._chunk: Packed | None = None
        self._final = False
        self.lost = Counts()  # rows dropped behind the last window

    @property
    def cursor(self) -> tuple[int, int, int]:
        """Where it stands."""
        return self._block, self._offset, self._skip

    def take(self, n: int) -> tuple[Packed, Units] | None:
        """Return up to n windows, at least one, and the units they are made of; None at the end."""
        while self._chunk is None or self._skip >= self._chunk.spans.shape[0]:
            if not self._advance():
                return None
        assert self._held is not None
        last = min(self._skip + n, self._chunk.spans.shape[0])
        part = self._chunk.part(self._skip, last)
        self._skip = last
        return part, self._held

    def _advance(self) -> bool:
        """Make the next chunk, of which `skip` windows are known already the first time; False at the end."""
        if self._chunk is not None:
            self._leave()
        for _ in range(MAX_FRUITLESS):
            if self._final:
                return False
            if self.plan.has(self._next):
                self._fetch()
            else:
                self._final = True
            if self._held is None:
                return False
            self._chunk = self._pack(self._held)
            if self._chunk.spans.shape[0]:
                if self.plan.watch:
                    self._watch(self._held, self._chunk)
                return True
        raise SynthgenError(
            f"{self.plan.feed.name}: {MAX_FRUITLESS} blocks of {self.plan.rows} rows gave no window of "
            f"{self.plan.recipe.context} tokens with packing = {self.plan.recipe.packing!r}; take another context"
        )

    def _leave(self) -> None:
        """Forget what the chunk took, and stand behind it."""
        assert self._held is not None
        rows = self.plan.recipe.packing != "chop"
        place = max(k for k, bound in enumerate(self._bounds) if bound[0] <= self._used)
        start, self._block, offset = self._bounds[place]
        self._offset, self._skip = offset + self._used - start, 0
        self._bounds = [(max(0, at - self._used), block, off) for at, block, off in self._bounds[place:]]
        self._bounds[0] = (0, self._block, self._offset)
        self._held = self._held.behind(int(self._held.starts[self._used]) if rows else self._used)
        self._chunk, self._used = None, 0

    def _fetch(self) -> None:
        """Hold one block more."""
        units, offset = self.plan.units(self._next), 0
        rows = self.plan.recipe.packing != "chop"
        if self._held is None:
            offset = self._offset
            units = units.behind(int(units.starts[offset]) if rows else offset)
        held = 0 if self._held is None else self._held.rows.size if rows else self._held.tokens.size
        self._bounds.append((held, self._next, offset))
        self._held = units if self._held is None else self._held.followed_by(units)
        self._next += self._lanes

    def _pack(self, held: Units) -> Packed:
        """Return the windows that `held` is enough for."""
        plan, recipe = self.plan, self.plan.recipe
        context = recipe.context
        if recipe.packing != "chop":
            mode = WHOLE_ROWS.index(recipe.packing)
            packed, self._used, dropped = pack_rows(
                held, mode, context, plan.end, plan.feed.vocab.pad, self._final, plan.drop
            )
            self.lost = Counts(dropped=self.lost.dropped + dropped)
            return packed
        if recipe.order == "random":
            self._used = held.tokens.size
            number = max(0, (held.tokens.size - 1) // context)
            key, block = plan.feed.keys.split("windows"), self._next - self._lanes
            number = 0 if self._final else number
            places = _places(new_state(), key, block, max(1, held.tokens.size - context), number)
            return cut_windows(held, places, context, plan.room)
        number = max(0, held.tokens.size - 1) // context
        if number == 0 and self._final and held.tokens.size and not plan.drop:
            self._used = held.tokens.size
            return last_window(held, context, plan.end, recipe.loss != "mask", plan.feed.vocab.pad)
        if number == 0 and self._final and held.tokens.size:
            begun = int((held.starts[:-1] >= 0).sum())
            self.lost = Counts(dropped=begun)
        self._used = number * context
        return cut_windows(held, np.arange(number) * context, context, plan.room)

    def _watch(self, held: Units, chunk: Packed) -> None:
        window, first, second = repeated(held.people, chunk.spans)
        if window >= 0:
            raise SynthgenError(
                f"{self.plan.feed.name}: rows {held.rows[first]:,} and {held.rows[second]:,} are both about person "
                f"{held.people[first]:,} and share a window of {self.plan.recipe.context} tokens, which teaches "
                "copying; take more people, packing = 'row', or neighbours = 'allow'"
            )


class Lane:
    """The windows of one lane, of one feed or of several in exact shares; where one feed ends, the others go on."""

    def __init__(
        self, number: int, lanes: int, plans: Sequence[Plan], weights: Sequence[int], at: Sequence[int] | None
    ) -> None:
        self.number, self._weights, self._plans = number, weights, plans
        self.given, self._slot = at[:2] if at else (0, 0)
        own = [at[2 + 3 * k : 5 + 3 * k] if at else None for k in range(len(plans))]
        self._packers = [Packer(plan, number, lanes, a) for plan, a in zip(plans, own, strict=True)]
        self._over = {member for member, plan in enumerate(plans) if not plan.has(number)}
        self._turn: tuple[int, list[int]] = (-1, [])

    @property
    def ended(self) -> bool:
        """Whether all feeds are at their end."""
        return len(self._over) == len(self._plans)

    @property
    def cursor(self) -> tuple[int, ...]:
        """Windows given, slots passed, and where each packer stands."""
        return self.given, self._slot, *(part for packer in self._packers for part in packer.cursor)

    def _member(self, slot: int) -> int:
        """Return which feed a slot is of: exact shares in every round of sum(weights) slots, in drawn order."""
        if len(self._weights) == 1:
            return 0
        turn, place = divmod(slot, sum(self._weights))
        if self._turn[0] != turn:
            order = [member for member, weight in enumerate(self._weights) for _ in range(weight)]
            draw = Draw(self._plans[0].feed.keys.split("members"), entity=self.number, part=turn)
            self._turn = turn, [order[k] for k in draw.permutation(len(order))]
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
            packed, units = taken
            counts.add(packed.counts)
            parts.append(arrays(packed, units, self._plans[member].member))
            k += packed.spans.shape[0]
            self._slot += packed.spans.shape[0]
        self.given += k
        if not parts:
            return ({}, counts) if counts.dropped else None
        return parts[0] if len(parts) == 1 else _stacked(parts), counts


def _stacked(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def arrays(packed: Packed, units: Units, member: int | None) -> dict[str, np.ndarray]:
    """Return the arrays of a batch; where units were not noted, inputs and targets alone."""
    out = {"input_ids": packed.input_ids, "targets": packed.targets}
    if packed.units.shape[1]:
        inside = packed.units >= 0
        own = np.where(inside, packed.units, 0)
        out["document_ids"] = np.where(inside, packed.units - packed.units[:, :1], -1).astype(np.int32)
        out["positions"] = packed.positions
        out["row_ids"] = np.where(inside, units.rows[own], -1)
        kinds = units.kinds[own] if member is None else np.full(own.shape, member, np.int16)
        out["kinds"] = np.where(inside, kinds, np.int16(-1)).astype(np.int16)
    return out
