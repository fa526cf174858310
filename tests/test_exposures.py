"""Unequal exposures: entries by a power law, in whole numbers that add up, in a world that stays as it is."""

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.spec import load_spec
from synthgen.tasks.bios.biographies.exposures import entries_by_rank, subject_bits, weights_by_rank
from synthgen.tasks.bios.world.reading.certificate import CorpusCertificate

PEOPLE, MEAN = 60, 10


def loaded(spec="bios-power", **params):
    return synthgen.load(load_spec(spec, params={"people": PEOPLE, "entries": MEAN, "power": 1.0} | params))


@pytest.mark.parametrize("power", [0.1, 0.75, 1.0, 1.5, 2.3, 4.0])
def test_weights_follow_the_power_law(power):
    ranks = np.arange(1, 2001)
    weights = weights_by_rank(2000, power)
    assert weights[0] == 2**40 and (np.diff(weights) <= 0).all()
    assert np.abs(weights - 2.0**40 * ranks.astype(float) ** -power).max() < 1 + 2**-8


@pytest.mark.parametrize(
    ("people", "entries", "power"), [(1, 5, 1.0), (7, 1, 1.0), (10, 3, 0.5), (50, 9, 1.0), (33, 40, 3.0)]
)
def test_entries_are_the_largest_remainders_of_the_law(people, entries, power):
    counts = entries_by_rank(people, entries, power).tolist()
    assert sum(counts) == people * entries and min(counts) >= 1 and counts == sorted(counts, reverse=True)
    weights = weights_by_rank(people, power).tolist()
    parts = [Fraction(people * (entries - 1) * weight, sum(weights)) for weight in weights]
    over = [count - 1 - part for count, part in zip(counts, parts, strict=True)]
    assert all(-1 < one < 1 for one in over), "each is its part, rounded down or up"
    up = [part % 1 for part, one in zip(parts, over, strict=True) if one > 0]
    down = [part % 1 for part, one in zip(parts, over, strict=True) if one <= 0 and part % 1]
    assert not up or not down or min(up) >= max(down), "up are those with the largest remainders"


def test_the_law_of_the_shipped_corpora():
    for name, least, most in (("bios-power", 9, 818_850), ("capo-tiny-power", 14, 13_227)):
        facts = synthgen.load(name).entropy().facts
        assert facts["exposures_a_person"] == {"least": least, "median": facts["exposures_a_person"]["median"],
                                               "mean": 100.0, "most": most}  # fmt: skip
        assert sum(facts["people_by_exposures"].values()) == facts["people"]


def test_a_corpus_has_everybody_as_often_as_stated_and_first_of_all_once():
    source, alike = loaded(), loaded(power=0.0)
    rows = source.batch(0, PEOPLE * MEAN).to_pylist()
    told = Counter(row["latent"]["person"] for row in rows)
    assert all(row["latent"]["exposures"] == told[row["latent"]["person"]] for row in rows)
    assert sorted(told.values(), reverse=True) == entries_by_rank(PEOPLE, MEAN, 1.0).tolist()
    assert list(told) != [person for person, _ in told.most_common()], "ranks are dealt out, not counted off"
    assert {row["latent"]["person"] for row in rows[:PEOPLE]} == set(range(PEOPLE))
    entries = Counter((row["latent"]["person"], row["latent"]["entry"]) for row in rows)
    assert set(entries.values()) == {1} and all(entry < told[person] for person, entry in entries)
    facts = {row["latent"]["person"]: (row["latent"]["name"], row["latent"]["values"]) for row in rows}
    assert facts == {r["latent"]["person"]: (r["latent"]["name"], r["latent"]["values"])
                     for r in alike.batch(0, PEOPLE).to_pylist()}  # fmt: skip
    assert "exposures" not in alike.row(0)["latent"]
    assert all(source.verify(row).correct for row in rows[:: PEOPLE // 3])


def test_the_world_and_the_wording_weigh_what_they_do_where_all_are_alike():
    uneven, alike = loaded().entropy(), loaded(power=0.0).entropy()
    assert {name: book.bits.value for name, book in uneven.books.items()} == {
        name: book.bits.value for name, book in alike.books.items()
    }
    counts = entries_by_rank(PEOPLE, MEAN, 1.0)
    shares = counts / counts.sum()
    bits = -math.fsum(shares * np.log2(shares))
    assert uneven.facts["subject_bits"] == pytest.approx(bits) and bits < math.log2(PEOPLE)
    assert uneven.floor.document.value == pytest.approx(uneven.bits + bits)
    assert subject_bits(counts, PEOPLE // 2) == math.log2(PEOPLE), "first entries come first"


def test_who_is_meant_costs_by_how_often_they_are_told_of():
    source = loaded("capo-tiny-power", people=40)
    counts = source.task().entries_by_person
    paid = {}
    for row in source.batch(0, 40).to_pylist():
        bits = source.task().surprisals(row["input_ids"])
        paid[row["latent"]["person"]] = bits.sum() - row["bits"]["total"]
    for person, bits in paid.items():
        assert bits == pytest.approx(-math.log2(counts[person] / counts.sum()), abs=1e-9)


def test_the_certificate_counts_what_everybody_has():
    source = loaded("capo-tiny-power", people=40, entries=4)
    batch, sizes = source.batch(0, 160), source.task().lists.sizes()

    def findings(unequal, *batches):
        certificate = CorpusCertificate(40, 4, sizes, unequal)
        for one in batches:
            certificate.add(one)
        return {what: holds for what, holds, _ in certificate.findings()}

    counts = entries_by_rank(40, 4, 1.0)
    assert all(findings(counts, batch).values())
    assert not findings(None, batch)["exposures"]
    assert not findings(entries_by_rank(40, 4, 1.5), batch)["exposures"]
    exposures = np.array(batch.column("latent").field("exposures"))
    most, other = int(exposures.argmax()), int(exposures.argmin())
    assert not findings(counts, batch.slice(0, other), batch.slice(other + 1), batch.slice(most, 1))["exposures"]
    certificate = source.task().certificate(160)
    certificate.add(batch)
    assert all(holds for _, holds, _ in certificate.findings())


def test_stated_exposures_are_held_against_the_law():
    source = loaded()
    row = source.row(100)
    row["latent"]["exposures"] += 1
    assert "exposures" in source.verify(row).reason


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"entries": "online"}, r"power = 1\.0: entries that add up are of a finite corpus"),
        ({"people": 2**20 + 1}, r"entries are laid out for 1,048,576 people at most"),
        ({"power": -1.0}, r"power = -1\.0: should be greater than or equal to 0"),
    ],
)
def test_params_that_do_not_go_together_are_told(params, message):
    with pytest.raises(SynthgenError, match=message):
        loaded(**params).task()
