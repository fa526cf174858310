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
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.ratios import whole
from synthgen.spec.source import Source
from synthgen.spec.spec import Spec
from synthgen.task.rows import Vocab
from synthgen.windowing.lanes import Lane, Plan, block_rows
from synthgen.windowing.packing import IGNORED, Counts
from synthgen.windowing.row_sources import RowSource, members_of, row_sources_of
from synthgen.windowing.settings import FIELDS, WindowOptions, WindowSettings

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
    checked = WindowSettings.of(place | settings)
    feeds: list[tuple[RowSource, Fraction, int]] = []
    for member, (one, weight) in enumerate(members_of(data)):
        sources = row_sources_of(one, checked.split, checked.rows, checked.overrides)
        whole_share = sum(share for _, share in sources)
        feeds += [(feed, weight * share / whole_share, member) for feed, share in sources if share]
    weights = whole([weight for _, weight, _ in feeds])
    packed = Windows(
        [(feed, weight) for (feed, *_), weight in zip(feeds, weights, strict=True)],
        checked,
        members=[member for *_, member in feeds] if feeds[-1][2] else None,
    )
    packed.arguments = {"data": data, **checked.model_dump()}
    return packed


class Windows:
    """Batches of windows, by rank; see `windows`. An iterator goes on from where the last one stopped."""

    arguments: Mapping[str, Any]
    """What `windows` was called with, so that the same windows can be made in another process."""

    def __init__(
        self,
        feeds: Sequence[tuple[RowSource, int]],
        settings: WindowSettings,
        members: Sequence[int] | None = None,
    ) -> None:
        epochs, shuffle = settings.epochs, settings.shuffle
        self.recipe = settings.recipe(feeds[0][0].recipe)
        self.vocab = _common_vocab(feeds)
        self.fields = settings.fields or FIELDS[: 4 if self.recipe.attention == "document" else 2]
        for feed, _ in feeds:
            if epochs is not None and feed.rows is None:
                raise SynthgenError(f"epochs = {epochs}: {feed.name} is endless; say of how many rows with rows = N")
            if shuffle and feed.rows is None:
                raise SynthgenError(f"shuffle: {feed.name} is endless, so its rows are new in any order; leave it out")
        self.batch_size, self.rank, self.world_size = settings.batch_size, settings.rank, settings.world_size
        self.context = self.recipe.context
        self.counts = Counts()
        self._plans = [
            Plan(
                feed=feed,
                recipe=self.recipe,
                rows=block_rows(feed, self.context),
                epochs=epochs,
                shuffle=shuffle,
                drop=settings.tail == "drop",
                watch=settings.neighbours == "refuse" or (settings.neighbours is None and feed.finite),
                room=any(name in FIELDS[2:] for name in self.fields),
                member=members[k] if members else None,
            )
            for k, (feed, _) in enumerate(feeds)
        ]
        self._weights = [weight for _, weight in feeds]
        self._lanes: dict[int, Lane] = {}
        self._n_lanes = settings.lanes
        self._batch = 0
        self._state: Mapping[str, Any] = {"batch": 0, "lanes": {}}

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        """Yield batches; with `epochs`, until all lanes of this rank are at their end."""
        own = {number % self._n_lanes for number in range(self.rank, self._n_lanes * self.world_size, self.world_size)}
        while any(not self._lane(number).ended for number in own):
            number = self._batch
            if number % self.world_size != self.rank:
                self._batch += 1
                continue
            lane = self._lane(number % self._n_lanes)
            self._wind(lane, number)
            taken = lane.take(self.batch_size)
            self._batch += 1
            if taken is None:
                continue
            arrays, counts = taken
            self.counts.add(counts)
            if not arrays:
                continue
            yield {name: arrays[name] for name in self.fields} | {
                "cursor": np.array([self._batch, lane.number, *lane.cursor], np.int64)
            }

    def _lane(self, number: int) -> Lane:
        if number not in self._lanes:
            at = self._state["lanes"].get(str(number))
            self._lanes[number] = Lane(number, self._n_lanes, self._plans, self._weights, at)
        return self._lanes[number]

    def _wind(self, lane: Lane, batch: int) -> None:
        """Wind a lane to where it stands at `batch`: nothing to do, unless other ranks took batches of it."""
        due = batch // self._n_lanes * self.batch_size
        if lane.given > due:
            lane = self._lanes[lane.number] = Lane(lane.number, self._n_lanes, self._plans, self._weights, None)
        while lane.given < due and lane.take(min(self.batch_size, due - lane.given)) is not None:
            pass

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
        width = 2 + 3 * len(self._plans)
        if batch < 0 or any(len(at) != width or int(n) >= self._n_lanes for n, at in lanes.items()):
            raise SynthgenError("state: is of other data, or of another number of lanes")
        self._batch, self._state, self._lanes = batch, {"batch": batch, "lanes": lanes}, {}

    def advanced(self, state: Mapping[str, Any], batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state after `batch` (its `cursor` says it): for loaders that fetch batches ahead of their use."""
        number, lane, *at = (int(i) for i in batch["cursor"])
        return {"batch": max(number, state["batch"]), "lanes": {**state["lanes"], str(lane): at}}

    def to_datasets(self, shards: int = 1) -> datasets.IterableDataset:
        """Return a `datasets.IterableDataset` of single windows, in the columns that models of transformers take.

        `input_ids`; `labels`, the same ids with -100 where there is no loss, which such models shift by themselves;
        `attention_mask`, 0 for padding; `position_ids` where attention stays within documents. All ranks of these
        windows: share them out with `shards` = ranks x workers and `datasets.distributed.split_dataset_by_node`.
        """
        import datasets

        if self.rank or self.world_size > 1:
            raise SynthgenError("to_datasets: leave rank and world_size to datasets, and say shards = ranks x workers")
        arguments = {**self.arguments, "batch_size": 1, "fields": FIELDS[:4]}
        size = datasets.List(datasets.Value("int64"), length=self.context)
        names = ["input_ids", "labels", "attention_mask"]
        names += ["position_ids"] if self.recipe.attention == "document" else []
        return datasets.IterableDataset.from_generator(
            examples,
            features=datasets.Features(dict.fromkeys(names, size)),
            gen_kwargs={"arguments": arguments, "names": tuple(names), "ranks": list(range(shards)), "shards": shards},
        )

    @property
    def totals(self) -> dict[str, int]:
        """The counts so far, by name."""
        return asdict(self.counts)


# ---------------------------------------------------------------------------------------------------------------------


def examples(
    arguments: Mapping[str, Any], names: Sequence[str], ranks: Sequence[int], shards: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yield single windows of some ranks as transformers' models take them: the inputs are their own labels."""
    for rank in ranks:
        for batch in windows(**{**arguments, "rank": rank, "world_size": shards}):
            ids = batch["input_ids"][0].astype(np.int64)
            labels = np.full(ids.size, IGNORED, np.int64)
            trained = batch["targets"][0, :-1] != IGNORED
            labels[1:][trained] = ids[1:][trained]
            example = {
                "input_ids": ids,
                "labels": labels,
                "attention_mask": (batch["document_ids"][0] >= 0).astype(np.int64),
                "position_ids": batch["positions"][0].astype(np.int64),
            }
            yield {name: example[name] for name in names}


def _common_vocab(feeds: Sequence[tuple[RowSource, int]]) -> Vocab:
    """Return the vocabulary of all feeds. Raises SynthgenError if they differ."""
    first = feeds[0][0]
    for feed, _ in feeds[1:]:
        if (feed.vocab.size, feed.vocab.bos, feed.vocab.eos, feed.vocab.names) != (
            first.vocab.size,
            first.vocab.bos,
            first.vocab.eos,
            first.vocab.names,
        ):
            raise SynthgenError(
                f"{first.name} and {feed.name} have different vocabularies; the task `mixture` merges them"
            )
    return first.vocab
