"""Random layered grammars: tables drawn from sizes, degrees and lengths, as the papers' own were."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

from pydantic import Field, model_validator

from synthgen.errors import SynthgenError
from synthgen.exact.draw import Draw
from synthgen.task.contract import TaskParams
from synthgen.tasks.cfg.grammar import Grammar
from synthgen.tasks.cfg.rules import Rule

MAX_ATTEMPTS = 1000
"""Draws of one rule before the sizes are declared too small for the switches."""

Span = Annotated[tuple[int, int], Field(description="smallest and largest, both possible")]


class RandomGrammar(TaskParams):
    """A grammar drawn in the domain `world`: its tables are the same for every split and seed of one world."""

    sizes: list[Annotated[int, Field(ge=1, le=10_000)]] = Field(
        [1, 3, 3, 3, 3, 3, 3], min_length=2, max_length=32, description="symbols of each level: the root's 1 first"
    )
    degree: Span = Field((2, 3), description="rules a symbol")
    length: Span = Field((2, 3), description="children a rule")
    duplicate_symbols: bool = Field(True, description="whether a rule may hold a symbol twice")
    duplicate_rules: bool = Field(False, description="whether two symbols of a level may share a right-hand side")

    @model_validator(mode="after")
    def _possible(self) -> RandomGrammar:
        if self.sizes[0] != 1:
            raise ValueError("sizes must begin with 1, the root")
        for name in ("degree", "length"):
            low, high = getattr(self, name)
            if not 1 <= low <= high <= 64:
                raise ValueError(f"{name} must be [low, high] with 1 <= low <= high <= 64")
        if not self.duplicate_symbols and self.length[1] > min(self.sizes[1:]):
            raise ValueError("rules longer than a level's size need duplicate_symbols = true")
        return self


def draw_grammar(wanted: RandomGrammar, draw: Draw) -> Grammar:
    """Draw the tables. A right-hand side that a switch forbids is drawn again.

    Raises SynthgenError if a level cannot hold as many different right-hand sides as its symbols need. The draw's
    ledger counts rejected rules too, so it is an upper bound on the tables' bits.
    """
    terminals, number = wanted.sizes[-1], wanted.sizes[-1] + 4
    levels: list[list[int]] = [list(range(1, terminals + 1))]
    for size in reversed(wanted.sizes[:-1]):
        levels.append(list(range(number, number + size)))
        number += size
    rules: dict[int, tuple[Rule, ...]] = {}
    for below, level in itertools.pairwise(levels):
        taken: set[tuple[int, ...]] = set()
        for symbol in level:
            options: list[Rule] = []
            for _ in range(_between(draw, wanted.degree)):
                children = _new_children(draw, wanted, below, taken, {rule.children for rule in options})
                taken.add(children)
                options.append(Rule(children))
            rules[symbol] = tuple(options)
    return Grammar("random", levels[-1][0], rules)


def _new_children(draw: Draw, wanted: RandomGrammar, below: list[int], taken: Any, siblings: Any) -> tuple[int, ...]:
    for _ in range(MAX_ATTEMPTS):
        length = _between(draw, wanted.length)
        if wanted.duplicate_symbols:
            children = tuple(below[draw.below(len(below))] for _ in range(length))
        else:
            children = tuple(below[i] for i in draw.permutation(len(below))[:length])
        if children not in (siblings if wanted.duplicate_rules else taken):
            return children
    raise SynthgenError(
        f"params.grammar: {len(below)} symbols give too few right-hand sides of length {list(wanted.length)} "
        "for these degrees; make the levels larger, the rules longer or the degrees smaller"
    )


def _between(draw: Draw, span: tuple[int, int]) -> int:
    return span[0] + draw.below(span[1] - span[0] + 1)
