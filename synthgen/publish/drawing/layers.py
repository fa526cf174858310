"""Layered layout (Sugiyama, Tagawa and Toda 1981): where the nodes of a graph without circles stand, and its links run.

A node stands below all that points at it. Links over several layers are led through them by places of their own, so
that none crosses a node; orders within layers have few crossings, and places are as near to those they are linked with
as the widths allow. Small, and always the same: networkx places nodes by layers too, and lets them and links overlap.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx

GAP, LANE = 14.0, 10.0
"""Pixels between nodes of a layer, and the width of a link that passes through one."""
SWEEPS = 24
"""Times that orders, and then places, are mended from above and from below in turn."""


@dataclass
class Layout:
    """Where everything is: the middle of every node across, its layer, and for every link its places on the way."""

    x: list[float]
    layer: list[int]
    ways: list[list[tuple[float, int]]]  # (x, layer), from the start's to the end's, both with them
    width: float  # of all of it


def layered(widths: Sequence[float], links: Sequence[tuple[int, int]], most: float) -> Layout:
    """Place nodes of some widths (pixels), linked (from, to), on layers that are at most so wide where that can be.

    Raises ValueError for a circle.
    """
    layer = _layers(widths, links, most)
    places = list(widths)  # and behind the nodes, the lanes of long links
    layer_of = list(layer)
    chains = []
    for a, b in links:
        chain = [a]
        for level in range(layer[a] + 1, layer[b]):
            chain.append(len(places))
            places.append(LANE)
            layer_of.append(level)
        chains.append([*chain, b])
    above: list[list[int]] = [[] for _ in places]
    below: list[list[int]] = [[] for _ in places]
    for chain in chains:
        for a, b in itertools.pairwise(chain):
            below[a].append(b)
            above[b].append(a)
    rows: list[list[int]] = [[] for _ in range(max(layer_of, default=0) + 1)]
    for place, level in enumerate(layer_of):
        rows[level].append(place)
    rows = _ordered(rows, above, below)
    x = _across(rows, places, above, below, len(widths))
    least = min((x[i] - places[i] / 2 for i in range(len(places))), default=0.0)
    x = [value - least for value in x]
    width = max((x[i] + places[i] / 2 for i in range(len(places))), default=0.0)
    ways = [[(x[place], layer_of[place]) for place in chain] for chain in chains]
    return Layout(x[: len(widths)], layer, ways, width)


def _layers(widths: Sequence[float], links: Sequence[tuple[int, int]], most: float) -> list[int]:
    """Return each node's layer: below all that points at it, where there is room, and near to what it points at."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(widths)))
    graph.add_edges_from(links)
    try:
        order = list(nx.lexicographical_topological_sort(graph))
    except nx.NetworkXUnfeasible:
        raise ValueError("the graph has a circle") from None
    layer, filled = [0] * len(widths), dict[int, float]()

    def room(level: int, node: int) -> bool:
        return level not in filled or filled[level] + GAP + widths[node] <= most

    def put(level: int, node: int) -> None:
        filled[level] = filled.get(level, -GAP) + GAP + widths[node]
        layer[node] = level

    for node in order:
        level = max((layer[other] + 1 for other in graph.predecessors(node)), default=0)
        while not room(level, node):
            level += 1
        put(level, node)
    for node in reversed(order):
        users = [layer[other] for other in graph.successors(node)]
        for level in range(min(users) - 1 if users else 0, layer[node], -1):
            if room(level, node):
                filled[layer[node]] -= GAP + widths[node]
                put(level, node)
                break
    used = sorted({*layer})
    return [used.index(level) for level in layer]


def _ordered(rows: list[list[int]], above: list[list[int]], below: list[list[int]]) -> list[list[int]]:
    """Order the places of every layer by the middle of what they are linked with; keep the order that crosses least."""
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        for number in range(len(rows)) if down else range(len(rows) - 1, -1, -1):
            place = {one: i for row in rows for i, one in enumerate(row)}
            at = {
                one: sum(place[other] for other in near[one]) / len(near[one]) if near[one] else place[one]
                for one in rows[number]
            }
            rows[number].sort(key=lambda one, at=at, place=place: (at[one], place[one]))  # type: ignore[misc]
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _crossings(rows: list[list[int]], below: list[list[int]]) -> int:
    """Return how many pairs of links between neighbouring layers cross."""
    crossings = 0
    for row, following in itertools.pairwise(rows):
        place = {one: i for i, one in enumerate(following)}
        ends = [end for one in row for end in sorted(place[other] for other in below[one])]
        crossings += sum(a > b for i, b in enumerate(ends) for a in ends[:i])
    return crossings


def _across(
    rows: list[list[int]], widths: Sequence[float], above: list[list[int]], below: list[list[int]], nodes: int
) -> list[float]:
    """Return the middle of every place: near the mean of those it is linked with, in order, and apart."""
    x = [0.0] * len(widths)
    for row in rows:
        at = 0.0
        for one in row:
            x[one] = at + widths[one] / 2
            at += widths[one] + GAP
        for one in row:
            x[one] -= at / 2
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        centre = (min(x) + max(x)) / 2  # what is linked with nothing is drawn there
        for row in rows if down else reversed(rows):
            wanted, weights = [], []
            for one in row:
                near = (above[one] if down else below[one]) or above[one] or below[one]
                wanted.append(sum(x[other] for other in near) / len(near) if near else centre)
                weights.append(0.1 if not near else 4.0 if one >= nodes else 1.0)  # lanes are to be straight
            for one, value in zip(row, _apart(wanted, weights, [widths[one] for one in row]), strict=True):
                x[one] = value
    return x


def _apart(wanted: Sequence[float], weights: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Return the places nearest to those wanted (weighted squares) at which neighbours do not overlap.

    By pooling neighbours that would (isotonic regression; Ayer et al. 1955).
    """
    offsets = [0.0]
    for a, b in itertools.pairwise(widths):
        offsets.append(offsets[-1] + (a + b) / 2 + GAP)
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for value, weight, offset in zip(wanted, weights, offsets, strict=False):
        mean, size = value - offset, 1
        while pools and pools[-1][0] > mean:
            other, heavy, many = pools.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, size = weight + heavy, size + many
        pools.append((mean, weight, size))
    means = [mean for mean, _, size in pools for _ in range(size)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]
