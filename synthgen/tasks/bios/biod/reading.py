"""What reads: the ids of a row back to a name, values and an order, from the params and the diversity sets alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthgen.tasks.bios.biod.params import BiodParams
from synthgen.tasks.bios.biod.symbols import PRONOUN, SPECIALS


def read(ids: Sequence[int], params: BiodParams, strings: np.ndarray) -> dict[str, Any]:
    """Return name, values (numbers of chunks in `strings`, (K, D, L)) and order. Raises ValueError on anything else."""
    blocks = np.cumsum([SPECIALS, params.K, *params.names, params.T]).tolist()

    def number(token: int, block: int) -> int:
        if not blocks[block] <= token < blocks[block + 1]:
            raise ValueError(f"id {token} where one from {blocks[block]} to {blocks[block + 1] - 1} belongs")
        return token - blocks[block]

    width = params.C * params.L
    if len(ids) != 3 + (params.K - 1) + params.K * (1 + width):
        raise ValueError(f"{len(ids)} ids")
    name = [number(token, 1 + part) for part, token in enumerate(ids[:3])]
    order, values, at = [], [-1] * (params.K * params.C), 3
    for place in range(params.K):
        if place:
            if ids[at] != PRONOUN:
                raise ValueError("a sentence after the first begins with the pronoun")
            at += 1
        attribute = number(ids[at], 0)
        order.append(attribute)
        for chunk in range(params.C):
            begins = at + 1 + chunk * params.L
            string = [number(token, 4) for token in ids[begins : begins + params.L]]
            matches = np.flatnonzero((strings[attribute] == string).all(axis=1))
            if not len(matches):
                raise ValueError(f"{string} is no chunk of attribute {attribute}")
            values[attribute * params.C + chunk] = int(matches[0])
        at += 1 + width
    if sorted(order) != list(range(params.K)):
        raise ValueError("every attribute stands there once")
    return {"name": dict(zip(("first", "middle", "last"), name, strict=True)), "values": values, "order": order}
