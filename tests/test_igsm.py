"""iGSM: names without overlap, the published sketch, texts that read back, a verifier that lets nothing through."""

import random
import re
from collections import Counter
from itertools import combinations, product

import igsm_faults
import pytest
from helpers import loaded

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.entropy import entropy_of
from synthgen.tasks.igsm.params import IgsmParams, greatest_op
from synthgen.tasks.igsm.reading.calculations import formula, formula_size, size
from synthgen.tasks.igsm.reading.judge import FAULTS
from synthgen.tasks.igsm.reading.problem import solve
from synthgen.tasks.igsm.worlds import CONTEXTS, PACKS, plural, read_world, words

SPECS = ("igsm-med-pq", "igsm-med-qp", "igsm-hard-pq", "igsm-hard-qp")


def base(**params):
    """Return the source of igsm-med-pq with other params, and no split of the spec's: all bins."""
    return synthgen.load("igsm-med-pq", params=params)


def rows(source, n, start=0, split="all-bins"):
    return source.batch(start, start + n, split).to_pylist()


# -- names and sketch -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", PACKS)
def test_worlds_have_the_papers_shape_and_no_name_inside_another(pack):
    world = read_world(pack)
    assert [len(chain) for chain in world.categories] == [4] * 4
    assert len(world.flat()) == 4 * 4 * 5 * 20
    names = [name for name, _ in world.flat()] + [name for chain in world.categories for name, _ in chain]
    text = "\n".join(names)
    assert all(text.count(name) == 1 for name in names)
    forms = Counter([name for name, _ in world.flat()] + [many for _, many in world.flat()])
    assert max(forms.values()) == 1, "no plural is somebody's singular"


@pytest.mark.parametrize(("one", "other"), list(combinations(CONTEXTS, 2)))
def test_no_two_contexts_share_a_word(one, other):
    own, others = words(read_world(one)), words(read_world(other))
    assert len(own) > 600
    assert not own & others
    assert not {f"{word}s" for word in own} & others, "nor has one a word of which the other has the plural"


def test_the_same_problem_in_every_context():
    """Names alone differ: structure, numbers, orders, letters and bits are those of the first world."""
    first = rows(base(), 20)
    for world in CONTEXTS:
        source = base(world=world)
        for one, other in zip(first, rows(source, 20), strict=True):
            assert one["bits"] == other["bits"]
            assert {**one["latent"], "spans": None} == {**other["latent"], "spans": None}
            assert one["prompt"] != other["prompt"]
            assert source_accepts(source, other)
            assert not source_accepts(base(), other)


def test_plurals():
    assert [plural(n) for n in ("Oak", "Pantry", "Tray", "Box", "Branch", "Bush")] == [
        "Oaks", "Pantries", "Trays", "Boxes", "Branches", "Bushes",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text, what",
    [("= A\nOak\n", "categories"), ("Oak\n", "must come first"), ("= Oaks\n", "categories")],
)
def test_a_world_of_ones_own_is_linted(tmp_path, text, what):
    (tmp_path / "w.txt").write_text(text)
    with pytest.raises(SynthgenError, match=what):
        read_world(tmp_path / "w.txt")


def test_the_published_bins_of_small_templates():
    """The released generator's op-1 problems fall in bins 10 and 20, by their sketch alone."""
    found = Counter()
    for row in rows(base(op=1), 300):
        found[row["latent"]["query_abstract"], row["latent"]["bin"]] += 1
    assert set(found) == {(False, 10), (True, 20)}


def test_equal_hashes_are_equal_templates():
    bins = {}
    for row in rows(base(op=[1, 3]), 1000):
        latent = row["latent"]
        assert bins.setdefault(latent["template"], latent["bin"]) == latent["bin"]
    assert len(bins) < 200


def test_instance_only_templates_of_three_operations_are_the_fifteen():
    """All 15 that the paper's ordering can make, and no other (25 without its chain law)."""
    few = {r["latent"]["template"] for r in rows(base(op=3), 8000) if r["latent"]["necessary_abstract"] == 0}
    assert len(few) == 15

    def forms(a):
        """Sentences of 1, 2, 3 operations that cite the one before first, and some of `a` earlier ones."""
        if a < 0:
            return (1, 0, 0)
        return (3 + 2 * a, 4 * a + a * (a - 1), 2 * a * (a - 1) + a * (a - 1) * (a - 2))

    counts = {(0, 0): 1}  # sentences and operations so far
    total = Counter()
    for sentence in range(1, 11):
        grown = Counter()
        for (_, op), count in counts.items():
            for cost, weight in enumerate(forms(sentence - 2), 1):
                if op + cost <= 10:
                    grown[sentence, op + cost] += count * weight
        counts = grown
        for (_, op), count in counts.items():
            total[op] += count
    assert [total[op] for op in (1, 2, 3, 5, 10)] == [1, 3, 15, 1179, 1_485_209_817]


# -- texts ------------------------------------------------------------------------------------------------------------


VARIANTS = list(product(range(12), ("paper", "count")))


@pytest.mark.parametrize("detail, phrasing", VARIANTS)
def test_texts_read_back_in_every_detail_and_phrasing(detail, phrasing, count=40):
    form, world = ("pq", "qp")[detail % 2], PACKS[detail // 2 % 2]
    source = base(detail=detail, phrasing=phrasing, format=form, world=world, op=[1, 18])
    task = source.task("all-bins")
    for row in rows(source, count):
        problem = task.reader.problem(row["prompt"])
        assert solve(problem, 23, [problem.query])[problem.query] == row["latent"]["answer"]
        verdict = source.verify(row, split="all-bins")
        assert verdict.correct, (verdict.reason, row["completion"])


@pytest.mark.slow
@pytest.mark.parametrize("detail, phrasing", VARIANTS)
def test_texts_read_back_ten_thousand(detail, phrasing):
    test_texts_read_back_in_every_detail_and_phrasing(detail, phrasing, 420)


@pytest.mark.parametrize("phrasing", ["paper", "count"])
@pytest.mark.parametrize("form", ["pq", "qp"])
def test_markers_stand_around_the_same_texts(phrasing, form):
    plain = base(phrasing=phrasing, format=form)
    marked = base(phrasing=phrasing, format=form, layout="markers")
    said = " Answer: " if phrasing == "paper" else " So the answer is "
    for own, bare in zip(rows(marked, 50), rows(plain, 50), strict=True):
        assert own["prompt"] == f"<|problem|> {bare['prompt']}<|solution|>"
        assert own["completion"] == bare["completion"].removesuffix(".").replace(said, "<|answer|> ")
        assert own["bits"] == bare["bits"]
        assert marked.verify(own, split="all-bins").correct
        text = own["prompt"] + own["completion"]
        (answer,) = own["latent"]["spans"]["answer"]
        assert text[answer["start"] : answer["end"]] == str(own["latent"]["answer"])
        first = own["latent"]["spans"]["sentence"][0]
        assert text[first["end"] - 1] == "."
        for faulty in (
            {**own, "prompt": bare["prompt"]},
            {**own, "completion": bare["completion"]},
            {**own, "prompt": own["prompt"].removesuffix("<|solution|>")},
            {**own, "completion": own["completion"] + "."},
            {**own, "completion": own["completion"].replace("<|answer|>", "<|answer|> 1<|answer|>")},
        ):
            assert not marked.verify(faulty, split="all-bins").correct
        assert not plain.verify(own, split="all-bins").correct


def test_the_same_problem_in_either_phrasing():
    for one, other in zip(rows(base(), 50), rows(base(phrasing="count", world="boxes"), 50), strict=True):
        for field in ("op", "answer", "template", "graph", "solution"):
            assert one["latent"][field] == other["latent"][field]
        assert one["bits"] == other["bits"]


def test_english():
    text = " ".join(r["prompt"] + r["completion"] for r in rows(base(phrasing="count"), 300))
    assert not re.search(r"There are 1 |There is (?!1 )|  |\bss\b| ,", text)
    assert "There is 1 " in text
    assert not re.search(r"  |s's", " ".join(r["prompt"] for r in rows(base(), 300)))


def test_more_than_52_operations_have_longer_names():
    row = rows(base(op=55, max_edge=38), 1)[0]
    assert row["difficulty"] == 55
    assert len(set(re.findall(r"\b[A-Z][a-z] = ", row["completion"]))) == 3
    assert source_accepts(base(op=55, max_edge=38), row)


def source_accepts(source, row):
    return source.verify(row, split="all-bins").correct


@pytest.mark.parametrize("modulus", [2, 5, 101])
def test_other_moduli(modulus):
    source = base(modulus=modulus)
    assert all(source_accepts(source, row) for row in rows(source, 100))


# -- the verifier -----------------------------------------------------------------------------------------------------


def check_faults(count):
    source, generator, found = base(op=[2, 15]), random.Random(0), Counter()
    for row in rows(source, count):
        assert igsm_faults.join(igsm_faults.split(row["completion"])) == row["completion"]
        other = igsm_faults.reordered(row["completion"], generator)
        assert source.verify(row["prompt"], other).correct, other
        for kind, text in igsm_faults.faults(row["completion"], generator):
            if text != row["completion"]:
                verdict = source.verify(row["prompt"], text)
                assert not verdict.correct, (kind, text)
                assert verdict.reason.split(":")[0] in FAULTS
                assert verdict.step is not None
                found[kind, verdict.reason.split(":")[0]] += 1
    return found


def test_faults_that_leave_the_answer_alone_are_found():
    found = check_faults(300)
    assert {kind for kind, _ in found} == {"literal", "operator", "swapped", "skipped", "stale"}
    assert found["literal", "wrong literal"]
    assert found["operator", "wrong operator"]
    assert found["stale", "wrong reference value"]


@pytest.mark.slow
def test_ten_thousand_faults_are_found():
    assert sum(check_faults(3000).values()) >= 10_000


PROMPT = (
    "The number of each Oak's Robin equals 3. The number of each Oak's Dunnock equals each Oak's Robin. "
    "The number of each Elm's Robin equals 2 times as much as the difference of each Oak's Bird and each Oak's Robin. "
    "How many Robins does each Elm have?"
)
RIGHT = (
    " Define Oak's Robin as a; so a = 3. Define Oak's Dunnock as b; so b = a = 3. Define Oak's Bird as c; so c = a + b = 3 + 3 = 6. "
    "Define Elm's Robin as d; e = c - a = 6 - 3 = 3; so d = 2 * e = 2 * 3 = 6. Answer: 6."
)


@pytest.mark.parametrize(
    "old, new, reason, step",
    [
        ("so a = 3.", "so a = 4.", "wrong literal", 0),
        ("so b = a = 3.", "so b = 3.", "wrong operand", 1),
        ("e = c - a", "e = a - c", "wrong reference value", 3),
        ("e = c - a = 6 - 3 = 3; so d = 2 * e = 2 * 3 = 6", "e = c + a = 6 + 3 = 9; so d = 2 * e = 2 * 9 = 18", "wrong operator", 3),
        ("= 2 * 3 = 6. A", "= 2 * 3 = 7. A", "wrong arithmetic", 3),
        ("Define Oak's Dunnock as b; so b = a = 3. ", "", "not ready", 1),
        ("Oak's Robin as a", "Oak's Wolf as a", "unknown", 0),
        ("Oak's Dunnock as b; so b", "Oak's Dunnock as a; so a", "redefinition", 1),
        ("Answer: 6", "Answer: 7", "wrong answer", 4),
        (" Define Elm's Robin as d; e = c - a = 6 - 3 = 3; so d = 2 * e = 2 * 3 = 6. Answer: 6.", " Answer: 6.", "wrong target", 2),
        ("; so a = 3.", "; a = 3.", "format", 0),
        ("so d = 2 * e", "so d = 3 * e", "wrong reference value", 3),
    ],
)  # fmt: skip
def test_each_kind_of_fault(old, new, reason, step):
    source = base()
    assert source.verify(PROMPT, RIGHT).correct
    verdict = source.verify(PROMPT, RIGHT.replace(old, new))
    assert verdict.reason.startswith(reason), verdict.reason
    assert verdict.step == step


def test_counts_of_a_solution_redundant_and_taken_back():
    more = RIGHT.replace(" Define Oak's Dunnock", " Define Elm's Robin as BACK. Define Oak's Dunnock")
    verdict = base().verify(PROMPT, more)
    assert verdict.correct
    assert verdict.parts[-1] == {"steps": 4, "operations": 5, "redundant": 0, "retries": 1, "needless": 0, "unknown": 0}
    useless = PROMPT.replace(" How", " The number of each Elm's Dunnock equals 1. How")
    verdict = base().verify(
        useless, RIGHT.replace(" Define Oak's R", " Define Elm's Dunnock as z; so z = 1. Define Oak's R", 1)
    )
    assert verdict.correct
    assert verdict.parts[-1]["redundant"] == 1


JUNK = [
    None,
    7,
    "",
    " ",
    "\x00" * 50,
    b"\xff",
    "each " * 250_000,
    "A " * 500_000,
    "'" * 1000,
    RIGHT * 3,
    RIGHT[::-1],
    "(((" * 99_999,
]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_gets_a_verdict(junk):
    for phrasing in ("paper", "count"):
        source = base(phrasing=phrasing)
        for prompt, completion in ((PROMPT, junk or "x"), (junk, RIGHT), (junk, junk or "x")):
            verdict = source.verify(prompt, completion)
            assert not verdict.correct
            assert verdict.reason


def test_a_circle_is_refused():
    circle = (
        "The number of each Oak's Robin equals each Elm's Robin. The number of each Elm's Robin equals each Oak's Robin. "
        "How many Robins does each Elm have?"
    )
    reader = base().task("x").reader
    problem = reader.problem(circle)
    with pytest.raises(ValueError, match="depends on itself"):
        solve(problem, 23, [problem.query])
    assert not base().verify(circle, RIGHT).correct


# -- params -----------------------------------------------------------------------------------------------------------


def test_laws_of_op():
    assert {row["difficulty"] for row in rows(base(op=7), 50)} == {7}
    assert {row["difficulty"] for row in rows(base(op=[3, 5]), 200)} == {3, 4, 5}
    table = Counter(row["difficulty"] for row in rows(base(op={2: 1, 9: 3}), 400))
    assert set(table) == {2, 9}
    assert 60 < table[2] < 140


def test_what_cannot_be_is_refused_with_the_greatest_op():
    top, accepted = greatest_op(100, 12)
    assert accepted == 0
    with pytest.raises(SynthgenError, match=f"the greatest was {top}"):
        base(op=100, max_edge=12)
    for params, what in (
        ({"modulus": 15}, "prime"),
        ({"op": [5, 2]}, "range"),
        ({"detail": 12}, "detail"),
        ({"op": {3: 0}}, "weight"),
    ):
        with pytest.raises(SynthgenError, match=what):
            base(**params)


def test_fidelity_moves_the_switches():
    released, paper = IgsmParams(), IgsmParams(fidelity="paper")
    assert (released.redrawn, paper.redrawn) == (True, False)
    assert IgsmParams(bins="train").allowed_bins == 2**16 - 1
    assert IgsmParams(bins="train", fidelity="paper").allowed_bins == 2**17 - 1
    assert IgsmParams(bins="test").allowed_bins == 2**23 - 2**16


def test_splits_hold_their_bins_and_templates_do_not_meet():
    source = synthgen.load("igsm-med-pq")
    train = {row["latent"]["template"] for row in rows(source, 2000, split="train")}
    for split in ("test", "op15", "op20", "reask20"):
        own = rows(source, 200, split=split)
        assert all(row["latent"]["bin"] >= 16 for row in own)
        assert not train & {row["latent"]["template"] for row in own}
    assert len({row["difficulty"] for row in rows(source, 200, split="reask20")}) > 10


def test_the_text_of_a_tiny_law_is_between_its_ends():
    """One operation, few names, no letters to choose: texts repeat, and their plug-in entropy is below the true one."""
    sizes = {"chains": 1, "groups": 1, "names": 4, "letters": 1}
    params = {"op": 1, "max_op": 1, "max_edge": 2, "modulus": 2, "sizes": sizes}
    source = synthgen.load("igsm-med-pq", params=params)
    batch = source.batch(0, 20_000)
    texts = Counter(zip(batch.column("prompt").to_pylist(), batch.column("completion").to_pylist(), strict=True))
    text, booked, bits = source.entropy().text, source.entropy().booked, batch.column("bits").field("total").to_numpy()
    assert len(texts) < 19_500
    assert text.low <= entropy_of(texts.values()) <= text.high == booked.high
    assert booked.low <= bits.mean() <= booked.high


@pytest.mark.parametrize("name", ["igsm-med-pq", "igsm-open"])
def test_the_size_of_a_formula_is_known_without_it(name):
    """And so is a bound of the longest answer, which every judged answer is held against."""
    source = loaded(name)
    for row in source.batch(0, 60).to_pylist():
        problem = source.task().reader.problem(row["prompt"])
        sizes = {parameter: size(formula(problem, parameter)) for parameter in problem.parameters()}
        assert sizes == {parameter: formula_size(problem, parameter) for parameter in sizes}
        assert len(row["completion"]) <= source.task().longest_answer(row["prompt"])
