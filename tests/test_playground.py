"""The Canon playground as one suite: its specs and sizes, the two small tasks, alphabets, and accuracy by stratum."""

import math
from pathlib import Path

import numpy as np
import pytest
from helpers import loaded

import synthgen
from synthgen.cli.listing import print_listing, shipped_listing
from synthgen.errors import SynthgenError
from synthgen.exact.entropy import log2_sum
from synthgen.spec.spec import shipped_specs, specs_folder
from synthgen.task.kit.accuracy import Accuracy, by
from synthgen.task.kit.alphabet import Alphabet
from synthgen.task.verdict import Verdict

LISTED = shipped_listing()
"""What `synthgen list` tells: see test_snapshots."""

TASKS = Path(synthgen.__file__).parent / "tasks"
PAPER_SIZES = {
    "depo1": ("nodes", [225, 300, 375]),
    "depo2": ("nodes", [75, 100, 125]),
    "brevo1": ("nodes", [70, 90, 110]),
    "brevo2": ("nodes", [30, 40, 50]),
    "mano": ("operations", [10, 13, 16]),
}


def test_the_suite_has_the_sizes_of_the_paper_and_tiny_ones():
    names = {entry["name"] for entry in LISTED if entry["suite"] == "Canon playground"}
    for family, (field, sizes) in PAPER_SIZES.items():
        assert f"{family}-tiny" in names
        for size in sizes:
            name = f"{family}-{'l' if family == 'mano' else 'n'}{size}"
            assert name in names
            source = loaded(name)
            assert getattr(source.task().params, field) == size
            assert source.spec.title.count(str(size)) and source.spec.task_class.paper == "2512.17351"
            for split in source.splits[1:]:
                assert (
                    set(source.batch(0, 50, split).column("difficulty").to_pylist()) == {size} or family[:5] == "brevo"
                )
                law = source.task(split).sizes.law if field == "nodes" else {source.task(split).params.exactly: 1}
                assert list(law) == [size]
    assert {"lano-f", "lano-j", "lano-k", "lano-tiny", "capo", "capo-tiny", "copy", "copy-tiny"} <= names
    for n in (225, 300, 375):
        assert synthgen.load(f"depo1-n{n}").splits == ["train", "test_k8", "test_k4", "test_k2", "test_k1"]
    assert synthgen.load("depo2-n75").task("test_k8").params.asked == [8]


def test_list_shows_the_suite_together(capsys):
    print_listing(LISTED)
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("Canon playground"))
    assert len(lines[at + 1 :]) >= 28 and all(line.strip() for line in lines[at:])
    assert not any(line.startswith(("depo", "brevo", "mano", "lano", "capo")) for line in lines[:at])
    assert {(line.split() or [""])[0] for line in lines} >= set(shipped_specs())


@pytest.mark.parametrize("name", ["copy", "recall"])
def test_a_small_task_takes_under_120_lines_with_its_spec(name):
    files = (TASKS / f"{name}.py", specs_folder() / f"{name}.toml")
    assert sum(len(file.read_text().splitlines()) for file in files) < 120


def test_copies_and_recalls_are_right():
    copy, recall = synthgen.load("copy"), synthgen.load("recall")
    for row in copy.batch(0, 50).to_pylist():
        ids = row["input_ids"]
        assert ids[:500] == ids[501:] and sorted(ids[:500]) == list(range(3, 503)) and ids[500] == 503
        assert math.isclose(row["bits"]["total"], math.log2(math.factorial(500)), abs_tol=1e-9)
    for row in recall.batch(0, 50).to_pylist():
        ids = row["input_ids"]
        known = dict(zip(ids[:128:2], ids[1:128:2], strict=True))
        assert len(known) == 64 and sorted(ids[128::2]) == sorted(known)
        assert [known[key] for key in ids[128::2]] == ids[129::2]
        assert row["completion_mask"] == [i >= 128 and i % 2 == 1 for i in range(256)]
    ids = copy.row(0)["input_ids"]
    assert copy.verify(ids[:501], ids[501:]).correct
    verdict = copy.verify(ids[:501], [*ids[501:700], ids[0], *ids[701:]])
    assert not verdict.correct and verdict.step == 199 and verdict.score == 499 / 500
    assert copy.verify(ids[:501], []).step == 0
    ids = recall.row(0)["input_ids"]
    assert recall.verify(ids[:128], ids[128:]).correct
    wrong = [*ids[128:131], ids[133], *ids[132:]]
    assert recall.verify(ids[:128], wrong).step == 1
    for junk in ("", "x", None, [10**9], [[1]], [5, 5]):
        for source, at in ((copy, 501), (recall, 128)):
            row = source.row(1)["input_ids"]
            assert not source.verify(row[:at], junk if junk is not None else "").correct
            assert not source.verify(junk or "", row[at:]).correct
    for name, params in (("recall", {"keys": 63}), ("copy", {"tokens": 1}), ("recall", {"values": 1})):
        with pytest.raises(SynthgenError):
            synthgen.load(name, params=params)


def test_alphabets():
    published = Alphabet.of([("a", 5), ("b", 9000)], 9999, 9995, 0)
    compact = Alphabet.of([("a", 5), ("b", 9000)], 9999, 9995, 0, "compact")
    assert published.ids.tolist() == [9999, 9995, 0, 5, 9000] and compact.ids.tolist() == [0, 1, 2, 3, 4]
    assert published.read([5, 9000]) == compact.read([3, 4]) == [3, 4]
    assert (published.vocab.size, compact.vocab.size, published.vocab.bos) == (10_000, 5, 9999)
    assert compact.vocab.names[4] == "b"
    for junk in ("ab", b"ab", None, 5, [6], [True], [5.0], [None]):
        with pytest.raises(ValueError):
            published.read(junk)
    with pytest.raises(ValueError):
        Alphabet.of([("a", 5), ("b", 5)], 1, 2, 3)


@pytest.mark.parametrize("name", ["depo1-n225", "depo2-n75", "brevo1-n70", "brevo2-n30", "brevo-open", "mano-l10"])
def test_every_id_of_a_row_is_in_the_vocabulary_with_a_name_of_its_own(name):
    source = loaded(name)
    vocab = source.vocab
    assert len(set(vocab.names.values())) == len(vocab.names)
    assert len({vocab.bos, vocab.eos, vocab.pad}) == 3
    seen = set(source.batch(0, 300).column("input_ids").values.to_pylist())
    assert seen <= set(vocab.names) - {vocab.bos, vocab.eos, vocab.pad}


def test_accuracy_by_hops_depth_and_size():
    source = synthgen.load("depo1-n225")
    rows = source.batch(0, 50).to_pylist()
    verdicts = [source.verify(row["input_ids"], []) for row in rows]
    assert all(v.reason == "no query is answered" for v in verdicts)
    verdicts = [source.verify(row) for row in rows]
    table = by(verdicts, "hops")
    assert list(table) == [*map(str, range(1, 9)), "all"]
    assert (
        sum(own.of for key, own in table.items() if key != "all")
        == table["all"].of
        == sum(len(r["latent"]["hops"]) for r in rows)
    )
    assert table["all"].share == 1.0
    brevo = synthgen.load("brevo1-n70")
    verdicts = [brevo.verify(row) for row in brevo.batch(0, 60).to_pylist()] + [Verdict.wrong("unread")]
    assert list(by(verdicts, "depth"))[-2:] == ["unread", "all"]
    assert by(verdicts, "listed")["all"] == Accuracy(60, 61)


def test_wilson_intervals():
    low, high = Accuracy(10, 100).interval
    assert math.isclose(low, 0.0552291, abs_tol=1e-6) and math.isclose(high, 0.1743657, abs_tol=1e-6)
    assert Accuracy(0, 5).interval[0] == 0.0 and Accuracy(5, 5).interval[1] == 1.0


def test_sums_of_tiny_powers():
    assert math.isclose(log2_sum([-5000.0, -5000.0]), -4999.0)
    assert math.isclose(log2_sum(np.array([0.0, 1.0])), math.log2(3))
