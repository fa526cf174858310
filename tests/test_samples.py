"""Sampled means: their ends hold the truth, more often than they promise, and certificates are what they were drawn as."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.exact.samples import Sums, bernstein, most_likely

LAWS = {
    "coins": ((0.0, 1.0), lambda draw, n: draw.integers(0, 2, n), 0.5),
    "rare": ((0.0, 1.0), lambda draw, n: draw.random(n) < 0.01, 0.01),
    "one in a thousand is huge": ((0.0, 500.0), lambda draw, n: np.where(draw.random(n) < 0.001, 500.0, 0.5), 0.9995),
    "even": ((-1.0, 1.0), lambda draw, n: draw.uniform(-1, 1, n), 0.0),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("cut", [False, True])
def test_ends_hold_the_truth_as_often_as_they_say(name, cut):
    """At a level of 0.9, of 400 brackets at least 360 hold the mean."""
    ends, law, mean = LAWS[name]
    cuts = (max(ends[0], -0.5), min(ends[1], 2.0)) if cut else ends
    draw, held, widths = np.random.default_rng(5), 0, []
    for _ in range(400):
        bits = Sums.of(law(draw, 300).astype(float), cuts).bracket(cuts, ends, "sampled", level=0.9)
        held += bits.low <= mean <= bits.high
        widths.append(bits.high - bits.low)
    assert held >= 360
    assert bits.method == "empirical-bernstein" and bits.n == 300 and ends[0] <= bits.low <= bits.high <= ends[1]


def test_a_bracket_of_the_wrong_law_is_found():
    """The test above can fail: brackets a tenth as wide hold the mean too seldom."""
    ends, law, mean = LAWS["coins"]
    draw = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        bits = Sums.of(law(draw, 300).astype(float), ends).bracket(ends, ends, "sampled", level=0.9)
        held += bits.value - (bits.value - bits.low) / 10 <= mean <= bits.value + (bits.high - bits.value) / 10
    assert held < 340


def test_the_bounds_are_the_published_ones():
    x = math.log(2 / 0.05)
    assert bernstein(100, 0.25, 1.0, 0.05) == pytest.approx(math.sqrt(2 * 0.25 * x / 100) + 7 * x / (3 * 99))
    assert most_likely(0, 1000, 1e-6) == pytest.approx(1 - 1e-6 ** (1 / 1000), rel=1e-6), "no hit: (1 - p)^n = failure"
    assert most_likely(10, 10, 0.1) == 1.0


@given(st.integers(0, 50), st.integers(50, 2000), st.sampled_from([0.1, 1e-3, 1e-6]))
def test_no_chance_is_thought_too_small(hits, n, failure):
    """With the chance that is returned, so few hits are at most as likely as the failure (counted exactly)."""
    p = most_likely(hits, n, failure)
    if p < 1:
        terms = [
            math.lgamma(n + 1)
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + k * math.log(p)
            + (n - k) * math.log1p(-p)
            for k in range(hits + 1)
        ]
        assert math.fsum(map(math.exp, terms)) <= failure * (1 + 1e-9)


@given(st.lists(st.lists(st.floats(-5, 5), min_size=1, max_size=20), min_size=2, max_size=5))
def test_chunks_add_up(parts):
    parts = [np.array(part) for part in parts]
    cuts = (-2.0, 3.0)
    together = Sums.together(Sums.of(part, cuts) for part in parts)
    whole = Sums.of(np.concatenate(parts), cuts)
    assert (together.n, together.under, together.over) == (whole.n, whole.under, whole.over)
    assert together.total == pytest.approx(whole.total) and together.squares == pytest.approx(whole.squares)
    values = np.clip(np.concatenate(parts), *cuts)
    assert whole.mean == pytest.approx(values.mean())
    assert whole.variance == pytest.approx(values.var(ddof=1), abs=1e-9)
