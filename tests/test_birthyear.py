"""Birth years in context: answers of plain dicts, and nothing beside the facts that could answer."""

import math
import re
from collections import Counter

import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.spec import load_spec


def source_of(people, hops, **params):
    instruction = {} if hops == 1 else {"instruction": "Read on."}
    spec = load_spec("birthyear-5-1", params={"people": people, "hops": hops, **instruction, **params})
    return synthgen.load(spec)


def plainly(prompt):
    """Return the answer by the text alone: who is asked about, and what it says of them, until it says a year."""
    *_, facts, question = prompt.split("\n\n")
    said = dict(re.findall(r"(\S+ \S+ \S+)'s birth year is (\d{4})\.", facts))
    said |= dict(re.findall(r"(\S+ \S+ \S+) has the same birth year as (\S+ \S+ \S+)\.", facts))
    at = re.fullmatch(r"What is the birth year of (\S+ \S+ \S+)\? Answer:", question)[1]
    steps = 0
    while at in said:
        at, steps = said[at], steps + 1
    return at, steps, said


@pytest.mark.parametrize(("people", "hops", "junk"), [(5, 1, 0), (3, 2, 0), (3, 2, 20), (4, 4, 7)])
def test_the_answer_is_where_the_text_leads(people, hops, junk):
    source = source_of(people, hops, junk=junk, asked="any")
    firsts = 0
    for row in source.batch(0, 60).to_pylist():
        year, steps, said = plainly(row["prompt"])
        assert row["completion"] == f" {year}."
        assert steps == hops == row["difficulty"] and len(said) == people * hops
        assert Counter(row["latent"]["years"]) == Counter(int(told) for told in said.values() if told.isdigit())
        assert len(set(row["latent"]["years"])) == people and all(
            1950 <= year < 2010 for year in row["latent"]["years"]
        )
        spans = [(span["start"], span["end"]) for span in row["latent"]["spans"]["fact"]]
        assert all("birth year" in row["prompt"][start:end] for start, end in spans)
        rest = "".join(c for i, c in enumerate(row["prompt"]) if not any(start <= i < end for start, end in spans))
        assert (
            rest.count(".") >= junk
            and not re.search(r"\d", rest)
            and not any(name in rest.split("\n\n")[0] for name in said)
        )
        firsts += row["latent"]["asked"] == 0
    assert 0 < firsts < 60


def test_as_released_the_first_of_the_last_group_is_asked_about():
    for name, people in (("birthyear-5-1", 5), ("birthyear-3-2", 3)):
        source = synthgen.load(name)
        for row in source.batch(0, 40).to_pylist():
            said = plainly(row["prompt"])[2]
            assert row["prompt"].split("year of ")[-1].startswith(list(said)[-people])
    assert source.entropy().facts["guess_among_those_told"] == 1 / 3


def test_facts_are_hidden_everywhere_in_the_junk():
    source = synthgen.load("birthyear-3-2")
    assert [source.entropy(split).facts["sentences"] for split in source.splits] == [6, 6, 68, 130, 254, 378]
    places = Counter()
    for row in source.batch(0, 40, "junk_1k").to_pylist():
        sentences = row["prompt"].split("\n\n")[1].split(". ")
        assert len(sentences) == 68
        places.update(i // 17 for i, sentence in enumerate(sentences) if "birth year" in sentence)
    assert sum(places.values()) == 240 and min(places.values()) > 30


def test_bits_by_their_formulas():
    entropy = source_of(3, 3, junk=10, asked="any").entropy()
    names = math.prod(400 * 400 * 1000 - k for k in range(9))
    bits = {"names": math.log2(names), "years": math.log2(60 * 59 * 58), "links": 2 * math.log2(6)}
    bits |= {"question": math.log2(3), "places": math.log2(math.comb(19, 9))}
    for book, value in bits.items():
        assert entropy.books[book].bits.value == pytest.approx(value, rel=1e-12)
    assert entropy.status == "exact" and entropy.world.value == 0


def test_answers_are_judged_by_the_text():
    source = source_of(3, 2, junk=5)
    row = source.row(0)
    year = plainly(row["prompt"])[0]
    assert source.reward([row["prompt"]] * 4, [f" {year}.", year, f" {year}.\n", f" {int(year) + 1}."]) == [1, 1, 1, 0]
    assert source.verify(row["prompt"], year).parts[0]["difficulty"] == 2
    lost = row["prompt"].replace("'s birth year is", "'s birth year was")
    assert "is told nowhere" in source.verify(lost, year).reason
    name = re.search(r"year of (.*)\?", row["prompt"])[1]
    circle = re.sub(
        rf"{name} has the same birth year as [^.]+\.", f"{name} has the same birth year as {name}.", row["prompt"]
    )
    assert "is told nowhere" in source.verify(circle, year).reason


def test_a_row_that_says_something_else_is_refused():
    source = source_of(3, 2, junk=5)
    row = source.row(3)
    name = re.search(r"year of (.*)\?", row["prompt"])[1]
    stranger = re.sub(r"(\. |\n\n)(\S+ \S+ \S+)(?= (?:has|had|was|worked|held) )", rf"\1{name}", row["prompt"], count=1)
    for fault in (
        {"prompt": row["prompt"].replace("birth year is 1", "birth year is 2", 1)},
        {"prompt": row["prompt"].replace("Read on.", "Read it.")},
        {"prompt": stranger},
        {"completion": " 1949."},
    ):
        assert (row | fault) != row
        assert not source.verify(row | fault).correct


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"people": 20, "years": 19}, r"years = 19: 20 people are born in different ones"),
        ({"sizes": {"first_names": 1, "middle_names": 1, "last_names": 4}}, r"4 full names, 5 are needed"),
        ({"instruction": " Read."}, r"no space around it"),
    ],
)
def test_params_that_do_not_go_together_are_told(params, message):
    with pytest.raises(SynthgenError, match=message):
        synthgen.load(load_spec("birthyear-5-1", params=params)).task()
