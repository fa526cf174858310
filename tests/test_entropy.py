"""Entropy: statuses add up to the weakest, formulas equal counts, and the ledger's disagreement is seen."""

from itertools import combinations
from math import comb, factorial, fsum, inf, isclose, log2, perm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.exact.bits import Bits, at_most, ends_of, stated_bits, total
from synthgen.exact.entropy import (
    Book,
    Entropy,
    disagreement,
    entropy_of,
    log2_binomial,
    log2_factorial,
    log2_falling,
    text_entry,
)


def bits(status, value=1.0):
    return Bits(value, status, "" if status == "exact" else "a reason")


SUMS = {
    ("exact", "exact"): "exact",
    ("exact", "upper"): "bracket",
    ("exact", "lower"): "bracket",
    ("exact", "estimate"): "estimate",
    ("upper", "upper"): "bracket",
    ("upper", "lower"): "bracket",
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


numbers = st.builds(
    lambda low, more, most, status, level: {
        "exact": Bits(low),
        "bracket": Bits(low + more, "bracket", "r", low=low, high=low + more + most, level=level),
    }[status],
    *[st.floats(0, 100)] * 3,
    st.sampled_from(["exact", "bracket"]),
    st.floats(0.9, 1),
)


@given(numbers, numbers, st.floats(0, 10), st.data())
def test_sums_hold_whatever_their_parts_hold(a, b, factor, data):
    """Truths between the ends of two numbers: their sum is between those of the sum, and no more often wrong."""
    one, other = (data.draw(st.floats(x.low, x.high)) for x in (a, b))
    both = a + b
    assert both.low - 1e-9 <= one + other <= both.high + 1e-9
    assert both.level == pytest.approx(max(0, 1 - (1 - a.level) - (1 - b.level)))
    scaled = a.times(factor)
    assert scaled.low - 1e-9 <= factor * one <= scaled.high + 1e-9
    assert (scaled.status, scaled.level) == (a.status, a.level)


def test_bounds_are_brackets_with_an_open_end():
    most, least = Bits(8.0, "upper", "why"), Bits(8.0, "lower", "why")
    assert (most.status, most.low, most.high, str(most)) == ("bracket", 0, 8, "<= 8.0000")
    assert (least.status, least.low, least.high, str(least)) == ("bracket", 8, inf, ">= 8.0000")
    assert least.to_json()["high"] is None
    assert str(Bits(2.0, "bracket", "why", low=1.0, high=3.0)) == "1.0000 to 3.0000"
    assert str(Bits(2.0)) == "2.0000"
    assert str(Bits(2.0, "estimate", "why", 0.5)) == "~ 2.0000 ± 0.5"
    assert at_most(2.0, "why", low=2.0) == Bits(2.0), "a bracket of width nought is exact"
    with pytest.raises(ValueError, match="not between"):
        Bits(4.0, "bracket", "why", low=1.0, high=3.0)


@pytest.mark.parametrize("status", ["upper", "lower", "estimate", "exact", "unknown"])
def test_what_version_0_1_0_wrote_is_read(status):
    entry = {"bits": 8.0, "status": status, "reason": "why"}
    now = bits(status, 8.0)
    assert stated_bits(entry) == str(now)
    assert ends_of(entry) == (now.low, now.high)
    assert text_entry(entry) == entry


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
    assert (entropy.bits, entropy.status) == (5, "bracket")
    assert (entropy.text.low, entropy.text.high) == (2, 5)
    assert entropy.world.value == 100
    hidden = Entropy({"a": Book(bits("exact", 2))}, hidden="two choices may make one text")
    assert (hidden.status, hidden.text.low, hidden.text.high) == ("bracket", 0, 2)
    assert hidden.booked.status == "exact"
    known = Entropy({"a": Book(bits("exact", 2))}, hidden="why", shown=Bits(1.5, "bracket", "why", low=1, high=1.75))
    assert (known.bits, known.to_json()["text"]["low"], known.to_json()["text"]["high"]) == (2, 1, 1.75)
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


def ledger(values):
    """Return (sums, sums of squares, rows, greatest) of a book's values."""
    return {"a": fsum(values)}, {"a": fsum(value * value for value in values)}, len(values), max(values)


@pytest.mark.parametrize("values", [[18.0], [18.0, 18.5], [0.0, 0.0, 3.0], [20.0] * 24 + [21.0]])
def test_few_rows_are_no_fault(values):
    """Few values may be alike where the law is not; one says nothing at all."""
    sums, squares, rows, greatest = ledger(values)
    books = {"a": Book(Bits(23.94))}
    assert disagreement(books, sums, squares, rows), "they seem to disagree"
    assert not disagreement(books, sums, squares, rows, greatest)


def test_rare_bits_that_were_not_seen_are_no_fault():
    """A book of 6 bits in one row of 100, in 50 rows of none; in 5,000 rows it is one."""
    books = {"a": Book(Bits(0.06))}
    assert not disagreement(books, {"a": 0.0}, {"a": 0.0}, 50, 24.0)
    assert disagreement(books, {"a": 0.0}, {"a": 0.0}, 50_000, 24.0)


@given(st.integers(300, 10_000), st.floats(0.5, 2.0).filter(lambda factor: abs(factor - 1) > 0.25))
def test_a_wrong_mean_over_many_rows_is_found(rows, factor):
    values = [24.0 * factor + (-1.0) ** row for row in range(rows)]
    assert disagreement({"a": Book(Bits(24.0))}, *ledger(values))


def test_statuses_never_improve():
    order = {"exact": 0, "bracket": 1, "estimate": 1, "unknown": 2}
    for a, b in combinations(("exact", "upper", "lower", "estimate", "unknown"), 2):
        parts = [bits(a), bits(b)]
        assert order[total(parts).status] >= max(order[part.status] for part in parts)
