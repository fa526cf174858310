"""What a text of the paper's law shows: every part against all its choices, the whole against how often texts come."""

import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pytest

import synthgen
from synthgen.exact.draw import Keys, begin, new_state
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.exact.tape import enumerate_tapes
from synthgen.tasks.igsm.laws import PaperLaw
from synthgen.tasks.igsm.task import Igsm
from synthgen.tasks.igsm.writing.paper import citations, descriptions, numberings, shapes, shown
from synthgen.tasks.igsm.writing.paper.necessary import choose
from synthgen.tasks.igsm.writing.paper.sampler import new_work
from synthgen.tasks.igsm.writing.paper.structure import connect, grow
from synthgen.tasks.igsm.writing.paper.unnecessary import describe_rest, fill
from synthgen.tasks.igsm.writing.problem import ADDED, BARE, new_problem, number_parameters

KEY = np.zeros(2, np.uint64)


def scratch(kind):
    return np.zeros(1, np.dtype((np.record, kind)))[0]


def walked(run):
    """Return {outcome: probability} over all choices of a sampler."""
    law = defaultdict(float)

    def once(tape):
        begin(tape, KEY, 0, 0)
        return run(tape)

    for outcome, probability in enumerate_tapes(once):
        law[outcome] += float(probability)
    return law


@pytest.mark.parametrize(("layers", "least", "most", "edges"), [(2, 2, 3, 3), (3, 2, 2, 5)])
def test_a_graph_has_the_chance_of_all_the_ways_it_grows(layers, least, most, edges):
    p, w, c = new_problem(), new_work(), scratch(shapes.CHOICE)

    def run(tape):
        w.hits = w.misses = 0
        grow(tape, p, w, layers, least, most, edges)
        bits = shapes.edges_bits(p, c)
        graph = tuple(p.width[:layers]), tuple(zip(p.owner[: p.edges], p.target[: p.edges], strict=True))
        return graph, shapes.growth_chance(p, least, most, c) / 2**bits

    law = walked(run)
    assert math.fsum(law.values()) == pytest.approx(1)
    for (_, chance), share in law.items():
        assert chance == pytest.approx(share, rel=1e-9)


def problem_of(widths, edges):
    """Return a problem, and its work, with so many items in each layer and edges (layer, item, child)."""
    p, w = new_problem(), new_work()
    p.layers = len(widths)
    p.width[: p.layers] = widths
    edge = np.zeros((4, 4), np.int64)
    for layer, item, child in edges:
        edge[layer, item] |= 1 << child
    number_parameters(p, edge)
    connect(p, w)
    return p, w


TWO = ([2, 2], [(0, 0, 0), (0, 0, 1), (0, 1, 1)])
THREE = ([2, 2, 2], [(0, 0, 0), (0, 1, 1), (1, 0, 0), (1, 0, 1), (1, 1, 1)])
LEFT_OUT = ([3, 2], [(0, 0, 0), (0, 1, 0), (0, 1, 1)])
"""Graphs: of two and of three layers, and one with an outer item that has no child."""


@pytest.mark.parametrize("graph", [TWO, THREE, LEFT_OUT])
@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 3)])
def test_parameters_have_the_chance_of_all_orders_of_choosing_them(graph, n, m):
    p, w = problem_of(*graph)
    c = scratch(shapes.CHOICE)
    instances = (1 << p.edges) - 1

    def run(tape):
        choose(tape, p, w, n, m)
        return int(w.chosen), tuple(w.list[: w.listed].tolist())

    law, sets = walked(run), defaultdict(float)
    for (chosen, _), share in law.items():
        sets[chosen] += share
    total = 0.0
    for chosen, share in sets.items():
        goal = 0
        for x in range(p.edges, p.params):
            if chosen >> x & 1:
                goal |= int(w.closure[x])
        single, free = (chosen & ~goal).bit_count(), (instances & ~goal).bit_count()
        chance = shapes.choice_chance(p, w, c, goal, shapes.EMPTY, n) / shapes.choices(free, single)
        assert chance == pytest.approx(share, rel=1e-9)
        orders = {order: part for (which, order), part in law.items() if which == chosen}
        for order, part in orders.items():
            code = 0
            for x in order[: goal.bit_count()]:
                code = 128 * code + x + 1
            if len(order) > 9:
                continue
            ordered = shapes.choice_chance(p, w, c, goal, code, n) / shapes.falling(free, single)
            assert ordered == pytest.approx(part, rel=1e-9)
        total += chance
    assert total == pytest.approx(1)


def test_further_operations_in_any_order():
    """Picks among places with room 1, 2 and 2, all sequences of them listed."""
    c = scratch(citations.CITING)
    rooms = (1, 2, 2)
    for picks in range(5):
        law = defaultdict(float)
        for sequence in itertools.product(range(3), repeat=picks):
            given, share = [0, 0, 0], 1.0
            for i in sequence:
                open_places = [k for k in range(3) if given[k] < rooms[k]]
                share *= (i in open_places) / len(open_places) if open_places else 0
                given[i] += 1
            law[tuple(given)] += share
        for given, share in law.items():
            if share:
                ones, both = given[0], given[1:].count(2)
                assert citations._spread(ones, both, given[1:].count(1), 3, picks, c) == pytest.approx(share)


@pytest.mark.parametrize("described", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_sentences_in_whatever_order_they_were_described(described):
    """The estimate is right: against all ways to describe one or two sentences."""
    p, w = problem_of([2, 2], [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)][: 2 + described])
    f, g, state = scratch(descriptions.SWARM), scratch(numberings.NUMBERING), new_state()
    chosen = 1 | 1 << 1
    p.steps, p.order[:2] = 2, (0, 1)

    def run(tape):
        w.chosen, w.listed, w.described = chosen, 2, chosen
        w.list[:2] = 0, 1
        fill(p, w)
        p.literal[2:] = BARE
        describe_rest(tape, p, w)
        return tuple((tuple(p.ref[x, : p.refs[x]].tolist()), bool(p.literal[x] != BARE)) for x in range(2, p.edges))

    law = walked(run)
    assert math.fsum(law.values()) == pytest.approx(1)
    f.chosen_list[:2] = 0, 1
    f.fixed = 2
    begin(state, KEY, 5, 0)
    for sentences in sorted(law, key=law.get)[:: 1 + len(law) // 6]:
        for x, (refs, number) in enumerate(sentences, 2):
            p.refs[x], p.literal[x] = len(refs), ADDED if number else BARE
            p.ref[x, : len(refs)] = refs
        descriptions.find_followers(p, w, f, ((1 << p.edges) - 1) & ~chosen)
        numberings.keep_shown(p, g)
        for layer in range(2):
            numberings.keep_order(p, g, int(p.first[layer]), int(p.first[layer]) + 1)
        assert numberings.count_numberings(p, g) == 1
        estimate = 2 ** descriptions.description_log2(state, p, w, f, g, chosen, False)
        assert estimate == pytest.approx(law[sentences], rel=1e-9 if described == 1 else 0.3)


def columns_of(source, rows, stream="text of igsm"):
    """Return the columns of the first rows of a stream, and the same rows as the task makes them."""
    task = source.task()
    law = PaperLaw(task.params)
    keys = Keys(split=stream)
    columns = shown.chances(law.tables(), keys, 0, rows, task.params.sizes.numbers())
    return columns, task._rows(0, rows, new_state(), keys)


@pytest.mark.slow  # most of its time compiles all that a certificate is made with
@pytest.mark.parametrize(("op", "most_op", "rows"), [(1, 1, 10_000), ("light", 2, 40_000), (3, 3, 40_000)])
def test_texts_come_again_as_often_as_is_said(op, most_op, rows):
    """Of rows whose first turn came out: as many pairs of the same text as their chances make likely."""
    sizes = {"chains": 1, "groups": 1, "names": 4, "letters": most_op}
    params = {"op": op, "max_op": most_op, "max_edge": 2, "modulus": 2, "sizes": sizes}
    columns, made = columns_of(synthgen.load("igsm-med-pq", params=params), rows)
    assert columns[:, shown.LEAST].mean() < columns[:, shown.MOST].mean() + 0.05
    ends, widths = [0, *made.content.ends.tolist()], made.latent["widths"].to_pylist()
    letters = made.units[:, Igsm.books.index("letters")] / UNITS_PER_BIT  # chosen beside all that is summed out
    for wanted in sorted(set(columns[:, shown.OP].tolist())):
        of_op = columns[:, shown.OP] == wanted
        at_once = of_op.sum() / columns[of_op, shown.FIRST_TURNS].sum()
        first = np.flatnonzero(of_op & (columns[:, shown.FAILED] == 0)).tolist()
        texts = Counter((made.content.codes[ends[2 * i] : ends[2 * i + 2]].tobytes(), widths[i][0]) for i in first)
        pairs = sum(n * (n - 1) / 2 for n in texts.values())
        expected = math.fsum(2 ** (columns[first, shown.LEAST] - letters[first])) / at_once * (len(first) - 1) / 2
        assert pairs == pytest.approx(expected, abs=5 * math.sqrt(expected))
        if wanted == 1:
            assert expected > 30


def test_without_estimates_nothing_is_drawn_for_the_text_of_a_law_of_ones_own(monkeypatch):
    """Of a law that has no certificate, the ends are those that hold anyway; the kernel behind estimates takes long."""

    def drawn(*_):
        raise AssertionError("rows are drawn")

    monkeypatch.setattr("synthgen.tasks.igsm.laws.chances", drawn)
    source = synthgen.load("igsm-med-pq", params={"op": {2: 1, 3: 1}})
    entropy = source.entropy(estimates=False)
    assert entropy.text.status == "bracket"
    assert 0 < entropy.text.low < entropy.text.high == entropy.booked.high
    with pytest.raises(AssertionError, match="rows are drawn"):
        source.entropy()
