"""Draw: the only randomness there is.

A draw is addressed, never sequenced: its *key* names a domain (`world` or `split`) and a stage ("people", "wording",
...), its *counter* the entity it is about, the attempt and its number in that attempt. The words are those of
`numpy.random.Philox(key=key, counter=[0, attempt, entity, part])`, so numpy can check any of them.

Kernels use the functions below on a *state*, a record that stands in for a generator. Handed a *tape*
(`synthgen.exact.tape`) instead, the same machine code replays or records choices, and so can be enumerated. In plain
Python, `Draw` wraps both. A record and not an array, because numba counts references to arrays: measured on one core,
500 million `below` a second against 48.

    state = new_state()
    begin(state, keys.split("wording"), person, exposure)
    template = below(state, 46)              # books log2 46 bits
    units[row] = state.ledger                # in units of 2^-40 bit, since `begin`
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba.extending import overload, register_jitable

from synthgen.errors import DrawError
from synthgen.exact import tape
from synthgen.exact.ledger import log2_big, log2_units, multiply_high, multiply_wide, to_bits
from synthgen.exact.state import new_state as new_state  # handed on: who draws needs both
from synthgen.exact.wide import bit_length, from_word, less, push32, shift_right, subtract

MAX_REJECTIONS = 64
"""A single rejection has probability below 1/2, so a sound state fails with probability below 2^-64."""

_M0, _M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)  # Philox multipliers (Salmon et al. 2011)
_W0, _W1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)  # and Weyl key increments
_U0, _U1, _U5, _U7, _U8, _U32 = (np.uint64(word) for word in (0, 1, 5, 7, 8, 32))
_LOW = np.uint64(0xFFFFFFFF)


class Keys:
    """The 128-bit keys of one (seed, world, split): `keys.world(stage)` and `keys.split(stage)`, uint64 arrays of 2.

    What stands in the world (people, tables, grammars) depends on `world` alone; rows, orders and wording on
    (seed, split). A stage name is part of the key, so two stages never share a draw, and two specs that use the same
    stage share them all.
    """

    def __init__(self, seed: int = 0, world: int | None = None, split: str = "train") -> None:
        self.address = (seed, seed if world is None else world, split)
        self._world = ["world", self.address[1]]
        self._split = ["split", seed, split]

    def world(self, stage: str) -> np.ndarray:
        """Return the key of a stage of the world."""
        return _key([*self._world, stage])

    def split(self, stage: str) -> np.ndarray:
        """Return the key of a stage of this split."""
        return _key([*self._split, stage])


def _key(address: list[Any]) -> np.ndarray:
    digest = hashlib.blake2b(json.dumps(address).encode(), digest_size=16, person=b"synthgen.draw").digest()
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


# ---------------------------------------------------------------------------------------------------------------------
# The primitives, which know where randomness comes from: a state or a tape. (A third one is `bijection.permuted`.)


@register_jitable(forceinline=True)
def begin(state, key, entity, part):
    """Move to the draws about (entity, part) under `key`, and open an empty ledger."""
    state.key0 = key[0]
    state.key1 = key[1]
    state.number = _U0
    state.attempt = _U0
    state.entity = np.uint64(entity)
    state.part = np.uint64(part)
    state.used = _U8
    state.ledger = 0


@register_jitable(forceinline=True)
def attempt(state, number):
    """Start attempt `number` of a rejection loop: fresh draws for the same entity, and an empty ledger again."""
    state.number = _U0
    state.attempt = np.uint64(number)
    state.used = _U8
    state.ledger = 0


def uniform(state, n):
    """Return an exactly uniform number below `n` (1 <= n < 2^63) that no book hears of; samplers want `below`."""
    with np.errstate(over="ignore"):
        return _uniform(state, n)


overload(uniform, jit_options={"forceinline": True})(lambda state, n: _uniform)


@register_jitable(forceinline=True)
def _uniform(state, n):
    # Lemire's multiply-and-shift on 32-bit halves of the words; the rare cases that need a division are kept apart.
    if n > 0x7FFFFFFF:
        return _uniform_wide(state, n)
    product = _half(state, n) * np.uint64(n)
    if product & _LOW < np.uint64(n):
        return _uniform_rejecting(state, n, product)
    return np.int64(product >> _U32)


@register_jitable(forceinline=True)
def _half(state, n):
    """Return the next 32 bits of the stream, for a number below n."""
    if state.used == _U8:
        _refill(state, n)
    used = state.used
    state.used = used + _U1
    return state.block[used >> _U1] >> ((used & _U1) << _U5) & _LOW


@register_jitable
def _refill(state, n):
    """Fill the block with fresh words; or, on a tape, with the one half that leads to its choice among n."""
    if state.tape == _U0:
        philox(state)
        return
    bound = np.uint64(n)
    half = ((np.uint64(tape.choice(state, n)) << _U32) + bound - _U1) // bound
    if half * bound & _LOW < (_LOW + _U1 - bound) % bound:  # this one would be rejected; the next one is not
        half += _U1
    state.block[3] = half << _U32
    state.used = _U7  # no block of a tape has a second half


@register_jitable
def _uniform_rejecting(state, n, product):
    threshold = (_LOW + _U1 - np.uint64(n)) % np.uint64(n)
    for _ in range(MAX_REJECTIONS):
        if product & _LOW >= threshold:
            return np.int64(product >> _U32)
        product = _half(state, n) * np.uint64(n)
    raise DrawError("a bounded draw was rejected 64 times: the state was not begun or is corrupt")


@register_jitable
def _uniform_wide(state, n):
    """The same on 64 bits, for n >= 2^31."""
    if state.tape != _U0:
        return tape.choice(state, n)
    bound = np.uint64(n)
    threshold = (_U0 - bound) % bound
    for _ in range(MAX_REJECTIONS):
        low = _half(state, n)
        word = low | _half(state, n) << _U32
        if word * bound >= threshold:
            return np.int64(multiply_high(word, bound))
    raise DrawError("a bounded draw was rejected 64 times: the state was not begun or is corrupt")


@register_jitable
def philox(state):
    """Philox-4x64-10: advance the counter and fill the block with four fresh words."""
    state.number += _U1
    c0, c1, c2, c3 = state.number, state.attempt, state.entity, state.part
    k0, k1 = state.key0, state.key1
    for _ in range(10):
        high0, low0 = multiply_wide(_M0, c0)
        high1, low1 = multiply_wide(_M1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 += _W0
        k1 += _W1
    state.block[0], state.block[1], state.block[2], state.block[3] = c0, c1, c2, c3
    state.used = _U0


# ---------------------------------------------------------------------------------------------------------------------
# What samplers ask for. All of it is made of the primitives, and books its exact self-information.


@register_jitable(forceinline=True)
def below(state, n):
    """Return a uniform number in [0, n), booking log2 n bits."""
    number = uniform(state, n)
    state.ledger += log2_units(n)
    return number


@register_jitable
def below_wide(state, n, units):
    """Return a uniform wide number (`synthgen.exact.wide`) below the wide number n >= 1, booking `units`, its log2.

    The draws are those of `Draw.below`: one word where n < 2^63, else a top digit and digits of 32 bits.
    """
    state.ledger += units
    if bit_length(n) <= 63:
        return from_word(uniform(state, np.int64(n[0])))
    last = subtract(n, from_word(1))
    lower = (bit_length(last) - 1) // 32
    top = np.int64(shift_right(last, 32 * lower)[0]) + 1
    for _ in range(MAX_REJECTIONS):
        number = from_word(uniform(state, top))
        for _ in range(lower):
            number = push32(number, uniform(state, 4294967296))
        if less(number, n):
            return number
    raise DrawError("a wide draw was rejected 64 times: the state was not begun or is corrupt")


@register_jitable(forceinline=True)
def weighted(state, cumulative):
    """Return k with probability weight[k] / total, given the running sums of the integer weights; books its bits."""
    total = cumulative[-1]
    k = np.searchsorted(cumulative, uniform(state, total), side="right")
    weight = cumulative[k] - (cumulative[k - 1] if k else 0)
    state.ledger += log2_units(total) - log2_units(weight)
    return k


@register_jitable
def shuffle(state, items, n):
    """Permute items[:n] in place, uniformly; books log2 n! bits."""
    for i in range(n - 1, 0, -1):
        j = below(state, i + 1)
        items[i], items[j] = items[j], items[i]


@register_jitable
def subset(state, n, k, out):
    """Write a uniform k-subset of [0, n) to out[:k] in rising order; books log2 C(n, k) bits."""
    uniform_subset(state, n, k, out)
    state.ledger += log2_subsets(n, k)


@register_jitable
def uniform_subset(state, n, k, out):
    """Write a uniform k-subset of [0, n) to out[:k] in rising order (Floyd's method), and book nothing.

    For kernels that take many subsets of one size and look their bits up once, in `log2_subsets`.
    """
    for size in range(k):
        top = n - k + size
        candidate = uniform(state, top + 1)
        place = size
        while place > 0 and out[place - 1] > candidate:
            place -= 1
        if place > 0 and out[place - 1] == candidate:  # taken already: Floyd takes the newest number, the greatest
            place, candidate = size, top
        for i in range(size, place, -1):
            out[i] = out[i - 1]
        out[place] = candidate


@register_jitable
def log2_subsets(n, k):
    """Return log2 C(n, k) in ledger units: the bits of k draws, less those of their order, which a subset has not."""
    units = 0
    for i in range(k):
        units += log2_units(n - i) - log2_units(i + 1)
    return units


# ---------------------------------------------------------------------------------------------------------------------


class Draw:
    """The same draws from plain Python, for tasks that need no kernel.

    `Draw(keys.split("order"), entity=row)`; with `state` it draws on that state, or records on that tape. Sizes may be
    integers of any length. Raises DrawError for sizes below 1.

    >>> draw = Draw(Keys(seed=7).split("order"), entity=3)
    >>> sorted(draw.permutation(4)), draw.subset(5, 5), draw.below(10**30) < 10**30
    ([0, 1, 2, 3], [0, 1, 2, 3, 4], True)
    >>> round(draw.bits, 6)                  # log2 4! + log2 C(5, 5) + 30 log2 10
    104.242805
    """

    def __init__(
        self, key: np.ndarray | None = None, entity: int = 0, part: int = 0, *, state: np.record | None = None
    ) -> None:
        self.state = new_state() if state is None else state
        begin(self.state, np.zeros(2, np.uint64) if key is None else key, entity, part)

    @property
    def units(self) -> int:
        """What was booked so far, in ledger units of 2^-40 bit."""
        return int(self.state.ledger)

    @property
    def bits(self) -> float:
        """What was booked so far, in bits."""
        return to_bits(self.units)

    def below(self, n: int) -> int:
        """Return a uniform number in [0, n), for n >= 1 of any size."""
        if n < 1:
            raise DrawError(f"below({n}): a draw needs at least one outcome")
        if n < 2**63:
            return int(below(self.state, n))
        # A number of several 32-bit digits is uniform below top * 2^(32 lower digits); one not below n is drawn again.
        lower = ((n - 1).bit_length() - 1) // 32
        top = ((n - 1) >> 32 * lower) + 1
        self.state.ledger += log2_big(n)
        for _ in range(MAX_REJECTIONS):
            number = int(uniform(self.state, top))
            for _ in range(lower):
                number = number << 32 | int(uniform(self.state, 2**32))
            if number < n:
                return number
        raise DrawError("a bounded draw was rejected 64 times: the state is corrupt")

    def weighted(self, weights: Sequence[int]) -> int:
        """Return k with probability weights[k] / sum(weights); the weights are integers >= 0."""
        if len(weights) == 0 or min(weights) < 0 or not 0 < sum(weights) < 2**63:
            raise DrawError(f"weights {list(weights)}: need integers >= 0 with a positive sum below 2^63")
        return int(weighted(self.state, np.cumsum(weights, dtype=np.int64)))

    def permutation(self, n: int) -> list[int]:
        """Return a uniform permutation of range(n)."""
        items = np.arange(n)
        shuffle(self.state, items, n)
        return items.tolist()

    def subset(self, n: int, k: int) -> list[int]:
        """Return a uniform k-subset of range(n), in rising order."""
        if not 0 <= k <= n:
            raise DrawError(f"subset({n}, {k}): k must lie between 0 and n")
        out = np.empty(k, np.int64)
        subset(self.state, n, k, out)
        return out.tolist()
