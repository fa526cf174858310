"""Values that no row can hold, in any column of a shard: a finding, and a sentence of whoever reads them."""

import shutil
from dataclasses import replace

import pyarrow as pa
import pytest

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.shards import read_batches
from synthgen.errors import CheckFailed, SynthgenError
from synthgen.publish.card import write_card
from synthgen.task.files import file_sha256
from synthgen.windowing.folder_rows import FolderRows

SPECS = {"copy": "copy-tiny", "mixture": "cfg-curriculum", "igsm": "igsm-med-qp", "bios": "bios-multi5-permute"}
ROWS = 30


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    for task, spec in SPECS.items():
        synthgen.generate(spec, folder / task, splits=["train"], rows=ROWS, shards=1)
    return folder


def plant(folder, batch):
    """Write a batch as the folder's only shard, whatever it holds, with a file hash and a seal that fit."""
    stated = Manifest.read(folder)
    (shard,) = stated.shards
    path = folder / shard.path
    beside = folder / "new.arrow"  # the batch may still be mapped from the shard
    with pa.OSFile(str(beside), "wb") as file, pa.ipc.new_stream(file, batch.schema) as writer:
        writer.write_batch(batch)
    beside.replace(path)
    forged = replace(shard, bytes=path.stat().st_size, sha256=file_sha256(path))
    replace(stated, shards=[forged]).write(folder)


def changed(value, path, new):
    """Return a row with `new` at a path of fields and places."""
    if not path:
        return new
    step, *rest = path
    if isinstance(step, int):
        return [*value[:step], changed(value[step], rest, new), *value[step + 1 :]]
    return {**value, step: changed(value[step], rest, new)}


INT64, NONE = 2**63 - 1, None
CRAFTED = [
    *[("copy", ["bits", book], value) for book in ("total", "order") for value in (float("nan"), float("inf"))],
    *[("copy", ["bits", "order"], value) for value in (NONE, -1.0, 1e308, 2.0**24)],
    *[("copy", [column], NONE) for column in ("id", "input_ids", "completion_mask", "difficulty", "bits", "latent")],
    *[("copy", ["id"], value) for value in (-1, INT64, -INT64 - 1)],
    *[("copy", ["input_ids", 0], value) for value in (NONE, 2**16 - 1)],
    *[("copy", [column], []) for column in ("input_ids", "completion_mask")],
    *[("mixture", ["latent", "kind"], value) for value in (NONE, -100, -128, 127)],
    *[("mixture", ["latent", "row"], value) for value in (NONE, -1, INT64)],
    ("mixture", ["latent", "cfg3f"], NONE),
    *[("igsm", ["latent", "template"], value) for value in (NONE, "", "zz" * 16, "²" * 16, "0" * 9999)],
    *[("igsm", ["prompt"], value) for value in (NONE, "", "\x00")],
    *[("bios", ["latent", "spans", "name", 0, "start"], value) for value in (NONE, -1, 2**31 - 1, -(2**31))],
    *[("bios", ["latent", "spans", "name"], []), ("bios", ["latent"], NONE)],
    *[("bios", ["latent", "person"], value) for value in (NONE, -1, INT64)],
]  # fmt: skip


def crafted_id(case):
    return f"{'.'.join(map(str, case[1]))}={str(case[2])[:12]}"


@pytest.mark.parametrize("case", CRAFTED, ids=crafted_id)
@pytest.mark.parametrize("sample", [None, 0], ids=["sample", "no sample"])
def test_whatever_a_column_holds_is_a_finding(case, sample, sound, tmp_path):
    task, path, value = case
    folder = shutil.copytree(sound / task, tmp_path / task)
    (batch,) = read_batches(next((folder / "data").iterdir()))
    rows = batch.to_pylist()
    rows[5] = changed(rows[5], path, value)
    plant(folder, pa.RecordBatch.from_pylist(rows, batch.schema))
    assert [finding for finding in check_folder(folder, sample) if not finding.ok]


def test_text_that_is_no_utf_8_is_a_finding_and_no_card(sound, tmp_path):
    folder = shutil.copytree(sound / "igsm", tmp_path / "igsm")
    (batch,) = read_batches(next((folder / "data").iterdir()))
    junk = pa.array([b"\xff\xfe"] * ROWS, pa.binary()).view(pa.string())
    place = batch.schema.names.index("prompt")
    plant(
        folder,
        pa.RecordBatch.from_arrays([*batch.columns[:place], junk, *batch.columns[place + 1 :]], schema=batch.schema),
    )
    found = [finding for finding in check_folder(folder) if not finding.ok]
    assert any("holds broken values" in finding.detail for finding in found)
    with pytest.raises(CheckFailed):
        write_card(folder, pictures=False)
    with pytest.raises(SynthgenError, match="broken values"):
        list(read_batches(folder / Manifest.read(folder).shards[0].path))


def _no_list(rows):
    rows[5]["input_ids"] = None


def _no_token(rows):
    rows[5]["input_ids"][0] = None


def _strange_token(rows):
    rows[5]["input_ids"][0] = 65_535


def _no_mask(rows):
    rows[5]["completion_mask"] = None


@pytest.mark.parametrize("change", [_no_list, _no_token, _strange_token, _no_mask])
def test_windows_refuse_rows_that_are_none(change, sound, tmp_path):
    folder = shutil.copytree(sound / "copy", tmp_path / "copy")
    (batch,) = read_batches(next((folder / "data").iterdir()))
    rows = batch.to_pylist()
    assert FolderRows(folder, "train", None).read(0, ROWS).ids.size
    change(rows)
    plant(folder, pa.RecordBatch.from_pylist(rows, batch.schema))
    with pytest.raises(SynthgenError, match=r"train-00000-of-00001.arrow: .*(empty|65535)"):
        FolderRows(folder, "train", None).read(0, ROWS)


@pytest.mark.parametrize("damage", ["other columns", "fewer rows", "cut", "missing"])
def test_a_shard_that_is_another_is_told_by_whoever_opens_it(damage, sound, tmp_path):
    folder = shutil.copytree(sound / "copy", tmp_path / "copy")
    path = folder / Manifest.read(folder).shards[0].path
    (batch,) = read_batches(path)
    if damage == "other columns":
        plant(folder, batch.rename_columns([f"x{name}" for name in batch.schema.names]))
    elif damage == "fewer rows":
        plant(folder, batch.slice(0, 10))
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:300])
    else:
        path.unlink()
    with pytest.raises(SynthgenError, match="train-00000"):
        FolderRows(folder, "train", None).read(0, ROWS)
    with pytest.raises(SynthgenError, match="train-00000"):
        synthgen.open(folder)
