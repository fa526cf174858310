"""Settings: what a run is, as pydantic models. They are saved beside the output, and are the fields of experiments.

Nothing here imports torch, so that a preset can be listed without it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from synthgen.task.written import NEWER, Written


class ModelSettings(Written):
    """A decoder-only transformer."""

    layers: int = Field(2, ge=1, description="layers")
    width: int = Field(64, ge=1, description="d, the width of the residual stream")
    heads: int = Field(4, ge=1, description="attention heads; each is width / heads wide")
    mlp: Literal["gelu", "gelu-tanh", "gated", "none"] = Field(
        "gelu",
        description="plain (4d) with an exact GELU (on a CPU twice as fast) or GPT-2's approximation, gated with SiLU "
        "(8d/3 rounded to 8), or none",
    )
    mlp_width: int = Field(0, ge=0, description="hidden units of the MLP; 0: the usual of its kind")
    position: Literal["rope", "learned", "none"] = Field("rope", description="rotary, learned absolute, or none (NoPE)")
    rope_share: float = Field(1.0, gt=0, le=1, description="share of a head's dimensions that rotate (Part 1: 1/4)")
    rope_base: float = Field(10_000.0, gt=1, description="base of the rotary wavelengths")
    context: int = Field(512, ge=1, description="the longest window, in tokens; sizes learned positions")
    norm: Literal["layer", "rms"] = Field("layer", description="normalisation before each block")
    qk_norm: bool = Field(False, description="normalise queries and keys (RMS) before they meet")
    tied: bool = Field(True, description="one matrix for the embedding and the head")
    canon: str = Field("", pattern="^[ABCD]*$", description="Canon layers: A, B, C, D or any of them (Part 4.1)")
    canon_residual: bool = Field(True, description="a Canon layer adds to its input")
    init: float = Field(
        0.0,
        ge=0,
        description="deviation of the first weights (GPT-2: 0.02); 0: 1 / sqrt(inputs), which small models need: "
        "after 800 steps on a small grammar 7 % above the floor, with 0.02 it is 21 %",
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout behind attention and MLP, in training")

    @model_validator(mode="after")
    def _fits(self) -> ModelSettings:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        if self.position == "rope" and self.rope_dims < 2:
            raise ValueError("rope_share leaves less than two dimensions a head to rotate")
        return self

    @property
    def head_width(self) -> int:
        """Dimensions of one head."""
        return self.width // self.heads

    @property
    def rope_dims(self) -> int:
        """Dimensions of one head that rotate; even."""
        return int(self.head_width * self.rope_share) // 2 * 2

    @property
    def hidden(self) -> int:
        """Hidden units of the MLP."""
        if self.mlp_width:
            return self.mlp_width
        return 4 * self.width if self.mlp.startswith("gelu") else -(-8 * self.width // 3 // 8) * 8


class DataSettings(Written):
    """One stream of training rows; a run has one or several, with a fixed number of rows of each in every batch."""

    spec: str = Field(description="a shipped spec's name or the path of a TOML file")
    params: dict[str, Any] = Field(default_factory=dict, description="params that differ from the spec's")
    seed: int = Field(0, ge=0, description="the spec's seed and world")
    tokenizer: str = Field("", description="text as tokens: bytes, words or a tokenizers file; default: phrases")
    split: str = Field("train", description="the split whose rows are used")
    rows: int = Field(64, ge=1, description="rows of it in a batch")
    distinct: int | None = Field(None, ge=1, description="only the first so many rows, again and again; default: all")
    shuffle: bool = Field(True, description="a finite corpus comes in a new order at every pass")
    domain: bool = Field(False, description="rows begin with a token of this stream's own (Part 3.3)")
    loss: str = Field("all", description="tokens with a loss: all, completion, or one kind of span, such as name")
    mistakes: Annotated[bool, NEWER] = Field(
        True, description="false: no loss on the token that is taken back, but on all that takes it back (Part 2.2)"
    )

    @model_validator(mode="after")
    def _masked(self) -> DataSettings:
        if not self.mistakes and self.loss == "all":
            raise ValueError("mistakes = false goes with loss = 'completion': all has a loss on every token")
        return self


class TrainSettings(Written):
    """How a run is trained."""

    steps: int = Field(1000, ge=1, description="optimizer steps")
    lr: float = Field(3e-3, gt=0, description="peak learning rate")
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="decay behind the warm-up")
    lr_end: float = Field(0.1, ge=0, le=1, description="last learning rate, as a share of the peak")
    warmup: int = Field(100, ge=0, description="steps of linear warm-up")
    betas: tuple[float, float] = Field((0.9, 0.98), description="AdamW's decay rates")
    eps: float = Field(1e-6, gt=0, description="AdamW's epsilon")
    weight_decay: float = Field(0.02, ge=0, description="AdamW's weight decay, on matrices only")
    clip: float = Field(1.0, ge=0, description="largest norm of the gradient; 0: no clipping")
    accumulate: int = Field(1, ge=1, description="parts a batch is computed in, one after the other")
    seed: int = Field(0, ge=0, description="seed of the initial weights and of the order of finite corpora")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="bfloat16: autocast, for a GPU")
    compile: bool = Field(False, description="torch.compile, for a GPU")
    eval_every: int = Field(0, ge=0, description="steps between measurements of the floor; 0: at the end only")
    eval_rows: int = Field(1000, ge=1, description="held-out rows a measurement of the floor takes")
    save_every: int = Field(0, ge=0, description="steps between checkpoints; 0: at the end only")
    lora: int = Field(0, ge=0, description="rank of LoRA on queries and values; 0: all weights are trained")
    lora_embedding: int = Field(0, ge=0, description="rank of LoRA on the input embedding")
    lora_alpha: float = Field(4.0, gt=0, description="LoRA's alpha")
    lora_scale: Annotated[Literal["alpha/rank", "alpha"], NEWER] = Field(
        "alpha/rank", description="how much an update counts: alpha / rank, or alpha (Part 3.2, appendix B)"
    )


class RunSettings(Written):
    """All of a run: data, model, training."""

    data: tuple[DataSettings, ...] = Field(min_length=1, description="the streams of a batch")
    model: ModelSettings = Field(default_factory=ModelSettings, description="the model")
    train: TrainSettings = Field(default_factory=TrainSettings, description="the training")
    packing: Literal["row", "chop", "cut", "left", "pad"] = Field(
        "row", description="row: one row a window; else whole windows from `synthgen.windows`, of one stream"
    )
    attention: Literal["", "document", "window"] = Field(
        "", description="whether attention and Canon cross the rows of a window; by default as the spec's paper has it"
    )
    neighbours: Literal["", "refuse", "allow"] = Field(
        "", description="two rows of one person in a window; by default refused for finite corpora"
    )
    architecture: Annotated[str, NEWER] = Field(
        "", description="a model class of one's own, module:Class, in the place of ours"
    )
