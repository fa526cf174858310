"""LoRA: a second stage that changes little. Low-rank updates of queries and values, and of the input embedding.

The ranks of Part 3.1: 8 or 16 on queries and values, 128 on the embedding; all else is frozen. An update counts alpha
times (Part 3.2, appendix B: W + alpha A B with alpha = 4), or alpha / rank times, as is usual elsewhere. `merge` folds
the updates into the weights, so that a finished run is an ordinary model.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synthgen.train.model import Transformer


class LowRank(nn.Module):
    """An update of rank r of an (out, in) matrix, times `scale`; it begins at zero."""

    def __init__(self, outputs: int, inputs: int, rank: int, scale: float) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, inputs) / rank)
        self.up = nn.Parameter(torch.zeros(outputs, rank))
        self.scale = scale

    def delta(self) -> Tensor:
        """Return the update, (out, in)."""
        return self.scale * (self.up @ self.down)


class LoraQkv(nn.Module):
    """The projection to queries, keys and values, with updates of the queries and the values."""

    def __init__(self, base: nn.Linear, rank: int, scale: float) -> None:
        super().__init__()
        d = base.in_features
        self.base, self.q, self.v = base, LowRank(d, d, rank, scale), LowRank(d, d, rank, scale)

    def forward(self, x: Tensor) -> Tensor:
        """Project (..., d) -> (..., 3 d)."""
        q, v = (x @ part.down.t() @ part.up.t() * part.scale for part in (self.q, self.v))
        return self.base(x) + torch.cat((q, torch.zeros_like(q), v), dim=-1)

    def merged(self) -> nn.Linear:
        """Return the base with the updates folded in."""
        with torch.no_grad():
            d = self.base.in_features
            self.base.weight[:d] += self.q.delta()
            self.base.weight[2 * d :] += self.v.delta()
        return self.base


class LoraEmbedding(nn.Module):
    """The input embedding with an update of its own; a tied head keeps the old matrix."""

    def __init__(self, base: nn.Embedding, rank: int, scale: float) -> None:
        super().__init__()
        self.base = base
        self.update = LowRank(base.embedding_dim, base.num_embeddings, rank, scale)

    def forward(self, ids: Tensor) -> Tensor:
        """Embed (...,) -> (..., d)."""
        chosen = nn.functional.embedding(ids, self.update.down.t())  # (..., rank)
        return self.base(ids) + chosen @ self.update.up.t() * self.update.scale

    def merged(self) -> nn.Embedding:
        """Return an embedding with the update folded in, of a matrix that is no head's."""
        with torch.no_grad():
            weight = self.base.weight + self.update.delta().t()
        return nn.Embedding.from_pretrained(weight, freeze=False)


def adapt(model: Transformer, rank: int, embedding: int, alpha: float, by_rank: bool = True) -> None:
    """Freeze `model` and add updates to it, in place. A rank of 0 leaves its part frozen as it is.

    An update counts alpha / rank times, or alpha times where not `by_rank`.
    """
    for weight in model.parameters():
        weight.requires_grad_(False)
    if rank:
        for block in model.blocks:
            block.attention.qkv = LoraQkv(block.attention.qkv, rank, alpha / (rank if by_rank else 1))  # type: ignore
    if embedding:
        scale = alpha / (embedding if by_rank else 1)
        model.embedding = LoraEmbedding(model.embedding, embedding, scale)  # type: ignore[assignment]


def merge(model: Transformer) -> None:
    """Fold all updates into the weights, in place; a tied model whose embedding was updated is untied by it."""
    for block in model.blocks:
        attention = block.attention
        if isinstance(attention.qkv, LoraQkv):  # type: ignore
            attention.qkv = attention.qkv.merged()  # type: ignore
    if isinstance(model.embedding, LoraEmbedding):
        if model.settings.tied:
            model.head = nn.Linear(model.head.in_features, model.head.out_features, bias=False)
            with torch.no_grad():
                model.head.weight.copy_(model.embedding.base.weight)
        model.embedding = model.embedding.merged()
        model.settings = model.settings.model_copy(update={"tied": False})
    for weight in model.parameters():
        weight.requires_grad_(True)
