"""Ratios: shares as the smallest whole numbers, so that quotas and weights are exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction


def whole(weights: Sequence[float | int | Fraction]) -> tuple[int, ...]:
    """Return weights as the smallest integers of the same ratios; 0.1 is a tenth, not its nearest double.

    >>> whole([0.1, 0.25, 1])
    (2, 5, 20)
    """
    shares = [weight if isinstance(weight, Fraction) else Fraction(str(weight)) for weight in weights]
    common = math.lcm(*(share.denominator for share in shares))
    numbers = [int(share * common) for share in shares]
    divisor = math.gcd(*numbers) or 1
    return tuple(number // divisor for number in numbers)
