"""Sums over the orders in which a graph's nodes can have been created, where there are too many to go through.

A sum is estimated by particles, each an order that is drawn node by node, with the others in sight (sequential Monte
Carlo): an estimate that is right on average. One with the true order among its particles is so for the inverse
(Andrieu, Doucet and Holenstein 2010, particle Gibbs). Of the logarithm the one is too low on average, the other too
high.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from synthgen.exact.draw import begin, new_state, uniform
from synthgen.exact.jit import kernel

PARTICLES = 256
"""Particles of an estimate."""

FOLLOWED = 0.7
"""A node is drawn in proportion to this power of how many need it: in a forest, 1 would be exact."""

ROOM = 0.6
"""The share of the nodes that is taken to be there, where the chance of a node that is not placed yet is foretold."""


def order_sums(
    key: np.ndarray, row: int, parents: Sequence[Sequence[int]], leaves: int, degree: int, counts: np.ndarray,
    weights: np.ndarray, true_order: Sequence[int], true_leaves: int,
) -> tuple[float, float]:  # fmt: skip
    """Return log2 of two estimates of the sum over leaf counts L of 2^weight times Z(L), too low and too high.

    As in `text_entropy`: `parents` of the created nodes 0 .. N - 1 (the query last), beyond which there are shown
    `leaves`; `counts` and `weights` are of L. The draws are those of `row` under `key`.
    """
    nodes = len(parents)
    flat = np.zeros((nodes, degree), np.int64)
    arity = np.array([len(needs) for needs in parents])
    after = [1 << v for v in range(nodes)]
    children = np.zeros(nodes + leaves, np.int64)
    for v, needs in enumerate(parents):
        flat[v, : len(needs)] = needs
        for parent in needs:
            children[parent] += 1
    needs_me: list[list[int]] = [[] for _ in range(nodes)]
    for v, needs in enumerate(parents):
        for parent in needs:
            if parent < nodes:
                needs_me[parent].append(v)
    for v in reversed(true_order):
        for child in needs_me[v]:
            after[v] |= after[child]
    pull = np.array([mask.bit_count() ** FOLLOWED for mask in after])
    full = int((children >= degree).sum())
    typical = max(float(degree), leaves + 1 + nodes * ROOM - full * ROOM**2)
    foretold = np.array([math.prod((typical - i) / (i + 1) for i in range(k)) for k in range(degree + 1)])
    kids = np.zeros((nodes, max(1, max(len(k) for k in needs_me))), np.int64)
    for v, below in enumerate(needs_me):
        kids[v, : len(below)] = below
    later = np.array([len(below) for below in needs_me])
    law = 2.0 ** (weights - weights.max())
    both = np.zeros(2)
    _estimate(
        new_state(), key, row, flat, arity, kids, later, children.size, degree, counts, np.cumsum(law), pull, foretold,
        np.array(true_order), true_leaves, both,
    )  # fmt: skip
    constant = float(weights.max()) + math.log2(law.sum()) - math.fsum(math.log2(foretold[k]) for k in arity.tolist())
    constant -= float(np.log2(pull).sum())  # weights are of what is placed, and of what is foretold of the rest
    return float(both[0]) + constant, float(both[1]) + constant


@kernel
def _estimate(
    state, key, row, flat, arity, kids, later, size, degree, counts, law, pull, foretold, true_order, true_leaves, both
):  # fmt: skip
    """Write log2 of both estimates, of the sum over the law of leaf counts, less what is foretold of the nodes."""
    nodes = arity.size
    placed = np.zeros((2, PARTICLES, nodes), np.bool_)
    waits = np.zeros((2, PARTICLES, nodes), np.int64)
    born = np.zeros((2, PARTICLES, size), np.int64)
    full = np.zeros((2, PARTICLES), np.int64)
    leaves = np.zeros((2, PARTICLES), np.int64)
    weight = np.zeros(PARTICLES)
    ready = np.zeros(nodes, np.int64)
    chance = np.zeros(nodes)
    begin(state, key, row, 0)
    for with_true in range(2):
        placed[0] = False
        born[0] = 0
        full[0] = 0
        for i in range(PARTICLES):
            at = law[-1] * (uniform(state, 1 << 30) + 0.5) / (1 << 30)
            leaves[0, i] = counts[min(np.searchsorted(law, at), counts.size - 1)]
            for v in range(nodes):
                waits[0, i, v] = 0
                for k in range(arity[v]):
                    waits[0, i, v] += 1 if flat[v, k] < nodes else 0
        if with_true:
            leaves[0, 0] = true_leaves
        weight[:] = 1.0
        both[with_true] = 0.0
        for step in range(nodes):
            total = 0.0
            for i in range(PARTICLES):
                if weight[i] == 0:
                    continue
                free = leaves[0, i] + step - full[0, i]
                options, whole = 0, 0.0
                for v in range(nodes if step == nodes - 1 else nodes - 1):
                    if placed[0, i, v] or waits[0, i, v] > 0 or free < arity[v]:
                        continue
                    ways = 1.0
                    for k in range(arity[v]):
                        ways *= (free - k) / (k + 1)
                    whole += pull[v] * foretold[arity[v]] / ways
                    ready[options] = v
                    chance[options] = whole
                    options += 1
                if options == 0:
                    weight[i] = 0.0
                    continue
                if with_true and i == 0:
                    v = true_order[step]
                else:
                    at, k = whole * (uniform(state, 1 << 30) + 0.5) / (1 << 30), 0
                    while k < options - 1 and chance[k] <= at:
                        k += 1
                    v = ready[k]
                weight[i] *= whole / min(degree, free)
                total += weight[i]
                placed[0, i, v] = True
                for k in range(arity[v]):
                    parent = flat[v, k]
                    born[0, i, parent] += 1
                    full[0, i] += 1 if born[0, i, parent] == degree else 0
                for k in range(later[v]):
                    waits[0, i, kids[v, k]] -= 1
            if total == 0:
                both[with_true] = -np.inf
                break
            both[with_true] += math.log2(total / PARTICLES)
            squares = 0.0
            for i in range(PARTICLES):
                weight[i] *= PARTICLES / total
                squares += weight[i] ** 2
            if squares <= 2 * PARTICLES or step == nodes - 1:
                continue
            placed[1] = placed[0]  # fewer than half of them count: they are drawn anew by their weights
            waits[1] = waits[0]
            born[1] = born[0]
            full[1] = full[0]
            leaves[1] = leaves[0]
            for i in range(with_true, PARTICLES):
                at, k = PARTICLES * (uniform(state, 1 << 30) + 0.5) / (1 << 30) - weight[0], 0
                while k < PARTICLES - 1 and at >= 0:
                    k += 1
                    at -= weight[k]
                placed[0, i] = placed[1, k]
                waits[0, i] = waits[1, k]
                born[0, i] = born[1, k]
                full[0, i] = full[1, k]
                leaves[0, i] = leaves[1, k]
            weight[:] = 1.0
