"""The entropy of strings that several derivations make: listed, or between two ends that hold what brute force finds."""

import dataclasses
import json
import math
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synthgen
from synthgen.cli.entropies import shipped_entropy
from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import Book, Entropy, entropy_of
from synthgen.exact.samples import Sums, users_file
from synthgen.spec import certify
from synthgen.spec.spec import shipped_specs
from synthgen.task import certificates
from synthgen.task.certificates import Plan, Run
from synthgen.tasks.cfg import moments
from synthgen.tasks.cfg.grammar import Grammar
from synthgen.tasks.cfg.text_entropy import sampling_of, string_law, text_entropy

from certificates import ROWS  # isort: skip
from helpers import run as command  # isort: skip
from test_cfg_chart import strings  # isort: skip


def toy(seed, sizes=(1, 2, 3), least=1):
    grammar = {"sizes": list(sizes), "degree": [least, 3], "length": [least, 3], "duplicate_rules": True}
    return synthgen.load("cfg3b", params={"grammar": grammar}, world=seed)


@given(st.integers(0, 10**6))
def test_few_derivations_are_listed(seed):
    grammar = toy(seed).task().grammar
    law = string_law(grammar)
    assert law == pytest.approx({tuple(string): p for string, (p, _) in strings(grammar).items()})
    assert text_entropy(grammar).status == "exact"
    assert text_entropy(grammar).value == pytest.approx(entropy_of(law.values()), abs=1e-9)


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_a_sample_holds_what_the_list_gives(seed):
    grammar = toy(seed).task().grammar
    excess, bits = sampling_of(grammar).mean("sampled"), grammar.derivation_entropy
    assert bits - excess.high <= entropy_of(string_law(grammar).values()) + 1e-9
    assert bits - excess.low >= entropy_of(string_law(grammar).values()) - 1e-9
    assert excess.high - excess.low < 1


def test_lano_tiny_is_exact():
    entropy = synthgen.load("lano-tiny").entropy()
    assert (entropy.status, round(entropy.bits, 4)) == ("exact", 9.7549)
    texts = Counter(tuple(ids) for ids in synthgen.load("lano-tiny").batch(0, 200_000).column("input_ids").to_pylist())
    assert len(texts) == 1044
    more = (len(texts) - 1) / (2 * 200_000 * math.log(2))  # Miller and Madow: a sample's entropy is so much less
    assert entropy_of(texts.values()) + more == pytest.approx(entropy.text.value, abs=0.005)


COINS = Grammar.from_names(  # a^n: n >= 1 with probability 2^-n, each a one of two derivations: 1 bit a token is hidden
    "coins", "S", {"S": [(["T"], 1), (["T", "S"], 1)], "T": [(["a"], 1), (["U"], 1)], "U": [(["a"], 1)]}
)


def test_a_recursive_grammar_with_a_known_entropy():
    """Lengths are geometric: 2 bits of text on average, and 2 more of derivation."""
    assert COINS.derivation_entropy == pytest.approx(4)
    text = text_entropy(COINS)
    assert text.low <= 2 <= text.high < 3.5
    tokens, most, rest = COINS.long_tail
    assert rest <= moments.BEYOND and most >= 2 * tokens


@pytest.mark.parametrize("name", ["coins", "english"])
def test_no_derivation_has_more_bits_than_its_length_allows(name):
    grammar = COINS if name == "coins" else Grammar.load(name)
    a_token, more = moments.bits_by_length(grammar)
    for ids, units in grammar.sampled(new_state(), Keys(3).split("x"), 3000):
        assert units / 2**40 <= a_token * len(ids) + more + 1e-9


def test_controls_take_off_what_they_foretell():
    """Under noise the fitted run is far less spread, and has the same mean."""
    grammar = synthgen.load("cfg3f-perturb-nt").task().grammar
    sampling = sampling_of(grammar)
    drawn = sampling.draw(0, 150)
    plan = Plan.of(sampling, 100, 50)
    rest = drawn[:, 0] - drawn[:, 1:] @ plan.coefficients
    assert rest.std() < drawn[:, 0].std() / 2
    assert abs(rest.mean() - drawn[:, 0].mean()) < 4 * drawn[:, 0].std() / math.sqrt(150)
    low, high = plan.ends(sampling)
    assert (low <= rest).all() and (rest <= high).all()


@given(st.integers(0, 10**6), st.floats(-0.5, 0.5), st.floats(-2, 2), st.sampled_from([1e-3, 0.1, 1.0]))
def test_a_cumulant_is_that_of_all_derivations(seed, bits, token, theta):
    grammar = toy(seed).task().grammar
    laws = {t: [(1.0, 1)] for t in grammar.terminals}  # the probability of each derivation, and its tokens
    for a in grammar.order:
        laws[a] = []
        for p, rule in grammar.expand(a):
            ways = [(p, 0)]
            for child in rule.children:
                ways = [(p * q, n + m) for p, n in ways for q, m in laws[child]]
            laws[a] += ways
    mean = math.fsum(p * math.exp(theta * (token * n - bits * math.log2(p))) for p, n in laws[grammar.root])
    assert moments.cumulant(grammar, bits, token, theta) == pytest.approx(math.log(mean), abs=1e-9)


NOISES = [("terminal", 0.3, 0.5), ("nonterminal", 0.2, 0.0), ("fixed", 0.1, 0.25)]


@pytest.mark.parametrize(("kind", "rate", "clean"), NOISES)
def test_under_noise_a_sample_holds_what_the_list_gives(kind, rate, clean):
    """With controls, bets and tails; and of cuts so near that the tails count, too."""
    params = {"grammar": {"sizes": [1, 2, 2, 2], "degree": [1, 2], "length": [1, 2]}}
    params["noise"] = {"kind": kind, "rate": rate, "clean": clean}
    grammar = synthgen.load("cfg3b", params=params, world=11).task().grammar
    truth = grammar.derivation_entropy - entropy_of(string_law(grammar).values())
    sampling = sampling_of(grammar)
    plan = Plan.of(sampling, 300, 1200)
    assert all(plan.bets)
    drawn = sampling.draw(0, 300)
    rest = drawn[:, 0] - drawn[:, 1:] @ plan.coefficients
    for cuts in (plan.cuts, (float(np.quantile(rest, 0.1)) - 1e-3, float(np.quantile(rest, 0.9)) + 1e-3)):
        near = dataclasses.replace(plan, cuts=cuts)
        sums = near.sums(sampling, 0, 1200)
        bets, ends = near.bets, near.ends(sampling)
        bits = sums.bracket(cuts, ends, "sampled", bets=bets, tails=near.tails(sampling))
        assert bits.low <= truth <= bits.high and bits.high - bits.low < ends[1] - ends[0]
        without = sums.bracket(cuts, ends, "sampled", bets=bets)
        assert without.low <= bits.low and bits.high <= without.high


def test_noise_is_known_to_a_bit():
    """Of 280 to 330."""
    for name in ("cfg3f-perturb-fixed", "cfg3f-perturb-nt", "cfg3f-perturb-t"):
        text = synthgen.load(name).entropy(estimates=False).text
        assert text.low <= text.value <= text.high <= text.low + 1


def test_laws_and_nothing_else_have_keys():
    """Seed, world, format, name and the wording of texts are no part of a law; weights, noise and ops are."""

    def keys(name, **options):
        return set(certify.samplings(synthgen.load(name, **options)))

    assert keys("cfg3f") == keys("cfg3f", seed=5, world=7) == keys("lano-f") == keys("cfg3f-cut50")
    assert keys("cfg3f") == keys("cfg3f-implicit"), "disjoint bags hide nothing more"
    assert keys("cfg3f").isdisjoint(keys("cfg3g") | keys("cfg3f-perturb-t"))
    assert keys("cfg3f-perturb-t") != keys("cfg3f-perturb-t", params={"noise": {"kind": "terminal", "rate": 0.2}})
    assert keys("igsm-med-pq") == keys("igsm-med-qp") < keys("igsm-med-retry50")
    assert keys("igsm-med-pq").isdisjoint(keys("igsm-hard-pq"))


def test_every_shipped_mean_has_a_certificate():
    missing = {
        name for name in shipped_specs() for digest in certify.samplings(synthgen.load(name))
        if digest not in certificates.certificates()
    }  # fmt: skip
    assert not missing, "run `synthgen certify SPEC --shipped`"


def test_no_certificate_is_of_nothing():
    runs = certificates.certificates().values()
    assert {run.spec for run in runs} == set(ROWS) and all(run.sums.n >= ROWS[run.spec] for run in runs)
    needed = {digest for name in shipped_specs() for digest in certify.samplings(synthgen.load(name))}
    assert set(json.loads(certificates.SHIPPED.read_text())) == needed


@pytest.mark.parametrize("name", ["cfg3h", pytest.param("igsm-med-pq", marks=pytest.mark.slow)])
def test_a_part_of_a_certificate_is_drawn_again(name, monkeypatch):
    source = synthgen.load(name)
    again = list(certify.differences(source, part=7))
    assert again and all(ok for _, ok, _ in again), again
    digest = next(iter(certify.samplings(source)))
    run = certificates.certificates()[digest]
    wrong = [Sums(chunk.n, chunk.total * (1 + 1e-6), *chunk[2:]) for chunk in run.chunks]
    monkeypatch.setattr(
        certificates, "certificates", lambda: {digest: dataclasses.replace(run, chunks=wrong)}
    )  # a planted fault: one figure in a million
    assert [ok for _, ok, _ in certify.differences(source, part=7)] == [False]


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_specs())
def test_parts_of_all_certificates_are_drawn_again(name):
    source = synthgen.load(name)
    assert all(ok for _, ok, _ in certify.differences(source, part=len(name)))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user without certificates."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    certificates.certificates.cache_clear()
    yield tmp_path
    certificates.certificates.cache_clear()


def test_a_grammar_of_ones_own_is_certified(home):
    source = toy(4, sizes=(1, 3, 3, 3, 3), least=2)
    before = source.entropy().text
    runs = certify.certify(source, 30_000)
    certify.keep(runs)
    after = source.entropy().text
    assert after.high - after.low < (before.high - before.low) / 2
    assert before.low <= after.value <= before.high
    entry = json.loads(users_file().read_text())
    assert {digest: Run.from_json(run) for digest, run in entry.items()} == runs
    assert certify.certify(source, 20_000) == {}, "as many rows are certified already"
    assert list(certify.certify(source, 64, in_package=True)) == list(runs), "but not in the package"
    users_file().write_text("{")
    certificates.certificates.cache_clear()
    with pytest.raises(SynthgenError, match="no certificates"):
        source.entropy()
    with pytest.raises(SynthgenError, match="remove the file"):
        certify.keep(runs)
    assert users_file().read_text() == "{"


def test_the_longer_run_of_a_shipped_law_wins(home):
    """`synthgen certify` of a shipped spec is not in vain: neither the shipped run nor the shipped table hides it."""
    source = synthgen.load("cfg3h")
    (digest,) = certify.samplings(source)
    shipped, before = certificates.certificates()[digest], source.entropy().text

    def text(run):
        certify.keep({digest: run})
        done = command("entropy", "cfg3h", "--json")
        assert done.returncode == 0
        assert json.loads(done.stdout)["text"]["high"] == source.entropy().text.high
        return source.entropy().text

    as_long = dataclasses.replace(
        shipped, chunks=[chunk._replace(total=chunk.total * 1.01) for chunk in shipped.chunks]
    )
    assert text(as_long) == before, "of as many rows the shipped one is believed"
    after = text(dataclasses.replace(shipped, chunks=[*shipped.chunks] * 4))
    assert after.n == 4 * before.n and after.high - after.low < (before.high - before.low) / 1.5
    assert shipped_entropy("cfg3h") is None and shipped_entropy("cfg3g") is not None
    assert certify.certify(source, 3 * before.n) == {}, "as many rows are certified here"
    users_file().write_text(f'{{"{digest}": 3}}')
    certificates.certificates.cache_clear()
    done = command("entropy", "cfg3h")
    assert done.returncode == 2 and "no certificates" in done.stderr, "what is there and cannot be read is told"


def test_without_a_home_the_shipped_certificates_are_there():
    program = "import synthgen; print(synthgen.load('cfg3f').entropy(estimates=False).text)"
    env = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_DATA_HOME")}
    env |= {"HOME": "/proc/none"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
    assert done.stdout.startswith("268.1570 to 268.1759"), done.stderr
    assert users_file().name == "certificates.json"


def test_a_bound_is_as_sure_as_what_it_comes_from():
    sampled = Bits(5.0, "bracket", "sampled", low=4.0, high=6.0, level=0.99, method="empirical-bernstein", n=7)
    text = Entropy({"a": Book(sampled)}, hidden="some is not shown").text
    assert (text.low, text.high, text.level, text.method, text.n) == (0, 6, 0.99, "empirical-bernstein", 7)


def test_a_corrupted_text_is_as_sure_as_the_grammar_it_comes_from():
    """The low end of an ambiguous grammar is sampled, so what is worked out from it is not proved."""
    clean = synthgen.load("cfg3f").entropy().text
    text = synthgen.load("cfg3f", params={"cut": 50, "corrupt": 0.15}).entropy().text
    assert text.low == clean.low < text.high
    assert (text.level, text.method, text.n) == (clean.level, "empirical-bernstein", clean.n) and text.level < 1
    proved = synthgen.load("cfg3b", params={"cut": 50, "corrupt": 0.15}).entropy().text
    assert (proved.level, proved.method) == (1.0, "proved")


@pytest.mark.parametrize("wrong", [math.nan, -math.inf, -0.01, 9.01])
def test_a_value_outside_its_proved_ends_is_no_value(wrong):
    """A string that its reader cannot read, or an end that is none, is a fault and not a value that is cut."""

    def draw(first, stop):
        values = np.linspace(0, 9, 200)[first:stop, None].copy()
        if first:
            values[-1] = wrong
        return values

    sampling = certificates.Sampling({"law": "even"}, 1, draw, [(0.0, 9.0)], 10)
    plan = Plan(100, (), (0.0, 9.0))
    assert Plan(0, (), (0.0, 9.0)).sums(sampling, 0, 200).n == 200
    with pytest.raises(AssertionError, match="outside its proved ends"):
        plan.sums(sampling, 0, 100)


def test_a_run_with_other_controls_is_none_of_this_law():
    grammar = synthgen.load("cfg3f-perturb-fixed").task("train").grammar
    plain = dataclasses.replace(grammar, books={})
    assert sampling_of(plain).digest == sampling_of(grammar).digest
    assert sampling_of(grammar).certified() is not None and sampling_of(plain).certified() is None
