"""Templates of iGSM: counted exactly, against every template of small ops; ranks there and back; halves disjoint."""

import itertools
import random
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from synthgen.errors import DrawError, SynthgenError
from synthgen.exact.draw import Keys, begin, new_state
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import to_bits
from synthgen.exact.wide import store, to_int
from synthgen.tasks.igsm.writing.open.counts import Shape, counts_of, released_count
from synthgen.tasks.igsm.writing.open.halves import Halves, draw_rank
from synthgen.tasks.igsm.writing.open.supply import (
    demand_uncapped,
    distinct_expected,
    enumerable_share,
    repeat_chance,
    supplies,
)
from synthgen.tasks.igsm.writing.open.templates import listed, new_template, rank, template_of, unrank

INSTANCES = Shape(op=32, abstract=(0, 0))
BOTH = Shape(op=32)


def _sentences(placed, items):
    """Every sentence that may follow: (cost, kind, literal, minus, cited), written from the language's definition."""
    yield 1, 0, 3, 0, ()
    for refs in range(1, 5):
        for cited in itertools.permutations(range(placed), refs):
            for literal, minus in itertools.product((0, 1, 2), (0, 1)):
                if (minus and refs != 2) or (literal and refs == 4):
                    continue
                inputs = refs + (literal > 0)
                yield max(1, inputs - 1), 0, literal, minus, cited
    free = [place for place, item in enumerate(items) if item == -1]
    for children in range(1, 5):
        for cited in itertools.combinations(free, children):
            yield max(1, children - 1), 1, 0, 0, cited


def _solutions(op, sentences, items):
    """Every list of sentences with `op` operations; items[place]: -1 an instance of no item, -2 abstract, else its sum."""
    if op == 0:
        yield tuple(sentences)
        return
    for cost, *sentence in _sentences(len(sentences), items):
        if cost > op:
            continue
        kind, cited, place = sentence[0], sentence[3], len(sentences)
        following = [place if kind and i in cited else item for i, item in enumerate(items)] + [-2 if kind else -1]
        yield from _solutions(op - cost, [*sentences, tuple(sentence)], following)


@cache
def every_template(op):
    """Every template of `op` operations: each parameter but the last is cited by a later one."""
    found = []
    for solution in _solutions(op, [], []):
        cited = {place for sentence in solution for place in sentence[3]}
        if cited == set(range(len(solution) - 1)):
            found.append(solution)
    return found


def _most_open(solution):
    """Return the most parameters that wait at any time; members wait for the sum of their item."""
    sums = {place: i for i, sentence in enumerate(solution) if sentence[0] == 1 for place in sentence[3]}
    most = 0
    for now in range(len(solution)):
        waiting = 0
        for place in range(now + 1):
            users = [i for i, s in enumerate(solution) if place in s[3]]
            waiting += sums[place] > now if place in sums else min(users, default=99) > now
        most = max(most, waiting)
    return most


def _is_of(shape, solution):
    sums = sum(sentence[0] == 1 for sentence in solution)
    constants = sum(sentence[1] == 3 for sentence in solution)
    return (
        shape.abstract[0] <= sums <= shape.abstract[1]
        and shape.necessary[0] <= len(solution) - sums <= shape.necessary[1]
        and all(len(s[3]) <= shape.references for s in solution if s[0] == 0)
        and (shape.open_ends is None or _most_open(solution) <= shape.open_ends)
        and (shape.constants is None or shape.constants[0] <= constants <= shape.constants[1])
        and (not shape.uniform_answer or (solution[-1][0] == 0 and solution[-1][1] in (1, 3)))
        and (not shape.merged or all(s[2] or s[0] or list(s[3]) == sorted(s[3]) for s in solution))
    )


SHAPES = [
    Shape(op=5, abstract=(0, 0)),
    Shape(op=5),
    Shape(op=5, abstract=(1, 1)),
    Shape(op=5, abstract=(2, 4)),
    Shape(op=5, necessary=(3, 4)),
    Shape(op=5, references=1),
    Shape(op=5, references=2, open_ends=2),
    Shape(op=5, open_ends=1, abstract=(0, 1)),
    Shape(op=5, constants=(2, 3)),
    Shape(op=5, constants=(0, 1), abstract=(0, 4)),
    Shape(op=5, merged=True, abstract=(0, 1)),
    Shape(op=5, uniform_answer=True),
    Shape(op=5, uniform_answer=True, merged=True, constants=(1, 2)),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_counts_and_ranks_are_those_of_enumeration(shape):
    counts = counts_of(shape)
    for op in range(1, 6):
        expected = {solution for solution in every_template(op) if _is_of(shape, solution)}
        assert counts.count(op) == len(expected)
        if op < 5 or len(expected) < 3000:
            found = [template_of(counts, op, number) for number in range(counts.count(op))]
            assert {listed(template) for template in found} == expected
            assert [rank(counts, template) for template in found] == list(range(len(found)))


def test_known_counts():
    counts = counts_of(INSTANCES)
    assert [counts.count(op) for op in (1, 2, 3, 4, 5, 10)] == [1, 3, 25, 379, 8521, 3_644_188_120_683]
    assert f"{counts.count(15):.2e}" == "1.92e+23"
    assert f"{counts.count(21):.2e}" == "9.25e+37"
    assert f"{counts.count(32):.1e}" == "2.8e+68"
    merged = counts_of(Shape(op=21, abstract=(0, 0), merged=True))
    assert [f"{merged.count(op):.1e}" for op in (15, 21)] == ["8.1e+21", "7.5e+35"]


def test_the_released_generator_reaches_the_chains_that_begin_with_the_sentence_before():
    assert [released_count(op) for op in (1, 2, 3, 5, 10)] == [1, 3, 15, 1179, 1_485_209_817]
    for op in range(1, 6):
        chains = [
            solution
            for solution in every_template(op)
            if all(s[0] == 0 and (i == 0 or s[3][:1] == (i - 1,)) for i, s in enumerate(solution))
        ]
        assert released_count(op) == len(chains)


@settings(max_examples=60)
@given(st.sampled_from([INSTANCES, BOTH, Shape(op=32, merged=True, abstract=(1, 4))]), st.integers(6, 32), st.data())
def test_ranks_lead_there_and_back(shape, op, data):
    counts = counts_of(shape)
    number = data.draw(st.integers(0, counts.count(op) - 1))
    template = template_of(counts, op, number)
    assert rank(counts, template) == number
    costs = [
        max(1, refs - 1 + (literal in (1, 2))) for refs, literal in zip(template.refs, template.literal, strict=True)
    ]
    assert sum(costs[: template.nodes]) == op == template.op
    cited = {int(p) for i in range(template.nodes) for p in template.ref[i, : template.refs[i]]}
    assert cited == set(range(template.nodes - 1))


def test_templates_of_another_shape_have_no_rank():
    counts, wider = counts_of(Shape(op=6, abstract=(0, 0))), counts_of(Shape(op=6))
    templates = [template_of(wider, 6, number) for number in range(0, wider.count(6), 5000)]
    foreign = [template for template in templates if template.kind[: template.nodes].any()]
    assert foreign
    for template in foreign:
        with pytest.raises(DrawError, match="none of the shape"):
            rank(counts, template)
    with pytest.raises(SynthgenError):
        rank(counts, new_template())


@pytest.mark.parametrize("number", [-1, 25])
def test_ranks_outside_are_an_index_error(number):
    with pytest.raises(IndexError):
        template_of(counts_of(INSTANCES), 3, number)


@pytest.mark.parametrize(
    "fields",
    [
        {"op": 0},
        {"op": 36},
        {"op": 5, "abstract": (2, 1)},
        {"op": 5, "abstract": (0, 5)},
        {"op": 5, "references": 5},
        {"op": 5, "open_ends": 0},
        {"op": 5, "constants": (3, 2)},
        {"op": 5, "necessary": (4, 2)},
    ],
)
def test_shapes_that_make_no_sense_are_refused(fields):
    with pytest.raises(SynthgenError, match=next(f for f in reversed(fields))):
        Shape(**fields)


@kernel
def _ranks(state, key, ranks, op, tables, out, template):
    """Draw len(out) ranks, and unrank each; returns the parameters in all."""
    nodes = 0
    for row in range(len(out)):
        begin(state, key, row, 0)
        number = draw_rank(state, ranks, op)
        store(out, row, number)
        unrank(tables, op, number, template)
        nodes += template.nodes
    return nodes


def _draw(halves, half, op, rows):
    out, state = np.zeros((rows, 4), np.uint64), new_state()
    _ranks(state, Keys(0).split("op"), halves.ranks(half), op, halves.counts.tables, out, new_template())
    return [to_int(row) for row in out], to_bits(state.ledger)


def test_small_halves_are_drawn_evenly_and_disjoint():
    halves = Halves(counts_of(INSTANCES), Keys(0).world("halves"))
    for op in (2, 3, 4):
        seen = {}
        for half in ("train", "test"):
            drawn, bits = _draw(halves, half, op, 30_000)
            counter = Counter(drawn)
            assert len(counter) == halves.size(op, half)
            assert len(counter) == 1 or chisquare(list(counter.values())).pvalue > 1e-4
            assert bits == pytest.approx(np.log2(halves.size(op, half)))
            assert all(halves.half_of(op, number) == half for number in counter)
            seen[half] = set(counter)
        assert seen["train"].isdisjoint(seen["test"])
        assert seen["train"] | seen["test"] == set(range(halves.counts.count(op)))
        assert halves.train_size(op) == halves.counts.count(op) * 16 // 23


@pytest.mark.parametrize("op", [10, 15, 32])
def test_large_halves_keep_to_themselves(op):
    halves = Halves(counts_of(BOTH), Keys(3).world("halves"), bins=17)
    for half in ("train", "test"):
        drawn, bits = _draw(halves, half, op, 300)
        assert len(set(drawn)) == 300
        assert {halves.half_of(op, number) for number in drawn} == {half}
        assert bits == pytest.approx(np.log2(float(halves.size(op, half))))
    share = np.mean(
        [halves.half_of(op, random.Random(i).randrange(halves.counts.count(op))) == "train" for i in range(400)]
    )
    assert abs(share - 17 / 23) < 0.1


def test_an_op_with_one_template_says_that_it_is_not_split():
    halves = Halves(counts_of(INSTANCES), Keys(0).world("halves"))
    assert halves.unsplit == [1]
    assert halves.half_of(1, 0) == "all"
    assert halves.size(1, "train") == halves.size(1, "test") == 1
    assert _draw(halves, "test", 1, 3) == ([0, 0, 0], 0.0)


def test_all_templates_are_drawn_evenly():
    halves = Halves(counts_of(BOTH), Keys(0).world("halves"))
    drawn, _ = _draw(halves, "all", 4, 50_000)
    assert chisquare(np.bincount(drawn, minlength=halves.counts.count(4))).pvalue > 1e-4


def test_the_table_of_supplies_and_its_refusal():
    counts = counts_of(INSTANCES)
    law = {op: (2 * (15 - op) + 1) / 225 for op in range(1, 16)}
    table = supplies(law, 1_000_000, counts.count)
    assert sum(line.share for line in table) == pytest.approx(1)
    assert [line.op for line in table if line.enumerable] == list(range(1, 14))
    assert enumerable_share(table) == pytest.approx(1 - 4 / 225)
    assert table[0].repeats == 1.0
    assert table[-1].repeats < 1e-15
    assert table[-1].to_json()["templates"] == str(counts.count(15))
    demand_uncapped(law, counts.count, 14)
    with pytest.raises(SynthgenError, match=f"{counts.count(13):,} at op 13.*set it to 14"):
        demand_uncapped(law, counts.count, 13)
    with pytest.raises(SynthgenError, match="wider shape"):
        demand_uncapped({20: 1.0}, counts_of(Shape(op=20, abstract=(0, 0), references=1)).count, 14)
    with pytest.raises(SynthgenError, match="no template"):
        demand_uncapped({6: 1.0}, counts_of(Shape(op=6, abstract=(0, 0), necessary=(1, 1))).count, 14)


def test_the_chance_of_a_repeat():
    assert repeat_chance(365, 23) == pytest.approx(0.5073, abs=1e-4)
    assert repeat_chance(5, 6) == 1.0
    assert repeat_chance(5, 1) == 0.0
    direct = repeat_chance(3 * 10**7, 10_000)
    assert repeat_chance(3 * 10**7, 10_001) == pytest.approx(direct, rel=1e-3)
    assert repeat_chance(2**100, 10**9) == pytest.approx(10**18 / 2**101, rel=1e-6)
    assert distinct_expected(365, 23) == pytest.approx(365 * (1 - (364 / 365) ** 23))
    assert distinct_expected(1, 5) == 1
