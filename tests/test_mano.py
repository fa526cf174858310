"""Mano: published entropies, every answer by Python's own arithmetic, the law of answers, what is refused."""

import itertools
import json
import math
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chisquare

import synthgen
from synthgen.errors import SynthgenError
from synthgen.tasks.mano.law import ExpressionLaw

PUBLISHED = json.loads(Path(__file__).with_name("published_playground.json").read_text())
MANO = [name for name in PUBLISHED if name.startswith("Mano")]
SIGNS = {5: "+", 1: "+", 6: "-", 2: "-", 7: "*", 3: "*", 8: "/", 4: "/"}


@pytest.mark.parametrize("name", MANO)
def test_published_entropies(name):
    source, figures = synthgen.load(name.lower().replace("_", "-")), PUBLISHED[name]
    train, test = source.entropy(), source.entropy("test")
    # The published text begins with one of two BOS tokens, a fair coin: one token and one bit that packers add here.
    assert train.status == test.status == "exact"
    assert math.isclose(train.bits + 1, figures["H_text_train_bits"], abs_tol=1e-9)
    assert math.isclose(test.bits + 1, figures["H_text_eval_bits"], abs_tol=1e-9)
    assert train.facts["expected_tokens"] + 1 == figures["E_tokens_train"]
    assert test.facts["expected_tokens"] + 1 == figures["tokens_eval"]
    assert math.isclose(train.facts["guess_accuracy"], figures["answer_p0_train_mean"], rel_tol=1e-9)
    assert math.isclose(test.facts["guess_accuracy"], figures["answer_p0_eval"], rel_tol=1e-9)
    assert test.facts["guess"] == 0 and 0.0702 < test.facts["guess_accuracy"] < 0.0722
    assert math.isclose(test.facts["answer_law_bits"], figures["answer_marginal_entropy_eval"], abs_tol=1e-9)
    most = max(map(int, figures["P0_by_len"]))
    law = ExpressionLaw.of(most, 23, (0, 1, 2))
    for n, zero in figures["P0_by_len"].items():
        assert math.isclose(law.value[int(n)][0], zero, rel_tol=1e-9)
    shape = law.bits[most] - most * math.log2(3) - (most + 1) * math.log2(23)
    assert math.isclose(shape, figures["shape_bits_eval"], abs_tol=1e-9)


def brute(size, modulus, signs):
    """Return {(expression, value or None): probability} of all expressions of `size` operations, by brute force."""
    if size == 0:
        return {(str(v), v): Fraction(1, modulus) for v in range(modulus)}
    law = Counter()
    for left in range(size):
        sides = itertools.product(brute(left, modulus, signs).items(), brute(size - 1 - left, modulus, signs).items())
        for ((a, x), p), ((b, y), q) in sides:
            for sign in signs:
                value = None
                if x is not None and y is not None and not (sign == "/" and y == 0):
                    value = {"+": x + y, "-": x - y, "*": x * y, "/": x * pow(y or 1, -1, modulus)}[sign] % modulus
                law[f"({a}{sign}{b})", value] += p * q / len(signs) / size
    return law


@pytest.mark.parametrize(("modulus", "signs"), [(3, "+-*"), (5, "+*/"), (2, "-"), (5, "/")])
def test_laws_are_those_of_brute_force(modulus, signs):
    law = ExpressionLaw.of(2, modulus, tuple("+-*/".index(sign) for sign in signs))
    for size in range(3):
        every = brute(size, modulus, signs)
        assert sum(every.values()) == 1
        defined = {own: p for own, p in every.items() if own[1] is not None}
        share = sum(defined.values())
        assert math.isclose(law.defined[size], share, abs_tol=1e-12)
        bits = -sum(float(p / share) * math.log2(p / share) for p in defined.values())
        assert math.isclose(law.bits[size], bits, abs_tol=1e-9)
        same = sum(float(p / share) ** 2 for p in defined.values())
        assert math.isclose(law.collision_bits[size], -math.log2(same), abs_tol=1e-9)
        for value in range(modulus):
            own = sum(p for (_, v), p in defined.items() if v == value)
            assert math.isclose(law.value[size][value], own, abs_tol=1e-12)


def evaluate(tokens, modulus):
    """Return the value of a prefix expression in published ids, by Python's own arithmetic, and what is left."""
    first, *rest = tokens
    if first >= 5000:
        return first - 5000, rest
    a, rest = evaluate(rest, modulus)
    b, rest = evaluate(rest, modulus)
    sign = SIGNS[first]
    if sign == "/":
        return a * pow(b, -1, modulus) % modulus, rest
    return (a + b if sign == "+" else a - b if sign == "-" else a * b) % modulus, rest


def check_by_arithmetic(source, split, rows):
    for first in range(0, rows, 5000):
        for row in source.batch(first, min(first + 5000, rows), split).to_pylist():
            length, *expression, mark, answer = row["input_ids"]
            operations = row["difficulty"]
            assert length // 10 == mark // 10 == operations and length % 10 < 2 and 4 <= mark % 10 < 6
            assert evaluate(expression, 23) == (answer - 5000, [])
            assert len(expression) == 2 * operations + 1


def test_answers_by_arithmetic():
    for name, split in (("mano-l10", "train"), ("mano-l16", "test")):
        check_by_arithmetic(synthgen.load(name), split, 3000)
    check_by_arithmetic(synthgen.load("mano-l10", params={"signs": "+-*/"}), "train", 3000)


@pytest.mark.slow
def test_answers_of_100_000_rows_by_arithmetic():
    check_by_arithmetic(synthgen.load("mano-l10"), "train", 100_000)


@pytest.mark.parametrize("signs", ["+-*", "+-*/"])
def test_answers_and_bits_follow_their_law(signs):
    source = synthgen.load("mano-l10", params={"signs": signs})
    task, batch, entropy = source.task("test"), source.batch(0, 40_000, "test"), source.entropy("test")
    answers = batch.column("latent").field("answer").to_numpy()
    law = task.law.value[10] / task.law.defined[10]
    assert chisquare(np.bincount(answers, minlength=23), law * answers.size).pvalue > 1e-4
    bits = batch.column("bits").field("expression").to_numpy()
    assert abs(bits.mean() - entropy.books["expression"].bits.value) < 5 * bits.std() / 200 + 1e-9


def test_the_ids_of_the_paper_and_of_the_release():
    released, paper = synthgen.load("mano-l10"), synthgen.load("mano-l10", params={"fidelity": "paper"})
    seen = {t for row in released.batch(0, 500).to_pylist() for t in row["input_ids"]}
    assert {1, 2, 3, 5, 6, 7} <= seen and {10, 11, 14, 15} <= seen
    seen = {t for row in paper.batch(0, 500).to_pylist() for t in row["input_ids"]}
    assert not {1, 2, 3} & seen and not {t for t in seen if t < 5000 and t % 10 in (1, 5) and t > 10} and 5 in seen
    assert math.isclose(released.entropy().bits - paper.entropy().bits, 7.5)
    assert paper.entropy().books["twins"].bits.value == 0


def test_completions_and_faults():
    source = synthgen.load("mano-l13", params={"trained": "answer"})
    row = source.row(11)
    ids = row["input_ids"]
    assert row["completion_mask"] == [False] * (len(ids) - 2) + [True, True]
    assert source.verify(ids[:-1], ids[-1:]).correct
    assert source.verify(ids[:-2], ids[-2:]).correct
    other = 5000 + (ids[-1] - 4999) % 23
    verdict = source.verify(ids[:-1], [other])
    assert not verdict.correct and f"the value is {ids[-1] - 5000}" in verdict.reason
    assert not source.verify({**row, "input_ids": [*ids[:-1], other]}).correct
    for junk in ("", "x", [], [[1]], [5000, 5000], [10**9], [4]):
        assert not source.verify(ids[:-1], junk).correct
        assert not source.verify(junk, ids[-1:]).correct
    # An operation in the place of a value leaves it without its sides.
    at = next(i for i, t in enumerate(ids) if t >= 5000)
    assert "two sides" in source.verify({**row, "input_ids": [*ids[:at], 5, *ids[at + 1 :]]}).reason


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"signs": "+/", "modulus": 21}, "not a prime"),
        ({"signs": "+/", "modulus": 3}, "at least 5"),
        ({"signs": "+^"}, "some of + - * /"),
        ({"operations": 0}, "greater than or equal to 1"),
        ({"exactly": 17}, "above operations = 16"),
        ({"modulus": 1}, "greater than or equal to 2"),
    ],
)
def test_bad_sizes_are_refused_with_the_limit(params, said):
    with pytest.raises(SynthgenError) as error:
        synthgen.load("mano-l16", params=params)
    assert said in str(error.value)
