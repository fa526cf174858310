"""Orders of a solution: counted as by brute force, drawn evenly, and bounded."""

from collections import Counter
from functools import cache
from itertools import permutations
from math import factorial, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from synthgen.errors import DrawError
from synthgen.exact.draw import Keys, begin, new_state
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_big, to_bits
from synthgen.exact.wide import store, to_int
from synthgen.tasks.igsm.writing.open.counts import Shape, counts_of
from synthgen.tasks.igsm.writing.open.orders import (
    GRAPH,
    MAX_ORDERED,
    count_orders,
    draw_order,
    link,
    new_graph,
    new_memo,
    of_template,
    order_units,
)
from synthgen.tasks.igsm.writing.open.templates import listed, template_of

MEMO = new_memo()


@kernel
def _count(graph, memo, out):
    store(out, 0, count_orders(graph, memo))
    return order_units(graph, memo)


@kernel
def _link(graph):
    link(graph)


@kernel
def _of_template(graph, template, most_open, merged):
    of_template(graph, template, most_open, merged)


def _orders(before):
    """Return the number of linear extensions of a list of bit masks, by the kernel."""
    graph = new_graph()
    graph.nodes = len(before)
    graph.before[: len(before)] = before
    _link(graph)
    return _number(graph)


def _number(graph):
    out = np.zeros((1, 4), np.uint64)
    units = _count(graph, MEMO, out)
    number = to_int(out[0])
    assert units == (log2_big(number) if number else -1)
    return number


def _by_sets(before):
    """The same by the plain recursion over sets, in Python."""

    @cache
    def below(mask):
        if mask == 0:
            return 1
        members = [i for i in range(len(before)) if mask >> i & 1]
        return sum(below(mask & ~(1 << i)) for i in members if not any(before[j] >> i & 1 for j in members))

    return below((1 << len(before)) - 1)


GRAPHS = (
    st.integers(1, 12)
    .flatmap(lambda n: st.tuples(*(st.sets(st.integers(0, max(0, i - 1)), max_size=min(i, 3)) for i in range(n))))
    .map(lambda sets: [sum(1 << j for j in found if j < i) for i, found in enumerate(sets)])
)


@settings(max_examples=300)
@given(GRAPHS)
def test_counts_are_those_of_the_plain_recursion(before):
    assert _orders(before) == _by_sets(before)


def test_known_counts():
    assert _orders([0] * 20) == factorial(20)
    assert _orders([0] * MAX_ORDERED) == factorial(MAX_ORDERED)
    assert _orders([(1 << i) - 1 for i in range(30)]) == 1
    grid = [sum(1 << j for j in (i - 1 if i % 5 else -1, i - 5) if j >= 0) for i in range(25)]
    assert _orders(grid) == 701_149_020  # standard Young tableaux of the 5 x 5 square (hook lengths)
    tree = [0] * 16 + [0b1111 << 4 * i for i in range(4)] + [0b1111 << 16]
    assert _orders(tree) == factorial(21) // (5**4 * 21)  # hook lengths of a tree


def test_solutions_of_one_graph_are_equally_many_as_its_orders():
    # Every order of a template's graph is a template again: each problem's orders are found among all templates.
    for shape in (Shape(op=4), Shape(op=4, open_ends=2), Shape(op=4, merged=True)):
        counts = counts_of(shape)
        seen, number = Counter(), {}
        for rank in range(counts.count(4)):
            template = template_of(counts, 4, rank)
            graph = new_graph()
            _of_template(graph, template, shape.open_ends or 0, shape.merged)
            shape_of = _canonical(listed(template))
            seen[shape_of[0]] += 1
            number[shape_of[0]] = (_number(graph), shape_of[1])
        assert {key: orders // twins for key, (orders, twins) in number.items()} == dict(seen)


def _canonical(solution):
    """Return what two orders of one graph share, and by how many renamings it is equal to itself, by brute force."""
    forms = []
    for names in permutations(range(len(solution))):
        lines = [None] * len(solution)
        for place, (kind, literal, minus, cited) in enumerate(solution):
            refs = tuple(sorted(names[p] for p in cited)) if kind == 1 else tuple(names[p] for p in cited)
            lines[names[place]] = (kind, literal, minus, refs)
        forms.append(tuple(lines))
    return min(forms), forms.count(min(forms))


@kernel
def _draws(state, key, graph, memo, orders):
    for row in range(len(orders)):
        begin(state, key, row, 0)
        draw_order(state, graph, memo, orders[row])


def test_orders_are_drawn_evenly():
    before = [0, 0, 0b1, 0b11, 0b110, 0, 0b101000]
    graph = new_graph()
    graph.nodes = len(before)
    graph.before[: len(before)] = before
    _link(graph)
    state, orders = new_state(), np.zeros((60_000, len(before)), np.int64)
    _draws(state, Keys(0).split("order"), graph, MEMO, orders)
    counts = Counter(map(tuple, orders.tolist()))
    assert len(counts) == _by_sets(before)
    assert chisquare(list(counts.values())).pvalue > 1e-4
    assert to_bits(state.ledger) == pytest.approx(log2(len(counts)), abs=1e-9)
    for order in counts:
        assert all(before[p] & ~sum(1 << q for q in order[:i]) == 0 for i, p in enumerate(order))


def test_too_much_is_said_and_not_guessed():
    crown = [0] * 28 + [((1 << 28) - 1) ^ (1 << i) for i in range(28)]
    assert _orders(crown) == 0, "some 2^28 sets"
    graph = new_graph()
    graph.nodes = len(crown)
    graph.before[: len(crown)] = crown
    _link(graph)
    with pytest.raises(DrawError, match="too many sets"):
        _draws(new_state(), Keys(0).split("order"), graph, MEMO, np.zeros((1, 57), np.int64))
    graph.nodes = MAX_ORDERED + 1
    with pytest.raises(DrawError, match="57"):
        _number(graph)
    assert GRAPH["before"].shape == (MAX_ORDERED,)
