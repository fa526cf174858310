"""The certificate of a corpus finds each planted fault, and nothing in a sound corpus, of text or of tokens."""

import copy
import shutil

import pyarrow as pa
import pytest

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.spec.spec import load_spec

PEOPLE, ENTRIES = 400, 3


def corpus(row_format="document", spec="bios-multi5-permute"):
    sets = {"people": PEOPLE, "entries": ENTRIES, "row_format": row_format}
    source = synthgen.load(load_spec(spec, sets=sets))
    return source, source.batch(0, PEOPLE * ENTRIES).to_pylist()


def certify(source, rows):
    certificate = source.task().certificate(PEOPLE * ENTRIES)
    for start in range(0, len(rows), 500):
        certificate.add(pa.RecordBatch.from_pylist(rows[start : start + 500], schema=source.schema))
    return {what: (holds, figures) for what, holds, figures in certificate.findings()}


def failed(findings):
    return {what for what, (holds, _) in findings.items() if not holds}


@pytest.mark.parametrize("row_format", ["document", "tokens"])
@pytest.mark.parametrize("spec", ["bios-multi5-permute", "bios-rewrite5"])
def test_a_sound_corpus_is_certified(spec, row_format):
    if (spec, row_format) == ("bios-rewrite5", "tokens"):
        row_format = "document"
    findings = certify(*corpus(row_format, spec))
    assert not failed(findings), findings
    assert "400" in findings["people"][1]
    assert "3 / 3.00 / 3" in findings["exposures"][1]


def replace_span(row, kind, text):
    """Write something else where a span is, and move the spans behind it."""
    changed = copy.deepcopy(row)
    (span,) = changed["latent"]["spans"][kind]
    start, end = span["start"], span["end"]
    changed["text"] = row["text"][:start] + text + row["text"][end:]
    for spans in changed["latent"]["spans"].values():
        for other in spans:
            for edge in ("start", "end"):
                other[edge] += (len(text) - (end - start)) * (other[edge] >= end)
    return changed


def span_text(row, kind):
    (span,) = row["latent"]["spans"][kind]
    return row["text"][span["start"] : span["end"]]


def test_a_duplicated_name_is_found():
    source, rows = corpus()
    for entry in range(ENTRIES):
        place = next(i for i, row in enumerate(rows) if (row["latent"]["person"], row["latent"]["entry"]) == (3, entry))
        rows[place] = replace_span(rows[place], "name", span_text(rows[10], "name"))
    assert {"names unique", "people", "exposures"} <= failed(certify(source, rows))


def test_a_person_without_a_fact_is_found():
    source, rows = corpus()
    rows[17] = copy.deepcopy(rows[17])
    rows[17]["latent"]["spans"]["major"] = []
    findings = certify(source, rows)
    assert failed(findings) >= {"people complete"}
    assert findings["people complete"][1].startswith("1 row")


def test_a_changed_value_is_found():
    source, rows = corpus()
    rows[500] = replace_span(rows[500], "university", "Nowhere University")
    assert failed(certify(source, rows)) == {"names unique"}


def test_two_neighbouring_entries_of_a_person_are_found():
    source, rows = corpus()
    other = next(i for i, row in enumerate(rows) if i > 1 and row["latent"]["person"] == rows[0]["latent"]["person"])
    rows[1], rows[other] = rows[other], rows[1]
    assert failed(certify(source, rows)) == {"neighbours"}


def test_a_city_that_contradicts_the_employer_is_found():
    source, rows = corpus()
    person = rows[0]["latent"]["person"]
    city = span_text(rows[0], "company_city")
    other = next(span_text(row, "company_city") for row in rows if span_text(row, "company_city") != city)
    rows = [replace_span(row, "company_city", other) if row["latent"]["person"] == person else row for row in rows]
    assert failed(certify(source, rows)) == {"employer gives city"}


def test_an_uneven_marginal_is_found():
    source, rows = corpus()
    rows = [replace_span(row, "major", "Physics") if row["latent"]["person"] < 100 else row for row in rows]
    assert failed(certify(source, rows)) == {"major uniform"}


def test_a_missing_person_is_found():
    source, rows = corpus()
    rows = [row for row in rows if row["latent"]["person"] != 7]
    assert failed(certify(source, rows)) == {"people"}


def test_spans_of_text_that_is_not_ascii():
    source, rows = corpus()
    rows = [replace_span(row, "employer", f"Œuvre {span_text(row, 'employer')}") for row in rows]
    assert not failed(certify(source, rows))


def test_check_shows_the_certificate(tmp_path):
    source = synthgen.load("bios-multi2", params={"people": 50})
    synthgen.generate(source.spec, tmp_path / "data")
    findings = {finding.check: finding for finding in check_folder(tmp_path / "data")}
    assert findings["names unique"].ok
    assert findings["exposures"].detail.startswith("2 / 2.00 / 2")
    shutil.rmtree(tmp_path / "data")
    synthgen.generate(
        load_spec("bios-multi2", params={"people": 50}, sets={"splits.train.rows": 70}), tmp_path / "data"
    )
    assert all(finding.ok for finding in check_folder(tmp_path / "data")), "a part of a corpus is no fault"
