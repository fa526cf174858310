"""The integer ledger: right to half a unit, and equal in Python and in kernels."""

from math import log2

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthgen.exact.jit import kernel
from synthgen.exact.ledger import (
    UNITS_PER_BIT,
    _log2_by_squaring,
    _log2_units,
    log2_big,
    log2_units,
    multiply_wide,
    to_bits,
)


@kernel
def _compiled(n):
    return log2_units(n)


@given(st.integers(1, 2**63 - 1))
def test_log2_is_right_and_the_same_in_kernels(n):
    assert _compiled(n) == log2_units(n)
    assert abs(log2_units(n) / UNITS_PER_BIT - log2(n)) < 1e-12 + 2**-40


@kernel
def _both_ways(numbers, out):
    for i in range(numbers.size):
        out[i, 0], out[i, 1] = _log2_units(numbers[i]), _log2_by_squaring(numbers[i])


def test_the_fast_way_to_a_logarithm_books_what_the_slow_one_does():
    """Of all small numbers, of large ones of any size, around powers of two and where a part of [1, 2) begins."""
    generator = np.random.default_rng(0)
    powers = [2**k + d for k in range(1, 63) for d in range(-100, 100)]
    edges = [((256 + i) << k) + d for i in range(256) for k in range(0, 54, 6) for d in range(-3, 4)]
    some = [*range(1, 200_000), *(2 ** generator.uniform(0, 62.99, 200_000)).astype(int).tolist(), *powers, *edges]
    numbers = np.array([n for n in some if n > 0], np.int64)
    out = np.zeros((numbers.size, 2), np.int64)
    _both_ways(numbers, out)
    assert (out[:, 0] == out[:, 1]).all()


@kernel
def _product(a, b):
    return multiply_wide(a, b)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_product_has_both_its_halves(a, b):
    assert tuple(map(int, _product(np.uint64(a), np.uint64(b)))) == divmod(a * b, 2**64)


@given(st.integers(1, 2**500))
def test_log2_of_big_integers(n):
    assert abs(to_bits(log2_big(n)) - log2(n)) < 1e-11


def test_powers_of_two_are_exact():
    assert all(log2_big(2**k) == k * UNITS_PER_BIT for k in range(300))


def test_sums_do_not_depend_on_order():
    units = [int(log2_units(n)) for n in range(1, 2000)]
    assert to_bits(sum(units)) == to_bits(sum(reversed(units)))
