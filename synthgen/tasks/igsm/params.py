"""The params of the task `igsm`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from synthgen.exact.draw import Keys, new_state
from synthgen.exact.jit import kernel
from synthgen.task.contract import TaskParams
from synthgen.task.kit.editions import LATEST, EditionField
from synthgen.task.kit.retries import RetryParams
from synthgen.task.written import NEWER
from synthgen.tasks.igsm.op_laws import op_weights
from synthgen.tasks.igsm.worlds import CONTEXTS, Sizes
from synthgen.tasks.igsm.writing.open.sampler import OpenParams
from synthgen.tasks.igsm.writing.paper.necessary import strengths
from synthgen.tasks.igsm.writing.paper.sampler import ALL_BINS, MAX_EDGES, depth_sums, new_work, reached
from synthgen.tasks.igsm.writing.problem import new_problem

MAX_OP = 100
SURE_OP = 16
"""An op this far above max_edge, or less, is reached by some graph (tried at once where it is not)."""

OF_PAPERS = {"style": "light", "perm_level": 5, "shortest": True}
"""What the papers have where the released code has more."""

Op = Annotated[int, Field(ge=1, le=MAX_OP)]
OpLaw = Literal["light", "uniform", "middle", "heavy"]


class IgsmParams(TaskParams):
    """Params of the task `igsm`."""

    sampler: Literal["paper", "open"] = Field("paper", description="the paper's law, or one whose every bit is exact")
    op: Op | OpLaw | tuple[Op, Op] | dict[Op, Annotated[int, Field(ge=0, lt=2**31)]] = Field(
        "light",
        description="operations: a number, [lowest, highest] uniformly, a table of weights, or `light`, the law of the "
        "papers: the lesser of two uniform numbers up to max_op; or another law of the released code: `uniform`, "
        "`middle` (the greatest of three), `heavy` (the last of three, each from the one before it on)",
    )
    max_op: Op = Field(15, description="the greatest op of a law with a name: 15 for med, 21 for hard")
    max_edge: int = Field(20, ge=2, le=MAX_EDGES, description="most problem sentences: 20 for med, 28 for hard")
    style: Annotated[Literal["light", "uniform", "middle", "heavy"], NEWER] = Field(
        "light",
        description="how the budgets of operations and the number of sentences are drawn: `light` as in the papers, "
        "or `uniform`, `middle`, `heavy` of the released code",
    )
    bins: Literal["all", "train", "test"] = Field("all", description="template bins that problems may fall in")
    reask: bool = Field(False, description="make a problem with this op, then ask for another of its parameters")
    shortest: Annotated[bool, NEWER] = Field(
        True, description="solutions have necessary steps alone; false: a random part of all that can be computed"
    )
    perm_level: Annotated[int, NEWER] = Field(
        5,
        ge=0,
        le=6,
        description="shuffling of a problem's sentences: 5 wholly, as in the papers; 0 to 4 each comes after what it "
        "needs, but for so many places; 6 as they were made, necessary ones first, in the order of a solution",
    )
    format: Literal["pq", "qp"] = Field("pq", description="the question last, or first")
    layout: Literal["plain", "markers"] = Field(
        "plain",
        description="markers: `<|problem|>`, `<|solution|>` and `<|answer|>` before the parts, as in the released "
        "data; a tokenizer turns each into one token",
    )
    world: str = Field(
        "nature",
        description="names: `nature`, `boxes`; `school`, `kitchen`, `space`, `castle`, `sport`, `zoo`, of which no two "
        "share a word; or a file of your own",
    )
    edition: EditionField = 1
    phrasing: Literal["paper", "count"] = Field("paper", description="the papers' sentences, or a second family")
    detail: int = Field(0, ge=0, le=11, description="level of detail of solutions; the papers use 0, the most")
    modulus: int = Field(23, ge=2, le=1009, description="a prime: numbers are counted modulo it")
    integers: Annotated[bool, NEWER] = Field(
        False, description="results are whole numbers of any size, negative ones too; stated ones stay below modulus"
    )
    fidelity: Literal["released", "paper"] = Field(
        "released", description="where paper and released code differ: follow the code or the text"
    )
    bonus: Literal["fresh", "wanted"] | None = Field(
        None,
        description="references prefer parameters nobody waits for (the code), or those somebody does (the text)",
    )
    steps: Literal["redrawn", "fixed"] | None = Field(
        None,
        description="the budget s is drawn anew until the op comes out (the code), or it is the op (the paper, and the "
        "code for a given op)",
    )
    train_bins: int | None = Field(None, ge=1, le=22, description="bins below this are for training: 16 code, 17 paper")

    retry: RetryParams | None = Field(
        None, description="mistakes that are taken back; its columns exist where it is given, even at rate 0"
    )
    trained: Annotated[Literal["completion", "without-names", "without-retries"], NEWER] = Field(
        "completion",
        description="what is trained on where texts become tokens: the completion, or that without what is taken back: "
        "only its name, or all up to BACK (Part 2.2 has both)",
    )

    sizes: Sizes = Field(Sizes(), description="how much of the world is used; by default all")
    open: OpenParams = Field(OpenParams(), description="the shapes of problems of the open sampler")

    @field_validator("op")
    @classmethod
    def _range(cls, op: Any) -> Any:
        if isinstance(op, tuple) and op[0] > op[1]:
            raise ValueError("a range of op is [lowest, highest]")
        if isinstance(op, dict) and sum(op.values()) == 0:
            raise ValueError("a table of op needs a positive weight")
        return op

    @field_validator("modulus")
    @classmethod
    def _prime(cls, modulus: int) -> int:
        if any(modulus % d == 0 for d in range(2, int(modulus**0.5) + 1)):
            raise ValueError("the modulus must be a prime")
        return modulus

    @model_validator(mode="after")
    def _feasible(self) -> IgsmParams:
        highest = max(self.op_weights)
        widest = 4 if self.sampler == "paper" else self.open.widths[1]
        if self.sizes.names < widest:
            raise ValueError(f"sizes.names = {self.sizes.names}: a layer may have {widest} items, each with its name")
        if self.reask and self.sampler == "open":
            raise ValueError("reask goes with the paper's sampler: an open problem's bits know its own query only")
        if self.sampler == "paper" and self.redrawn is False and highest > self.max_edge + SURE_OP:
            top, accepted = greatest_op(highest, self.max_edge)
            if accepted < TRIES // 500:
                raise ValueError(
                    f"op {highest} with max_edge {self.max_edge} is out of reach: {accepted} of {TRIES:,} tries "
                    f"made it, the greatest was {top}; lower op or raise max_edge"
                )
        return self

    @model_validator(mode="after")
    def _world_of_its_edition(self) -> IgsmParams:
        if self.world in CONTEXTS and self.edition != LATEST:
            raise ValueError(f"world = {self.world!r} came after edition {self.edition}: say edition = {LATEST}")
        return self

    @model_validator(mode="before")
    @classmethod
    def _weak_as_in(cls, table: Any) -> Any:
        """Say, where the table does not, whether a weak retry may take back the very next sentence's parameter.

        The paper's takes back that of a later sentence (2408.16293, section 6), the released code's also the next one.
        It is written out, so that data made before the text was followed in this keep their content id.
        """
        retry = table.get("retry") if isinstance(table, Mapping) else None
        if isinstance(retry, Mapping) and table.get("fidelity") == "paper":
            return {**table, "retry": {"next_counts": False, **retry}}
        return table

    @model_validator(mode="after")
    def _retractable(self) -> IgsmParams:
        if self.trained != "completion" and not self.retry:
            raise ValueError(f"trained = {self.trained!r} leaves out what is taken back: give retry, or leave it out")
        if self.retry and self.detail % 3 != 0:
            raise ValueError("retries take a name back, so they go with levels of detail that show names and letters")
        return self

    @model_validator(mode="after")
    def _released_options(self) -> IgsmParams:
        given = {name: getattr(self, name) for name in OF_PAPERS}
        changed = [f"{name} = {value!r}" for name, value in given.items() if value != OF_PAPERS[name]]
        if self.sampler == "open" and changed:
            raise ValueError(f"{changed[0]} goes with the paper's sampler: the open law has one of its own")
        if not self.shortest and self.reask:
            raise ValueError("shortest = false goes without reask: what is asked last ends the solution")
        if not self.shortest and self.detail % 3 == 1:
            raise ValueError("shortest = false goes with levels of detail that show names: else nothing is needless")
        return self

    @property
    def counted(self) -> int:
        """What results are counted modulo; 0 for whole numbers."""
        return 0 if self.integers else self.modulus

    @property
    def op_weights(self) -> dict[int, int]:
        """The law of the target op: positive integer weights."""
        if isinstance(self.op, str):
            return op_weights(self.op, self.max_op)
        if isinstance(self.op, int):
            return {self.op: 1}
        if isinstance(self.op, tuple):
            return dict.fromkeys(range(self.op[0], self.op[1] + 1), 1)
        return {k: weight for k, weight in sorted(self.op.items()) if weight}

    @property
    def redrawn(self) -> bool:
        """Whether s is drawn anew until the op comes out; a given op fixes s, as in the released code."""
        by_default = "redrawn" if self.fidelity == "released" else "fixed"
        return isinstance(self.op, str) and (self.steps or by_default) == "redrawn"

    @property
    def bins_for_training(self) -> int:
        """How many of the 23 bins are for training."""
        return self.train_bins or (16 if self.fidelity == "released" else 17)

    @property
    def allowed_bins(self) -> int:
        """The bins problems may fall in, as bits."""
        split = self.bins_for_training
        low = (1 << split) - 1
        return {"all": ALL_BINS, "train": low, "test": ALL_BINS & ~low}[self.bins]


TRIES = 5000
"""Tries behind the greatest op that is told for an infeasible one."""


@functools.lru_cache(maxsize=64)
def greatest_op(op: int, max_edge: int) -> tuple[int, int]:
    """Return the greatest op that 5,000 tries with s = op reached, and how many of them reached `op` itself."""
    ops = np.zeros(TRIES, np.int64)
    _try(
        new_state(),
        Keys(split="feasible").split("structure"),
        op,
        max_edge,
        depth_sums(op, max_edge),
        strengths(),
        new_problem(),
        new_work(),
        ops,
    )
    return int(ops.max()), int((ops == op).sum())


@kernel
def _try(state, key, op, max_edge, sizes, table, p, w, ops):
    for i in range(ops.size):
        ops[i] = reached(state, key, i, p, w, op, max_edge, sizes, table)
