"""Architectures: which of `transformers` a trained model is, and the names that its weights have there.

GPT-2     learned positions, LayerNorm, a plain MLP
GPT-NeoX  rotary positions on all or some of a head's dimensions, LayerNorm, a plain MLP, one block after the other
Llama     rotary positions on all dimensions, RMSNorm, a gated MLP

None of them has Canon layers, and none leaves out positions or the MLP: those models go with a file of ours. Ours have
no biases, so those of an architecture are zero.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from synthgen.errors import missing
from synthgen.train.model import Transformer
from synthgen.train.settings import ModelSettings

if TYPE_CHECKING:
    import transformers

EXTRA = "transformers"
"""What is installed for all that speaks with `transformers`."""

ACTIVATIONS = {"gelu": "gelu", "gelu-tanh": "gelu_pytorch_tanh"}

OURS = "SynthgenForCausalLM"
"""The model of `modeling_synthgen`, which is loaded with `trust_remote_code`."""


def architecture_of(settings: ModelSettings) -> str:
    """Return the name of the class in `transformers` that is the same function, or OURS where there is none."""
    if settings.canon or settings.qk_norm:
        return OURS
    kind = (settings.position, settings.norm, "gated" if settings.mlp == "gated" else settings.mlp[:4])
    if kind == ("learned", "layer", "gelu"):
        return "GPT2LMHeadModel"
    if kind == ("rope", "layer", "gelu") and _share_is_kept(settings):
        return "GPTNeoXForCausalLM"
    whole = settings.rope_dims == settings.head_width
    if kind == ("rope", "rms", "gated") and whole and not settings.dropout:  # Llama drops nothing behind a block
        return "LlamaForCausalLM"
    return OURS


def _share_is_kept(settings: ModelSettings) -> bool:
    """Say whether the library finds the same number of rotary dimensions from their share."""
    return int(settings.head_width * (settings.rope_dims / settings.head_width)) == settings.rope_dims


def in_transformers(model: Transformer, specials: tuple[int, int, int]) -> transformers.PreTrainedModel:
    """Return a model of `transformers` with the weights of ours; `specials` are the ids of start, end and pad.

    Raises SynthgenError where the library is not installed.
    """
    library, settings = library_of("models in the format of transformers"), model.settings
    name, state = architecture_of(settings), model.state_dict()
    start, end, pad = specials
    common: dict[str, Any] = {
        "vocab_size": model.vocabulary,
        "tie_word_embeddings": settings.tied,
        "bos_token_id": start,
        "eos_token_id": end,
        "pad_token_id": pad,
        "initializer_range": settings.init or settings.width**-0.5,
    }
    if name == OURS:
        from synthgen.train.modeling_synthgen import SynthgenConfig, SynthgenForCausalLM

        config: Any = SynthgenConfig(**_our_fields(settings), **common)
        SynthgenConfig.register_for_auto_class()
        SynthgenForCausalLM.register_for_auto_class("AutoModelForCausalLM")
        theirs: Any = SynthgenForCausalLM(config)
    else:
        config_class, fields, renamed = {
            "GPT2LMHeadModel": ("GPT2Config", _gpt2_fields, _gpt2_weights),
            "GPTNeoXForCausalLM": ("GPTNeoXConfig", _neox_fields, _neox_weights),
            "LlamaForCausalLM": ("LlamaConfig", _llama_fields, _llama_weights),
        }[name]
        config = getattr(library, config_class)(**fields(settings), **common)
        theirs = getattr(library, name)(config)
        state = renamed(state, settings)
    lacking, strange = theirs.load_state_dict(state, strict=False)
    head = theirs.get_output_embeddings().weight  # its name is another from version to version
    with torch.no_grad():
        for name, weight in theirs.named_parameters():
            if name.endswith(".bias"):
                weight.zero_()
        head.copy_(model.head.weight)
    unnamed = [name for name, weight in theirs.named_parameters() if name in lacking and weight is not head]
    assert not strange and all(name.endswith(".bias") for name in unnamed), (unnamed, strange)
    return theirs.eval()


def library_of(what: str) -> Any:
    """Return the module `transformers`. Raises SynthgenError where it is not installed, saying `what` needs it."""
    try:
        import transformers
    except ImportError:
        raise missing(EXTRA, what) from None
    return transformers


@contextlib.contextmanager
def without_bars(library: Any) -> Iterator[None]:
    """Keep transformers from drawing its bars for what takes a moment."""
    shown = library.utils.logging.is_progress_bar_enabled()
    library.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            library.utils.logging.enable_progress_bar()


def _rope(settings: ModelSettings) -> dict[str, Any]:
    share = settings.rope_dims / settings.head_width
    return {"rope_type": "default", "rope_theta": settings.rope_base, "partial_rotary_factor": share}


def _sizes(settings: ModelSettings) -> dict[str, Any]:
    return {
        "hidden_size": settings.width,
        "num_hidden_layers": settings.layers,
        "num_attention_heads": settings.heads,
        "max_position_embeddings": settings.context,
    }


def _gpt2_fields(settings: ModelSettings) -> dict[str, Any]:
    return {
        "n_embd": settings.width,
        "n_layer": settings.layers,
        "n_head": settings.heads,
        "n_positions": settings.context,
        "n_inner": settings.hidden,
        "activation_function": ACTIVATIONS[settings.mlp],
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), settings.dropout),
    }


def _neox_fields(settings: ModelSettings) -> dict[str, Any]:
    return _sizes(settings) | {
        "intermediate_size": settings.hidden,
        "hidden_act": ACTIVATIONS[settings.mlp],
        "use_parallel_residual": False,
        "attention_bias": False,
        "rope_parameters": _rope(settings),
        "rotary_pct": settings.rope_dims / settings.head_width,  # the names of versions before 5
        "rotary_emb_base": settings.rope_base,
        "attention_dropout": settings.dropout,
        "hidden_dropout": settings.dropout,
    }


def _llama_fields(settings: ModelSettings) -> dict[str, Any]:
    rope = _rope(settings)
    del rope["partial_rotary_factor"]
    return _sizes(settings) | {
        "intermediate_size": settings.hidden,
        "rope_parameters": rope,
        "rope_theta": settings.rope_base,  # the name of versions before 5
        "attention_dropout": settings.dropout,
    }


def _our_fields(settings: ModelSettings) -> dict[str, Any]:
    names = ("mlp", "position", "rope_dims", "rope_base", "norm", "qk_norm", "canon", "canon_residual", "dropout")
    fields = {name: getattr(settings, name) for name in names}
    return _sizes(settings) | fields | {"intermediate_size": settings.hidden}


def _gpt2_weights(state: Mapping[str, Tensor], settings: ModelSettings) -> dict[str, Tensor]:
    names = {
        "norm1": "ln_1",
        "attention.qkv": "attn.c_attn",
        "attention.out": "attn.c_proj",
        "norm2": "ln_2",
        "mlp.up": "mlp.c_fc",
        "mlp.out": "mlp.c_proj",
    }
    out = {
        "transformer.wte.weight": state["embedding.weight"],
        "transformer.wpe.weight": state["position.weight"],
        "transformer.ln_f.weight": state["norm.weight"],
    }
    for layer in range(settings.layers):
        for ours, theirs in names.items():
            weight = state[f"blocks.{layer}.{ours}.weight"]
            out[f"transformer.h.{layer}.{theirs}.weight"] = weight.t() if weight.dim() > 1 else weight
    return out


def _neox_weights(state: Mapping[str, Tensor], settings: ModelSettings) -> dict[str, Tensor]:
    names = {
        "norm1": "input_layernorm",
        "attention.qkv": "attention.query_key_value",
        "attention.out": "attention.dense",
        "norm2": "post_attention_layernorm",
        "mlp.up": "mlp.dense_h_to_4h",
        "mlp.out": "mlp.dense_4h_to_h",
    }
    out = {
        "gpt_neox.embed_in.weight": state["embedding.weight"],
        "gpt_neox.final_layer_norm.weight": state["norm.weight"],
    }
    for layer in range(settings.layers):
        for ours, theirs in names.items():
            weight = state[f"blocks.{layer}.{ours}.weight"]
            if ours == "attention.qkv":  # there, a head's queries, keys and values stand together
                weight = weight.unflatten(0, (3, settings.heads, -1)).transpose(0, 1).flatten(0, 2)
            out[f"gpt_neox.layers.{layer}.{theirs}.weight"] = weight
    return out


def _llama_weights(state: Mapping[str, Tensor], settings: ModelSettings) -> dict[str, Tensor]:
    names = {
        "norm1": "input_layernorm",
        "attention.out": "self_attn.o_proj",
        "norm2": "post_attention_layernorm",
        "mlp.gate": "mlp.gate_proj",
        "mlp.up": "mlp.up_proj",
        "mlp.out": "mlp.down_proj",
    }
    out = {
        "model.embed_tokens.weight": state["embedding.weight"],
        "model.norm.weight": state["norm.weight"],
    }
    for layer in range(settings.layers):
        for ours, theirs in names.items():
            out[f"model.layers.{layer}.{theirs}.weight"] = state[f"blocks.{layer}.{ours}.weight"]
        parts = state[f"blocks.{layer}.attention.qkv.weight"].chunk(3)
        for name, part in zip("qkv", parts, strict=True):
            out[f"model.layers.{layer}.self_attn.{name}_proj.weight"] = part
    return out
