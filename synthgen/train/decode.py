"""Completion of prompts: greedy or sampled, batched, with a key-value cache.

Prompts of different lengths share a batch: each row has its own position, and the cache's free slots are masked. A
model of `transformers` generates by itself; any other remembers nothing, and each token costs the whole row again.

Greedily, a mistake that is taken back is made again: the model stands where it stood. With `Retractions` our own model
may not: what it took back is forbidden until a step stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from synthgen.errors import SynthgenError
from synthgen.train.language_model import LanguageModel
from synthgen.train.model import Memory, Transformer
from synthgen.train.transformers_model import TransformersModel
from synthgen.windowing.retractions import Retractions


@dataclass
class _Forbidden:
    """What each row of a batch may not say, since it took it back."""

    retractions: Retractions
    last: Tensor  # (rows,): the id before the next one
    banned: Tensor = field(init=False)  # (rows, vocabulary) bool

    def __post_init__(self) -> None:
        self._marks, self._choices = (
            torch.from_numpy(ids) for ids in (self.retractions.marks, self.retractions.choices)
        )
        self.banned = torch.zeros((self.last.shape[0], self._marks.shape[0]), dtype=torch.bool)

    def without(self, logits: Tensor) -> Tensor:
        """Return logits with those of what is forbidden at minus infinity."""
        return logits.masked_fill(self.banned.to(logits.device), -torch.inf)

    def note(self, token: Tensor) -> None:
        """Take down the next ids: a mark forbids the choice before it; a choice that stands allows all again."""
        token, chosen = token.cpu(), self._choices[self.last]
        back = chosen & self._marks[token]
        self.banned[chosen & ~back] = False
        self.banned[back, self.last[back]] = True
        self.last = token


def choose(logits: Tensor, temperature: float, random: torch.Generator | None) -> Tensor:
    """Return one id a row of (rows, vocabulary) logits: the likeliest at temperature 0, else a sample."""
    if temperature == 0:
        return logits.argmax(-1)
    chances = torch.softmax(logits.float() / temperature, dim=-1)
    return torch.multinomial(chances, 1, generator=random)[:, 0]


@torch.inference_mode()
def complete(
    model: LanguageModel,
    prompts: Sequence[np.ndarray],
    end: int,
    most: int,
    temperature: float = 0.0,
    seed: int = 0,
    batch: int = 256,
    retractions: Retractions | None = None,
) -> list[np.ndarray]:
    """Return what `model` says behind each prompt, up to `end` (which is left out) or `most` tokens.

    A prompt is an array of ids with its start token. Sampling depends on (seed, batch) alone, not on the machine's
    number of rows in flight. With `retractions`, what is taken back is not said again before a step stands. Raises
    SynthgenError where these are given for a model that is not ours.
    """
    if retractions is not None and not isinstance(model, Transformer):
        raise SynthgenError("a model that is not ours cannot be kept from repeating what it took back")
    device, training = next(model.parameters()).device, model.training
    model.eval()
    said: list[np.ndarray] = [np.zeros(0, np.int64)] * len(prompts)
    order = np.argsort([len(prompt) for prompt in prompts], kind="stable")
    for first in range(0, len(prompts), batch):
        chosen = order[first : first + batch]
        asked = [prompts[i] for i in chosen]
        room = min(most, model.settings.context - max(map(len, asked)) + 1)
        random = torch.Generator(device).manual_seed(seed + first) if temperature else None
        if room < 1:
            completions = [np.zeros(0, np.int64)] * len(asked)
        elif isinstance(model, Transformer):
            completions = _complete(asked, model, end, room, temperature, random, device, retractions)
        elif isinstance(model, TransformersModel):
            completions = model.completed(asked, end, room, temperature, seed + first)
        else:
            completions = _complete_anew(asked, model, end, room, temperature, random, device)
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
    retractions: Retractions | None,
) -> list[np.ndarray]:
    ids, lengths = _padded(prompts, device)
    last_ids = torch.tensor([int(prompt[-1]) for prompt in prompts])
    forbidden = None if retractions is None else _Forbidden(retractions, last_ids)
    memory = Memory(ids.shape[1] + most, lengths)
    hidden = model.hidden(ids, memory=memory)
    last = hidden[torch.arange(len(prompts), device=device), lengths - 1]
    done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    out = torch.full((len(prompts), most), end, dtype=torch.int64, device=device)
    for step in range(most):
        logits = model.head(last)
        token = choose(logits if forbidden is None else forbidden.without(logits), temperature, random)
        token = torch.where(done, end, token)
        if forbidden is not None:
            forbidden.note(token)
        out[:, step] = token
        done |= token == end
        if done.all() or step == most - 1:
            break
        last = model.hidden(token[:, None], memory=memory)[:, 0]
        memory.lengths = memory.lengths + 1
    return _cut(out, end)


def _complete_anew(
    prompts: Sequence[np.ndarray],
    model: LanguageModel,
    end: int,
    most: int,
    temperature: float,
    random: torch.Generator | None,
    device: torch.device,
) -> list[np.ndarray]:
    """Complete with a model that remembers nothing; it is causal, so what stands behind a row changes nothing."""
    ids, lengths = _padded(prompts, device)
    rows = torch.arange(len(prompts), device=device)
    done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    out = torch.full((len(prompts), most), end, dtype=torch.int64, device=device)
    for step in range(most):
        at = torch.zeros_like(ids, dtype=torch.bool)
        at[rows, lengths - 1] = True
        token = torch.where(done, end, choose(model(ids, at=at), temperature, random))
        out[:, step] = token
        done |= token == end
        if done.all() or step == most - 1:
            break
        if int(lengths.max()) == ids.shape[1]:
            ids = torch.cat((ids, torch.zeros_like(ids[:, :1])), dim=1)
        ids[rows, lengths] = token
        lengths = lengths + 1
    return _cut(out, end)


def _padded(prompts: Sequence[np.ndarray], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return prompts as one array, padded on the right, and their lengths."""
    ids = torch.zeros((len(prompts), max(map(len, prompts))), dtype=torch.int64)
    for i, prompt in enumerate(prompts):
        ids[i, : len(prompt)] = torch.from_numpy(np.asarray(prompt, np.int64))
    return ids.to(device), torch.tensor([len(prompt) for prompt in prompts], device=device)


def _cut(out: Tensor, end: int) -> list[np.ndarray]:
    """Return what was said before the `end`."""
    rows = out.cpu().numpy()
    return [row[: np.argmax(row == end)] if (row == end).any() else row for row in rows]
