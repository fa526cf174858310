"""Ranks of rows: numbers below how many rows there are, of any size; those of permutations and other arrangements."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from synthgen.errors import SynthgenError


def check_rank(number: int, rows: int) -> int:
    """Return a rank. Raises SynthgenError for one that none of so many rows has."""
    if 0 <= number < rows:
        return number
    many = f"{rows:,}" if rows < 2**64 else f"2^{rows.bit_length() - 1} and more"
    given = f"{number:,}" if abs(number) < 2**64 else f"a number of {number.bit_length()} bits"
    raise SynthgenError(f"rank {given}: there are {many} rows, numbered from 0")


def rank_of(items: Sequence[int], n: int) -> int:
    """Return the number of an arrangement of some of n things (different numbers below n), as dictionaries order them.

    Raises ValueError for what is none.
    """
    left, number = list(range(n)), 0
    for item in items:
        place = bisect_left(left, item)
        if place == len(left) or left[place] != item:
            raise ValueError(f"{item} stands there twice, or is not below {n}")
        number = number * len(left) + place
        del left[place]
    return number


def arrangement_of(number: int, n: int, k: int) -> list[int]:
    """Return the arrangement of k of n things that has a number, below n! / (n - k)!."""
    places = []
    for size in range(n - k + 1, n + 1):
        number, place = divmod(number, size)
        places.append(place)
    left = list(range(n))
    return [left.pop(place) for place in reversed(places)]
