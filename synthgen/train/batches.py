"""Batches: a run's data as the tensors of its steps, by way of `synthgen.windowing`.

A run's streams each give a fixed number of rows to every batch, one row a window, and such a batch is a pure function
of (settings, step, rank): a finite corpus comes in a new order at every pass, an endless one goes on. Or one stream
comes packed, as the spec's paper packs it: then each rank takes its own batches, and where it goes on is a few
integers, kept in its checkpoint.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.train.settings import DataSettings, RunSettings
from synthgen.windowing.blocks import KEPT_ROWS
from synthgen.windowing.packing import IGNORED, trimmed
from synthgen.windowing.phrases import Vocabulary
from synthgen.windowing.retractions import Retractions, taken_back
from synthgen.windowing.settings import FIELDS, SPAN_LOSS, WindowSettings
from synthgen.windowing.spec_rows import SpecRows
from synthgen.windowing.token_rows import TokenRows
from synthgen.windowing.windows import Member, Windows
from synthgen.windowing.windows import windows as make_windows

LOOKED_AT = 1000
"""Rows from which it is read what takes back, and what is taken back."""


@dataclass(frozen=True)
class Batch:
    """One step's tensors, each (windows, tokens): inputs, what follows them, whether that has a loss, documents."""

    ids: Tensor
    targets: Tensor
    trained: Tensor
    documents: Tensor | None = None


class RunData:
    """The data of a run: the rows of its streams in one vocabulary, and its batches."""

    def __init__(self, settings: RunSettings, specs: Path | None = None, noted: tuple[str, ...] = ()) -> None:
        """Load the specs; paths are relative to `specs`. `noted` are further fields of windows that `arrays` has.

        Raises SynthgenError for streams that do not fit together.
        """
        self.settings, self.specs, self.vocabulary = settings, specs, Vocabulary()
        self.sources = [rows_of(data, source_of(data, specs), self.vocabulary) for data in settings.data]
        self._windows: Windows | None = None
        self._batches: Iterator[Mapping[str, np.ndarray]] = iter(())
        self._next_step, self._noted = 0, noted
        self._state: dict[str, Any] = {}

    @property
    def packed(self) -> bool:
        """Whether windows hold more than a row each."""
        return self.settings.packing != "row"

    @property
    def size(self) -> int:
        """The model's vocabulary: the ids, then one start a stream with a domain token."""
        return self.vocabulary.size + sum(data.domain for data in self.settings.data)

    def start_of(self, number: int) -> int:
        """Return the id that rows of stream `number` begin with."""
        data = self.settings.data
        if not data[number].domain:
            return self.vocabulary.specials[0]
        return self.vocabulary.size + sum(before.domain for before in data[:number])

    def open(self, rank: int = 0, world_size: int = 1) -> Windows:
        """Return the windows of a rank, or of all where a window is a row; the first call makes them.

        Raises SynthgenError for settings that windows refuse, or a batch that the ranks cannot share.
        """
        if self._windows is None:
            self._windows = self._packed_windows(rank, world_size) if self.packed else self._row_windows()
            self._batches, self._state, self._next_step = iter(self._windows), self._windows.state(), 0
        return self._windows

    def _row_windows(self) -> Windows:
        """Return windows of one row each: start, tokens, end; all of a batch, whatever the rank."""
        members = []
        for number, (data, source) in enumerate(zip(self.settings.data, self.sources, strict=True)):
            kept = data.shuffle and source.rows is not None and source.rows <= KEPT_ROWS  # more keep their own order
            start = self.start_of(number) if data.domain else None
            members.append(Member(source, data.rows, number, start, window_loss(data), "corpus" if kept else False))
        settings = WindowSettings(
            context=self.settings.model.context,
            batch_size=sum(data.rows for data in self.settings.data),
            packing="row",
            separator="both",
            mixing="fixed",
            shuffle_seed=self.settings.train.seed,
            lanes=1,
            fields=("input_ids", "targets", "next_ids", "widths", *self._noted),
        )
        return Windows(members, settings)

    def _packed_windows(self, rank: int, world_size: int) -> Windows:
        """Return the windows of one stream, as `synthgen.windows` packs them, and take over its markers."""
        data, packing = self.settings.data[0], self.settings.packing
        if len(self.settings.data) > 1 or data.domain:
            raise SynthgenError(
                f"packing = {packing!r}: windows are of one stream; mix streams with the task `mixture`"
            )
        if data.rows % world_size:
            raise SynthgenError(f"data.rows = {data.rows}: {world_size} ranks cannot share a batch of so many windows")
        packed = make_windows(
            self.sources[0].source,
            self.settings.model.context,
            split=data.split,
            batch_size=data.rows // world_size,
            packing=packing,
            attention=self.settings.attention or None,
            neighbours=self.settings.neighbours or None,
            loss=None if data.loss == "all" else window_loss(data),
            rows=data.distinct,
            rank=rank,
            world_size=world_size,
            fields=(*FIELDS[:4], *(name for name in self._noted if name not in FIELDS[:4])) if self._noted else None,
        )
        vocab, separator = packed.vocab, packed.recipe.separator
        start = vocab.eos if separator == "eos" else vocab.bos  # a row's end is the next row's start, or both are there
        self.vocabulary.mark(start, vocab.eos if separator == "both" else start, vocab.pad)
        return packed

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Return the batch of a step: rows of every stream, one a window; rank r of W has every W-th row.

        Of packed windows, the batches of a rank come one after the other.
        """
        arrays = self.arrays(step, rank, world_size)
        names = ("input_ids", "targets", "next_ids", "document_ids")
        tensors = {name: torch.from_numpy(arrays[name].astype(np.int64)) for name in names if name in arrays}
        trained = tensors["targets"] != IGNORED
        targets = tensors["targets"].clamp(min=0) if self.packed else tensors["next_ids"]
        apart = self.packed and self.open(rank, world_size).recipe.attention == "document"
        documents = tensors["document_ids"] if apart else None
        return Batch(tensors["input_ids"], targets, trained, documents)

    def arrays(self, step: int, rank: int = 0, world_size: int = 1) -> Mapping[str, np.ndarray]:
        """Return the batch of a step as windows have it, with the fields that are noted."""
        windows = self.open(rank, world_size)
        if step != self._next_step:
            if self.packed:
                raise RuntimeError(f"step {step} was asked for, {self._next_step} is next: load a state first")
            windows.load({"batch": step, "lanes": {}})
            self._batches = iter(windows)
        arrays = next(self._batches)
        self._next_step = step + 1
        if self.packed:
            self._state = windows.advanced(self._state, arrays)
        else:
            arrays = trimmed(self._share(arrays, rank, world_size), windows.vocab.pad)
        return arrays

    def _share(self, arrays: Mapping[str, np.ndarray], rank: int, world_size: int) -> Mapping[str, np.ndarray]:
        """Return a rank's rows of a batch: of each stream every `world_size`-th."""
        edges = np.cumsum([0, *(data.rows for data in self.settings.data)])
        share = np.concatenate([np.arange(a + rank, b, world_size) for a, b in pairwise(edges)])
        return {name: array[share] for name, array in arrays.items() if name != "cursor"}

    def rows(self, step: int, number: int) -> TokenRows:
        """Return the rows of stream `number` in the batch of a step, with their bits, where a window is a row."""
        return self.open().rows(step, number)

    def state(self) -> dict[str, Any] | None:
        """Return where packed windows stand, as integers; None where the step says it all."""
        return {"step": self._next_step, "windows": self._state} if self.packed else None

    def load(self, state: Mapping[str, Any] | None) -> None:
        """Go on from a state."""
        if state is not None:
            packed = self.open()
            self._next_step, self._state = state["step"], state["windows"]
            packed.load(self._state)
            self._batches = iter(packed)


def window_loss(data: DataSettings) -> str:
    """Return the loss of a stream as windows call it."""
    return data.loss if data.loss in ("all", "completion") else f"{SPAN_LOSS}{data.loss}"


def rows_of(data: DataSettings, source: Source, vocabulary: Vocabulary) -> SpecRows:
    """Return the rows of a stream: all, or its first distinct ones. Raises SynthgenError for an unknown loss."""
    limit = source.rows_max(data.split)
    rows = min(data.distinct, limit) if data.distinct and limit else data.distinct
    token_rows = SpecRows(source, data.split, rows, vocabulary)
    if data.loss not in ("all", "completion", *token_rows.span_kinds):
        known = "".join(f", {kind}" for kind in token_rows.span_kinds)
        raise SynthgenError(f"data: loss = {data.loss!r}: {source.spec.name} knows all, completion{known}")
    if not data.mistakes:
        marks = retractions_of(token_rows).marks
        token_rows.untaught = functools.partial(taken_back, marks=marks)
    return token_rows


def retractions_of(corpus: SpecRows) -> Retractions:
    """Return what takes back, and what is taken back, in the first rows of a corpus. Raises SynthgenError for none."""
    rows = corpus.read(0, corpus.first(LOOKED_AT), spans=True)
    return Retractions.of(rows, corpus.span_kinds, corpus.vocabulary.size)


def source_of(data: DataSettings, specs: Path | None, as_text: bool = False) -> Source:
    """Return the source of a stream, or (`as_text`) its text, whatever cuts it; a seed of 0 leaves the spec's own."""
    seed = data.seed or None
    sets = {"tokenizer": data.tokenizer} if data.tokenizer else {}
    if as_text:
        sets = {"tokenizer": ""}
    return Source(load_spec(located(data.spec, specs), seed=seed, world=seed, params=data.params, sets=sets))


def located(spec: str, folder: Path | None) -> str | Path:
    """Return a spec's name, or its path relative to the folder of the file that names it."""
    return folder / spec if spec.endswith(".toml") and folder is not None and not Path(spec).is_absolute() else spec
