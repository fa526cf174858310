"""Entropy: statuses add up to the weakest, formulas equal counts, and the ledger's disagreement is seen."""

from itertools import combinations
from math import comb, factorial, isclose, log2, perm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.exact.entropy import (
    Bits,
    Book,
    Entropy,
    disagreement,
    entropy_of,
    log2_binomial,
    log2_factorial,
    log2_falling,
    total,
)


def bits(status, value=1.0):
    return Bits(value, status, "" if status == "exact" else "a reason")


SUMS = {
    ("exact", "exact"): "exact",
    ("exact", "upper"): "upper",
    ("exact", "lower"): "lower",
    ("exact", "estimate"): "estimate",
    ("upper", "upper"): "upper",
    ("upper", "lower"): "unknown",
    ("upper", "estimate"): "unknown",
    ("lower", "estimate"): "unknown",
    ("exact", "unknown"): "unknown",
    ("upper", "unknown"): "unknown",
}


@pytest.mark.parametrize("pair", SUMS)
def test_sums_keep_the_weakest_status(pair):
    a, b = (bits(status) for status in pair)
    assert (a + b).status == (b + a).status == SUMS[pair]
    assert (a + b).value == 2
    if SUMS[pair] != "exact":
        assert (a + b).reason
    assert ("=" in str(a + b) or "~" in str(a + b) or "?" in str(a + b)) == (SUMS[pair] != "exact")


def test_standard_errors_add_in_squares():
    both = Bits(1, "estimate", "sampled", 3.0) + Bits(2, "estimate", "sampled", 4.0)
    assert both.se == 5.0
    assert both.reason == "sampled"
    assert both.times(2).se == 10.0


def test_a_bound_needs_its_reason():
    with pytest.raises(ValueError, match="needs its reason"):
        Bits(1.0, "upper")


@given(st.integers(0, 60), st.integers(0, 60))
def test_counts(n, k):
    if k <= n:
        assert isclose(log2_binomial(n, k), log2(comb(n, k)), abs_tol=1e-9)
        assert isclose(log2_falling(n, k), log2(perm(n, k)), abs_tol=1e-9)
    assert isclose(log2_factorial(n), log2(factorial(n)), abs_tol=1e-9)


def test_large_counts_agree_with_exact_sums():
    n = 160_000_000
    assert isclose(
        log2_falling(n, 99_999), log2_falling(n, 100_001) - log2(n - 99_999) - log2(n - 100_000), abs_tol=1e-4
    )


def test_entropy_of_a_law():
    assert entropy_of([1, 1, 1, 1]) == 2
    assert entropy_of([3, 0]) == 0
    assert isclose(entropy_of([1, 2, 1]), 1.5)


def test_row_and_world_books_are_never_mixed():
    entropy = Entropy(
        {"a": Book(bits("exact", 2)), "w": Book(bits("exact", 100), "world"), "b": Book(bits("upper", 3))}
    )
    assert (entropy.bits, entropy.status) == (5, "upper")
    assert entropy.world.value == 100
    hidden = Entropy({"a": Book(bits("exact", 2))}, hidden="two choices may make one text")
    assert hidden.status == "upper"
    assert hidden.to_json()["reason"] == "two choices may make one text"
    assert hidden.books["a"].bits.status == "exact"


@pytest.mark.parametrize(
    ("status", "mean", "found"),
    [
        ("exact", 10.0, False),
        ("exact", 10.6, True),
        ("exact", 9.4, True),
        ("upper", 9.0, False),
        ("upper", 10.6, True),
        ("lower", 11.0, False),
        ("lower", 9.4, True),
        ("estimate", 10.6, True),
        ("unknown", 99.0, False),
    ],
)
def test_disagreement_is_seen_in_the_direction_that_matters(status, mean, found):
    rows = 100
    books = {"a": Book(bits(status, 10.0))}
    faults = disagreement(books, {"a": mean * rows}, {"a": (mean * mean + 1) * rows}, rows)
    assert bool(faults) == found


def test_statuses_never_improve():
    order = {"exact": 0, "upper": 1, "lower": 1, "estimate": 1, "unknown": 2}
    for a, b in combinations(order, 2):
        assert order[total([bits(a), bits(b)]).status] >= max(order[a], order[b])
