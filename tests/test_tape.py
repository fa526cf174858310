"""Tapes: what is recorded can be replayed, every sequence is walked once, and addresses are remembered."""

import itertools
from collections import Counter
from fractions import Fraction

import pytest

from synthgen.errors import DrawError
from synthgen.exact.bijection import permuted, unpermuted
from synthgen.exact.draw import Draw, Keys, begin, below
from synthgen.exact.jit import kernel
from synthgen.exact.tape import enumerate_tapes, new_tape, recorded


@kernel
def _walk(state, key, steps):
    """A sampler whose number of choices depends on the choices before."""
    begin(state, key, 0, 0)
    total = 0
    for _ in range(steps):
        total = total * 3 + below(state, 2 + total % 2)
    return total


def test_a_recorded_list_replays_to_the_same_result():
    key = Keys(0).split("walk")
    for choices in ([], [1], [1, 2], [1, 0, 1]):
        tape = new_tape(choices)
        result, made = _walk(tape, key, 3), recorded(tape)
        assert [choice for choice, _ in made] == choices + [0] * (3 - len(choices))
        assert _walk(new_tape([choice for choice, _ in made]), key, 3) == result


@pytest.mark.parametrize("n", [1, 2, 3, 7, 1000, 2**30 + 1, 2**31 - 1, 2**31, 2**32, 3 * 2**40, 2**63 - 1])
def test_a_sampler_takes_the_choice_that_its_tape_prescribes(n):
    """A tape hands on the half word that leads to its choice, through the arithmetic of rows: never one rejected."""
    key = Keys(0).split("walk")

    @kernel
    def one(state, key, n):
        begin(state, key, 0, 0)
        return below(state, n), below(state, 5)

    for choice in {0, 1 % n, n // 3, n // 2, max(0, n - 2), n - 1}:
        tape = new_tape([choice, 3])
        assert one(tape, key, n) == (choice, 3)
        assert recorded(tape) == [(choice, n), (3, 5)]
        assert Draw(key, state=new_tape([choice])).below(n) == choice


def test_every_sequence_once_with_its_probability():
    key = Keys(0).split("walk")
    results = list(enumerate_tapes(lambda tape: _walk(tape, key, 4)))
    assert sum(probability for _, probability in results) == 1
    assert len({outcome for outcome, _ in results}) == len(results)


def test_the_same_address_gives_the_same_choice():
    key = Keys(0).world("people")

    def run(tape):
        first = Draw(key, entity=1, state=tape).below(3)
        other = Draw(key, entity=2, state=tape).below(3)
        assert Draw(key, entity=1, state=tape).below(3) == first
        return first, other

    assert len(list(enumerate_tapes(run))) == 9


def test_permutations_on_a_tape_are_draws_without_replacement():
    key = Keys(0).world("names")

    @kernel
    def names(state, key):
        return permuted(state, key, 0, 4, 7), permuted(state, key, 0, 4, 9), permuted(state, key, 0, 4, 7)

    outcomes = [outcome for outcome, probability in enumerate_tapes(lambda tape: names(tape, key))]
    assert sorted(outcomes) == [(a, b, a) for a in range(4) for b in range(4) if a != b]


def test_a_permutation_and_its_inverse_on_a_tape_are_one_permutation():
    key = Keys(0).world("names")

    @kernel
    def both(state, key):
        image, source = permuted(state, key, 0, 4, 1), unpermuted(state, key, 0, 4, 2)
        back = unpermuted(state, key, 0, 4, image), permuted(state, key, 0, 4, source)
        rest = permuted(state, key, 0, 4, 0)
        return image, source, back, rest, unpermuted(state, key, 0, 4, 0)

    chances = Counter()
    for (image, source, back, rest, last), probability in enumerate_tapes(lambda tape: both(tape, key)):
        assert back == (1, 2)
        chances[image, source, rest, last] += probability
    uniform = Counter()
    for p in itertools.permutations(range(4)):
        uniform[p[1], p.index(2), p[0], p.index(0)] += Fraction(1, 24)
    assert chances == uniform


def test_faults_are_named():
    key = Keys(0).split("walk")
    with pytest.raises(DrawError, match="does not offer"):
        _walk(new_tape([2]), key, 1)
    with pytest.raises(DrawError, match="the tape is full"):
        _walk(new_tape(), key, 2000)
    with pytest.raises(DrawError, match="more than 10"):
        list(enumerate_tapes(lambda tape: _walk(tape, key, 6), limit=10))
    tape = new_tape()
    Draw(key, state=tape).below(3)
    with pytest.raises(DrawError, match="two different numbers"):
        Draw(key, state=tape).below(4)
