"""Means of Brevo rows that no formula gives: over sampled rows, size by size, the same for every seed and split."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import log2_factorial
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.kit.named_nodes import NamedNodes
from synthgen.task.kit.sizes import SizeLaw
from synthgen.tasks.brevo.law import EXACT_NODES, released_exactly
from synthgen.tasks.brevo.marks import alphabet_of
from synthgen.tasks.brevo.params import BrevoParams
from synthgen.tasks.brevo.writing.rows import draw_rows
from synthgen.tasks.brevo.writing.sampler import DEPTH, LISTED, STAGES, STATEMENTS

SAMPLE_ROWS = 4096
"""Rows behind an estimate, shared out over the sizes by their probability, at least 16 each."""


@dataclass
class Means:
    """Mean bits by book with squared standard errors, and what else was counted, over `rows` sampled rows."""

    rows: int
    value: dict[str, float]
    variance: dict[str, float]
    facts: dict[str, Any]


@functools.lru_cache(maxsize=64)
def sampled_means(params_json: str) -> Means:
    """Return the means of the law that params (as JSON) are: exact ones for the smallest released graphs."""
    params, state = BrevoParams.model_validate_json(params_json), new_state()
    nodes, (_, marks) = NamedNodes.of(params), alphabet_of(params)
    stream, words = Keys(0, split="estimate"), nodes.words
    keys = np.array([stream.split(stage) for stage in STAGES])
    exact = params.law == "released"
    measures = ("graph", "names", "order", "answer", "tokens", "listed", "statements")
    value, variance = dict.fromkeys(measures, 0.0), dict.fromkeys(measures, 0.0)
    depths, sizes, rows = np.zeros(64), np.zeros(params.nodes + 1), 0
    for n, share in nodes.sizes.law.items():
        number = max(16, round(SAMPLE_ROWS * share))
        one_size = replace(nodes, sizes=SizeLaw.of("maximum", n, n))
        drawn = draw_rows(state, keys, rows, rows + number, params, marks, one_size)
        rows += number
        samples = {book: drawn.units[:, STAGES.index(book)] / UNITS_PER_BIT for book in measures[:4]}
        samples |= {
            "tokens": np.diff(drawn.ends, prepend=0),
            "listed": drawn.figures[:, LISTED],
            "statements": drawn.figures[:, STATEMENTS],
        }
        mean = {measure: float(samples[measure].mean()) for measure in measures}
        spread = {measure: float(samples[measure].var(ddof=1)) / number for measure in measures}
        if exact and n <= EXACT_NODES:
            known, named = released_exactly(n, params.degree, params.most_leaves(n), params.queries(n))
            known["names"] = math.fsum(p * (words.set_bits[v] + log2_factorial(v)) for v, p in named.items())
            mean |= known
            spread |= dict.fromkeys(known, 0.0)
        for measure in measures:
            value[measure] += share * mean[measure]
            variance[measure] += share * share * spread[measure]
        depths[:64] += share * np.bincount(np.minimum(drawn.figures[:, DEPTH], 63), minlength=64) / number
        sizes += share * np.bincount(drawn.figures[:, LISTED], minlength=params.nodes + 1) / number
    facts: dict[str, Any] = {"sampled_rows": rows}
    for measure in measures[4:]:
        facts[f"expected_{measure}"] = {"mean": value[measure], "se": math.sqrt(variance[measure])}
    facts["depth_law"] = {str(k): float(p) for k, p in enumerate(depths) if p > 0}
    facts["listed_quantiles"] = {f"{q}%": int(np.searchsorted(np.cumsum(sizes), q / 100)) for q in (5, 25, 50, 75, 95)}
    return Means(rows, value, variance, facts)
