"""Probes: what stands in a frozen model's states, read by as little as possible.

`LinearProbe` is that of Parts 2 and 3: the frozen model, an update of rank r of its input embedding, a norm and one
linear head a target (P-probing: rank 2, at the places just before values; Q-probing: rank 16, behind the name alone;
V-probing: rank 8). `PositionProbe` is that of Part 1: linear functions of all states, mixed by weights that know the
positions alone, never what stands there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthgen.train.lora import LowRank
from synthgen.train.model import Transformer
from synthgen.train.transformers_model import TransformersModel


@dataclass(frozen=True)
class Asked:
    """What a probe is asked: rows of ids, a place in each, and the class that belongs there, by target."""

    ids: np.ndarray  # (rows, tokens) int64, padded on the right
    places: np.ndarray  # (rows,) int64: the probe sees the state of this token
    classes: Mapping[str, np.ndarray]  # target -> (rows,) int64

    def take(self, rows: np.ndarray) -> Asked:
        """Return some of the rows."""
        return Asked(self.ids[rows], self.places[rows], {name: numbers[rows] for name, numbers in self.classes.items()})


class LinearProbe(nn.Module):
    """A frozen model with a low-rank update of its input embedding, and a linear head for each target."""

    def __init__(
        self, model: Transformer | TransformersModel, sizes: Mapping[str, int], rank: int, norm: str = "layer"
    ) -> None:
        """`sizes`: classes of each target; `norm`: layer (P-probing) or batch (Q-probing)."""
        super().__init__()
        self.model = [model.eval()]  # in a list: its weights are no parameters of the probe
        width = model.settings.width
        self.update = LowRank(width, model.vocabulary, rank, float(rank)) if rank else None
        self.norm = nn.LayerNorm(width) if norm == "layer" else nn.BatchNorm1d(width)
        self.heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in sizes.items()})

    def forward(self, ids: Tensor, places: Tensor) -> dict[str, Tensor]:
        """Return the logits of each target, (rows, classes)."""
        model = self.model[0]
        embedded = model.embedding(ids)
        if self.update is not None:
            embedded = embedded + functional.embedding(ids, self.update.down.t()) @ self.update.up.t()
        states = model.hidden(ids, embedded=embedded)
        at = self.norm(states[torch.arange(ids.shape[0]), places])
        return {name: head(at) for name, head in self.heads.items()}


def train_probe(
    probe: LinearProbe,
    asked: Asked,
    steps: int,
    batch: int = 50,
    lr: float = 1e-3,
    weight_decay: float = 0.3,
    seed: int = 0,
) -> None:
    """Train a probe as Part 3.1 does: AdamW, the rate falling linearly to 0. The model itself does not change."""
    model = probe.model[0]
    trainable = [weight.requires_grad for weight in model.parameters()]
    model.requires_grad_(False)
    optimizer = torch.optim.AdamW(probe.parameters(), lr=lr, weight_decay=weight_decay, betas=(0.9, 0.98), eps=1e-6)
    random = np.random.Generator(np.random.Philox(seed))
    probe.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - step / steps)
        sample = asked.take(random.integers(0, asked.places.size, batch))
        logits = probe(torch.from_numpy(sample.ids), torch.from_numpy(sample.places))
        losses = [functional.cross_entropy(logits[name], torch.from_numpy(sample.classes[name])) for name in logits]
        torch.stack(losses).sum().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    for weight, needed in zip(model.parameters(), trainable, strict=True):
        weight.requires_grad_(needed)


def probe_accuracy(probe: LinearProbe, asked: Asked) -> dict[str, float]:
    """Return the share of rows that a probe has right, by target."""
    probe.eval()
    with torch.inference_mode():
        logits = probe(torch.from_numpy(asked.ids), torch.from_numpy(asked.places))
    return {name: float((scores.argmax(-1).numpy() == asked.classes[name]).mean()) for name, scores in logits.items()}


class PositionProbe(nn.Module):
    """Part 1's probe: G_i = sum over heads r and places k of w_r(i, k) f_r(E_k), with w by positions alone.

    w_r(i, .) is the softmax of <P_r(i), P_r(k)> / sqrt(d'), over |i - k| <= reach where one is told: 0 is the state
    itself (diagonal), 1 its neighbours too (tridiagonal).
    """

    def __init__(self, width: int, classes: int, context: int, heads: int = 16, inner: int = 1024) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(heads, context, inner) / math.sqrt(inner))
        self.functions = nn.Linear(width, heads * classes)
        self.heads, self.classes = heads, classes

    def forward(self, states: Tensor, reach: int | None = None) -> Tensor:
        """Map states (rows, tokens, width) to logits (rows, tokens, classes)."""
        tokens = states.shape[1]
        places = self.places[:, :tokens]
        scores = places @ places.transpose(1, 2) / math.sqrt(places.shape[-1])  # (heads, tokens, tokens)
        if reach is not None:
            far = (torch.arange(tokens)[:, None] - torch.arange(tokens)[None, :]).abs() > reach
            scores = scores.masked_fill(far.to(scores.device), -math.inf)
        values = self.functions(states).unflatten(-1, (self.heads, self.classes))  # (rows, tokens, heads, classes)
        return torch.einsum("rik,bkrc->bic", scores.softmax(dim=-1), values)


def padded_rows(rows: Sequence[np.ndarray], pad: int) -> np.ndarray:
    """Return rows of ids as one array, padded on the right."""
    ids = np.full((len(rows), max(len(row) for row in rows)), pad, np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids
