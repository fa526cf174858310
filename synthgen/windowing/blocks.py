"""Blocks: the rows of one source as numbered blocks of marked rows, pass after pass, in whatever order is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.draw import Draw
from synthgen.spec.recipe import Recipe
from synthgen.windowing.marking import NO_MARKER, MarkedRows, Markers, mark
from synthgen.windowing.settings import FIELDS, SPAN_LOSS
from synthgen.windowing.token_rows import RowSource, TokenRows

KEPT_ROWS = 200_000
"""Rows of a finite corpus that are kept as tokens, at most."""

BLOCK_TOKENS = 1 << 16
"""Tokens of a block, about: enough that a call costs nothing, little enough that 48 lanes take no memory."""

BLOCK_WINDOWS = 32
"""Windows of a block, at the least."""

BLOCK_AREA = 1 << 20
"""Positions of a block's windows, about, where each row has one of its own: some 10 MB."""

SAMPLE_ROWS = 64
"""Rows that the length of a row is taken from."""


class KeptRows:
    """A finite corpus, kept as tokens, in an order drawn anew for every pass."""

    def __init__(self, source: RowSource, seed: tuple[int, ...], spans: bool) -> None:
        """seed: of the orders; spans: whether the spans of tokens are kept.

        Raises SynthgenError for an endless corpus, or for more than KEPT_ROWS rows.
        """
        if source.rows is None or source.rows > KEPT_ROWS:
            number = "endless" if source.rows is None else f"of {source.rows:,} rows"
            raise SynthgenError(
                f"shuffle = 'corpus': {source.name} is {number}, and {KEPT_ROWS:,} at most are kept; leave it out"
            )
        self._source, self._seed, self._spans, self._number = source, seed, spans, source.rows
        self._order: tuple[int, np.ndarray] = (-1, np.zeros(0, np.int64))

    @cached_property
    def _rows(self) -> TokenRows:
        return self._source.read(0, self._number, self._spans, bits=True)

    def read(self, turn: int, start: int, stop: int) -> TokenRows:
        """Return the rows [start, stop) of a pass, in its own order, with their bits."""
        if self._order[0] != turn:
            random = np.random.Generator(np.random.Philox(np.random.SeedSequence((*self._seed, turn))))
            self._order = (turn, random.permutation(self._number))
        return self._rows.take(self._order[1][start:stop])


def block_rows(source: RowSource, context: int) -> int:
    """Return how many rows make a block: a power of two by the mean length of the first rows, so the same anywhere."""
    rows = SAMPLE_ROWS if source.rows is None else min(SAMPLE_ROWS, source.rows)
    size = source.read(0, rows).ids.size / rows + 1
    wanted = max(BLOCK_TOKENS, BLOCK_WINDOWS * context) / size
    return 1 << max(0, min(16, round(np.log2(wanted))))


def rows_of_area(context: int) -> int:
    """Return how many rows make a block where each has a window of its own: a power of two by the windows' area."""
    return 1 << max(5, min(14, round(np.log2(BLOCK_AREA / context))))


def span_kind_of(source: RowSource, loss: str) -> int | None:
    """Return the number of the span kind that a loss names; None for another loss. Raises SynthgenError."""
    if not loss.startswith(SPAN_LOSS):
        return None
    kind = loss.removeprefix(SPAN_LOSS)
    if kind not in source.span_kinds:
        known = "".join(f", {SPAN_LOSS}{kind}" for kind in source.span_kinds)
        raise SynthgenError(f"loss = {loss!r}: {source.name} knows all, completion, mask{known}")
    return source.span_kinds.index(kind)


def with_loss(rows: TokenRows, loss: str, span_kind: int | None = None) -> np.ndarray:
    """Return which tokens of rows have a loss, (total,) bool: all, a span's, or those that the rows' own masks name."""
    if span_kind is not None:
        return rows.span_kinds == span_kind
    return np.ones(rows.ids.size, np.bool_) if loss == "all" else rows.trained


@dataclass(frozen=True)
class LaneSettings:
    """How the rows of one source become windows."""

    source: RowSource
    recipe: Recipe
    rows: int  # of a block
    loss: str  # the recipe's, or SPAN_LOSS and a kind
    epochs: int | None = 1
    shuffle: bool = False  # rows of a block in an order drawn anew for each
    kept: KeptRows | None = None  # the whole corpus, in an order drawn anew for each pass
    drop: bool = False  # a last window that is not full is dropped, not padded
    watch: bool = False  # refuse two rows about one person in one window
    fields: Sequence[str] = FIELDS[:2]  # the arrays of a batch
    member: int | None = None  # its number in a list of several data
    start: int | None = None  # the marker that its rows begin with, in the place of the vocabulary's
    span_kind: int | None = None  # the number of the loss's kind of span
    every_row: bool = False  # refuse a row that is too long for a window, do not drop it

    @property
    def blocks(self) -> int | None:
        """Blocks of an epoch; None for an endless source."""
        return None if self.source.rows is None else -(-self.source.rows // self.rows)

    def has(self, block: int) -> bool:
        """Say whether there is a block of that number (blocks are counted on over the epochs)."""
        return self.blocks is None or self.epochs is None or block < self.blocks * self.epochs

    def place_of(self, row: int) -> tuple[int, int]:
        """Return the block in which the `row`-th row of all passes stands, and its number there."""
        if self.blocks is None:
            return divmod(row, self.rows)
        assert self.source.rows is not None
        turn, place = divmod(row, self.source.rows)
        return turn * self.blocks + place // self.rows, place % self.rows

    def token_rows(self, turn: int, start: int, stop: int) -> TokenRows:
        """Return the rows [start, stop) of a pass, with their bits."""
        spans = self.span_kind is not None
        return self.kept.read(turn, start, stop) if self.kept else self.source.read(start, stop, spans, bits=True)

    def marked_rows(self, block: int) -> MarkedRows:
        """Return the rows of a block with their markers."""
        turn = 0
        if self.blocks is None:
            start, stop = block * self.rows, (block + 1) * self.rows
        else:
            assert self.source.rows is not None
            turn, place = divmod(block, self.blocks)
            start = place * self.rows
            stop = min(start + self.rows, self.source.rows)
        if self.kept:
            rows = self.kept.read(turn, start, stop)
        else:
            rows = self.source.read(start, stop, spans=self.span_kind is not None)
        order = np.arange(stop - start)
        if self.shuffle:
            order = np.array(Draw(self.source.keys.split("shuffle"), entity=block).permutation(stop - start))
        return mark(rows, order, with_loss(rows, self.loss, self.span_kind), self.markers)

    @property
    def noted(self) -> bool:
        """Whether more is noted of each position than input and target."""
        return any(name in FIELDS[2:] and name != "widths" for name in self.fields)

    @property
    def markers(self) -> Markers:
        """What stands around every row."""
        vocab, separator = self.source.vocab, self.recipe.separator
        trained = self.loss in ("all", "completion")
        before = vocab.eos if separator == "eos" else vocab.bos
        before = before if self.start is None else self.start
        return Markers(before, False, vocab.eos, trained) if separator == "both" else Markers(before, trained)

    @property
    def end(self) -> int:
        """The marker that closes a window of whole rows; NO_MARKER where rows bring their own end."""
        vocab = self.source.vocab
        return {"bos": vocab.bos, "eos": vocab.eos, "both": NO_MARKER}[self.recipe.separator]
