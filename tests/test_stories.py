"""Stories: eight worlds with one law; graphs, orders and retries by enumeration; what is wrong is told apart."""

import functools
import itertools
import math
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.exact.tape import enumerate_tapes
from synthgen.task.arrow import schema_of, to_batch
from synthgen.tasks.stories import means
from synthgen.tasks.stories.law import GraphLaw
from synthgen.tasks.stories.packs import KINDS, NAMES, PACKS, pack_of
from synthgen.tasks.stories.params import PackName
from synthgen.tasks.stories.task import Stories

FUNCTION_WORDS = set(
    re.findall(
        "[a-z]+",
        "a the of in into to from for on at up with than more is are be can must has have does by how what which who "
        "many one no only or and all every whenever as that those them its would",
    )
)
"""Words that say nothing of a world; all others belong to one pack."""


def story_task(seed=0, **params):
    return Stories(Stories.Params.model_validate(params), Keys(seed), Path())


def rows_of(task, rows, start=0):
    schema = schema_of(task, task.row_format)
    return to_batch(task, schema, task.rows(start, start + rows, new_state()), start).to_pylist()


@functools.cache
def mixed():
    """A task with all packs and retries, and some of its rows."""
    task = story_task(packs=PACKS, retry={"rate": 0.5})
    return task, rows_of(task, 60)


# -- packs --------------------------------------------------------------------------------------------------------------


def words_of(name):
    """Return the words of a pack, without what they are inflected by."""
    said = []
    for order in (False, True):
        pack = pack_of(name, order)
        said += [*pack.things, *pack.sentences.amount, *pack.sentences.more]
        said += [pack.rule(7)]
        said += [sentence for kind in KINDS for sentence in pack.sentences.of(kind)]
    words = re.findall("[a-z]+", re.sub(r"\{\w+\}", " ", " ".join(said)).lower())
    return {
        re.sub("(?<=[a-z]{3})(s|ed|er|ers|ing)$", "", word).rstrip("e") for word in words if word not in FUNCTION_WORDS
    }


def test_no_two_packs_share_a_word_that_says_anything():
    assert set(PACKS) == {file.stem for file in Path(synthgen.__file__).parent.glob("tasks/stories/packs/*.toml")}
    assert get_args(PackName) == PACKS
    words = {name: words_of(name) for name in PACKS}
    assert min(map(len, words.values())) > NAMES
    for one, other in itertools.combinations(PACKS, 2):
        assert not words[one] & words[other], (one, other)


def test_the_same_seed_tells_the_same_story_in_every_pack():
    """Graph, names by number, values, orders and wordings are drawn alike; all but the pack is one latent."""
    tables = {name: rows_of(story_task(3, packs=[name], retry={"rate": 0.3}), 40) for name in PACKS}
    tables["all"] = rows_of(story_task(3, packs=PACKS, retry={"rate": 0.3}), 40)
    for rows in zip(*tables.values(), strict=True):
        latents = [{k: v for k, v in row["latent"].items() if k not in ("pack", "spans")} for row in rows]
        assert all(latent == latents[0] for latent in latents)
        assert len({row["prompt"] for row in rows}) == len(PACKS), "the mixed one is one of the eight"
        assert {row["bits"]["total"] for row in rows[:-1]} == {rows[0]["bits"]["total"]}
        assert rows[-1]["bits"]["total"] == pytest.approx(rows[0]["bits"]["total"] + 3)
    told = [row["latent"]["pack"] for row in tables["all"]]
    assert set(told) == set(PACKS)
    assert [row["prompt"] for row in tables["all"]] == [tables[name][i]["prompt"] for i, name in enumerate(told)]


def test_every_sentence_is_of_one_pack_and_one_kind():
    task, rows = mixed()
    for row in rows:
        rule, *sentences = re.findall(r"[^.?]+[.?]", row["prompt"] + row["completion"])
        assert f"{rule} " == task.reader.of_pack(row["latent"]["pack"]).rule
        for sentence in sentences:
            found = []
            for pack in PACKS:
                reader = task.reader.of_pack(pack)
                found += [
                    (pack, kind) for kind in KINDS if any(f.fullmatch(sentence.strip()) for f in reader._forms[kind])
                ]
            assert {pack for pack, _ in found} == {row["latent"]["pack"]}, sentence
            assert len({kind for _, kind in found} - {"many"}) == 1 or {kind for _, kind in found} == {"many"}, sentence


def test_english_of_numbers():
    for name in PACKS:
        pack = pack_of(name, False)
        assert pack.amount(1) != pack.amount(2).replace("2", "1"), "one marble, two marbles"
        assert not re.search(r"\b1 \w+s\b", pack.amount(1) + " " + pack.more(1))
        assert pack.amount(0) == pack.amount(2).replace("2", "0")


# -- graphs -------------------------------------------------------------------------------------------------------------


def every_graph(needed, most):
    """All graphs on named things whose every thing leads to the last one, with `most` parents at most, by brute force."""
    names = range(needed)
    options = [
        [c for k in range(most + 1) for c in itertools.combinations([p for p in names if p != n], k)] for n in names
    ]
    for parents in itertools.product(*options):
        reached, left = {needed - 1}, [needed - 1]
        while left:
            for parent in parents[left.pop()]:
                if parent not in reached:
                    reached.add(parent)
                    left.append(parent)
        waiting = set(names)
        while ready := {n for n in waiting if not waiting & set(parents[n])}:
            waiting -= ready
        if len(reached) == needed and not waiting:
            yield parents


@pytest.mark.parametrize(("needed", "weights"), [(3, (1, 1, 1)), (3, (5, 2, 3)), (4, (7, 2, 3)), (4, (3, 1, 2, 5))])
def test_graphs_are_as_likely_as_their_weights(needed, weights):
    """In small sizes, where no weight is scaled: A counts them, and each has its share of the chances."""
    graphs = [math.prod(weights[len(one)] for one in parents) for parents in every_graph(needed, len(weights) - 1)]
    law = GraphLaw(weights)
    assert law._graphs(0, needed, 1) == needed * sum(graphs), "any of the things may be the one asked for"
    shares = Counter()
    for share, parents in means.graphs(law, needed, 0):
        shares[parents] += share
    assert math.isclose(sum(shares.values()), 1)
    layered = {parents: math.prod(weights[len(one)] for one in parents) for parents in shares}
    ratios = {share / layered[parents] / orders(parents, needed) for parents, share in shares.items()}
    assert max(ratios) / min(ratios) == pytest.approx(1)


def orders(parents, needed):
    """Return in how many ways names can be given to things in layers, sorted within each."""
    layer, level, left = {}, 0, set(range(needed))
    while left:
        sinks = left - {p for thing in left for p in parents[thing]}
        layer |= dict.fromkeys(sinks, level)
        left, level = left - sinks, level + 1
    sizes = Counter(layer.values())
    return math.factorial(needed) / math.prod(map(math.factorial, sizes.values()))


@pytest.mark.parametrize("size", [(1, 0), (2, 1), (3, 1), (2, 2)])
def test_means_of_graphs_are_those_of_all_graphs(size):
    law = GraphLaw((3, 1, 2, 5))
    graphs = list(means.graphs(law, *size))
    assert math.isclose(math.fsum(share for share, _ in graphs), 1)
    told = law.means(*size)
    assert told.bits == pytest.approx(-math.fsum(share * math.log2(share) for share, _ in graphs))
    for count, value in ((0, told.roots), (2, told.pairs), (3, told.triples)):
        assert value == pytest.approx(math.fsum(share * sum(len(p) == count for p in one) for share, one in graphs))


LONG = [pytest.param(params, marks=pytest.mark.slow) for params in Stories.tiny[2:]]


@pytest.mark.parametrize("params", [*Stories.tiny[:2], *LONG])
def test_the_chances_of_all_texts_sum_to_one_and_are_their_ledgers(params):
    """No text is made in two ways: its chance is what its row books, and what the surprisals of its tokens add up to."""
    task = story_task(**params)
    schema, law, booked = schema_of(task, task.row_format), Counter(), {}

    def run(tape):
        return to_batch(task, schema, task.rows(0, 1, tape), 0).to_pylist()[0]

    for row, probability in enumerate_tapes(run):
        text = row["prompt"] + row["completion"]
        law[text] += probability
        booked[text] = row["bits"]["total"]
    assert sum(law.values()) == Fraction(1)
    for text, probability in law.items():
        assert booked[text] == pytest.approx(-math.log2(probability), abs=1e-9)
    for text in sorted(law)[:: max(1, len(law) // 20)]:
        assert task.surprisals(text).sum() == pytest.approx(booked[text], abs=1e-9)


def test_what_is_sampled_agrees_with_what_is_walked(monkeypatch):
    task = story_task(needed=(2, 3), others=(0, 1), retry={"rate": 0.4})
    exact = {book: task.entropy().books[book].bits for book in ("solution", "retries")}
    monkeypatch.setattr(means, "EXACT_THINGS", 0)
    for book, bits in task.entropy().books.items():
        if book in exact:
            assert exact[book].status == "exact"
            assert bits.bits.status == "bracket"
            assert bits.bits.low <= exact[book].value <= bits.bits.high
            assert bits.bits.high - bits.bits.low < 0.3


# -- solutions ----------------------------------------------------------------------------------------------------------


def test_what_is_taken_back_lacks_parents():
    for kind, few in (("any", range(1, 4)), ("near", range(1, 2))):
        task = story_task(5, needed=(6, 8), others=(2, 4), retry={"rate": 0.5, "kind": kind})
        seen = Counter()
        for row in rows_of(task, 150):
            story = task.reader.solved(row["prompt"], row["completion"])
            known = set()
            for wrong, name in story.places():
                seen.update(story.lacking(one, known) for one in wrong)
                known.add(name)
        assert set(seen) == set(few), kind


def test_weak_mistakes_are_later_steps_whether_they_could_be_taken_or_not():
    task = story_task(5, needed=(6, 8), others=(2, 4), retry={"rate": 0.5, "kind": "weak"})
    seen, before = Counter(), Counter()
    for row in rows_of(task, 150):
        story = task.reader.solved(row["prompt"], row["completion"])
        known, steps = set(), [name for _, name in story.places()]
        for step, (wrong, name) in enumerate(story.places()):
            assert len(set(wrong)) == len(wrong) and set(wrong) <= set(steps[step + 1 :])
            seen.update(bool(story.lacking(one, known)) for one in wrong)
            before[len(steps) - step - 1] += len(wrong)
            known.add(name)
    assert seen[True] > 100 and seen[False] > 100 and before[0] == 0


def test_without_retries_the_solution_is_the_same():
    plain, mistaken = story_task(2), story_task(2, retry={"rate": 0.5})
    backs = 0
    for one, other in zip(rows_of(plain, 30), rows_of(mistaken, 30), strict=True):
        assert one["prompt"] == other["prompt"]
        spans = [other["latent"]["spans"][kind] for kind in ("step", "retry")]
        text = other["prompt"] + other["completion"]
        assert "".join(f" {text[span['start'] : span['end']]}" for span in spans[0]) == one["completion"]
        backs += len(spans[1])
    assert backs > 30


RULE = "Whenever a box would hold 7 marbles or more, 7 of them vanish."


def solved(modulus):
    """A story of three steps and one thing that is not needed, in the pack of boxes."""
    counted = modulus > 1
    lines = [RULE, "The red box holds 3 marbles.", "The blue box holds 2 more marbles than the red box.",
             "The tin box holds 1 more marble than the red box and the blue box together.",
             "The green box holds 4 marbles.", "How many marbles does the tin box hold?"]  # fmt: skip
    locked = ["The red box can be opened at once.", "The key to the blue box is in the red box.",
              "The keys to the tin box are in the red box and the blue box.", "Nothing locks the green box.",
              "How can the tin box be opened?"]  # fmt: skip
    return " ".join(lines if counted else locked)


STEPS = {
    "red": (" Now the red box holds 3 marbles.", " Open the red box."),
    "blue": (" Now the blue box holds 5 marbles.", " Open the blue box."),
    "tin": (" Now the tin box holds 2 marbles.", " Open the tin box."),
    "green": (" Now the green box holds 4 marbles.", " Open the green box."),
    "pink": (" Now the pink box holds 4 marbles.", " Open the pink box."),
    "back": (" Now the tin box holds -- no, too early.", " Open the tin box -- no, too early."),
    "wrong": (" Now the blue box holds 6 marbles.", ""),
}


FAULTS = [
    ("red blue tin", "", None),
    ("red back blue tin", "", None),
    ("blue red tin", "not ready", 0),
    ("red tin blue", "not ready", 1),
    ("red red blue tin", "repeated", 1),
    ("red green blue tin", "needless", 1),
    ("red pink blue tin", "unknown", 1),
    ("red blue", "wrong target", 1),
    ("red blue tin back", "wrong target", 3),
    ("red wrong tin", "wrong arithmetic", 1),
    ("red back back blue tin", "format: too much is taken back", 2),
]
"""Solutions, what is wrong with each, and at which sentence."""


@pytest.mark.parametrize(
    ("modulus", "said", "reason", "step"),
    [(modulus, *case) for case in FAULTS for modulus in (7, 1) if modulus > 1 or "wrong" not in case[0]],
)
def test_what_is_wrong_with_a_solution_is_told(modulus, said, reason, step):
    task = story_task(modulus=modulus, needed=(1, 4))
    verdict = task.judge(solved(modulus), "".join(STEPS[word][modulus == 1] for word in said.split()))
    assert verdict.correct == (not reason)
    assert verdict.reason.startswith(reason)
    assert verdict.step == step


def test_answers_in_layouts_of_their_own():
    numbers, order = story_task(modulus=7), story_task(modulus=1)
    steps = "red box = 3\nblue box = red box + 2 = 3 + 2 = 5\ntin box = red box + blue box + 1 = 2\n**Answer: 2**"
    assert numbers.judge_as(solved(7), steps, "steps").correct
    assert not numbers.judge_as(solved(7), steps.replace("+ 2 = 3 + 2", "+ 3 = 3 + 2"), "steps").correct
    assert not numbers.judge_as(solved(7), steps.replace("blue box =", "green box ="), "steps").correct
    assert not numbers.judge_as(solved(7), "Answer: 2", "steps").correct
    assert numbers.judge_as(solved(7), "Answer: 2", "answer").correct
    assert not numbers.judge_as(solved(7), "Answer: 3", "answer").correct
    for said in ("1. the red box\n2. the blue box\n3. the tin box", "Answer: red box, blue box, tin box"):
        assert order.judge_as(solved(1), said, "answer").correct
        assert not order.judge_as(solved(1), said, "strict").correct
        assert not order.judge_as(solved(1), said.replace("blue", "green"), "answer").correct


@pytest.mark.parametrize("spec", ["stories-packs", "stories-retry30"])
def test_what_stands_around_a_solution_is_no_fault(spec):
    source = synthgen.load(spec)
    for row in source[:16]:
        bare = row["completion"].strip()
        for said in (bare, bare.removesuffix("."), f"\n{bare}</s>"):
            assert source.verify(row["prompt"], said).correct, said


def test_junk_in_prompts_is_told():
    task = story_task()
    circle = "The red box holds 1 more marble than the tin box. The tin box holds 1 more marble than the red box."
    asked = "How many marbles does the red box hold?"
    for prompt, reason in (
        (f"{circle} {asked}", "circle"),
        (f"The red box holds 1 marbles. {asked}", "is no given"),
        (f"The red box holds 7 marbles. {asked}", "is no given"),
        (f"The red box holds 1 marble.\n{asked}", "no question"),
        (f"The red box holds 1 marble. The red box holds 2 marbles. {asked}", "two lines"),
        (f"The tin box holds 1 marble. {asked}", "no line speaks"),
        ("The red box holds 1 marble. How many coins does the lamp cost?", "no question"),
        ("", "format"),
        (f"{RULE} The red box holds 1 marble. {asked}", "is no given"),
    ):
        verdict = task.judge(f"{RULE} {prompt}", STEPS["red"][0].replace("3 marbles", "1 marble"))
        assert not verdict.correct
        assert reason in verdict.reason, verdict.reason


def test_a_prompt_says_once_that_values_count_modulo_m():
    """With another modulus, elsewhere, or not at all, it is no prompt; stories about order have nothing to say."""
    story, task = "The red box holds 3 marbles. How many marbles does the red box hold?", story_task(needed=(1, 3))
    assert task.judge(f"{RULE} {story}", STEPS["red"][0]).correct
    for prompt in (story, f"{RULE.replace('7', '5')} {story}", story.replace(" How", f" {RULE} How")):
        verdict = task.judge(prompt, STEPS["red"][0])
        assert verdict.reason == f"format: a story of the pack boxes begins with {RULE!r}"
    for name in PACKS:
        assert not pack_of(name, True).rule(1)
        for modulus in (5, 23):
            rule = pack_of(name, False).rule(modulus)
            for row in rows_of(story_task(3, packs=[name], modulus=modulus), 6):
                assert row["prompt"].startswith(rule) and row["prompt"].count(rule) == 1 and f"{modulus}" in rule


def test_a_graph_for_networkx_and_latents_in_words():
    task, rows = mixed()
    for row in rows[:10]:
        graph, said = task.graph(row), task.decode(row)
        assert set(graph) == set(said["names"])
        assert {n for n in graph if graph.nodes[n]["necessary"]} == set(said["necessary"])
        assert [n for n in said["solution"] if graph.nodes[n]["query"]] == [said["query"]] == said["solution"][-1:]
        for thing, parents in said["parents"].items():
            assert set(graph.predecessors(thing)) == set(parents)
            assert graph.nodes[thing]["value"] == said["values"][thing]


# -- params -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"needed": [0, 3]}, "needed must be at least 1"),
        ({"needed": [5, 3]}, "the least and the most"),
        ({"names": 5}, "names = 5 is too few for 12 things"),
        ({"weights": [1]}, "weights"),
        ({"weights": [1, 0]}, "whole numbers from 1 to 1000"),
        ({"packs": []}, "name one or more of boxes"),
        ({"packs": ["code", "code"]}, "each once"),
        ({"packs": ["zoo"]}, "packs"),
        ({"retry": {"rate": 1.0}}, "retry rate"),
    ],
)
def test_params_that_cannot_be_are_refused_with_the_fix(params, reason):
    with pytest.raises(SynthgenError, match=re.escape(reason)):
        synthgen.load("stories-boxes", params=params)


def test_the_largest_stories_are_told():
    """Of 32 things the weights are scaled; no choice that can be has lost its weight."""
    task = story_task(needed=(20, 20), others=(12, 12), names=32, modulus=100)
    rows = rows_of(task, 8)
    assert all(task.verify(row).correct for row in rows)
    law, ways = GraphLaw((100, 12, 4, 1)), GraphLaw((100, 12, 4, 1))
    weights = law.following(0, 20, 1)
    assert sum(weights) < 2**31
    assert [bool(w) for w in weights] == [bool(ways._graphs(0, 19, t) * ways._ways(19, t, 1)) for t in range(1, 20)]


def test_bits_of_rows_are_those_of_their_stages():
    task, rows = mixed()
    for row in rows[:20]:
        story = task.reader.solved(row["prompt"], row["completion"])
        known, bits = set(), 0.0
        for _, name in story.places():
            bits += math.log2(len(story.ready(known)))
            known.add(name)
        assert row["bits"]["solution"] == pytest.approx(bits, abs=1e-9)
        surprisals = task.surprisals(row["prompt"] + row["completion"])
        assert surprisals.sum() == pytest.approx(row["bits"]["total"], abs=1e-6)
        completion = surprisals[len(row["prompt"]) :].sum()
        assert completion == pytest.approx(row["bits"]["solution"] + row["bits"]["retries"], abs=1e-6)
        assert np.isinf(task.surprisals(row["prompt"] + " Junk.")[-1])
    assert UNITS_PER_BIT == 2**40
