"""The law of graphs: which graph is how likely, in choices that any text shows.

A graph has *needed* things, of which one is asked for and all others are its ancestors, and *others* that nothing
needed depends on. Every thing has at most `d` parents. All graphs on named things shall be weighed alike, but for a
factor w_k for every thing with k parents. To draw parents among earlier things of a hidden order would not do: the text
does not tell the order, and to add up the chances of all orders takes time exponential in the graph. So a graph is
taken apart as the text itself says, in layers. The first layer is what no thing of its kind needs (of the needed ones,
that is the one asked for); without it, what nothing needs any more is the next layer, and so on. Layers can be read off
a graph, each thing of a layer has a child in the layer before, and there are

    R(a, t, b) = R(a, t - 1, b) - R(a - 1, t - 1, b),    R(a, 0, b) = S(a)^b,    S(a) = sum over k of w_k C(a, k)

weighed ways for b things to have parents among a deeper ones so that t certain ones get a child (the next layer). Below
a layer of s of n things that are left there are then

    A(n, s) = C(n, s) * sum over t of A(n - s, t) R(a, t, s),    A(s, s) = C(s, s) * R(a, 0, s)

graphs, where a is n - s, and for the others all needed things more: these may be their parents too. (Robinson 1973
counts acyclic digraphs so.) A graph is drawn by the sizes of its layers, each given the one before, and within a layer
thing by thing, in the order of names: how many parents, how many of them among those that still lack a child, and
which. Names come in sets, one a layer. So graph and names stand for each other one to one, and the bits of every
choice are counted again from the text.

Weights are whole numbers below 2^31: those above it are scaled down, none to 0, which changes chances by less than
2^-20 or so. What is drawn, booked, recounted and averaged here is the law with these numbers, exactly.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

WEIGHT_BITS = 31
"""Sums of weights are below 2^31: such draws take one word of 32 bits."""

MOST_PARENTS = 3

CHOICES = tuple((k, j) for k in range(MOST_PARENTS + 1) for j in range(k + 1))
"""What a thing can have: k parents, j of them things that lack a child so far."""


class Tables(NamedTuple):
    """The law as kernels take it: running sums of weights, and binomials."""

    first: np.ndarray  # (needed + 1, others + 1, others + 1): of the first layer's size less 1, of the others
    following: np.ndarray  # (base + 1, left + 1, size + 1, left + 1): of the next layer's size less 1
    parents: np.ndarray  # (deeper + 1, lacking + 1, things + 1, len(CHOICES)): of what a thing has
    binomials: np.ndarray  # (names + 1, names + 1)


class Means(NamedTuple):
    """Means over the graphs of one size."""

    bits: float
    layers: float  # of the sum of log2 (size of a layer)!
    roots: float  # things without parents
    pairs: float  # things with two parents, and with three
    triples: float

    def plus(self, other: Means, share: float = 1.0) -> Means:
        """Return these and a share of others."""
        return Means(*(a + share * b for a, b in zip(self, other, strict=True)))


NOTHING = Means(0.0, 0.0, 0.0, 0.0, 0.0)


class GraphLaw:
    """The weights of all choices of a graph; everything is worked out when it is asked for, and kept."""

    def __init__(self, weights: tuple[int, ...]) -> None:
        self._weights = weights

    def _choices(self, deeper: int) -> int:
        return sum(weight * math.comb(deeper, k) for k, weight in enumerate(self._weights))

    @functools.cache  # noqa: B019
    def _ways(self, deeper: int, lacking: int, things: int) -> int:
        """R: the weighed ways of some things to have parents among `deeper` ones, so that none stays `lacking`."""
        if lacking == 0:
            return self._choices(deeper) ** things
        return self._ways(deeper, lacking - 1, things) - self._ways(deeper - 1, lacking - 1, things)

    @functools.cache  # noqa: B019
    def _graphs(self, base: int, left: int, size: int) -> int:
        """A: the weighed graphs of `left` things whose first layer has `size`, above `base` things that are given."""
        deeper = left - size
        if not deeper:
            return self._ways(base, 0, size)
        layers = range(1, deeper + 1)
        below = sum(self._graphs(base, deeper, t) * self._ways(base + deeper, t, size) for t in layers)
        return math.comb(left, size) * below

    @functools.cache  # noqa: B019
    def first(self, base: int, left: int) -> tuple[int, ...]:
        """Return the weights of the sizes 1, 2, ... of the first layer of others."""
        return _scaled([self._graphs(base, left, size) for size in range(1, left + 1)])

    @functools.cache  # noqa: B019
    def following(self, base: int, left: int, size: int) -> tuple[int, ...]:
        """Return the weights of the sizes 1, 2, ... of the layer after one of `size` of the things `left`."""
        deeper = left - size
        return _scaled(
            [self._graphs(base, deeper, t) * self._ways(base + deeper, t, size) for t in range(1, deeper + 1)]
        )

    @functools.cache  # noqa: B019
    def parents(self, deeper: int, lacking: int, things: int) -> tuple[int, ...]:
        """Return the weights of `CHOICES` for the first of some things of a layer, where they can be at all."""
        weights = []
        for k, j in CHOICES:
            possible = k < len(self._weights) and j <= lacking and k - j <= deeper - lacking
            ways = math.comb(lacking, j) * math.comb(deeper - lacking, k - j) * self._weights[k] if possible else 0
            weights.append(ways * self._ways(deeper, lacking - j, things - 1) if ways else 0)
        return _scaled(weights)

    # -- means --------------------------------------------------------------------------------------------------------

    def means(self, needed: int, others: int) -> Means:
        """Return the means over the graphs of a size."""
        means = self._of_layers(0, needed, 1)
        if others:
            for size, share, bits in _laid_out(self.first(needed, others)):
                means = means.plus(Means(bits, 0, 0, 0, 0).plus(self._of_layers(needed, others, size + 1)), share)
        return means

    @functools.cache  # noqa: B019
    def _of_layers(self, base: int, left: int, size: int) -> Means:
        deeper, layer = left - size, Means(0.0, math.log2(math.factorial(size)), 0.0, 0.0, 0.0)
        if not deeper:
            return layer.plus(self._of_thing(base, 0, size))
        for t, share, bits in _laid_out(self.following(base, left, size)):
            here = self._of_thing(base + deeper, t + 1, size).plus(self._of_layers(base, deeper, t + 1))
            layer = layer.plus(Means(bits, 0, 0, 0, 0).plus(here), share)
        return layer

    @functools.cache  # noqa: B019
    def _of_thing(self, deeper: int, lacking: int, things: int) -> Means:
        if not things:
            return NOTHING
        means = NOTHING
        for c, share, bits in _laid_out(self.parents(deeper, lacking, things)):
            k, j = CHOICES[c]
            which = math.log2(math.comb(lacking, j) * math.comb(deeper - lacking, k - j))
            here = Means(bits + which, 0.0, float(k == 0), float(k == 2), float(k == 3))
            means = means.plus(here.plus(self._of_thing(deeper, lacking - j, things - 1)), share)
        return means

    # -- tables -------------------------------------------------------------------------------------------------------

    @functools.cache  # noqa: B019
    def tables(self, needed: tuple[int, int], others: tuple[int, int], names: int) -> Tables:
        """Return the law of some sizes, from and to, as arrays."""
        most, more = needed[1], others[1]
        left = max(most, more)
        first = np.zeros((most + 1, more + 1, more + 1), np.int64)
        following = np.zeros((most + 1, left + 1, left + 1, left + 1), np.int64)
        parents = np.zeros((most + more + 1, left + 1, left + 1, len(CHOICES)), np.int64)
        bases = [(0, most)] + [(m, more) for m in range(needed[0], most + 1) if more]
        for base, things in bases:
            for n in range(1, things + 1):
                if base:
                    _fill(first[base, n], self.first(base, n))
                for size in range(1, n + 1):
                    if n > size:
                        _fill(following[base, n, size], self.following(base, n, size))
                    self._fill_parents(parents, base + n - size, n - size, size)
        binomials = np.array([[math.comb(n, k) for k in range(names + 1)] for n in range(names + 1)], np.int64)
        return Tables(first, following, parents, binomials)

    def _fill_parents(self, table: np.ndarray, deeper: int, left: int, size: int) -> None:
        for lacking in range(min(left, size * MOST_PARENTS) + 1):
            for things in range(1, size + 1):
                if not table[deeper, lacking, things, -1]:
                    _fill(table[deeper, lacking, things], self.parents(deeper, lacking, things))


def _fill(row: np.ndarray, weights: tuple[int, ...]) -> None:
    sums = np.cumsum(weights)
    row[:] = sums[-1]
    row[: sums.size] = sums


def _scaled(weights: list[int]) -> tuple[int, ...]:
    """Return weights as whole numbers without a common factor, whose sum is below 2^31; none that counts becomes 0."""
    if not any(weights):
        return tuple(weights)
    shared = math.gcd(*weights)
    excess = max(0, (sum(weights) // shared).bit_length() + 1 - WEIGHT_BITS)
    return tuple(weight and max(1, (weight // shared) >> excess) for weight in weights)


def _laid_out(weights: tuple[int, ...]) -> Iterator[tuple[int, float, float]]:
    """Give the numbers of choices that can be, with their chances and bits."""
    total = sum(weights)
    for number, weight in enumerate(weights):
        if weight:
            yield number, weight / total, math.log2(total) - math.log2(weight)


@functools.lru_cache(maxsize=64)
def graph_law(weights: tuple[int, ...]) -> GraphLaw:
    """Return the law of graphs with some weights."""
    return GraphLaw(weights)
