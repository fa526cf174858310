"""Windows: what a training step eats, straight from the generators or from shards, without a step in between.

    for batch in synthgen.windows("cfg3f", context=512, batch_size=96):
        batch["input_ids"], batch["targets"]              # (96, 512) uint16, (96, 512) int32

Rows are taken in blocks, and block b belongs to lane b mod `lanes`; each lane is packed on its own, one block after the
other, and batch g is the next `batch_size` windows of lane g mod `lanes`. So rank r of W takes the batches g with
g mod W = r and touches no lane but its own: together the ranks see the same batches, whatever W (a divisor of 48, or
lanes are packed more than once). A window is a pure function of the data and of where its lane stands; where it stands
is a few integers, so a run goes on exactly where it was: `state` and `load`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.notebook import html_table
from synthgen.exact.ratios import whole
from synthgen.spec.source import Source
from synthgen.spec.spec import Spec
from synthgen.task.rows import Vocab
from synthgen.windowing.blocks import KeptRows, LaneSettings, block_rows, rows_of_area, span_kind_of
from synthgen.windowing.lanes import Lane
from synthgen.windowing.packing import Counts, trimmed
from synthgen.windowing.phrases import Vocabulary
from synthgen.windowing.row_sources import members_of, row_sources_of
from synthgen.windowing.settings import FIELDS, WindowOptions, WindowSettings
from synthgen.windowing.token_rows import RowSource, TokenRows, joined

if TYPE_CHECKING:
    import datasets


def windows(
    data: str | Path | Spec | Source | Sequence[Any],
    context: int | None = None,
    *,
    batch_size: int = 1,
    rank: int = 0,
    world_size: int = 1,
    **settings: Unpack[WindowOptions],
) -> Windows:
    """Return training windows of a spec, a dataset folder, or a list of (either, weight), as NumPy batches.

    See `WindowSettings` for what the settings mean; what is None is as the spec's table `[windows]` has it. `rows`
    makes a finite corpus of an endless split, which then goes round; `epochs` (None: for ever) ends it, and `tail` says
    whether a lane's last window is padded or dropped. `shuffle` draws the order of rows within a block anew in each
    epoch. `neighbours` = refuse raises SynthgenError where two rows of one person share a window (by default for finite
    corpora). Of a list, each window is of one member, in exact shares by weight. Raises SynthgenError for anything
    wrong.
    """
    place = {"context": context, "batch_size": batch_size, "rank": rank, "world_size": world_size}
    checked, phrases = WindowSettings.of(place | settings), Vocabulary()
    members: list[Member] = []
    for number, (one, weight) in enumerate(members_of(data)):
        sources = row_sources_of(one, checked.split, checked.rows, checked.overrides, phrases)
        whole_share = sum(share for _, share in sources)
        members += [Member(source, weight * share / whole_share, number) for source, share in sources if share]
    if checked.domains:
        vocab = _common_vocab(members)
        members = [replace(member, start=vocab.size + member.number) for member in members]
    packed = Windows(members, checked)
    packed.arguments = {"data": data, **checked.model_dump()}
    return packed


@dataclass(frozen=True)
class Member:
    """One of the data that windows are made of, with what it has of its own."""

    source: RowSource
    weight: int | Fraction = 1
    number: int = 0  # in the list of data
    start: int | None = None  # what its rows begin with, in the place of the vocabulary's start
    loss: str | None = None  # None: as the settings say, as for `shuffle`
    shuffle: bool | Literal["corpus"] | None = None


class Windows:
    """Batches of windows, by rank; see `windows`. An iterator goes on from where the last one stopped."""

    arguments: Mapping[str, Any]
    """What `windows` was called with, so that the same windows can be made in another process."""

    def __init__(self, members: Sequence[Member], settings: WindowSettings) -> None:
        """Raises SynthgenError for settings that do not fit the members, or members that do not fit together."""
        self.recipe = settings.recipe(members[0].source.recipe)
        self.vocab = _common_vocab(members)
        self.fields = settings.fields or FIELDS[: 4 if self.recipe.attention == "document" else 2]
        self.batch_size, self.rank, self.world_size = settings.batch_size, settings.rank, settings.world_size
        self.ranks = frozenset([self.rank])  # a reader may have the batches of several
        self.context = self.recipe.context
        self.counts = Counts()
        self._settings, self._fixed = settings, settings.mixing == "fixed"
        self._weights = whole([member.weight for member in members])
        if self._fixed:
            self._weights = _weights_within(self._weights, self.batch_size)
        several = members[-1].number > 0
        self._members = [self._lane_settings(member, several) for member in members]
        self._lanes: dict[int, Lane] = {}
        self._n_lanes = settings.lanes
        self._batch = 0
        self._state: Mapping[str, Any] = {"batch": 0, "lanes": {}}

    def __repr__(self) -> str:
        data = ", ".join(dict.fromkeys(member.source.name for member in self._members))
        rank = f", rank {self.rank} of {self.world_size}" if self.world_size > 1 else ""
        return f"<Windows of {data}: {self.batch_size} x {self.context} tokens{rank}; {', '.join(self.fields)}>"

    def _repr_html_(self) -> str:
        sizes = [member.source.rows for member in self._members]
        rows = [
            (member.source.name, "endless" if size is None else f"{size:,}", str(weight))
            for member, size, weight in zip(self._members, sizes, self._weights, strict=True)
        ]
        about = f"batches of {self.batch_size} x {self.context} tokens; {', '.join(self.fields)}"
        return html_table("windows", ("data", "rows", "weight"), rows, about)

    def _lane_settings(self, member: Member, several: bool) -> LaneSettings:
        settings, source = self._settings, member.source
        shuffle = settings.shuffle if member.shuffle is None else member.shuffle
        loss = member.loss or settings.loss or self.recipe.loss
        if settings.epochs is not None and source.rows is None:
            raise SynthgenError(
                f"epochs = {settings.epochs}: {source.name} is endless; say of how many rows with rows = N"
            )
        if "token_bits" in self.fields and source.without_surprisals:
            raise SynthgenError(f"fields: {source.name} has no token_bits: {source.without_surprisals}")
        if shuffle is True and source.rows is None:
            raise SynthgenError(f"shuffle: {source.name} is endless, so its rows are new in any order; leave it out")
        if self._fixed and settings.epochs is not None:
            raise SynthgenError("mixing = 'fixed': its batches go on for ever; leave out epochs")
        span_kind, kept = span_kind_of(source, loss), None
        every_row = self._fixed and self.recipe.packing == "row"
        if shuffle == "corpus":
            kept = KeptRows(source, (settings.shuffle_seed, member.number), spans=span_kind is not None)
        return LaneSettings(
            source,
            self.recipe,
            rows_of_area(self.context) if every_row else block_rows(source, self.context),
            loss,
            epochs=settings.epochs,
            shuffle=shuffle is True,
            kept=kept,
            drop=settings.tail == "drop",
            watch=settings.neighbours == "refuse" or (settings.neighbours is None and source.finite),
            fields=self.fields,
            member=member.number if several else None,
            start=member.start,
            span_kind=span_kind,
            every_row=every_row,
        )

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        """Yield batches; with `epochs`, until all lanes of this rank are at their end."""
        every = range(self._n_lanes * self.world_size)
        numbers = {number % self._n_lanes for number in every if number % self.world_size in self.ranks}
        while any(not self._lane(number).ended for number in numbers):
            number = self._batch
            if number % self.world_size not in self.ranks:
                self._batch += 1
                continue
            lane = self._wound(number)
            taken = lane.take(self.batch_size)
            self._batch += 1
            if taken is None:
                continue
            arrays, counts = taken
            self.counts.add(counts)
            if not arrays:
                continue
            if self._settings.trim:
                arrays = trimmed(arrays, self.vocab.pad)
            yield {name: arrays[name] for name in self.fields} | {
                "cursor": np.array([self._batch, lane.number, *lane.cursor], np.int64)
            }

    def _lane(self, number: int) -> Lane:
        if number not in self._lanes:
            self._put(number, self._state["lanes"].get(str(number)))
        return self._lanes[number]

    def _put(self, number: int, at: Sequence[int] | None) -> Lane:
        """Put a lane at a cursor, or at its start."""
        lane = Lane(number, self._n_lanes, self._members, self._weights, at, drawn=not self._fixed)
        self._lanes[number] = lane
        return lane

    def _wound(self, batch: int) -> Lane:
        """Return the lane of a batch, wound to where it stands there: it is, unless other ranks took batches of it.

        Where a batch holds fixed numbers of rows, that place is known without winding.
        """
        lane = self._lane(batch % self._n_lanes)
        due = batch // self._n_lanes * self.batch_size
        if lane.given != due and self._n_lanes == 1 and all(member.every_row for member in self._members):
            places = [one.place_of(batch * n) for one, n in zip(self._members, self._weights, strict=True)]
            return self._put(0, [due, due, *(part for place in places for part in (*place, 0))])
        if lane.given > due:
            lane = self._put(lane.number, None)
        while lane.given < due and lane.take(min(self.batch_size, due - lane.given)) is not None:
            pass
        return lane

    def rows(self, batch: int, number: int) -> TokenRows:
        """Return the rows of a member in a batch, with their bits; for mixing = "fixed" and packing = "row"."""
        member, n = self._members[number], self._weights[number]
        limit, first, parts = member.source.rows, batch * n, []
        while n:
            turn, place = divmod(first, limit) if limit else (0, first)
            count = min(n, limit - place) if limit else n
            parts.append(member.token_rows(turn, place, place + count))
            first, n = first + count, n - count
        return joined(parts)

    # -- going on where one stopped -----------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return where this rank stands: the next batch's number, and five integers for each of its lanes (JSON)."""
        lanes = dict(self._state["lanes"]) | {str(n): list(lane.cursor) for n, lane in sorted(self._lanes.items())}
        return {"batch": self._batch, "lanes": lanes}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of `state` or `advanced`, of any rank: a lane it does not know is wound on from its start.

        The data, the recipe, `batch_size` and `lanes` must be those of the run that made it.
        """
        try:
            batch, lanes = int(state["batch"]), {str(int(n)): [int(i) for i in at] for n, at in state["lanes"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SynthgenError(f"state: not one of synthgen.windows ({type(error).__name__}: {error})") from None
        width = 2 + 3 * len(self._members)
        if batch < 0 or any(len(at) != width or int(n) >= self._n_lanes for n, at in lanes.items()):
            raise SynthgenError("state: is of other data, or of another number of lanes")
        self._batch, self._state, self._lanes = batch, {"batch": batch, "lanes": lanes}, {}

    def advanced(self, state: Mapping[str, Any], batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state after `batch` (its `cursor` says it): for loaders that fetch batches ahead of their use."""
        number, lane, *at = (int(i) for i in batch["cursor"])
        return {"batch": max(number, state["batch"]), "lanes": {**state["lanes"], str(lane): at}}

    def to_datasets(self, shards: int | None = None) -> datasets.IterableDataset:
        """Return a `datasets.IterableDataset` of windows, in the columns that models of transformers take.

        `input_ids`; `labels`, the same ids with -100 where there is no loss, which such models shift by themselves;
        `attention_mask`, 0 for padding; `position_ids` where attention stays within documents. There are as many shards
        as lanes, or as told: share them out with `datasets.distributed.split_dataset_by_node` and workers of a loader.
        Whoever reads several has batches of `batch_size` windows (64, if that is 1) of each in turn.
        """
        from synthgen.windowing.stream import stream_of

        if self.rank or self.world_size > 1:
            raise SynthgenError("to_datasets: leave rank and world_size to datasets, which shares out the shards")
        if shards is not None and shards < 1:
            raise SynthgenError(f"to_datasets: shards = {shards}: must be at least 1")
        return stream_of(self, shards or self._n_lanes, windows)

    @property
    def totals(self) -> dict[str, int]:
        """The counts so far, by name."""
        return asdict(self.counts)


# ---------------------------------------------------------------------------------------------------------------------


def _weights_within(weights: Sequence[int], batch_size: int) -> tuple[int, ...]:
    """Return how many windows of a batch each member has. Raises SynthgenError where shares do not come out even."""
    times, left = divmod(batch_size, sum(weights))
    if left:
        raise SynthgenError(
            f"batch_size = {batch_size}: shares of {' : '.join(map(str, weights))} want a multiple of {sum(weights)}"
        )
    return tuple(times * weight for weight in weights)


def _common_vocab(members: Sequence[Member]) -> Vocab:
    """Return the vocabulary of all members. Raises SynthgenError if they differ."""
    first = members[0].source
    for source in (member.source for member in members[1:]):
        if (source.vocab.size, source.vocab.bos, source.vocab.eos, source.vocab.names) != (
            first.vocab.size,
            first.vocab.bos,
            first.vocab.eos,
            first.vocab.names,
        ):
            raise SynthgenError(
                f"{first.name} and {source.name} have different vocabularies; the task `mixture` merges them"
            )
    return first.vocab
