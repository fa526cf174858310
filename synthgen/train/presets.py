"""Presets: models, batches, steps and rates, from the papers and for a laptop. `synthgen train SPEC --preset NAME`.

What a paper leaves open is marked in the comment beside it. Sizes are GPT-2's: `L-H` has L layers, H heads, width 64 H.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from synthgen.errors import SynthgenError, nearest
from synthgen.spec.spec import WORDS, load_spec, validated
from synthgen.train.settings import DataSettings, ModelSettings, RunSettings, TrainSettings


@dataclass(frozen=True)
class Preset:
    """A recipe: what it is for, rows (or windows) of a batch, packing, model and training."""

    what: str
    rows: int
    packing: str  # "row": one row a window; else a packing of `synthgen.windows`
    model: dict[str, Any]
    train: dict[str, Any]


GPU = {"precision": "bfloat16", "compile": True, "save_every": 1000, "eval_every": 5000}
LORA = GPU | {"steps": 50_000, "warmup": 0, "schedule": "cosine", "lr_end": 0.1, "weight_decay": 0.01}
LORA |= {"lora": 16, "lora_embedding": 128, "lora_alpha": 4.0, "lora_scale": "alpha"}
GPT2 = {"init": 0.02, "position": "rope", "rope_share": 0.25, "mlp": "gelu-tanh", "norm": "layer"}
LLAMA = {"init": 0.02, "position": "rope", "mlp": "gated", "norm": "rms", "tied": False}


def _gpt2(layers: int, heads: int, **more: Any) -> dict[str, Any]:
    return GPT2 | {"layers": layers, "heads": heads, "width": 64 * heads} | more


def _llama(layers: int, width: int, **more: Any) -> dict[str, Any]:
    return LLAMA | {"layers": layers, "width": width, "heads": width // 64} | more


def _playground(steps: int, lr: float, decay: float, **more: Any) -> dict[str, Any]:
    return GPU | {"steps": steps, "lr": lr, "weight_decay": decay, "warmup": 1000, "betas": (0.9, 0.98)} | more


PRESETS: dict[str, Preset] = {
    "tiny": Preset(
        "a first look: some minutes on two CPU cores",
        64,
        "row",
        {"layers": 2, "width": 64, "heads": 4},
        {"steps": 2000},
    ),
    # Part 1, section 3 and appendix: GPT-2 small with rotary positions, 96 x 512, 100K steps.
    "cfg": Preset(
        "Part 1: grammars (2305.13673)",
        96,
        "chop",
        _gpt2(12, 12, context=512),
        GPU | {"steps": 100_000, "lr": 3e-4, "schedule": "linear", "lr_end": 0.0, "warmup": 0, "weight_decay": 0.1},
    ),
    # Part 2.1, appendix: GPT-2 small (12-12) with rotary positions, AdamW (0.9, 0.98), cosine to 1 %; problems one
    # after the other, the last of a window cut, those too long for one dropped.
    "igsm-med": Preset(
        "Part 2.1: iGSM-med (2407.20311)",
        512,
        "cut",
        _gpt2(12, 12, context=768, rope_share=1.0),
        GPU | {"steps": 100_000, "lr": 2e-3, "lr_end": 0.01, "warmup": 1000, "weight_decay": 0.05},
    ),
    "igsm-hard": Preset(
        "Part 2.1: iGSM-hard (2407.20311)",
        256,
        "cut",
        _gpt2(12, 12, context=1024, rope_share=1.0),
        GPU | {"steps": 200_000, "lr": 2e-3, "lr_end": 0.01, "warmup": 1000, "weight_decay": 0.03},
    ),
    # Part 3.1, appendix: 12-12, rotary on a quarter of the dimensions, 80K x 96 x 512, 1e-3 -> 1e-4, wd 0.1.
    "bios": Preset(
        "Part 3.1: biographies, pretraining (2309.14316)",
        96,
        "chop",
        _gpt2(12, 12, context=512),
        GPU | {"steps": 80_000, "lr": 1e-3, "warmup": 1000, "weight_decay": 0.1},
    ),
    # Part 3.1, appendix D, and 3.2, appendix B: LoRA on queries, values and the embedding, W + 4 A B, 50K steps of 48,
    # cosine to 10 % without warm-up. Extraction, retrieval and inverse search at 3e-4 ...
    "bios-lora": Preset(
        "Parts 3.1 and 3.2: finetuning on extraction, retrieval and inverse search, LoRA (with --init)",
        48,
        "row",
        _gpt2(12, 12, context=512),
        LORA | {"lr": 3e-4},
    ),
    # ... and classification, comparison and subtraction at 1e-3 (Part 3.2, appendix C).
    "know-lora": Preset(
        "Part 3.2: finetuning on classification, comparison and subtraction, LoRA (with --init)",
        48,
        "row",
        _gpt2(12, 12, context=512),
        LORA | {"lr": 1e-3},
    ),
    # Part 3.3, appendix A: 1,000 exposures of 100K people: batch 192, 175K steps, lr 1e-3, wd 0.02.
    "capacity": Preset(
        "Part 3.3: capacity of 100,000 people, 1,000 exposures (2404.05405)",
        192,
        "chop",
        _gpt2(12, 8, context=512),
        GPU | {"steps": 175_000, "lr": 1e-3, "warmup": 1000, "weight_decay": 0.02},
    ),
    # Part 4.1, appendix A.1 to A.5: Llama-style 12L768D; the rate is one of the four that were tried.
    "depo": Preset(
        "Part 4.1: Depo1, N = 225 (2512.17351)",
        128,
        "left",
        _llama(12, 768, context=2048, canon="ABCD"),
        _playground(87_500, 1e-3, 0.03),
    ),
    "brevo": Preset(
        "Part 4.1: Brevo1, N = 70",
        256,
        "left",
        _llama(12, 768, context=1024, canon="ABCD"),
        _playground(100_000, 1e-3, 0.03),
    ),
    "mano": Preset(
        "Part 4.1: Mano, L = 10",
        64,
        "left",
        _llama(12, 768, context=1024, canon="ABCD"),
        _playground(80_000, 3e-4, 0.1),
    ),
    "lano": Preset(
        "Part 4.1: Lano, cfg3f",
        96,
        "chop",
        _llama(12, 768, context=512, canon="ABCD"),
        _playground(100_000, 5e-4, 0.1, schedule="linear", lr_end=0.0, warmup=0),
    ),
    "copy": Preset(
        "Part 4.1: the copy toy",
        32,
        "row",
        _llama(2, 256, context=1024, canon="ABCD"),
        _playground(50_000, 1e-3, 0.03),
    ),
    "gpt2-small": Preset("GPT-2 small, 124 M parameters", 480, "chop", _gpt2(12, 12, context=1024), GPU | {"lr": 6e-4}),
    "gpt2-medium": Preset("GPT-2 medium", 480, "chop", _gpt2(24, 16, context=1024), GPU | {"lr": 3e-4}),
    "gpt2-large": Preset("GPT-2 large", 480, "chop", _gpt2(36, 20, context=1024), GPU | {"lr": 2.5e-4}),
}

PAPER: tuple[tuple[str, str], ...] = (
    ("igsm-hard", "igsm-hard"),
    ("igsm", "igsm-med"),
    ("qa-", "bios-lora"),
    ("know-classify", "know-lora"),
    ("know-compare", "know-lora"),
    ("know-subtract", "know-lora"),
    ("know-", "bios-lora"),
    ("capo", "capacity"),
    ("bios-online", "capacity"),
    ("bios-simple", "capacity"),
    ("bios-junk", "capacity"),
    ("biod", "capacity"),
    ("bios", "bios"),
    ("lano", "lano"),
    ("cfg3j", "lano"),
    ("cfg3k", "lano"),
    ("cfg", "cfg"),
    ("depo", "depo"),
    ("brevo", "brevo"),
    ("mano", "mano"),
    ("copy", "copy"),
)
"""The preset that `--preset paper` means, by how a spec's name begins."""


WHOLE = ("packing", "attention", "neighbours", "architecture")
"""Fields of a run that stand in no table."""


def preset_of(name: str, spec: str) -> Preset:
    """Return a preset by name; `paper` is the recipe of the paper that a spec follows. Raises SynthgenError."""
    if name == "paper":
        presets = [preset for prefix, preset in PAPER if spec.startswith(prefix)]
        if not presets:
            raise SynthgenError(f"--preset paper: no paper's recipe is known for {spec}{nearest(spec, PRESETS)}")
        name = presets[0]
    if name not in PRESETS:
        raise SynthgenError(f"--preset {name}: no such preset{nearest(name, [*PRESETS, 'paper'], 30)}")
    return PRESETS[name]


def settings_of(spec: str, preset: Preset, params: dict[str, Any], changes: dict[str, Any]) -> RunSettings:
    """Return the settings of a run on one spec: the preset's, with `changes` by field (train.steps, packing).

    Text that is packed is tokenized into `words` unless `data.tokenizer` is told: no vocabulary is shipped.
    """
    tables: dict[str, dict[str, Any]] = {
        "data": {"spec": spec, "params": params, "rows": preset.rows},
        "model": dict(preset.model),
        "train": dict(preset.train),
    }
    whole = {field: changes.pop(field) for field in WHOLE if field in changes}
    packing = whole.setdefault("packing", preset.packing)
    for field, value in changes.items():
        table, _, key = field.partition(".")
        if table not in tables or not key:
            raise SynthgenError(
                f"--set {field}: name data.FIELD, model.FIELD, train.FIELD, or one of {', '.join(WHOLE)}"
            )
        tables[table][key] = value
    if packing != "row" and not tables["data"].get("tokenizer"):
        written = load_spec(spec, params=params)
        if written.row_format != "tokens":
            tables["data"]["tokenizer"] = WORDS
    models: dict[str, type[BaseModel]] = {"data": DataSettings, "model": ModelSettings, "train": TrainSettings}
    for table, model in models.items():
        for key in tables[table]:
            if key not in model.model_fields:
                raise SynthgenError(f"--set {table}.{key}: no such field{nearest(key, model.model_fields)}")
    run = {"data": (tables["data"],), "model": tables["model"], "train": tables["train"], **whole}
    settings: RunSettings = validated(RunSettings, run, "--set", "")
    return settings
