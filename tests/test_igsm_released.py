"""iGSM's released options: orders of sentences, needless steps, whole numbers, styles. Laws by walking every choice."""

import math
import random
import re
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest

import synthgen
from synthgen.errors import DrawError, SynthgenError
from synthgen.exact.draw import Keys, begin
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.exact.tape import enumerate_tapes
from synthgen.tasks.igsm.op_laws import PARTS, op_weights
from synthgen.tasks.igsm.params import IgsmParams
from synthgen.tasks.igsm.reading.sentence_order import order_fault
from synthgen.tasks.igsm.writing import integers, surface
from synthgen.tasks.igsm.writing.linear_orders import NUMBERS, draw_linear_order
from synthgen.tasks.igsm.writing.paper.budgets import STYLES, draw_budgets, draw_edges
from synthgen.tasks.igsm.writing.paper.sampler import LAW
from synthgen.tasks.igsm.writing.problem import ADDED, BARE, CONSTANT, new_problem, number_parameters

KEY = Keys(0).split("test")


@pytest.fixture(scope="module")
def released():
    return synthgen.load("igsm-released")


@pytest.fixture(scope="module")
def whole():
    return synthgen.load("igsm-integers")


def rows(source, n, split):
    return source.batch(0, n, split).to_pylist()


def walked(run):
    """Return the law of what `run(tape)` gives, an outcome and its bits; see that the bits are those of every path."""
    law = defaultdict(Fraction)
    for (outcome, bits), chance in enumerate_tapes(run):
        assert 2.0**-bits == pytest.approx(float(chance), rel=1e-9)
        law[outcome] += chance
    assert sum(law.values()) == 1
    return dict(law)


# -- linear orders ----------------------------------------------------------------------------------------------------


def problem(literals, cites, mentioned=()):
    """Return a problem of two layers: items A and B hold C; B also D. Parameters: AC, BC, BD, then A's all, B's all."""
    p = new_problem()
    p.layers, p.width[:2] = 2, (2, 2)
    edge = np.zeros((4, 4), np.int64)
    edge[0, 0], edge[0, 1] = 0b01, 0b11
    number_parameters(p, edge)
    for x, literal in enumerate(literals):
        p.literal[x], p.refs[x] = literal, len(cites[x])
        p.ref[x, : len(cites[x])] = cites[x]
    p.mentioned = sum(1 << x for x in mentioned)
    return p


A_ALL, B_ALL = 3, 4
SMALL = {
    "a chain": problem((CONSTANT, BARE, ADDED), ((), (0,), (1,))),
    "apart": problem((CONSTANT, CONSTANT, CONSTANT), ((), (), ())),
    "a sum": problem((BARE, CONSTANT, CONSTANT), ((B_ALL,), (), ()), mentioned=(B_ALL,)),
}


def needs(p, x):
    """Return what a parameter waits for, worked out apart from the kernels: "numbers" is the vertex of literals."""
    if x == "numbers":
        return set()
    if x >= p.edges:
        return {e for e in range(p.edges) if p.owner[e] == p.owner[x]}
    return {int(y) for y in p.ref[x, : p.refs[x]]} | ({"numbers"} if p.literal[x] != BARE else set())


def orders(p, vertices, placed=(), chance=Fraction(1)):
    """Yield every order of the vertices with its chance: each uniform among what is ready."""
    left = [x for x in vertices if x not in placed]
    if not left:
        yield tuple(x for x in placed if x != "numbers"), chance
    ready = [x for x in left if needs(p, x) <= set(placed)]
    for x in ready:
        yield from orders(p, vertices, (*placed, x), chance / len(ready))


def expected_orders(p):
    law = defaultdict(Fraction)
    vertices = [*range(p.edges), *(x for x in range(p.edges, p.params) if p.mentioned >> x & 1), "numbers"]
    for order, chance in orders(p, vertices):
        law[order] += chance
    return law


@pytest.mark.parametrize("name", SMALL)
def test_linear_orders_are_uniform_among_what_is_ready(name):
    p, out = SMALL[name], np.zeros(8, np.int64)
    expected = expected_orders(p)

    def run(tape, last=-1):
        begin(tape, KEY, 0, 0)
        count = draw_linear_order(tape, p, out, last)
        return tuple(out[:count].tolist()), tape.ledger / UNITS_PER_BIT

    assert walked(run) == expected
    for asked in range(p.edges):  # needless steps: the same order, up to what is asked
        cut = defaultdict(Fraction)
        for order, chance in expected.items():
            cut[order[: order.index(asked) + 1]] += chance
        assert walked(lambda tape, asked=asked: run(tape, asked)) == cut


def shuffled(order, level):
    """Yield every order that a mild shuffle can make, with its chance."""
    for strays in product(range(level + 1), repeat=len(order)):
        places = [i + stray for i, stray in enumerate(strays)]
        ties = [[x for x, place in zip(order, places, strict=True) if place == at] for at in sorted({*places})]
        share = Fraction(1, (level + 1) ** len(order))
        for choice in product(*(list(permutations(tie)) for tie in ties)):
            yield (
                tuple(x for tie in choice for x in tie),
                share / math.prod(math.factorial(len(tie)) for tie in ties),
            )


@pytest.mark.parametrize(("name", "level"), [("a chain", 0), ("a chain", 1), ("a chain", 2), ("a sum", 1)])
def test_sentences_are_shuffled_as_far_as_their_level_says(name, level):
    p = SMALL[name]

    def run(tape):
        units = surface.draw_sentence_order(tape, KEY, 0, p, level)
        return tuple(p.sentence[: p.edges].tolist()), units / UNITS_PER_BIT

    expected = defaultdict(Fraction)
    for order, chance in expected_orders(p).items():
        for other, share in shuffled(order, level):
            expected[tuple(x for x in other if x < p.edges)] += chance * share
    assert walked(run) == expected


def test_sentences_as_they_were_made():
    p = SMALL["apart"]
    p.made[:3] = (2, 0, 1)
    assert walked(lambda tape: (surface.draw_sentence_order(tape, KEY, 0, p, 6), 0.0)) == {0: 1}
    assert p.sentence[:3].tolist() == [2, 0, 1]


def test_orders_are_held_against_their_level(released):
    """Sentences backwards are refused wherever one needs another; every row keeps to its own level and to all above."""
    reader, refused = released.task("order0").reader, Counter()
    for row in rows(released, 40, "order0"):
        assert [order_fault(reader.problem(row["prompt"]), level) for level in range(6)] == [""] * 6
        *sentences, last, question = re.split(r"(?<=\.) ", row["prompt"])
        turned = " ".join([last, *sentences[::-1], question])
        fault = order_fault(reader.problem(turned), 0)
        verdict = released.verify({**row, "prompt": turned}, split="order0")
        refused[bool(fault)] += 1
        assert not fault or fault in verdict.reason
    assert refused[True] > 30
    for row in rows(released, 40, "order6"):
        problem = reader.problem(row["prompt"])
        needed = problem.needed()
        necessary = [parameter in needed for parameter in problem.sentences]
        assert necessary == sorted(necessary, reverse=True)
        solved = [step.parameter for step in reader.steps(row["completion"])[0]]
        assert order_fault(problem, 6, solved) == ""
        if sum(necessary) > 1:
            assert "made" in order_fault(problem, 6, solved[::-1])
        if {True, False} == {*necessary}:
            *sentences, last, question = re.split(r"(?<=\.) ", row["prompt"])
            assert order_fault(reader.problem(" ".join([last, *sentences, question])), 6)
    levels = [order_fault(reader.problem(row["prompt"]), 0) for row in rows(released, 60, "test")]
    assert sum(map(bool, levels)) > 30, "orders drawn freely are no linear ones"


# -- needless steps ---------------------------------------------------------------------------------------------------


def test_needless_steps_are_right_and_counted_apart(released):
    needless, task = 0, released.task("needless")
    for row in rows(released, 100, "needless"):
        verdict, latent = released.verify(row, split="needless"), row["latent"]
        assert verdict.correct, verdict.reason
        more = len(latent["solution"]) - latent["necessary"]
        assert verdict.parts[-1]["redundant"] == more
        assert verdict.parts[-1]["operations"] >= row["difficulty"] == latent["op"]
        problem = task.reader.problem(row["prompt"])
        assert len(problem.needed()) == latent["necessary"]
        needless += more > 0
        if more:
            refused = released.verify(row, split="test")
            assert not refused.correct
            assert "does not need" in refused.reason
            assert released.verify(row["prompt"], row["completion"], split="test").correct, "a model may say more"
    assert needless > 50


def test_operations_have_their_law_with_needless_steps(released):
    """What is drawn is the number of necessary operations: the shares are those of the law, whatever is said besides."""
    found = Counter(row["difficulty"] for row in rows(released, 1000, "needless"))
    law = op_weights("light", 15)
    for op in (1, 5, 10):
        share = law[op] / sum(law.values())
        assert abs(found[op] / 1000 - share) < 5 * math.sqrt(share / 1000)


# -- whole numbers ----------------------------------------------------------------------------------------------------


def held(p, slot, number):
    p.negative[slot], p.length[slot], left = number < 0, 0, abs(number)
    while left:
        p.thousand[slot, p.length[slot]] = left % 1000
        p.length[slot] += 1
        left //= 1000


def value(p, slot):
    digits = sum(int(p.thousand[slot, i]) * 1000**i for i in range(p.length[slot]))
    return -digits if p.negative[slot] else digits


def test_arithmetic_of_whole_numbers():
    p, generator = new_problem(), random.Random(1)
    numbers = [0, 1, -1, 999, 1000, -1000, 999_999, 10**9, -(10**9) + 1]
    numbers += [generator.randrange(-(10 ** (n := generator.randrange(1, 40))), 10**n) for _ in range(20)]
    p.left[2], p.right[2], p.operands[2] = 0, 1, 2
    for a, b in product(numbers, repeat=2):
        held(p, 0, a)
        held(p, 1, b)
        for sign, result in enumerate((a + b, a - b, a * b)):
            p.sign[2] = sign
            integers._operate(p, 2)
            assert value(p, 2) == result
            assert not (result == 0 and p.negative[2])
    held(p, 0, 10**500)
    held(p, 1, 10**500)
    with pytest.raises(DrawError, match="999 digits"):
        integers._operate(p, 2)


def test_whole_numbers_are_written_and_read(whole):
    """Every step is computed again by the reader, in Python's own integers."""
    task = whole.task("op20")
    answers = []
    for row in rows(whole, 100, "op20"):
        verdict = whole.verify(row, split="op20")
        assert verdict.correct, verdict.reason
        answer = row["latent"]["answer"]
        answers.append(int(answer))
        assert row["completion"].endswith(f" Answer: {answer}.")
        assert max(map(int, re.findall(r"\d+", row["prompt"])), default=0) < 23
        solved = task.reader.problems.solve(problem := task.reader.problem(row["prompt"]))
        assert solved[problem.query] == answers[-1]
        assert task.graph(row).number_of_nodes() == len(problem.parameters())
        other = whole.verify({**row, "completion": row["completion"].replace(f"{answer}.", f"{answers[-1] + 1}.")},
                             split="op20")  # fmt: skip
        assert not other.correct
    assert min(answers) < 0
    assert max(answers) > 10**9
    facts = whole.entropy("test").facts
    assert facts["constant_guess"]["answer"] == 0


def test_whole_numbers_have_the_bits_of_those_modulo_a_prime(whole):
    """Same problems, orders and letters: results alone differ."""
    plain = synthgen.load("igsm-med-pq")
    for own, other in zip(rows(whole, 50, "test"), rows(plain, 50, "test"), strict=True):
        assert own["prompt"] == other["prompt"]
        assert own["bits"] == other["bits"]
        assert int(own["latent"]["answer"]) % 23 == other["latent"]["answer"]


# -- styles -----------------------------------------------------------------------------------------------------------


def expected_budgets(style, op, most, fixed):
    """Return the released code's law of (s, m, n), by its definitions; of those that can make the op where s is drawn."""
    numbers = range(1, (op if fixed else most) + 1)
    law = defaultdict(Fraction)
    each = Fraction(1, len(numbers))
    if style == "middle":
        for a, b, c in product(numbers, numbers, [op] if fixed else numbers):
            n, m, s = sorted((a, b, c))
            law[s, m, n] += each**2 if fixed else each**3
    elif style == "heavy":
        for n in numbers:
            for m in range(n, numbers[-1] + 1):
                for s in [op] if fixed else range(m, numbers[-1] + 1):
                    chance = each * Fraction(1, numbers[-1] - n + 1)
                    law[s, m, n] += chance if fixed else chance * Fraction(1, numbers[-1] - m + 1)
    else:
        draws = [(op, Fraction(1))] if fixed else [(min(a, b), each**2) for a, b in product(numbers, numbers)]
        if style == "uniform" and not fixed:
            draws = [(s, each) for s in numbers]
        for s, chance in draws:
            own = range(1, s + 1)
            if style == "uniform":
                for m in own:
                    for n in range(1, m + 1):
                        law[s, m, n] += chance * Fraction(1, s * m)
            else:
                for a, b in product(own, own):
                    n = max(a, b)
                    for m in range(n, s + 1):
                        law[s, m, n] += chance * Fraction(1, s * s * (s - n + 1))
    left = {key: chance for key, chance in law.items() if key[0] >= op}
    return {key: chance / sum(left.values()) for key, chance in left.items()}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("fixed", [True, False])
def test_budgets_have_the_law_of_their_style(style, fixed):
    law = np.zeros(1, np.dtype((np.record, LAW)))[0]
    law.max_op, law.fixed, law.style = 4, fixed, STYLES.index(style)

    def run(tape):
        begin(tape, KEY, 0, 0)
        return tuple(map(int, draw_budgets(tape, law, 3)))

    drawn = defaultdict(Fraction)
    for budgets, chance in enumerate_tapes(run):
        drawn[budgets] += chance
    able = {key: chance for key, chance in drawn.items() if key[0]}
    assert {key: chance / sum(able.values()) for key, chance in able.items()} == expected_budgets(style, 3, 4, fixed)


def test_edges_have_the_law_of_their_style():
    law = np.zeros(1, np.dtype((np.record, LAW)))[0]
    law.max_edge = 6
    for law.style, s in product(range(1, 4), (2, 6, 8)):
        expected = defaultdict(Fraction)
        for lowest in (0, min(s, 6)):
            for edges in range(lowest, 7):
                expected[min(max(edges, 2), 5)] += Fraction(1, 2 * (7 - lowest))

        def run(tape, s=s):
            begin(tape, KEY, 0, 0)
            return int(draw_edges(tape, law, s, 2, 5)), tape.ledger / UNITS_PER_BIT

        assert walked(run) == expected


def test_laws_of_operations():
    for most in (1, 2, 7):
        numbers = range(1, most + 1)
        pairs, triples = list(product(numbers, repeat=2)), list(product(numbers, repeat=3))
        assert op_weights("light", most) == Counter(min(pair) for pair in pairs)
        assert op_weights("middle", most) == Counter(max(triple) for triple in triples)
        assert op_weights("uniform", most) == Counter(numbers)
        heavy = defaultdict(Fraction)
        for a in numbers:
            for b in range(a, most + 1):
                for c in range(b, most + 1):
                    heavy[c] += Fraction(1, most * (most - a + 1) * (most - b + 1))
        assert op_weights("heavy", most) == {op: int(share * PARTS) for op, share in heavy.items()}
    assert min(op_weights("heavy", 100).values()) > 0


def test_styles_differ_and_operations_have_their_law(released):
    usual = np.mean([row["latent"]["edges"] for row in rows(released, 800, "test")])
    for style in ("uniform", "middle", "heavy"):
        source = synthgen.load("igsm-released", params={"op": style, "style": style})
        batch, law = rows(source, 800, "all-bins"), op_weights(style, 15)
        mean = sum(op * weight for op, weight in law.items()) / sum(law.values())
        assert abs(np.mean([row["difficulty"] for row in batch]) - mean) < 0.6
        assert np.mean([row["latent"]["edges"] for row in batch]) > usual


# -- params -----------------------------------------------------------------------------------------------------------


def test_bits_are_brackets_that_hold_the_means(released):
    for split in ("order3", "needless"):
        entropy, batch = released.entropy(split), released.batch(0, 1000, split)
        mean = batch.column("bits").field("total").to_numpy().mean()
        assert entropy.booked.low - 9 < mean < entropy.booked.high + 9
        assert entropy.text.low < entropy.text.high
        assert entropy.text.status == "bracket"
    assert released.entropy("order6").books["sentence_order"].bits.value == 0
    assert "draws that order the sentences" in released.entropy("order3").hidden


def test_new_params_leave_the_identity_of_older_specs():
    assert not {"style", "perm_level", "shortest", "integers"} & IgsmParams().model_dump().keys()
    assert IgsmParams(perm_level=4).model_dump()["perm_level"] == 4


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({"sampler": "open", "perm_level": 3}, "perm_level = 3 goes with the paper's sampler"),
        ({"sampler": "open", "shortest": False}, "shortest = False goes with the paper's sampler"),
        ({"shortest": False, "reask": True, "op": 9}, "without reask"),
        ({"shortest": False, "detail": 1}, "show names"),
        ({"perm_level": 7}, "perm_level"),
        ({"style": "dark"}, "style"),
    ],
)
def test_what_does_not_go_together(params, what):
    with pytest.raises(SynthgenError, match=re.escape(what)):
        synthgen.load("igsm-med-pq", params=params)


def test_numbers_vertex_is_no_parameter():
    assert NUMBERS > 61
