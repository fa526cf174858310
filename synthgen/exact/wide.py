"""Wide numbers: unsigned integers below 2^256 in kernels, as tuples of four 64-bit words, lowest first.

Counts of templates pass 2^64 at some ten operations and 2^227 at 32, and Python's integers do not live in kernels. A
tuple and not an array, because numba keeps a tuple in registers: an addition takes a nanosecond.

>>> number = to_words(3 * 10**40)
>>> to_int(add(number, number)) == 6 * 10**40
True
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import overload

from synthgen.errors import SynthgenError
from synthgen.exact.ledger import UNITS_PER_BIT, log2_units, multiply_high

WORDS = 4
"""64-bit words in a wide number."""

Wide = tuple[np.uint64, np.uint64, np.uint64, np.uint64]

_U0, _U1, _U32, _U64 = np.uint64(0), np.uint64(1), np.uint64(32), 64
_TWO64 = 18446744073709551616.0
ZERO: Wide = (_U0, _U0, _U0, _U0)


def _wrapping(function: Any) -> Any:
    """Make a function usable in kernels; in plain Python, its words wrap around without a warning."""
    plain = np.errstate(over="ignore")(function)
    overload(plain, jit_options={"forceinline": True}, strict=False)(lambda *args, **kwargs: function)
    return plain


def to_words(number: int) -> Wide:
    """Return 0 <= number < 2^256 as a wide number. Raises SynthgenError outside."""
    if not 0 <= number < 1 << _U64 * WORDS:
        raise SynthgenError(f"{number:.4g} does not fit in {_U64 * WORDS} bits: ask for less")
    return tuple(np.uint64(number >> _U64 * i & 0xFFFFFFFFFFFFFFFF) for i in range(WORDS))  # type: ignore[return-value]


def to_int(number: Wide | np.ndarray) -> int:
    """Return a wide number, or a row of four words, as Python's integer."""
    return sum(int(word) << _U64 * i for i, word in enumerate(number))


@_wrapping
def load(table, row):
    """Return the wide number in a row of a (rows, 4) table of uint64."""
    return (table[row, 0], table[row, 1], table[row, 2], table[row, 3])


@_wrapping
def store(table, row, a):
    """Write a wide number to a row of a (rows, 4) table of uint64."""
    table[row, 0], table[row, 1], table[row, 2], table[row, 3] = a


@_wrapping
def from_word(word):
    """Return a number below 2^63 as a wide one."""
    return (np.uint64(word), _U0, _U0, _U0)


@_wrapping
def less(a, b):
    """Return whether a < b."""
    if a[3] != b[3]:
        return a[3] < b[3]
    if a[2] != b[2]:
        return a[2] < b[2]
    if a[1] != b[1]:
        return a[1] < b[1]
    return a[0] < b[0]


@_wrapping
def _carry(a, b, carry):
    """Return a + b + carry: the low word and the carry out."""
    low = a + b
    out = _U1 if low < a else _U0
    whole = low + carry
    return whole, out | (_U1 if whole < low else _U0)


@_wrapping
def add(a, b):
    """Return (a + b) mod 2^256."""
    w0, carry = _carry(a[0], b[0], _U0)
    w1, carry = _carry(a[1], b[1], carry)
    w2, carry = _carry(a[2], b[2], carry)
    return (w0, w1, w2, a[3] + b[3] + carry)


@_wrapping
def _borrow(a, b, borrow):
    """Return a - b - borrow: the low word and the borrow out."""
    low = a - b
    out = _U1 if a < b else _U0
    whole = low - borrow
    return whole, out | (_U1 if low < borrow else _U0)


@_wrapping
def subtract(a, b):
    """Return (a - b) mod 2^256."""
    w0, borrow = _borrow(a[0], b[0], _U0)
    w1, borrow = _borrow(a[1], b[1], borrow)
    w2, borrow = _borrow(a[2], b[2], borrow)
    return (w0, w1, w2, a[3] - b[3] - borrow)


@_wrapping
def times(a, word):
    """Return (a word) mod 2^256, for an integer 0 <= word < 2^64."""
    factor = np.uint64(word)
    w0, high = a[0] * factor, multiply_high(a[0], factor)
    w1, carry = _carry(a[1] * factor, high, _U0)
    high = multiply_high(a[1], factor) + carry
    w2, carry = _carry(a[2] * factor, high, _U0)
    return (w0, w1, w2, a[3] * factor + multiply_high(a[2], factor) + carry)


@_wrapping
def multiply(a, b):
    """Return (a b) mod 2^256."""
    product = times(a, b[0])
    product = add(product, shift_left(times(a, b[1]), 64))
    product = add(product, shift_left(times(a, b[2]), 128))
    return add(product, shift_left(times(a, b[3]), 192))


@_wrapping
def to_float(a):
    """Return the number as a float: right to some 2^-52, and the same on every machine (no libm)."""
    return ((np.float64(a[3]) * _TWO64 + np.float64(a[2])) * _TWO64 + np.float64(a[1])) * _TWO64 + np.float64(a[0])


@_wrapping
def divide(a, b):
    """Return (a // b as an int64, a mod b), for b > 0 and a quotient below 2^40."""
    quotient = np.int64(to_float(a) / to_float(b))  # off by one at most: floats hold 53 bits
    product = times(b, quotient)
    if less(a, product):
        quotient -= 1
        product = subtract(product, b)
    rest = subtract(a, product)
    if not less(rest, b):
        quotient += 1
        rest = subtract(rest, b)
    return quotient, rest


@_wrapping
def bit_length(a):
    """Return the number of bits of a; 0 for 0."""
    for place in range(WORDS - 1, -1, -1):
        word = a[0] if place == 0 else a[1] if place == 1 else a[2] if place == 2 else a[3]
        if word != _U0:
            bits = 0
            while word != _U0:
                word = word >> _U1
                bits += 1
            return 64 * place + bits
    return 0


@_wrapping
def push32(a, digit):
    """Return (a 2^32 + digit) mod 2^256 for a digit below 2^32."""
    return (
        a[0] << _U32 | np.uint64(digit),
        a[1] << _U32 | a[0] >> _U32,
        a[2] << _U32 | a[1] >> _U32,
        a[3] << _U32 | a[2] >> _U32,
    )


@_wrapping
def shift_right(a, bits):
    """Return a >> bits, for 0 <= bits < 256."""
    for _ in range(bits // 64):
        a = (a[1], a[2], a[3], _U0)
    by = np.uint64(bits % 64)
    if by == _U0:
        return a
    up = np.uint64(64) - by
    return (a[0] >> by | a[1] << up, a[1] >> by | a[2] << up, a[2] >> by | a[3] << up, a[3] >> by)


@_wrapping
def shift_left(a, bits):
    """Return (a << bits) mod 2^256, for 0 <= bits < 256."""
    for _ in range(bits // 64):
        a = (_U0, a[0], a[1], a[2])
    by = np.uint64(bits % 64)
    if by == _U0:
        return a
    down = np.uint64(64) - by
    return (a[0] << by, a[1] << by | a[0] >> down, a[2] << by | a[1] >> down, a[3] << by | a[2] >> down)


@_wrapping
def log2_wide(a):
    """Return log2(a) in ledger units for a >= 1: the same number as `ledger.log2_big`."""
    shift = max(0, bit_length(a) - 62)
    return shift * UNITS_PER_BIT + log2_units(np.int64(shift_right(a, shift)[0]))
