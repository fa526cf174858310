"""What a graph has in all, and what may come next in its listing, for a model that has read the graph.

The published listing is drawn from its end: each node uniformly among those whose listed children all stand. Read from
the front, what stands is a set of nodes, and how likely the rest is to have left just these is a sum over all ways to
it: a program over such sets.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterator

import numpy as np

from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.kit.named_nodes import NamedNodes
from synthgen.task.kit.surprisal import Phrase, behind_prompt, walked
from synthgen.task.kit.words import read_words
from synthgen.tasks.brevo.marks import Marks
from synthgen.tasks.brevo.params import BrevoParams
from synthgen.tasks.brevo.reading import bits as recount
from synthgen.tasks.brevo.reading.rows import ParsedBrevo, read
from synthgen.tasks.brevo.text_entropy import MOST_CREATED, MOST_SETS, Shown, graph_bits, leaf_counts


class Listings:
    """The published listings of one graph; sets of the needed nodes are bits, in the order of `of`."""

    def __init__(self, reading: ParsedBrevo) -> None:
        """Raises OverflowError for a graph with more than MOST_SETS sets, or MOST_CREATED nodes to list."""
        self.of = sorted(reading.needed())
        if len(self.of) > MOST_CREATED:
            raise OverflowError
        bit = {node: 1 << i for i, node in enumerate(self.of)}
        children = [sum(bit[child] for child in self.of if node in reading.parents[child]) for node in self.of]
        self.all = (1 << len(self.of)) - 1
        # By size, what may stand: the sets, how likely each is at some time, and that one certain node leaves it then.
        seen, sets, reached = 0, np.array([self.all]), np.ones(1)
        self._levels: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for _ in range(len(self.of)):
            last = [(sets >> v & 1 == 1) & (sets & below == 0) for v, below in enumerate(children)]
            share = reached / np.sum(last, axis=0)
            self._levels.insert(0, (sets, reached, share))
            seen += sets.size
            if seen > MOST_SETS:
                raise OverflowError
            before = np.concatenate([sets[here] & ~(1 << v) for v, here in enumerate(last)])
            sets, place = np.unique(before, return_inverse=True)
            reached = np.zeros(sets.size)
            np.add.at(reached, place, np.concatenate([share[here] for here in last]))

    def next(self, standing: int) -> Iterator[tuple[float, int]]:
        """Give the nodes that may come next, by their numbers, and how likely each is."""
        sets, _, share = self._levels[standing.bit_count()]
        given = 1.0 if not standing else self._at(standing)
        for v in range(len(self.of)):
            place = int(np.searchsorted(sets, standing | 1 << v))
            if not standing >> v & 1 and place < sets.size and sets[place] == standing | 1 << v:
                yield float(share[place]) / given, v

    def _at(self, standing: int) -> float:
        sets, reached, _ = self._levels[standing.bit_count() - 1]
        return float(reached[np.searchsorted(sets, standing)])


class BrevoLaw:
    """The law of rows: what a graph and its query have in all, and the completion token by token."""

    def __init__(self, params: BrevoParams, marks: Marks, nodes: NamedNodes) -> None:
        self._params, self._marks, self._nodes = params, marks, nodes
        self._read = functools.lru_cache(maxsize=16)(self._read_prompt)

    def surprisals(self, numbers: tuple[int, ...]) -> np.ndarray:
        """Return the bits of each symbol of a row and of its end, (symbols + 1,)."""
        marks = self._marks
        try:
            asked = numbers.index(marks.query) + 1
            _, end = read_words(numbers, asked, marks.base, marks.symbols, marks.shortest, marks.longest)
            reading, bits, listings = self._read(numbers[:end])
        except ValueError:
            return np.full(len(numbers) + 1, np.inf)
        return behind_prompt(end, bits, self._completion(numbers[end:], reading, listings))

    def _read_prompt(self, numbers: tuple[int, ...]) -> tuple[ParsedBrevo, float, Listings | None]:
        """Return a prompt as it was read, its bits, and its listings, None where they are sorted or too many."""
        reading = read([*numbers, self._marks.answer, self._marks.end], self._marks)
        bits = self.prompt_bits(reading)
        try:
            return reading, bits, None if self._params.sorted else Listings(reading)
        except OverflowError:
            return reading, bits, None

    def prompt_bits(self, reading: ParsedBrevo) -> float:
        """Return the bits of statements and query; NaN where they are only known between two ends.

        Raises ValueError for what is none of the law's.
        """
        params, words, sizes = self._params, self._nodes.words, self._nodes.sizes
        layer = reading.layers()  # there is no circle
        if max(map(len, reading.parents.values())) > params.degree or len(layer) > params.nodes:
            raise ValueError("there are too many parents, or nodes")
        if params.law == "open":
            latent = {"nodes": len(layer), "leaves": sum(not depth for depth in layer.values())}
            return sum(recount.open_units(reading, latent, params, sizes, words)) / UNITS_PER_BIT
        if any(params.queries(n) > 1 for n in sizes.law):
            return math.nan
        children = Counter(parent for needs in reading.parents.values() for parent in needs)
        if max(children.values()) > params.degree or not reading.parents.get(reading.query) or children[reading.query]:
            raise ValueError("there are too many children, or the query is not the last node")
        if not leaf_counts(shown := Shown.of(reading), params, sizes.law)[0].size:
            raise ValueError("there is no such number of nodes")
        graph = graph_bits(shown, params, sizes.law)
        if graph is None:
            return math.nan
        units = recount.name_units(reading, params, words) + recount.order_units(reading)
        return graph + units / UNITS_PER_BIT

    def _completion(self, said: tuple[int, ...], reading: ParsedBrevo, listings: Listings | None) -> np.ndarray:
        if self._params.sorted:
            layer = reading.layers()
            listing = sorted(reading.needed(), key=lambda node: (layer[node], len(node), node))
            answer = (self._marks.answer, *[number for node in listing for number in node], self._marks.end)
            return walked(said, 0, lambda _, ahead: [(1.0, answer, None)])
        if listings is None:
            return np.full(len(said) + 1, np.nan)

        def follow(standing: int, ahead: Phrase) -> Iterator[tuple[float, Phrase, int | None]]:
            if standing < 0:
                yield 1.0, (self._marks.answer,), 0
            elif standing == listings.all:
                yield 1.0, (self._marks.end,), None
            else:
                for share, v in listings.next(standing):
                    yield share, listings.of[v], standing | 1 << v

        return walked(said, -1, follow)
