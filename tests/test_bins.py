"""Token files: what nanoGPT and llm.c map is the token string that windows are cut from, with exact counts."""

import hashlib
import itertools
import json

import numpy as np
import pytest
from helpers import run

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.spec import load_spec
from synthgen.windowing.token_files import write_bins


def test_a_token_file_is_the_string_of_windows(tmp_path):
    sidecar = write_bins("cfg3f", tmp_path, splits=["train"], rows=2000)["train"]
    data = np.memmap(tmp_path / "train.bin", dtype=np.uint16, mode="r")  # as nanoGPT's train.py opens it
    assert data.size == sidecar["tokens"]
    windows = synthgen.windows("cfg3f", 256, rows=2000, epochs=1, lanes=1, batch_size=64)
    ids = np.concatenate([batch["input_ids"].ravel() for batch in windows])
    assert np.array_equal(ids[: data.size], data)
    assert windows.totals["tokens"] == sidecar["tokens"] == sidecar["trained"]
    assert sidecar["masked"] == 0
    assert not (tmp_path / "train.mask.bin").exists()
    assert sidecar["sha256"] == hashlib.sha256((tmp_path / "train.bin").read_bytes()).hexdigest()
    assert sidecar["vocab"]["size"] == synthgen.load("cfg3f").vocab.size
    before = (tmp_path / "train.bin").stat().st_mtime_ns
    assert write_bins("cfg3f", tmp_path, splits=["train"], rows=2000)["train"] == sidecar
    assert (tmp_path / "train.bin").stat().st_mtime_ns == before, "nothing to do"
    with pytest.raises(SynthgenError, match=r"is of another dataset \(content_id differ"):
        write_bins("cfg3b", tmp_path, splits=["train"], rows=2000)


def test_the_header_and_the_mask(tmp_path):
    spec = load_spec("cfg3f-cut50", sets={"row_format": "tokens"})
    sidecar = write_bins(spec, tmp_path, format="llmc", splits=["test"], rows=300)["test"]
    raw = (tmp_path / "test.bin").read_bytes()
    header = np.frombuffer(raw[:1024], np.int32)
    tokens = np.frombuffer(raw[1024:], np.uint16)
    assert header[:3].tolist() == [20240520, 1, tokens.size]
    assert not header[3:].any()
    mask = np.fromfile(tmp_path / "test.mask.bin", np.uint8)
    assert mask.size == tokens.size == sidecar["tokens"]
    assert sidecar["masked"] == 300 * 50 == int((mask == 0).sum())
    assert sidecar["trained"] + sidecar["masked"] == sidecar["tokens"]
    first = synthgen.Source(spec).row(0, "test")
    assert tokens[: 1 + len(first["input_ids"])].tolist() == [0, *first["input_ids"]]


def test_the_command(tmp_path):
    done = run(
        "generate", "bios-single", "--format", "bin", "--rows", 200, "--set", "tokenizer=words", "--out", tmp_path / "a"
    )
    assert done.returncode == 0, done.stderr
    assert "train.bin" in done.stdout
    sidecar = json.loads((tmp_path / "a" / "train.json").read_text())
    data = np.fromfile(tmp_path / "a" / "train.bin", sidecar["dtype"])
    assert int((data == sidecar["vocab"]["eos"]).sum()) == 200
    for arguments, message in (
        (["bios-single", "--format", "bin"], "bios-single has text rows"),
        (["cfg3f", "--format", "bin", "--shards", "3"], "does not go with --format bin"),
        (["cfg3f", "--format", "tar"], "choose one of"),
    ):
        done = run("generate", *arguments, "--out", tmp_path / "b")
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert not (tmp_path / "b").exists()


def test_a_stopped_run_leaves_nothing_half_written(tmp_path):
    made = itertools.count()

    def stop(rows):
        if next(made) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_bins("cfg3f", tmp_path, splits=["train"], rows=5000, on_rows=stop)
    assert list(tmp_path.iterdir()) == []


def test_token_files_that_were_lost_or_cut_are_made_anew(tmp_path):
    """A sidecar alone is not believed: files are made where their sizes say that they are."""
    spec = load_spec("cfg3f-cut50", sets={"row_format": "tokens"})
    sidecars = write_bins(spec, tmp_path, splits=["train", "test"], rows=20)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(whole) == {f"{split}.{kind}" for split in ("train", "test") for kind in ("bin", "mask.bin", "json")}
    (tmp_path / "train.bin").unlink()
    with (tmp_path / "test.bin").open("r+b") as file:
        file.truncate(100)
    (tmp_path / "test.mask.bin").unlink()
    made = []
    assert write_bins(spec, tmp_path, splits=["train", "test"], rows=20, on_rows=made.append) == sidecars
    assert sum(made) == 40
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == whole
    sidecar = json.loads(whole["train.json"])
    for strange in ({}, {"tokens": None}, {"tokens": "x", "masked": 1}):
        (tmp_path / "train.json").write_text(json.dumps({**sidecar, "tokens": 1, **strange}))
        write_bins(spec, tmp_path, splits=["train"], rows=20)
        assert (tmp_path / "train.json").read_bytes() == whole["train.json"]


def test_llmc_files_are_as_long_as_their_header_and_tokens(tmp_path):
    write_bins("cfg3f", tmp_path, format="llmc", splits=["test"], rows=20)
    before = (tmp_path / "test.bin").stat().st_mtime_ns
    write_bins("cfg3f", tmp_path, format="llmc", splits=["test"], rows=20)
    assert (tmp_path / "test.bin").stat().st_mtime_ns == before, "nothing to do"
