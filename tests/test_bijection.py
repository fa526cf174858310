"""The keyed bijection: a permutation for every size, inverted exactly, and random to a statistician's eye."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from synthgen.exact.bijection import permute, permuted, unpermute, unpermuted
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.jit import kernel
from synthgen.exact.state import BIJECTIONS

KEYS = [np.array(key, np.uint64) for key in ((7, 1), (7, 2), (7 + BIJECTIONS, 1))]
STATES = new_state(), new_state()
ENTITIES = st.sampled_from([0, 1, BIJECTIONS, BIJECTIONS + 1, 5 * BIJECTIONS])  # of which some share a place


@kernel
def there(state, key, entity, n, i):
    return permuted(state, key, entity, n, i)


@kernel
def back(state, key, entity, n, i):
    return unpermuted(state, key, entity, n, i)


@given(st.integers(1, 300), st.integers(0, 10**9))
def test_it_is_a_permutation(n, seed):
    key = Keys(seed).world("names")
    assert sorted(permute(key, n, i) for i in range(n)) == list(range(n))


@given(st.integers(1, 2**62 - 1), st.integers(0, 2**62), st.integers(0, 2**40))
def test_the_inverse_leads_back(n, i, entity):
    key, i = Keys(1).world("names"), i % n
    assert unpermute(key, n, permute(key, n, i, entity), entity) == i
    assert permute(key, n, unpermute(key, n, i, entity), entity) == i


@given(st.integers(0, 2), ENTITIES, st.sampled_from([1, 2, 5, 997]), st.integers(0, 996))
def test_a_state_that_answered_for_others_answers_as_a_new_one(key, entity, n, i):
    key, i = KEYS[key], i % n
    image = permute(key, n, i, entity)
    assert there(STATES[0], key, entity, n, i) == permuted(STATES[1], key, entity, n, i) == image
    assert back(STATES[0], key, entity, n, image) == unpermuted(STATES[1], key, entity, n, image) == i


@pytest.mark.parametrize("n", [2**40, 2**62 - 1])
def test_kernels_send_large_numbers_where_python_does(n):
    for i in (0, 1, n // 3, n - 1):
        image = permute(KEYS[0], n, i, 3)
        assert there(new_state(), KEYS[0], 3, n, i) == image and back(new_state(), KEYS[0], 3, n, image) == i


@pytest.mark.parametrize("n", [2, 3, 5, 12, 1000])
def test_images_and_neighbours_are_uniform_over_keys(n):
    keys = [Keys(seed).world("names") for seed in range(1000)]
    cells = min(n, 20)
    images = np.bincount([permute(key, n, 0) * cells // n for key in keys], minlength=cells)
    assert chisquare(images).pvalue > 1e-4
    gaps = np.bincount([(permute(key, n, 1) - permute(key, n, 0)) % n for key in keys], minlength=n)
    assert gaps[0] == 0
    if n <= 12:
        assert chisquare(gaps[1:]).pvalue > 1e-4 if n > 2 else True


def test_all_permutations_of_four_appear_evenly():
    counts = Counter(tuple(permute(Keys(seed).world("x"), 4, i) for i in range(4)) for seed in range(2_400))
    assert len(counts) == 24
    assert chisquare(list(counts.values())).pvalue > 1e-4


def test_entities_have_permutations_of_their_own():
    key = Keys(0).split("order")
    orders = {tuple(permute(key, 50, i, entity) for i in range(50)) for entity in range(20)}
    assert len(orders) == 20


@pytest.mark.parametrize(("n", "i"), [(5, 5), (5, -1), (0, 0)])
def test_outside_is_an_index_error(n, i):
    with pytest.raises(IndexError):
        permute(Keys(0).world("x"), n, i)
