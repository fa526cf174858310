"""What a spec says of a mixture: its components, what their weights count, and how these change along the way."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from synthgen.mixture.components import ComponentParams
from synthgen.task.contract import TaskParams
from synthgen.task.written import Written

Weight = Annotated[float | int, Field(ge=0, le=10**12)]


class StageParams(Written):
    """A stage of a curriculum."""

    start: int = Field(gt=0, lt=2**62, description="the row from which on the weights hold; a multiple of the block")
    weights: tuple[Weight, ...] = Field(description="one weight a component")


class MixtureParams(TaskParams):
    """Params of the task `mixture`."""

    component: tuple[ComponentParams, ...] = Field(min_length=1, max_length=64, description="what is mixed")
    unit: Literal["rows", "tokens", "windows"] = Field(
        "rows",
        description="what weights count: rows; tokens (bytes of text); or windows: tokens, and training windows are "
        "of one component each",
    )
    block: int = Field(0, ge=0, le=2**16, description="rows in which the quotas are exact; 0 chooses it")
    stage: tuple[StageParams, ...] = Field((), description="a curriculum: other weights from some row on")

    @model_validator(mode="after")
    def _together(self) -> MixtureParams:
        for stage in self.stage:
            if len(stage.weights) != len(self.component):
                raise ValueError(f"stage {stage.start}: give {len(self.component)} weights, one a component")
        for weights in [[c.weight for c in self.component], *(stage.weights for stage in self.stage)]:
            given = [weight for weight in weights if weight is not None]
            if given and (min(given) < 0 or not any(given)):
                raise ValueError("weights must be 0 or more, and not all 0")
        if self.stage and any(component.weight is None for component in self.component):
            raise ValueError("stages go on from weights: give one to each component, or leave the stages out")
        if self.stage and self.unit == "windows":
            raise ValueError("stages count rows, so they go with unit = 'rows' or 'tokens'")
        return self
