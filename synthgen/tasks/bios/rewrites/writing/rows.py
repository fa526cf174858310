"""Rows: the kernel that draws a plan of clauses for each entry, and words it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthgen.exact.draw import Keys
from synthgen.exact.jit import kernel
from synthgen.tasks.bios.rewrites.language import ORDER, PLAN, N
from synthgen.tasks.bios.rewrites.writing.laws import draw_rewrite
from synthgen.tasks.bios.rewrites.writing.wording import write_plan
from synthgen.tasks.bios.world.writing.people import FACTS, FIELDS, draw_subject


class Stages(NamedTuple):
    """The keys of what is drawn for a row."""

    rows: np.ndarray  # who it is about
    plans: np.ndarray

    @classmethod
    def of(cls, keys: Keys) -> Stages:
        """Return the keys of a split."""
        return cls(keys.split("rows"), keys.split("rewrites"))


class Plans(NamedTuple):
    """What `write_rewrites` tells of its rows beside their codes."""

    facts: np.ndarray  # (rows, FACTS + FIELDS) int64: see `draw_subject`
    orders: np.ndarray  # (rows, 6) int8: the attribute at each place
    ranks: np.ndarray  # (rows,) int64
    units: np.ndarray  # (rows, 1) int64: ledger units of the wording

    @classmethod
    def new(cls, rows: int) -> Plans:
        """Return room for the plans of some rows."""
        facts, orders = np.empty((rows, FACTS + FIELDS), np.int64), np.empty((rows, N), np.int8)
        return cls(facts, orders, np.empty(rows, np.int64), np.empty((rows, 1), np.int64))


@kernel
def write_rewrites(state, start, stop, world, group, stages, law, wording, codes, ends, plans):
    """Word the rows [start, stop): write codes, the rows' ends (rows,) and their plans."""
    fields, plan = np.empty(FIELDS, np.int64), np.zeros(PLAN, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        person, entry = draw_subject(state, world, group, stages.rows, row, fields, plans.facts[i])
        plans.ranks[i] = draw_rewrite(state, stages.plans, person, entry, law, plan)
        plans.units[i, 0] = state.ledger
        for fact in range(N):
            plans.orders[i, fact] = plan[ORDER + fact]
        at = write_plan(plan, fields, world, wording, codes, at)
        ends[i] = at
