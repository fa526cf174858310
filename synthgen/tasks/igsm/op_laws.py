"""The laws of the target op that the released code has by name; the papers use `light`.

light     the lesser of two uniform numbers up to the greatest op
uniform   a uniform number
middle    the greatest of three uniform numbers
heavy     the last of three numbers, each uniform from the one before it on
"""

from __future__ import annotations

import functools
from fractions import Fraction

PARTS = 2**30
"""The law `heavy` is of fractions; it is rounded down to so many parts, and exact as such."""


@functools.cache
def op_weights(law: str, most: int) -> dict[int, int]:
    """Return the positive weights of the operations 1 to `most`."""
    if law == "uniform":
        return dict.fromkeys(range(1, most + 1), 1)
    if law == "light":
        return {op: 2 * (most - op) + 1 for op in range(1, most + 1)}
    if law == "middle":
        return {op: op**3 - (op - 1) ** 3 for op in range(1, most + 1)}
    return {op: int(share * PARTS) for op, share in _heavy(most).items()}


def _heavy(most: int) -> dict[int, Fraction]:
    first = second = third = Fraction(0)  # of the number that comes next: the chance to be this one
    shares = {}
    for op in range(1, most + 1):
        left = most - op + 1  # numbers from this one on
        first = Fraction(1, most)
        second += first / left
        third += second / left
        shares[op] = third
    return shares
