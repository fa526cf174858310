"""Means of Brevo's released law that no formula gives: from sampled rows, the same for every seed and split.

A mean is between two ends. Each value is taken less a smooth function of the row's number of nodes, fitted to other
rows, whose mean is known: most of the spread comes from the sizes. Where all graphs can be gone through, it is exact.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthgen.exact.bits import Bits
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import log2_factorial
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.exact.samples import Sums
from synthgen.task.kit.named_nodes import NamedNodes
from synthgen.tasks.brevo.law import EXACT_NODES, released_exactly
from synthgen.tasks.brevo.marks import alphabet_of
from synthgen.tasks.brevo.params import BrevoParams
from synthgen.tasks.brevo.writing.rows import draw_rows
from synthgen.tasks.brevo.writing.sampler import DEPTH, LISTED, NAMED, NODES, STAGES, STATEMENTS

FITTED_ROWS = 1024
"""Rows that the functions of the number of nodes are fitted to, a cubic each."""

SAMPLE_ROWS = 65_536
"""Further rows, which the means come from."""

CHUNK_ROWS = 4096
"""Rows that are drawn at once."""

SAMPLED = "mean of sampled rows"

Ends = tuple[float, float]


@dataclass(frozen=True)
class Means:
    """Mean bits of the books of graph, names, order and answer, and what else was counted."""

    books: dict[str, Bits]
    facts: dict[str, Any]


@functools.lru_cache(maxsize=64)
def sampled_means(params_json: str) -> Means:
    """Return the means of the law that params (as JSON) are; of the open law, the facts alone."""
    params = BrevoParams.model_validate_json(params_json)
    nodes = NamedNodes.of(params)
    fitted, sample = _Sample.of(params, nodes, 0, FITTED_ROWS), _Sample.of(params, nodes, FITTED_ROWS, SAMPLE_ROWS)
    facts = _facts(sample, params)
    if params.law == "open":  # whose books are formulas
        return Means({}, facts)
    sizes, books = sample.figures[:, NODES], {}
    degree = min(3, len(np.unique(fitted.figures[:, NODES])) - 1)
    small = {n: _walked(params, nodes, n) for n in nodes.sizes.law if n <= EXACT_NODES}
    for book, ends_of in _ends(params, nodes).items():
        if len(small) == len(nodes.sizes.law):
            books[book] = Bits(nodes.sizes.mean(lambda n, book=book: small[n][book]))  # type: ignore[misc]
            continue
        curve = np.polynomial.Polynomial.fit(fitted.figures[:, NODES], fitted.values(nodes)[book], degree)
        values = sample.values(nodes)[book]
        for n, known in small.items():
            values[sizes == n] = known[book]
        known_mean = nodes.sizes.mean(lambda n, curve=curve: float(curve(n)))  # type: ignore[misc]
        possible = [float(end - curve(n)) for n in nodes.sizes.law for end in ends_of(n)]
        ends = min(possible), max(possible)
        less = Sums.of(values - curve(sizes), ends).bracket(ends, ends, SAMPLED)
        books[book] = _raised(less, known_mean)
    return Means(books, facts)


@dataclass(frozen=True)
class _Sample:
    """What is kept of sampled rows."""

    figures: np.ndarray  # (rows, N_FIGURES) int64, as the sampler counts them
    bits: np.ndarray  # (rows, stages) float64
    tokens: np.ndarray  # (rows,) int64

    @classmethod
    def of(cls, params: BrevoParams, nodes: NamedNodes, start: int, rows: int) -> _Sample:
        stream, (alphabet, marks), state = Keys(0, split="estimate"), alphabet_of(params), new_state()
        keys = np.array([stream.split(stage) for stage in STAGES])
        symbols = alphabet.ids
        naming = nodes.words.naming(symbols, marks.base)
        chunks = []
        for first in range(start, start + rows, CHUNK_ROWS):
            stop = min(first + CHUNK_ROWS, start + rows)
            drawn = draw_rows(state, keys, first, stop, params, marks, nodes.sizes, naming, symbols)
            chunks.append((drawn.figures, drawn.units / UNITS_PER_BIT, np.diff(drawn.ends, prepend=0)))
        return cls(*(np.concatenate(kept) for kept in zip(*chunks, strict=True)))

    def values(self, nodes: NamedNodes) -> dict[str, np.ndarray]:
        """Return the bits of each book, (rows,) each; of names, their mean given how many there are."""
        names = np.array([_name_bits(nodes, v) for v in range(self.figures[:, NAMED].max() + 1)])
        bits = {book: self.bits[:, STAGES.index(book)] for book in ("graph", "order", "answer")}
        return bits | {"names": names[self.figures[:, NAMED]]}


def _name_bits(nodes: NamedNodes, named: int) -> float:
    return float(nodes.words.set_bits[named]) + log2_factorial(named)


def _walked(params: BrevoParams, nodes: NamedNodes, n: int) -> dict[str, float]:
    """Return the mean bits of each book over all graphs of n nodes."""
    known, named = released_exactly(n, params.degree, params.most_leaves(n), params.queries(n))
    names = math.fsum(share * _name_bits(nodes, v) for v, share in named.items())
    return {"graph": known["graph"], "order": known["order"], "answer": known["answer"], "names": names}


def _ends(params: BrevoParams, nodes: NamedNodes) -> dict[str, Callable[[int], Ends]]:
    """Return for each book the least and the most bits that a row of n nodes can have."""

    def graph(n: int) -> Ends:
        of_node = [
            math.log2(params.degree) + max(math.log2(math.comb(v, k)) for k in range(1, min(params.degree, v) + 1))
            for v in range(1, n)
        ]
        return 0.0, math.log2(params.most_leaves(n)) + math.fsum(of_node)

    return {
        "graph": functools.cache(graph),
        "names": lambda n: (0.0, _name_bits(nodes, n)),
        "order": lambda n: (0.0, log2_factorial(params.degree * (n - 1))),
        "answer": lambda n: (0.0, log2_factorial(n)),
    }


def _raised(bits: Bits, known: float) -> Bits:
    """Return a bracket with a known number added to it, of which it was the rest."""
    raised = bits + Bits(known)
    return Bits(
        raised.value, "bracket", bits.reason, low=max(0.0, raised.low), high=raised.high,
        level=bits.level, method=bits.method, n=bits.n,
    )  # fmt: skip


def _facts(sample: _Sample, params: BrevoParams) -> dict[str, Any]:
    rows, figures = len(sample.tokens), sample.figures
    counted = {
        "tokens": sample.tokens,
        "listed": figures[:, LISTED],
        "statements": figures[:, STATEMENTS],
    }
    facts: dict[str, Any] = {"sampled_rows": rows}
    for name, values in counted.items():
        facts[f"expected_{name}"] = {"mean": float(values.mean()), "se": float(values.std(ddof=1) / math.sqrt(rows))}
    depths = np.bincount(np.minimum(figures[:, DEPTH], 63)) / rows
    sizes = np.cumsum(np.bincount(figures[:, LISTED], minlength=params.nodes + 1)) / rows
    facts["depth_law"] = {str(k): float(p) for k, p in enumerate(depths) if p > 0}
    facts["listed_quantiles"] = {f"{q}%": int(np.searchsorted(sizes, q / 100)) for q in (5, 25, 50, 75, 95)}
    return facts
