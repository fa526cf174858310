"""Mixtures: exact quotas in every block, components' own rows in their own order, curricula that turn where they say."""

import dataclasses
import itertools
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import synthgen
from synthgen.dataset.manifest import Manifest
from synthgen.errors import SynthgenError
from synthgen.exact.draw import Draw, Keys
from synthgen.exact.entropy import entropy_of, log2_binomial
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec, spec_of_table

from helpers import SPECS, run  # isort: skip


def mixture(*components, row_format="document", **params):
    table = {"task": "mixture", "row_format": row_format, "params": {"component": list(components), **params}}
    return Source(spec_of_table(table, "mixed", Path()))


def kinds_of(source, start, stop):
    latent = source.batch(start, stop).column("latent")
    return latent.field("kind").to_pylist(), latent.field("row").to_pylist()


def test_quotas_are_exact_in_every_block():
    source = mixture({"spec": "bios-online", "weight": 0.8}, {"spec": "bios-single", "weight": 0.2})
    block = source.task().slots.block
    assert block % 5 == 0
    kinds, places = kinds_of(source, 0, 7 * block)
    for b in range(7):
        assert Counter(kinds[b * block : (b + 1) * block]) == {0: block * 4 // 5, 1: block // 5}
    for kind in (0, 1):
        own = [place for k, place in zip(kinds, places, strict=True) if k == kind]
        assert own == list(range(len(own))), "each row of a component once, in its own order"
    assert kinds[:block] != kinds[block : 2 * block]
    assert source.entropy().facts["row_shares"] == {"bios_online": 0.8, "bios_single": 0.2}


def test_the_arrangement_is_the_one_that_plain_draws_give():
    source = mixture({"spec": "bios-online", "weight": 1}, {"spec": "bios-single", "weight": 2}, block=12)
    kinds, _ = kinds_of(source, 0, 36)
    for b in range(3):
        draw, left, expected = Draw(Keys(0).split("mixture"), entity=12 * b), [4, 8], []
        for remaining in range(12, 0, -1):
            expected.append(0 if draw.below(remaining) < left[0] else 1)
            left[expected[-1]] -= 1
        assert kinds[12 * b : 12 * b + 12] == expected
    bits = source.batch(0, 12).column("bits").field("kind").to_pylist()
    assert sum(bits) == pytest.approx(np.log2(495), abs=1e-9), "C(12, 4) arrangements"
    assert source.entropy().books["kind"].bits.value == pytest.approx(np.log2(495) / 12)


def test_a_row_is_the_components_row():
    source = mixture(
        {"spec": "bios-multi5", "weight": 2, "domain": "<useful> "},
        {"spec": "cfg3f-cut50", "weight": 1},
        row_format="prompt-completion",
    )
    own = [synthgen.load("bios-multi5"), synthgen.load("cfg3f-cut50")]
    for row in source.batch(500, 560).to_pylist():
        kind, place = row["latent"]["kind"], row["latent"]["row"]
        theirs = own[kind].row(place)
        if kind == 0:
            assert (row["prompt"], row["completion"]) == ("", "<useful> " + theirs["text"])
            spans = row["latent"]["spans"]["name"]
            assert [s["start"] for s in spans] == [s["start"] + 9 for s in theirs["latent"]["spans"]["name"]]
            assert row["latent"]["person"] == theirs["latent"]["person"]
            assert row["latent"]["cfg3f_cut50"] is None
        else:
            assert (row["prompt"], row["completion"]) == (theirs["prompt"], theirs["completion"])
            assert row["latent"]["person"] is None
        for book, bits in theirs["bits"].items():
            assert book == "total" or row["bits"][book] == bits
        assert row["difficulty"] == theirs["difficulty"]
        assert source.verify(row).correct


def test_a_curriculum_turns_at_the_stated_row():
    source = synthgen.load("cfg-curriculum")
    start = source.spec.params["stage"][0]["start"]
    block = source.task().slots.block
    before, _ = kinds_of(source, start - block, start)
    after, places = kinds_of(source, start, start + block)
    assert Counter(before) == {0: block * 3 // 4, 1: block // 4}
    assert Counter(after) == {0: block // 4, 1: block * 3 // 4}
    assert places[after.index(0)] == start * 3 // 4, "the components go on where they were"
    assert places[after.index(1)] == start // 4
    whole = source.batch(start - 100, start + 100)
    assert source.batch(start - 7, start + 9).equals(whole.slice(93, 16))


def test_finite_corpora_are_mixed_whole_by_default():
    params = {"people": 60}
    source = mixture(
        {"spec": "bios-multi5", "params": params}, {"spec": "bios-single", "params": params, "split": "test"}
    )
    assert source.rows_max() == 360
    kinds, places = kinds_of(source, 0, 360)
    assert sorted(zip(kinds, places, strict=True)) == [(0, i) for i in range(300)] + [(1, i) for i in range(60)]
    assert 360 % source.task().slots.block == 0
    with pytest.raises(IndexError):
        source.row(360)
    endless = mixture(
        {"spec": "bios-single", "params": params, "weight": 1}, {"spec": "bios-online", "params": params, "weight": 1}
    )
    kinds, places = kinds_of(endless, 0, 512)
    assert [p for k, p in zip(kinds, places, strict=True) if k == 0][58:62] == [58, 59, 0, 1], "it goes round"


def test_shares_of_tokens_go_by_the_components_lengths():
    source = mixture(
        {"spec": "cfg3b", "weight": 1}, {"spec": "cfg3e1", "weight": 3}, row_format="tokens", unit="tokens"
    )
    batch = source.batch(0, 20_480)
    sizes = Counter()
    for kind, length in zip(
        batch.column("latent").field("kind").to_pylist(), np.diff(batch.column("input_ids").offsets), strict=True
    ):
        sizes[kind] += int(length)
    share = sizes[1] / sum(sizes.values())
    assert share == pytest.approx(0.75, abs=0.01)
    assert source.entropy().facts["size_shares"]["cfg3e1"] == pytest.approx(share, abs=0.01)


def test_vocabularies_merge_and_domains_are_tokens():
    same = mixture({"spec": "cfg3b", "weight": 1, "domain": "<b>"}, {"spec": "cfg3f", "weight": 1}, row_format="tokens")
    vocab, base = same.vocab, synthgen.load("cfg3b").vocab
    assert vocab.size == base.size + 1
    assert vocab.names[base.size] == "<b>"
    assert (vocab.bos, vocab.eos, vocab.pad) == (base.bos, base.eos, base.pad)
    apart = mixture({"spec": "cfg3b", "weight": 1}, {"spec": "cfg3e2", "weight": 1}, row_format="tokens")
    assert apart.vocab.size == base.size + synthgen.load("cfg3e2").vocab.size
    for source, offsets in ((same, (0, 0)), (apart, (0, base.size))):
        for row in source.batch(0, 20).to_pylist():
            part = source.task().components[row["latent"]["kind"]]
            theirs = part.task.rows(row["latent"]["row"], row["latent"]["row"] + 1, source._state).content.ids.tolist()
            ids = row["input_ids"]
            if part.domain:
                assert ids[0] == base.size
                ids = ids[1:]
            assert [i - offsets[row["latent"]["kind"]] for i in ids] == theirs
            assert source.verify(row).correct
    masked = mixture({"spec": "cfg3f", "weight": 1}, {"spec": "cfg3f-cut50", "weight": 1}, row_format="tokens")
    for row in masked.batch(0, 20).to_pylist():
        assert sum(not m for m in row["completion_mask"]) == (50 if row["latent"]["kind"] else 0)
        assert masked.verify(row).correct


def test_the_spec_beside_the_data_stands_for_itself(tmp_path):
    out, again = tmp_path / "a", tmp_path / "b"
    synthgen.generate("cfg-curriculum", out=out, splits=["test"], rows=600, workers=1)
    synthgen.generate(out / "spec.toml", out=again, workers=1)
    first, second = (json.loads((folder / "manifest.json").read_text()) for folder in (out, again))
    assert first["content_id"] == second["content_id"]
    assert [s["sha256"] for s in first["shards"]] == [s["sha256"] for s in second["shards"]]
    share = first["splits"]["test"]["component_rows"]
    kinds = Counter(synthgen.open(out)["test"][k]["latent"]["kind"] for k in range(600))
    assert share == {"cfg3b": kinds[0], "cfg3f": kinds[1]}
    sizes = Counter()
    for row in synthgen.open(out)["test"]:
        sizes[row["latent"]["kind"]] += len(row.get("input_ids") or row.get("text"))
    assert first["totals"]["component_sizes"] == {"test": {"cfg3b": sizes[0], "cfg3f": sizes[1]}}
    done = run("check", out)
    assert done.returncode == 0, done.stdout
    manifest = Manifest.read(out)
    wrong = dataclasses.replace(manifest.shards[0], sizes={"0": sizes[0] + 1, "1": sizes[1]})
    dataclasses.replace(manifest, shards=[wrong, *manifest.shards[1:]]).write(out)
    done = run("check", out)
    assert done.returncode == 1 and "component sizes" in done.stdout, done.stdout
    assert load_spec("cfg-curriculum").content_id != load_spec("cfg-curriculum", seed=1).content_id


@pytest.mark.parametrize(
    ("components", "extra", "message"),
    [
        ([{"spec": "bios-online"}], {}, "has no weight; leave all of them out"),
        ([{"spec": "bios-single"}, {"spec": "bios-single", "weight": 1, "name": "b"}], {}, "has no weight"),
        ([{"spec": "cfg3f", "weight": 1}, {"spec": "cfg3f", "weight": 1}], {"row_format": "tokens"}, "its own name"),
        ([{"spec": "bios-rewrite5", "weight": 1}], {"row_format": "tokens"}, "does not go into a mixture"),
        ([{"spec": "bios-sngle", "weight": 1}], {}, "no spec named 'bios-sngle'"),
        ([{"spec": "bios-single", "weight": 0}], {}, "not all 0"),
        ([{"spec": "bios-single", "weight": 1, "params": {"peple": 3}}], {}, "peple"),
        (
            [{"spec": "bios-single", "weight": 3}],
            {"block": 0, "stage": [{"start": 5, "weights": [1]}]},
            "for example 256",
        ),
        ([{"spec": "bios-single", "weight": 3}], {"stage": [{"start": 5, "weights": [1, 2]}]}, "give 1 weights"),
        ([{"spec": "bios-single", "weight": 1}, {"spec": "bios-online", "weight": 70001}], {}, "simpler ratios"),
        (
            [{"spec": "bios-single", "weight": 1}, {"spec": "bios-online", "weight": 2}],
            {"block": 10},
            "a multiple of 3 rows",
        ),
        ([{"spec": "bios-single", "weight": 1, "version": 99}], {}, "is of version 99"),
        ([], {}, "component"),
    ],
)
def test_mistakes_are_told(components, extra, message):
    with pytest.raises(SynthgenError, match=message):
        mixture(*components, **extra).task()


def test_windows_of_one_component_each(tmp_path):
    parts = [{"spec": "cfg3f", "weight": 4, "domain": "<f>"}, {"spec": "cfg3b", "weight": 1}]
    source = mixture(*parts, row_format="tokens", unit="windows")
    fields = ["input_ids", "kinds", "row_ids"]
    batches = list(itertools.islice(iter(synthgen.windows(source, 100, batch_size=10, fields=fields)), 20))
    for batch in batches:
        assert (batch["kinds"] == batch["kinds"][:, :1]).all()
        assert Counter(batch["kinds"][:, 0].tolist()) == {0: 8, 1: 2}
    spec = tmp_path / "mixed.toml"
    spec.write_text(source.spec.to_toml())
    synthgen.generate(spec, out=tmp_path / "data", splits=["train"], rows=5000, workers=1)
    streamed = synthgen.windows(source, 100, rows=5000, epochs=1, batch_size=4, fields=fields)
    stored = synthgen.windows(tmp_path / "data", 100, epochs=1, batch_size=4, fields=fields)
    number = 0
    for a, b in itertools.zip_longest(streamed, stored):
        number += a["input_ids"].shape[0]
        for name in fields:
            assert np.array_equal(a[name], b[name]), name
    assert number * 100 - streamed.totals["padding"] == streamed.totals["tokens"]
    tokens = len(source.batch(0, 5000).column("input_ids").flatten())
    assert streamed.totals["tokens"] == tokens + 5000, "every token and end is predicted once, of both components"
    assert streamed.totals == stored.totals


def test_rows_are_interleaved_where_rows_are_counted():
    source = mixture({"spec": "cfg3f", "weight": 1}, {"spec": "cfg3b", "weight": 1}, row_format="tokens")
    batch = next(iter(synthgen.windows(source, 2000, batch_size=4, fields=["input_ids", "kinds"])))
    assert (batch["kinds"].min(axis=1) == 0).all()
    assert (batch["kinds"].max(axis=1) == 1).all()


def test_spans_of_token_rows_move_behind_their_marks():
    source = mixture(
        {"spec": "bios-single", "weight": 1, "domain": "<useful>"}, {"spec": "cfg3f", "weight": 1}, row_format="tokens"
    )
    own = Source(load_spec("bios-single", sets={"row_format": "tokens"}))
    for row in source.batch(0, 40).to_pylist():
        assert source.verify(row).correct, source.verify(row).reason
        theirs = own.row(row["latent"]["row"])["latent"]["spans"] if row["latent"]["kind"] == 0 else {}
        for kind, spans in row["latent"]["spans"].items():
            assert spans == [{"start": s["start"] + 1, "end": s["end"] + 1} for s in theirs.get(kind, [])]


def test_worlds_are_counted_once():
    people = {"people": 1000}
    single = synthgen.load("bios-single", params=people).entropy().world.value
    same = mixture({"spec": "bios-single", "params": people}, {"spec": "bios-multi5", "params": people})
    assert same.entropy().world.value == pytest.approx(single)
    apart = mixture(
        {"spec": "bios-single", "params": people}, {"spec": "bios-multi5", "params": people | {"first_person": 1000}}
    )
    first, second = apart.entropy().books["names"].bits, apart.entropy().books["bios_multi5.names"].bits
    names = synthgen.load("bios-single").entropy().facts["full_names"]
    assert first.value == pytest.approx(log2_binomial(names, 1000))
    assert second.value == pytest.approx(log2_binomial(names - 1000, 1000)), "of the names that are left"
    assert apart.entropy().world.value == pytest.approx(2 * single - first.value + second.value)
    assert apart.entropy().world.status == "exact"
    partly = mixture(
        {"spec": "bios-single", "params": people}, {"spec": "bios-multi5", "params": people | {"first_person": 500}}
    )
    assert partly.entropy().world.status == "bracket"


@pytest.mark.parametrize("nested", [False, True])
def test_names_of_two_crowds_are_counted_together(nested):
    """Over all ways to deal out four names: as many pairs of sets as the books say."""
    sizes = dict.fromkeys(("middle_names", "months", "days", "years"), 1) | {"first_names": 2, "last_names": 2}
    crowds = [
        {"name": name, "spec": "bios-single", "params": {"people": people, "first_person": first, "sizes": sizes}}
        for name, first, people in (("one", 0, 1), ("two", 1, 2), ("three", 3, 1))
    ]
    if nested:
        table = {"task": "mixture", "row_format": "document", "params": {"component": crowds[1:]}}
        crowds = [crowds[0], {"name": "others", "spec": table}]
    entropy = mixture(*crowds).entropy()
    deals = {(deal[:1], frozenset(deal[1:3]), deal[3:]) for deal in itertools.permutations(range(4))}
    names = [book.bits for name, book in entropy.books.items() if name.split(".")[-1] == "names"]
    assert math.fsum(bits.value for bits in names) == pytest.approx(math.log2(len(deals)))
    assert {bits.status for bits in names} == {"exact"}


def test_what_belongs_to_nobody_is_counted_once():
    """The majors of one world have one ranking, whoever is asked about them."""
    params = {"people": 100, "major_ranks": "drawn"}
    specs = [
        {"name": f"from_{n}", "weight": 1, "spec": "know-subtract-major", "params": params | {"first_person": n}}
        for n in (0, 100)
    ]
    books = mixture(*specs, row_format="prompt-completion").entropy().books
    assert "ranks" in books
    assert not any(name.endswith(".ranks") for name in books)


PERMUTED = {"task": "copy", "params": {"tokens": 3}}
MET = {"spec": "bios-online", "params": {"people": 1000}}
STRANGERS = {"spec": "bios-online", "params": {"people": 1000, "first_person": 1000}}


@pytest.mark.parametrize(
    ("one", "other", "row_format", "told"),
    [
        ({"spec": PERMUTED}, {"spec": PERMUTED}, "tokens", False),
        ({"spec": PERMUTED}, {"spec": PERMUTED, "domain": "<d>"}, "tokens", True),
        ({"spec": PERMUTED, "domain": "<d>"}, {"spec": PERMUTED, "domain": "<d>"}, "tokens", False),
        ({"spec": PERMUTED}, {"spec": "recall-tiny"}, "tokens", True),  # vocabularies one behind the other
        (MET, MET, "document", False),
        (MET, MET, "tokens", False),
        (MET, STRANGERS, "document", True),
        (MET, STRANGERS, "tokens", True),
        (MET | {"domain": "<a>"}, MET | {"domain": "<b>"}, "document", True),
        (MET | {"domain": "<a>"}, MET | {"domain": "<a>b"}, "document", False),
        (MET, MET | {"domain": "<a>"}, "document", False),  # not proved: a text might begin so
        (MET, {"spec": "qa-extract", "params": {"people": 1000}}, "prompt-completion", True),
        (MET, STRANGERS | {"weight": 0}, "document", True),
        (MET, MET | {"weight": 0}, "document", True),  # nothing but the one
    ],
)
def test_the_kind_is_shown_or_the_bits_are_a_bound(one, other, row_format, told):
    named = [{"weight": 1} | spec | {"name": name} for spec, name in ((one, "one"), (other, "other"))]
    entropy = mixture(*named, row_format=row_format).entropy(estimates=False)
    assert (entropy.status == "exact") == told, entropy.text
    assert told or "do not show their kind" in entropy.text.reason


def test_equal_rows_of_two_components_are_one_text():
    """Six texts, and no more: their entropy is log2 6, though the books hold the component too."""
    source = mixture({"spec": PERMUTED, "name": "a", "weight": 3}, {"spec": PERMUTED, "name": "b", "weight": 1},
                     row_format="tokens")  # fmt: skip
    texts = Counter(tuple(ids) for ids in source.batch(0, 30_000).column("input_ids").to_pylist())
    shown, entropy = entropy_of(texts.values()), source.entropy()
    assert shown == pytest.approx(math.log2(6), abs=1e-3)
    assert entropy.status == "bracket" and entropy.text.low - 1e-9 <= math.log2(6) <= entropy.text.high
    assert entropy.bits > shown + 0.5


@pytest.mark.parametrize("task", [task for task in SPECS if task != "mixture"])
def test_every_task_can_be_a_component(task):
    """Beside one of the same, whatever its latent holds (recall's holds nothing), rows are as they are alone."""
    spec, alone = SPECS[task], synthgen.load(SPECS[task])
    row_format = alone.spec.row_format
    parts = [{"spec": spec, "name": "a", "weight": 2}, {"spec": spec, "name": "b", "weight": 1, "domain": "<|b|>"}]
    source = mixture(*parts, row_format=row_format)
    content = [name for name in ("input_ids", "text", "prompt", "completion") if name in source.schema.names]
    for row in source.batch(0, 30).to_pylist():
        assert source.verify(row).correct, source.verify(row).reason
        if row["latent"]["kind"] == 0:
            theirs = alone.row(row["latent"]["row"])
            assert [row[name] for name in content] == [theirs[name] for name in content]


def test_a_mixture_that_is_all_one_component_has_its_facts():
    one, other = {"spec": "bios-single", "weight": 1}, {"spec": "bios-multi5", "params": {"first_person": 100_000}}
    facts = mixture(one, other | {"weight": 0}).entropy().facts
    assert facts["attribute_bits"] == synthgen.load("bios-single").entropy().facts["attribute_bits"]
    assert facts["row_shares"] == {"bios_single": 1.0, "bios_multi5": 0.0}
    assert "attribute_bits" not in mixture(one, other | {"weight": 1}).entropy().facts
