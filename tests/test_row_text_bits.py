"""Bits of single texts: exact ones against enumeration, pairs of figures against what brute force knows on average."""

import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from helpers import loaded

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys
from synthgen.exact.tape import enumerate_tapes
from synthgen.spec.spec import load_spec
from synthgen.task.arrow import schema_of, to_batch
from synthgen.tasks import task_class
from synthgen.tasks.brevo import text_entropy
from synthgen.tasks.cfg.text_entropy import string_law


def walked(task, params):
    """All texts of a tiny configuration, by content: how likely each is, and one row that has it."""
    one = task_class(task)(task_class(task).Params.model_validate(params), Keys(0), Path())
    schema, law, rows = schema_of(one, one.row_format), defaultdict(float), {}
    for row, probability in enumerate_tapes(lambda tape: to_batch(one, schema, one.rows(0, 1, tape), 0).to_pylist()[0]):
        law[tuple(row["input_ids"])] += float(probability)
        rows[tuple(row["input_ids"])] = row
    return one, law, rows


@pytest.mark.parametrize(("task", "place"), [("cfg", 2), ("brevo", 1)])
def test_texts_that_several_choices_make(task, place):
    """Strings of several derivations, under noise and behind bags; nodes with as many names as there are."""
    one, law, rows = walked(task, task_class(task).tiny[place])
    assert any(one.row_text_bits(row)[0] < row["bits"]["total"] - 0.1 for row in rows.values())
    for said, probability in law.items():
        assert one.row_text_bits(rows[said]) == pytest.approx((-math.log2(probability),) * 2, abs=1e-9)


def test_graphs_of_too_many_sets_have_two_ends(monkeypatch):
    """On average over rows, what is exact lies between them; of small graphs the plain ones, of large ones estimates."""
    source = synthgen.load("brevo1-tiny")
    rows = [source.row(index) for index in range(60)]
    exact = np.array([source.row_text_bits(row) for row in rows])
    assert (exact[:, 0] == exact[:, 1]).all()
    assert (exact[:, 0] <= [row["bits"]["total"] + 1e-9 for row in rows]).all()
    monkeypatch.setattr(text_entropy, "graph_bits", lambda *_: None)  # as if there were too many sets
    plain = np.array([source.row_text_bits(row) for row in rows])
    assert (plain[:, 0] <= exact[:, 0] + 1e-9).mean() > 0.9
    monkeypatch.setattr(text_entropy, "SMALL", 1)
    estimated = np.array([source.row_text_bits(row) for row in rows])
    assert plain[:, 0].mean() < exact[:, 0].mean() < plain[:, 1].mean()
    less, more = (exact - estimated).T[0], (estimated - exact).T[1]
    assert min(less.mean() + 4 * less.std() / 60**0.5, more.mean() + 4 * more.std() / 60**0.5) > 0
    assert estimated[:, 1].mean() - estimated[:, 0].mean() < plain[:, 1].mean() - plain[:, 0].mean()


@pytest.mark.parametrize("name", ["cfg3b", "bios-multi5", "igsm-open", "brevo-open"])
def test_rows_that_show_all_have_what_is_booked(name):
    source = loaded(name)
    for row in source.batch(3, 6).to_pylist():
        assert source.row_text_bits(row) == source.row_text_bits(row["id"]) == (row["bits"]["total"],) * 2


def test_the_mean_of_an_ambiguous_grammar():
    """Of `lano-tiny` all strings are listed; a row's bits are its string's, and their mean is the entropy."""
    source = synthgen.load("lano-tiny")
    law = string_law(source.task().grammar)
    bits = [source.row_text_bits(row) for row in source.batch(0, 200).to_pylist()]
    for (low, high), row in zip(bits, source.batch(0, 200).to_pylist(), strict=True):
        assert low == high == pytest.approx(-math.log2(law[tuple(row["input_ids"])]), abs=1e-9)
    mean, spread = np.mean(bits), np.std([low for low, _ in bits]) / math.sqrt(len(bits))
    assert mean == pytest.approx(source.entropy().text.value, abs=5 * spread)


def test_questions_that_several_people_may_be_meant_by():
    source = synthgen.load("know-inverse-name", params={"people": 1000})
    for row in source.batch(0, 20).to_pylist():
        low, high = source.row_text_bits(row)
        assert low == high == source.surprisals(row).sum()


def test_a_tokenizer_changes_none():
    plain = synthgen.load("cfg-english")
    cut = synthgen.load(load_spec("cfg-english", sets={"tokenizer": "words", "row_format": "tokens"}))
    for index in range(5):
        assert cut.row_text_bits(index) == pytest.approx(plain.row_text_bits(index))


def test_rows_of_another_split_or_source_are_refused():
    source = synthgen.load("lano-tiny")
    with pytest.raises(SynthgenError, match="the row is not row 3 of the split"):
        source.row_text_bits(source.row(3, "test"))
    with pytest.raises(SynthgenError, match="the row is not row 0 of the split"):
        source.row_text_bits({"input_ids": [1, 2]})


@pytest.mark.parametrize(
    ("name", "params", "reason"),
    [
        ("igsm-med-pq", {"op": 20, "bins": "test", "reask": True}, "asked again hides the op"),
        ("igsm-med-pq", {"detail": 3}, r"params\.detail = 3"),
        ("cfg3f", {"length": 300}, "not proved unambiguous"),
        ("brevo1-tiny", {"fidelity": "paper", "nodes": 9}, "several nodes may be asked for"),
        ("know-inverse-name", {"questions": "each"}, "the same text"),
    ],
)
def test_why_there_are_none(name, params, reason):
    with pytest.raises(SynthgenError, match=f"/train has no bits of single texts: .*{reason}"):
        synthgen.load(load_spec(name, params=params)).row_text_bits(0)


@pytest.mark.slow  # most of its time compiles what the figures are made with
def test_retries_are_told_beside_what_a_problem_shows():
    """Of the same problem with and without them, the figures differ by what the row books for them and for letters."""
    clean, retried = synthgen.load("igsm-med-pq"), synthgen.load("igsm-med-retry50")
    for index in range(5):
        bits, plain = retried.row(index)["bits"], clean.row(index)["bits"]
        more = bits["retries"] + bits["letters"] - plain["letters"]
        ends = [end + more for end in clean.row_text_bits(index)]
        assert retried.row_text_bits(index) == pytest.approx(ends, abs=1e-9)


@pytest.mark.slow
def test_figures_of_the_shipped_laws():
    """Of train, test bins and a given op: near each other, and below what is booked; of train, about what is stated."""
    source = synthgen.load("igsm-med-pq")
    for split in ("train", "test", "op15"):
        rows = source.batch(0, 60, split).to_pylist()
        ends = np.array([source.row_text_bits(row, split) for row in rows])
        booked = np.mean([row["bits"]["total"] for row in rows])
        low, high = ends.mean(axis=0)
        assert low - 1 < high < booked
        assert high - low < 0.05 * high
        if split == "train":
            error = ends.std(axis=0).max() / math.sqrt(len(rows))
            text = source.entropy(estimates=False).text
            assert text.low - 4 * error <= (low + high) / 2 <= text.high + 4 * error
