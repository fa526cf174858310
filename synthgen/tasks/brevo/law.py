"""Bits of Brevo: exact ones of the law `open`, and of single graphs; means over sampled rows for the released law.

Released: graphs of up to EXACT_NODES nodes are walked one by one; larger ones are sampled, size by size, and the mean
of their ledgers stated with its standard error. The answer's bits are exact for a given graph (`answer_floor`), by a
program over the sets of nodes that may stand at a listing's end.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from synthgen.exact.jit import kernel
from synthgen.tasks.brevo.writing.graphs import choose

EXACT_NODES = 5
"""Released graphs up to this size are enumerated: 315 for the largest, before doubling by the leaves."""

MAX_IDEALS = 200_000
"""Sets of nodes `answer_floor` will look at for one graph."""

Parents = tuple[frozenset[int], ...]


def answer_floor(parents: Parents, query: int, limit: int = MAX_IDEALS) -> float | None:
    """Return the entropy of the published listing of a graph, exactly; None beyond `limit` sets of nodes.

    From the end, a node is chosen uniformly among those whose listed children all stand: the sum of log2 of their
    number, averaged over all ways by a program over what stands.
    """
    needed, stack = {query}, [query]
    while stack:
        for parent in parents[stack.pop()] - needed:
            needed.add(parent)
            stack.append(parent)
    children: dict[int, set[int]] = {v: set() for v in needed}
    for v in needed:
        for parent in parents[v]:
            children[parent].add(v)
    level, bits, seen = {frozenset[int](): 1.0}, 0.0, 0
    for _ in range(len(needed)):
        following: dict[frozenset[int], float] = {}
        for standing, share in level.items():
            ready = [v for v in needed - standing if children[v] <= standing]
            bits += share * math.log2(len(ready))
            for v in ready:
                after = standing | {v}
                following[after] = following.get(after, 0.0) + share / len(ready)
        seen += len(following)
        if seen > limit:
            return None
        level = following
    return bits


def released_graphs(n: int, degree: int, most_leaves: int) -> Iterator[tuple[Parents, float, float]]:
    """Yield every graph of the released process in order of creation, with its probability and its latent bits."""

    def grow(parents: Parents, share: float, bits: float) -> Iterator[tuple[Parents, float, float]]:
        if len(parents) == n:
            yield parents, share, bits
            return
        used = [sum(v in needs for needs in parents) for v in range(len(parents))]
        room = [v for v, number in enumerate(used) if number < degree]
        choices = min(degree, len(room))
        for number in range(1, choices + 1):
            ways = choices * math.comb(len(room), number)
            for chosen in combinations(room, number):
                yield from grow((*parents, frozenset(chosen)), share / ways, bits + math.log2(ways))

    for leaves in range(1, most_leaves + 1):
        yield from grow((frozenset(),) * leaves, 1 / most_leaves, math.log2(most_leaves))


def released_exactly(n: int, degree: int, most_leaves: int, queries: int) -> tuple[dict[str, float], dict[int, float]]:
    """Return the mean bits of graph, order and answer, and figures, by walking all graphs; and the law of named nodes.

    The query is one of the last `queries` nodes, all alike.
    """
    total = dict.fromkeys(("graph", "order", "answer", "statements", "listed"), 0.0)
    named: dict[int, float] = {}
    for parents, share, bits in released_graphs(n, degree, most_leaves):
        edges = sum(map(len, parents))
        seen = len({v for v in range(n) if parents[v]} | {p for needs in parents for p in needs})
        named[seen] = named.get(seen, 0.0) + share
        total["graph"] += share * bits
        total["order"] += share * math.lgamma(edges + 1) / math.log(2)
        total["statements"] += share * edges
        for query in range(n - queries, n):
            floor = answer_floor(parents, query)
            assert floor is not None, "graphs this small have few sets of nodes"
            total["answer"] += share * floor / queries
            total["listed"] += share * _listed(parents, query) / queries
    return total, named


def _listed(parents: Parents, query: int) -> int:
    needed = {query}
    for v in range(query, -1, -1):
        if v in needed:
            needed |= parents[v]
    return len(needed)


# ---------------------------------------------------------------------------------------------------------------------
# The law `open`: layers make it a chain, so all means are sums over (nodes placed, size of the last layer).


@dataclass(frozen=True)
class OpenLaw:
    """Exact means of one size n of the law `open`."""

    graph: float  # bits of the layers' sizes and of all parents
    layers: float  # mean of the sum of log2 (size of a layer)!
    query: float
    statements: np.ndarray  # (most + 1,): the law of the number of edges and leaves

    @classmethod
    @functools.lru_cache(maxsize=4096)
    def of(cls, n: int, degree: int, width: int) -> OpenLaw:
        """Return the law of graphs of n nodes in layers of at most `width`."""
        means, pmf = np.zeros(3), np.zeros(n * degree + n + 1)
        _open_law(n, degree, width, means, pmf)
        return cls(float(means[0]), float(means[1]), float(means[2]), pmf)


@kernel
def _open_law(n, degree, width, means, pmf):
    # Backwards over (placed, size of the layer just above): the mean of what is still to come.
    ahead = np.zeros((n + 1, width + 1, 3))
    factorial = np.zeros(width + 1)
    for k in range(2, width + 1):
        factorial[k] = factorial[k - 1] + math.log2(k)
    for above in range(1, width + 1):
        ahead[n, above, 2] = math.log2(above)
    for placed in range(n - 1, -1, -1):
        sizes = min(width, n - placed)
        for above in range(1 if placed else 0, (min(width, placed) if placed else 0) + 1):
            node = 0.0
            if placed > 0:
                choices = min(degree, placed)
                for number in range(1, choices + 1):
                    node += math.log2(choose(placed, number) - choose(placed - above, number)) / choices
                node += math.log2(choices)
            for size in range(1, sizes + 1):
                after = ahead[placed + size, size]
                ahead[placed, above, 0] += (math.log2(sizes) + size * node + after[0]) / sizes
                ahead[placed, above, 1] += (factorial[size] + after[1]) / sizes
                ahead[placed, above, 2] += after[2] / sizes
    means[:] = ahead[0, 0]
    # Forwards over (placed, statements). sums[size] is the law of the parents of `size` nodes together.
    law = np.zeros((n + 1, pmf.size))
    for size in range(1, min(width, n) + 1):
        law[size, size] = 1.0 / min(width, n)
    sums = np.zeros((width + 1, width * degree + 1))
    for placed in range(1, n):
        choices = min(degree, placed)
        if placed <= degree:
            sums[:] = 0.0
            sums[0, 0] = 1.0
            for size in range(1, width + 1):
                for number in range(1, choices + 1):
                    for before in range(width * degree + 1 - number):
                        sums[size, before + number] += sums[size - 1, before] / choices
        sizes = min(width, n - placed)
        for count in range(placed * (degree + 1) + 1):
            share = law[placed, count] / sizes
            if share > 0.0:
                for size in range(1, sizes + 1):
                    for more in range(size, size * choices + 1):
                        law[placed + size, count + more] += share * sums[size, more]
    pmf[:] = law[n]
