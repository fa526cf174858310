"""Depo: published means and entropies, every answer by networkx, the law of sizes and names, what is refused."""

import itertools
import json
import math
from collections import Counter
from fractions import Fraction
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from scipy.stats import chisquare

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.entropy import log2_falling
from synthgen.exact.ledger import UNITS_PER_BIT, log2_of_double, log2_of_doubles
from synthgen.task.kit.sizes import SizeLaw
from synthgen.task.kit.words import Words

PUBLISHED = json.loads(Path(__file__).with_name("published_playground.json").read_text())
DEPO = [name for name in PUBLISHED if name.startswith("Depo")]
ROWS_PER_BATCH = 2000


def spec_of(name):
    return name.lower().replace("_", "-")


@pytest.mark.parametrize("name", DEPO)
def test_published_means_and_entropies(name):
    source, figures = synthgen.load(spec_of(name)), PUBLISHED[name]
    entropy, train, test = source.entropy(), figures["train"], figures["eval"]
    books = {book: own.bits.value for book, own in entropy.books.items()}
    assert entropy.status == "exact"
    # The published text has one token more: its BOS, which packers add here. The sizes' weights are right to 1e-6.
    assert math.isclose(entropy.bits, train["H_text_bits"], rel_tol=1e-6)
    assert math.isclose(books["size"], train["H_n"], rel_tol=1e-6)
    assert math.isclose(books["names"] + books["cycle"] + books["order"], train["E_facts_bits"], rel_tol=1e-6)
    assert math.isclose(books["queries"], train["E_query_bits"], rel_tol=1e-6)
    assert math.isclose(entropy.facts["expected_tokens"] + 1, train["E_tokens"], rel_tol=1e-6)
    assert math.isclose(entropy.facts["expected_trained_tokens"], train["E_labelled_tokens"], rel_tol=1e-6)
    assert math.isclose(entropy.facts["expected_nodes"], train["E_n"], rel_tol=1e-6)
    assert math.isclose(entropy.facts["share_of_largest"], train["P_n_eq_N"], rel_tol=2e-6)
    powers = synthgen.load(spec_of(name), params={"size": "maximum", "asked": test["k_values"]}).entropy()
    own = {book: bits.bits.value for book, bits in powers.books.items()}
    assert math.isclose(own["names"], test["wordset_bits"], rel_tol=1e-9)
    assert math.isclose(own["names"] + own["cycle"] + own["order"], test["facts_bits"], rel_tol=1e-9)
    assert math.isclose(own["queries"], test["query_bits"], rel_tol=1e-9)
    assert math.isclose(powers.facts["expected_tokens"] + 1, test["E_tokens"], rel_tol=1e-9)


@pytest.mark.parametrize("name", ["depo1-n225", "depo2-n75", "depo1-tiny"])
def test_lengths_and_bits_of_rows(name):
    source = synthgen.load(name)
    for split in ("train", source.splits[1]):
        batch, entropy = source.batch(0, ROWS_PER_BATCH, split), source.entropy(split)
        tokens = np.diff(batch.column("input_ids").offsets.to_numpy())
        bits = batch.column("bits").field("total").to_numpy()
        for own, mean in ((tokens, entropy.facts["expected_tokens"]), (bits, entropy.bits)):
            assert abs(own.mean() - mean) <= 5 * own.std() / math.sqrt(own.size) + 1e-9
        trained = batch.column("completion_mask").values.to_numpy(zero_copy_only=False).sum() / ROWS_PER_BATCH
        assert math.isclose(trained, entropy.facts["expected_trained_tokens"], rel_tol=0.02)


def test_sizes_follow_their_law():
    source = synthgen.load("depo1-n225")
    nodes = np.concatenate([source.batch(i, i + 4000).column("difficulty").to_numpy() for i in range(0, 20_000, 4000)])
    counts, weights = np.bincount(nodes, minlength=226)[3:], 1 / (np.arange(3, 226) + math.sqrt(225))
    assert chisquare(counts, weights / weights.sum() * counts.sum()).pvalue > 1e-4
    law = SizeLaw.of("root", 3, 225).law
    assert all(math.isclose(law[n], w / weights.sum(), rel_tol=1e-5) for n, w in zip(law, weights, strict=True))


def set_law(symbols, shortest, longest, n):
    """Return the law of the set of n distinct words by brute force: all orders in which they may come."""
    words = [w for k in range(shortest, longest + 1) for w in itertools.product(range(symbols), repeat=k)]
    weight = {w: Fraction(1, symbols ** len(w)) for w in words}
    law = Counter()
    for order in itertools.permutations(words, n):
        share, left = Fraction(1), sum(weight.values())
        for word in order:
            share, left = share * weight[word] / left, left - weight[word]
        law[frozenset(order)] += share
    return law


@pytest.mark.parametrize(("symbols", "lengths", "n"), [(2, (1, 2), 3), (2, (1, 2), 4), (3, (1, 1), 2), (2, (1, 3), 3)])
def test_sets_of_words_have_the_bits_of_brute_force(symbols, lengths, n):
    law, words = set_law(symbols, *lengths, n), Words.of(symbols, *lengths, n)
    assert sum(law.values()) == 1
    assert math.isclose(words.set_bits[n], -sum(float(p) * math.log2(p) for p in law.values()), abs_tol=1e-9)
    assert math.isclose(words.mean_tokens[n], sum(float(p) * sum(map(len, s)) for s, p in law.items()), abs_tol=1e-9)
    assert math.isclose(2.0 ** -words.collision_bits[n], sum(float(p) ** 2 for p in law.values()), rel_tol=1e-9)
    for own, p in law.items():
        counts = [sum(len(w) == k for w in own) for k in range(lengths[0], lengths[1] + 1)]
        assert math.isclose(words.set_units(counts) / UNITS_PER_BIT, -math.log2(p), abs_tol=1e-9)


def test_logarithms_of_arrays_are_those_of_numbers():
    x = np.concatenate([np.random.default_rng(0).random(2000) ** 40, 2.0 ** -np.arange(300.0), [1.0, 5e-324, 1e300]])
    assert log2_of_doubles(x).tolist() == [log2_of_double(float(own)) for own in x]


def take_apart(ids, symbols, longest):
    """Read a released row with the published numbering alone: names are cut behind a token above `symbols`."""
    inner = symbols if longest > 1 else 0
    words, word = [], ()
    for token in ids:
        if token > 8000:
            words.append(token)
        else:
            word = (*word, token)
            if token > inner:
                words.append(word)
                word = ()
    border = next(i for i, w in enumerate(words) if isinstance(w, int) and w != 9700)
    facts = [w for w in words[:border] if w != 9700]
    graph = nx.DiGraph()
    graph.add_edges_from(zip(facts[::2], facts[1::2], strict=True))
    queries = [words[i : i + 4] for i in range(border, len(words), 4)]
    return graph, queries


def check_with_networkx(source, split, start, stop):
    params = source.task(split).params
    for first in range(start, stop, ROWS_PER_BATCH):
        for row in source.batch(first, min(first + ROWS_PER_BATCH, stop), split).to_pylist():
            graph, queries = take_apart(row["input_ids"], params.symbols, params.name_tokens[1])
            n = graph.number_of_nodes()
            assert n == row["difficulty"] == graph.number_of_edges()
            cycle = [edge[0] for edge in nx.find_cycle(graph)]
            assert len(cycle) == n
            place = {node: i for i, node in enumerate(cycle)}
            assert len(queries) == min(10, n)
            for (mark, node, answer_mark, answer), hops in zip(queries, row["latent"]["hops"], strict=True):
                assert (mark, answer_mark) == (9000 + hops, 9500)
                assert answer == cycle[(place[node] + hops) % n]


def test_answers_by_networkx():
    check_with_networkx(synthgen.load("depo1-n225"), "train", 0, 300)
    check_with_networkx(synthgen.load("depo2-n75"), "test_k16", 0, 100)


@pytest.mark.slow
def test_answers_of_100_000_rows_by_networkx():
    check_with_networkx(synthgen.load("depo1-n225"), "train", 0, 10_000)
    check_with_networkx(synthgen.load("depo2-n75"), "train", 0, 10_000)
    small = synthgen.load("depo1-tiny", params={"numbering": "released", "vocabulary": 16})
    check_with_networkx(small, "train", 0, 80_000)


def test_choices_of_the_paper():
    released, paper = (
        synthgen.load("depo2-n75", params={"vocabulary": None, "fidelity": f}) for f in ("released", "paper")
    )
    assert (released.task().params.symbols, paper.task().params.symbols) == (3, 4)
    row = paper.row(5)
    assert row["input_ids"][-1] == 9996 and row["completion_mask"][-1]
    assert paper.verify(row).correct
    books = paper.entropy("test_k8").books
    assert math.isclose(books["queries"].bits.value, 10 * math.log2(75))
    assert math.isclose(released.entropy("test_k8").books["queries"].bits.value, log2_falling(75, 10))


def test_completions_are_judged_query_by_query():
    source = synthgen.load("depo1-n225")
    row = source.row(3, split="test_k4")
    ids, spans = row["input_ids"], row["latent"]["spans"]["answer"]
    one = spans[4]
    prompt, answer, other = ids[: one["start"] - 1], ids[one["start"] - 1 : one["end"]], spans[5]
    verdict = source.verify(prompt, answer, split="test_k4")
    assert verdict.correct and [part["hops"] for part in verdict.parts] == [4]
    wrong = [answer[0], *ids[other["start"] : other["end"]]]
    verdict = source.verify(prompt, wrong, split="test_k4")
    assert not verdict.correct and verdict.step == 0 and "4 steps on" in verdict.reason
    assert not source.verify(prompt, [*answer, answer[-1]], split="test_k4").correct
    rest = source.verify(ids[: spans[0]["start"] - 1], ids[spans[0]["start"] - 1 :], split="test_k4")
    assert rest.correct and len(rest.parts) == 10
    for junk in (None, "x", [], [-1], [9500], [10**9], [[1]]):
        assert not source.verify(prompt, junk if junk is not None else "", split="test_k4").correct
        assert not source.verify(junk, answer, split="test_k4").correct


def test_planted_faults_are_found():
    source = synthgen.load("depo1-tiny", params={"numbering": "released"})
    row = source.row(7)
    ids = row["input_ids"]
    swapped = [*ids[:1], ids[4], *ids[2:4], ids[1], *ids[5:]]  # two edges exchange a node: no longer one cycle
    for what, fault in (
        ("edge", {**row, "input_ids": swapped}),
        ("answer", {**row, "input_ids": [*ids[:-1], ids[-1] % 32 + 17 if ids[-1] < 32 else 17]}),
        ("mask", {**row, "completion_mask": [True] * len(ids)}),
        ("hops", {**row, "latent": {**row["latent"], "hops": [9] * len(row["latent"]["hops"])}}),
        ("bits", {**row, "bits": {**row["bits"], "names": row["bits"]["order"]}}),
    ):
        verdict = source.verify(fault)
        assert not verdict.correct and verdict.reason, what


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"nodes": 2}, "greater than or equal to 3"),
        ({"nodes": 2001}, "less than or equal to 2000"),
        ({"nodes": 300, "vocabulary": 16, "name_tokens": [1, 2]}, "only 272 words"),
        ({"smallest": 400, "nodes": 375}, "above nodes = 375"),
        ({"asked": [9]}, "hops = 8"),
        ({"name_tokens": [3, 2]}, "fewest <= most"),
        ({"vocabulary": 1000, "name_tokens": [1, 3]}, "at most 1,048,576"),
    ],
)
def test_bad_sizes_are_refused_with_the_limit(params, said):
    with pytest.raises(SynthgenError) as error:
        synthgen.load("depo1-n375", params=params)
    assert said in str(error.value)
