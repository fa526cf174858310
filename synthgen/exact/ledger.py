"""The integer ledger: bits counted in whole units of 2^-40 bit, so that sums never depend on order or machine.

`log2_units` is integer arithmetic throughout (no libm), so every machine books the same number. Its error is at most
2^-41 bit a draw: a row of 1,000 draws is right to 5e-10 bits.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numba.extending import intrinsic, overload, register_jitable

UNITS_PER_BIT = 1 << 40
"""Ledger units in one bit."""

TABLE_SIZE = 1025
"""Numbers below this have their log2 in a table; larger ones are computed when drawn (some 15 ns)."""

_U1 = np.uint64(1)
_U63 = np.uint64(63)


@intrinsic
def _multiply_high(context, a, b):
    def generate(context, builder, signature, arguments):
        from llvmlite import ir

        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


def multiply_high(a, b):
    """Return the upper 64 bits of the 128-bit product of two uint64."""
    return np.uint64((int(a) * int(b)) >> 64)


@overload(multiply_high, jit_options={"forceinline": True})
def _multiply_high_compiled(a, b):
    return lambda a, b: _multiply_high(np.uint64(a), np.uint64(b))


@intrinsic
def _multiply_wide(context, a, b):
    def generate(context, builder, signature, arguments):
        from llvmlite import ir

        wide, word = ir.IntType(128), ir.IntType(64)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), word)
        return context.make_tuple(builder, signature.return_type, (high, builder.trunc(product, word)))

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), generate


def multiply_wide(a, b):
    """Return the 128-bit product of two uint64 as (upper 64 bits, lower 64 bits): one multiplication of the machine.

    Asked for one after the other, the halves take two, and Philox does nothing else.
    """
    return multiply_high(a, b), a * b


@overload(multiply_wide, jit_options={"forceinline": True})
def _multiply_wide_compiled(a, b):
    return lambda a, b: _multiply_wide(np.uint64(a), np.uint64(b))


@register_jitable(forceinline=True)
def _normalised(n):
    """Return n as a mantissa, a word whose upper bit is set, and how often it was halved: n >= 1 below 2^63."""
    mantissa, whole, step = np.uint64(n), 63, 32
    while step:
        if not mantissa >> np.uint64(64 - step):
            mantissa = mantissa << np.uint64(step)
            whole -= step
        step >>= 1
    return mantissa, whole


@register_jitable
def _log2_by_squaring(n: int) -> int:
    """Return round(2^40 log2 n) for 1 <= n < 2^63, by repeated squaring of the mantissa, a bit a time."""
    mantissa, whole = _normalised(n)
    fraction = 0
    for _ in range(41):
        square = multiply_high(mantissa, mantissa)  # in [2^62, 2^64): the next bit of the logarithm is its top bit
        if square >> _U63:
            fraction = 2 * fraction + 1
            mantissa = square
        else:
            fraction = 2 * fraction
            mantissa = square << _U1
    return ((whole << 41) + fraction + 1) >> 1


def _parts_of_log2(parts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return words 2^63 c and -2^64 log2 c, where c is the least word not below 1 / (1 + i / parts), for every i."""
    scales = [-(-(parts << 63) // (parts + i)) for i in range(parts)]
    logs = []
    for scale in scales:
        mantissa, fraction = (1 << 126 + 63) // scale if scale < 1 << 63 else 1 << 126, 0  # 1 / c in [1, 2), of 2^126
        for _ in range(64):
            mantissa = mantissa * mantissa >> 126
            fraction = 2 * fraction + (mantissa >> 127)
            mantissa >>= mantissa >> 127
        logs.append(fraction)
    return np.array(scales, np.uint64), np.array(logs, np.uint64)


_SCALES, _LOGS = _parts_of_log2(256)
_U2, _U23, _U55 = np.uint64(2), np.uint64(23), np.uint64(55)
_WORD = np.uint64(0xFFFFFFFFFFFFFFFF)
_REST = np.uint64((1 << 23) - 1)
_NEAR = np.uint64(1 << 10)  # words of 2^-64: more than all that is cut off on either way
_OVER_E = np.uint64(int("71547652B82FE177", 16))  # 2^64 (log2 e - 1)
_SERIES = tuple(np.uint64((1 << 64) // k) for k in (7, 6, 5, 4, 3, 2))


@register_jitable
def _log2_units(n: int) -> int:
    """Return `_log2_by_squaring`, in a sixth of the time.

    The logarithm is that of a part of [1, 2), from a table, and a series for the rest, which is below 2^-8. All that
    both ways cut off is below 2^-54. Where the last bit could depend on it, once in 4,096 times, the slow way decides.
    """
    mantissa, whole = _normalised(n)
    part = mantissa >> _U55 & np.uint64(255)
    rest = (multiply_high(mantissa, _SCALES[part]) << _U2) & _WORD  # less the 1 above it
    series = _SERIES[0]
    for k in range(1, len(_SERIES)):
        series = _SERIES[k] - multiply_high(rest, series)
    natural = rest - multiply_high(rest, multiply_high(rest, series))
    fraction = (_LOGS[part] + natural + multiply_high(natural, _OVER_E)) & _WORD
    near = fraction & _REST
    if near < _NEAR or near > _REST - _NEAR:
        return _log2_by_squaring(n)
    return ((whole << 41) + np.int64(fraction >> _U23) + 1) >> 1


_TABLE = np.array([0] + [_log2_units(n) for n in range(1, TABLE_SIZE)], dtype=np.int64)
_TABLE.flags.writeable = False


@register_jitable(forceinline=True)
def log2_units(n: int) -> int:
    """Return log2(n) in ledger units, for 1 <= n < 2^63. Works in kernels and in Python."""
    if n < TABLE_SIZE:
        return _TABLE[n]
    return _log2_units(n)


@register_jitable
def log2_of_double(x: float) -> int:
    """Return log2(x) in ledger units for a positive float, by the same integer arithmetic."""
    mantissa, exponent = math.frexp(x)
    return _log2_units(np.int64(mantissa * 9007199254740992.0)) + (exponent - 53) * UNITS_PER_BIT


def log2_of_doubles(x: np.ndarray) -> np.ndarray:
    """Return `log2_of_double` of every entry of an array of positive floats, (n,) int64; as fast without a compiler."""
    mantissa, exponent = np.frexp(x)
    word = (mantissa * 2.0**53).astype(np.uint64) << np.uint64(11)  # in [2^63, 2^64)
    fraction, low, half = np.zeros(x.shape, np.int64), np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(41):
        a, b = word >> half, word & low
        middle = a * b
        square = a * a + (((middle & low) << _U1) + (b * b >> half) >> half) + (middle >> half << _U1)
        grown = (square >> _U63).astype(np.uint64)
        fraction = 2 * fraction + grown.astype(np.int64)
        word = square << (_U1 - grown)
    whole = (exponent.astype(np.int64) - 1) << 41
    return (whole + fraction + 1) >> 1


def log2_big(n: int) -> int:
    """Return log2(n) in ledger units for an integer n >= 1 of any size, to 2^-40 bit."""
    if n < 1:
        raise ValueError(f"log2 of {n}: a number of choices is at least 1")
    shift = max(0, n.bit_length() - 62)
    return shift * UNITS_PER_BIT + int(log2_units(n >> shift))


def to_bits(units: int) -> float:
    """Return ledger units as bits; correctly rounded, whatever the size of the sum."""
    return int(units) / UNITS_PER_BIT
