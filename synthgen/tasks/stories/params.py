"""Params of the task `stories`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from synthgen.errors import SynthgenError
from synthgen.task.contract import TaskParams
from synthgen.task.kit.retries import odds
from synthgen.tasks.stories.packs import NAMES, PACKS, WORDINGS

PackName = Literal["boxes", "recipes", "travel", "money", "machines", "family", "plants", "code"]
Trained = Literal["completion", "without-retries"]
Mistakes = Literal["any", "near", "weak"]
MISTAKES: dict[Mistakes, int] = {"any": 0, "near": 1, "weak": 2}
"""Kinds of mistakes, and their numbers in the kernel."""


class StoryRetries(BaseModel):
    """How often solutions begin a step too early, and take it back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: float = Field(0.0, description="q, the probability of a mistake before a step, and again after one")
    kind: Mistakes = Field(
        "any",
        description="what is begun by mistake: anything that lacks a parent, or what lacks exactly one (needed or "
        "not); or `weak`, what a later step than the next one takes, which may not be a mistake at all",
    )

    @field_validator("rate")
    @classmethod
    def _coin(cls, rate: float) -> float:
        try:
            odds(rate)
        except SynthgenError as error:
            raise ValueError(str(error)) from None
        return rate


class StoriesParams(TaskParams):
    """Params of the task `stories`."""

    needed: tuple[int, int] = Field((3, 8), description="things that the question needs, itself one: from and to")
    others: tuple[int, int] = Field((0, 4), description="things that it does not need, from and to")
    weights: tuple[int, ...] = Field(
        (100, 12, 4, 1),
        min_length=2,
        max_length=4,
        description="how much a thing with 0, 1, 2, 3 parents weighs; a graph is as likely as the product over its "
        "things, so more weights are more parents at most",
    )
    modulus: int = Field(7, ge=1, le=100, description="values are 0 to modulus - 1; 1: no values, only the order")
    names: int = Field(24, ge=1, le=NAMES, description="names of a pack that stories draw from")
    packs: tuple[PackName, ...] = Field(("boxes",), description="text packs, all alike: the graph is the same in each")
    wordings: int = Field(WORDINGS, ge=1, le=WORDINGS, description="wordings of each line and question")
    retry: StoryRetries = Field(StoryRetries(), description="steps that are begun too early and taken back")
    trained: Trained = Field(
        "completion", description="what is trained on: the completion, or all of it but what is taken back"
    )

    @field_validator("needed", "others")
    @classmethod
    def _rising(cls, limits: tuple[int, int]) -> tuple[int, int]:
        if not 0 <= limits[0] <= limits[1] <= NAMES:
            raise ValueError(f"give the least and the most, from 0 to {NAMES}")
        return limits

    @field_validator("weights")
    @classmethod
    def _positive(cls, weights: tuple[int, ...]) -> tuple[int, ...]:
        if not all(1 <= weight <= 1000 for weight in weights):
            raise ValueError("give two to four whole numbers from 1 to 1000")
        return weights

    @field_validator("packs")
    @classmethod
    def _different(cls, packs: tuple[str, ...]) -> tuple[str, ...]:
        if not packs or len(set(packs)) < len(packs):
            raise ValueError(f"name one or more of {', '.join(PACKS)}, each once")
        return packs

    @model_validator(mode="after")
    def _possible(self) -> StoriesParams:
        if self.needed[0] < 1:
            raise ValueError("needed must be at least 1")
        if self.names < self.most:
            raise ValueError(f"names = {self.names} is too few for {self.most} things")
        return self

    @property
    def most(self) -> int:
        """Things of a story, at most."""
        return self.needed[1] + self.others[1]

    @property
    def order_only(self) -> bool:
        """Whether stories are about order alone, without values."""
        return self.modulus == 1

    @property
    def retracts(self) -> bool:
        """Whether the spec speaks of retries, be it of rate 0: what was trained with them is tested without."""
        return "retry" in self.model_fields_set
