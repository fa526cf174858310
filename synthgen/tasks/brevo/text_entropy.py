"""What a row of the released law hides: the order in which nodes were created, and leaves that no node is below.

P(text) is a sum over what is hidden. Given everything that a text shows, the number L of leaves is one of those that
the law of sizes allows, the shown ones are any L! / (L - l)! of them, and nodes were created in any order in which each
comes after those it needs, the query last:

    P(size, graph) = sum over L of P(n = L + N) / most_leaves(n) * L! / (L - l)! * Z(L)
    Z(L) = sum over orders of the product over nodes of 1 / (min(degree, free) C(free, arity))

`free`, the nodes with room for a child, depends on the set of nodes created, not on their order: so Z is a program over
such sets (ideals of the graph), for all L at once. For a graph that has too many there are two ends: plain ones
(`hidden_ends`), and where graphs are large, estimates that are right on average on either side (`orders`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import log2_factorial, log2_sum
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.certificates import Sampling
from synthgen.task.kit.named_nodes import NamedNodes
from synthgen.tasks.brevo.marks import Marks, alphabet_of
from synthgen.tasks.brevo.orders import PARTICLES, order_sums
from synthgen.tasks.brevo.params import BrevoParams
from synthgen.tasks.brevo.reading.rows import ParsedBrevo, read
from synthgen.tasks.brevo.writing.rows import draw_rows
from synthgen.tasks.brevo.writing.sampler import GRAPH, LEAVES, NODES, SIZE, STAGES

MOST_SETS = 200_000
"""Sets of created nodes that are looked at for one row."""

MOST_CREATED = 62
"""Created nodes of a row whose sets are looked at: a set is the bits of a word."""

SMALL = 45
"""Graphs of laws up to so many nodes have, nearly all, fewer sets; what the others hide has plain ends. What graphs of
larger laws hide is estimated: that takes a tenth of the time, and of many graphs the sets could not be gone through."""

PLAIN = 2.0**-8
"""Share of what is certain (of the true order alone, of plain ends) in an estimate, which bounds it on its bad side."""

STREAM = 1
"""Goes up whenever the sampler would draw other rows for certificates."""

SAMPLE = 24
"""Rows behind a bracket that no certificate makes narrow."""

PARTICLE_KEY = Keys(0, split="hidden in brevo").split("particles")
"""What the particles of all estimates are drawn with."""


@dataclass(frozen=True)
class Shown:
    """What a text shows of the graph: created nodes are 0 .. N - 1 (the last one the query), then come its leaves."""

    parents: tuple[tuple[int, ...], ...]  # of each created node
    leaves: int
    numbers: tuple[int, ...] = ()  # of the nodes in order of appearance

    @classmethod
    def of(cls, reading: ParsedBrevo) -> Shown:
        """Number the nodes of a row that was read."""
        created = sorted((node for node, needs in reading.parents.items() if needs), key=lambda v: v == reading.query)
        number = {node: i for i, node in enumerate(created)}
        number |= {node: len(created) + i for i, node in enumerate(v for v in reading.parents if v not in number)}
        parents = tuple(tuple(number[parent] for parent in reading.parents[node]) for node in created)
        return cls(parents, len(reading.parents) - len(created), tuple(number[node] for node in reading.parents))


def leaf_counts(shown: Shown, params: BrevoParams, law: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return how many leaves there may be, and log2 of the chance of each, and of the shown ones among them."""
    counts, weights = [], []
    for n, share in law.items():
        leaves = n - len(shown.parents)
        if max(1, shown.leaves) <= leaves <= params.most_leaves(n) and share:
            chosen = log2_factorial(leaves) - log2_factorial(leaves - shown.leaves)
            counts.append(leaves)
            weights.append(math.log2(share / params.most_leaves(n)) + chosen)
    return np.array(counts), np.array(weights)


def graph_bits(shown: Shown, params: BrevoParams, law: dict[int, float], limit: int = MOST_SETS) -> float | None:
    """Return the bits of size and graph that a text shows: -log2 of the sum above; None beyond `limit` sets.

    `law` gives the probability of each number of nodes.
    """
    created, degree = len(shown.parents), params.degree
    if created > MOST_CREATED:
        return None
    counts, weights = leaf_counts(shown, params, law)
    needs = [sum(1 << p for p in parents if p < created) for parents in shown.parents]
    below = [0] * (created + shown.leaves)
    for v, parents in enumerate(shown.parents):
        for p in parents:
            below[p] |= 1 << v
    full = [mask for mask in below if mask.bit_count() >= degree]  # who has no more room once all these are there
    sets, values, scale, seen = np.zeros(1, np.int64), np.ones((1, counts.size)), 0.0, 0
    for step in range(created):
        free = counts + step - sum(((sets & mask) == mask).astype(np.int64) for mask in full)[:, None] if full else (
            np.broadcast_to(counts + step, values.shape)
        )  # fmt: skip
        ways = {arity: _ways(free, arity, degree) for arity in {len(parents) for parents in shown.parents}}
        grown, reached = [], []
        for v in range(created) if step < created - 1 else (created - 1,):
            if v == created - 1 and step < created - 1:
                continue
            ready = (sets >> v & 1 == 0) & (needs[v] & ~sets == 0)
            grown.append(sets[ready] | 1 << v)
            reached.append((values / ways[len(shown.parents[v])])[ready])
        sets, place = np.unique(np.concatenate(grown), return_inverse=True)
        values = np.zeros((sets.size, counts.size))
        np.add.at(values, place, np.concatenate(reached))
        seen += sets.size
        if seen > limit:
            return None
        top = values.max()
        values, scale = values / top, scale + math.log2(top)
    with np.errstate(divide="ignore"):
        return -float(np.logaddexp2.reduce(np.log2(values[0]) + weights)) - scale


def _ways(free: np.ndarray, arity: int, degree: int) -> np.ndarray:
    """Return min(degree, free) C(free, arity), and infinity where there are not so many."""
    chosen = np.ones(free.shape)
    for i in range(arity):
        chosen = chosen * np.maximum(free - i, 0) / (i + 1)
    return np.where(chosen > 0, chosen * np.minimum(degree, free), np.inf)


def hidden_ends(shown: Shown, leaves: int, params: BrevoParams, law: dict[int, float]) -> tuple[float, float]:
    """Return two figures, the means of which over the rows of a text are at most, and at least, the bits it hides.

    A text hides which of the row's `leaves` are those it shows: they are all alike. At most it hides how many leaves
    there are too, and the order, as if all orders were equally likely. Those are no more than the orders of a forest
    that keeps one edge above each node: N! over the product of the sizes of all its trees (hook formula). Of a node's
    parents the one with the most above it is kept.
    """
    which = log2_factorial(leaves) - log2_factorial(leaves - shown.leaves)
    numbers = math.log2(leaf_counts(shown, params, law)[0].size)
    created = len(shown.parents) - 1  # the query is the last
    needs = [[p for p in parents if p < created] for parents in shown.parents[:created]]
    height: dict[int, int] = {}

    def height_of(v: int) -> int:
        if v not in height:
            height[v] = 1 + max((height_of(p) for p in needs[v]), default=0)
        return height[v]

    above = [max(needs[v], key=height_of) if needs[v] else -1 for v in range(created)]
    sizes = [1] * created
    for v in sorted(range(created), key=height_of, reverse=True):
        if above[v] >= 0:
            sizes[above[v]] += sizes[v]
    orders = log2_factorial(created) - math.fsum(math.log2(size) for size in sizes)
    return which, which + numbers + max(0.0, orders)


def estimated_ends(
    shown: Shown, leaves: int, order: list[int], booked: float, key: np.ndarray, row: int, params: BrevoParams,
    law: dict[int, float],
) -> tuple[float, float]:  # fmt: skip
    """Return two figures like those of `hidden_ends`, but estimated: `order` is that in which nodes were created.

    `booked` are the bits of size and graph, which are those of the true way.
    """
    which, plain = hidden_ends(shown, leaves, params, law)
    ways = order_sums(
        key, row, shown.parents, shown.leaves, params.degree, *leaf_counts(shown, params, law), order, leaves
    )
    least, most = (booked + sum_of_ways for sum_of_ways in ways)
    least = log2_sum([least + math.log2(1 - PLAIN), which + math.log2(PLAIN)])
    return least, -log2_sum([math.log2(1 - PLAIN) - most, math.log2(PLAIN) - plain])


def shown_ends(
    reading: ParsedBrevo, leaves: int, created: Sequence[int], booked: float, row: int, params: BrevoParams
) -> tuple[float, float]:
    """Return the bits of size and graph that a row's text shows, at least and at most, as `hidden_ends` has them.

    Of the row, `leaves` is how many it has, and `created` its nodes in the order in which they were created, by their
    places in the text; `booked` are the bits of size and graph. Both ends are the same within MOST_SETS sets.
    """
    shown, law = Shown.of(reading), NamedNodes.of(params).sizes.law
    if (bits := graph_bits(shown, params, law)) is not None:
        return bits, bits
    if params.nodes > SMALL:
        order = [shown.numbers[place] for place in created]
        least, most = estimated_ends(shown, leaves, order, booked, PARTICLE_KEY, row, params, law)
    else:
        least, most = hidden_ends(shown, leaves, params, law)
    return booked - most, booked - least


def hidden_samplings(params: BrevoParams, marks: Marks) -> tuple[Sampling, Sampling] | None:
    """Return how the means of the least and of the most hidden bits are drawn, with the number of nodes as a control;
    None where any of several nodes may be asked for.

    They are the same of every row whose sets of nodes can be gone through: log2 P(text) / p(what was drawn).
    """
    if params.law != "released" or any(params.queries(n) > 1 for n in range(params.smallest, params.nodes + 1)):
        return None
    nodes = NamedNodes.of(params)
    most, mean_nodes = log2_factorial(params.nodes) + math.log2(params.nodes), nodes.sizes.mean(float)
    controls = (
        [(min(nodes.sizes.law) - mean_nodes, max(nodes.sizes.law) - mean_nodes)] if len(nodes.sizes.law) > 1 else []
    )

    symbols = np.arange(alphabet_of(params)[0].ids.size, dtype=np.uint16)  # read by number, not by id
    naming = nodes.words.naming(symbols, marks.base)
    large = params.nodes > SMALL
    bound = -math.log2(PLAIN) if large else 0.0

    @functools.lru_cache(maxsize=4)
    def hidden(first: int, stop: int) -> np.ndarray:
        stream = Keys(0, split="hidden in brevo")
        keys = np.array([stream.split(stage) for stage in STAGES])
        drawn = draw_rows(new_state(), keys, first, stop, params, marks, nodes.sizes, naming, symbols)
        ends, orders = [0, *drawn.ends.tolist()], [0, *drawn.created_ends.tolist()]
        both = np.zeros((stop - first, 3))
        both[:, 2] = drawn.figures[:, NODES] - mean_nodes
        for i, row in enumerate(both):
            shown = Shown.of(read(drawn.ids[ends[i] : ends[i + 1]].tolist(), marks))
            booked = int(drawn.units[i, [SIZE, GRAPH]].sum()) / UNITS_PER_BIT
            bits = None if large else graph_bits(shown, params, nodes.sizes.law)
            leaves = int(drawn.figures[i, LEAVES])
            if bits is not None:
                row[:2] = max(0.0, booked - bits)
            elif large:
                order = [shown.numbers[place] for place in drawn.created[orders[i] : orders[i + 1]].tolist()]
                row[:2] = estimated_ends(shown, leaves, order, booked, PARTICLE_KEY, first + i, params, nodes.sizes.law)
            else:
                row[:2] = hidden_ends(shown, leaves, params, nodes.sizes.law)
        return np.clip(both, [-bound, -bound, -np.inf], [most + bound, most + bound, np.inf])

    stated = params.model_dump(mode="json", include={"nodes", "smallest", "size", "degree", "leaves", "fidelity"})
    stated |= {"particles": PARTICLES} if large else {}

    def sampling(column: int, end: str) -> Sampling:
        def draw(first: int, stop: int) -> np.ndarray:
            return hidden(first, stop)[:, [column, 2][: 1 + len(controls)]]

        return Sampling({"brevo": stated, "end": end}, STREAM, draw, [(-bound, most + bound), *controls], SAMPLE)

    return sampling(0, "least"), sampling(1, "most")
