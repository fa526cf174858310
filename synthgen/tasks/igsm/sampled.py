"""Means of problems that no formula gives: of the books of rejected attempts, of retries, and of what texts show.

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
from synthgen.tasks.igsm.writing.paper.shown import MOST_BITS, OP, two_ends
from synthgen.tasks.igsm.writing.problem import ITEMS, LAYERS, SYMBOLS
from synthgen.tasks.igsm.writing.rows import BOOKS
from synthgen.tasks.igsm.writing.surface import ANY_ORDER, LONG_LETTERS

SAMPLE = 4096
"""Problems behind a mean that no certificate makes narrow."""

STREAM = 1
"""Goes up whenever the samplers would draw other problems for certificates."""

MOST_PARAMETERS = MAX_EDGES + 24
"""Parameters of a problem of the paper's sampler, at most."""

STRUCTURE_MOST = 8192.0
"""More than a problem's structure can have, in bits: of at most 38 edges and 62 parameters, the picks of `choose` have
at most 700 bits, references (bonus, coin, pick, number) 1,900, descriptions 1,400, growth 500, all else 700."""

TEXT_SAMPLE = 1024
"""The same of the two means that what a text shows is between."""

TEXT_ENDS = {"low": (-100.0, MOST_BITS), "high": (0.0, MOST_BITS + 10)}
"""What the two figures of a row can be at least and at most. The first cannot be less: a way of a first turn has a
chance of 1 at most, of which there are 2^8 times the numberings (2^19) and short lists (6); attempts take off 21 bits,
failed turns 23, the urn 7 and items out of sight 7."""

SURFACE = {"format", "phrasing", "layout", "world", "edition", "integers"}
"""Params of the texts, which no book depends on."""

Draw = Callable[[int, int], Rows]
"""Draws the problems [first, stop) of the stream."""


def book_samplings(names: list[str], params: IgsmParams, draw: Draw) -> dict[str, Sampling]:
    """Return how the means of some books of the paper's law, or of its letters, are drawn."""
    sizes, parameters = params.sizes, MOST_PARAMETERS
    most = {
        "structure": STRUCTURE_MOST,
        "operators": 2.0 * MAX_EDGES,
        "solution_order": log2_factorial(parameters if params.shortest else parameters + 1),
        "names": math.log2(sizes.chains * 5 * sizes.groups**LAYERS) + ITEMS * math.log2(sizes.names),
        "values": MAX_EDGES * math.log2(params.modulus),
        "sentence_order": _sentence_order_most(params),
        "letters": SYMBOLS * math.log2(LONG_LETTERS),
    }

    def values(rows: Rows, name: str) -> np.ndarray:
        return rows.units[:, BOOKS.index(name)] / UNITS_PER_BIT

    return {name: _sampling(name, params, draw, functools.partial(values, name=name), most[name]) for name in names}


def _sentence_order_most(params: IgsmParams) -> float:
    """Return the most bits of the order of sentences: of all parameters and the numbers, a step back of each, and ties.

    At level k there are at most k + 1 at one place.
    """
    if params.perm_level == ANY_ORDER:
        return log2_factorial(MAX_EDGES)
    return log2_factorial(MOST_PARAMETERS + 1) + 2 * MOST_PARAMETERS * math.log2(params.perm_level + 1)


def retry_sampling(params: IgsmParams, draw: Draw) -> Sampling:
    """Return how the mean bits of retries are drawn: those of a problem have a formula, given its candidates."""
    assert params.retry
    rate = params.retry.rate

    def values(rows: Rows) -> np.ndarray:
        steps = rows.latent["candidates"].to_pylist()
        return np.array([math.fsum(step_bits(rate, candidates) for candidates in problem) for problem in steps])

    return _sampling("retries", params, draw, values, SYMBOLS * expected_bits(rate, SYMBOLS))


def text_samplings(params: IgsmParams, chances: Callable[[int, int], np.ndarray]) -> dict[str, Sampling]:
    """Return how the means of two figures are drawn that the bits of a text given its op are between, by end.

    Of all but its letters; `chances` draws the columns of `writing.paper.shown` for problems of the stream.
    """

    @functools.lru_cache(maxsize=4)
    def figures(first: int, stop: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        columns = chances(first, stop)
        return columns[:, OP], two_ends(columns)

    def sampling(number: int, end: str) -> Sampling:
        mean_op, controls = _op_control(params)

        def drawn(first: int, stop: int) -> np.ndarray:
            ops, both = figures(first, stop)
            return np.column_stack([both[number], ops - mean_op][: 1 + len(controls)])

        law: Mapping[str, Any] = {"igsm": _stated(params), "text": end}
        return Sampling(law, STREAM, drawn, [TEXT_ENDS[end], *controls], TEXT_SAMPLE)

    return {end: sampling(number, end) for number, end in enumerate(TEXT_ENDS)}


step_bits = functools.lru_cache(maxsize=1 << 14)(expected_bits)


def sampled_bits(sampling: Sampling, reason: str) -> Bits:
    """Return the mean of a sampling."""
    mean = sampling.mean(f"{reason}; mean of sampled problems")
    assert mean is not None
    return mean


def _op_control(params: IgsmParams) -> tuple[float, list[tuple[float, float]]]:
    """Return the mean op, and the ends of a problem's op less it; none where the op is given, or its mean unknown."""
    weights = params.op_weights
    mean = sum(op * weight for op, weight in weights.items()) / sum(weights.values())
    if len(weights) == 1 or params.reask:  # asked again, a problem has another op, of unknown mean
        return mean, []
    return mean, [(min(weights) - mean, max(weights) - mean)]


def _stated(params: IgsmParams, *kept: str) -> dict[str, Any]:
    """Return what the law of a problem without its retries depends on."""
    return params.model_dump(mode="json", exclude=SURFACE | ({"retry"} - set(kept)))


def _sampling(name: str, params: IgsmParams, draw: Draw, values: Callable[[Rows], np.ndarray], most: float) -> Sampling:
    mean_op, controls = _op_control(params)

    def drawn(first: int, stop: int) -> np.ndarray:
        rows = draw(first, stop)
        return np.column_stack([values(rows), rows.difficulty - mean_op][: 1 + len(controls)])

    law: Mapping[str, Any] = {"igsm": _stated(params, *(["retry"] if name == "retries" else [])), "book": name}
    return Sampling(law, STREAM, drawn, [(0.0, most), *controls], SAMPLE)
