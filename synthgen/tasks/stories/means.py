"""Mean bits of the orders of steps and of retries: over all graphs where these are small, else over sampled rows."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from synthgen.exact.entropy import log2_factorial
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.certificates import Sampling
from synthgen.task.kit.retries import expected_bits, expected_number
from synthgen.tasks.stories.law import CHOICES, GraphLaw, graph_law
from synthgen.tasks.stories.params import Mistakes, StoriesParams

EXACT_THINGS = 4
"""Stories of up to so many things are gone through graph by graph."""

SAMPLE = 16_384
"""Rows behind a mean that no certificate makes narrow."""

STREAM = 1
"""Goes up whenever the sampler would draw other rows for certificates."""

SURFACE = {"packs", "wordings", "names", "modulus", "trained"}
"""Params that the orders of steps, and retries, do not depend on."""

Parents = tuple[frozenset[int], ...]
Candidates = dict[Mistakes, int]
Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of some rows: the needed things, the bits of the order of steps, candidates for a mistake before each step."""


def sizes_of(params: StoriesParams) -> list[tuple[int, int]]:
    """Return how many things are needed, and how many others there are: all pairs, all alike."""
    (least, most), (fewest, greatest) = params.needed, params.others
    return list(itertools.product(range(least, most + 1), range(fewest, greatest + 1)))


def graphs(law: GraphLaw, needed: int, others: int) -> Iterator[tuple[float, Parents]]:
    """Give every graph of a size, things in layers as `law` numbers them, and how likely it is."""
    for share, parents in _layers(law, 0, needed, 1, (), ()):
        if not others:
            yield share, parents
            continue
        weights = law.first(needed, others)
        for size, weight in enumerate(weights, 1):
            for more, whole in _layers(law, needed, others, size, parents, tuple(range(needed))):
                yield share * more * weight / sum(weights), whole


def _layers(
    law: GraphLaw, base: int, left: int, size: int, parents: Parents, given: tuple[int, ...]
) -> Iterator[tuple[float, Parents]]:
    at, deeper = len(parents), left - size
    follow = law.following(base, left, size) if deeper else (1,)
    for t, weight in enumerate(follow, 1):
        following = range(at + size, at + size + t) if deeper else range(0)
        rest = (*range(at + size + len(following), at + left), *given)
        for share, chosen in _of_things(law, frozenset(following), rest, size):
            whole, chance = (*parents, *chosen), share * weight / sum(follow)
            if not deeper:
                yield chance, whole
                continue
            for more, graph in _layers(law, base, deeper, t, whole, given):
                yield chance * more, graph


def _of_things(
    law: GraphLaw, lacking: frozenset[int], free: tuple[int, ...], things: int
) -> Iterator[tuple[float, Parents]]:
    if not things:
        yield 1.0, ()
        return
    weights = law.parents(len(lacking) + len(free), len(lacking), things)
    for (k, j), weight in zip(CHOICES, weights, strict=True):
        if not weight:
            continue
        share = weight / sum(weights) / math.comb(len(lacking), j) / math.comb(len(free), k - j)
        for one, other in itertools.product(combinations(sorted(lacking), j), combinations(free, k - j)):
            for more, rest in _of_things(law, lacking - set(one), (*free, *one), things - 1):
                yield share * more, (frozenset(one + other), *rest)


def _over_orders(parents: Parents, needed: int, value: Callable[[int, Candidates], float]) -> float:
    """Return the mean, over orders of the steps, of the sum of `value` of each step.

    Told how many things may be next, and how many may be begun by mistake, by kind.
    """

    @functools.cache
    def ahead(known: frozenset[int]) -> float:
        lacks = {thing: len(needs - known) for thing, needs in enumerate(parents) if thing not in known}
        ready = [thing for thing, number in lacks.items() if not number and thing < needed]
        if not ready:
            return 0.0
        candidates: Candidates = {
            "any": sum(n > 0 for n in lacks.values()),
            "near": sum(n == 1 for n in lacks.values()),
            "weak": needed - len(known) - 1,
        }
        here = value(len(ready), candidates)
        return here + math.fsum(ahead(known | {thing}) for thing in ready) / len(ready)

    return ahead(frozenset())


def walked(params: StoriesParams, value: Callable[[int, Candidates], float]) -> float:
    """Return the mean of `_over_orders` over all graphs. Only for stories of at most EXACT_THINGS things."""
    law, sizes = graph_law(params.weights), sizes_of(params)
    return math.fsum(
        share * _over_orders(parents, needed, value) / len(sizes)
        for needed, others in sizes
        for share, parents in graphs(law, needed, others)
    )


def orders_bits(ready: int, candidates: Candidates) -> float:
    """Return the bits of a step, for `walked`."""
    return math.log2(ready)


def retries_bits(params: StoriesParams, ready: int, candidates: Candidates) -> float:
    """Return the mean bits of what is taken back before a step, for `walked`."""
    return step_bits(params.retry.rate, candidates[params.retry.kind])


step_bits = functools.lru_cache(maxsize=1 << 12)(expected_bits)
step_number = functools.lru_cache(maxsize=1 << 12)(expected_number)


def samplings(params: StoriesParams, draw: Callable[[int, int], Drawn]) -> dict[str, Sampling]:
    """Return how the means of both books are drawn, with the number of needed things as a control."""
    needed = range(params.needed[0], params.needed[1] + 1)
    mean, most = sum(needed) / len(needed), params.most
    ends = [(needed[0] - mean, needed[-1] - mean)] if len(needed) > 1 else []

    def sampling(book: str, values: Callable[[Drawn], np.ndarray], highest: float) -> Sampling:
        def drawn(first: int, stop: int) -> np.ndarray:
            rows = draw(first, stop)
            return np.column_stack([values(rows), rows[0] - mean][: 1 + len(ends)])

        left_out = SURFACE | ({"retry"} if book == "solution" else set())
        law = {"stories": params.model_dump(mode="json", exclude=left_out), "book": book}
        return Sampling(law, STREAM, drawn, [(0.0, highest), *ends], SAMPLE)

    def of_retries(rows: Drawn) -> np.ndarray:
        return per_step(rows, functools.partial(step_bits, params.retry.rate))

    books = {"solution": sampling("solution", lambda rows: rows[1] / UNITS_PER_BIT, log2_factorial(needed[-1]))}
    if params.retry.rate:
        books["retries"] = sampling("retries", of_retries, needed[-1] * step_bits(params.retry.rate, most))
    return books


def per_step(rows: Drawn, value: Callable[[int], float]) -> np.ndarray:
    """Return the sum of `value(candidates)` over the steps of each of some rows, (rows,)."""
    needed, _, candidates = rows
    table = np.array([value(n) for n in range(candidates.shape[1] + 1)])
    steps = np.arange(candidates.shape[1]) < needed[:, None]
    return (table[np.where(steps, candidates, 0)] * steps).sum(axis=1)
