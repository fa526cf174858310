"""A keyed bijection of [0, n) and its inverse: sampling without replacement in O(1) memory.

Person 17 of 100 million is computed, not stored; a name leads back to its person; disjoint ranges of persons have
disjoint names. Numbers are split into a quotient and a remainder that take turns being shifted by a keyed function of
the other (a Feistel network over Z_a x Z_b with a b >= n); the few results beyond n walk on along their cycle.

The bijection stands in for a uniform permutation pseudo-randomly: entropies are stated for the ideal law, log2 of the
falling factorial for a list and minus log2 k! for a set.
"""

from __future__ import annotations

import math

import numpy as np
from numba.extending import overload, register_jitable

from synthgen import tape
from synthgen.draw import begin, is_tape, new_state, philox
from synthgen.ledger import multiply_high

ROUNDS = 8
"""Feistel rounds: each of the two halves is shifted four times, one word of two Philox blocks a round."""

_MIX0, _MIX1 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)  # MurmurHash3's 64-bit finaliser
_U33 = np.uint64(33)


@register_jitable
def _isqrt(n):
    """Return the integer square root of n < 2^62."""
    root = np.int64(math.sqrt(n))
    while root * root > n:
        root -= 1
    while (root + 1) * (root + 1) <= n:
        root += 1
    return root


@register_jitable(forceinline=True)
def _shift(subkey, value, size):
    """Return the round function: a keyed hash of `value`, scaled to [0, size)."""
    word = np.uint64(value) * _MIX1 ^ subkey
    word = (word ^ word >> _U33) * _MIX0
    word = (word ^ word >> _U33) * _MIX1
    return np.int64(multiply_high(word ^ word >> _U33, np.uint64(size)))


@register_jitable(forceinline=True)
def _turn(value, by, size, back):
    """Return (value + by) mod size, or (value - by) mod size."""
    value += -by if back else by
    if value >= size:
        value -= size
    if value < 0:
        value += size
    return value


@register_jitable
def _walk(state, n, i, inverse):
    """Apply the bijection whose subkeys the state's next two blocks give, or its inverse, until it lands below n."""
    philox(state)
    first = (state.block[0], state.block[1], state.block[2], state.block[3])
    philox(state)
    subkeys = (*first, state.block[0], state.block[1], state.block[2], state.block[3])
    a = _isqrt(n - 1) + 1
    b = (n - 1) // a + 1
    number = i
    for _ in range(a * b - n + 1):  # a cycle cannot hold more numbers beyond n than there are
        left, right = number // b, number % b
        for step in range(ROUNDS):
            r = ROUNDS - 1 - step if inverse else step
            if r % 2 == 0:
                left = _turn(left, _shift(subkeys[r], right, a), a, inverse)
            else:
                right = _turn(right, _shift(subkeys[r], left, b), b, inverse)
        number = left * b + right
        if number < n:
            break
    return number


def permuted(state, key, entity, n, i):
    """Return where the keyed permutation of [0, n) numbered `entity` sends i, for 0 <= i < n < 2^62.

    A primitive for kernels: it moves the state, so `begin` must come before the next draw; it books nothing.
    """
    with np.errstate(over="ignore"):
        return (tape.permuted if is_tape(state) else _permuted)(state, key, entity, n, i)


def _permuted(state, key, entity, n, i):
    begin(state, key, entity, 0)
    return _walk(state, n, i, False)


overload(permuted)(lambda state, key, entity, n, i: tape.permuted if is_tape(state) else _permuted)


def permute(key: np.ndarray, n: int, i: int, entity: int = 0) -> int:
    """Return where the keyed permutation of [0, n) sends i.

    >>> from synthgen.draw import Keys
    >>> key = Keys(seed=1).world("names")
    >>> sorted(permute(key, 5, i) for i in range(5)), unpermute(key, 5, permute(key, 5, 3))
    ([0, 1, 2, 3, 4], 3)
    """
    return int(permuted(new_state(), key, entity, n, _inside(n, i)))


def unpermute(key: np.ndarray, n: int, i: int, entity: int = 0) -> int:
    """Return what the keyed permutation of [0, n) sends to i: the inverse of `permute`."""
    state = new_state()
    begin(state, key, entity, 0)
    with np.errstate(over="ignore"):
        return int(_walk(state, n, _inside(n, i), True))


def _inside(n: int, i: int) -> int:
    if not 0 <= i < n < 2**62:
        raise IndexError(f"{i} lies outside [0, {n})")
    return i
