"""Packed windows: a run's batches from `synthgen.windows`, as the spec's paper packs them.

Each rank takes its own batches; where a run goes on is a few integers, kept in its checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.train.settings import RunSettings
from synthgen.windowing.windows import windows


class Packed:
    """The packed batches of one stream for one rank."""

    def __init__(self, settings: RunSettings, source: Source, rank: int, world_size: int) -> None:
        """Raises SynthgenError for settings that windows refuse, or a batch that the ranks cannot share."""
        data = settings.data[0]
        if data.rows % world_size:
            raise SynthgenError(f"data.rows = {data.rows}: {world_size} ranks cannot share a batch of so many windows")
        self.windows = windows(
            source,
            settings.model.context,
            split=data.split,
            batch_size=data.rows // world_size,
            packing=settings.packing,
            attention=settings.attention or None,
            neighbours=settings.neighbours or None,
            loss=None if data.loss == "all" else data.loss,
            rows=data.distinct,
            rank=rank,
            world_size=world_size,
        )
        self._state: dict[str, Any] = self.windows.state()
        self._step = 0
        self._batches: Iterator[dict[str, Any]] = iter(self.windows)

    @property
    def specials(self) -> tuple[int, int, int]:
        """The ids (start, end, pad): a row's end is the next row's start, unless both stand there."""
        vocab, separator = self.windows.vocab, self.windows.recipe.separator
        start = vocab.eos if separator == "eos" else vocab.bos
        return start, vocab.eos if separator == "both" else start, vocab.pad

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Return ids, targets, whether these have a loss, and documents. Steps come one after the other."""
        if step != self._step:
            raise RuntimeError(f"step {step} was asked for, {self._step} is next: load a state first")
        made = next(self._batches)
        self._step += 1
        self._state = self.windows.advanced(self._state, made)
        ids = torch.from_numpy(made["input_ids"].astype("int64"))
        targets = torch.from_numpy(made["targets"].astype("int64"))
        trained = targets >= 0
        documents = torch.from_numpy(made["document_ids"].astype("int64")) if "document_ids" in made else None
        return ids, targets.clamp(min=0), trained, documents

    def state(self) -> dict[str, Any]:
        """Return where the windows stand: integers."""
        return {"step": self._step, "windows": self._state}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._step, self._state = state["step"], state["windows"]
        self.windows.load(self._state)
        self._batches = iter(self.windows)
