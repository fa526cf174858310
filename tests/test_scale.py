"""Past one machine: ranks from batch systems, plans of any size, a row's cost at any index, the Dask engine's words."""

import json
import statistics
import time

import pytest
from dask_cluster import Cluster
from faults import COMMAND, LARGE, undisturbed
from helpers import files, process, run

import synthgen
from synthgen.dataset import cluster as cluster_module
from synthgen.dataset.build_journal import BuildJournal
from synthgen.dataset.cluster import run_on_cluster
from synthgen.dataset.jobs import RemoteJob, code_of, plan_in
from synthgen.dataset.ranks import rank_from
from synthgen.dataset.shards import BATCH_ROWS
from synthgen.errors import SynthgenError

SLURM = {
    "SLURM_ARRAY_TASK_ID": "7",
    "SLURM_ARRAY_TASK_COUNT": "8",
    "SLURM_ARRAY_TASK_MIN": "1",
    "SLURM_ARRAY_TASK_MAX": "8",
    "SLURM_ARRAY_TASK_STEP": "1",
    "SLURM_PROCID": "0",
    "SLURM_NTASKS": "1",
}


@pytest.mark.parametrize(
    ("rank", "world_size", "environment", "wanted"),
    [
        (None, None, SLURM, (None, 1)),  # an array job may make a dataset a task: ranks are asked for
        ("3", 4, SLURM, (3, 4)),
        ("auto", None, SLURM, (6, 8)),
        (None, 64, SLURM, (7, 64)),
        ("auto", 64, {"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_MIN": "5"}, (5, 64)),
        ("auto", None, {"SLURM_PROCID": "2", "SLURM_NTASKS": "4"}, (2, 4)),
        (
            "auto",
            None,
            {"SGE_TASK_ID": "5", "SGE_TASK_FIRST": "1", "SGE_TASK_LAST": "9", "SGE_TASK_STEPSIZE": "2"},
            (2, 5),
        ),
        ("auto", None, {"SGE_TASK_ID": "undefined", "RANK": "1", "WORLD_SIZE": "2"}, (1, 2)),
        ("auto", 3, {"JOB_COMPLETION_INDEX": "2"}, (2, 3)),
        ("auto", 3, {"LSB_JOBINDEX": "3"}, (2, 3)),
        ("auto", None, {"AWS_BATCH_JOB_ARRAY_INDEX": "0", "AWS_BATCH_JOB_ARRAY_SIZE": "5"}, (0, 5)),
        ("auto", None, {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, (1, 2)),
    ],
)
def test_ranks_are_read_from_the_batch_system(rank, world_size, environment, wanted):
    assert rank_from(rank, world_size, environment) == wanted


@pytest.mark.parametrize(
    ("rank", "world_size", "environment", "message"),
    [
        ("auto", None, {}, "no batch system tells a rank here"),
        (None, 4, {}, "no batch system"),
        ("auto", None, {"PBS_ARRAY_INDEX": "3"}, "add --world-size"),
        ("auto", None, {**SLURM, "SLURM_ARRAY_TASK_COUNT": "2"}, "a part of an array"),
        ("auto", 4, SLURM, "task 7 is none of 4 ranks"),
        ("1", None, SLURM, "say of how many"),
        ("one", 2, {}, "give a number"),
        ("auto", 0, SLURM, "--world-size 0"),
    ],
)
def test_ranks_that_nobody_tells_are_refused(rank, world_size, environment, message):
    with pytest.raises(SynthgenError, match=message):
        rank_from(rank, world_size, environment)


def test_an_array_job_makes_the_same_folder(tmp_path):
    command = ("generate", "cfg3b", "--split", "test", "--rows", 600, "--shards", 3, "--out", tmp_path / "ranks")
    for task in (1, 2):
        array = {
            f"SLURM_ARRAY_TASK_{key}": str(value) for key, value in (("ID", task), ("MIN", 1), ("MAX", 2), ("COUNT", 2))
        }
        done = process(*command, "--rank", "auto", env=array)
        assert done.returncode == 0, done.stderr
        assert f"rank {task - 1} of 2 is done" in done.stderr
    assert run("finish", tmp_path / "ranks").returncode == 0
    synthgen.generate("cfg3b", tmp_path / "whole", splits=["test"], rows=600, shards=3)
    assert files(tmp_path / "ranks") == files(tmp_path / "whole")


@pytest.mark.parametrize("spec", ["cfg3f", "bios-online"])
def test_a_row_costs_the_same_at_any_index(spec):
    source, firsts = synthgen.load(spec), (0, 10**9, 10**15)
    times = {first: [] for first in firsts}
    source.batch(0, BATCH_ROWS)
    for _ in range(7):
        for first in firsts:
            start = time.process_time()
            source.batch(first, first + BATCH_ROWS)
            times[first].append(time.process_time() - start)
    least = {first: min(own) for first, own in times.items()}
    assert max(least.values()) < 1.25 * statistics.median(least.values()), least


def test_a_plan_of_a_trillion_tokens_is_told_in_a_second(tmp_path):
    arguments = ("plan", "cfg3f", "--split", "train", "--workers", 512, "--out", tmp_path, "--json")
    small = json.loads(run(*arguments, "--rows", 4_000_000).stdout)
    large = json.loads(process(*arguments, "--rows", 4_000_000_000).stdout)  # memory is told of a process of its own
    split = large["splits"]["train"]
    assert split["unit"] == "tokens"
    assert 0.9e12 < split["units"] < 1.1e12
    assert large["bytes"] > 1e12
    assert not large["disk_fits"]
    assert large["shards"] == pytest.approx(large["bytes"] / 64 / 2**20, rel=0.1)
    assert large["core_hours"] / small["core_hours"] == pytest.approx(1000, rel=0.8)
    assert large["seconds"] == pytest.approx(large["core_hours"] * 3600 / 512)
    assert 0.5 < split["growth"] < 2
    assert large["worker_memory_bytes"] < 2e9
    shown = run(*arguments[:-1], "--rows", 4_000_000_000).stdout
    assert "DOES NOT FIT" in shown
    assert "core-hours" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rows", 2**62 + 1), "numbered below 2^62"),
        (("--rows", 10**9, "--shards", 100_000), "at most 99,999"),
    ],
)
def test_a_plan_beyond_all_names_is_refused(arguments, message):
    done = run("plan", "cfg3f", "--split", "train", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_so_many_rows_that_shards_grow():
    from synthgen.dataset.build_plan import plan_build

    build = plan_build("cfg3f", splits=["train"], rows=2**62)
    assert build.splits["train"] == (2**62, 99_999)


def test_a_cluster_of_its_own_makes_the_same_bytes(tmp_path):
    done = process(*COMMAND, "--out", tmp_path / "data", "--engine", "dask", "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "data") == files(undisturbed(json.dumps(LARGE)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--engine", "ray"), "--engine 'ray'"),
        (("--scheduler", "tcp://x:1"), "is for --engine dask"),
        (("--engine", "dask", "--scheduler", "tcp://x:1", "--workers", 2), "has its own"),
        (("--engine", "dask", "--rank", 0, "--world-size", 2), "shares out the work itself"),
        (("--engine", "dask", "--scheduler", "nonsense"), "cannot be reached"),
        (("--engine", "dask", "--scheduler", "tcp://127.0.0.1:9"), "cannot be reached"),
    ],
)
def test_engines_that_do_not_exist_are_refused(tmp_path, arguments, message):
    command = ("generate", "cfg3b", "--split", "test", "--rows", 60, "--out", tmp_path / "data")
    done = run(*command, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def begun(tmp_path):
    """A build that has begun, and what its first remote job would be."""
    out = tmp_path / "data"
    synthgen.generate("cfg3b", out, splits=["test"], rows=60, shards=2, rank=1, world_size=2)
    plan = plan_in(out)
    token = BuildJournal(out / ".synthgen", plan.to_json()).token
    return RemoteJob(str(out), token, code_of(plan), "test", 0, None)


def test_a_remote_job_needs_the_folder_the_build_and_the_code(begun):
    from dataclasses import replace

    assert begun(lambda rows: None).rows == 30
    for changes, message in (
        ({"folder": begun.folder + "-elsewhere"}, "must be on a disk that all workers share"),
        ({"token": "0" * 64}, "the folder of another build"),
        ({"code": ("synthgen 9.9", *begun.code[1:])}, "has other code"),
    ):
        with pytest.raises(SynthgenError, match=message):
            replace(begun, **changes)(lambda rows: None)


def test_a_cluster_that_lost_all_its_workers_is_given_up(begun, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cluster_module, "WORKER_SECONDS", 1)
    with (
        Cluster(0, tmp_path / "log") as cluster,
        pytest.raises(SynthgenError, match="finished shards are kept"),
    ):
        run_on_cluster([begun], None, print, print, cluster.address)


def test_what_a_job_raises_comes_back(begun, tmp_path):
    from dataclasses import replace

    with Cluster(1, tmp_path / "log") as cluster, pytest.raises(SynthgenError, match="another build"):
        run_on_cluster([replace(begun, token="0" * 64)], None, print, print, cluster.address)
