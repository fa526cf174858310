"""Means of problems that no formula gives: of the books of rejected attempts, and of retries.

Each is the mean over a stream of problems of its own, the same for every seed, with the op of a problem as a control.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from synthgen.exact.bits import Bits
from synthgen.exact.entropy import log2_factorial
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.certificates import Sampling
from synthgen.task.kit.retries import expected_bits
from synthgen.task.rows import Rows
from synthgen.tasks.igsm.params import IgsmParams
from synthgen.tasks.igsm.writing.paper.sampler import MAX_EDGES
from synthgen.tasks.igsm.writing.problem import ITEMS, LAYERS, SYMBOLS
from synthgen.tasks.igsm.writing.rows import BOOKS
from synthgen.tasks.igsm.writing.surface import LONG_LETTERS

SAMPLE = 4096
"""Problems behind a mean that no certificate makes narrow."""

STREAM = 1
"""Goes up whenever the samplers would draw other problems for certificates."""

MOST_PARAMETERS = MAX_EDGES + 24
"""Parameters of a problem of the paper's sampler, at most."""

STRUCTURE_MOST = 8192.0
"""More than a problem's structure can have, in bits: of at most 38 edges and 62 parameters, the picks of `choose` have
at most 700 bits, references (bonus, coin, pick, number) 1,900, descriptions 1,400, growth 500, all else 700."""

SURFACE = {"format", "phrasing", "layout", "world"}
"""Params of the texts, which no book depends on."""

Draw = Callable[[int, int], Rows]
"""Draws the problems [first, stop) of the stream."""


def book_samplings(names: list[str], params: IgsmParams, draw: Draw) -> dict[str, Sampling]:
    """Return how the means of some books of the paper's law, or of its letters, are drawn."""
    sizes, parameters = params.sizes, MOST_PARAMETERS
    most = {
        "structure": STRUCTURE_MOST,
        "operators": 2.0 * MAX_EDGES,
        "solution_order": log2_factorial(parameters),
        "names": math.log2(sizes.chains * 5 * sizes.groups**LAYERS) + ITEMS * math.log2(sizes.names),
        "values": MAX_EDGES * math.log2(params.modulus),
        "sentence_order": log2_factorial(MAX_EDGES),
        "letters": SYMBOLS * math.log2(LONG_LETTERS),
    }

    def values(rows: Rows, name: str) -> np.ndarray:
        return rows.units[:, BOOKS.index(name)] / UNITS_PER_BIT

    return {name: _sampling(name, params, draw, functools.partial(values, name=name), most[name]) for name in names}


def retry_sampling(params: IgsmParams, draw: Draw) -> Sampling:
    """Return how the mean bits of retries are drawn: those of a problem have a formula, given its candidates."""
    assert params.retry
    rate = params.retry.rate

    def values(rows: Rows) -> np.ndarray:
        steps = rows.latent["candidates"].to_pylist()
        return np.array([math.fsum(step_bits(rate, candidates) for candidates in problem) for problem in steps])

    return _sampling("retries", params, draw, values, SYMBOLS * expected_bits(rate, SYMBOLS))


step_bits = functools.lru_cache(maxsize=1 << 14)(expected_bits)


def sampled_bits(sampling: Sampling, reason: str) -> Bits:
    """Return the mean of a sampling."""
    mean = sampling.mean(f"{reason}; mean of sampled problems")
    assert mean is not None
    return mean


def _sampling(name: str, params: IgsmParams, draw: Draw, values: Callable[[Rows], np.ndarray], most: float) -> Sampling:
    weights = params.op_weights
    mean_op = sum(op * weight for op, weight in weights.items()) / sum(weights.values())
    ends = [(0.0, most)]
    if len(weights) > 1 and not params.reask:  # asked again, a problem has another op, of unknown mean
        ends.append((min(weights) - mean_op, max(weights) - mean_op))

    def drawn(first: int, stop: int) -> np.ndarray:
        rows = draw(first, stop)
        columns = [values(rows), rows.difficulty - mean_op]
        return np.column_stack(columns[: len(ends)])

    stated = params.model_dump(mode="json", exclude=SURFACE | (set() if name == "retries" else {"retry"}))
    law: Mapping[str, Any] = {"igsm": stated, "book": name}
    return Sampling(law, STREAM, drawn, ends, SAMPLE)
