"""Round-to-nearest quantisation: how few bits a weight may have before the knowledge is gone (Part 3.3)."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch

from synthgen.train.language_model import LanguageModel

Model = TypeVar("Model", bound=LanguageModel)


def rounded(model: Model, bits: int, group: int = 0) -> Model:
    """Return a copy whose matrices (embedding too) have `bits` bits a weight: symmetric, one scale a row or `group`.

    Vectors (norms, Canon filters are matrices and do count) stay as they are.
    """
    copied = copy.deepcopy(model)
    levels = 2 ** (bits - 1) - 1
    with torch.no_grad():
        for weight in copied.parameters():
            if weight.dim() < 2:
                continue
            rows = weight.reshape(-1, group) if group and weight.numel() % group == 0 else weight
            scale = rows.abs().amax(dim=-1, keepdim=True).clamp(min=1e-12) / levels
            weight.copy_((torch.round(rows / scale).clamp(-levels, levels) * scale).reshape(weight.shape))
    return copied
