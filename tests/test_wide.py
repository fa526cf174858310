"""Wide numbers: four words in kernels count as Python's integers do, drawn, permuted and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from synthgen.errors import SynthgenError
from synthgen.exact import draw, wide
from synthgen.exact.bijection import permute, permuted_wide, subkeys, unpermute, unpermuted_wide
from synthgen.exact.draw import Draw, Keys, begin, new_state
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_big

TOP = 2**256
MASK = 2**64 - 1
NUMBERS = st.one_of(st.integers(0, TOP - 1), st.integers(0, 255).map(lambda b: 1 << b), st.integers(0, 20))


@kernel
def _arithmetic(a, b, word, bits, out):
    a, b = wide.load(a, 0), wide.load(b, 0)
    wide.store(out, 0, wide.add(a, b))
    wide.store(out, 1, wide.subtract(a, b))
    wide.store(out, 2, wide.times(a, word))
    wide.store(out, 3, wide.shift_right(a, bits))
    wide.store(out, 4, wide.shift_left(a, bits))
    wide.store(out, 5, wide.push32(a, word & 0xFFFFFFFF))
    return wide.bit_length(a), wide.less(a, b)


def _row(number):
    return np.array([wide.to_words(number)], np.uint64)


@given(NUMBERS, NUMBERS, st.integers(0, 2**63 - 1), st.integers(0, 255))
def test_arithmetic_is_pythons(a, b, word, bits):
    out = np.zeros((6, 4), np.uint64)
    length, less = _arithmetic(_row(a), _row(b), word, bits, out)
    expected = [a + b, a - b, a * word, a >> bits, a << bits, a << 32 | word & 0xFFFFFFFF]
    assert [wide.to_int(row) for row in out] == [number % TOP for number in expected]
    assert (length, less) == (a.bit_length(), a < b)


@kernel
def _divide(a, b, rest):
    quotient, left = wide.divide(wide.load(a, 0), wide.load(b, 0))
    wide.store(rest, 0, left)
    return quotient


@given(st.integers(1, 2**215), st.integers(0, 2**40 - 1), st.integers(0, 2**215))
def test_division_is_pythons(b, quotient, extra):
    a = b * quotient + extra % b
    rest = np.zeros((1, 4), np.uint64)
    assert _divide(_row(a), _row(b), rest) == quotient
    assert wide.to_int(rest[0]) == extra % b


@pytest.mark.parametrize("number", [-1, TOP])
def test_what_does_not_fit_is_refused(number):
    with pytest.raises(SynthgenError, match="256 bits"):
        wide.to_words(number)


@kernel
def _draw(state, key, entity, n, units, out):
    begin(state, key, entity, 0)
    for row in range(len(out)):
        wide.store(out, row, draw.below_wide(state, wide.load(n, 0), units))


@given(st.one_of(st.integers(1, TOP - 1), st.integers(62, 255).map(lambda b: 2**b + 1)), st.integers(0, 2**40))
def test_wide_draws_are_those_of_draw(n, entity):
    key, out, state = Keys(1).split("wide"), np.zeros((3, 4), np.uint64), new_state()
    _draw(state, key, entity, _row(n), log2_big(n), out)
    plain = Draw(key, entity)
    assert [wide.to_int(row) for row in out] == [plain.below(n) for _ in range(3)]
    assert state.ledger == plain.units


@kernel
def _permute(keys, n, numbers, out, back):
    for row in range(len(numbers)):
        wide.store(out, row, permuted_wide(keys, wide.load(n, 0), wide.load(numbers, row)))
        wide.store(back, row, unpermuted_wide(keys, wide.load(n, 0), wide.load(out, row)))


def _mix(word):
    word = (word ^ word >> 33) * 0xFF51AFD7ED558CCD & MASK
    word = (word ^ word >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return word ^ word >> 33


def _shift(first, second, value, size):
    x = _mix((value & MASK) * 0xC4CEB9FE1A85EC53 & MASK ^ first)
    y = _mix(((value >> 64) ^ x) * 0xFF51AFD7ED558CCD & MASK ^ second)
    return (_mix(x * 0xC4CEB9FE1A85EC53 & MASK ^ y) | y << 64) * size >> 128


def _reference(keys, n, number):
    """The wide permutation in Python's integers, written from its description."""
    keys = [int(word) for word in keys]
    bits = (n - 1).bit_length() // 2
    a, b = ((n - 1) >> bits) + 1, 1 << bits
    while True:
        left, right = number // b, number % b
        for r in range(0, 8, 2):
            left = (left + _shift(keys[2 * r], keys[2 * r + 1], right, a)) % a
            right = (right + _shift(keys[2 * r + 2], keys[2 * r + 3], left, b)) % b
        number = left * b + right
        if number < n:
            return number


@given(st.one_of(st.integers(1, TOP - 1), st.integers(1, 2**70)), st.integers(0, TOP), st.integers(0, 2**40))
def test_the_wide_permutation_is_its_description_and_its_inverse_leads_back(n, i, entity):
    key = Keys(2).world("ranks")
    keys, numbers = subkeys(key, entity), [i % n, 0, n - 1]
    out, back = np.zeros((3, 4), np.uint64), np.zeros((3, 4), np.uint64)
    _permute(keys, _row(n), np.concatenate([_row(number) for number in numbers]), out, back)
    assert [wide.to_int(row) for row in out] == [_reference(keys, n, number) for number in numbers]
    assert [wide.to_int(row) for row in back] == numbers
    if n >= 2**62:
        assert permute(key, n, i % n, entity) == wide.to_int(out[0])
        assert unpermute(key, n, i % n, entity) < n


@kernel
def _images(keys, n, out):
    number = wide.from_word(n)
    for i in range(n):
        out[i] = permuted_wide(keys, number, wide.from_word(i))[0]


@given(st.integers(1, 3000), st.integers(0, 10**9))
def test_it_is_a_permutation(n, seed):
    out = np.zeros(n, np.int64)
    _images(subkeys(Keys(seed).world("ranks")), n, out)
    assert sorted(out) == list(range(n))


@pytest.mark.parametrize("n", [5, 12, 1000])
def test_images_and_neighbours_are_uniform_over_keys(n):
    cells, out = min(n, 20), np.zeros((2000, n), np.int64)
    for seed in range(len(out)):
        _images(subkeys(Keys(seed).world("ranks")), n, out[seed])
    assert chisquare(np.bincount(out[:, 0] * cells // n, minlength=cells)).pvalue > 1e-4
    if n <= 12:
        assert chisquare(np.bincount((out[:, 1] - out[:, 0]) % n, minlength=n)[1:]).pvalue > 1e-4


def test_large_images_are_uniform():
    n = 5 * 2**180
    images = [permute(Keys(seed).world("ranks"), n, 12345) * 20 // n for seed in range(1000)]
    assert chisquare(np.bincount(images, minlength=20)).pvalue > 1e-4


@pytest.mark.parametrize(("n", "i"), [(2**100, 2**100), (2**100, -1), (2**256, 0)])
def test_outside_is_an_index_error(n, i):
    for function in (permute, unpermute):
        with pytest.raises((IndexError, SynthgenError)):
            function(Keys(0).world("x"), n, i)
