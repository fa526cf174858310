"""Builds: the same bytes however the work is cut, killed, resumed or joined; other datasets are refused."""

import contextlib
import functools
import json
import os
import signal
import time

import datasets
import pyarrow as pa
import pytest
from helpers import children, files, manifest, process, run, start

import synthgen
from synthgen.dataset import folder
from synthgen.dataset.build import finish
from synthgen.dataset.build_journal import _sealed
from synthgen.dataset.helper import Work, _received
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.processes import run_local
from synthgen.dataset.shards import BATCH_ROWS, read_batches, shard_range
from synthgen.errors import SynthgenError

SPEC, PARAMS, SHARDS = "bios-multi5", {"people": 20_000}, 12
COMMAND = ("generate", SPEC, "--set", "people=20000", "--shards", SHARDS)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A build of twelve shards by one worker in this process."""
    folder = tmp_path_factory.mktemp("reference") / "data"
    synthgen.generate(SPEC, folder, params=PARAMS, shards=SHARDS, workers=1)
    return folder


def rows(folder, split="train"):
    shards = [shard for shard in Manifest.read(folder).shards if shard.split == split]
    return pa.Table.from_batches(b for shard in shards for b in read_batches(folder / shard.path)).combine_chunks()


def test_worker_processes_do_not_change_a_byte(reference, tmp_path):
    done = process(*COMMAND, "--out", tmp_path / "two", "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "two") == files(reference)


def test_resharding_changes_files_and_no_row(reference, tmp_path):
    synthgen.generate(SPEC, tmp_path / "one", params=PARAMS, shards=1, workers=1)
    synthgen.generate(SPEC, tmp_path / "seven", params=PARAMS, shards=7, workers=1)
    assert rows(tmp_path / "one").equals(rows(reference))
    assert rows(tmp_path / "seven").equals(rows(reference))
    assert manifest(tmp_path / "one")["content_id"] == manifest(reference)["content_id"]
    for shard in Manifest.read(tmp_path / "seven").shards:
        sizes = [batch.num_rows for batch in read_batches(tmp_path / "seven" / shard.path)]
        assert all(size == BATCH_ROWS for size in sizes[:-1])
    index = [shard.rows for shard in Manifest.read(tmp_path / "seven").shards]
    assert index == [b - a for a, b in (shard_range(100_000, i, 7) for i in range(7))]


def test_two_rank_halves_and_finish_make_the_same_folder(reference, tmp_path):
    out = tmp_path / "ranks"
    for rank in (1, 0):
        done = run(*COMMAND, "--out", out, "--rank", rank, "--world-size", 2)
        assert done.returncode == 0, done.stderr
        assert not (out / "manifest.json").exists()
        if rank == 1:
            early = run("finish", out)
            assert early.returncode == 2
            assert "6 shards are missing" in early.stderr
            assert "train-00000-of-00012" in early.stderr
    (out / ".synthgen/tmp").rmdir()  # as after a copy by what leaves out empty folders
    assert run("finish", out).returncode == 0
    assert files(out) == files(reference)
    assert run("finish", out).returncode == 0, "finishing twice is fine"


def test_a_build_that_was_to_make_nothing_is_damaged(tmp_path):
    synthgen.generate("copy-tiny", tmp_path / "data", splits=["test"], rows=40, shards=2, rank=0, world_size=2)
    journal = tmp_path / "data/.synthgen/build.json"
    entry = json.loads(journal.read_text())["entry"]
    entry["build"]["splits"] = {}
    journal.write_text(_sealed("build.json", entry))
    with pytest.raises(SynthgenError, match="damaged; run the same `synthgen generate` again"):
        finish(tmp_path / "data")


@pytest.mark.parametrize("workers", [1, 2])
def test_kill_and_resume(reference, tmp_path, workers):
    out = tmp_path / "killed"
    running = start(*COMMAND, "--out", out, "--workers", workers)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not list((out / "data").glob("*.arrow") if (out / "data").exists() else ()):
        time.sleep(0.002)
    workers_then = children(running.pid)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    deadline = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{child}") for child in workers_then):
        assert time.monotonic() < deadline, "workers outlived their parent"
        time.sleep(0.02)
    running.stdout.close()
    running.stderr.close()
    assert not (out / "manifest.json").exists(), "killed after the first shard, the dataset is no dataset yet"
    with pytest.raises(SynthgenError, match="unfinished"):
        synthgen.open(out)
    before = {path: path.stat().st_mtime_ns for path in (out / "data").glob("*.arrow")}
    recorded = {json.loads(p.read_text())["entry"]["path"] for p in (out / ".synthgen" / "shards").glob("*.json")}
    done = process(*COMMAND, "--out", out, "--workers", workers)
    assert done.returncode == 0, done.stderr
    assert files(out) == files(reference)
    for path, time_ns in before.items():
        if path.relative_to(out).as_posix() in recorded:
            assert path.stat().st_mtime_ns == time_ns, "a finished shard was made again"


def test_a_killed_worker_is_replaced(reference, tmp_path):
    out = tmp_path / "worker"
    running = start(*COMMAND, "--out", out, "--workers", 2)
    killed = False
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and running.poll() is None and not killed:
        if list((out / "data").glob("*.arrow")):
            for child in children(running.pid)[:1]:
                os.kill(child, signal.SIGKILL)
                killed = True
        time.sleep(0.005)
    assert running.wait(120) == 0, running.stderr.read()
    assert files(out) == files(reference)
    running.stdout.close()
    running.stderr.close()


class Handle:
    """A file's descriptor as another process gets it: another one, of the same open file."""

    def __init__(self, number):
        self.number = number

    def detach(self):
        return os.dup(self.number)


def test_each_job_is_taken_by_one_process():
    """Two who have the file open share their place in it, without a lock that a killed one might hold."""
    here = Work(["the jobs"], [3, 70_000, *range(5, 400)])
    there = _received(Handle(here._file.fileno()), here._size)
    taken = [who.take() for _ in range(300) for who in (here, there, there)]
    assert [number for number in taken if number is not None] == [3, 70_000, *range(5, 400)]
    assert (here.take(), there.take(), there.jobs) == (None, None, ["the jobs"])
    here.close(), there.close()


def where(number, tell):
    tell(1)
    return number, os.getpid()


def test_work_that_is_done_at_once_waits_for_nobody():
    """Helpers take a second to start; jobs that this process has run by then are not left to them."""
    done, rows = [], []
    run_local([functools.partial(where, number) for number in range(200)], 2, done.append, rows.append)
    assert done == [(number, os.getpid()) for number in range(200)]
    assert sum(rows) == 200


def fail(number, tell):
    if number == 7:
        raise SynthgenError("no room for shard 7")
    return where(number, tell)


def test_what_a_job_raises_ends_the_work():
    with pytest.raises(SynthgenError, match="no room for shard 7"):
        run_local([functools.partial(fail, number) for number in range(20)], 2, print, id)


def test_a_second_run_has_nothing_to_do(reference):
    before = {path: path.stat().st_mtime_ns for path in reference.rglob("*") if path.is_file()}
    again = synthgen.generate(SPEC, reference, params=PARAMS, shards=SHARDS)
    assert again.totals == Manifest.read(reference).totals
    assert {path: path.stat().st_mtime_ns for path in reference.rglob("*") if path.is_file()} == before


def test_a_missing_split_is_added_and_a_lost_shard_made_again(tmp_path):
    out = tmp_path / "grow"
    synthgen.generate("cfg3b", out, splits=["test"], rows=500)
    first = manifest(out)
    synthgen.generate("cfg3b", out, splits=["fresh:test-2026-11"], rows=300)
    both = manifest(out)
    assert both["splits"]["test"] == first["splits"]["test"]
    assert both["splits"]["test-2026-11"]["rows"] == 300
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in loaded.items()} == {"test": 500, "test_2026_11": 300}
    lost = out / both["shards"][0]["path"]
    content = lost.read_bytes()
    lost.unlink()
    synthgen.generate("cfg3b", out, splits=["test"], rows=500)
    assert lost.read_bytes() == content
    assert manifest(out) == both


def test_the_resolved_spec_makes_the_same_bytes(reference, tmp_path):
    done = run("generate", reference / "spec.toml", "--out", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    mine, theirs = files(tmp_path / "again"), files(reference)
    assert {p: h for p, h in mine.items() if p.startswith("data/")} == {
        p: h for p, h in theirs.items() if p.startswith("data/")
    }
    assert manifest(tmp_path / "again")["content_id"] == manifest(reference)["content_id"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"params": {"people": 5000}}, "params.people is 20000 there and 5000 here"),
        ({"seed": 3}, "seed is 0 there and 3 here"),
        ({"world": 3}, "world is 0 there and 3 here"),
        ({"rows": 17}, "splits.train.rows is 100000 there and 17 here"),
        ({"shards": 2}, "splits.train.shards is 12 there and 2 here"),
        ({"columns": ["text"]}, "columns"),
        ({"format": "parquet"}, "container is 'arrow' there and 'parquet' here"),
    ],
)
def test_a_folder_of_another_build_is_refused_by_field(reference, changes, field):
    before = files(reference)
    with pytest.raises(SynthgenError, match="holds another dataset") as refused:
        synthgen.generate(SPEC, reference, **{"params": PARAMS, "shards": SHARDS} | changes)
    assert field in str(refused.value)
    assert files(reference) == before


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(SynthgenError, match="holds other files"):
        synthgen.generate("cfg3b", tmp_path, splits=["test"], rows=10)
    with pytest.raises(SynthgenError, match="is a file"):
        synthgen.generate("cfg3b", tmp_path / "thesis.tex", splits=["test"], rows=10)
    assert files(tmp_path).keys() == {"thesis.tex"}


def test_a_run_that_ends_while_another_looks_is_no_foreign_folder(tmp_path, monkeypatch):
    """The other run writes its manifest and takes its work away after this one has looked for a manifest in vain."""
    looked = []

    def read_manifest(where, verify=False):
        if looked:
            return original(where, verify)
        looked.append(original(where, verify))
        synthgen.generate("mano-tiny", tmp_path / "data", rows=50, workers=1)
        return looked[0]

    original = folder.read_manifest
    monkeypatch.setattr(folder, "read_manifest", read_manifest)
    again = synthgen.generate("mano-tiny", tmp_path / "data", rows=50, workers=1)
    assert looked == [None]
    assert again.splits["train"]["rows"] == 50


def test_two_processes_cannot_share_a_folder(tmp_path):
    out = tmp_path / "shared"
    command = ("generate", "bios-multi5", "--set", "people=30000", "--shards", 8, "--workers", 1)
    first = start(*command, "--out", out)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (out / ".synthgen" / "build.json").exists():
        time.sleep(0.01)
    second = run(*command, "--out", out)
    assert second.returncode == 2
    assert "another process is generating into this folder" in second.stderr
    assert first.wait(240) == 0, first.stderr.read()
    first.stdout.close()
    first.stderr.close()
    assert run("check", out, "--sample", 0).returncode == 0


def test_columns_and_parquet(tmp_path):
    synthgen.generate("bios-single", tmp_path / "text", rows=5000, columns=["text", "id"])
    assert [f.name for f in rows(tmp_path / "text").schema] == ["id", "text"]
    synthgen.generate("bios-single", tmp_path / "arrow", rows=5000, shards=2)
    synthgen.generate("bios-single", tmp_path / "parquet", rows=5000, shards=2, format="parquet")
    arrow, parquet = Manifest.read(tmp_path / "arrow"), Manifest.read(tmp_path / "parquet")
    assert [s.content for s in arrow.shards] == [s.content for s in parquet.shards], "same rows, same content hash"
    assert [s.sha256 for s in arrow.shards] != [s.sha256 for s in parquet.shards]
    loaded = datasets.load_dataset(str(tmp_path / "parquet"), cache_dir=str(tmp_path / "cache"))["train"]
    assert loaded.features == synthgen.open(tmp_path / "arrow")["train"].features
    assert loaded[4321] == synthgen.open(tmp_path / "arrow")["train"][4321]


def test_datasets_reads_the_folder_both_ways(reference, tmp_path):
    opened = synthgen.open(reference)["train"]
    loaded = datasets.load_dataset(str(reference), cache_dir=str(tmp_path / "cache"))["train"]
    assert loaded.features == opened.features
    assert loaded[12345] == opened[12345] == synthgen.load(SPEC, params=PARAMS).row(12345)
    streamed = datasets.load_dataset(str(reference), streaming=True)["train"]
    assert [row["id"] for row in streamed.take(3)] == [0, 1, 2]
    assert next(iter(streamed)) == opened[0]


def test_shards_are_mapped_and_not_copied(reference):
    before = pa.total_allocated_bytes()
    opened = synthgen.open(reference)["train"]
    texts = opened.data.column("text")
    assert pa.total_allocated_bytes() - before < 200_000
    assert texts.nbytes > 5_000_000


def test_a_finite_corpus_is_finite(tmp_path):
    with pytest.raises(SynthgenError, match="has 500,000 rows in all"):
        synthgen.generate("bios-multi5", tmp_path / "x", rows=500_001)
    assert not (tmp_path / "x").exists()
    synthgen.generate("bios-multi5", tmp_path / "part", rows=100)
    assert manifest(tmp_path / "part")["splits"]["train"]["complete"] is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 0}, "--rows 0"),
        ({"rows": -5}, "--rows -5"),
        ({"shards": 0}, "--shards 0"),
        ({"rows": 10, "shards": 11}, "11 shards for 10 rows"),
        ({"workers": 0}, "--workers 0"),
        ({"rank": 2, "world_size": 2}, "--rank 2"),
        ({"rank": -1}, "--rank -1"),
        ({"columns": ["txt"]}, "no column 'txt'"),
        ({"format": "csv"}, "--format 'csv'"),
        ({"splits": ["../evil"]}, "split '../evil'"),
        ({"splits": ["fresh:new"]}, "has no size"),
        ({"splits": ["new"]}, "is --split fresh:new"),
    ],
)
def test_bad_arguments_leave_nothing_behind(tmp_path, arguments, message):
    out = tmp_path / "out"
    with pytest.raises(SynthgenError) as refused:
        synthgen.generate("cfg3b", out, **arguments)
    assert message in str(refused.value)
    assert not out.exists()


def test_a_full_disk_is_told_and_survived(tmp_path, small_disk):
    out = small_disk / "data"
    arguments = ("generate", "cfg3b", "--split", "test", "--rows", 4000, "--shards", 8, "--out", out)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(6_500_000))
    full = run(*arguments, "--workers", 1)
    assert full.returncode == 2, full.stderr
    assert "disk is full" in full.stderr or "free" in full.stderr
    assert "Traceback" not in full.stderr
    assert not (out / "manifest.json").exists()
    assert not list((out / ".synthgen" / "tmp").iterdir()) if (out / ".synthgen").exists() else True
    filler.unlink()
    again = run(*arguments, "--workers", 1)
    assert again.returncode == 0, again.stderr
    assert run("check", out).returncode == 0
    synthgen.generate("cfg3b", tmp_path / "data", splits=["test"], rows=4000, shards=8, workers=1)
    assert files(out) == files(tmp_path / "data")


def test_a_disk_that_fills_up_halfway_keeps_what_is_finished(tmp_path, small_disk):
    out = small_disk / "data"

    def fill(rows):
        if len(list((out / "data").glob("*.arrow"))) == 3:
            with contextlib.suppress(OSError), (small_disk / "filler").open("wb") as filler:
                while True:
                    filler.write(bytes(4096))

    arguments = {"splits": ["test"], "rows": 4000, "shards": 8, "workers": 1}
    with pytest.raises(SynthgenError, match="disk is full; finished shards are kept"):
        synthgen.generate("cfg3b", out, **arguments, on_rows=fill)
    synthgen.generate("cfg3b", tmp_path / "data", **arguments)
    there = {path: digest for path, digest in files(out).items() if path.endswith(".arrow")}
    assert 3 <= len(there) < 8
    assert there.items() <= files(tmp_path / "data").items(), "no half-written shard"
    assert not list((out / ".synthgen" / "tmp").iterdir())
    (small_disk / "filler").unlink()
    synthgen.generate("cfg3b", out, **arguments)
    assert files(out) == files(tmp_path / "data")


def test_a_folder_that_cannot_be_written(tmp_path):
    parent = tmp_path / "file"
    parent.write_text("")
    done = run("generate", "cfg3b", "--split", "test", "--rows", 10, "--out", parent / "data")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
