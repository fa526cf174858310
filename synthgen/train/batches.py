"""Batches: from streams of rows to the tensors of a step. A batch is a pure function of (settings, step, rank).

A run's streams each give a fixed number of rows to every batch. A finite corpus comes in a new order at every pass; an
endless one goes on. Nothing has state that a resumed run would miss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.train.packed_batches import Packed
from synthgen.train.rows import Corpus, TokenRows, Vocabulary, joined
from synthgen.train.settings import DataSettings, RunSettings

KEPT_ROWS = 200_000
"""A finite corpus of so many rows at most is kept as tokens."""

AHEAD = 2**14
"""Rows of an endless corpus that are made at a time, at most."""


@dataclass(frozen=True)
class Batch:
    """One step's tensors, each (windows, tokens): inputs, what follows them, whether that has a loss, documents."""

    ids: Tensor
    targets: Tensor
    trained: Tensor
    documents: Tensor | None = None


class Stream:
    """The rows of one `DataSettings`, by batch."""

    def __init__(self, settings: DataSettings, source: Source, vocabulary: Vocabulary, seed: int, number: int) -> None:
        self.settings, self.corpus = settings, Corpus(source, settings.split, vocabulary)
        self._seed = (seed, number)
        limit = source.rows_max(settings.split)
        self.distinct = min(settings.distinct, limit) if settings.distinct and limit else settings.distinct or limit
        self._kept: TokenRows | None = None
        self._order: tuple[int, np.ndarray] = (-1, np.zeros(0, np.int64))
        self._block: tuple[int, TokenRows | None] = (-1, None)
        if settings.loss not in ("all", "completion", *self.corpus.kinds):
            raise SynthgenError(
                f"data: loss = {settings.loss!r}: {source.spec.name} knows all, completion"
                + "".join(f", {kind}" for kind in self.corpus.kinds)
            )

    def rows(self, step: int) -> TokenRows:
        """Return the rows of one batch."""
        n, first = self.settings.rows, step * self.settings.rows
        if self.distinct is None:
            return self._ahead(first, n)
        parts = []
        while n:
            turn, place = divmod(first, self.distinct)
            count = min(n, self.distinct - place)
            parts.append(self._places(turn, place, count))
            first, n = first + count, n - count
        return parts[0] if len(parts) == 1 else joined(parts)

    def _places(self, turn: int, place: int, count: int) -> TokenRows:
        assert self.distinct is not None
        if self.distinct > KEPT_ROWS:  # too many to keep: in the corpus's own order at every pass
            return self.corpus.rows(place, place + count)
        if self._kept is None:
            self._kept = self.corpus.rows(0, self.distinct)
        if not self.settings.shuffle:
            return self._kept.take(np.arange(place, place + count))
        if self._order[0] != turn:
            random = np.random.Generator(np.random.Philox(np.random.SeedSequence((*self._seed, turn))))
            self._order = (turn, random.permutation(self.distinct))
        return self._kept.take(self._order[1][place : place + count])

    def _ahead(self, first: int, n: int) -> TokenRows:
        """Return rows of an endless corpus, from a block of many batches that is made at once."""
        size = max(1, AHEAD // n) * n
        block, place = divmod(first, size)
        if self._block[0] != block or self._block[1] is None:
            self._block = (block, self.corpus.rows(block * size, (block + 1) * size))
        kept = self._block[1]
        assert kept is not None
        return kept.take(np.arange(place, place + n))


class Feed:
    """All streams of a run, as batches."""

    def __init__(self, settings: RunSettings, specs: Path | None = None) -> None:
        """Load the specs; paths are relative to `specs`. Raises SynthgenError for streams that do not fit together."""
        self.settings, self.specs, self.vocabulary = settings, specs, Vocabulary()
        self.packed: Packed | None = None
        self.streams = [
            Stream(data, source_of(data, specs), self.vocabulary, settings.train.seed, i)
            for i, data in enumerate(settings.data)
        ]

    @property
    def size(self) -> int:
        """The model's vocabulary: the ids, then one start a stream with a domain token."""
        return self.vocabulary.size + sum(stream.settings.domain for stream in self.streams)

    def start_of(self, number: int) -> int:
        """Return the id that rows of stream `number` begin with."""
        if not self.streams[number].settings.domain:
            return self.vocabulary.specials[0]
        return self.vocabulary.size + sum(stream.settings.domain for stream in self.streams[:number])

    def pack(self, rank: int, world_size: int) -> None:
        """Make the packed windows of a rank, where the run has any."""
        if self.settings.packing == "row":
            return
        if len(self.streams) > 1 or self.streams[0].settings.domain:
            raise SynthgenError(
                f"packing = {self.settings.packing!r}: windows are of one stream; mix streams with the task `mixture`"
            )
        self.packed = Packed(self.settings, self.streams[0].corpus.source, rank, world_size)
        self.vocabulary.mark(*self.packed.specials)

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Return the batch of a step: rows of every stream, one a window; rank r of W has every W-th row.

        Of packed windows, the batches of a rank come one after the other.
        """
        if self.settings.packing != "row":
            if self.packed is None:
                self.pack(rank, world_size)
            assert self.packed is not None
            return Batch(*self.packed.batch(step))
        parts, starts, losses = [], [], []
        for number, stream in enumerate(self.streams):
            rows = stream.rows(step)
            rows = rows.take(np.arange(rank, len(rows), world_size)) if world_size > 1 else rows
            parts.append(rows)
            starts += [self.start_of(number)] * len(rows)
            losses.append(with_loss(rows, stream.settings.loss, stream.corpus.kinds))
        return padded(joined(parts), np.array(starts), losses, self.vocabulary, self.settings.model.context)

    def tokens_a_step(self, step: int = 0) -> int:
        """Return how many tokens (ends included) the batch of a step predicts."""
        return sum(int(stream.rows(step).ids.size) + len(stream.rows(step)) for stream in self.streams)


def with_loss(rows: TokenRows, loss: str, kinds: Sequence[str]) -> tuple[np.ndarray, bool]:
    """Return which tokens have a loss, and whether the end has one."""
    if loss == "all":
        return np.ones(rows.ids.size, np.bool_), True
    if loss == "completion":
        return rows.trained, True
    return rows.kinds == kinds.index(loss), False


def padded(
    rows: TokenRows,
    starts: np.ndarray,
    losses: Sequence[tuple[np.ndarray, bool]],
    vocabulary: Vocabulary,
    context: int,
) -> Batch:
    """Return rows as windows, one each: start, tokens -> tokens, end; padded on the right, where nothing looks."""
    _, end, pad = vocabulary.specials
    lengths = rows.ends - rows.starts
    longest = int(lengths.max()) + 1
    if longest > context:
        raise SynthgenError(f"model.context = {context}: a row has {longest - 1} tokens; take at least {longest}")
    n = len(rows)
    ids, targets = np.full((n, longest), pad, np.int64), np.full((n, longest), pad, np.int64)
    trained = np.zeros((n, longest), np.bool_)
    inside = np.arange(longest) < lengths[:, None]  # the places of tokens among the targets; row by row, as `rows.ids`
    targets[inside] = rows.ids
    targets[np.arange(n), lengths] = end
    trained[inside] = np.concatenate([mask for mask, _ in losses])
    trained[np.arange(n), lengths] = np.repeat([end_too for _, end_too in losses], _sizes(losses, rows))
    ids[:, 0] = starts
    ids[:, 1:][inside[:, :-1]] = rows.ids
    return Batch(torch.from_numpy(ids), torch.from_numpy(targets), torch.from_numpy(trained))


def _sizes(losses: Sequence[tuple[np.ndarray, bool]], rows: TokenRows) -> list[int]:
    """Return how many rows each stream has, read off where its tokens end."""
    edges = np.searchsorted(rows.ends, np.cumsum([mask.size for mask, _ in losses]), side="left") + 1
    return np.diff(edges, prepend=0).tolist()


def source_of(data: DataSettings, specs: Path | None) -> Source:
    """Return the source of a stream; a seed of 0 leaves the spec's own."""
    own = data.seed or None
    sets = {"tokenizer": data.tokenizer} if data.tokenizer else {}
    return Source(load_spec(located(data.spec, specs), seed=own, world=own, params=data.params, sets=sets))


def located(spec: str, folder: Path | None) -> str | Path:
    """Return a spec's name, or its path relative to the folder of the file that names it."""
    return folder / spec if spec.endswith(".toml") and folder is not None and not Path(spec).is_absolute() else spec
