"""Depo1 as one would write it in plain Python: the baseline of the benchmark."""

from __future__ import annotations

import math
import random


def write_plainly(most: int, hops: int, symbols: int, generator: random.Random) -> list[int]:
    """Return the published ids of one row of Depo1: names of one or two tokens, ten queries."""
    sizes = range(3, most + 1)
    n = generator.choices(sizes, [1 / (k + math.sqrt(most)) for k in sizes])[0]
    names: dict[tuple[int, ...], None] = {}
    while len(names) < n:
        inner = [generator.randint(1, symbols) for _ in range(generator.randint(0, 1))]
        names[*inner, symbols + generator.randint(1, symbols)] = None
    cycle = list(names)
    generator.shuffle(cycle)
    ids: list[int] = []
    for i in generator.sample(range(n), n):
        ids += [*cycle[i], *cycle[(i + 1) % n]]
    for start in generator.sample(range(n), min(n, 10)):
        k = generator.randint(1, hops)
        ids += [9000 + k, *cycle[start], 9500, *cycle[(start + k) % n]]
    return ids
