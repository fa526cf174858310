"""Rewrites: every plan has a rank that is read back from the text, and the counts are the numbers of texts."""

import math
import random
from collections import Counter

import numpy as np
import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.tasks.bios.rewrites.language import PLAN, rank, read_language, unrank
from synthgen.tasks.bios.rewrites.writing.laws import natural_bits, natural_hidden
from synthgen.tasks.bios.world.lists import ATTRIBUTES

LANGUAGE = read_language(None)


def load(**params):
    return synthgen.load("bios-rewrite5", params=params)


def test_there_are_more_than_1e15_rewrites_of_a_person():
    assert 10**15 < LANGUAGE.size < 2**62
    assert load().entropy().facts["rewrites_a_person"] == str(LANGUAGE.size)


def test_rank_is_the_inverse_of_unrank():
    generator = random.Random(0)
    plan = np.zeros(PLAN, np.int64)
    for number in [0, 1, LANGUAGE.size - 1, *(generator.randrange(LANGUAGE.size) for _ in range(5000))]:
        unrank(LANGUAGE.counts, number, plan)
        assert rank(LANGUAGE.counts, plan) == number


@pytest.mark.parametrize("pronouns", [["he"], ["she"], ["they"], ["he", "she", "they"]], ids=" ".join)
@pytest.mark.parametrize("law", ["uniform", "natural"])
def test_ranks_are_read_back_from_the_text(law, pronouns):
    source = load(law=law, pronouns=pronouns, people=100)
    for row in source.batch(0, 150).to_pylist():
        verdict = source.verify(row)
        assert verdict.correct, (verdict.reason, row["text"])


def test_a_small_language_has_exactly_r_texts():
    """All ranks of a shrunk grammar give different texts, which are read back to their ranks."""
    source = load(clauses=1, references=["last"], people=1, entries=56_880, law="uniform")
    size = source.task().language.size
    assert size == 56_880
    rows = source.batch(0, size)
    texts = rows["text"].to_pylist()
    assert len(set(texts)) == size
    assert sorted(rows["latent"].field("rank").to_pylist()) == list(range(size))
    for row in rows.slice(0, 300).to_pylist():
        assert source.task().reader.read(row["text"])["rank"] == row["latent"]["rank"]


def test_no_person_has_a_rewrite_twice():
    rows = load(law="uniform", clauses=1, references=["last"], sentence_facts=1, people=3, entries=720).batch(0, 2160)
    ranks = Counter((row["person"], row["rank"]) for row in rows["latent"].to_pylist())
    assert len(ranks) == 2160
    assert set(ranks.values()) == {1}


def test_every_value_stands_exactly_once():
    source = load()
    lists = source.task().lists
    for row in source.batch(0, 2000).to_pylist():
        for attribute in ATTRIBUTES:
            value = lists.value(attribute, row["latent"]["values"][attribute])
            ((start, end),) = [(s["start"], s["end"]) for s in row["latent"]["spans"][attribute]]
            assert row["text"][start:end] == value
            assert row["text"].count(value) == 1


@pytest.mark.slow
def test_every_value_stands_exactly_once_in_100_000_rewrites():
    source = load()
    lists = source.task().lists
    for start in range(0, 100_000, 10_000):
        for row in source.batch(start, start + 10_000).to_pylist():
            for attribute in ATTRIBUTES:
                value = lists.value(attribute, row["latent"]["values"][attribute])
                ((a, b),) = [(s["start"], s["end"]) for s in row["latent"]["spans"][attribute]]
                assert row["text"][a:b] == value
                assert row["text"].count(value) == 1


def test_wording_says_nothing_of_the_facts():
    """Plans are the same whatever the people are: another world keeps every rank."""
    ranks = [
        {
            (row["person"], row["entry"]): row["rank"]
            for row in synthgen.load("bios-rewrite5", world=world, params={"people": 50})
            .batch(0, 250)["latent"]
            .to_pylist()
        }
        for world in (1, 2)
    ]
    assert ranks[0] == ranks[1]


def test_natural_bits_are_the_ledgers_mean():
    rows = load().batch(0, 20_000).to_pylist()
    bits = np.array([row["bits"]["wording"] for row in rows])
    error = bits.std() / math.sqrt(len(bits))
    assert abs(bits.mean() - natural_bits(LANGUAGE)) < 4 * error
    task = load().task()
    hidden = sum(task.reader.read(row["text"])["pronoun"] is None for row in rows[:2000]) / 2000
    p = natural_hidden(LANGUAGE)
    assert abs(hidden - p) < 4 * math.sqrt(p * (1 - p) / 2000)


def test_hidden_pronouns_of_a_uniform_law():
    source = load(law="uniform", entries="online")
    p = 1 - source.task().pronoun_shown
    rows = source.batch(0, 2000)["text"].to_pylist()
    hidden = sum(source.task().reader.read(text)["pronoun"] is None for text in rows) / 2000
    assert abs(hidden - p) < 4 * math.sqrt(max(p * (1 - p), 1e-4) / 2000)


def test_planted_faults_are_found():
    source = load(people=100)
    row = source.batch(7, 8).to_pylist()[0]
    assert source.verify(row).correct
    other = source.batch(8, 9).to_pylist()[0]
    text = row["text"]
    faults = [
        {**row, "text": text.replace(".", "", 1)},
        {**row, "text": text + " " + text},
        {**row, "text": other["text"]},
        {**row, "text": text.replace(" and ", " or ", 1)},
        {**row, "latent": row["latent"] | {"rank": row["latent"]["rank"] + 1}},
        {**row, "bits": {"total": 1.0, "wording": 2.0}},
        {**row, "difficulty": 5},
        {**row, "text": ""},
        {**row, "text": None},
        {**row, "text": "\0" * 100_000},
    ]
    for fault in faults:
        assert not source.verify(fault).correct


def test_refusals(tmp_path):
    with pytest.raises(SynthgenError, match="rewrites; take fewer entries"):
        load(law="uniform", clauses=1, references=["last"], sentence_facts=1, entries=721)
    own = tmp_path / "lists"
    own.mkdir()
    (own / "clauses.toml").write_text("[birth_date]\nfinite = ['x']\n")
    (tmp_path / "own.toml").write_text('task = "rewrites"\n[params]\nlists = "lists"\n[splits.train]\n')
    with pytest.raises(SynthgenError, match=r"clauses\.toml"):
        synthgen.load(tmp_path / "own.toml")
