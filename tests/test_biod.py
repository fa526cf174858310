"""bioD and capacity: the paper's bounds and ratios, and rows that read back."""

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.task.kit.capacity import Knowledge, gpt2_parameters

FIGURES = json.loads(Path(__file__).with_name("published_knowledge.json").read_text())["bioD"]
NAMES, S0 = 160_000_000, 2 * 67_200 * 200 * 300 * 100 * 263


@pytest.mark.parametrize("figures", FIGURES, ids=lambda f: "-".join(str(f[x]) for x in "NKCDLT"))
def test_world_bits_are_the_published_ones(figures):
    source = synthgen.load("biod", params={x: figures[x] for x in "NKCDLT"})
    entropy = source.entropy()
    books = {name: book.bits.value for name, book in entropy.books.items()}
    assert math.isclose(books["names"], figures["name_bits"], rel_tol=1e-9)
    assert math.isclose(books["values"], figures["value_bits"], rel_tol=1e-12)
    assert math.isclose(books["strings"], figures["diversity_bits"], rel_tol=1e-9)
    assert math.isclose(books["order"], figures["surface_bits_sentence_order"], rel_tol=1e-12)
    assert math.isclose(entropy.facts["world_bits"], figures["total_bits"], rel_tol=1e-9)
    assert math.isclose(entropy.facts["world_paper_bits"], figures["paper_Rmax_total"], rel_tol=1e-9)


@pytest.mark.parametrize(
    ("layers", "heads", "people", "published"),
    [(16, 8, 2_000_000, 2.07), (6, 20, 5_000_000, 2.15), (20, 16, 10_000_000, 2.02), (25, 20, 20_000_000, 2.04)],
)
def test_the_largest_ratios_of_the_paper(layers, heads, people, published):
    knowledge = Knowledge(people, NAMES, math.log2(S0))
    assert abs(knowledge.ratio_max(gpt2_parameters(layers, heads)) - published) < 0.006


def test_a_model_that_knows_all_reaches_the_bounds():
    knowledge = Knowledge(20_000, NAMES, 5 * math.log2(100), 5, 100, math.log2(1000))
    p1 = math.log(20_000)
    assert math.isclose(knowledge.stored(p1, 0), knowledge.bits)
    assert math.isclose(knowledge.stored_paper(p1, 0), knowledge.paper_bits)
    assert math.isclose(knowledge.ratio(10**6, p1, 0), knowledge.ratio_max(10**6))
    assert knowledge.bound(p1, 0) < knowledge.stored_paper(p1, 0) < knowledge.stored(p1, 0)
    # one nat more of each loss costs log2 e bits for every person, and for every string
    assert math.isclose(knowledge.stored(p1, 0) - knowledge.stored(p1 + 1, 0), 20_000 / math.log(2), rel_tol=1e-9)
    assert math.isclose(knowledge.bound(p1, 0) - knowledge.bound(p1, 0, 1), 500 / math.log(2), rel_tol=1e-9)
    # a model that knows nothing stores nothing: its losses are those of uniform guesses
    nothing = knowledge.stored_paper(math.log(NAMES), 5 * math.log(100), math.log(1000 / 100))
    assert abs(nothing) < 1e-6 * knowledge.bits


def test_chunks_are_different_and_uniform():
    source = synthgen.load("biod", params={"K": 40, "D": 7, "L": 1, "T": 8, "N": 10})
    strings = source.task().strings[:, :, 0]
    assert all(len(set(row)) == 7 for row in strings.tolist())
    counts = np.bincount(strings.reshape(-1), minlength=8)
    assert counts.sum() == 280
    assert counts.min() > 20, "35 are expected of each"


@pytest.mark.parametrize("params", [{}, {"C": 3, "L": 4, "T": 50}, {"entries": "online", "K": 1}], ids=str)
def test_rows_read_back_and_faults_are_found(params):
    source = synthgen.load("biod", params={"N": 50, **params})
    world = {}
    for row in source.batch(0, 200).to_pylist():
        assert source.verify(row).correct, source.verify(row).reason
        known = world.setdefault(row["latent"]["person"], (row["latent"]["name"], row["latent"]["values"]))
        assert known == (row["latent"]["name"], row["latent"]["values"])
        for place in range(len(row["input_ids"])):
            changed = copy.deepcopy(row)
            changed["input_ids"][place] += 1
            assert not source.verify(changed).correct
    assert not source.verify({"input_ids": []}).correct


@pytest.mark.parametrize("params", [{}, {"C": 3, "L": 4, "T": 50}, {"K": 1, "names": [3, 5, 7]}], ids=str)
def test_english_says_what_the_tokens_say(params):
    """The same rows as sentences: read back, spans and all, and every changed letter is found."""
    params = {"N": 50, **params}
    tokens, english = (synthgen.load(name, params=params) for name in ("biod", "biod-english"))
    rng = np.random.default_rng(1)
    for plain, row in zip(tokens.batch(0, 25).to_pylist(), english.batch(0, 25).to_pylist(), strict=True):
        assert english.verify(row), english.verify(row).reason
        latent, text = row["latent"], row["text"]
        assert {key: latent[key] for key in plain["latent"]} == plain["latent"]
        assert row["bits"] == plain["bits"]
        (name,) = ((span["start"], span["end"]) for span in latent["spans"]["name"])
        assert text[slice(*name)].count(" ") == 2
        assert name[0] == 0
        assert text[name[1] :].startswith("'s ID ")
        values = [text[span["start"] : span["end"]] for span in latent["spans"]["value"]]
        assert (
            text.removesuffix(".").split(". Their ")[0]
            == f"{text[: name[1]]}'s ID {latent['order'][0] + 1} is {values[0]}"
        )
        assert (
            text
            == f"{text[: name[1]]}'s "
            + ". Their ".join(
                f"ID {attribute + 1} is {value}" for attribute, value in zip(latent["order"], values, strict=True)
            )
            + "."
        )
        assert " ".join(values).split() == [f"v{i}" for i in said_tokens(plain["input_ids"], tokens)]
        for place in rng.choice(len(text), 12, replace=False):
            for letter in "x7 ":
                changed = text[:place] + letter + text[place + 1 :]
                assert changed == text or not english.verify({**row, "text": changed}).correct
    assert english.entropy().bits == tokens.entropy().bits
    assert not english.verify({**row, "text": "Nobody"}).correct
    with pytest.raises(SynthgenError, match=r"names = \[401, 1, 1\]: English rows have at most \[400, 400, 1000\]"):
        synthgen.load("biod-english", params={"names": [401, 1, 1], "N": 5})


def said_tokens(ids, source):
    """Return the tokens of the values in a row of ids, numbered from 0."""
    params = source.spec.base_params
    first = 4 + params.K + sum(params.names)
    return [i - first for i in ids if i >= first]


def test_refusals():
    with pytest.raises(SynthgenError, match="full names"):
        synthgen.load("biod", params={"N": 10, "names": [1, 3, 3]})
    with pytest.raises(SynthgenError, match="take a smaller D"):
        synthgen.load("biod", params={"D": 1001})
