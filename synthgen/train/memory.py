"""Memory that training takes, computed and not measured: weights, gradients, AdamW's moments, what backward keeps.

What backward keeps is counted on torch's `meta` device: the model runs without any numbers in it, at its full width,
and every tensor that autograd keeps is added up once. It is counted in 32 bits, and with the attention matrices that
fused kernels do not keep, so a GPU with bfloat16 needs less.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from synthgen.train.language_model import size_of
from synthgen.train.model import Transformer
from synthgen.train.settings import ModelSettings

BYTES = 4
"""Of a weight, its gradient, and each of AdamW's two moments: all are kept in float32."""


@dataclass(frozen=True)
class Memory:
    """Bytes that training takes with micro-batches of so many windows."""

    parameters: int
    windows: int
    kept: int  # by backward, of the micro-batch

    @property
    def state(self) -> int:
        """Bytes of weights, gradients and moments, whatever the batch."""
        return 4 * BYTES * self.parameters

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.state + self.kept


def memory(settings: ModelSettings, vocabulary: int, windows: int = 1, tokens: int = 0) -> Memory:
    """Return what training takes with micro-batches of so many windows of `tokens` tokens (default: the context)."""
    with torch.device("meta"):
        model = Transformer(settings, vocabulary)
        ids = torch.zeros((windows, tokens or settings.context), dtype=torch.int64)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        alive.append(tensor)
        return tensor

    alive: list[Tensor] = []  # a storage whose tensor is gone may give its address to another one
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten(), reduction="sum")
    weights = {weight.untyped_storage()._cdata for weight in model.parameters()}
    return Memory(size_of(model), windows, sum(size for place, size in kept.items() if place not in weights))
