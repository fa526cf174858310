"""Completion of prompts: greedy or sampled, batched, with a key-value cache.

Prompts of different lengths share a batch: each row has its own position, and the cache's free slots are masked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from synthgen.train.model import Memory, Transformer


def choose(logits: Tensor, temperature: float, random: torch.Generator | None) -> Tensor:
    """Return one id a row of (rows, vocabulary) logits: the likeliest at temperature 0, else a sample."""
    if temperature == 0:
        return logits.argmax(-1)
    chances = torch.softmax(logits.float() / temperature, dim=-1)
    return torch.multinomial(chances, 1, generator=random)[:, 0]


@torch.inference_mode()
def complete(
    model: Transformer,
    prompts: Sequence[np.ndarray],
    end: int,
    most: int,
    temperature: float = 0.0,
    seed: int = 0,
    batch: int = 256,
) -> list[np.ndarray]:
    """Return what `model` says behind each prompt, up to `end` (which is left out) or `most` tokens.

    A prompt is an array of ids with its start token. Sampling depends on (seed, batch) alone, not on the machine's
    number of rows in flight.
    """
    device, training = next(model.parameters()).device, model.training
    model.eval()
    said: list[np.ndarray] = [np.zeros(0, np.int64)] * len(prompts)
    order = np.argsort([len(prompt) for prompt in prompts], kind="stable")
    for first in range(0, len(prompts), batch):
        chosen = order[first : first + batch]
        random = torch.Generator(device).manual_seed(seed + first) if temperature else None
        completions = _complete([prompts[i] for i in chosen], model, end, most, temperature, random, device)
        for i, ids in zip(chosen, completions, strict=True):
            said[i] = ids
    model.train(training)
    return said


def _complete(
    prompts: Sequence[np.ndarray],
    model: Transformer,
    end: int,
    most: int,
    temperature: float,
    random: torch.Generator | None,
    device: torch.device,
) -> list[np.ndarray]:
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    longest = int(lengths.max())
    most = min(most, model.settings.context - longest + 1)
    ids = torch.zeros((len(prompts), longest), dtype=torch.int64)
    for i, prompt in enumerate(prompts):
        ids[i, : len(prompt)] = torch.from_numpy(np.asarray(prompt, np.int64))
    memory = Memory(longest + max(0, most), lengths)
    hidden = model.hidden(ids.to(device), memory=memory)
    last = hidden[torch.arange(len(prompts), device=device), lengths - 1]
    done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    out = torch.full((len(prompts), max(0, most)), end, dtype=torch.int64, device=device)
    for step in range(most):
        token = choose(model.head(last), temperature, random)
        token = torch.where(done, end, token)
        out[:, step] = token
        done |= token == end
        if done.all() or step == most - 1:
            break
        last = model.hidden(token[:, None], memory=memory)[:, 0]
        memory.lengths = memory.lengths + 1
    rows = out.cpu().numpy()
    return [row[: np.argmax(row == end)] if (row == end).any() else row for row in rows]
