"""The open sampler: every choice gives another problem, formulas equal ledgers, and problems are what was asked for."""

import math
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys, begin, new_state
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import to_bits
from synthgen.exact.tape import enumerate_tapes
from synthgen.tasks.igsm.writing.open.averages import averages
from synthgen.tasks.igsm.writing.open.counts import Shape, counts_of
from synthgen.tasks.igsm.writing.open.distractors import KINDS, means, new_scatter, scatter
from synthgen.tasks.igsm.writing.open.halves import Halves
from synthgen.tasks.igsm.writing.open.placement import Placement, all_sums
from synthgen.tasks.igsm.writing.open.sampler import OpenParams, OpenSampler, draw_open
from synthgen.tasks.igsm.writing.open.templates import listed, template_of
from synthgen.tasks.igsm.writing.problem import new_problem, number_parameters, predecessors

WORLD = Keys(0).world("halves")


@kernel
def _draw(state, key, first, rows, p, tables, units, seen):
    """Draw rows; seen counts sentences, layers, constants, added numbers, factors, and the floor."""
    for row in range(rows):
        draw_open(state, key, first + row, p, tables, units[row])
        seen[row, 0], seen[row, 1] = p.edges, p.layers
        for x in range(p.edges):
            if p.literal[x] == 3:
                seen[row, 2] += 1
            elif p.literal[x] > 0:
                seen[row, 2 + p.literal[x]] += 1
        seen[row, 5] = tables.settings.floor


@kernel
def _draw_one(tape, key, row, p, tables, units):
    draw_open(tape, key, row, p, tables, units)


def _law(weights, half="all", **fields):
    return OpenSampler(OpenParams(**{"uncapped_from": 35, **fields}), weights, half, WORLD)


def _shown(p):
    """Return what a reader sees of a problem: its graph, its sentences and the order of its solution."""
    edges = tuple((int(p.owner[x]), int(p.target[x])) for x in range(p.edges))
    sentences = tuple(
        (int(p.literal[x]), int(p.minus[x]), tuple(p.ref[x, : p.refs[x]].tolist())) for x in range(p.edges)
    )
    return tuple(p.width[: p.layers].tolist()), edges, sentences, tuple(p.order[: p.steps].tolist())


def _check(p, law):
    """Assert that a problem is sound, and one of its law."""
    first = p.first[: p.layers + 1].tolist()
    children = {int(x) for x in p.target[: p.edges]}
    assert children == set(range(first[1], first[-1])), "every item below the top has a parent"
    assert {int(x) for x in p.owner[: p.edges] if x < first[1]} == set(range(first[1])), "every top item has a child"
    own = law.params
    assert own.layers[0] <= p.layers <= own.layers[1]
    assert all(own.widths[0] <= width <= own.widths[1] for width in p.width[: p.layers])
    around, needs = np.zeros(64, np.int64), {}
    for x in range(p.params):
        needs[x] = around[: predecessors(p, x, around)].tolist()
    order = p.order[: p.steps].tolist()
    for i, x in enumerate(order):
        assert set(needs[x]) <= set(order[:i])
        assert i == len(order) - 1 or any(x in needs[y] for y in order[i + 1 :])
        assert x < p.edges or p.target[x] == p.layer[p.owner[x]] + 1
    made = p.made[: p.edges].tolist()
    assert sorted(made) == list(range(p.edges))
    assert made[: sum(x < p.edges for x in order)] == [x for x in order if x < p.edges]
    known = set(order)
    for x in made:
        assert x in order or set(needs[x]) <= known
        known.add(x)
        assert len(set(needs[x])) == len(needs[x])
    inside = p.edges - sum(x < p.edges for x in order)
    assert own.distractors[0] <= inside <= own.distractors[1]
    assert p.edges <= own.sentences[1]


TINY = [
    ({1: 1, 2: 2}, {"sentences": (1, 3), "distractors": (0, 1), "widths": (1, 2), "layers": (2, 2)}),
    ({2: 1}, {"sentences": (1, 4), "distractors": (2, 2), "widths": (1, 2), "layers": (2, 2), "abstract": (1, 1)}),
    ({2: 1}, {"sentences": (3, 4), "distractors": (0, 2), "widths": (1, 2), "layers": (2, 2), "references": 1}),
    ({3: 1}, {"sentences": (1, 3), "distractors": (0, 0), "widths": (1, 2), "layers": (2, 2)}),
    (
        {1: 1},
        {"sentences": (3, 3), "distractors": (2, 2), "distractor_kind": "independent", "widths": (1, 2)},
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "fields"), TINY, ids=range(len(TINY)))
def test_all_choices_give_different_problems_and_the_formula(weights, fields):
    law = _law(weights, **fields)
    p, key, units = new_problem(), Keys(0).split("structure"), np.zeros(2, np.int64)
    chance, booked, floors, bits = defaultdict(Fraction), {}, {}, np.zeros(2)

    def run(tape):
        _draw_one(tape, key, 0, p, law.tables, units)
        return _shown(p), units / 2**40

    for (shown, own), probability in enumerate_tapes(run):
        if shown not in chance:
            _check(p, law)
        chance[shown] += probability
        booked[shown], floors[shown] = own.sum(), to_bits(law.tables.settings.floor)
        bits += float(probability) * own
    assert sum(chance.values()) == 1
    assert len(chance) > 10
    for shown, probability in chance.items():
        assert booked[shown] == pytest.approx(-math.log2(probability), abs=1e-8)
    solutions = defaultdict(list)
    for shown in chance:  # the same problem and question, solved in another order
        solutions[(*shown[:3], shown[3][-1])].append(shown)
    for orders in solutions.values():
        assert len({chance[shown] for shown in orders}) == 1, "given the problem, its orders are equally likely"
        assert {round(2 ** floors[shown], 9) for shown in orders} == {len(orders)}, (
            "and the floor is log2 of their number"
        )
    formula = law.entropy()
    assert bits.tolist() == pytest.approx([formula["op"], formula["structure"]], abs=1e-8)


LAWS = [
    ({op: 2 * (15 - op) + 1 for op in range(1, 16)}, {}),
    (dict.fromkeys(range(1, 13), 1), {"half": "train"}),
    (dict.fromkeys(range(2, 7), 1), {"half": "test", "distractor_kind": "independent", "abstract": (0, 4)}),
    (
        {20: 1, 23: 2},
        {"half": "test", "open_ends": 3, "constants": (2, 8), "distractors": (0, 3), "sentences": (1, 28)},
    ),
    ({32: 1}, {"half": "train", "references": 2, "sentences": (20, 32), "distractor_kind": "constant"}),
]


@pytest.mark.parametrize(
    ("weights", "fields"),
    [pytest.param(*law, marks=[pytest.mark.slow] * (i > 1), id=str(i)) for i, law in enumerate(LAWS)],
)
def test_formulas_equal_ledgers(weights, fields):
    law = _law(weights, **fields)
    rows = 20_000 if max(weights) < 20 else 2000
    units, seen = np.zeros((rows, 2), np.int64), np.zeros((rows, 6), np.int64)
    p = new_problem()
    _draw(new_state(), Keys(1).split("structure"), 0, rows, p, law.tables, units, seen)
    _check(p, law)
    formula = law.entropy()
    expected = {
        "op": formula["op"],
        "structure": formula["structure"],
        **law.numbers(),
        "edges": sum(edges * share for edges, share in law.edges_law().items()),
        "layers": sum(len(widths) * share for widths, share in law.widths_law().items()),
    }
    found = dict(zip(("op", "structure"), units.T / 2**40, strict=True))
    found |= dict(zip(("edges", "layers", "constants", "added", "times"), seen.T, strict=False))
    for name, value in expected.items():
        mean, error = found[name].mean(), found[name].std() / math.sqrt(rows)
        assert abs(mean - value) < 4.5 * error + 1e-9, f"{name}: {mean} +- {error}, formula {value}"
    assert sum(law.edges_law().values()) == pytest.approx(1)
    assert sum(law.widths_law().values()) == pytest.approx(1)
    assert (seen[:, 5] >= 0).all()


def test_many_problems_are_sound_and_in_their_half():
    law = _law(dict.fromkeys(range(2, 15), 1), "test", sentences=(1, 24))
    p, key, state = new_problem(), Keys(2).split("structure"), new_state()
    for row in range(300):
        _draw(state, key, row, 1, p, law.tables, np.zeros((1, 2), np.int64), np.zeros((1, 6), np.int64))
        _check(p, law)
        place = {int(x): i for i, x in enumerate(p.order[: p.steps])}
        around, lines = np.zeros(64, np.int64), []
        for x in place:
            cited = tuple(place[y] for y in around[: predecessors(p, x, around)].tolist())
            lines.append((int(x >= p.edges), int(p.literal[x]), int(p.minus[x]), cited))
        assert law.half_of(lines) == "test"
        assert law.rank(lines)[0] == law.tables.template.op
        assert tuple((k, m, n, tuple(sorted(c)) if k else c) for k, m, n, c in lines) == listed(law.tables.template)


def test_compiled_and_plain_python_draw_the_same():
    law = _law({2: 1, 6: 1, 9: 1}, "train", abstract=(0, 3))
    key, state = Keys(5).split("structure"), new_state()
    for row in range(4):
        plain, compiled, units = new_problem(), new_problem(), np.zeros((2, 2), np.int64)
        draw_open(state, key, row, plain, law.tables, units[0])
        floor = int(law.tables.settings.floor)
        _draw(state, key, row, 1, compiled, law.tables, units[1:], np.zeros((1, 6), np.int64))
        assert _shown(plain) == _shown(compiled)
        assert units[0].tolist() == units[1].tolist()
        assert law.tables.settings.floor == floor


@pytest.mark.parametrize("lines", [[], [(0, 0, 0, (0,))], [(0, 3, 0, ()), (0, 1, 0, (0, 0))], [(0, 3, 0, ())] * 2])
def test_what_is_no_template_has_no_rank(lines):
    with pytest.raises(SynthgenError):
        _law({5: 1}).rank(lines)


def _graphs(widths, edges):
    """Every structure graph of these widths: lists of (layer, item, children), by brute force."""
    blocks = [list(product(range(1 << b), repeat=a)) for a, b in zip(widths, widths[1:], strict=False)]
    for graph in product(*blocks):
        covered = all(np.bitwise_or.reduce(items) == (1 << b) - 1 for items, b in zip(graph, widths[1:], strict=True))
        if covered and all(graph[0]) and sum(i.bit_count() for items in graph for i in items) == edges:
            yield graph


@pytest.mark.parametrize("widths", [(2, 2), (1, 3), (3, 2), (2, 3, 1), (1, 2, 2), (2, 1, 2, 1)])
def test_placements_are_counted_as_by_brute_force(widths):
    placement = Placement(2, 9, (2, 4), (1, 3))
    v = placement.vectors.index(widths)
    expected = Counter()
    for edges in range(1, 10):
        for graph in _graphs(widths, edges):
            degrees = [i.bit_count() for items in graph for i in items]
            for sums in placement.sums:
                for marks in product((False, True), repeat=len(degrees)):
                    marked = sorted(d for d, mark in zip(degrees, marks, strict=True) if mark)
                    if tuple(marked) == sums:
                        expected[sums, edges - sum(sums)] += 1
    for s, sums in enumerate(placement.sums):
        for free in range(10 - sum(sums)):
            assert placement.tables.whole[s, free, v] == expected[sums, free]
    assert all_sums(1) == [(), (1,), (2,), (3,), (4,)]


def test_no_place_is_an_error_with_the_numbers():
    with pytest.raises(SynthgenError, match="no structure graph has 13 edges"):
        _ = _law({19: 1}, sentences=(20, 20), distractors=(0, 3), widths=(1, 2), abstract=(0, 0)).tables
    for fields in ({"layers": (1, 2)}, {"layers": (2, 5)}, {"widths": (1, 5)}):
        with pytest.raises((SynthgenError, ValueError)):
            _law({5: 1}, **fields)


def test_a_law_that_is_not_uncapped_is_refused():
    with pytest.raises(SynthgenError, match="uncapped_from = 10"):
        _law(dict.fromkeys(range(1, 16), 1), uncapped_from=10)
    facts = _law({op: 2 * (15 - op) + 1 for op in range(1, 16)}, uncapped_from=14).facts(1_000_000)
    assert facts["enumerable_share"] == pytest.approx(1 - 9 / 225)
    assert [int(line["templates"]) > 2**64 for line in facts["templates"]] == [False] * 12 + [True] * 3


@pytest.mark.parametrize(
    "fields",
    [
        {"sentences": (0, 3)},
        {"sentences": (5, 4)},
        {"sentences": (1, 39)},
        {"distractors": (9, 9), "sentences": (1, 9)},
    ],
)
def test_impossible_params_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        OpenParams(**fields)


@pytest.mark.parametrize("half", ["all", "train", "test"])
def test_averages_of_few_templates_are_those_of_all_of_them(half):
    counts = counts_of(Shape(op=4))
    halves = Halves(counts, WORLD)
    found = averages(halves, {3: 0.5, 4: 0.5}, half)
    sizes, numbers = Counter(), np.zeros(3)
    for op in (3, 4):
        kept = [r for r in range(counts.count(op)) if half in ("all", halves.half_of(op, r))]
        for r in kept:
            template = listed(template_of(counts, op, r))
            sums = tuple(sorted(len(line[3]) for line in template if line[0] == 1))
            sizes[len(template) - len(sums), sums] += 0.5 / len(kept)
            for line in template:
                if line[1]:
                    numbers[line[1] % 3] += 0.5 / len(kept)
    assert found.sizes == pytest.approx(dict(sizes))
    assert found.numbers == pytest.approx(numbers)


@kernel
def _scatter(tape, key, kind, references, free, p, w):
    begin(tape, key, 0, 0)
    scatter(tape, kind, references, free, len(free), p, w)


@pytest.mark.parametrize(("kind", "references"), [*product(("any", "independent", "constant"), (1, 2))])
def test_distractors_come_about_in_one_way_each(kind, references):
    p, w, key = new_problem(), new_scatter(), Keys(0).split("structure")
    p.layers, p.width[:2] = 2, (2, 2)
    number_parameters(p, np.array([[3, 3, 0, 0], [0] * 4, [0] * 4, [0] * 4]))
    p.steps, p.order[0], p.made[0] = 1, 1, 1
    free, chance, booked, numbers = np.array([0, 2, 3]), defaultdict(Fraction), {}, np.zeros(3)

    def run(tape):
        _scatter(tape, key, KINDS[kind], references, free, p, w)
        return _shown(p)[2], to_bits(tape.ledger)

    for (shown, own), probability in enumerate_tapes(run):
        chance[shown] += probability
        booked[shown] = own
    assert sum(chance.values()) == 1
    for shown, probability in chance.items():
        assert booked[shown] == pytest.approx(-math.log2(probability), abs=1e-9)
        for literal in (shown[x][0] for x in free):
            if literal:
                numbers[literal % 3] += float(probability)
        if kind == "independent":
            assert all(cited != 1 for x in free for cited in shown[x][2])
    bits = math.fsum(float(probability) * booked[shown] for shown, probability in chance.items())
    assert [bits, *numbers] == pytest.approx(list(means(3, 1, kind, references)), abs=1e-9)
