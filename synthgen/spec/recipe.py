"""Recipes: how rows become training windows. A spec carries its paper's in its table `[windows]`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from synthgen.task.written import Written

Packing = Literal["chop", "cut", "left", "pad", "row"]
WHOLE_ROWS: tuple[str, ...] = ("cut", "left", "pad", "row")
"""The packings whose windows begin at a row; the order of `packing.pack_rows`."""


class Recipe(Written):
    """How a spec's rows are trained on; nothing of it changes a row."""

    context: int = Field(512, ge=2, le=2**20, description="tokens that a window predicts")
    packing: Packing = Field(
        "chop",
        description="chop: concatenate and cut every `context` tokens; cut: windows begin at a row and the last one is "
        "right-truncated, rows too long for a window are dropped; left: the same, but a row too long is truncated; "
        "pad: as many whole rows as fit, then padding; row: one row a window, then padding",
    )
    order: Literal["sequential", "random"] = Field(
        "sequential", description="chop only: windows one after the other, or at drawn places of a block of rows"
    )
    attention: Literal["window", "document"] = Field(
        "window", description="what a token sees: all of the window before it, or only its own row"
    )
    loss: Literal["all", "completion", "mask"] = Field(
        "all", description="what is trained on: all, completions and the ends of rows, or `completion_mask` alone"
    )
    separator: Literal["bos", "eos", "both"] = Field(
        "bos", description="bos or eos: that token before every row, and so behind it too; both: bos, row, eos"
    )

    @model_validator(mode="after")
    def _together(self) -> Recipe:
        if self.order == "random" and self.packing != "chop":
            raise ValueError(f"order = 'random' goes with packing = 'chop', not with {self.packing!r}")
        return self
