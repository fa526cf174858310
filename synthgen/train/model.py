"""The model: a decoder-only transformer with Canon layers, and the cache that makes it generate.

Pre-norm blocks, rotary (whole or partial), learned or no positions, plain or gated MLP. A Canon layer (Part 4.1,
2512.17351, section 4) adds to every token a weighted sum of itself and the three tokens before it, channel by channel:
A stands before attention, B behind the queries, keys and values, C before the MLP, D inside it. Neither attention nor
Canon looks across the start of a document, if documents are told.

    model = Transformer(ModelSettings(layers=2, width=64, heads=4, canon="ABC"), vocabulary=100)
    logits = model(ids)                                   # (batch, tokens) -> (batch, tokens, vocabulary)
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from synthgen.train.settings import ModelSettings

KERNEL = 4
"""Tokens a Canon layer sees: its own and the three before it (Part 4.1, eq. 4.1)."""


class Place:
    """Where the tokens of one call stand: what every layer needs, computed once.

    positions: (batch or 1, tokens) within the document; mask: (batch, 1, tokens, keys) or None for plain causal
    attention; reach: KERNEL - 1 masks (batch, tokens, 1), whether the token j + 1 before is of the same document.
    """

    def __init__(self, ids: Tensor, documents: Tensor | None, rotation: Tensor | None) -> None:
        tokens = ids.shape[1]
        self.positions = torch.arange(tokens, device=ids.device)[None]
        self.mask: Tensor | None = None
        self.reach: list[Tensor] | None = None
        if documents is not None:
            same = documents[:, :, None] == documents[:, None, :]
            self.mask = (same & torch.ones_like(same).tril())[:, None]
            first = torch.ones_like(documents, dtype=torch.bool)
            first[:, 1:] = documents[:, 1:] != documents[:, :-1]
            starts = torch.where(first, self.positions, torch.zeros_like(self.positions))
            self.positions = self.positions - starts.cummax(dim=1).values
            self.reach = [(self.positions > j)[..., None] for j in range(KERNEL - 1)]
        self.rotate(rotation)

    def rotate(self, rotation: Tensor | None) -> None:
        """Look up cosines and sines, (batch, 1, tokens, dims / 2) each."""
        if rotation is None:
            self.cos = self.sin = None
        elif self.mask is None and not isinstance(self, NextPlace):
            turned = rotation[:, : self.positions.shape[1]]
            self.cos, self.sin = turned[0][None, None], turned[1][None, None]
        else:
            self.cos, self.sin = rotation[0][self.positions][:, None], rotation[1][self.positions][:, None]


class NextPlace(Place):
    """Where the next token of each row stands, `positions` (batch, 1), when `slots` keys are cached."""

    def __init__(self, positions: Tensor, slots: int, rotation: Tensor | None) -> None:
        self.positions = positions
        self.mask = (torch.arange(slots, device=positions.device) <= positions)[:, None, None, :]
        self.reach = None
        self.rotate(rotation)


class Memory(dict[nn.Module, Tensor]):
    """What generation remembers: keys and values of each attention, the last inputs of each Canon layer."""

    def __init__(self, slots: int, lengths: Tensor) -> None:
        super().__init__()
        self.slots, self.lengths = slots, lengths


def rotated(x: Tensor, place: Place) -> Tensor:
    """Rotate the first dimensions of (2, batch, heads, tokens, head width) by their positions; halves, as in NeoX."""
    if place.cos is None or place.sin is None:
        return x
    half = place.cos.shape[-1]
    a, b, rest = x.split((half, half, x.shape[-1] - 2 * half), dim=-1)
    turned = (
        torch.addcmul(a * place.cos, b, place.sin, value=-1),
        torch.addcmul(b * place.cos, a, place.sin),
    )
    return torch.cat((*turned, rest) if rest.shape[-1] else turned, dim=-1)


class Canon(nn.Module):
    """A depthwise causal convolution of kernel 4 with a residual, reset at document starts."""

    def __init__(self, channels: int, residual: bool) -> None:
        super().__init__()
        bound = 1 / math.sqrt(KERNEL)  # nn.Conv1d's own start for one channel a group
        self.weight = nn.Parameter(torch.empty(KERNEL, channels).uniform_(-bound, bound))
        self.residual = residual

    def forward(self, x: Tensor, place: Place, memory: Memory | None) -> Tensor:
        """Mix (batch, tokens, channels)."""
        if memory is not None and self in memory:
            seen = torch.cat((memory[self], x), dim=1)  # (batch, KERNEL, channels): the last tokens, newest at the end
            memory[self] = seen[:, 1:]
            mixed = (seen * self.weight.flip(0)).sum(dim=1, keepdim=True)
            return x + mixed if self.residual else mixed
        if memory is not None:
            padded = functional.pad(x, (0, 0, KERNEL - 1, 0))
            last = memory.lengths[:, None] + torch.arange(KERNEL - 1, device=x.device)
            memory[self] = padded.gather(1, last[..., None].expand(-1, -1, x.shape[-1]))
        # Shifted sums, not conv1d: on a CPU 1.2 to 1.7 times as fast, forwards and backwards.
        before, tokens = functional.pad(x, (0, 0, KERNEL - 1, 0)), x.shape[1]
        mixed = x * (self.weight[0] + 1 if self.residual else self.weight[0])
        for j in range(1, KERNEL):
            shifted = before[:, KERNEL - 1 - j : KERNEL - 1 - j + tokens]
            if place.reach is not None:
                shifted = shifted * place.reach[j - 1]
            mixed = torch.addcmul(mixed, shifted, self.weight[j])
        return mixed


class RootMeanSquare(torch.autograd.Function):
    """x / sqrt(mean(x^2) + 1e-6) over the last dimension; its gradient in closed form, half of autograd's passes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Norm (..., channels)."""
        scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square().div(x.shape[-1]).add(1e-6).rsqrt()
        y = x * scale
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Take away what would change the length alone."""
        y, scale = ctx.saved_tensors
        along = (gradient * y).mean(dim=-1, keepdim=True)
        return torch.addcmul(gradient, y, along, value=-1).mul_(scale)


class RmsNorm(nn.Module):
    """Division by the root of the mean square, and a weight a channel: on a CPU twice as fast as torch's own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Norm (..., channels)."""
        return RootMeanSquare.apply(x) * self.weight


def norm_of(settings: ModelSettings) -> nn.Module:
    """Return a norm of the kind that is set, without biases."""
    return nn.LayerNorm(settings.width, bias=False) if settings.norm == "layer" else RmsNorm(settings.width)


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        d = settings.width
        self.heads, self.dropout = settings.heads, settings.dropout
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.canon = Canon(3 * d, settings.canon_residual) if "B" in settings.canon else None
        self.qk_norm = settings.qk_norm

    def forward(self, x: Tensor, place: Place, memory: Memory | None) -> Tensor:
        """Attend: (batch, tokens, d) -> (batch, tokens, d)."""
        qkv = self.qkv(x)
        if self.canon is not None:
            qkv = self.canon(qkv, place, memory)
        parts = qkv.unflatten(-1, (3, self.heads, -1))
        if place.cos is None and not self.qk_norm:
            q, k, v = (part.transpose(1, 2) for part in parts.unbind(2))
        else:  # queries and keys together: half as many operations, for a copy of their gradients
            qk, v = parts.split((2, 1), dim=2)
            qk, v = qk.permute(2, 0, 3, 1, 4), v.squeeze(2).transpose(1, 2)
            if self.qk_norm:
                qk = functional.rms_norm(qk, qk.shape[-1:])
            q, k = rotated(qk, place)  # each (batch, heads, tokens, head width), as v
        if memory is not None and self in memory:
            kept = memory[self]  # (2, batch, heads, slots, head width)
            where = place.positions[:, 0]
            rows = torch.arange(where.shape[0], device=where.device)
            kept[0][rows, :, where], kept[1][rows, :, where] = k[:, :, 0], v[:, :, 0]
            k, v = kept[0], kept[1]
        elif memory is not None:
            memory[self] = functional.pad(torch.stack((k, v)), (0, 0, 0, memory.slots - k.shape[2]))
        y = functional.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=place.mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=place.mask is None,
        )
        return self.out(y.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """A plain GELU or a gated SiLU MLP, with Canon D before its non-linearity."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        d, hidden, residual = settings.width, settings.hidden, settings.canon_residual
        gated, canon = settings.mlp == "gated", "D" in settings.canon
        self.up = nn.Linear(d, hidden, bias=False)
        self.out = nn.Linear(hidden, d, bias=False)
        self.canon = Canon(hidden, residual) if canon else None
        # A matrix of its own: half of a wider one's output would have to be copied, forwards and backwards.
        self.gate = nn.Linear(d, hidden, bias=False) if gated else None
        self.canon_gate = Canon(hidden, residual) if gated and canon else None
        self.approximate = "tanh" if settings.mlp == "gelu-tanh" else "none"

    def forward(self, x: Tensor, place: Place, memory: Memory | None) -> Tensor:
        """Map (batch, tokens, d) -> (batch, tokens, d)."""
        h = self.up(x)
        if self.canon is not None:
            h = self.canon(h, place, memory)
        if self.gate is not None:
            gate = self.gate(x)
            if self.canon_gate is not None:
                gate = self.canon_gate(gate, place, memory)
            return self.out(functional.silu(gate) * h)
        return self.out(functional.gelu(h, approximate=self.approximate))


class Block(nn.Module):
    """Attention and MLP, each behind a norm and beside a residual."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        d, residual = settings.width, settings.canon_residual
        self.norm1 = norm_of(settings)
        self.attention = Attention(settings)
        self.canon_a = Canon(d, residual) if "A" in settings.canon else None
        self.mlp = Mlp(settings) if settings.mlp != "none" else None
        self.norm2 = norm_of(settings) if self.mlp else None
        self.canon_c = Canon(d, residual) if "C" in settings.canon and self.mlp else None
        self.drop = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor, place: Place, memory: Memory | None) -> Tensor:
        """Map (batch, tokens, d) -> (batch, tokens, d)."""
        h = self.norm1(x)
        if self.canon_a is not None:
            h = self.canon_a(h, place, memory)
        x = x + self.drop(self.attention(h, place, memory))
        if self.mlp is None or self.norm2 is None:
            return x
        h = self.norm2(x)
        if self.canon_c is not None:
            h = self.canon_c(h, place, memory)
        return x + self.drop(self.mlp(h, place, memory))


class Transformer(nn.Module):
    """The whole model; `vocabulary` counts the rows of its embedding."""

    rotation: Tensor | None

    def __init__(self, settings: ModelSettings, vocabulary: int) -> None:
        super().__init__()
        self.settings, self.vocabulary, d = settings, vocabulary, settings.width
        self.embedding = nn.Embedding(vocabulary, d)
        self.position = nn.Embedding(settings.context, d) if settings.position == "learned" else None
        self.drop = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.norm = norm_of(settings)
        self.head = nn.Linear(d, vocabulary, bias=False)
        if settings.tied:
            self.head.weight = self.embedding.weight
        rotation = None
        if settings.position == "rope":
            dims = settings.rope_dims
            turns = settings.rope_base ** (-torch.arange(0, dims, 2, dtype=torch.float64) / dims)
            angles = torch.arange(settings.context, dtype=torch.float64)[:, None] * turns
            rotation = torch.stack((angles.cos(), angles.sin())).float()  # (2, context, dims / 2)
        self.register_buffer("rotation", rotation, persistent=False)
        self.apply(self._begin)
        for name, weight in self.named_parameters():
            if name.endswith("out.weight"):  # GPT-2: residual branches start smaller in deeper models
                with torch.no_grad():
                    weight.div_(math.sqrt(2 * settings.layers))

    def _begin(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            inputs = module.in_features if isinstance(module, nn.Linear) else module.embedding_dim
            nn.init.normal_(module.weight, std=self.settings.init or 1 / math.sqrt(inputs))

    @property
    def size(self) -> int:
        """The number of parameters, a tied head counted once."""
        return sum(weight.numel() for weight in self.parameters())

    def hidden(
        self,
        ids: Tensor,
        documents: Tensor | None = None,
        memory: Memory | None = None,
        embedded: Tensor | None = None,
    ) -> Tensor:
        """Return the last hidden states (batch, tokens, d), normed; `embedded` stands in for the token embedding."""
        if memory:  # filled by an earlier call: one more token a row
            place: Place = NextPlace(memory.lengths[:, None], memory.slots, self.rotation)
        else:
            place = Place(ids, documents, self.rotation)
        x = self.embedding(ids) if embedded is None else embedded
        if self.position is not None:
            x = x + self.position(place.positions)
        x = self.drop(x)
        for block in self.blocks:
            x = block(x, place, memory)
        return self.norm(x)

    def forward(
        self, ids: Tensor, documents: Tensor | None = None, memory: Memory | None = None, at: Tensor | None = None
    ) -> Tensor:
        """Return the logits (batch, tokens, vocabulary); where `at` (batch, tokens) bool is told, (chosen, vocabulary).

        documents: (batch, tokens) numbers of the documents that tokens belong to; None: one a row.
        """
        x = self.hidden(ids, documents, memory)
        if at is None:
            return self.head(x)
        return self.head(x.flatten(0, 1).index_select(0, at.flatten().nonzero().squeeze(1)))  # x[at], sooner backwards
