"""The params of Brevo, and what follows from them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from synthgen.task.contract import TaskParams


class BrevoParams(TaskParams):
    """Params of the task `brevo`."""

    nodes: int = Field(110, ge=3, le=1000, description="N, the most nodes of a graph")
    smallest: int = Field(3, ge=3, description="the fewest nodes of a graph")
    size: Literal["root", "uniform", "maximum"] = Field(
        "root", description="n by weight 1 / (n + sqrt N) from `smallest` to N, uniform, or N itself (tests)"
    )
    name_tokens: tuple[int, int] = Field((1, 1), description="fewest and most tokens of a node's name")
    vocabulary: int | None = Field(
        None, ge=1, le=1000, description="symbols of names; by default N for names of one token, else 4"
    )
    degree: int = Field(4, ge=1, le=8, description="most parents of a node, and (released law) most children")
    law: Literal["released", "open"] = Field(
        "released", description="the published graphs, or layered ones whose every bit is exact"
    )
    listing: Literal["greedy", "sorted"] | None = Field(
        None,
        description="the published random order, or layer by layer and name by name; by default greedy (open: sorted)",
    )
    fidelity: Literal["released", "paper"] = Field(
        "released", description="what decides where paper and released code differ and a field below is not set"
    )
    leaves: Literal["floor", "ceil"] | None = Field(
        None,
        description="how (n - 1) / degree is rounded in the most leaves; by default floor (released) or ceil (paper)",
    )
    query: Literal["last", "last_quarter"] | None = Field(
        None, description="which node is asked for: the last created (released) or any of the last quarter (paper)"
    )
    numbering: Literal["released", "compact"] = Field(
        "released", description="ids as published (marks near 9,998), or without gaps (small models)"
    )

    @property
    def symbols(self) -> int:
        """V, the symbols of names."""
        return self.vocabulary or (self.nodes if self.name_tokens == (1, 1) else 4)

    @property
    def sorted(self) -> bool:
        """Whether the listing is the sorted one."""
        return (self.listing or ("sorted" if self.law == "open" else "greedy")) == "sorted"

    @property
    def round_up(self) -> bool:
        """Whether the most leaves are rounded up."""
        return self.law == "released" and (self.leaves or ("ceil" if self.fidelity == "paper" else "floor")) == "ceil"

    @property
    def quarter(self) -> bool:
        """Whether the query is any of the last quarter of the nodes."""
        default = "last_quarter" if self.fidelity == "paper" else "last"
        return self.law == "released" and (self.query or default) == "last_quarter"

    def most_leaves(self, n: int) -> int:
        """Return the most leaves of a graph of n nodes (open law: the most nodes of any layer)."""
        return (n - 1 + (self.degree - 1 if self.round_up else 0)) // self.degree + 1

    def queries(self, n: int) -> int:
        """Return how many nodes of a graph of n may be asked for, in the released law."""
        return max(1, n // 4) if self.quarter else 1

    @model_validator(mode="after")
    def _possible(self) -> BrevoParams:
        if self.smallest > self.nodes:
            raise ValueError(f"smallest = {self.smallest} is above nodes = {self.nodes}")
        low, high = self.name_tokens
        if not 1 <= low <= high <= 16:
            raise ValueError("name_tokens must be [fewest, most] with 1 <= fewest <= most <= 16")
        if self.law == "open" and (self.listing == "greedy" or self.leaves or self.query):
            raise ValueError("law = 'open' has its own leaves, query and (sorted) listing: leave these fields out")
        return self
