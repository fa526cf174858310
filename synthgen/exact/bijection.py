"""A keyed bijection of [0, n) and its inverse: sampling without replacement in O(1) memory.

Person 17 of 100 million is computed, not stored; a name leads back to its person; disjoint ranges of persons have
disjoint names. Numbers are split into a quotient and a remainder that take turns being shifted by a keyed function of
the other (a Feistel network over Z_a x Z_b with a b >= n); the few results beyond n walk on along their cycle.

Numbers of 62 bits and more have a form of their own (`permuted_wide`), to 2^256: the right half is a power of two, so
that splitting is a shift, and each half has up to 128 bits. Kernels and Python's integers agree.

The bijection stands in for a uniform permutation pseudo-randomly: entropies are stated for the ideal law, log2 of the
falling factorial for a list and minus log2 k! for a set.
"""

from __future__ import annotations

import math

import numpy as np
from numba.extending import overload, register_jitable

from synthgen.errors import DrawError
from synthgen.exact import tape
from synthgen.exact.draw import begin, new_state, philox
from synthgen.exact.ledger import multiply_high
from synthgen.exact.state import BIJECTIONS
from synthgen.exact.wide import add, bit_length, from_word, less, shift_left, shift_right, subtract, to_int, to_words

ROUNDS = 8
"""Feistel rounds: each of the two halves is shifted four times, one word of two Philox blocks a round."""

_MIX0, _MIX1 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)  # MurmurHash3's 64-bit finaliser
_U0, _U1, _U33 = np.uint64(0), np.uint64(1), np.uint64(33)


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
def _forth(number, a, b, subkeys):
    """Return what the rounds make of a number below a b: the halves take turns, each shifted by the other."""
    left = np.int64(np.uint64(number) // np.uint64(b))
    right = number - left * b
    for r in range(0, ROUNDS, 2):
        left += _shift(subkeys[r], right, a)
        left -= a * (left >= a)  # a branch would be foreseen wrongly every other time
        right += _shift(subkeys[r + 1], left, b)
        right -= b * (right >= b)
    return left * b + right


@register_jitable(forceinline=True)
def _back(number, a, b, subkeys):
    """Return which number the rounds make this one of."""
    left = np.int64(np.uint64(number) // np.uint64(b))
    right = number - left * b
    for r in range(ROUNDS - 2, -1, -2):
        right -= _shift(subkeys[r + 1], left, b)
        right += b * (right < 0)
        left -= _shift(subkeys[r], right, a)
        left += a * (left < 0)
    return left * b + right


@register_jitable
def _walk(state, key, entity, n, i, inverse):
    """Apply a bijection, or its inverse, until it lands below n."""
    begin(state, key, entity, 0)
    place = (key[0] ^ np.uint64(entity) * _MIX0) % np.uint64(BIJECTIONS)
    known = state.bijections[place]
    if known[0] != key[0] or known[1] != key[1] or known[2] != np.uint64(entity) or known[3] != np.uint64(n):
        _prepare(state, key, n, known)
    a, b, subkeys = np.int64(known[4]), np.int64(known[5]), known[6:]
    number = i
    for _ in range(a * b - n + 1):  # a cycle cannot hold more numbers beyond n than there are
        number = _back(number, a, b, subkeys) if inverse else _forth(number, a, b, subkeys)
        if number < n:
            break
    return number


@register_jitable
def _prepare(state, key, n, known):
    """Write key, entity, n, a, b and the eight subkeys of the bijection that the state has begun to `known`."""
    known[0], known[1], known[2], known[3] = key[0], key[1], state.entity, np.uint64(n)
    a = _isqrt(n - 1) + 1
    known[4], known[5] = np.uint64(a), np.uint64((n - 1) // a + 1)
    for half in range(2):
        philox(state)
        for word in range(4):
            known[6 + 4 * half + word] = state.block[word]


def permuted(state, key, entity, n, i):
    """Return where the keyed permutation of [0, n) numbered `entity` sends i, for 0 <= i < n < 2^62.

    A primitive for kernels: it moves the state, so `begin` must come before the next draw; it books nothing.
    """
    with np.errstate(over="ignore"):
        return _permuted(state, key, entity, n, i)


@register_jitable
def _permuted(state, key, entity, n, i):
    if state.tape != _U0:
        return tape.permuted(state, key, entity, n, i)
    return _walk(state, key, entity, n, i, False)


overload(permuted)(lambda state, key, entity, n, i: _permuted)


def unpermuted(state, key, entity, n, i):
    """Return what the keyed permutation of [0, n) numbered `entity` sends to i: the inverse of `permuted`, as it is."""
    with np.errstate(over="ignore"):
        return _unpermuted(state, key, entity, n, i)


@register_jitable
def _unpermuted(state, key, entity, n, i):
    if state.tape != _U0:
        return tape.unpermuted(state, key, entity, n, i)
    return _walk(state, key, entity, n, i, True)


overload(unpermuted)(lambda state, key, entity, n, i: _unpermuted)


def permute(key: np.ndarray, n: int, i: int, entity: int = 0) -> int:
    """Return where the keyed permutation of [0, n) sends i, for n < 2^256.

    >>> from synthgen.exact.draw import Keys
    >>> key = Keys(seed=1).world("names")
    >>> sorted(permute(key, 5, i) for i in range(5)), unpermute(key, 5, permute(key, 5, 3))
    ([0, 1, 2, 3, 4], 3)
    """
    if n >= _WIDE_FROM:
        return _permute_wide(key, n, i, entity, False)
    return int(permuted(new_state(), key, entity, n, _inside(n, i)))


def unpermute(key: np.ndarray, n: int, i: int, entity: int = 0) -> int:
    """Return what the keyed permutation of [0, n) sends to i: the inverse of `permute`."""
    if n >= _WIDE_FROM:
        return _permute_wide(key, n, i, entity, True)
    return int(unpermuted(new_state(), key, entity, n, _inside(n, i)))


def _inside(n: int, i: int) -> int:
    if not 0 <= i < n < 2**256:
        raise IndexError(f"{i} lies outside [0, {n})")
    return i


# ---------------------------------------------------------------------------------------------------------------------
# The wide form, for numbers below 2^256 as four words (`synthgen.exact.wide`).

_WIDE_FROM = 2**62
_MAX_WALK = 256
"""A step lands beyond n with a chance below one half, so a sound walk is longer with probability below 2^-256."""


def subkeys(key: np.ndarray, entity: int = 0) -> np.ndarray:
    """Return the 16 words (uint64) that make the wide permutation numbered `entity`: two for each round."""
    state = new_state()
    begin(state, key, entity, 0)
    words = []
    for _ in range(ROUNDS // 2):
        with np.errstate(over="ignore"):
            philox(state)
        words += state.block.tolist()
    return np.array(words, np.uint64)


def permuted_wide(subkeys, n, i):
    """Return where the wide permutation of [0, n) made by `subkeys` sends i; n and i < n < 2^256 are wide numbers.

    For kernels and for Python; a function of its arguments alone, also where draws come from a tape.
    """
    with np.errstate(over="ignore"):
        return _walk_wide(subkeys, n, i, False)


def unpermuted_wide(subkeys, n, i):
    """Return what the wide permutation of [0, n) made by `subkeys` sends to i."""
    with np.errstate(over="ignore"):
        return _walk_wide(subkeys, n, i, True)


@register_jitable(forceinline=True)
def _mix(word):
    word = (word ^ word >> _U33) * _MIX0
    word = (word ^ word >> _U33) * _MIX1
    return word ^ word >> _U33


@register_jitable(forceinline=True)
def _shift_wide(first, second, high, low, last_high, last_low):
    """Return the round function: a keyed hash of (high, low), scaled to [0, last]; both are numbers of 128 bits."""
    x = _mix(low * _MIX1 ^ first)
    y = _mix((high ^ x) * _MIX0 ^ second)
    x = _mix(x * _MIX1 ^ y)
    # The upper half of (x, y) (last + 1), a product of 256 bits: (x, y) last, and (x, y) once more.
    c0 = multiply_high(x, last_low)
    p1, h1 = y * last_low, multiply_high(y, last_low)
    p2, h2 = x * last_high, multiply_high(x, last_high)
    p3, h3 = y * last_high, multiply_high(y, last_high)
    product = add((x * last_low, p1, p3, h3), (_U0, c0, h1, _U0))
    product = add(product, (_U0, p2, h2, _U0))
    product = add(product, (x, y, _U0, _U0))
    return product[3], product[2]


@register_jitable(forceinline=True)
def _turn_wide(high, low, by_high, by_low, last_high, last_low, back):
    """Return (value + by) mod (last + 1), or (value - by), for numbers of 128 bits up to `last`."""
    value, by, last = (low, high, _U0, _U0), (by_low, by_high, _U0, _U0), (last_low, last_high, _U0, _U0)
    if back:
        if less(value, by):
            value = add(value, add(last, (_U1, _U0, _U0, _U0)))
        value = subtract(value, by)
    else:
        value = add(value, by)
        if less(last, value):
            value = subtract(value, add(last, (_U1, _U0, _U0, _U0)))
    return value[1], value[0]


@register_jitable
def _walk_wide(subkeys, n, i, inverse):
    """Apply the wide bijection, or its inverse, until it lands below n."""
    last = subtract(n, from_word(1))
    bits = bit_length(last) // 2  # of the right half
    left_last = shift_right(last, bits)
    right_last = subtract(shift_left(from_word(1), bits), from_word(1))
    number = i
    for _ in range(_MAX_WALK):
        left = shift_right(number, bits)
        right = subtract(number, shift_left(left, bits))
        left_high, left_low, right_high, right_low = left[1], left[0], right[1], right[0]
        for step in range(ROUNDS):
            r = ROUNDS - 1 - step if inverse else step
            first, second = subkeys[2 * r], subkeys[2 * r + 1]
            if r % 2 == 0:
                by_high, by_low = _shift_wide(first, second, right_high, right_low, left_last[1], left_last[0])
                left_high, left_low = _turn_wide(
                    left_high, left_low, by_high, by_low, left_last[1], left_last[0], inverse
                )
            else:
                by_high, by_low = _shift_wide(first, second, left_high, left_low, right_last[1], right_last[0])
                right_high, right_low = _turn_wide(
                    right_high, right_low, by_high, by_low, right_last[1], right_last[0], inverse
                )
        number = add(shift_left((left_low, left_high, _U0, _U0), bits), (right_low, right_high, _U0, _U0))
        if less(number, n):
            return number
    raise DrawError("a permutation walked 256 steps beyond its numbers: its subkeys are not random")


@overload(permuted_wide)
def _permuted_wide_compiled(subkeys, n, i):
    return lambda subkeys, n, i: _walk_wide(subkeys, n, i, False)


@overload(unpermuted_wide)
def _unpermuted_wide_compiled(subkeys, n, i):
    return lambda subkeys, n, i: _walk_wide(subkeys, n, i, True)


def _permute_wide(key: np.ndarray, n: int, i: int, entity: int, inverse: bool) -> int:
    walk = unpermuted_wide if inverse else permuted_wide
    return to_int(walk(subkeys(key, entity), to_words(n), to_words(_inside(n, i))))
