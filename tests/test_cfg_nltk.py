"""Grammars people bring from nltk, and recursive ones: any probabilities, nltk's printing, unreachable rules, lengths."""

import math
import random
import time
from fractions import Fraction

import nltk
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import synthgen
from synthgen.errors import SynthgenError
from synthgen.tasks.cfg import Grammar
from synthgen.tasks.cfg.moments import BEYOND, CUBES
from synthgen.tasks.cfg.recursion import closure, dies_out, spectral_radius
from synthgen.tasks.cfg.rules import MAX_WEIGHT


def by_name(grammar):
    """Return {symbol: {right-hand side: probability}}, as fractions."""
    table = {}
    for a, rules in grammar.rules.items():
        total = sum(rule.weight for rule in rules)
        sides = {tuple(map(grammar.symbol, rule.children)): Fraction(rule.weight, total) for rule in rules}
        table[grammar.symbol(a)] = sides
    return table


def one_rule(probabilities, write="{:.17f}"):
    return "S -> " + " | ".join(f"'w{i}' [{write.format(p)}]" for i, p in enumerate(probabilities))


@given(st.lists(st.floats(-12, 12), min_size=1, max_size=30))
def test_any_softmax_is_read_to_the_last_digit(logits):
    exponents = np.exp(np.array(logits) - max(logits))
    shares = exponents / exponents.sum()
    grammar = Grammar.from_nltk(one_rule(shares, "{:.25f}"))
    for (side, probability), share in zip(by_name(grammar)["S"].items(), shares, strict=True):
        assert math.isclose(probability, share, rel_tol=1e-12, abs_tol=2**-60), side
    assert sum(rule.weight for rule in grammar.rules[grammar.root]) < 2 * MAX_WEIGHT
    assert all(len(string) == 1 for string in grammar.sample(5))


def test_zipf_as_nltk_prints_it():
    """of 1,500 words the rare ones are printed like 8.4e-05, which nltk itself does not read."""
    shares = 1 / np.arange(1, 1_501)
    shares /= shares.sum()
    start = nltk.Nonterminal("S")
    rules = [nltk.ProbabilisticProduction(start, [f"w{i}"], prob=float(p)) for i, p in enumerate(shares)]
    theirs = nltk.PCFG(start, rules)
    assert "e-05]" in str(theirs)
    with pytest.raises(ValueError, match="Unable to parse"):
        nltk.PCFG.fromstring("\n".join(map(str, theirs.productions())))
    entropy = -float(shares @ np.log2(shares))
    for written in (theirs, str(theirs), "\n".join(map(str, theirs.productions()))):
        assert math.isclose(Grammar.from_nltk(written).derivation_entropy, entropy, rel_tol=1e-4)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12))
def test_what_nltk_prints_of_counts_is_read_as_these_counts(counts):
    """6 x 0.166667 is 1.000002, and 1/3, 2/3 are not 333333 : 666667."""
    shares = [count / sum(counts) for count in counts]
    grammar = Grammar.from_nltk(one_rule(shares, "{:.6g}"))
    assert list(by_name(grammar)["S"].values()) == [Fraction(count, sum(counts)) for count in counts]


def test_typed_decimals_stay_what_they_are():
    assert [*by_name(Grammar.from_nltk(one_rule(["0.1234", "0.8766"], "{}")))["S"].values()] == [
        Fraction(1234, 10_000),
        Fraction(8766, 10_000),
    ]
    for wrong in (["0.33", "0.33", "0.33"], ["0.5", "0.49998"], ["0.5", "0.6"]):
        with pytest.raises(SynthgenError, match=r"sum to|do not sum"):
            Grammar.from_nltk(one_rule(wrong, "{}"))
    with pytest.raises(SynthgenError, match=r"probabilities of S reach down to 1e-30"):
        Grammar.from_nltk("S -> 'a' [1.0] | 'b' [1e-30]")


@pytest.mark.parametrize("written", ["object", "printed", "rules"])
@pytest.mark.parametrize("name", ["english", "cfg3b", "cfg3f"])
def test_a_grammar_comes_back_from_nltk(name, written):
    grammar = Grammar.load(name)
    theirs = grammar.to_nltk()
    forms = {"object": theirs, "printed": str(theirs), "rules": "\n".join(map(str, theirs.productions()))}
    again = Grammar.from_nltk(forms[written])
    assert by_name(again) == by_name(grammar)
    assert again.symbol(again.root) == grammar.symbol(grammar.root)
    assert math.isclose(again.derivation_entropy, grammar.derivation_entropy, rel_tol=1e-12)


def test_induced_grammars_come_back():
    """Counts of rules in 400 trees, as `nltk.induce_pcfg` makes shares of them: exact as an object, near in print."""
    grammar, chance = Grammar.load("english"), random.Random(0)
    productions, start = [], nltk.Nonterminal("text")
    for _ in range(400):
        todo = [grammar.root]
        while todo:
            a = todo.pop()
            rule = chance.choices(grammar.rules[a], [rule.weight for rule in grammar.rules[a]])[0]
            side = [
                nltk.Nonterminal(grammar.symbol(c)) if c in grammar.rules else grammar.symbol(c) for c in rule.children
            ]
            productions.append(nltk.Production(nltk.Nonterminal(grammar.symbol(a)), side))
            todo += [c for c in rule.children if c in grammar.rules]
    induced = nltk.induce_pcfg(start, productions)
    exact = Grammar.from_nltk(induced)
    heads, rules = {}, {}
    for production in productions:
        heads[production.lhs()] = heads.get(production.lhs(), 0) + 1
        rules[production] = rules.get(production, 0) + 1
    for production, count in rules.items():
        side = tuple(map(str, production.rhs()))
        assert by_name(exact)[str(production.lhs())][side] == Fraction(count, heads[production.lhs()])
    printed = Grammar.from_nltk(str(induced))
    assert math.isclose(printed.derivation_entropy, exact.derivation_entropy, rel_tol=1e-5)
    assert by_name(Grammar.from_nltk(exact.to_nltk())) == by_name(exact)


def test_unreachable_rules_are_told_or_dropped(tmp_path):
    text = "S -> 'b' [1.0]\nT -> 'a' U [1.0]\nU -> 'c' [1.0]"
    with pytest.raises(SynthgenError, match=r"'T', 'U' cannot be reached .* drop_unreachable = true"):
        Grammar.from_nltk(text)
    grammar = Grammar.from_nltk(text, drop_unreachable=True)
    assert (set(by_name(grammar)), grammar.terminals) == ({"S"}, (1,))
    file = tmp_path / "g.toml"
    file.write_text("root = 'S'\ndrop_unreachable = true\n[rules]\nS = [['b']]\nT = [['a', 'undefined']]\n")
    assert Grammar.load(file).sample(1) == [[1]]
    file.write_text("root = 'S'\ndrop_unreachable = 1\n[rules]\nS = [['b']]\n")
    with pytest.raises(SynthgenError, match=r"g\.toml: drop_unreachable = 1: say true or false"):
        Grammar.load(file)


def test_a_circle_of_unit_rules_is_named():
    text = "S -> 'x' [0.5] | A [0.5]\nA -> B [0.5] | 'a' [0.5]\nB -> A [0.5] | 'b' [0.5]"
    with pytest.raises(SynthgenError, match=r"nltk grammar: unit rules lead in a circle: (A -> B -> A|B -> A -> B);"):
        Grammar.from_nltk(text)


@pytest.mark.parametrize(
    ("grammar", "message"),
    [
        (None, "an nltk.PCFG or its text, not NoneType"),
        (b"S -> 'a' [1.0]", "an nltk.PCFG or its text, not bytes"),
        (nltk.CFG.fromstring("S -> 'a'"), "an nltk.PCFG or its text, not CFG"),
        (nltk.PCFG(nltk.Nonterminal("S"), [nltk.ProbabilisticProduction(nltk.Nonterminal("S"), [5], prob=1.0)]), "5"),
    ],
)
def test_what_is_no_grammar_of_nltk_is_told(grammar, message):
    with pytest.raises(SynthgenError, match=message):
        Grammar.from_nltk(grammar)


def test_a_mark_and_numbers_of_numpy_are_read():
    symbol = nltk.Nonterminal("S")
    halves = [nltk.ProbabilisticProduction(symbol, [word], prob=np.float32(0.5)) for word in "ab"]
    assert by_name(Grammar.from_nltk(nltk.PCFG(symbol, halves))) == by_name(
        Grammar.from_nltk("S -> 'a' [.5] | 'b' [.5]")
    )
    assert by_name(Grammar.from_nltk("\ufeffS -> 'a' [1.0]")) == by_name(Grammar.from_nltk("S -> 'a' [1.0]"))


# -- many symbols -----------------------------------------------------------------------------------------------------


def chain(symbols, children=1):
    """A0 -> A1 ..., A1 -> A2 ..., and so on; the last one is a or b."""
    rules = {f"A{i}": [([f"A{i + 1}"] * children, 1)] for i in range(symbols - 1)}
    return Grammar.from_names("chain", "A0", rules | {f"A{symbols - 1}": [(["a"], 1), (["b"], 1)]})


def test_a_thousand_symbols_take_seconds():
    grammar = chain(1000)
    assert (grammar.lengths, grammar.derivation_entropy, grammar.contains([1])) == ((1, 1), 1.0, True)


def test_symbols_beyond_the_bound_are_told():
    with pytest.raises(SynthgenError, match=r"chain: 2,001 symbols have rules; at most 2,000 are handled"):
        chain(2001)


def test_strings_beyond_all_numbers_are_told():
    with pytest.raises(SynthgenError, match=r"chain: strings are expected to have more than 10\^308 tokens"):
        chain(1100, children=2)


@given(
    st.lists(
        st.lists(st.sampled_from([0, 0, 0.1, 0.3, 0.45, 0.9, 1.5]), min_size=4, max_size=4), min_size=4, max_size=4
    )
)
def test_recursion_is_read_off_a_matrix(entries):
    matrix = np.array(entries)
    radius = max(abs(np.linalg.eigvals(matrix)))
    if abs(radius - 1) > 1e-6:
        assert dies_out(matrix) == (radius < 1)
    steps = np.linalg.matrix_power((matrix > 0) + np.eye(4), 4) > 0
    assert np.array_equal(closure(matrix), steps)
    assert math.isclose(spectral_radius(matrix), radius, rel_tol=1e-2, abs_tol=1e-3)


# -- recursion: lengths without end -----------------------------------------------------------------------------------


def doubling(weight):
    """S -> S S or a: n leaves in Catalan(n - 1) ways."""
    return Grammar.from_names("doubling", "S", {"S": [(["S", "S"], weight), (["a"], 100 - weight)]})


@pytest.mark.parametrize("weight", [20, 45, 48, 49])
def test_the_law_of_lengths_near_the_edge(weight):
    grammar, q = doubling(weight), weight / 100
    start = time.process_time()
    law = grammar.length_law
    assert time.process_time() - start < 1  # minutes, when each step was made anew at every length
    n = np.arange(1, law.size)
    catalan = [math.lgamma(2 * k - 1) - math.lgamma(k) - math.lgamma(k + 1) for k in n.tolist()]
    exact = np.exp(np.array(catalan) + n * math.log(1 - q) + (n - 1) * math.log(q))
    assert np.allclose(law[1:], exact, rtol=1e-9, atol=0)
    assert 0 <= 1 - law.sum() < (1e-3 if weight == 49 else 1e-5), "the remainder: all longer strings"


@pytest.mark.parametrize("weight", [20, 48, 49])
def test_the_spread_of_lengths_has_no_cut(weight):
    """Var = q (2m)^2 + (1 - q) - m^2 + 2 q Var, by hand."""
    q = weight / 100
    entropy = synthgen_entropy(doubling(weight))
    mean = (1 - q) / (1 - 2 * q)
    assert math.isclose(
        entropy.facts["length_sd"] ** 2, (q * 4 * mean**2 + 1 - q - mean**2) / (1 - 2 * q), rel_tol=1e-9
    )


def synthgen_entropy(grammar, estimates=True):
    """Return the entropy of a spec with this grammar, which no file needs to hold."""
    source = synthgen.load("cfg-english")
    task = source.task()
    task.base = task.grammar = grammar
    return task.entropy(estimates=estimates)


def test_a_cut_states_what_it_leaves_out():
    grammar = doubling(49)
    start = time.process_time()
    entropy = synthgen_entropy(grammar)
    assert time.process_time() - start < 10  # a second or two on a quiet machine; minutes before there was a cut
    longest, _, beyond = grammar.long_tail
    lengths = np.arange(longest + 1)
    assert beyond > BEYOND
    assert grammar.length_law[: longest + 1] @ lengths**3 < 10 * CUBES
    assert f"more than {longest} tokens are not looked at, and hold up to {beyond:.4g} bits" in entropy.text.reason
    assert entropy.text.low == 0 or entropy.text.low <= grammar.derivation_entropy - beyond
    assert entropy.text.high <= grammar.derivation_entropy


def test_unit_rules_and_long_rules_of_recursive_grammars():
    """Against all derivations of up to 9 tokens, counted by hand-written recursion."""
    rules = {
        "S": [(["A"], 3), (["A", "S", "b"], 1)],
        "A": [(["B"], 1), (["x"], 2), (["x", "y", "B", "x"], 1)],
        "B": [(["y"], 5), (["S", "S"], 1)],
    }
    grammar = Grammar.from_names("mixed", "S", rules)

    def chance(symbols, n, memo={}):  # noqa: B006
        if (symbols, n) in memo:
            return memo[symbols, n]
        if not symbols or n < len(symbols):
            return Fraction(n == 0 and not symbols)
        head, rest = symbols[0], symbols[1:]
        if head not in rules:
            value = chance(rest, n - 1)
        else:
            total = sum(weight for _, weight in rules[head])
            value = sum(Fraction(w, total) * chance((*side, *rest), n) for side, w in rules[head])
        memo[symbols, n] = value
        return value

    law = grammar.length_law
    for n in range(1, 10):
        assert math.isclose(law[n], chance(("S",), n), rel_tol=1e-12)
