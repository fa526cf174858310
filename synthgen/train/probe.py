"""Probes: what stands in a frozen model's states, read by as little as possible.

`LinearProbe` is that of Parts 2 and 3: the frozen model, an update of rank r of its input embedding, a norm and one
linear head a target (P-probing: rank 2, at the places just before values; Q-probing: rank 16, behind the name alone;
V-probing: rank 8). `PositionProbe` is that of Part 1: linear functions of all states, mixed by weights that know the
positions alone, never what stands there.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthgen.task.kit.accuracy import Accuracy
from synthgen.train.lora import LowRank
from synthgen.train.model import Transformer
from synthgen.train.transformers_model import TransformersModel

Probed = Transformer | TransformersModel
"""A model whose states can be read."""

NOT_ASKED = -1
"""The class of a target that is not asked at a place."""

AT_A_TIME = 256
"""Rows whose states are computed together."""


@dataclass(frozen=True)
class Asked:
    """What a probe is asked: rows of ids, places in them, and the class that belongs there, by target."""

    ids: np.ndarray  # (rows, tokens) int64, padded on the right
    places: np.ndarray  # (asked,) int64: the probe sees the state of this token
    classes: Mapping[str, np.ndarray]  # target -> (asked,) int64, or NOT_ASKED
    rows: np.ndarray | None = None  # (asked,) int64: the row of each place, rising; None: each has its own

    def __len__(self) -> int:
        return self.places.size

    def row_numbers(self) -> np.ndarray:
        """Return the row of each place, (asked,) int64."""
        return np.arange(len(self)) if self.rows is None else self.rows

    def take(self, chosen: np.ndarray) -> Asked:
        """Return some of what is asked, each with a row of its own."""
        classes = {name: numbers[chosen] for name, numbers in self.classes.items()}
        return Asked(self.ids[self.row_numbers()[chosen]], self.places[chosen], classes)

    def of_rows(self, chosen: np.ndarray) -> Asked:
        """Return what is asked of some rows, (rows,) int64, rising."""
        asked = np.flatnonzero(np.isin(self.row_numbers(), chosen))
        classes = {name: numbers[asked] for name, numbers in self.classes.items()}
        rows = np.searchsorted(chosen, self.row_numbers()[asked])
        return Asked(self.ids[chosen], self.places[asked], classes, rows)


class LinearProbe(nn.Module):
    """A frozen model with a low-rank update of its input embedding, and a linear head for each target."""

    def __init__(self, model: Probed, sizes: Mapping[str, int], rank: int, norm: str = "layer") -> None:
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
        return self.read(states[torch.arange(ids.shape[0], device=ids.device), places])

    def read(self, states: Tensor) -> dict[str, Tensor]:
        """Return the logits of each target, (asked, classes), from states (asked, width)."""
        at = self.norm(states)
        return {name: head(at) for name, head in self.heads.items()}


@torch.no_grad()
def states_of(model: Probed, asked: Asked) -> Tensor:
    """Return the model's state at each place that is asked, (asked, width)."""
    rows, places = asked.row_numbers(), asked.places
    states = torch.empty(len(asked), model.settings.width, device=next(model.parameters()).device)
    for first in range(0, len(asked.ids), AT_A_TIME):
        here = np.flatnonzero((rows >= first) & (rows < first + AT_A_TIME))
        hidden = model.hidden(_tensor(asked.ids[first : first + AT_A_TIME], model))
        states[here] = hidden[rows[here] - first, places[here]].float()
    return states


def _tensor(numbers: np.ndarray, model: Probed) -> Tensor:
    return torch.from_numpy(numbers).to(next(model.parameters()).device)


def _loss(logits: Mapping[str, Tensor], classes: Mapping[str, np.ndarray]) -> Tensor:
    """Return the sum over targets of the mean cross-entropy, of what is asked."""
    losses = []
    for name, scores in logits.items():
        right = torch.from_numpy(classes[name]).to(scores.device)
        entropy = functional.cross_entropy(scores, right, ignore_index=NOT_ASKED, reduction="sum")
        losses.append(entropy / (right != NOT_ASKED).sum().clamp(min=1))
    return torch.stack(losses).sum()


@contextlib.contextmanager
def _frozen(model: Probed) -> Iterator[None]:
    """Let no gradient reach the model."""
    trainable = [weight.requires_grad for weight in model.parameters()]
    model.requires_grad_(False)
    try:
        yield
    finally:
        for weight, needed in zip(model.parameters(), trainable, strict=True):
            weight.requires_grad_(needed)


def _fit(module: nn.Module, steps: int, lr: float, weight_decay: float, loss_of: Callable[[], Tensor]) -> None:
    """Train a probe by AdamW, the rate falling linearly to 0; `loss_of` gives the loss of the next batch."""
    optimizer = torch.optim.AdamW(module.parameters(), lr=lr, weight_decay=weight_decay, betas=(0.9, 0.98), eps=1e-6)
    module.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - step / steps)
        loss_of().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    module.eval()


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
    model, random = probe.model[0], np.random.Generator(np.random.Philox(seed))
    with _frozen(model):
        states = states_of(model, asked) if probe.update is None else None  # the same at every step

        def loss_of() -> Tensor:
            chosen = random.integers(0, len(asked), batch)
            sample = asked.take(chosen)
            if states is None:
                return _loss(probe(_tensor(sample.ids, model), _tensor(sample.places, model)), sample.classes)
            return _loss(probe.read(states[chosen]), sample.classes)

        _fit(probe, steps, lr, weight_decay, loss_of)


def probe_accuracy(probe: LinearProbe, asked: Asked) -> dict[str, float]:
    """Return the share that a probe has right of what is asked, by target."""
    return {name: accuracy.share for name, accuracy in linear_accuracies(probe, asked).items()}


@torch.no_grad()
def linear_accuracies(probe: LinearProbe, asked: Asked) -> dict[str, Accuracy]:
    """Return what a probe has right of what is asked, by target."""
    probe.eval()
    model, accuracies = probe.model[0], {name: Accuracy() for name in probe.heads}
    states = states_of(model, asked) if probe.update is None else None
    for first in range(0, len(asked), AT_A_TIME):
        chosen = np.arange(first, min(first + AT_A_TIME, len(asked)))
        sample = asked.take(chosen)
        if states is None:
            logits = probe(_tensor(sample.ids, model), _tensor(sample.places, model))
        else:
            logits = probe.read(states[chosen])
        _count(accuracies, logits, sample.classes)
    return accuracies


def _count(accuracies: Mapping[str, Accuracy], logits: Mapping[str, Tensor], classes: Mapping[str, np.ndarray]) -> None:
    for name, scores in logits.items():
        said, right = scores.argmax(-1).cpu().numpy(), classes[name]
        accuracies[name].right += float(((said == right) & (right != NOT_ASKED)).sum())
        accuracies[name].of += int((right != NOT_ASKED).sum())


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


class MixedProbe(nn.Module):
    """A frozen model, and a `PositionProbe` of its last states for each target."""

    def __init__(
        self, model: Probed, sizes: Mapping[str, int], tokens: int, heads: int = 16, inner: int = 1024
    ) -> None:
        """`sizes`: classes of each target; `tokens`: of the longest row."""
        super().__init__()
        self.model = [model.eval()]  # in a list: its weights are no parameters of the probe
        width = model.settings.width
        probes = {name: PositionProbe(width, size, tokens, heads, inner) for name, size in sizes.items()}
        self.probes = nn.ModuleDict(probes)

    def forward(self, asked: Asked, reach: int | None = None) -> dict[str, Tensor]:
        """Return the logits of each target at what is asked, (asked, classes)."""
        model, rows, places = self.model[0], asked.row_numbers(), asked.places
        with torch.no_grad():
            states = model.hidden(_tensor(asked.ids, model)).float()
        return {name: probe(states, reach)[rows, places] for name, probe in self.probes.items()}


def train_mixed(
    probe: MixedProbe,
    asked: Asked,
    steps: int,
    batch: int = 60,
    lr: float = 3e-3,
    weight_decay: float = 1e-3,
    reach: int | None = None,
    seed: int = 0,
) -> None:
    """Train a probe as Part 1 does, with `batch` rows a step. The model itself does not change."""
    random = np.random.Generator(np.random.Philox(seed))

    def loss_of() -> Tensor:
        chosen = np.sort(random.choice(len(asked.ids), min(batch, len(asked.ids)), replace=False))
        sample = asked.of_rows(chosen)
        return _loss(probe(sample, reach), sample.classes)

    with _frozen(probe.model[0]):
        _fit(probe, steps, lr, weight_decay, loss_of)


@torch.no_grad()
def mixed_accuracies(probe: MixedProbe, asked: Asked, reach: int | None = None) -> dict[str, Accuracy]:
    """Return what a probe has right of what is asked, by target."""
    probe.eval()
    accuracies = {name: Accuracy() for name in probe.probes}
    for first in range(0, len(asked.ids), AT_A_TIME):
        sample = asked.of_rows(np.arange(first, min(first + AT_A_TIME, len(asked.ids))))
        _count(accuracies, probe(sample, reach), sample.classes)
    return accuracies


def padded_rows(rows: Sequence[np.ndarray], pad: int) -> np.ndarray:
    """Return rows of ids as one array, padded on the right."""
    ids = np.full((len(rows), max(len(row) for row in rows)), pad, np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids
