"""Retries: wrong starts, taken back at once, before the right steps of any stepwise answer (Part 2.2, 2408.16293).

Before a right step the task knows the candidates for a mistake. With probability q one of them, uniform, is put in and
leaves the pool; then again, until the coin says no or the pool is empty. So the number of retries at a step with n
candidates is geometric, truncated at n: P(k) = q^k (1 - q) for k < n, and q^n for k = n. What a mistake is, the task
says; this module knows steps alone. The draws have a stage of their own, so the answer without its retries is the very
answer of the clean data with the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Literal

import numpy as np
from numba.extending import register_jitable
from pydantic import BaseModel, ConfigDict, Field, field_validator

from synthgen.errors import SynthgenError
from synthgen.exact.draw import below, weighted

UNIT = 10**6
"""Rates are whole parts of this, so that a coin's bits are exact."""


MOST_BACK = 16
"""What an answer may take back at one place, however small its problem: models take back in vain, and say so twice."""
TOO_MUCH_BACK = (
    f"format: too much is taken back: {MOST_BACK} definitions at one place may be, or as many as there are to define, "
    "and one in all where the data know nothing of retries"
)


def first_too_much(back: Iterable[bool], size: int, taught: bool) -> int | None:
    """Return the first sentence of an answer that takes back more than may be (`TOO_MUCH_BACK`); None if none does.

    `back` says of each sentence whether it is taken back, `size` how many things the problem has to define, `taught`
    whether the data know of retries.
    """
    most, taken = max(MOST_BACK, size) if taught else 1, 0
    for place, is_back in enumerate(back):
        if is_back:
            taken += 1
        elif taught:
            taken = 0
        if taken > most:
            return place
    return None


def odds(rate: float) -> np.ndarray:
    """Return the running weights of (no retry, a retry) for `draw_wrong`.

    Raises SynthgenError unless 0 <= rate < 1, and where a rate has more than six digits.
    """
    if not 0 <= rate < 1:
        raise SynthgenError(f"retry rate {rate}: give a number from 0 up to, but not including, 1")
    if abs(rate * UNIT - round(rate * UNIT)) > 1e-6:
        raise SynthgenError(f"retry rate {rate}: give at most six digits after the point")
    share = Fraction(round(rate * UNIT), UNIT)
    return np.array([share.denominator - share.numerator, share.denominator], np.int64)


class RetryParams(BaseModel):
    """How often solutions make mistakes that they take back at once, and of what kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: float = Field(0.0, description="q, the probability of a mistake before a step, and again after one")
    kind: Literal["perfect", "weak", "miss"] = Field(
        "perfect",
        description="what is begun by mistake: what cannot be computed yet, what a later step defines, or anything "
        "that is not defined yet",
    )
    next_counts: bool = Field(
        True, description="weak: the parameter defined right next may be taken back first (the code; not in the paper)"
    )

    @field_validator("rate")
    @classmethod
    def _coin(cls, rate: float) -> float:
        try:
            odds(rate)
        except SynthgenError as error:
            raise ValueError(str(error)) from None
        return rate


@register_jitable
def draw_wrong(state, odds, pool, size, out, at):
    """Draw the retries before one step: some of pool[:size], in order, to out[at:]; return the new end.

    The pool is used up on the way. Books the coins and the choices.
    """
    while size > 0 and weighted(state, odds) == 1:
        k = below(state, size)
        out[at] = pool[k]
        at += 1
        size -= 1
        pool[k] = pool[size]
    return at


def law(rate: float, candidates: int) -> np.ndarray:
    """Return the probabilities of 0 to `candidates` retries at one step, (candidates + 1,) float64."""
    k = np.arange(candidates + 1)
    return rate**k * np.where(k < candidates, 1 - rate, 1.0)


def expected_number(rate: float, candidates: int) -> float:
    """Return the mean number of retries at one step: q (1 - q^n) / (1 - q)."""
    return rate * (1 - rate**candidates) / (1 - rate)


def expected_bits(rate: float, candidates: int) -> float:
    """Return the mean bits of the retries at one step: at each of them a coin, and which of those that are left."""
    if rate == 0:
        return 0.0
    coin = -rate * math.log2(rate) - (1 - rate) * math.log2(1 - rate)
    return math.fsum(rate**k * (coin + rate * math.log2(candidates - k)) for k in range(candidates))


def shown_bits(rate: float, candidates: int, retries: int) -> float:
    """Return the bits of having exactly `retries` retries at one step, in their order: -log2 of their probability."""
    bits = -retries * math.log2(rate) if retries else 0.0
    bits += math.fsum(math.log2(candidates - k) for k in range(retries))
    return bits - (math.log2(1 - rate) if retries < candidates else 0.0)
