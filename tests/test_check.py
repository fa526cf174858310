"""The checker finds each planted fault, names it, and passes on what is sound."""

import hashlib
import io
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import manifest, replant, run

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.overlap import _among
from synthgen.dataset.shards import Summary, read_batches
from synthgen.errors import SynthgenError


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Two small datasets of two splits each, made once."""
    folder = tmp_path_factory.mktemp("sound")
    synthgen.generate("bios-multi5", folder / "bios", params={"people": 120}, shards=2)
    synthgen.generate("bios-multi5", folder / "bios", params={"people": 120}, splits=["fresh:other"], rows=300)
    synthgen.generate("cfg3b", folder / "cfg", splits=["train", "test"], rows=600, shards=2)
    return folder


@pytest.fixture(params=["bios", "cfg"])
def folder(request, sound, tmp_path):
    return shutil.copytree(sound / request.param, tmp_path / request.param)


def faults(folder, **options):
    return [f"{f.check}: {f.subject}: {f.detail}" for f in check_folder(folder, **options) if not f.ok]


def test_sound_folders_pass(folder):
    findings = check_folder(folder, sample=1.0)
    assert all(finding.ok for finding in findings)
    checks = {finding.check for finding in findings}
    assert checks >= {"hash", "schema", "rows", "content hash", "bits", "re-derived", "ledger = formula", "shared rows"}
    done = run("check", folder, "--json")
    assert done.returncode == 0
    assert all(finding["ok"] for finding in json.loads(done.stdout))


def test_one_flipped_bit_is_named(folder):
    path = sorted((folder / "data").iterdir())[1]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert [f for f in faults(folder) if f.startswith(f"hash: data/{path.name}: was changed")]
    done = run("check", folder)
    assert done.returncode == 1
    assert path.name in done.stdout


def test_a_missing_a_short_and_a_strange_file(folder):
    first, second, *_ = sorted((folder / "data").iterdir())
    second.write_bytes(second.read_bytes()[:-100])
    first.rename(folder / "data" / "stray.arrow")
    found = "\n".join(faults(folder))
    assert f"file: data/{first.name}: is missing" in found
    assert f"hash: data/{second.name}: has" in found
    assert "no other file: data/: data/stray.arrow" in found


@pytest.mark.parametrize("container", ["arrow", "arrow-file", "parquet"])
def test_a_shard_of_any_length_is_a_finding(container, tmp_path):
    """Cut anywhere, empty, or whole but without a row: a sentence, whoever reads it (a generator's end is none)."""
    synthgen.generate("cfg3b", tmp_path / "data", splits=["train"], rows=40, shards=1, format=container)
    (path,) = (tmp_path / "data" / "data").iterdir()
    whole, schema = path.read_bytes(), next(iter(read_batches(path))).schema
    cuts = [*range(12), *range(12, len(whole), len(whole) // 40)]
    bare = io.BytesIO()
    if container == "parquet":
        pq.write_table(schema.empty_table(), bare)
    else:
        (pa.ipc.new_stream if container == "arrow" else pa.ipc.new_file)(bare, schema).close()
    for junk in [*(whole[:cut] for cut in cuts), bare.getvalue()]:
        path.write_bytes(junk)
        assert faults(tmp_path / "data")
        with pytest.raises(SynthgenError, match="not a whole shard"):
            list(read_batches(path))


def _new_value(rows):
    row = rows[100]
    if "text" in row:
        span = row["latent"]["spans"]["birth_city"][0]
        city = row["text"][span["start"] : span["end"]]
        row["text"] = row["text"].replace(city, "Gotham, NJ")
    else:
        row["input_ids"][3] = row["input_ids"][3] % 3 + 1


def _other_latent(rows):
    latent = rows[7]["latent"]
    if "derivation" in latent:
        latent["derivation"][5] ^= 1
    else:
        latent["values"]["major"] = (latent["values"]["major"] + 1) % 100


PLANTED = {
    "a value": (_new_value, "re-derived"),
    "a latent": (_other_latent, "re-derived"),
    "bits of a row": (lambda rows: rows[3]["bits"].update(total=1.0), "re-derived"),
    "a difficulty": (lambda rows: rows[3].update(difficulty=0), "re-derived"),
    "an id": (lambda rows: rows[3].update(id=5), "re-derived"),
    "a lost row": (lambda rows: rows.pop(), "rows"),
    "bits of all rows": (
        lambda rows: [r["bits"].update({b: v * 1.5 for b, v in r["bits"].items()}) for r in rows],
        "ledger",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_forged_rows_are_found_though_all_hashes_agree(folder, name):
    change, check = PLANTED[name]
    replant(folder, change)
    found = faults(folder, sample=1.0)
    assert any(f.startswith(check) for f in found), found


def test_a_forged_sum_of_bits_is_found(folder):
    stated = manifest(folder)
    stated["shards"][0]["bits"]["total"] += 1
    (folder / "manifest.json").write_text(json.dumps(stated))
    assert [f for f in faults(folder) if f.startswith("bits:")]


def test_a_forged_entropy_and_a_forged_spec_are_found(folder):
    stated = manifest(folder)
    stated["splits"]["train"]["entropy"]["bits"] += 0.5
    (folder / "manifest.json").write_text(json.dumps(stated))
    assert [f for f in faults(folder) if f.startswith("entropy: train")]
    spec = folder / "spec.toml"
    spec.write_text(spec.read_text().replace("seed = 0", "seed = 1"))
    assert [f for f in faults(folder) if f.startswith("content id: spec.toml")]


@pytest.mark.parametrize(
    "change",
    [dict.clear, lambda e: e.pop("status"), lambda e: e.update(status=[]), lambda e: e.update(text=None),
     lambda e: e.update(text="x"), lambda e: e.update(bits="x"), lambda e: e.update(text=e["text"] | {"low": "a"}),
     lambda e: e.update(status="bracket", text={"value": 1, "low": "a", "high": 2}), lambda e: e.update(books=[])],
)  # fmt: skip
def test_an_entropy_of_anything_is_a_finding(change, sound, tmp_path):
    folder = shutil.copytree(sound / "cfg", tmp_path / "cfg")
    stated = manifest(folder)
    change(stated["splits"]["train"]["entropy"])
    (folder / "manifest.json").write_text(json.dumps(stated))
    assert [fault for fault in faults(folder) if fault.startswith(("entropy", "manifest"))]


def test_rows_shared_by_two_splits_are_counted(sound, tmp_path):
    folder = shutil.copytree(sound / "cfg", tmp_path / "cfg")
    train = pa.Table.from_batches(read_batches(folder / "data/train-00000-of-00002.arrow")).to_pylist()
    index = next(i for i, shard in enumerate(manifest(folder)["shards"]) if shard["split"] == "test")

    def copy(rows):
        for i in range(25):
            rows[i] = {**train[i + 3], "id": rows[i]["id"]}

    replant(folder, copy, index)
    shared = next(f for f in check_folder(folder) if f.check == "shared rows")
    assert shared.detail.startswith("25 ")


@pytest.mark.parametrize("damage", ["missing", "truncated", "junk", "list", "other format", "escape", "absolute"])
def test_a_bad_manifest_is_an_error_and_no_traceback(folder, damage):
    path = folder / "manifest.json"
    text = path.read_text()
    stated = json.loads(text)
    if damage == "missing":
        path.unlink()
    elif damage in ("escape", "absolute"):
        stated["shards"][0]["path"] = "data/../../x.arrow" if damage == "escape" else "/etc/passwd"
        path.write_text(json.dumps(stated))
    else:
        other = json.dumps({**stated, "format": 99})
        path.write_text(
            {"truncated": text[: len(text) // 2], "junk": "\x00", "list": "[]", "other format": other}[damage]
        )
    with pytest.raises(SynthgenError):
        Manifest.read(folder)
    for command in ("check", "finish"):
        done = run(command, folder)
        assert done.returncode == 2, (command, done.stdout)
        assert "manifest.json" in done.stderr or "nothing to finish" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_sample_is_stated(sound):
    finding = next(f for f in check_folder(sound / "bios", sample=0.01) if f.check == "re-derived")
    assert "every 100th row" in finding.detail
    with pytest.raises(SynthgenError, match="--sample 2"):
        check_folder(sound / "bios", sample=2)


def test_the_content_hash_depends_on_values_alone():
    source = synthgen.load("bios-single")
    batch = source.batch(0, 50)
    longer = source.batch(0, 60).slice(0, 50)

    def of(one):
        summary = Summary(one.schema)
        summary.add(one)
        return summary

    assert of(batch).content == of(longer).content, "a slice has the same values"
    assert of(batch).content != of(source.batch(1, 51)).content
    rebuilt = pa.RecordBatch.from_pylist(batch.to_pylist(), schema=batch.schema)
    assert of(rebuilt).content == of(batch).content
    assert of(rebuilt).bits == of(batch).bits
    values = np.array(batch.column("bits").field("total"))
    assert abs(of(batch).bits["total"] - values.sum()) < 1e-9
    assert len(hashlib.sha256().hexdigest()) == len(of(batch).content)


def test_shared_rows_are_counted_part_by_part():
    """As numpy counts them at once: those of the first that stand in the second, as often as they stand there."""
    parts = [np.random.default_rng(seed).integers(0, 500, 300, np.uint64) for seed in range(6)]
    ends = [np.array([0, 2**64 - 1], np.uint64)]
    for ones, others in ((parts[:3], parts[3:]), (parts, ends), (ends, parts), (parts + ends, ends)):
        assert _among(ones, others) == np.isin(np.concatenate(ones), np.concatenate(others)).sum()
