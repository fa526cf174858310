"""Grammars: the published figures are hit, samples follow the law, membership is right, bad grammars are told."""

import itertools
import json
import math
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.draw import Draw, Keys, new_state
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.tasks.cfg import Grammar, RandomGrammar, Rule
from synthgen.tasks.cfg.random_grammar import draw_grammar
from synthgen.tasks.cfg.writing.even import EvenRules
from synthgen.tasks.cfg.writing.sampler import sample_rows

PUBLISHED = json.loads(Path(__file__).with_name("published_grammars.json").read_text())


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures(name):
    grammar, figures = Grammar.load(name), PUBLISHED[name]
    assert math.isclose(grammar.derivation_entropy, figures["derivation_entropy_bits"], abs_tol=1e-6)
    assert math.isclose(grammar.expected_length, figures["expected_length"], abs_tol=1e-6)
    assert grammar.lengths == (figures["min_length"], figures["max_length"])
    assert str(grammar.derivations) == figures["n_derivations_exact"]
    law, n = grammar.length_law, np.arange(grammar.length_law.size)
    assert math.isclose(math.sqrt(law @ (n - law @ n) ** 2), figures["std_length"], abs_tol=1e-6)
    for quantile, length in figures["length_quantiles"].items():
        assert np.searchsorted(np.cumsum(law), float(quantile[1:]) / 100) == length
    entropy = synthgen.load(name).entropy()
    assert math.isclose(entropy.bits, figures["derivation_entropy_bits"], abs_tol=1e-6)
    assert entropy.books["derivation"].bits.status == "exact"


def test_samples_follow_the_length_law():
    source = synthgen.load("cfg3f")
    lengths = source.batch(0, 20_000).column("difficulty").to_numpy()
    law = source.task().grammar.length_law
    edges = np.searchsorted(np.cumsum(law), np.linspace(0.05, 0.95, 19))
    counts = np.bincount(np.searchsorted(edges, lengths), minlength=20)
    mass = np.bincount(np.searchsorted(edges, np.arange(law.size)), weights=law, minlength=20)
    assert chisquare(counts, mass * counts.sum()).pvalue > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_ledger_mean_over_100_000_rows(name):
    source = synthgen.load(name)
    bits = np.concatenate(
        [source.batch(i, i + 5000).column("bits").field("total").to_numpy() for i in range(0, 100_000, 5000)]
    )
    off = bits.mean() - PUBLISHED[name]["derivation_entropy_bits"]
    assert abs(off) < 4 * bits.std() / math.sqrt(bits.size)


def random_grammar(seed, **wanted):
    sizes = wanted.pop("sizes", [1, 2, 2, 3])
    return draw_grammar(RandomGrammar(sizes=sizes, **wanted), Draw(Keys(seed).world("grammar")))


def derivations(grammar, symbol):
    """Return {string: probability} of everything a symbol makes, by brute force."""
    if symbol not in grammar.rules:
        return {(symbol,): Fraction(1)}
    law = Counter()
    weights = sum(rule.weight for rule in grammar.rules[symbol])
    for rule in grammar.rules[symbol]:
        parts = [derivations(grammar, child).items() for child in rule.children]
        for choice in itertools.product(*parts):
            string = sum((part for part, _ in choice), ())
            law[string] += Fraction(rule.weight, weights) * math.prod(p for _, p in choice)
    return law


@given(st.integers(0, 10**6), st.sampled_from([(1, 2), (2, 2), (2, 3)]))
def test_random_grammars_have_the_law_and_the_counts_of_brute_force(seed, length):
    grammar = random_grammar(seed, length=length, degree=(1, 2))
    law = derivations(grammar, grammar.root)
    assert sum(law.values()) == 1
    lengths = Counter()
    for string, probability in law.items():
        lengths[len(string)] += float(probability)
    for n, probability in enumerate(grammar.length_law):
        assert math.isclose(probability, lengths[n], abs_tol=1e-12)
    assert grammar.lengths == (min(lengths), max(lengths))
    assert grammar.derivations >= len(law)
    text_bits = -sum(float(p) * math.log2(p) for p in law.values())
    assert text_bits <= grammar.derivation_entropy + 1e-9
    if grammar.derivations == len(law):
        assert math.isclose(text_bits, grammar.derivation_entropy, abs_tol=1e-9)


@given(st.integers(0, 10**6))
def test_membership_equals_brute_force(seed):
    grammar = random_grammar(seed, length=(1, 3), degree=(1, 3), sizes=[1, 2, 2])
    language = set(derivations(grammar, grammar.root))
    contains = grammar.contains
    for n in range(1, 6):
        for string in itertools.product(range(1, 3), repeat=n):
            assert contains(list(string)) == (string in language), string
    for string in language:
        assert contains(list(string))


def test_membership_of_junk_is_a_plain_no():
    contains = Grammar.load("cfg3b").contains
    for junk in ([], [0], [4], [-1], [10**30], ["a"], "123", None, [[1]], [1.5], {"a": 1}, [1] * 100_000):
        assert contains(junk) is False


def test_edited_strings_are_judged_as_the_language_has_it():
    """One token changed: about 8 % of cfg3f strings stay grammatical; the derivations found by hand agree."""
    source = synthgen.load("cfg3f")
    contains, draw = source.task().grammar.contains, Draw(Keys(1).split("edits"))
    accepted = 0
    for row in source.batch(0, 600).to_pylist():
        ids = row["input_ids"]
        at = draw.below(len(ids))
        edited = [*ids[:at], ids[at] % 3 + 1, *ids[at + 1 :]]
        accepted += contains(edited)
    assert 0.03 < accepted / 600 < 0.14


def test_weights_are_the_law():
    grammar = Grammar("w", 9, {9: (Rule((1,), 1), Rule((2,), 2), Rule((1, 2), 5))})
    drawn = sample_rows(new_state(), Keys(0).split("d"), 0, 8000, grammar, grammar.tables, grammar.expected_length)
    choices, units = drawn.choices, drawn.units[:, 0]
    assert chisquare(np.bincount(choices, minlength=3), np.array([1, 2, 5]) * 1000).pvalue > 1e-4
    booked = {int(c): u / UNITS_PER_BIT for c, u in zip(choices, units, strict=True)}
    assert all(math.isclose(booked[c], -math.log2(w / 8), abs_tol=1e-9) for c, w in enumerate((1, 2, 5)))
    assert math.isclose(units.mean() / UNITS_PER_BIT, grammar.derivation_entropy, abs_tol=0.05)
    assert drawn.id_ends[-1] == drawn.ids.size


def in_both_ways(grammar, rows, expected):
    """The rows by the kernel of all grammars and by that of even ones, from room for so many tokens a row on."""
    even = EvenRules.of(grammar)
    assert even is not None
    key = Keys(3).split("d")
    return [sample_rows(new_state(), key, 5, 5 + rows, grammar, grammar.tables, expected, way) for way in (None, even)]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_grammars_have_the_same_rows_in_both_ways(name):
    grammar = Grammar.load(name)
    for expected in (grammar.expected_length, 1):  # at first there is no room for the second
        for one, other in zip(*in_both_ways(grammar, 300, expected), strict=True):
            assert one.dtype == other.dtype and np.array_equal(one, other)


@given(st.integers(0, 10**6), st.sampled_from([(1, 2), (2, 3), (1, 4)]), st.sampled_from([(1, 3), (3, 17)]))
def test_drawn_grammars_have_the_same_rows_in_both_ways(seed, length, degree):
    grammar = random_grammar(seed, sizes=[1, 6, 6, 12], degree=degree, length=length, duplicate_rules=True)
    for one, other in zip(*in_both_ways(grammar, 20, grammar.expected_length), strict=True):
        assert np.array_equal(one, other)


def test_every_derivation_of_an_even_grammar_comes_by_its_law():
    """Against brute force, which knows no kernel: 280 derivations, of unequal chances."""
    rules = {
        9: [(7, 8), (8,)],
        8: [(5, 6, 5), (6,)],
        7: [(6, 6), (5,), (6, 5)],
        6: [(1,), (2, 1)],
        5: [(2, 2), (1,), (3,)],
    }
    grammar = Grammar("tiny", 9, {a: tuple(map(Rule, options)) for a, options in rules.items()})

    def derivations(symbol):
        """Each as its choices, its tokens and its chance."""
        if symbol not in rules:
            yield (), (symbol,), Fraction(1)
        for place, children in enumerate(rules.get(symbol, ())):
            for parts in itertools.product(*map(list, map(derivations, children))):
                choices, tokens, chances = (list(part) for part in zip(*parts, strict=True))
                yield (place, *itertools.chain(*choices)), sum(tokens, ()), math.prod(chances) / len(rules[symbol])

    law = {choices: (tokens, chance) for choices, tokens, chance in derivations(9)}
    assert sum(chance for _, chance in law.values()) == 1 and len(law) == grammar.derivations
    _, drawn = in_both_ways(grammar, 100_000, grammar.expected_length)
    picks, strings = (
        np.split(a, ends[:-1]) for a, ends in ((drawn.choices, drawn.choice_ends), (drawn.ids, drawn.id_ends))
    )
    counts = Counter()
    for choices, ids, units in zip(picks, strings, drawn.units[:, 0], strict=True):
        tokens, chance = law[tuple(choices.tolist())]
        assert tuple(ids.tolist()) == tokens
        assert math.isclose(units / UNITS_PER_BIT, -math.log2(chance), abs_tol=1e-9)
        counts[tuple(choices.tolist())] += 1
    assert chisquare([counts[c] for c in law], [100_000 * float(p) for _, p in law.values()]).pvalue > 1e-4


def test_what_is_not_even_and_layered_is_left_to_the_other_kernel():
    assert EvenRules.of(Grammar.load("english")) is None, "weights and recursion"
    for params in ({"law": "uniform"}, {"bags": {}}, {"noise": {"kind": "terminal"}}):
        assert EvenRules.of(synthgen.load("cfg3f", params=params).task().grammar) is None, params
    assert EvenRules.of(random_grammar(0, sizes=[1, 9], degree=(2, 3), length=(2, 3))) is None, "no level between"
    assert EvenRules.of(random_grammar(0, sizes=[1, 3, 9], degree=(2, 3), length=(5, 5))) is None, "long rules"
    many = {9: (Rule((8, 8)),), 8: tuple(Rule((10 + i,)) for i in range(257))}
    assert EvenRules.of(Grammar("many", 9, many)) is None, "many rules"
    assert EvenRules.of(Grammar("fewer", 9, many | {8: many[8][:256]})) is not None


def test_a_drawn_grammar_keeps_its_switches():
    for seed in range(20):
        grammar = random_grammar(seed, sizes=[1, 4, 4, 4], degree=(2, 3), length=(2, 3), duplicate_symbols=False)
        for level in (grammar.levels or ())[:-1]:
            rules = [rule.children for a in level for rule in grammar.rules[a]]
            assert len(set(rules)) == len(rules), "no right-hand side stands twice in a level"
            assert all(len(set(children)) == len(children) for children in rules)
        assert all(2 <= len(rules) <= 3 for rules in grammar.rules.values())
        assert random_grammar(seed).rules == random_grammar(seed).rules


def test_a_drawn_grammar_belongs_to_the_world():
    params = {"grammar": {"sizes": [1, 3, 3, 3], "degree": [2, 3]}}
    a = synthgen.load("cfg3b", params=params, seed=1, world=5).task("train").grammar
    b = synthgen.load("cfg3b", params=params, seed=2, world=5).task("test").grammar
    assert a.rules == b.rules
    assert a.rules != synthgen.load("cfg3b", params=params, world=6).task().grammar.rules
    world = synthgen.load("cfg3b", params=params).entropy().books["grammar"]
    assert (world.scope, world.bits.status) == ("world", "bracket")


GRAMMAR = """
root = "S"
[rules]
S = [["A", "B"], { to = ["B", "A"], weight = 3 }]
A = [["x"], ["y", "x"]]
B = [["z"]]
"""


def test_a_grammar_file(tmp_path):
    (tmp_path / "g.toml").write_text(GRAMMAR)
    grammar = Grammar.load(tmp_path / "g.toml")
    assert [grammar.symbol(t) for t in grammar.terminals] == ["x", "y", "z"]
    assert grammar.terminals == (1, 2, 3)
    assert grammar.root == max(grammar.rules)
    assert grammar.derivations == 4
    assert math.isclose(grammar.derivation_entropy, 0.8112781244591328 + 1)
    spec = tmp_path / "mine.toml"
    spec.write_text("task = 'cfg'\n[params]\ngrammar = 'g.toml'\n[splits.train]\nrows = 30\n")
    source = synthgen.load(spec)
    assert source.vocab.names[1] == "x"
    assert all(source.verify(row).correct for row in source.batch(0, 30).to_pylist())
    assert set(source.task().readable(source.row(0)).split()) <= {"x", "y", "z"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("root = 'S'", r"\[rules\] is missing"),
        ("[rules]\nS = [['a']]", "'root' is missing"),
        ("root = 'T'\n[rules]\nS = [['a']]", "root 'T' has no rules"),
        ("root = 'S'\n[rules]\nS = [['a']]\nT = [['b']]", "'T' cannot be reached"),
        ("root = 'S'\n[rules]\nS = [['T']]\nT = [['S', 'a']]", "never ends in terminals"),
        ("root = 'S'\n[rules]\nS = [['a'], ['a']]", "same right-hand side twice"),
        ("root = 'S'\n[rules]\nS = []", "give a list of right-hand sides"),
        ("root = 'S'\n[rules]\nS = [[]]", "a right-hand side is a list of symbols"),
        ("root = 'S'\n[rules]\nS = ['ab']", "a right-hand side is a list of symbols"),
        ("root = 'S'\n[rules]\nS = [{ to = ['a'], weight = 0 }]", "weights are integers from 1"),
        ("root = 'S'\n[rules]\nS = [{ to = ['a'], weigth = 2 }]", r"unknown key 'weigth' \(did you mean 'weight'"),
        ("root = 'S'\nrule = 3\n[rules]\nS = [['a']]", "unknown key 'rule'"),
        ("root = '5'\n[rules]\n5 = [['0']]", "at least 1"),
        ("root = [", "not valid TOML"),
    ],
)
def test_bad_grammar_files_are_told(tmp_path, text, message):
    (tmp_path / "g.toml").write_text(text)
    with pytest.raises(SynthgenError, match=message):
        Grammar.load(tmp_path / "g.toml")


def test_wide_rules_and_long_strings_find_room():
    grammar = Grammar("wide", 5, {5: (Rule((6,) * 40), Rule((1,))), 6: (Rule((1, 2) * 30), Rule((2,)))})
    drawn = sample_rows(new_state(), Keys(0).split("d"), 0, 50, grammar, grammar.tables, grammar.expected_length)
    assert drawn.id_ends.size == 50
    assert drawn.ids.size > 1000
