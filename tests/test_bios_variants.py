"""Variants of the biographies: orders, reversals, groups of people and compact token rows."""

import copy
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.spec import load_spec
from synthgen.tasks.bios.biographies.reading.probes import Probes
from synthgen.tasks.bios.world.lists import ATTRIBUTES, MONTHS

FIGURES = json.loads(Path(__file__).with_name("published_knowledge.json").read_text())["surface"]
SMALL = {"people": 40, "entries": 3}
TOY = dict.fromkeys(("first_names", "middle_names", "last_names"), 40) | {
    "months": 1,
    "days": 1,
    "years": 64,
    "birth_cities": 64,
    "universities": 64,
    "majors": 64,
    "employers": 64,
    "templates": 8,
}


def rows(n=120, **params):
    row_format = params.pop("row_format", "document")
    source = synthgen.load(load_spec("bios-single", params=SMALL | params, sets={"row_format": row_format}))
    return source, source.batch(0, n).to_pylist()


@pytest.mark.parametrize("reverse", [1, 2, 6])
def test_reversed_biographies_have_the_name_late(reverse):
    source, table = rows(reverse=reverse)
    for row in table:
        assert row["text"][:1].isupper()
        sentences = row["text"].rstrip(".").split(". ")
        ((start, end),) = [(span["start"], span["end"]) for span in row["latent"]["spans"]["name"]]
        assert row["text"][:start].count(". ") == reverse
        assert row["text"][start:end].count(" ") == 2
        assert len(sentences) == (7 if reverse == 6 else 6)
        assert re.search(r"\bthe person\b", sentences[0].lower())
        assert not re.search(r"\bthe person\b", ". ".join(sentences[1:]).lower())
        assert source.verify(row).correct


def test_a_name_too_early_is_found():
    forward, table = rows()
    backward, reversed_table = rows(reverse=6)
    assert not backward.verify(table[0]).correct
    assert not forward.verify(reversed_table[0]).correct


def test_couples_stay_together():
    source, table = rows(order="couple")
    orders = {tuple(row["latent"]["order"]) for row in table}
    assert orders == {
        tuple(x for pair in pairs for x in (2 * pair, 2 * pair + 1))
        for pairs in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    }
    assert all(source.verify(row).correct for row in table)
    assert math.isclose(source.entropy().books["order"].bits.value, math.log2(6))


WORDING = {
    "single": ("bios-single", {}),
    "single+permute1": ("bios-single-permute1", {}),
    "single+permute5": ("bios-single-permute5", {}),
    "multi2": ("bios-multi2", {}),
    "multi5": ("bios-multi5", {}),
    "multi5+permute": ("bios-multi5-permute", {}),
    "online_per_exposure": ("bios-online", {}),
    "couple1": ("bios-couple5", {"entries": 1}),
    "couple5": ("bios-couple5", {}),
    "bioS_simple": ("bios-simple", {}),
}
NO_MORE = {
    "fullname_adds": {"full_name": True},
    "reverse1/2/6_adds": {"reverse": 6},
    "order_flag_city_before_company": {"city_first": True},
}


@pytest.mark.parametrize("variant", WORDING)
def test_wording_of_a_person_is_the_published_one(variant):
    spec, params = WORDING[variant]
    source = synthgen.load(spec, params=params)
    entries = source.task().params.entries
    bits = source.entropy().bits * (entries if entries != "online" else 1)
    assert math.isclose(bits, FIGURES[variant], abs_tol=1e-6)


@pytest.mark.parametrize("variant", NO_MORE)
def test_variants_that_add_no_wording(variant):
    plain, other = (synthgen.load("bios-multi5", params=params).entropy().bits for params in ({}, NO_MORE[variant]))
    assert other - plain == FIGURES[variant] == 0


def test_the_company_city_may_come_first():
    _, table = rows(city_first=True)
    assert {tuple(row["latent"]["order"]) for row in table} == {(0, 1, 2, 3, 5, 4)}


def test_groups_are_ranges_of_one_world():
    _, everybody = rows(n=50, people=50, entries=1)
    _, group = rows(n=20, people=20, entries=1, first_person=30)
    known = {row["latent"]["person"]: row["latent"] for row in everybody}
    assert sorted(row["latent"]["person"] for row in group) == list(range(30, 50))
    for row in group:
        one, other = row["latent"], known[row["latent"]["person"]]
        assert all(one[field] == other[field] for field in ("name", "values", "pronoun"))


def test_contradictions_are_refused():
    with pytest.raises(SynthgenError, match="full_name"):
        rows(reverse=1, full_name=True)
    with pytest.raises(SynthgenError, match="more than the"):
        rows(first_person=160_000_000)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"order": "entry"},
        {"order": "person", "sentences": "once"},
        {"full_name": True},
        {"reverse": 2},
        {"reverse": 6, "order": "couple"},
        {"sizes": TOY, "order": "entry"},
    ],
    ids=str,
)
def test_compact_rows_are_the_documents_plans(params):
    """A compact row has the plan of the document of the same index, reads back, and says where everything stands."""
    source, table = rows(row_format="tokens", **params)
    _, documents = rows(**params)
    names = source.vocab.names
    for row, document in zip(table, documents, strict=True):
        assert source.verify(row).correct, source.verify(row).reason
        for field in ("person", "entry", "name", "values", "templates", "order"):
            assert row["latent"][field] == document["latent"][field]
        assert row["bits"] == document["bits"]
        for attribute in ATTRIBUTES:
            ((start, end),) = [(s["start"], s["end"]) for s in row["latent"]["spans"][attribute]]
            shown = " ".join(names[i] for i in row["input_ids"][start:end])
            ((a, b),) = [(s["start"], s["end"]) for s in document["latent"]["spans"][attribute]]
            assert shown.replace(",", "") == document["text"][a:b].replace(",", "")
    assert source.entropy().facts["pronoun_bits_a_person"] == 0, "a compact row shows no pronoun"


def test_compact_sizes():
    paper, _ = rows(row_format="tokens")
    assert paper.vocab.size < 65_536
    toy, table = rows(row_format="tokens", sizes=TOY, people=1000)
    assert len(table[0]["input_ids"]) == 15, "and with a begin and an end token, 17"
    assert toy.vocab.size == 3 + 6 * 8 + 3 * 40 + 5 * 64 + len(toy.task("train").lists.cities)


def test_planted_faults_in_compact_rows_are_found():
    source, table = rows(row_format="tokens", sizes=TOY, order="entry")
    generator = np.random.default_rng(0)
    for row in table:
        place = int(generator.integers(len(row["input_ids"])))
        changed = copy.deepcopy(row)
        changed["input_ids"][place] = (changed["input_ids"][place] + 1) % source.vocab.size
        assert not source.verify(changed).correct
        del changed["input_ids"][place]
        assert not source.verify(changed).correct


@pytest.mark.parametrize("spec", ["bios-multi5-permute", "bios-rewrite5"])
def test_probing_targets_are_what_stands_at_their_places(spec):
    source = synthgen.load(spec, params=SMALL)
    probes = Probes(source.task().lists)
    assert len(probes.classes) == 11
    assert probes.classes["birth_month"] == 12
    for row in source.batch(0, 60).to_pylist():
        text, targets = row["text"], probes.targets(row)
        assert probes.name(row) in text
        assert [place for _, place in probes.places(row)] == sorted(place for _, place in probes.places(row))
        for attribute, place in probes.places(row):
            if attribute == "birth_date":
                assert text[place:].startswith(MONTHS[targets["birth_month"]])
            else:
                assert text[place:].startswith(source.task().lists.value(attribute, targets[attribute]))
        assert all(0 <= targets[name] < size for name, size in probes.classes.items())
