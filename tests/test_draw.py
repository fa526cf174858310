"""Draw: the words are numpy's, the choices are exactly uniform, and each books its self-information."""

from collections import Counter
from fractions import Fraction
from math import comb, factorial, isclose, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from synthgen.errors import DrawError
from synthgen.exact import draw
from synthgen.exact.draw import Draw, Keys, begin, new_state, philox
from synthgen.exact.jit import kernel
from synthgen.exact.tape import enumerate_tapes

WORDS = st.integers(0, 2**64 - 1)


@given(st.tuples(WORDS, WORDS), WORDS, WORDS, st.integers(1, 40))
def test_words_are_numpys(key, entity, part, blocks):
    key = np.array(key, np.uint64)
    state = new_state()
    begin(state, key, np.uint64(entity), np.uint64(part))
    ours = []
    for _ in range(blocks):
        with np.errstate(over="ignore"):
            philox(state)
        ours += state.block.tolist()
    counter = np.array([0, 0, entity, part], np.uint64)
    assert ours == np.random.Philox(key=key, counter=counter).random_raw(4 * blocks).tolist()


@kernel
def _stream(state, key, entity, sizes, out):
    begin(state, key, entity, 0)
    for i in range(sizes.size):
        out[i] = draw.below(state, sizes[i])


@given(st.lists(st.integers(1, 2**62), min_size=1, max_size=60), st.integers(0, 2**62))
def test_compiled_and_plain_python_draw_the_same(sizes, entity):
    key, sizes = Keys(5).split("x"), np.array(sizes)
    compiled, plain = np.empty_like(sizes), np.empty_like(sizes)
    state, other = new_state(), new_state()
    _stream(state, key, entity, sizes, compiled)
    getattr(_stream, "py_func", _stream)(other, key, entity, sizes, plain)
    assert compiled.tolist() == plain.tolist()
    assert state.ledger == other.ledger
    assert np.all((compiled >= 0) & (compiled < sizes))


@pytest.mark.parametrize("n", [2, 3, 7, 100, 263, 3 << 29, 3 << 60])
def test_below_is_uniform(n):
    out = np.empty(60_000, np.int64)
    _stream(new_state(), Keys(1).split("uniform"), n, np.full(out.size, n), out)
    cells = n if n < 1000 else 96  # 96 divides the large sizes
    assert chisquare(np.bincount(out // (n // cells), minlength=cells)).pvalue > 1e-4


def test_addresses_are_independent_of_order_and_of_each_other():
    key, other = Keys(0).split("order"), Keys(0).split("wording")
    forwards = [Draw(key, entity).below(1000) for entity in range(50)]
    assert forwards == [Draw(key, entity).below(1000) for entity in reversed(range(50))][::-1]
    assert forwards != [Draw(other, entity).below(1000) for entity in range(50)]
    assert forwards != [Draw(key, entity, part=1).below(1000) for entity in range(50)]
    again = Draw(key, 0)
    draw.attempt(again.state, 1)
    assert again.below(2**60) != Draw(key, 0).below(2**60)


def test_keys_of_a_world_do_not_depend_on_seed_or_split():
    a, b = Keys(1, world=9, split="train"), Keys(2, world=9, split="test")
    assert a.world("people").tolist() == b.world("people").tolist()
    assert a.split("order").tolist() != b.split("order").tolist()
    assert Keys(9).world("people").tolist() == a.world("people").tolist(), "the world defaults to the seed"
    assert Keys(9).world("people").tolist() != Keys(9).split("people").tolist()


def _outcomes(run):
    """Return {outcome: exact probability} and the outcomes' booked bits, over every choice sequence."""
    law, bits = Counter(), {}
    for (outcome, booked), probability in enumerate_tapes(run):
        law[outcome] += probability
        bits.setdefault(outcome, booked)
        assert isclose(bits[outcome], booked, abs_tol=1e-9)
    assert sum(law.values()) == 1
    return law, bits


SAMPLERS = {
    "below": (lambda d: d.below(5), 5),
    "permutation": (lambda d: tuple(d.permutation(4)), factorial(4)),
    "subset": (lambda d: tuple(d.subset(6, 3)), comb(6, 3)),
    "whole": (lambda d: tuple(d.subset(3, 3)), 1),
    "empty": (lambda d: tuple(d.subset(3, 0)), 1),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_outcome_is_equally_likely_and_books_its_bits(name):
    sampler, outcomes = SAMPLERS[name]

    def run(tape):
        d = Draw(state=tape)
        return sampler(d), d.bits

    law, bits = _outcomes(run)
    assert set(law.values()) == {Fraction(1, outcomes)}
    assert len(law) == outcomes
    assert all(isclose(b, log2(outcomes), abs_tol=1e-9) for b in bits.values())


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(any))
def test_weighted_choice_follows_its_weights(weights):
    def run(tape):
        d = Draw(state=tape)
        return d.weighted(weights), d.bits

    law, bits = _outcomes(run)
    assert law == {k: Fraction(w, sum(weights)) for k, w in enumerate(weights) if w}
    assert all(isclose(bits[k], -log2(law[k]), abs_tol=1e-9) for k in law)


@given(st.integers(1, 5000), st.integers(0, 70), st.integers(0, 2**40))
def test_a_subset_rises_and_its_bits_may_be_looked_up_once(n, k, entity):
    k = min(n, k)
    d, other, chosen = Draw(Keys(6).split("subset"), entity), new_state(), np.empty(k, np.int64)
    drawn = d.subset(n, k)
    begin(other, Keys(6).split("subset"), entity, 0)
    draw.uniform_subset(other, n, k, chosen)
    assert chosen.tolist() == drawn == sorted(set(drawn)) and set(drawn) <= set(range(n))
    assert other.ledger == 0 and d.units == draw.log2_subsets(n, k)
    assert isclose(d.bits, log2(comb(n, k)), abs_tol=1e-9)


@given(st.integers(1, 2**300))
def test_draws_of_any_length(n):
    d = Draw(Keys(3).split("long"), entity=n % 2**60)
    assert 0 <= d.below(n) < n
    assert isclose(d.bits, log2(n), abs_tol=1e-9)


def test_big_draws_are_uniform():
    n = 5 * 2**70
    counts = [0] * 5
    for entity in range(5000):
        counts[Draw(Keys(4).split("big"), entity).below(n) >> 70] += 1
    assert chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize(
    "wrong",
    [
        lambda d: d.below(0),
        lambda d: d.subset(3, 4),
        lambda d: d.subset(3, -1),
        lambda d: d.weighted([]),
        lambda d: d.weighted([0, 0]),
        lambda d: d.weighted([2, -1]),
    ],
)
def test_impossible_draws_are_refused(wrong):
    with pytest.raises(DrawError):
        wrong(Draw(Keys(0).split("x")))


def test_rejections_are_bounded(monkeypatch):
    state = new_state()
    begin(state, Keys(0).split("x"), 0, 0)
    with np.errstate(over="ignore"):
        assert 0 <= draw._uniform_rejecting(state, 2**31 - 1, np.uint64(0)) < 2**31 - 1, "a rejected half is redrawn"
    monkeypatch.setattr(draw, "MAX_REJECTIONS", 0)
    for rejecting in (
        lambda: draw._uniform_rejecting(state, 3, np.uint64(0)),
        lambda: Draw(Keys(0).world("x")).below(2**80),
    ):
        with pytest.raises(DrawError, match="bounded draw"):
            rejecting()
