"""Settings: all that `windows` can be told, in one frozen model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from pydantic import Field, ValidationInfo, field_validator

from synthgen.errors import nearest
from synthgen.spec.recipe import Packing, Recipe
from synthgen.spec.spec import validated
from synthgen.task.written import Written

SPAN_LOSS = "span:"
"""How a loss begins that is of one kind of span alone."""

LANES = 48
"""Lanes by default: divisible by 1, 2, 3, 4, 6, 8, 12, 16, 24 and 48 ranks (times workers)."""

FIELDS = (
    "input_ids",
    "targets",
    "document_ids",
    "positions",
    "row_ids",
    "kinds",
    "next_ids",
    "widths",
    "token_bits",
    "places",
)
"""The arrays a batch may hold; the first two always, the next two where attention stays within documents.

All are (windows, context), but for `widths`, (windows,): how many positions of each are no padding. `next_ids` are the
targets of all positions, with a loss or without; `token_bits` (float32) what a perfect model pays for these, by
`synthgen.Source.surprisals`: NaN for padding; `places` (int32) at which token of its row an input stands, markers
counted, where `positions` count from the row's first token in the window: -1 for padding.
"""


class WindowOptions(TypedDict, total=False):
    """The keywords of `windows` that are no place in a run; see `WindowSettings` for what each means."""

    split: str
    packing: Packing | None
    order: Literal["sequential", "random"] | None
    attention: Literal["window", "document"] | None
    loss: str | None
    separator: Literal["bos", "eos", "both"] | None
    shuffle: bool | Literal["corpus"]
    shuffle_seed: int
    rows: int | None
    epochs: int | None
    tail: Literal["pad", "drop"]
    lanes: int
    neighbours: Literal["refuse", "allow"] | None
    mixing: Literal["drawn", "fixed"]
    domains: bool
    trim: bool
    fields: Sequence[str] | None
    tokenizer: str | None
    seed: int | None
    world: int | None
    params: Mapping[str, Any] | None


class WindowSettings(Written):
    """How data become windows. What is None is as the data's own table `[windows]`, or its spec, has it."""

    context: int | None = Field(None, description="tokens that a window predicts")
    batch_size: int = Field(1, ge=1, description="windows of a batch")
    world_size: int = Field(1, ge=1, description="how many ranks share the batches")
    rank: int = Field(0, description="which of them this is, from 0")
    split: str = Field("train", description="the split whose rows are used")
    packing: Packing | None = Field(None, description="see `Recipe`, as for the next four")
    order: Literal["sequential", "random"] | None = None
    attention: Literal["window", "document"] | None = None
    loss: str | None = Field(None, description="as in `Recipe`, or `span:KIND`: the spans of one kind alone")
    separator: Literal["bos", "eos", "both"] | None = None
    shuffle: bool | Literal["corpus"] = Field(
        False,
        description="True: the order of rows within a block is drawn anew in each epoch; corpus: that of all rows, of "
        "which 200,000 at most are kept",
    )
    shuffle_seed: int = Field(0, ge=0, description="the seed of the orders of shuffle = 'corpus'")
    rows: int | None = Field(None, description="only the first so many rows, again and again: a finite corpus")
    epochs: int | None = Field(None, ge=1, description="how often a finite corpus is shown; None: for ever")
    tail: Literal["pad", "drop"] = Field("pad", description="what becomes of a lane's last window, if it is not full")
    lanes: int = Field(LANES, ge=1, description="lanes that blocks of rows are dealt to")
    neighbours: Literal["refuse", "allow"] | None = Field(
        None, description="two rows of one person in a window; None: refused where the corpus is finite"
    )
    mixing: Literal["drawn", "fixed"] = Field(
        "drawn",
        description="of several data, drawn: windows come in drawn order; fixed: a batch holds as many of each as its "
        "weight says, one data after the other, and a row too long for a window of its own is refused",
    )
    domains: bool = Field(False, description="rows begin with a token of their data's own, behind the vocabulary")
    trim: bool = Field(False, description="leave out the last positions, where all windows of a batch are padding")
    fields: tuple[str, ...] | None = Field(None, description="the arrays of a batch, of `FIELDS`")
    tokenizer: str | None = Field(None, description="what makes tokens of text rows: words, bytes, phrases or a file")
    seed: int | None = Field(None, description="the spec's seed")
    world: int | None = Field(None, description="the spec's world")
    params: Mapping[str, Any] | None = Field(None, description="params that differ from the spec's")

    @field_validator("rank")
    @classmethod
    def _one_of_the_ranks(cls, rank: int, info: ValidationInfo) -> int:
        world_size = info.data.get("world_size")  # missing where it is itself wrong, which is told
        if world_size is not None and not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} of {world_size}: ranks run from 0 to {world_size - 1}")
        return rank

    @field_validator("fields")
    @classmethod
    def _known(cls, fields: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in fields or ():
            if name not in FIELDS:
                raise ValueError(f"{name!r} is none{nearest(name, list(FIELDS))}")
        return fields

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> WindowSettings:
        """Return checked settings. Raises SynthgenError that names the keyword, its value and the fix."""
        settings: WindowSettings = validated(cls, table, "windows", "")
        return settings

    def recipe(self, base: Recipe) -> Recipe:
        """Return a spec's recipe with what these settings say in its place. Raises SynthgenError."""
        told = {name: getattr(self, name) for name in Recipe.model_fields if getattr(self, name) is not None}
        if told.get("loss", "").startswith(SPAN_LOSS):
            told["loss"] = "mask"  # as with a row's own mask, only tokens of rows have a loss, no marker has
        table = base.model_dump() | told
        if "order" not in told and table["packing"] != "chop":
            table["order"] = "sequential"
        recipe: Recipe = validated(Recipe, table, "windows", "")
        return recipe

    @property
    def overrides(self) -> dict[str, Any]:
        """What changes a spec, by name."""
        return {name: getattr(self, name) for name in ("seed", "world", "params", "tokenizer")}
