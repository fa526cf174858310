"""Rivals: models of `transformers`, of our sizes, in our own loop: a step of ours is measured beside one of theirs.

Same data, same optimizer, same loss, same thread: only the model differs. GPT-2 stands beside a model with learned
positions, LayerNorm and a GELU MLP; Llama beside one with rotary positions, RMSNorm and a gated MLP.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from synthgen.errors import SynthgenError
from synthgen.train.batches import RunData
from synthgen.train.loop import Loop, new_model
from synthgen.train.settings import DataSettings, ModelSettings, RunSettings, TrainSettings

SHAPES = {"2 x 64": (2, 64, 4, 80, 32), "4 x 256": (4, 256, 4, 256, 8), "6 x 384": (6, 384, 6, 512, 4)}
"""Layers x width, then heads, window and windows a batch."""

KINDS = {
    "GPT-2": {"position": "learned", "norm": "layer", "mlp": "gelu-tanh", "tied": True},
    "Llama": {"position": "rope", "norm": "rms", "mlp": "gated", "tied": False},
}

STEPS = 4
"""Steps a contender takes at each turn."""


class Rival(nn.Module):
    """A model of `transformers` with the call of ours."""

    def __init__(self, kind: str, settings: ModelSettings, vocabulary: int) -> None:
        """Raises SynthgenError where transformers is not installed."""
        super().__init__()
        try:
            import transformers
        except ImportError:
            raise SynthgenError(
                "bench trainer: needs transformers to be measured beside: pip install transformers"
            ) from None
        if kind == "GPT-2":
            self.model: nn.Module = transformers.GPT2LMHeadModel(
                transformers.GPT2Config(
                    vocab_size=vocabulary,
                    n_positions=settings.context,
                    n_embd=settings.width,
                    n_layer=settings.layers,
                    n_head=settings.heads,
                    resid_pdrop=0.0,
                    embd_pdrop=0.0,
                    attn_pdrop=0.0,
                    use_cache=False,
                )
            )
        else:
            self.model = transformers.LlamaForCausalLM(
                transformers.LlamaConfig(
                    vocab_size=vocabulary,
                    max_position_embeddings=settings.context,
                    hidden_size=settings.width,
                    intermediate_size=settings.hidden,
                    num_hidden_layers=settings.layers,
                    num_attention_heads=settings.heads,
                    use_cache=False,
                )
            )

    def forward(self, ids: Tensor, documents: Tensor | None = None, at: Tensor | None = None) -> Tensor:
        """Return logits; packed windows are attended to as a whole."""
        logits: Tensor = self.model(input_ids=ids).logits
        return logits if at is None else logits[at]


def step_contenders(shape: str, kind: str) -> dict[str, Callable[[], int]]:
    """Return contenders that take `STEPS` training steps each, on one thread, and return how many tokens they held."""
    layers, width, heads, context, rows = SHAPES[shape]
    settings = RunSettings(
        data=(DataSettings(spec="cfg3f", rows=rows),),
        packing="chop",
        attention="window",
        model=ModelSettings.model_validate(
            {"layers": layers, "width": width, "heads": heads, "context": context, **KINDS[kind]}
        ),
        train=TrainSettings(steps=10**6),
    )
    contenders: dict[str, Callable[[], int]] = {}
    for name in (f"{shape}, transformers' {kind}", f"{shape}, ours like {kind}"):
        data = RunData(settings)
        model = new_model(settings, data.size) if "ours" in name else Rival(kind, settings.model, data.size)
        contenders[name] = _stepper(Loop(settings, data, model))  # type: ignore[arg-type]
    return contenders


def _stepper(loop: Loop) -> Callable[[], int]:
    def take() -> int:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return sum(int(loop.advance()["tokens"]) for _ in range(STEPS))
        finally:
            torch.set_num_threads(threads)

    return take
