"""Brevo: published means, every listing by networkx, exact laws by walking all choices, judged listings, refusals."""

import itertools
import json
import math
from collections import Counter
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from scipy.stats import chisquare

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys, begin
from synthgen.exact.entropy import log2_factorial
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.exact.tape import enumerate_tapes
from synthgen.task.kit.words import Words
from synthgen.tasks.brevo.law import OpenLaw, answer_floor, released_exactly, released_graphs
from synthgen.tasks.brevo.task import Brevo, BrevoParams
from synthgen.tasks.brevo.writing import graphs

PUBLISHED = json.loads(Path(__file__).with_name("published_playground.json").read_text())
BREVO = [name for name in PUBLISHED if name.startswith("Brevo")]
KEY = np.zeros(2, np.uint64)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name.endswith(("N110", "N90")) else ()) for name in BREVO]
)
def test_published_means(name):
    source, figures = synthgen.load(name.lower().replace("_", "-")), PUBLISHED[name]
    nodes = source.task().params.nodes
    for split, own in (("train", figures["train"]), ("test", figures["eval"])):
        entropy, law = source.entropy(split), source.task(split).sizes.law
        books, facts = {k: v.bits for k, v in entropy.books.items()}, entropy.facts
        assert entropy.status == "bracket" and "order the nodes came" in entropy.text.reason
        assert 0 < entropy.text.low < entropy.text.value < entropy.text.high < entropy.booked.high
        labels = sum(p * (log2_factorial(n) + math.log2(math.comb(nodes, n))) for n, p in law.items())
        structure = books["graph"].value + labels  # the published figure labels nodes with ids, invisible ones too
        spread = 5 * math.hypot(own["latent_se"], books["graph"].se)
        assert abs(structure - own["latent_structure_plus_labels_bits"]) < spread
        batch = source.batch(0, 2000, split)
        for ours, theirs, rows in (
            (books["answer"].value, own["answer_conditional_entropy_bits"], batch.column("bits").field("answer")),
            (books["order"].value, own["edge_order_bits"], batch.column("bits").field("order")),
            (facts["expected_listed"]["mean"], own["E_answer_nodes"], batch.column("difficulty")),
        ):
            assert abs(ours - theirs) < 5 * np.std(rows.to_numpy()) / math.sqrt(own["samples"])
        # Published tokens hold BOS and EOS; ours the end mark, and packers add BOS.
        tokens, rows = (
            figures["tokens"][split.replace("test", "eval")],
            figures["tokens"][f"{split.replace('test', 'eval')}_rows"],
        )
        lengths = np.diff(batch.column("input_ids").offsets.to_numpy())
        assert abs(lengths.mean() + 1 - tokens) < 5 * lengths.std() * math.sqrt(1 / 2000 + 1 / rows)
        assert (
            abs(lengths.mean() - facts["expected_tokens"]["mean"])
            < 5 * lengths.std() / math.sqrt(2000) + 5 * facts["expected_tokens"]["se"]
        )
    if "wordset_bits_n_eq_N" in figures:
        words = Words.of(4, 2, 4, nodes)
        assert math.isclose(words.set_bits[nodes], figures["wordset_bits_n_eq_N"], rel_tol=1e-9)
        assert math.isclose(words.mean_tokens[nodes] / nodes, figures["mean_word_len_n_eq_N"], rel_tol=1e-9)


def work_arrays(n, degree):
    """Return room for one graph: parents, arity, room, needed, waiting, ready, out."""
    ints = [np.zeros(n, np.int64) for _ in range(4)]
    return np.zeros((n, degree), np.int64), ints[0], np.zeros((2, n), np.int64), np.zeros(n, np.bool_), *ints[1:]


@pytest.mark.parametrize("n", [3, 4])
def test_all_choices_of_released_graphs_and_listings(n):
    """n = 4 as the release draws it: masses sum to 1; graph and listing entropies agree with formulas and order ideals."""
    most = (n - 1) // 4 + 1

    def run(tape):
        parents, arity, room, needed, waiting, ready, out = work_arrays(n, 4)
        begin(tape, KEY, 0, 0)
        graphs.draw_released(tape, n, 4, most, parents, arity, room)
        graph = tuple(frozenset(parents[v, : arity[v]].tolist()) for v in range(n))
        bits = tape.ledger / UNITS_PER_BIT
        begin(tape, KEY, 1, 0)
        total = graphs.mark_needed(n - 1, parents, needed)
        graphs.draw_greedy(tape, n - 1, total, parents, arity, needed, waiting, ready, out)
        return graph, tuple(out[:total].tolist()), bits, tape.ledger / UNITS_PER_BIT

    law, both, means, mass = Counter(), Counter(), np.zeros(2), 0
    for (graph, listing, bits, answer), p in enumerate_tapes(run):
        law[graph] += p
        both[graph, listing] += p
        means += float(p) * np.array([bits, answer])
        mass += p
    assert mass == 1
    exact, named = released_exactly(n, 4, most, 1)
    entropy = -sum(float(p) * math.log2(p) for p in law.values())
    assert math.isclose(entropy, means[0], abs_tol=1e-9) and math.isclose(entropy, exact["graph"], abs_tol=1e-9)
    joint = -sum(float(p) * math.log2(p) for p in both.values())
    assert math.isclose(joint - entropy, means[1], abs_tol=1e-9) and math.isclose(
        means[1], exact["answer"], abs_tol=1e-9
    )
    edges = sum(float(p) * log2_factorial(sum(map(len, graph))) for graph, p in law.items())
    assert math.isclose(edges, exact["order"], abs_tol=1e-9) and math.isclose(sum(named.values()), 1)
    assert dict(law) == {g: pytest.approx(p, abs=1e-12) for g, p, _ in released_graphs(n, 4, most)}
    source = synthgen.load("brevo1-tiny", params={"nodes": n, "smallest": n})
    books = source.entropy().books
    assert math.isclose(books["graph"].bits.value, entropy, abs_tol=1e-9)
    assert (books["graph"].bits.status, books["answer"].bits.status) == ("exact", "exact")


SLOW = [pytest.param(5, 2, marks=pytest.mark.slow), pytest.param(5, 4, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("n", "degree"), [(3, 2), (4, 2), (5, 1), *SLOW])
def test_all_choices_of_open_graphs(n, degree):
    width = (n - 1) // degree + 1

    def run(tape):
        parents, arity = work_arrays(n, degree)[:2]
        begin(tape, KEY, 0, 0)
        first, last = graphs.draw_open(tape, n, degree, width, parents, arity)
        return (
            tuple(frozenset(parents[v, : arity[v]].tolist()) for v in range(n)),
            first,
            last,
            tape.ledger / UNITS_PER_BIT,
        )

    law, mean, facts = Counter(), 0.0, {}
    for (graph, first, last, bits), p in enumerate_tapes(run):
        layer = []
        for own in graph:
            layer.append(max((layer[parent] + 1 for parent in own), default=0))
        assert layer == sorted(layer) and layer.count(0) == first and layer.count(max(layer)) == last
        law[graph] += p
        mean += float(p) * bits
        facts[graph] = (
            sum(map(log2_factorial, Counter(layer).values())),
            math.log2(last),
            sum(map(len, graph)) + first,
        )
    assert sum(law.values()) == 1
    exact = OpenLaw.of(n, degree, width)
    entropy = -sum(float(p) * math.log2(p) for p in law.values())
    assert math.isclose(mean, entropy, abs_tol=1e-9) and math.isclose(exact.graph, entropy, abs_tol=1e-9)
    assert math.isclose(exact.layers, sum(float(p) * facts[g][0] for g, p in law.items()), abs_tol=1e-9)
    assert math.isclose(exact.query, sum(float(p) * facts[g][1] for g, p in law.items()), abs_tol=1e-9)
    for number, share in enumerate(exact.statements):
        assert math.isclose(share, sum(float(p) for g, p in law.items() if facts[g][2] == number), abs_tol=1e-12)


@pytest.mark.parametrize("params", [{"nodes": 3, "degree": 2}, {"nodes": 3, "vocabulary": 1, "name_tokens": [1, 3]}])
def test_open_rows_are_injective_and_exact(params):
    one = Brevo(BrevoParams.model_validate({"law": "open", **params}), Keys(0), Path())
    law, booked = Counter(), 0.0
    for rows, p in enumerate_tapes(lambda tape: one.rows(0, 1, tape)):
        law[rows.content.ids.tobytes()] += p
        booked += float(p) * int(rows.units.sum()) / UNITS_PER_BIT
    assert sum(law.values()) == 1
    text = -sum(float(p) * math.log2(p) for p in law.values())
    entropy = one.entropy(estimates=False)
    assert entropy.status == "exact"
    assert math.isclose(text, entropy.bits, abs_tol=1e-9) and math.isclose(booked, entropy.bits, abs_tol=1e-9)


def test_sampled_graphs_follow_the_released_law():
    source = synthgen.load("brevo1-tiny", params={"nodes": 5, "smallest": 5})
    law, counts = Counter(), Counter()
    for parents, p, _ in released_graphs(5, 4, 2):
        law[sum(map(len, parents)), len(_needed(parents, 4)), sum(not own for own in parents)] += p
    rows = source.batch(0, 20_000).to_pylist()
    for row in rows:
        statements = len(row["completion_mask"]) - sum(row["completion_mask"]) - 2
        counts[statements // 2, row["latent"]["listed"], row["latent"]["leaves"]] += 1
    assert set(counts) <= set(law)
    keys = sorted(law)
    assert chisquare([counts[k] for k in keys], [law[k] * len(rows) for k in keys]).pvalue > 1e-4


def _needed(parents, query):
    needed = {query}
    for v in range(query, -1, -1):
        if v in needed:
            needed |= parents[v]
    return needed


def orders_of(parents, query):
    """Return {listing: probability} of the published order, by brute force."""
    needed, law = _needed(parents, query), Counter()

    def place(listing, share):
        ready = [v for v in needed - set(listing) if all(c in listing for c in needed if v in parents[c])]
        if not ready:
            law[listing] += share
        for v in ready:
            place((v, *listing), share / len(ready))

    place((), 1.0)
    return law


def test_the_order_ideal_programme_is_brute_force():
    for parents, _, _ in itertools.islice(released_graphs(6, 4, 2), 0, None, 40):
        law = orders_of(parents, 5)
        assert math.isclose(sum(law.values()), 1)
        assert math.isclose(answer_floor(parents, 5), -sum(p * math.log2(p) for p in law.values()), abs_tol=1e-9)
    assert answer_floor((frozenset(),) * 20 + (frozenset(range(20)),), 20, limit=1000) is None


def test_floors_of_rows_agree_with_the_ledger():
    """The exact floor of each graph's listing and the bits booked for it have one mean."""
    source = synthgen.load("brevo2-n30")
    rows = source.batch(0, 400).to_pylist()
    pairs = [(source.task().answer_floor(row), row["bits"]["answer"]) for row in rows]
    known = np.array([(floor, bits) for floor, bits in pairs if floor is not None])
    assert len(known) > 300
    difference = known[:, 1] - known[:, 0]
    assert abs(difference.mean()) < 5 * difference.std() / math.sqrt(len(known))


def take_apart(ids, symbols, longest):
    """Read a released row with the published numbering alone."""
    words, word = [], ()
    for token in ids:
        if token > 9990:
            words.append(token)
        else:
            word = (*word, token)
            if longest == 1 or token > symbols:
                words.append(word)
                word = ()
    at = words.index(9997)
    graph = nx.DiGraph()
    entries = [w for w in words[:at] if w != 9994]
    leaves = {words[i + 1] for i, w in enumerate(words[:at]) if w == 9994}
    graph.add_nodes_from(leaves)
    facts = [w for i, w in enumerate(words[:at]) if w != 9994 and not (i and words[i - 1] == 9994)]
    assert len(entries) == len(facts) + len(leaves)
    graph.add_edges_from(zip(facts[::2], facts[1::2], strict=True))
    assert words[at + 2] == 9998 and words[-1] == 9996
    return graph, words[at + 1], words[at + 3 : -1], leaves


def check_with_networkx(source, split, start, stop):
    params = source.task(split).params
    for first in range(start, stop, 2000):
        for row in source.batch(first, min(first + 2000, stop), split).to_pylist():
            graph, query, listing, leaves = take_apart(row["input_ids"], params.symbols, params.name_tokens[1])
            assert nx.is_directed_acyclic_graph(graph)
            assert set(listing) == nx.ancestors(graph, query) | {query} and len(set(listing)) == len(listing)
            assert row["difficulty"] == len(listing)
            place = {node: i for i, node in enumerate(listing)}
            assert all(place[a] < place[b] for a, b in graph.subgraph(listing).edges)
            assert max(d for _, d in graph.in_degree()) <= 4
            sources = [node for node, d in graph.in_degree() if d == 0]
            ways = nx.single_target_shortest_path_length(graph, query)
            assert row["latent"]["depth"] == min(dict(ways)[leaf] for leaf in sources if leaf in place)
            if params.law == "open":
                assert leaves == set(sources)
            else:
                assert max(d for _, d in graph.out_degree()) <= 4


def test_listings_by_networkx():
    for name in ("brevo1-n110", "brevo2-n50", "brevo-open"):
        for split in ("train", "test"):
            check_with_networkx(synthgen.load(name), split, 0, 100)
    check_with_networkx(synthgen.load("brevo1-n70", params={"fidelity": "paper"}), "train", 0, 200)


@pytest.mark.slow
def test_listings_of_100_000_rows_by_networkx():
    check_with_networkx(synthgen.load("brevo1-n70"), "train", 0, 10_000)
    check_with_networkx(synthgen.load("brevo2-n30"), "train", 0, 10_000)
    check_with_networkx(synthgen.load("brevo-open"), "train", 0, 10_000)
    small = synthgen.load("brevo1-tiny", params={"numbering": "released"})
    check_with_networkx(small, "train", 0, 70_000)


@pytest.mark.parametrize(
    "params", [{}, {"fidelity": "paper"}, {"listing": "sorted"}, {"leaves": "ceil"}, {"degree": 2}]
)
def test_variants_verify_and_agree_with_their_bits(params):
    source = synthgen.load("brevo2-n30", params=params)
    batch, entropy = source.batch(0, 1500), source.entropy()
    for row in batch.slice(0, 100).to_pylist():
        verdict = source.verify(row)
        assert verdict.correct, verdict.reason
    for book, own in entropy.books.items():
        bits = batch.column("bits").field(book).to_numpy()
        assert abs(bits.mean() - own.bits.value) < 5 * math.hypot(bits.std() / math.sqrt(bits.size), own.bits.se) + 1e-6


def test_listings_are_judged_step_by_step():
    source = synthgen.load("brevo1-n70")
    row = next(row for row in source.batch(0, 200).to_pylist() if row["difficulty"] > 6)
    ids, reading = row["input_ids"], source.task().reading(row)
    steps = row["latent"]["spans"]["step"]
    prompt, answer = ids[: reading.prompt], ids[reading.prompt :]
    verdict = source.verify(prompt, answer)
    assert verdict.correct and verdict.parts[0]["depth"] == row["latent"]["depth"]
    names = [ids[step["start"] : step["end"]] for step in steps]
    assert [token for name in names for token in name] == answer[1:-1]

    def judged(listing):
        return source.verify(prompt, [answer[0], *(token for name in listing for token in name), answer[-1]])

    repeated = judged([*names[:2], names[0], *names[2:]])
    assert not repeated.correct and repeated.step == 2 and "already" in repeated.reason
    short = judged(names[:-1])
    assert not short.correct and short.step == len(names) - 1 and "too early" in short.reason
    turned = judged(names[::-1])
    assert not turned.correct and turned.step == 0 and "something it needs" in turned.reason
    strange = next(n for n in reading.parents if n not in reading.needed())
    spare = judged([[int(source.task().alphabet.ids[strange[0]])], *names])
    assert not spare.correct and spare.step == 0 and "not needed" in spare.reason
    assert not source.verify(prompt, answer[:-1]).correct and not source.verify(prompt, [*answer, answer[-1]]).correct
    for junk in ("", "x", [], [9998, 9996], [[1]], [10**9]):
        assert not source.verify(prompt, junk).correct
        assert not source.verify(junk, answer).correct
    # Every step of the answer is among those that could stand there, and those alone are.
    for step, node in enumerate(reading.answer):
        could = reading.can_next(reading.answer[:step])
        assert node in could
        for other in could:
            fault = type(reading)(
                reading.parents, query=reading.query, answer=[*reading.answer[:step], other]
            ).first_fault()
            assert fault is None or fault[0] > step
    assert reading.can_next(reading.answer) == set()


def test_the_order_of_creation_is_checked():
    source = synthgen.load("brevo1-n70")
    row = next(row for row in source.batch(0, 200).to_pylist() if len(row["latent"]["created"]) > 6)
    created = row["latent"]["created"]
    for fault in (created[::-1], created[:-1], [*created[:-1], created[0]]):
        assert not source.verify({**row, "latent": {**row["latent"], "created": fault}}).correct
    for field, value in (("leaves", 0), ("nodes", 71), ("nodes", None), ("depth", 99)):
        assert not source.verify({**row, "latent": {**row["latent"], field: value}}).correct


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"nodes": 2}, "greater than or equal to 3"),
        ({"nodes": 400, "name_tokens": [2, 4]}, "only 336 words"),
        ({"vocabulary": 50}, "only 50 words"),
        ({"law": "open", "listing": "greedy"}, "leave these fields out"),
        ({"smallest": 80, "nodes": 70}, "above nodes = 70"),
        ({"degree": 9}, "less than or equal to 8"),
    ],
)
def test_bad_sizes_are_refused_with_the_limit(params, said):
    with pytest.raises(SynthgenError) as error:
        synthgen.load("brevo1-n70", params=params)
    assert said in str(error.value)
