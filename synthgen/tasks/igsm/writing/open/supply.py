"""Is there a template for every row? Counts by op against the rows of a run, and the bound that a spec promises.

The chance that n rows of one op repeat a template is the birthday law: 1 - (1 - 1/C) (1 - 2/C) ... (1 - (n-1)/C) for C
templates. At 15 operations (1.5e24) a billion rows of that op repeat one with a chance of 3e-7; at 6 and fewer a
long run meets all of them. An op with no more templates than the bound is called enumerable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from synthgen.errors import SynthgenError

BOUND = 2**64
"""More templates than this is called uncapped, unless a spec says otherwise."""


@dataclass(frozen=True)
class Supply:
    """One op of a run: how many templates there are, and whether a run of `rows` rows needs more."""

    op: int
    share: float  # of the rows
    rows: int  # of the run, with this op: the expected number, rounded
    templates: int
    repeats: float  # the chance that two of these rows have one template
    enumerable: bool  # the count does not exceed the bound

    def to_json(self) -> dict[str, object]:
        """Return the mapping for `entropy` and cards; the count as a digit string, since it passes 2^64."""
        return {
            "op": self.op,
            "share": self.share,
            "rows": self.rows,
            "templates": str(self.templates),
            "repeats": self.repeats,
            "enumerable": self.enumerable,
        }


def repeat_chance(templates: int, rows: int) -> float:
    """Return the chance that `rows` uniform templates out of `templates` are not all different.

    >>> round(repeat_chance(365, 23), 4)
    0.5073
    """
    if rows > templates:
        return 1.0
    if rows * (rows - 1) > 80 * templates:  # a chance of less than e^-40 that none repeats
        return 1.0
    if rows <= 10_000:
        return -math.expm1(math.fsum(math.log1p(-(i / templates)) for i in range(1, rows)))
    # The sum of log(1 - i/C), expanded: here i/C is below 80/rows, and the third term below 1e-3 of the second.
    n, first = rows, rows * (rows - 1) / (2 * templates)
    second = (n - 1) * n * (2 * n - 1) / 12 / templates**2
    return -math.expm1(-(first + second + ((n - 1) * n / 2) ** 2 / 3 / templates**3))


def supplies(
    law: Mapping[int, float], rows: int, templates: Callable[[int], int], bound: int = BOUND
) -> tuple[Supply, ...]:
    """Return the supply of each op of a run of `rows` rows whose op follows `law` (probabilities)."""
    entries = []
    for op, share in sorted(law.items()):
        n, count = round(rows * share), templates(op)
        entries.append(Supply(op, share, n, count, repeat_chance(count, n), count <= bound))
    return tuple(entries)


def enumerable_share(table: tuple[Supply, ...]) -> float:
    """Return the share of the rows whose op has no more templates than the bound."""
    return math.fsum(line.share for line in table if line.enumerable)


def demand_uncapped(
    law: Mapping[int, float],
    templates: Callable[[int], int],
    uncapped_from: int,
    bound: int = BOUND,
    field: str = "params.uncapped_from",
) -> None:
    """Raise SynthgenError, with the numbers, unless every op of the law from `uncapped_from` on exceeds the bound.

    An op without any template is refused whatever the bound.
    """
    none = [op for op in law if templates(op) == 0]
    if none:
        raise SynthgenError(
            f"params.op = {min(none)}: no template of the requested shape has this number of operations"
        )
    short = {op: templates(op) for op in sorted(law) if op >= uncapped_from and templates(op) <= bound}
    if not short:
        return
    numbers = ", ".join(f"{count:,} at op {op}" for op, count in short.items())
    enough = [op for op in range(max(short) + 1, max(law) + 1) if op in law]
    fix = f"set it to {enough[0]} or more" if enough else "ask for a wider shape or for more operations"
    raise SynthgenError(
        f"{field} = {uncapped_from}: the templates are not uncapped: {numbers}, and the bound is {bound:,} ({fix})"
    )


def distinct_expected(templates: int, rows: int) -> float:
    """Return how many different templates `rows` uniform ones are expected to show: C (1 - (1 - 1/C)^rows)."""
    if templates == 1:
        return float(min(rows, 1))
    return float(-templates * np.expm1(rows * np.log1p(-1 / templates)))
