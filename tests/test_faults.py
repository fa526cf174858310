"""Faults injected for real: a part of each in the fast suite; `make faults` injects them all, many times over."""

import subprocess
import sys
from pathlib import Path

import faults
import pytest

LARGE = [name for name, (_, quick, _) in faults.FAULTS.items() if quick == 1]
SMALL = [name for name, (_, quick, _) in faults.FAULTS.items() if quick > 1]
QUICK = [*([name] for name in LARGE), SMALL[::2], SMALL[1::2]]
"""What is injected together: a fault with processes of its own by itself, those that fork one process in two lots."""

LONG = {"kill -9 of the Dask": 1, "Ctrl-C with a cluster": 1, "kill -9 with a cluster": 1, "a flipped bit": 100}


HARNESS = Path(__file__).with_name("faults.py")


@pytest.mark.parametrize("names", QUICK, ids=lambda names: names[0])
def test_faults_are_survived(names):
    """The harness forks and kills, so it runs in a process of its own, which also reads what is told on stderr."""
    command = [sys.executable, str(HARNESS), "--quick", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[1:]
    assert len(lines) == len(names)
    for line in lines:
        injected, survived, lost = map(int, line.split()[-3:])
        assert 0 < injected == survived, line
        assert lost == 0, line


@pytest.mark.slow
@pytest.mark.parametrize("name", faults.FAULTS)
def test_a_fault_is_survived_at_every_point(name):
    times = next((n for start, n in LONG.items() if name.startswith(start)), faults.FAULTS[name][2])
    outcome = faults.inject(name, times)
    assert not outcome.failures, outcome.failures[:3]
    assert 0 < outcome.injected == outcome.survived
    assert outcome.rows_lost == 0


ELSEWHERE = [(name, container) for name in SMALL for container in ("arrow-file", "parquet")]
SOON = {("kill -9 again while it resumes", "arrow-file"), ("a truncated shard", "arrow-file")}
"""What is new in Arrow files is their end, a footer."""


@pytest.mark.parametrize(
    ("name", "container"), [pytest.param(*one, marks=() if one in SOON else pytest.mark.slow) for one in ELSEWHERE]
)
def test_a_fault_is_survived_in_every_container(name, container):
    outcome = faults.inject(name, faults.FAULTS[name][1], quick=True, container=container)
    assert not outcome.failures, outcome.failures[:3]
    assert 0 < outcome.injected == outcome.survived
    assert outcome.rows_lost == 0


def test_a_lost_manifest_is_made_again_and_a_strange_folder_is_not(tmp_path):
    import synthgen
    from synthgen.errors import SynthgenError

    out = tmp_path / "data"
    synthgen.generate(**faults.SMALL, out=out)
    whole = faults.files(out)
    (out / "manifest.json").unlink()
    with pytest.raises(SynthgenError, match="add --verify"):
        synthgen.generate(**faults.SMALL, out=out)
    with pytest.raises(SynthgenError, match="holds another dataset: seed is 0 there and 1 here"):
        synthgen.generate(**faults.SMALL, out=out, seed=1, verify=True)
    synthgen.generate(**faults.SMALL, out=out, verify=True)
    assert faults.files(out) == whole
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(SynthgenError, match="holds other files"):
        synthgen.generate(**faults.SMALL, out=tmp_path / "mine", verify=True)


def test_verify_leaves_a_sound_folder_as_it_is(tmp_path):
    import synthgen

    synthgen.generate(**faults.SMALL, out=tmp_path / "data")
    before = faults.files(tmp_path / "data")
    rows = []
    synthgen.generate(**faults.SMALL, out=tmp_path / "data", verify=True, on_rows=rows.append)
    assert faults.files(tmp_path / "data") == before
    assert sum(rows) == 600
