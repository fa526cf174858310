"""Rows made anew: what is in itself sound, and not what the spec gives, is found by `check`, whatever it is."""

import re
import shutil
from dataclasses import replace

import pytest
from helpers import replant, run

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.remaking import REMADE_ROWS, Remaking
from synthgen.dataset.trust import trusted_fields

SPECS = {"cfg": "cfg3b", "mano": "mano-tiny", "mixture": "cfg-curriculum", "copy": "copy-tiny"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A small folder of each task, and one of another seed, which is as sound."""
    folder = tmp_path_factory.mktemp("sound")
    for task, spec in SPECS.items():
        split = "test" if "test" in synthgen.load(spec).splits else "fresh:test"
        synthgen.generate(spec, folder / task, splits=[split], rows=200, shards=3)
        synthgen.generate(spec, folder / f"{task}-seed", splits=[split], rows=200, shards=3, seed=1, world=0)
    return folder


@pytest.fixture(params=SPECS)
def folder(request, sound, tmp_path):
    return shutil.copytree(sound / request.param, tmp_path / request.param)


def remade(folder, **options):
    (finding,) = [finding for finding in check_folder(folder, **options) if finding.check == "made anew"]
    return finding


def test_all_rows_of_a_small_folder_are_made_anew(folder):
    finding = remade(folder)
    assert finding.ok
    assert finding.detail == "200 rows (all rows), every column the same"


def test_a_dataset_of_another_seed_is_found(folder, sound):
    other = sound / f"{folder.name}-seed"
    shutil.rmtree(folder / "data")
    shutil.copytree(other / "data", folder / "data")
    replace(Manifest.read(folder), shards=Manifest.read(other).shards).write(folder)
    assert re.search(r"row 0: .* is .* \(anew: .*\)", remade(folder).detail)
    assert not remade(folder).ok


def with_ids(rows):
    for number, row in enumerate(rows):
        row["id"] = number


def _swapped(rows):
    rows[3], rows[40] = rows[40], rows[3]
    with_ids(rows)


def _doubled(rows):
    rows[40] = {**rows[3]}
    with_ids(rows)


def _repeated(rows):
    rows[:] = [{**rows[5]} for _ in rows]
    with_ids(rows)


@pytest.mark.parametrize("change", [_swapped, _doubled, _repeated])
def test_rows_in_the_wrong_place_are_found(folder, change):
    replant(folder, change)
    finding = remade(folder)
    assert not finding.ok
    assert finding.detail.startswith("row ")


@pytest.mark.parametrize("index", [0, 1, 2])
def test_one_field_anywhere_is_found_and_named(folder, index):
    def change(rows):
        rows[len(rows) // 2]["difficulty"] += 1

    replant(folder, change, index)
    assert re.fullmatch(r"row \d+: difficulty is \d+ \(anew: \d+\)", remade(folder).detail)


def test_some_columns_alone_are_compared_as_well(tmp_path):
    synthgen.generate("copy-tiny", tmp_path / "some", splits=["test"], rows=50, columns=["input_ids"], format="parquet")
    assert remade(tmp_path / "some").ok
    replant(tmp_path / "some", lambda rows: rows.reverse())
    assert remade(tmp_path / "some").detail.startswith("row 0: input_ids")


def test_books_that_no_reader_derives_are_found(tmp_path):
    synthgen.generate("igsm-med-qp", tmp_path / "igsm", splits=["test"], rows=40)
    books = ("op", "structure", "operators", "solution_order")

    def more(rows):
        for row, book in zip(rows, books, strict=False):
            row["bits"][book] += 0.5
            row["bits"]["total"] += 0.5

    replant(tmp_path / "igsm", more)
    findings = {finding.check: finding for finding in check_folder(tmp_path / "igsm", 1.0)}
    assert not findings["made anew"].ok
    assert re.match(r"row 0: bits.total is .*, bits.op is .* \(anew: ", findings["made anew"].detail)


def test_what_cannot_be_made_anew_is_said_with_what_is_taken_on_trust(sound, tmp_path, monkeypatch):
    synthgen.generate("igsm-med-qp", tmp_path / "igsm", splits=["test"], rows=20)
    source = synthgen.load("igsm-med-qp")
    trusted = trusted_fields(source, "test", source.batch(0, 16, "test").to_pylist())
    assert "bits.structure" in trusted
    assert not {"bits.total", "difficulty", "prompt", "completion"} & set(trusted)
    monkeypatch.setattr(source.spec.task_class, "version", 99)
    finding = remade(tmp_path / "igsm")
    assert finding.detail.startswith("no row: they are of version ")
    assert finding.detail.endswith(f"and this is version 99; taken on trust: {', '.join(trusted)}")
    assert all(finding.ok for finding in check_folder(tmp_path / "igsm")), "of an earlier version, and sound"


def test_without_a_sample_every_column_is_taken_on_trust(sound):
    detail = remade(sound / "copy", sample=0).detail
    assert detail == "no row: --sample 0; taken on trust: id, input_ids, completion_mask, difficulty, bits, latent"


def test_of_many_rows_blocks_of_every_shard_are_made_anew():
    source, rows, shards = synthgen.load("copy-tiny"), 5 * REMADE_ROWS, 16
    remaking, size = Remaking(source, "train", rows, None), rows // shards
    compared = []
    for start in range(0, rows, 4096):
        shard = range(start // size * size, start // size * size + size)
        blocks = list(remaking._blocks(start, 4096, shard, "seed"))
        assert blocks == list(remaking._blocks(start, 4096, shard, "seed")), "the same file, the same rows"
        compared += [(start + begin, start + end) for begin, end in blocks]
    taken = {row for begin, end in compared for row in range(begin, end)}
    assert REMADE_ROWS <= len(taken) <= 1.01 * REMADE_ROWS
    assert all({first, first + size - 1} <= taken for first in range(0, rows, size)), "the edges of every shard"
    starts = [(begin % 4096) for begin, end in compared if end - begin > 1]
    assert len(set(starts)) > len(starts) // 2, "nobody knows them before there is a file"

    twisted = source.batch(4096, 8192, "train").slice(0, 4095)
    remaking.add(twisted, 0, range(rows), "seed")
    assert remaking.faults[0].startswith("row 0: id is 4096 (anew: 0)")


def test_the_command_says_so(sound, tmp_path):
    folder = shutil.copytree(sound / "mano", tmp_path / "mano")
    replant(folder, _swapped)
    done = run("check", folder)
    assert done.returncode == 1
    assert "made anew" in done.stdout


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 20))])
def test_one_row_is_no_fault(seed, tmp_path):
    synthgen.generate("cfg-english", tmp_path / "one", splits=["train"], rows=1, seed=seed)
    assert [finding for finding in check_folder(tmp_path / "one") if not finding.ok] == []


def test_a_column_made_on_request_is_compared_too(tmp_path):
    columns = [*synthgen.load("mano-tiny").schema.names, "token_bits"]
    synthgen.generate("mano-tiny", tmp_path / "data", splits=["fresh:test"], rows=40, columns=columns, workers=1)
    assert all(finding.ok for finding in check_folder(tmp_path / "data"))

    def fault(rows):
        rows[0]["token_bits"][0] += 0.5

    replant(tmp_path / "data", fault)
    assert [f.check for f in check_folder(tmp_path / "data") if not f.ok] == ["made anew"]
