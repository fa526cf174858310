"""Faults injected for real: a part of each in the fast suite; `make faults` injects them all, many times over."""

import subprocess
import sys
from pathlib import Path

import faults
import pytest

QUICK = [name for name, (_, quick, _) in faults.FAULTS.items() if quick]
LONG = {"kill -9 of the Dask": 1, "Ctrl-C with a cluster": 1, "kill -9 with a cluster": 1, "a flipped bit": 100}


HARNESS = Path(__file__).with_name("faults.py")


@pytest.mark.parametrize("name", QUICK)
def test_a_fault_is_survived(name):
    """The harness forks and kills, so it runs in a process of its own, which also reads what is told on stderr."""
    done = subprocess.run([sys.executable, str(HARNESS), "--quick", name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    injected, survived, lost = map(int, done.stdout.splitlines()[1].removeprefix(name).split())
    assert 0 < injected == survived
    assert lost == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", faults.FAULTS)
def test_a_fault_is_survived_at_every_point(name):
    times = next((n for start, n in LONG.items() if name.startswith(start)), faults.FAULTS[name][2])
    outcome = faults.inject(name, times)
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
