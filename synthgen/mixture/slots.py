"""Slots: which component of a mixture a row is of, and which of its rows. Exact quotas in every block, O(block) a row.

The rows of a stage come in blocks. Within a block, component c owns exactly quota[c] slots; in which order the
components follow each other is a uniform arrangement, drawn slot by slot from what is left of the quotas and booked.
The slots of a component take its rows in their own order, each once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.draw import begin, below
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units

BLOCK_ROWS = 256
"""A block has at least as many rows, where the weights allow it and nothing else is asked for."""

MAX_BLOCK = 1 << 16


@dataclass(frozen=True)
class Stage:
    """Rows from `start` on with the same quotas; `before` is how many rows of each component came earlier."""

    start: int
    quotas: tuple[int, ...]
    before: tuple[int, ...]


@kernel
def arrange(state, key, start, stop, first, block, quotas, turns, places, units):
    """Write component, row of the component (from its stage's first) and ledger units of the slots [start, stop).

    first: the row at which the stage begins; all slots lie in this stage.
    """
    left = np.empty(quotas.size, np.int64)
    for number in range((start - first) // block, (stop - first + block - 1) // block):
        base = first + number * block
        begin(state, key, base, 0)
        for c in range(quotas.size):
            left[c] = quotas[c]
        remaining = block
        for slot in range(base, min(stop, base + block)):
            before = state.ledger
            pick = below(state, remaining)
            component = 0
            while pick >= left[component]:
                pick -= left[component]
                component += 1
            state.ledger -= log2_units(left[component])  # any of its slots would have done
            if slot >= start:
                turns[slot - start] = component
                places[slot - start] = number * quotas[component] + quotas[component] - left[component]
                units[slot - start] = state.ledger - before
            left[component] -= 1
            remaining -= 1


@dataclass(frozen=True)
class Slots:
    """The whole arrangement of a mixture."""

    block: int
    stages: tuple[Stage, ...]

    def arranged(
        self, state: np.record, key: np.ndarray, start: int, stop: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (component, its row, ledger units) of the rows [start, stop)."""
        turns, places, units = (np.empty(stop - start, np.int64) for _ in range(3))
        for number, stage in enumerate(self.stages):
            end = self.stages[number + 1].start if number + 1 < len(self.stages) else stop
            a, b = max(start, stage.start), min(stop, end)
            if a < b:
                here = slice(a - start, b - start)
                quotas = np.array(stage.quotas, np.int64)
                arrange(state, key, a, b, stage.start, self.block, quotas, turns[here], places[here], units[here])
                places[here] += np.array(stage.before, np.int64)[turns[here]]
        return turns, places, units

    def stage_of(self, row: int) -> Stage:
        """Return the stage that a row lies in."""
        return [stage for stage in self.stages if stage.start <= row][-1]

    def taken(self, rows: int) -> tuple[int, ...]:
        """Return how many rows of each component the first `rows` rows hold; within the last block, on average."""
        stage = self.stage_of(rows)
        blocks = Fraction(rows - stage.start, self.block)
        return tuple(round(before + quota * blocks) for before, quota in zip(stage.before, stage.quotas, strict=True))

    def rows_within(self, limits: Sequence[int]) -> int:
        """Return how many whole blocks' rows there are before a component that has `limits` rows in all runs out."""
        rows = 0
        for number, stage in enumerate(self.stages):
            blocks = min(
                (limit - before) // quota
                for limit, before, quota in zip(limits, stage.before, stage.quotas, strict=True)
                if quota
            )
            rows = stage.start + max(0, blocks) * self.block
            if number + 1 == len(self.stages) or rows < self.stages[number + 1].start:
                return rows
        return rows

    def bits(self, rows: int | None) -> float:
        """Return the bits a row of the arrangement: log2 of the number of arrangements of a block, shared out."""
        total, last = 0.0, self.stages[-1].start + self.block if rows is None else rows
        counted = 0
        for number, stage in enumerate(self.stages):
            end = self.stages[number + 1].start if number + 1 < len(self.stages) else last
            length = max(0, min(end, last) - stage.start)
            if rows is None and number + 1 < len(self.stages):
                continue  # an endless mixture is, in the end, its last stage
            counted += length
            total += length * arrangement_bits(stage.quotas) / self.block
        return total / counted if counted else arrangement_bits(self.stages[0].quotas) / self.block


def arrangement_bits(quotas: Sequence[int]) -> float:
    """Return log2 of the number of orders in which a block's slots may follow each other."""
    log = math.lgamma(sum(quotas) + 1) - math.fsum(math.lgamma(quota + 1) for quota in quotas)
    return max(0.0, log) / math.log(2)


def exact_slots(weights: Sequence[Sequence[int]], starts: Sequence[int], block: int, divides: int = 0) -> Slots:
    """Return slots whose quotas are exactly proportional to each stage's weights.

    `block`: rows of a block, or 0 for the least fit one of at least 256 rows (that divides `divides`, where given).
    Raises SynthgenError if no block fits.
    """
    least = math.lcm(*(sum(stage) for stage in weights))
    if block == 0:
        fit = [least * k for k in range(1, max(1, MAX_BLOCK // least) + 1) if not divides or divides % (least * k) == 0]
        large = [size for size in fit if size >= BLOCK_ROWS]
        block = (large or fit[-1:] or [least])[0]
    if block % least:
        raise SynthgenError(f"params.block = {block}: weights {_shown(weights)} need a multiple of {least} rows")
    if block > MAX_BLOCK:
        raise SynthgenError(
            f"params.component: weights {_shown(weights)} need blocks of {block:,} rows, more than {MAX_BLOCK:,}; "
            "take weights of simpler ratios"
        )
    return _staged([tuple(weight * (block // sum(stage)) for weight in stage) for stage in weights], starts, block)


def nearest_slots(shares: Sequence[Sequence[Fraction]], starts: Sequence[int], block: int) -> Slots:
    """Return slots whose quotas are as near to the shares as whole rows allow (by largest remainders)."""
    block = block or 1024
    stages = []
    for stage in shares:
        ideal = [share / sum(stage) * block for share in stage]
        quotas = [int(size) for size in ideal]
        order = sorted(range(len(stage)), key=lambda c: quotas[c] - ideal[c])
        for c in order[: block - sum(quotas)]:
            quotas[c] += 1
        if any(share > 0 and quota == 0 for share, quota in zip(stage, quotas, strict=True)):
            raise SynthgenError(f"params.block = {block}: a component has less than a row of it; take a larger block")
        stages.append(tuple(quotas))
    return _staged(stages, starts, block)


def _staged(quotas: Sequence[tuple[int, ...]], starts: Sequence[int], block: int) -> Slots:
    before = (0,) * len(quotas[0])
    stages: list[Stage] = []
    for number, (start, quota) in enumerate(zip(starts, quotas, strict=True)):
        if number:
            length = start - starts[number - 1]
            if length <= 0 or length % block:
                near = starts[number - 1] + max(1, round(length / block)) * block
                raise SynthgenError(
                    f"params.stage: start = {start:,}: a stage begins at a whole block of {block} rows, "
                    f"for example {near:,}"
                )
            before = tuple(b + q * (length // block) for b, q in zip(before, quotas[number - 1], strict=True))
        stages.append(Stage(start, quota, before))
    return Slots(block, tuple(stages))


def _shown(weights: Sequence[Sequence[int]]) -> str:
    return ", ".join(str(list(stage)) for stage in weights)
