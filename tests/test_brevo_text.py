"""What a Brevo text hides: against all graphs of up to five nodes, and a row of any size is between its two ends."""

import math
from collections import defaultdict

import networkx as nx
import numpy as np
import pytest

import synthgen
from synthgen.exact.draw import Keys
from synthgen.task.kit.named_nodes import NamedNodes
from synthgen.tasks.brevo.law import released_graphs
from synthgen.tasks.brevo.params import BrevoParams
from synthgen.tasks.brevo.text_entropy import Shown, estimated_ends, graph_bits, hidden_ends


def shown_of(parents):
    """Return what a text shows of a graph in order of creation, and it as a graph of networkx."""
    last = len(parents) - 1
    created = sorted((v for v in range(last + 1) if parents[v]), key=lambda v: v == last)
    below = {p for needs in parents for p in needs}
    number = {v: i for i, v in enumerate(created)}
    number |= {v: len(created) + i for i, v in enumerate(v for v in sorted(below) if v not in number)}
    edges = [(number[p], number[v]) for v in created for p in parents[v]]
    graph = nx.DiGraph(edges)
    nx.set_node_attributes(graph, {v: v == len(created) - 1 for v in graph}, "query")
    shown = Shown(tuple(tuple(sorted(number[p] for p in parents[v])) for v in created), len(number) - len(created))
    return shown, graph


def same(a, b):
    return nx.algorithms.isomorphism.DiGraphMatcher(a, b, node_match=lambda x, y: x["query"] == y["query"])


@pytest.mark.parametrize(("degree", "nodes"), [(4, 5), (2, 5)])
def test_the_bits_of_a_graph_are_those_of_all_its_ways(degree, nodes):
    """Every graph of 3 to 5 nodes, with its probability, falls into a class of graphs that look alike."""
    params = BrevoParams(nodes=nodes, degree=degree, size="uniform")
    law = NamedNodes.of(params).sizes.law
    classes = defaultdict(list)  # by a rough key; in each, lists of (shown, graph, [(probability, leaves) of each way])
    for n, share in law.items():
        for parents, p, _ in released_graphs(n, degree, params.most_leaves(n)):
            shown, graph = shown_of(parents)
            way = share * p, sum(not needs for needs in parents)
            group = classes[len(shown.parents), shown.leaves, graph.number_of_edges()]
            alike = next((one for one in group if same(one[1], graph).is_isomorphic()), None)
            if alike is None:
                group.append((shown, graph, [way]))
            else:
                alike[2].append(way)
    number, hidden, whole = 0, 0.0, 0.0
    for group in classes.values():
        for shown, graph, ways in group:
            bits = graph_bits(shown, params, law)
            symmetries = sum(1 for _ in same(graph, graph).isomorphisms_iter())
            # a text names its nodes: a class of v! / symmetries texts up to the choice of words, all equally likely
            share = math.fsum(p for p, _ in ways)
            assert 2**-bits / symmetries == pytest.approx(share, rel=1e-9)
            lost = math.fsum(p * (-math.log2(p) - bits) for p, _ in ways)
            low, high = (
                math.fsum(p * hidden_ends(shown, leaves, params, law)[end] for p, leaves in ways) for end in (0, 1)
            )
            assert low - 1e-9 <= lost <= high + 1e-9
            hidden, whole, number = hidden + lost, whole + share, number + 1
    assert whole == pytest.approx(1)
    assert number > 10 and hidden > 0.4


def test_the_hidden_part_is_a_sampled_mean_between_two_ends():
    """A sampled graph of 3 to 5 nodes: the bracket of its text holds what walking all graphs gives."""
    source = synthgen.load("brevo1-tiny", params={"nodes": 5, "smallest": 3})
    least, most = source.task().samplings()
    assert (least.draw(0, 500) == most.draw(0, 500)).all(), "small graphs are all gone through"
    params, law = source.task().params, source.task().sizes.law
    truth = 0.0
    for n, share in law.items():
        for parents, p, bits in released_graphs(n, params.degree, params.most_leaves(n)):
            shown, _ = shown_of(parents)
            truth += share * p * (bits - math.log2(share) - graph_bits(shown, params, law))
    values = least.draw(0, 5_000)[:, 0]
    assert values.mean() == pytest.approx(truth, abs=5 * values.std() / math.sqrt(5_000))
    text, booked = source.entropy().text, source.entropy().booked
    assert text.low <= booked.value - truth <= text.high


def test_rows_of_many_sets_have_two_ends():
    """Over rows whose sets can be gone through, the mean of what is hidden is between those of the ends."""
    source = synthgen.load("brevo2-n40")
    task, figures = source.task(), []
    for row in source.batch(0, 300).to_pylist():
        shown, law = Shown.of(task.reading(row)), task.sizes.law
        whole = graph_bits(shown, task.params, law, 100_000)
        if whole is not None:
            lost = row["bits"]["size"] + row["bits"]["graph"] - whole
            figures.append((lost, *hidden_ends(shown, row["latent"]["leaves"], task.params, law)))
            order = [shown.numbers[place] for place in row["latent"]["created"]]
            booked = row["bits"]["size"] + row["bits"]["graph"]
            key = Keys(0).split("particles")
            ends = estimated_ends(shown, row["latent"]["leaves"], order, booked, key, len(figures), task.params, law)
            figures[-1] = (*figures[-1], *ends)
    lost, low, high, least, most = np.array(figures).T
    assert len(lost) > 290
    assert low.mean() < lost.mean() < high.mean() < 3 * lost.mean()
    assert (least - lost).mean() < 3 * (least - lost).std() / math.sqrt(len(lost)), "too low on average"
    assert (most - lost).mean() > -3 * (most - lost).std() / math.sqrt(len(lost)), "too high on average"
    assert (most - least).mean() < (high - low).mean() / 8
    assert (least >= low - 8 - 1e-9).all() and (most <= high + 8 + 1e-9).all(), "they are bounded"
    assert graph_bits(shown, task.params, law, limit=2) is None
