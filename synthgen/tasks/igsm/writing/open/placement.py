"""Placement: a structure graph around a template, and which edge of it each instance sentence is.

The items of a layer stand in the order of their names. Every item below the first layer has a parent and every item of
the first layer a child, so all of them are seen in the text. An item whose sum the template takes has exactly the
members of that sum as its children; all other edges are *free*, for the other sentences, necessary or not. The law is
uniform step by step: the number of layers among those that fit, their widths among those that fit, then the edges with
the summed items marked (a number below an exact count, unranked block by block and item by item), then which sum goes
to which marked item of its size, and which sentence to which edge. Nothing is rejected, and no two outcomes give the
same problem.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.errors import SynthgenError
from synthgen.exact.draw import below
from synthgen.tasks.igsm.writing.open.counts import MAX_CHILDREN, MAX_NODES
from synthgen.tasks.igsm.writing.open.templates import STATED, SUMMED
from synthgen.tasks.igsm.writing.problem import LAYERS, PARAMS, number_parameters

MOST_WIDE = 4
"""Items of a layer, at most: 48 edges in all, whose sets are counted in 64 bits."""

_BLOCK = MOST_WIDE * MOST_WIDE + 1  # a block is the edges between two layers: 0 to 16

Sums = tuple[int, ...]
"""The sizes of the summed items of a template, rising: (2, 3) for sums over two and over three members."""


DEPTH, WIDTHS, INNER = 0, 1, 1 + LAYERS
"""The columns of a vector of widths: its layers, from WIDTHS on their widths, and the vector without the first."""

PART, REST = range(2)
"""The columns of a way to part sums in two."""


class Places(NamedTuple):
    """Tables for kernels. s numbers the possible `Sums`, k counts free edges, v the vectors of widths."""

    without: np.ndarray  # (s, 5) int64: the sums less one of size c; -1 if there is none; column 0 is their total
    parts: np.ndarray  # (pairs, 2) int64: every way to part sums in two, by PART and REST, grouped by the whole
    part_first: np.ndarray  # (s + 1,) int64: where the parts of a whole begin
    rows: np.ndarray  # (b, top, items left, uncovered, s, k) int64: ways to fill a block, b children items
    vectors: np.ndarray  # (v, INNER + 1) int64; the INNER of a single layer is -1
    below: np.ndarray  # (s, k, vectors) int64: ways to fill all blocks of a vector that is not at the top
    whole: np.ndarray  # (s, k, vectors) int64: the same at the top
    fitting: np.ndarray  # (s, k, vectors) int64: the vectors with whole > 0, by layers
    fitting_first: np.ndarray  # (s, k, 6) int64: where those of 2, 3, 4 layers begin in it, and end
    binomial: np.ndarray  # (5, 5) int64


PLACED = np.dtype(
    [
        ("edge", "i8", (LAYERS, MOST_WIDE)),  # children of each item, as bits
        ("mark", "i8", (LAYERS, MOST_WIDE)),  # whether an item is summed
        ("summed", "i8", MAX_NODES),  # the summed nodes of the template, by size
        ("free", "i8", PARAMS),  # the free edges not taken yet, as parameters
        ("frees", "i8"),
        ("parameter", "i8", MAX_NODES),  # of each node of the template
        ("members", "i8", MAX_CHILDREN),
    ]
)


def all_sums(most: int) -> list[Sums]:
    """Return every `Sums` with at most `most` of them; the empty one first."""
    sizes = range(1, MAX_CHILDREN + 1)
    return [s for n in range(most + 1) for s in itertools.combinations_with_replacement(sizes, n)]


def _less(whole: Sums, part: Sums) -> Sums | None:
    rest = Counter(whole)
    rest.subtract(part)
    return None if min(rest.values(), default=0) < 0 else tuple(sorted(rest.elements()))


class Placement:
    """The placements of templates with up to `sums` summed items and up to `edges` edges.

    `layers` and `widths` are ranges, from and to: 2 to 4 layers, 1 to 4 items each.
    """

    def __init__(self, sums: int, edges: int, layers: tuple[int, int], widths: tuple[int, int]) -> None:
        if not 2 <= layers[0] <= layers[1] <= LAYERS:
            raise SynthgenError(f"layers = {list(layers)}: want two rising numbers in 2 to {LAYERS}")
        if not 1 <= widths[0] <= widths[1] <= MOST_WIDE:
            raise SynthgenError(f"widths = {list(widths)}: want two rising numbers in 1 to {MOST_WIDE}")
        self.edges, self.layers = edges, layers
        self.sums = all_sums(sums)
        self.index = {s: i for i, s in enumerate(self.sums)}
        self.vectors = [
            v for n in range(1, layers[1] + 1) for v in itertools.product(range(widths[0], widths[1] + 1), repeat=n)
        ]

    @functools.cached_property
    def tables(self) -> Places:
        """The tables; some 0.1 s for two sums."""
        parts = [
            [(self.index[part], self.index[rest]) for part in self.sums if (rest := _less(whole, part)) is not None]
            for whole in self.sums
        ]
        without = np.full((len(self.sums), MAX_CHILDREN + 1), -1, np.int64)
        for i, whole in enumerate(self.sums):
            without[i, 0] = sum(whole)
            for c in set(whole):
                without[i, c] = self.index[_less(whole, (c,)) or ()]
        rows = self._rows(without)
        deep, top = self._blocks(rows, parts)
        fitting = np.zeros(top.shape, np.int64)
        first = np.zeros((*top.shape[:2], LAYERS + 2), np.int64)
        length = np.array([len(v) for v in self.vectors])
        for s, k in itertools.product(*map(range, top.shape[:2])):
            fits = np.flatnonzero(top[s, k])
            fitting[s, k, : len(fits)] = fits
            first[s, k] = np.searchsorted(length[fits], np.arange(LAYERS + 2))
        index = {v: i for i, v in enumerate(self.vectors)}
        vectors = [(len(v), *v, *(0,) * (LAYERS - len(v)), index.get(v[1:], -1)) for v in self.vectors]
        return Places(
            without,
            np.array([pair for pairs in parts for pair in pairs], np.int64),
            np.cumsum([0] + [len(pairs) for pairs in parts]).astype(np.int64),
            rows,
            np.array(vectors, np.int64),
            deep,
            top,
            fitting,
            first,
            np.array([[math.comb(n, k) for k in range(5)] for n in range(5)], np.int64),
        )

    def _rows(self, without: np.ndarray) -> np.ndarray:
        """Return the ways to fill the items left of a block of b children, of which some have no parent yet."""
        rows = np.zeros((MOST_WIDE + 1, 2, MOST_WIDE + 1, MOST_WIDE + 1, len(self.sums), _BLOCK), np.int64)
        rows[:, :, 0, 0, 0, 0] = 1
        cells = itertools.product(range(1, MOST_WIDE + 1), (0, 1), range(1, MOST_WIDE + 1), range(MOST_WIDE + 1))
        for b, top, left, uncovered in cells:
            if uncovered > b:
                continue
            cell = rows[b, top, left, uncovered]
            for degree in range(b + 1):
                for new in range(min(degree, uncovered) + 1):
                    ways = math.comb(uncovered, new) * math.comb(b - uncovered, degree - new)
                    after = rows[b, top, left - 1, uncovered - new]
                    if degree >= top:
                        cell[:, degree:] += ways * after[:, : _BLOCK - degree]
                    if degree:
                        has = without[:, degree] >= 0
                        cell[has] += ways * after[without[has, degree]]
        return rows

    def _blocks(self, rows: np.ndarray, parts: list[list[tuple[int, int]]]) -> tuple[np.ndarray, np.ndarray]:
        """Return `Places.below` and `Places.whole`."""
        index = {v: i for i, v in enumerate(self.vectors)}
        most = self.edges + 1
        deep = np.zeros((len(self.sums), most, len(self.vectors)), np.int64)
        whole = np.zeros_like(deep)
        for v, widths in enumerate(self.vectors):
            if len(widths) == 1:
                deep[0, 0, v] = 1
                continue
            a, b, rest = widths[0], widths[1], index[widths[1:]]
            for table, top in ((deep, 0), (whole, 1)):
                if top and len(widths) < self.layers[0]:
                    continue
                for s, pairs in enumerate(parts):
                    for part, other in pairs:
                        ways = np.convolve(rows[b, top, a, b, part], deep[other, :, rest])
                        table[s, :, v] += ways[:most]
        return deep, whole

    def vectors_of(self, sums: Sums, free: int) -> list[tuple[int, ...]]:
        """Return the vectors of widths into which these sums and this many free edges fit."""
        fitting = np.flatnonzero(self.tables.whole[self.index[sums], free])
        return [self.vectors[v] for v in fitting]

    def demand_place(self, sums: Sums, free: int) -> None:
        """Raise SynthgenError where these sums and this many free edges fit into no vector of widths."""
        if not self.tables.whole[self.index[sums], free].any():
            raise SynthgenError(
                f"no structure graph has {free + sum(sums)} edges, {list(sums)} of them in sums: "
                "widen layers or widths, or ask for fewer sentences"
            )

    def widths_law(self, sums: Sums, free: int) -> dict[tuple[int, ...], float]:
        """Return the law of the widths. Raises SynthgenError where nothing fits."""
        self.demand_place(sums, free)
        vectors = self.vectors_of(sums, free)
        by_layers = Counter(map(len, vectors))
        return {v: 1 / len(by_layers) / by_layers[len(v)] for v in vectors}

    def bits(self, sums: Sums, free: int, sentences: int) -> float:
        """Return the mean bits of a placement with `free` free edges, `sentences` of them of the template."""
        table = self.tables.whole[self.index[sums], free]
        index = {v: i for i, v in enumerate(self.vectors)}
        law = self.widths_law(sums, free)
        graph = math.fsum(p * (math.log2(table[index[v]]) - math.log2(p)) for v, p in law.items())
        same = math.fsum(math.log2(math.factorial(n)) for n in Counter(sums).values())
        members = math.fsum(math.log2(math.factorial(c)) for c in sums)
        return graph + same + members + math.log2(math.perm(free, sentences))


def new_placed() -> np.record:
    """Return an empty scratch record for `place`."""
    return np.zeros(1, np.dtype((np.record, PLACED)))[0]


# ---------------------------------------------------------------------------------------------------------------------


@register_jitable
def _nth_bits(mask, k, number, binomial):
    """Return the k-subset `number` of a mask of at most four bits, as a mask (colex order)."""
    size = 0
    for place in range(MOST_WIDE):
        size += mask >> place & 1
    chosen = 0
    for place in range(MOST_WIDE - 1, -1, -1):
        if mask >> place & 1:
            size -= 1
            if k > 0 and number >= binomial[size, k]:
                number -= binomial[size, k]
                chosen |= 1 << place
                k -= 1
    return chosen


@register_jitable
def _fill_block(t, w, layer, a, b, top, s, k, number):
    """Give the items of one layer their children: outcome `number` of the block's."""
    bare = (1 << b) - 1  # children without a parent yet
    uncovered = b
    for item in range(a):
        left = a - 1 - item
        degree, new, after, marked, settled = 0, 0, 0, 0, False
        for case in range(2 * (b + 1)):
            if settled:
                break
            marked, degree = case & 1, case >> 1
            next_s = t.without[s, degree] if marked else s
            next_k = k if marked else k - degree
            if (marked and (degree == 0 or next_s < 0)) or (not marked and (degree < top or next_k < 0)):
                continue
            for used in range(min(degree, uncovered) + 1):
                ways = t.binomial[uncovered, used] * t.binomial[b - uncovered, degree - used]
                after = t.rows[b, top, left, uncovered - used, next_s, next_k]
                if number < ways * after:
                    settled = True
                    new = used
                    break
                number -= ways * after
        if marked:
            s = t.without[s, degree]
        else:
            k -= degree
        ways, number = number // after, number % after
        some = t.binomial[uncovered, new]
        fresh = _nth_bits(bare, new, ways % some, t.binomial)
        again = _nth_bits(((1 << b) - 1) & ~bare, degree - new, ways // some, t.binomial)
        w.edge[layer, item] = fresh | again
        w.mark[layer, item] = marked
        bare &= ~fresh
        uncovered -= new


@register_jitable
def _plot_graph(state, t, s, k, p, w):
    """Draw layers, widths and the edges with marked items into p and w."""
    options = 0
    for layers in range(2, LAYERS + 1):
        if t.fitting_first[s, k, layers + 1] > t.fitting_first[s, k, layers]:
            options += 1
    choice = below(state, options)
    first, size = 0, 0
    for layers in range(2, LAYERS + 1):
        here = t.fitting_first[s, k, layers + 1] - t.fitting_first[s, k, layers]
        if here > 0:
            if choice == 0:
                first, size = t.fitting_first[s, k, layers], here
            choice -= 1
    v = t.fitting[s, k, first + below(state, size)]
    p.layers = t.vectors[v, DEPTH]
    for i in range(p.layers):
        p.width[i] = t.vectors[v, WIDTHS + i]
    number = below(state, t.whole[s, k, v])
    for layer in range(p.layers - 1):
        a, b = p.width[layer], p.width[layer + 1]
        top = 1 if layer == 0 else 0
        v = t.vectors[v, INNER]
        part, rest, inner, outer, free, settled = 0, 0, 0, 0, 0, False
        for pair in range(t.part_first[s], t.part_first[s + 1]):
            if settled:
                break
            part, rest = t.parts[pair, PART], t.parts[pair, REST]
            for here in range(min(k, a * b) + 1):
                inner, outer = t.rows[b, top, a, b, part, here], t.below[rest, k - here, v]
                if number < inner * outer:
                    settled = True
                    free = here
                    break
                number -= inner * outer
        _fill_block(t, w, layer, a, b, top, part, free, number // outer)
        number = number % outer
        s = rest
        k -= free
    for item in range(p.width[p.layers - 1]):
        w.edge[p.layers - 1, item] = 0
        w.mark[p.layers - 1, item] = 0


@register_jitable
def place(state, t, template, edges, p, w):
    """Draw a structure graph with `edges` edges around `template`, and put its parameters there.

    Fills the structure and `order`, `necessary` of p, and in w the parameter of each node and the free edges that are
    left, in rising order: those of unnecessary sentences. Books their bits; goes on with the draws of `state`.
    """
    s, sums, members = 0, 0, 0
    for size in range(1, MAX_CHILDREN + 1):
        for node in range(template.nodes):
            if template.kind[node] == SUMMED and template.refs[node] == size:
                w.summed[sums] = node
                sums += 1
                members += size
    s = _sums_index(t, template, w, sums)
    _plot_graph(state, t, s, edges - members, p, w)
    number_parameters(p, w.edge)
    for first in range(sums):  # sums of one size go to the marked items of that size in any order
        last = first
        while last + 1 < sums and template.refs[w.summed[last + 1]] == template.refs[w.summed[first]]:
            last += 1
        other = first + below(state, last - first + 1)
        w.summed[first], w.summed[other] = w.summed[other], w.summed[first]
    w.frees = 0
    for layer in range(p.layers - 1):
        for item in range(p.width[layer]):
            parent = p.first[layer] + item
            if w.mark[layer, item] == 0:
                for i in range(p.children[parent]):
                    w.free[w.frees] = p.child[parent, i]
                    w.frees += 1
                continue
            taken = 0
            while template.refs[w.summed[taken]] != p.children[parent]:
                taken += 1
            node = w.summed[taken]
            for later in range(taken, sums - 1):
                w.summed[later] = w.summed[later + 1]
            sums -= 1
            w.parameter[node] = p.abstract[parent, layer + 1]
            for i in range(p.children[parent]):
                w.members[i] = p.child[parent, i]
            for i in range(p.children[parent]):
                other = i + below(state, p.children[parent] - i)
                w.members[i], w.members[other] = w.members[other], w.members[i]
                w.parameter[template.ref[node, i]] = w.members[i]
    for node in range(template.nodes):
        if template.kind[node] == STATED and template.under[node] < 0:
            which = below(state, w.frees)
            w.parameter[node] = w.free[which]
            w.frees -= 1
            for later in range(which, w.frees):
                w.free[later] = w.free[later + 1]
    _fill_sentences(template, p, w)


@register_jitable
def _sums_index(t, template, w, sums):
    """Return which `Sums` a template has: the one from which taking them away leaves none."""
    for s in range(len(t.without)):
        rest = s
        for i in range(sums):
            if rest >= 0:
                rest = t.without[rest, template.refs[w.summed[i]]]
        if rest == 0:
            return s
    return -1


@register_jitable
def _fill_sentences(template, p, w):
    """Write the solution's sentences and its order."""
    sentences = 0
    for node in range(template.nodes):
        x = w.parameter[node]
        p.order[node] = x
        if template.kind[node] == STATED:
            p.refs[x] = template.refs[node]
            p.literal[x] = template.literal[node]
            p.minus[x] = template.minus[node]
            for i in range(template.refs[node]):
                p.ref[x, i] = w.parameter[template.ref[node, i]]
            p.made[sentences] = x
            sentences += 1
    p.steps = template.nodes
