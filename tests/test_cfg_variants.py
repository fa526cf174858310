"""Variants: uniform and fixed-length laws, cuts, bags, noise, exact text bits, labels and the evaluation."""

import itertools
import math
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chisquare
from test_cfg import derivations, random_grammar

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.draw import Draw, Keys
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.spec.source import Source
from synthgen.spec.spec import spec_of_table
from synthgen.tasks.cfg import Bags, Grammar, Noise
from synthgen.tasks.cfg.evaluation import Estimate, evaluate, next_token_divergence, parse_levels
from synthgen.tasks.cfg.reading.nearest import nearest
from synthgen.tasks.cfg.reading.strings import expand
from synthgen.tasks.cfg.variants import derangements, images, perturbed, uniform, with_bags

SMALL = {"grammar": {"sizes": [1, 2, 3, 3], "degree": [2, 3], "length": [1, 2]}}


def source(**params):
    return synthgen.load("cfg3f", params=params)


def rows(n=200, split="train", **params):
    return source(**params).batch(0, n, split).to_pylist()


def test_uniform_over_derivations():
    grammar = random_grammar(3, sizes=[1, 2, 2], degree=(2, 3), length=(1, 2))
    even = uniform(grammar)
    assert math.isclose(even.derivation_entropy, math.log2(grammar.derivations), abs_tol=1e-9)
    law = derivations(even, even.root)
    counts = derivations(Grammar("c", grammar.root, grammar.rules), grammar.root)
    assert set(law) == set(counts)
    for string, probability in law.items():
        assert math.isclose(probability, grammar.parses(string) / grammar.derivations, rel_tol=1e-12)
    big = synthgen.load("cfg3k-uniform")
    assert math.isclose(big.entropy(estimates=False).bits, math.log2(Grammar.load("cfg3k").derivations), abs_tol=1e-6)
    for row in big.batch(0, 20).to_pylist():
        assert math.isclose(row["bits"]["total"], big.entropy(estimates=False).bits, abs_tol=1e-6), "all equally likely"


def test_strings_of_one_length_follow_the_conditional_law():
    grammar = random_grammar(7, sizes=[1, 2, 2, 2], degree=(2, 3), length=(1, 3))
    law = derivations(grammar, grammar.root)
    n = Counter(len(s) for s in law).most_common(1)[0][0]
    own = {s: float(p) for s, p in law.items() if len(s) == n}
    total = sum(own.values())
    from synthgen.exact.draw import new_state
    from synthgen.tasks.cfg.writing.fixed_length import LengthTables, sample_length

    tables = LengthTables.of(grammar, grammar.tables, n)
    drawn = sample_length(new_state(), Keys(0).split("d"), 0, 20_000, grammar, grammar.tables, n, tables)
    found = Counter(map(tuple, drawn.ids.reshape(-1, n).tolist()))
    assert set(found) <= set(own)
    frequent = [s for s in own if own[s] / total * 20_000 > 10]
    observed = [found[s] for s in frequent] + [20_000 - sum(found[s] for s in frequent)]
    expected = [own[s] / total * 20_000 for s in frequent]
    expected.append(max(20_000 - sum(expected), 1e-9))
    if expected[-1] < 1:
        observed, expected = observed[:-1], [e * sum(observed[:-1]) / sum(expected[:-1]) for e in expected[:-1]]
    assert chisquare(observed, expected).pvalue > 1e-4
    bits = drawn.units[:, 0] / UNITS_PER_BIT
    assert abs(bits.mean() - tables.entropy) < 5 * bits.std() / math.sqrt(bits.size) + 1e-9
    one = drawn.choices[: drawn.choice_ends[0]].tolist()
    tokens, units = expand(grammar, one)
    assert tokens == drawn.ids[:n].tolist()
    assert math.isclose(bits[0], units[0] / UNITS_PER_BIT + math.log2(total), abs_tol=1e-6)


def test_a_length_as_a_param():
    wanted = source(length=250)
    assert all(len(row["input_ids"]) == 250 for row in wanted.batch(0, 50).to_pylist())
    assert all(wanted.verify(row).correct for row in wanted.batch(0, 50).to_pylist())
    assert wanted.entropy().facts["length_sd"] == 0
    with pytest.raises(SynthgenError, match="no string of 63 tokens"):
        source(length=63).row(0)
    with pytest.raises(SynthgenError, match="length goes with the plain law"):
        source(length=100, law="uniform")


def test_cuts_in_both_formats():
    whole = synthgen.load("cfg3f").batch(0, 40).to_pylist()
    text = synthgen.load("cfg3f-cut50").batch(0, 40).to_pylist()
    masked = source(cut=50).batch(0, 40).to_pylist()
    for a, b, c in zip(whole, text, masked, strict=True):
        assert c["input_ids"] == a["input_ids"], "a cut changes no string"
        assert c["completion_mask"] == [i >= 50 for i in range(len(a["input_ids"]))]
        assert (b["prompt"] + b["completion"]).split(" ") == [str(i) for i in a["input_ids"]]
        assert len(b["prompt"].split(" ")) == 50
        assert b["completion"].startswith(" ")
    judge = synthgen.load("cfg3f-cut50").verify
    row = text[0]
    assert judge(row["prompt"], row["completion"]).correct
    verdict = judge(row["prompt"], row["completion"][:-2])
    assert (verdict.correct, verdict.step) == (False, len(whole[0]["input_ids"]) - 1)
    assert "not at its end" in verdict.reason
    assert synthgen.load("cfg3f-cut50").reward([row["prompt"]] * 2, [row["completion"], " 1 1 1 1"]) == [1.0, 0.0]
    with pytest.raises(SynthgenError, match="shortest string has 64 tokens"):
        source(cut=64)


@pytest.mark.parametrize("mode", ["disjoint", "overlap"])
@pytest.mark.parametrize("weights", ["uniform", "rank"])
def test_bags(mode, weights):
    grammar = random_grammar(5, sizes=[1, 2, 3], degree=(2, 2), length=(1, 2))
    behind = with_bags(grammar, Bags(vocabulary=7, mode=mode, weights=weights), Draw(Keys(0).world("bags")))
    law = derivations(behind, behind.root)
    assert sum(law.values()) == 1
    for string, probability in list(law.items())[:60]:
        assert math.isclose(2 ** behind.log2_probability(string), probability, rel_tol=1e-9)
    assert set(behind.terminals) <= set(range(1, 8))
    if mode == "disjoint" and weights == "uniform":
        mean_tokens = grammar.expected_length
        sizes = [len(range(k, 7, 3)) for k in range(3)]
        assert behind.derivation_entropy <= grammar.derivation_entropy + mean_tokens * math.log2(max(sizes)) + 1e-9


def test_the_published_bags():
    wanted = synthgen.load("cfg3f-implicit").entropy(estimates=False)
    plain = Grammar.load("cfg3f")
    assert math.isclose(wanted.books["tokens"].bits.value, plain.expected_length * math.log2(100), abs_tol=1e-6)
    assert math.isclose(wanted.books["derivation"].bits.value, plain.derivation_entropy, abs_tol=1e-6)
    for row in rows(bags={"vocabulary": 300}, n=30):
        assert plain.contains([(token - 1) % 3 + 1 for token in row["input_ids"]]), "token i lies in bag i mod 3"


def brute_noise(grammar, kind, rate, clean):
    """Return the law of noisy strings by walking every derivation and every flip."""
    levels = grammar.levels
    level_of = {s: d + 1 for d, own in enumerate(levels) for s in own}
    struck = [len(levels)] if kind == "terminal" else [len(levels) - 1] if kind == "fixed" else range(2, len(levels))

    def become(symbol):
        own = levels[level_of[symbol] - 1]
        if level_of[symbol] not in struck or len(own) == 1:
            return {symbol: Fraction(1)}
        others = [own[(own.index(symbol) + 1) % len(own)]] if kind == "fixed" else [o for o in own if o != symbol]
        return {symbol: 1 - rate} | {o: rate / len(others) for o in others}

    def law(symbol, noisy):
        if symbol not in grammar.rules:
            return {(symbol,): Fraction(1)}
        result = Counter()
        for rule in grammar.rules[symbol]:
            share = Fraction(rule.weight, sum(r.weight for r in grammar.rules[symbol]))
            choices = [become(c) if noisy else {c: Fraction(1)} for c in rule.children]
            for children in itertools.product(*(c.items() for c in choices)):
                parts = [law(c, noisy).items() for c, _ in children]
                for strings in itertools.product(*parts):
                    p = share * math.prod(q for _, q in children) * math.prod(q for _, q in strings)
                    result[sum((s for s, _ in strings), ())] += p
        return result

    total = Counter()
    for string, p in law(grammar.root, False).items():
        total[string] += clean * p
    for string, p in law(grammar.root, True).items():
        total[string] += (1 - clean) * p
    return {s: p for s, p in total.items() if p}


@pytest.mark.parametrize("kind", ["terminal", "nonterminal", "fixed"])
@pytest.mark.parametrize("clean", [0.0, 0.25])
def test_noise_has_the_law_of_brute_force(kind, clean):
    grammar = random_grammar(11, sizes=[1, 2, 2, 2], degree=(1, 2), length=(1, 2))
    noise = Noise(kind=kind, rate=0.2, clean=clean)
    noisy = perturbed(grammar, noise, images(grammar, noise, Draw(Keys(0).split("noise")))[0])
    law = brute_noise(grammar, kind, Fraction(1, 5), Fraction(str(clean)))
    assert sum(law.values()) == 1
    for string, probability in law.items():
        assert math.isclose(2 ** noisy.log2_probability(string), probability, rel_tol=1e-9), string
    assert {s: p for s, p in derivations(noisy, noisy.root).items() if p} == law


def test_noisy_rows_say_what_was_done_to_them():
    for name in ("cfg3f-perturb-t", "cfg3f-perturb-nt", "cfg3f-perturb-fixed"):
        noisy = synthgen.load(name)
        plain = Grammar.load("cfg3f")
        table = noisy.batch(0, 600).to_pylist()
        for row in table:
            if not row["latent"]["corrupted"]:
                assert row["latent"]["places"] == []
                assert plain.contains(row["input_ids"])
        assert abs(np.mean([row["latent"]["corrupted"] for row in table]) - 0.5) < 0.1
        places = [len(row["latent"]["places"]) / len(row["input_ids"]) for row in table if row["latent"]["corrupted"]]
        if name.endswith("-t"):
            assert abs(np.mean(places) - 0.15) < 0.01
            for row in table[:20]:
                assert all(0 <= p < len(row["input_ids"]) for p in row["latent"]["places"])
    clean = synthgen.load("cfg3f").batch(0, 600).to_pylist()
    del clean


def test_noise_is_refused_where_it_makes_no_sense(tmp_path):
    for noise, message in [
        ({"kind": "terminal", "rate": 0}, "noise.rate = 0"),
        ({"kind": "terminal", "rate": 1}, "noise.rate = 1"),
        ({"kind": "swap"}, "noise.kind = 'swap'"),
        ({"kind": "fixed", "levels": [1]}, "can be at level 2 to 6"),
        ({"kind": "terminal", "levels": [3]}, "can be at level 7"),
    ]:
        with pytest.raises(SynthgenError, match=message):
            source(noise=noise)
    with pytest.raises(SynthgenError, match="only a layered grammar"):
        source(grammar="english", noise={"kind": "terminal"})


@pytest.mark.parametrize("params", [{}, {"bags": {"vocabulary": 30}}, {"noise": {"kind": "nonterminal", "clean": 0.5}}])
def test_text_bits_are_the_inside_probability_token_by_token(params):
    own = source(text_bits=True, **params)
    plain = source(**params)
    for row, other in zip(own.batch(0, 40).to_pylist(), plain.batch(0, 40).to_pylist(), strict=True):
        assert row["input_ids"] == other["input_ids"]
        assert row["bits"] == other["bits"], "what is booked stays the same"
        given = own.task().grammar.log2_probability(row["input_ids"])
        assert math.isclose(row["text_bits"], -given, abs_tol=1e-8)
        assert len(row["token_bits"]) == len(row["input_ids"]) + 1
        assert math.isclose(math.fsum(row["token_bits"]), row["text_bits"], abs_tol=1e-9)
        assert row["text_bits"] <= row["bits"]["total"] + 1e-9, "several derivations can only make it likelier"
        assert min(row["token_bits"]) >= 0
    schema = own.schema
    assert schema.names[-2:] == ["text_bits", "token_bits"]


def labels_by_hand(grammar, derivation):
    """Return (ancestors, indices) by level for each token, expanding the derivation in plain Python."""
    depth_of = {s: d for d, own in enumerate(grammar.levels) for s in own}
    steps, counts, tokens = iter(derivation), [0] * len(grammar.levels), []

    def visit(symbol, above):
        depth = depth_of[symbol]
        own = [*above, (symbol, counts[depth])]
        counts[depth] += 1
        if symbol in grammar.rules:
            for child in grammar.rules[symbol][next(steps)].children:
                visit(child, own)
        else:
            tokens.append(above)

    visit(grammar.root, [])
    return tokens


def test_labels_equal_the_tree():
    grammar = Grammar.load("cfg3f")
    for row in rows(labels=True, n=30):
        tokens = labels_by_hand(grammar, row["latent"]["derivation"])
        n = len(tokens)
        for level in range(6):
            name = f"level{level + 1}"
            assert row["ancestor"][name] == [above[level][0] for above in tokens]
            assert row["index"][name] == [above[level][1] for above in tokens]
            ends = [i + 1 == n or tokens[i + 1][level] != tokens[i][level] for i in range(n)]
            assert row["boundary"][name] == ends
        deepest = [
            min((level + 1 for level in range(6) if row["boundary"][f"level{level + 1}"][i]), default=7)
            for i in range(n)
        ]
        assert row["deepest"] == deepest
        assert deepest[-1] == 1
    for params in ({"bags": {"vocabulary": 30}}, {"noise": {"kind": "fixed", "rate": 0.3}}):
        for row in rows(labels=True, n=20, **params):
            assert set(row["ancestor"]["level1"]) == {22}
            assert set(row["ancestor"]["level6"]) <= {7, 8, 9}
    with pytest.raises(SynthgenError, match="only a layered grammar"):
        source(grammar="english", labels=True)


def test_evaluation_of_the_truth_of_noise_and_of_a_parrot():
    grammar = Grammar.load("cfg3f")
    truth = evaluate(grammar, grammar.sample(250, seed=1), cut=0)
    assert truth.accuracy.value == 1
    assert truth.accuracy.low > 0.98
    text = synthgen.load("cfg3f").entropy().text.value
    assert truth.bits.low < text < truth.bits.high
    assert truth.diversity["coinciding_pairs"] == 0
    assert truth.diversity["effective_strings_at_least"] > 250 * 249 / 2 / 3.01
    assert truth.diversity["level_sequences"]["level2"]["distinct"] <= 4
    noisy = [
        row["input_ids"]
        for row in synthgen.load("cfg3f-perturb-t", params={"noise": {"kind": "terminal"}}).batch(0, 80).to_pylist()
    ]
    bad = evaluate(grammar, noisy)
    assert bad.accuracy.value < 0.05
    assert bad.first_errors["p50"] < 60
    cut_short = evaluate(grammar, [ids[:-1] for ids in grammar.sample(50, seed=2)])
    assert cut_short.unfinished.value > 0.8
    parrot = evaluate(grammar, grammar.sample(1, seed=3) * 100)
    assert parrot.diversity["distinct"] == 1
    assert parrot.diversity["effective_strings"] == 1
    assert parrot.to_json()["accuracy"]["value"] == 1
    assert math.isnan(evaluate(grammar, []).accuracy.value)


def test_trees_found_again_make_the_string():
    grammar = Grammar.load("cfg3f")
    for ids in grammar.sample(20, seed=9):
        levels = parse_levels(grammar, ids)
        assert levels[0] == (grammar.root,)
        for above, below in itertools.pairwise([*levels, tuple(ids)]):
            options = [[rule.children for rule in grammar.rules[a]] for a in above]
            reached = {0}
            for choice in options:
                reached = {at + len(c) for at in reached for c in choice if below[at : at + len(c)] == c}
            assert len(below) in reached
    with pytest.raises(ValueError, match="no string"):
        parse_levels(grammar, [1, 1, 1])


def test_divergence_of_the_truth_is_zero_and_of_uniform_is_what_it_is():
    grammar = Grammar.load("cfg3b")
    strings = grammar.sample(30, seed=4)
    with np.errstate(divide="ignore"):
        same = [np.log(grammar.next_token(ids)) for ids in strings]
    assert abs(next_token_divergence(grammar, strings, same).value) < 1e-12
    flat = [np.full((len(ids) + 1, 5), -math.log(5)) for ids in strings]
    wanted = np.mean([math.log2(5) - _entropy(grammar.next_token(ids)) for ids in strings])
    assert math.isclose(next_token_divergence(grammar, strings, flat).value, wanted, rel_tol=1e-9)
    with pytest.raises(ValueError, match="shape"):
        next_token_divergence(grammar, strings[:1], [np.zeros((3, 3))])


def _entropy(table):
    logs = np.log2(np.where(table > 0, table, 1))
    return float(-(table * logs).sum() / len(table))


def test_intervals():
    assert Estimate.share(0, 100).low == 0
    assert 0.03 < Estimate.share(0, 100).high < 0.04
    assert Estimate.share(100, 100).high == 1
    half = Estimate.share(50, 100)
    assert (round(half.low, 3), round(half.high, 3)) == (0.404, 0.596)
    assert Estimate.mean(np.arange(10.0)).value == 4.5


@pytest.mark.parametrize("clean", [0, 0.5])
def test_no_proof_is_sought_for_noise(clean):
    """Parsing a string of noise takes long, and a grammar without clean rows has levels, on which one might try."""
    noise = {"kind": "terminal", "rate": 0.2, "clean": clean}
    grammar = synthgen.load("cfg3f-perturb-t", params={"noise": noise}).task().grammar
    assert (grammar.levels is None) == (clean > 0) and grammar.unambiguous is False
    assert "chart" not in vars(grammar), "no string was parsed"


def test_fixed_noise_by_a_drawn_permutation():
    """A permutation of a level without fixed points, drawn for the world: its law by brute force, its bits exact."""
    assert [derangements(n) for n in range(1, 7)] == [0, 1, 2, 9, 44, 265]
    noise, seen = Noise(kind="fixed", rate=0.2, image="permutation"), Counter()
    grammar = random_grammar(3, sizes=[1, 2, 4, 2], degree=(1, 2), length=(1, 2))
    level = grammar.levels[-2]
    for world in range(900):
        image, bits = images(grammar, noise, Draw(Keys(world).world("noise")))
        assert sorted(image.values()) == sorted(image) == sorted(level)
        assert all(a != b for a, b in image.items())
        assert bits == math.log2(derangements(len(level)))
        seen[tuple(image.values())] += 1
    assert len(seen) == derangements(len(level))
    assert chisquare(list(seen.values())).pvalue > 1e-4
    params = {"noise": {"kind": "fixed", "image": "permutation"}}
    drawn = synthgen.load("cfg3f-perturb-fixed", params=params)
    size = len(Grammar.load("cfg3f").levels[-2])
    assert drawn.entropy().books["noise"].bits.value == math.log2(derangements(size))
    assert all(drawn.verify(row) for row in drawn.batch(0, 30).to_pylist())
    assert synthgen.load("cfg3f-perturb-fixed").spec.content_id != drawn.spec.content_id
    assert "noise" not in synthgen.load("cfg3f-perturb-fixed").entropy().books


# -- the nearest string --------------------------------------------------------------------------------------------------


def trees(grammar, symbol):
    """Yield every derivation of a symbol as (symbol, [trees]), or a terminal."""
    if symbol not in grammar.rules:
        yield symbol
        return
    for rule in grammar.rules[symbol]:
        for children in itertools.product(*(list(trees(grammar, child)) for child in rule.children)):
            yield symbol, list(children)


def touched(tree, ids, depth=0, at=0):
    """Return (tokens, counts by level of what is above a difference) of a derivation held against tokens."""
    if not isinstance(tree, tuple):
        return 1, {depth: int(tree != ids[at])}
    counts, length = Counter(), 0
    for child in tree[1]:
        size, below = touched(child, ids, depth + 1, at + length)
        length += size
        counts.update(below)
    counts[depth] += any(counts.values())
    return length, dict(counts)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("sizes", "length"), [([1, 2, 2, 2], (1, 2)), ([1, 2, 3], (3, 3))])
def test_the_nearest_string_by_brute_force(seed, sizes, length):
    grammar = random_grammar(seed, sizes=sizes, degree=(1, 2), length=length)
    depth, rng = len(grammar.levels), np.random.default_rng(seed)
    every = list(trees(grammar, grammar.root))
    lengths = sorted({len(leaves(tree)) for tree in every})
    for size in {lengths[0], lengths[len(lengths) // 2], lengths[-1], lengths[-1] + 1}:
        of_size = [tree for tree in every if len(leaves(tree)) == size]
        for _, fixed in itertools.product(range(5), {0, 1, size // 2}):
            ids = rng.choice(grammar.terminals, size).tolist()
            vectors = []
            for tree in of_size:
                if leaves(tree)[size - fixed :] == ids[size - fixed :]:
                    counts = touched(tree, ids)[1]
                    vectors.append(tuple(counts.get(d, 0) for d in reversed(range(depth))))
            got = nearest(grammar, ids, fixed)
            assert (got is None) == (not vectors)
            if got is not None:
                assert got.by_level == min(vectors)[::-1], "fewest tokens, then fewest symbols, level by level"
                assert grammar.contains(got.ids)
                assert got.ids[size - fixed :] == ids[size - fixed :]
                assert got.changes == sum(a != b for a, b in zip(ids, got.ids, strict=True)) == got.by_level[-1]


def leaves(tree):
    return [leaf for child in tree[1] for leaf in leaves(child)] if isinstance(tree, tuple) else [tree]


def test_the_nearest_string_of_a_published_grammar():
    grammar = Grammar.load("cfg3b")
    (ids,) = grammar.sample(1, seed=5)
    assert nearest(grammar, ids) == (0, (0,) * 7, ids)
    wrong = [ids[0] % 3 + 1, *ids[1:]]
    got = nearest(grammar, wrong)
    assert got.changes == 1
    assert got.by_level == (1,) * 7, "one symbol of every level is above it"
    assert nearest(grammar, wrong, fixed=len(ids) - 1).ids == ids
    assert nearest(grammar, [1] * 3) is None, "no string is so short"
    with pytest.raises(ValueError, match="token 9 is no terminal"):
        nearest(grammar, [9, 1])
    with pytest.raises(SynthgenError, match="only of a layered grammar"):
        nearest(Grammar.load("english"), [1])


# -- corrupted prompts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row_format", ["tokens", "prompt-completion"])
def test_a_corrupted_prompt_has_a_clean_truth(row_format):
    params = {"grammar": "cfg3b", "cut": 50, "corrupt": 0.2}
    table = {"task": "cfg", "row_format": row_format, "params": params}
    source = Source(spec_of_table(table, "mine", Path()))
    clean = Source(spec_of_table(table | {"params": {"grammar": "cfg3b", "cut": 50}}, "mine", Path()))
    grammar, replaced = Grammar.load("cfg3b"), 0
    entropy = source.entropy()
    for row, plain in zip(source.batch(0, 60).to_pylist(), clean.batch(0, 60).to_pylist(), strict=True):
        assert source.verify(row), source.verify(row).reason
        latent = row["latent"]
        assert latent["derivation"] == plain["latent"]["derivation"], "the strings are those of the clean rows"
        assert row["bits"]["derivation"] == plain["bits"]["derivation"]
        places = latent["places"]
        replaced += len(places)
        assert row["bits"]["corruption"] == pytest.approx(
            len(places) * (1 - math.log2(0.2)) - (50 - len(places)) * math.log2(0.8), abs=1e-9
        )
        if row_format == "tokens":
            ids, truth = row["input_ids"], plain["input_ids"]
            assert row["completion_mask"] == [i >= 50 for i in range(len(ids))]
            prompt, completion = ids[:50], ids[50:]
        else:
            ids, truth = ([int(t) for t in (one["prompt"] + one["completion"]).split()] for one in (row, plain))
            prompt, completion = row["prompt"], row["completion"]
        assert truth[:50] == latent["clean"]
        assert [k for k in range(len(ids)) if ids[k] != truth[k]] == places
        said = source.verify(prompt, completion)
        assert said.correct
        assert said.parts[0]["changes"] <= len(places)
        assert grammar.contains(truth)
        wrong = dict(row, latent=latent | {"places": [*places, 50]})
        assert not source.verify(wrong).correct
    assert abs(replaced / 3000 - 0.2) < 0.03
    assert not source.verify(prompt, completion[: len(completion) // 2]).correct, "no string ends so"
    corruption = 50 * (-0.2 * math.log2(0.2) - 0.8 * math.log2(0.8) + 0.2)
    assert entropy.books["corruption"].bits.value == pytest.approx(corruption, abs=1e-9)
    assert entropy.text.low == pytest.approx(clean.entropy().text.low)
    assert entropy.text.high == pytest.approx(clean.entropy().text.low + corruption)


def test_corrupted_prompts_are_refused_where_they_make_no_sense():
    for params, message in [
        ({"corrupt": 0.2}, "set cut"),
        ({"cut": 5, "corrupt": 0.2, "noise": {"kind": "terminal"}}, "plain strings alone"),
        ({"cut": 1, "corrupt": 0.2, "grammar": "english"}, "only of a layered grammar"),
        ({"cut": 5, "corrupt": 1e-9}, "at most six decimals"),
    ]:
        with pytest.raises(SynthgenError, match=message):
            Source(spec_of_table({"task": "cfg", "params": params}, "mine", Path())).task()
