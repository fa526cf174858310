"""Exact means over uniform templates: the law of their sizes and sums, and how many numbers their sentences hold.

Probability flows through the table of counts: a state hands each move its share of the ways to go on. One pass does
all ops of a law at once. Where only one half of few templates is drawn from, they are gone through one by one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthgen.exact.bijection import permuted_wide
from synthgen.exact.jit import kernel
from synthgen.exact.wide import add, from_word, load
from synthgen.tasks.igsm.writing.open.counts import ABSTRACT, CONSTANT, MEMBER, PLAIN, Counts
from synthgen.tasks.igsm.writing.open.halves import Half, Halves
from synthgen.tasks.igsm.writing.open.placement import Sums, all_sums
from synthgen.tasks.igsm.writing.open.templates import SUMMED, new_template, unrank

FEW = 1 << 16
"""Templates of an op that are gone through one by one where a half of them is asked for. Beyond, the mean of all stands
for that of the half, which is random: see `OpenSampler.looseness`."""

NUMBERS = 3
"""Kinds of numbers in sentences: a constant alone, one added, one multiplied by."""


@dataclass(frozen=True)
class Averages:
    """`sizes`: the law of (necessary instance parameters, sums); `numbers`: mean constants, added ones, factors."""

    sizes: Mapping[tuple[int, Sums], float]
    numbers: np.ndarray  # (3,) float64


def is_listed(halves: Halves, op: int) -> bool:
    """Return whether the templates of a half of an op are gone through one by one."""
    return halves.counts.count(op) <= FEW


def averages(halves: Halves, law: Mapping[int, float], half: Half) -> Averages:
    """Return the means over the templates of a half whose op follows `law` (probabilities that sum to 1)."""
    counts = halves.counts
    few = {op for op in law if half != "all" and halves.is_split(op) and is_listed(halves, op)}
    sizes: dict[tuple[int, Sums], float] = defaultdict(float)
    numbers = np.zeros(NUMBERS)
    rest = {op: share for op, share in law.items() if op not in few}
    for part, figures in [_flow(counts, rest)] + [_listed(halves, op, half, law[op]) for op in sorted(few)]:
        for size, share in part.items():
            sizes[size] += share
        numbers += figures
    return Averages({size: share for size, share in sorted(sizes.items()) if share > 0}, numbers)


def _flow(counts: Counts, law: Mapping[int, float]) -> tuple[dict[tuple[int, Sums], float], np.ndarray]:
    """Push the probability of all ops in `law` through the table. Exact up to rounding (1e-12)."""
    sums = all_sums(counts.shape.abstract[1])
    index = {s: i for i, s in enumerate(sums)}
    after = counts.shape.abstract[1] - np.array([len(s) for s in sums])  # abstracts that may follow
    boxes = [box.astype(float)[:, :, :, after] for box in counts.boxes]
    mass = [np.zeros_like(box) for box in boxes]
    for op, share in law.items():
        mass[op][0, 0, 0, 0, 0] = share
    moves, arrangements = counts.moves.tolist(), counts.arrangements
    numbers = np.zeros(NUMBERS)
    for left in range(counts.shape.op, 0, -1):
        rate = np.divide(mass[left], boxes[left], out=np.zeros_like(boxes[left]), where=boxes[left] > 0)
        if not rate.any():
            continue
        for kind, cost, refs, used, start, ways, ends in moves:
            if cost > left - 1 + ends:
                continue
            follow = left - cost
            turn = (kind != MEMBER) - used
            low, high = max(0, -turn), min(rate.shape[1], boxes[follow].shape[1] - turn)
            if low >= high:
                continue
            placed = np.arange(rate.shape[0])
            table = np.array(
                [[_ways(kind, ways, p, w, refs, used) for w in range(low, high)] for p in placed.tolist()], float
            )
            source = rate[:, low:high] * table[:, :, None, None, None]
            target = mass[follow][1 : rate.shape[0] + 1, low + turn : high + turn]
            value = boxes[follow][1 : rate.shape[0] + 1, low + turn : high + turn]
            if kind == ABSTRACT:
                most = rate.shape[2]
                groups = np.array([math.comb(x, refs) for x in range(refs, most)], float)[:, None]
                for i, s in enumerate(sums):
                    j = index.get(tuple(sorted((*s, refs))))
                    if j is not None and most > refs:
                        moved = source[:, :, refs:, i] * groups * value[:, :, : most - refs, j]
                        target[:, :, : most - refs, j] += moved
                continue
            if kind == MEMBER:
                source, target, value = source[:, :, :-1], target[:, :, 1:], value[:, :, 1:]
            if refs == 0 and counts.shape.constants:
                source, target, value = source[..., :-1], target[..., 1:], value[..., 1:]
            moved = source * value
            target += moved
            literals = arrangements[start : start + ways, 0]
            numbers += moved.sum() * np.array([(literals == literal).mean() for literal in (3, 1, 2)])
    sizes: dict[tuple[int, Sums], float] = defaultdict(float)
    for (placed, i), share in np.ndenumerate(mass[0][:, 1, 0].sum(axis=-1)):
        sizes[placed - len(sums[i]), sums[i]] += float(share)
    return sizes, numbers


def _ways(kind: int, ways: int, placed: int, waiting: int, refs: int, used: int) -> int:
    if waiting > placed:
        return 0
    return 1 if kind == ABSTRACT else ways * math.comb(waiting, used) * math.comb(placed - waiting, refs - used)


def _listed(halves: Halves, op: int, half: Half, share: float) -> tuple[dict[tuple[int, Sums], float], np.ndarray]:
    """Go through every template of a half of one op."""
    size = halves.size(op, half)
    figures = np.zeros((size, 4 + NUMBERS), np.int64)
    _list(halves.ranks(half), halves.counts.tables, op, size, new_template(), figures)
    sizes: dict[tuple[int, Sums], float] = defaultdict(float)
    lines, many = np.unique(figures[:, :4], axis=0, return_counts=True)
    for (nodes, *by_size), number in zip(lines.tolist(), many.tolist(), strict=True):
        # by_size: sums over two, over three and over four members; `nodes` counts 100 for each sum over one.
        ones, nodes = divmod(nodes, 100)
        s = (1,) * ones + tuple(c for c, n in zip((2, 3, 4), by_size, strict=True) for _ in range(n))
        sizes[nodes - len(s), s] += share * number / size
    return sizes, share * figures[:, 4:].mean(axis=0)


@kernel
def _list(ranks, tables, op, size, template, figures):
    for i in range(size):
        number = add(from_word(i), load(ranks.start, op))
        if ranks.permuted[op]:
            number = permuted_wide(ranks.keys[op], load(ranks.whole, op), number)
        unrank(tables, op, number, template)
        figures[i, 0] = template.nodes
        for node in range(template.nodes):
            if template.kind[node] == SUMMED:
                if template.refs[node] == 1:
                    figures[i, 0] += 100
                else:
                    figures[i, template.refs[node] - 1] += 1
            elif template.literal[node] == CONSTANT:
                figures[i, 4] += 1
            elif template.literal[node] != PLAIN:
                figures[i, 4 + template.literal[node]] += 1
