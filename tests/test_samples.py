"""Sampled means: their ends hold the truth, more often than they promise, and certificates are what they were drawn as."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.exact.samples import Sums, bernstein, bet_for, betted, beyond, most_likely

LAWS = {
    "coins": ((0.0, 1.0), lambda draw, n: draw.integers(0, 2, n), 0.5),
    "rare": ((0.0, 1.0), lambda draw, n: draw.random(n) < 0.01, 0.01),
    "one in a thousand is huge": ((0.0, 500.0), lambda draw, n: np.where(draw.random(n) < 0.001, 500.0, 0.5), 0.9995),
    "even": ((-1.0, 1.0), lambda draw, n: draw.uniform(-1, 1, n), 0.0),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("method", ["empirical-bernstein", "betting"])
def test_ends_hold_the_truth_as_often_as_they_say(name, cut, method):
    """At a level of 0.9, of 400 brackets at least 360 hold the mean."""
    ends, law, mean = LAWS[name]
    cuts = (max(ends[0], -0.5), min(ends[1], 2.0)) if cut else ends
    draw, held, bets = np.random.default_rng(5), 0, (0.0, 0.0)
    if method == "betting":
        first = np.clip(law(draw, 100), *cuts)
        bets = tuple(bet_for(way, first.std(), 300, 0.025) for way in (first.mean() - cuts[0], cuts[1] - first.mean()))
    for _ in range(400):
        sums = Sums.of(law(draw, 300).astype(float), cuts, bets)
        bits = sums.bracket(cuts, ends, "sampled", level=0.9, bets=bets)
        held += bits.low <= mean <= bits.high
    assert held >= 360
    assert bits.method == method and bits.n == 300 and ends[0] <= bits.low <= bits.high <= ends[1]


@given(st.floats(0.01, 0.99), st.floats(0.01, 50), st.sampled_from([0.1, 1e-3, 1e-6]))
def test_no_bet_wins_more_often_than_it_may(p, bet, failure):
    """Of 40 values 0 or 1, over all numbers of ones: the bound is above the mean in at most `failure` of the cases."""
    n = 40
    chances = {k: math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)}
    wrong = [chance for k, chance in chances.items() if betted(k * math.log1p(bet), n, bet, failure) > p]
    assert math.fsum(wrong) <= failure


def test_bets_narrow_what_values_far_off_could_do():
    """Of few values near each other in a wide interval: half the width, and not wider than the spread alone leaves."""
    draw, cuts = np.random.default_rng(3), (-100.0, 100.0)
    values = draw.normal(0, 5, 9000)
    bets = (bet_for(100, 5, 9000, 2.5e-7), bet_for(100, 5, 9000, 2.5e-7))
    sums = Sums.of(values, cuts, bets)
    plain, betting = sums.bracket(cuts, cuts, "sampled"), sums.bracket(cuts, cuts, "sampled", bets=bets)
    assert betting.low < 0 < betting.high and betting.high - betting.low < (plain.high - plain.low) / 2
    assert betting.high - betting.low < 1.4 * 2 * 5 * math.sqrt(2 * math.log(1 / 2.5e-7) / 9000)


@given(
    st.lists(st.tuples(st.floats(-20, 400), st.integers(1, 10**6)), min_size=1, max_size=6),
    st.floats(-10, 200),
    st.floats(1e-6, 0.36),
)
def test_no_event_adds_more_beyond_a_cut(law, cut, chance):
    """The worst event of a chance takes the greatest values: what it adds, counted, is not above the bound."""
    total = sum(weight for _, weight in law)

    def cumulant(theta):
        return float(np.logaddexp.reduce([math.log(weight / total) + theta * a for a, weight in law]))

    left, worst = chance, 0.0
    for a, weight in sorted(law, reverse=True):
        share = min(left, weight / total)
        worst, left = worst + share * max(0.0, a - cut), left - share
    assert worst <= beyond(cumulant, cut, chance) + 1e-9


def test_a_thin_tail_adds_little():
    """A normal figure (300, 70) beyond 200 in an event of 1e-4: under 4.3 deviations above its mean, not 3,000."""
    assert 1e-4 * 350 < beyond(lambda theta: 300 * theta + 70**2 * theta**2 / 2, 200.0, 1e-4) < 1e-4 * 410
    assert beyond(lambda theta: 300 * theta, 200.0, 0.5) == math.inf


@pytest.mark.parametrize("way", [1, -1])
def test_ends_with_tails_hold_the_truth_as_often_as_they_say(way):
    """At a level of 0.2, where a fault of the tails shows: a value is an exponential figure A where that is over 2."""
    mean = way * math.exp(-2) * 3  # E[A; A > 2]
    cumulants = [lambda theta: -math.log1p(-theta) if theta < 1 else math.inf, lambda theta: 0.0][::way]
    ends, cuts = sorted((0.0, way * 1e4)), sorted((0.0, way * 2.2))
    draw, missed, open_ended = np.random.default_rng(8), [0, 0], 0
    for _ in range(300):
        figures = draw.exponential(size=4000)
        values = way * np.where(figures > 2, figures, 0.0)
        bits = Sums.of(values, cuts).bracket(cuts, ends, "sampled", level=0.2, tails=cumulants[::-1])
        missed[0] += bits.low > mean
        missed[1] += bits.high < mean
        open_ended += bits.high - bits.low > 100
    assert max(missed) <= 300 * 0.4 and open_ended == 0, "tails are a few bits, not the way to the end"


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
    together = Sums.together(Sums.of(part, cuts, (0.5, 2.0)) for part in parts)
    whole = Sums.of(np.concatenate(parts), cuts, (0.5, 2.0))
    assert together[5:] == pytest.approx(whole[5:])
    assert (together.n, together.under, together.over) == (whole.n, whole.under, whole.over)
    assert together.total == pytest.approx(whole.total) and together.squares == pytest.approx(whole.squares)
    values = np.clip(np.concatenate(parts), *cuts)
    assert whole.mean == pytest.approx(values.mean())
    assert whole.variance == pytest.approx(values.var(ddof=1), abs=1e-9)
