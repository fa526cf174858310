"""The model of synthgen's trainer as one of `transformers`: what no architecture of that library has.

Canon layers (2512.17351, section 4), no positions, no MLP, queries and keys normed without weights, or a norm and an
MLP that go together nowhere else. This file lies beside the weights in an exported folder, which is loaded with
`trust_remote_code=True`; it needs torch and transformers alone. Its weights have the names that the trainer's have.

Padding is masked, on either side; a row is one document. Generation keeps, beside keys and values, what each Canon
layer was given, as further layers of the same `DynamicCache`: so beams work as with any model.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import DynamicCache, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

KERNEL = 4
"""Tokens a Canon layer sees: its own and the three before it (Part 4.1, eq. 4.1)."""

CACHE = "cache" if "cache" in CausalLMOutputWithPast.__dataclass_fields__ else "past_key_values"
"""What the library calls what generation remembers: the second before version 5.20 or so."""


class SynthgenConfig(PretrainedConfig):
    """What a model is; the names of `transformers` where it has one, else those of the trainer's settings."""

    model_type = "synthgen"

    def __init__(
        self,
        vocab_size: int = 256,
        hidden_size: int = 64,
        intermediate_size: int = 256,
        num_hidden_layers: int = 2,
        num_attention_heads: int = 4,
        max_position_embeddings: int = 512,
        mlp: str = "gelu",  # gelu, gelu-tanh, gated or none
        position: str = "rope",  # rope, learned or none
        rope_dims: int = 16,
        rope_base: float = 10_000.0,
        norm: str = "layer",  # layer or rms
        qk_norm: bool = False,
        canon: str = "",
        canon_residual: bool = True,
        dropout: float = 0.0,
        use_cache: bool = True,
        **more: Any,
    ) -> None:
        self.vocab_size, self.hidden_size, self.intermediate_size = vocab_size, hidden_size, intermediate_size
        self.num_hidden_layers, self.num_attention_heads = num_hidden_layers, num_attention_heads
        self.max_position_embeddings = max_position_embeddings
        self.mlp, self.position, self.rope_dims, self.rope_base = mlp, position, rope_dims, rope_base
        self.norm, self.qk_norm, self.canon, self.canon_residual = norm, qk_norm, canon, canon_residual
        self.dropout, self.use_cache = dropout, use_cache
        super().__init__(**more)


class Place:
    """Where the tokens of one call stand: positions, the mask of attention, and what is remembered of earlier calls.

    mask: (batch, 1, tokens, keys) bool; real: (batch, keys, 1), 0 for padding, or None where there is none.
    """

    def __init__(self, config: SynthgenConfig, padding: Tensor | None, positions: Tensor, cache: Any) -> None:
        tokens = positions.shape[1]
        before = cache.get_seq_length() if cache is not None else 0
        keys = torch.arange(before + tokens, device=positions.device)
        self.mask = (keys <= keys[before:, None])[None, None]
        self.real = None
        if padding is not None:
            itself = keys == keys[before:, None]  # so that padding attends to something, and is no NaN
            self.mask = self.mask & (padding[:, None, None, :].bool() | itself)
            self.real = padding[:, :, None]
        self.cache, self.layers, self.canons = cache, config.num_hidden_layers, 0
        self.cos = self.sin = None
        if config.position == "rope":
            turns = config.rope_base ** (-torch.arange(0, config.rope_dims, 2, dtype=torch.float64) / config.rope_dims)
            angles = torch.arange(int(positions.max()) + 1, dtype=torch.float64)[:, None] * turns
            cos, sin = (table.float().to(positions.device) for table in (angles.cos(), angles.sin()))
            self.cos, self.sin = cos[positions][:, None], sin[positions][:, None]  # (batch, 1, tokens, dims / 2)

    def remember(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the keys and values of all tokens so far, (batch, heads, keys, width) each."""
        if self.cache is None:
            return keys, values
        both: tuple[Tensor, Tensor] = self.cache.update(keys, values, layer)
        return both

    def history(self, x: Tensor) -> Tensor:
        """Return what a Canon layer was given for all tokens so far, (batch, keys, channels); 0 for padding."""
        if self.cache is not None:  # Canon layers come in the same order in every call
            x = self.cache.update(x[:, None], x[:, None, :, :0], self.layers + self.canons)[0][:, 0]
            self.canons += 1
        return x if self.real is None else x * self.real.to(x.dtype)


def rotated(x: Tensor, place: Place) -> Tensor:
    """Rotate the first dimensions of (batch, heads, tokens, head width) by their positions; halves, as in NeoX."""
    if place.cos is None or place.sin is None:
        return x
    half = place.cos.shape[-1]
    a, b, rest = x.split((half, half, x.shape[-1] - 2 * half), dim=-1)
    cos, sin = place.cos.to(x.dtype), place.sin.to(x.dtype)
    return torch.cat((a * cos - b * sin, b * cos + a * sin, rest), dim=-1)


class Canon(nn.Module):
    """Adds to every token a weighted sum of itself and the three tokens before it, channel by channel."""

    def __init__(self, channels: int, residual: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(KERNEL, channels))
        self.residual = residual

    def forward(self, x: Tensor, place: Place) -> Tensor:
        """Mix (batch, tokens, channels)."""
        tokens = x.shape[1]
        seen = functional.pad(place.history(x), (0, 0, KERNEL - 1, 0))
        mixed = x if self.residual else torch.zeros_like(x)
        for j in range(KERNEL):
            last = seen.shape[1] - j
            mixed = mixed + seen[:, last - tokens : last] * self.weight[j]
        return mixed


class RmsNorm(nn.Module):
    """Division by the root of the mean square, and a weight a channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Norm (..., channels)."""
        return x * x.float().square().mean(-1, keepdim=True).add(1e-6).rsqrt().to(x.dtype) * self.weight


def norm_of(config: SynthgenConfig) -> nn.Module:
    """Return a norm of the kind that is set, without biases."""
    return nn.LayerNorm(config.hidden_size, bias=False) if config.norm == "layer" else RmsNorm(config.hidden_size)


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self, config: SynthgenConfig, layer: int) -> None:
        super().__init__()
        d = config.hidden_size
        self.heads, self.layer = config.num_attention_heads, layer
        self.qk_norm, self.dropout = config.qk_norm, config.dropout
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.canon = Canon(3 * d, config.canon_residual) if "B" in config.canon else None

    def forward(self, x: Tensor, place: Place) -> Tensor:
        """Attend: (batch, tokens, d) -> (batch, tokens, d)."""
        qkv = self.qkv(x)
        if self.canon is not None:
            qkv = self.canon(qkv, place)
        q, k, v = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if self.qk_norm:
            q, k = (functional.rms_norm(part, part.shape[-1:]) for part in (q, k))
        k, v = place.remember(self.layer, rotated(k, place), v)
        dropout = self.dropout if self.training else 0.0
        y = functional.scaled_dot_product_attention(rotated(q, place), k, v, attn_mask=place.mask, dropout_p=dropout)
        return self.out(y.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """A plain GELU or a gated SiLU MLP, with Canon D before its non-linearity."""

    def __init__(self, config: SynthgenConfig) -> None:
        super().__init__()
        d, inner, residual = config.hidden_size, config.intermediate_size, config.canon_residual
        gated, canon = config.mlp == "gated", "D" in config.canon
        self.up = nn.Linear(d, inner, bias=False)
        self.out = nn.Linear(inner, d, bias=False)
        self.canon = Canon(inner, residual) if canon else None
        self.gate = nn.Linear(d, inner, bias=False) if gated else None
        self.canon_gate = Canon(inner, residual) if gated and canon else None
        self.approximate = "tanh" if config.mlp == "gelu-tanh" else "none"

    def forward(self, x: Tensor, place: Place) -> Tensor:
        """Map (batch, tokens, d) -> (batch, tokens, d)."""
        h = self.up(x)
        if self.canon is not None:
            h = self.canon(h, place)
        if self.gate is None:
            return self.out(functional.gelu(h, approximate=self.approximate))
        gate = self.gate(x)
        if self.canon_gate is not None:
            gate = self.canon_gate(gate, place)
        return self.out(functional.silu(gate) * h)


class Block(nn.Module):
    """Attention and MLP, each behind a norm and beside a residual."""

    def __init__(self, config: SynthgenConfig, layer: int) -> None:
        super().__init__()
        d, residual, has_mlp = config.hidden_size, config.canon_residual, config.mlp != "none"
        self.norm1 = norm_of(config)
        self.attention = Attention(config, layer)
        self.canon_a = Canon(d, residual) if "A" in config.canon else None
        self.mlp = Mlp(config) if has_mlp else None
        self.norm2 = norm_of(config) if has_mlp else None
        self.canon_c = Canon(d, residual) if "C" in config.canon and has_mlp else None
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, place: Place) -> Tensor:
        """Map (batch, tokens, d) -> (batch, tokens, d)."""
        h = self.norm1(x)
        if self.canon_a is not None:
            h = self.canon_a(h, place)
        x = x + self.drop(self.attention(h, place))
        if self.mlp is None or self.norm2 is None:
            return x
        h = self.norm2(x)
        if self.canon_c is not None:
            h = self.canon_c(h, place)
        return x + self.drop(self.mlp(h, place))


class SynthgenForCausalLM(PreTrainedModel, GenerationMixin):
    """The whole model."""

    config_class = SynthgenConfig
    main_input_name = "input_ids"
    _no_split_modules = ("Block",)
    _supports_sdpa = True
    _tied_weights_keys = {"head.weight": "embedding.weight"}  # noqa: RUF012 (the library's own word)

    def __init__(self, config: SynthgenConfig) -> None:
        super().__init__(config)
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        learned = config.position == "learned"
        self.position = nn.Embedding(config.max_position_embeddings, config.hidden_size) if learned else None
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.num_hidden_layers))
        self.norm = norm_of(config)
        self.head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            inputs = module.in_features if isinstance(module, nn.Linear) else module.embedding_dim
            nn.init.normal_(module.weight, std=1 / math.sqrt(inputs))

    def get_input_embeddings(self) -> nn.Module:
        """Return the token embedding."""
        return self.embedding

    def set_input_embeddings(self, value: Any) -> None:
        """Take another token embedding."""
        self.embedding = value

    def get_output_embeddings(self) -> nn.Module:
        """Return the head."""
        return self.head

    def set_output_embeddings(self, value: Any) -> None:
        """Take another head."""
        self.head = value

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_hidden_states: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        cache: Any = None,
        past_key_values: Any = None,
        **more: Any,
    ) -> CausalLMOutputWithPast:
        """Return the logits, and with `labels` (-100: none) the loss; see any causal model of `transformers`.

        attention_mask: (batch, tokens so far), 0 for padding.
        """
        x = self.embedding(input_ids) if inputs_embeds is None else inputs_embeds
        cache = past_key_values if cache is None else cache
        use_cache = (self.config.use_cache and not self.training) if use_cache is None else use_cache
        fixed = cache is not None and getattr(cache, "layer_class_to_replicate", None) is None
        if (cache is None and use_cache) or (fixed and self.config.canon):
            cache = DynamicCache()  # those made for a config have a layer a block, and no room for Canon's
        before, tokens = cache.get_seq_length() if cache is not None else 0, x.shape[1]
        if attention_mask is not None and attention_mask.dim() != 2:
            raise ValueError("attention_mask: give one of (batch, tokens), 0 for padding")
        if position_ids is None and attention_mask is not None:
            position_ids = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)[:, -tokens:]
        elif position_ids is None:
            position_ids = torch.arange(before, before + tokens, device=x.device)[None]
        place = Place(self.config, attention_mask, position_ids, cache)
        if self.position is not None:
            x = x + self.position(position_ids)
        x = self.drop(x)
        states = [x]
        for block in self.blocks:
            x = block(x, place)
            states.append(x)
        x = states[-1] = self.norm(x)
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) and logits_to_keep else slice(None)
        logits = self.head(x[:, kept if isinstance(logits_to_keep, int) else logits_to_keep])
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size, **more)
        shown = tuple(states) if output_hidden_states else None
        return CausalLMOutputWithPast(loss=loss, logits=logits, hidden_states=shown, **{CACHE: cache})
