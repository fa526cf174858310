"""Laws of relations: how many ways there are to lay one over N people, and how many bits the paths of questions have.

pairs    two by two, each is the other's: an involution without fixed points, (N - 1)!! of them, all alike
circle   everybody has one and is one's, in a single round: (N - 1)! of them. So nobody comes back to themselves before
         N steps, and a chain of hops visits different people
many     everybody has one of B people, but never themselves: the B are any set, all alike, and then everybody's is any
         of them, all alike and independent
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from synthgen.exact.bits import Bits
from synthgen.exact.entropy import log2_binomial, log2_factorial

PAIRS, CIRCLE, MANY = range(3)
LAWS = {"pairs": PAIRS, "circle": CIRCLE, "many": MANY}


def relation_bits(law: str, people: int, bosses: int) -> Bits:
    """Return the bits of a relation over some people, `bosses` of whom those of `many` lead to.

    Who belongs to the few shows only where somebody has them: the bits of those whom nobody has are hidden. They are at
    most log2 N each, and so few that the two ends are mostly one float.
    """
    if law == "pairs":
        return Bits(log2_factorial(people) - people / 2 - log2_factorial(people // 2))
    if law == "circle":
        return Bits(log2_factorial(people - 1))
    few = log2_binomial(people, bosses) if bosses < people else 0.0
    full = few + (people - bosses) * math.log2(bosses) + bosses * math.log2(bosses - 1)
    idle = bosses * (1 - 1 / bosses) ** (people - bosses) * (1 - 1 / (bosses - 1)) ** (bosses - 1)  # expected number
    low = full - min(idle * math.log2(people), few)
    if low == full:
        return Bits(full)
    return Bits(full, "bracket", "people of the few whom nobody has do not show", low=low, high=full)


def path_bits(laws: Sequence[str], steps: int) -> float:
    """Return the expected bits of a path of so many relations: each any of those given, but no pairs twice in a row."""
    number, pairs = len(laws), laws.count("pairs") / len(laws)
    bits, after_pairs = 0.0, 0.0  # the chance that the relation before was of pairs
    for _ in range(steps):
        fewer = (laws.count("pairs") - 1) / (number - 1) if after_pairs else 0.0
        bits += (1 - after_pairs) * math.log2(number) + (after_pairs * math.log2(number - 1) if after_pairs else 0.0)
        after_pairs = (1 - after_pairs) * pairs + after_pairs * fewer
    return bits
