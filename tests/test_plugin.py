"""Tasks of other packages: installed beside synthgen, found by their entry point, full members at once."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
OUTSIDE = TESTS / "outside"
"""A package as it was written for version 0.1.0: its imports by old names, and a `verify` of its own."""

EXAMPLE = TESTS.parent / "examples" / "coins"
"""The same task as one would write it now, and as CONTRIBUTING.md shows it."""


@pytest.fixture(scope="module", params=[OUTSIDE, EXAMPLE], ids=["of 0.1.0", "example"])
def site(request, tmp_path_factory):
    """An outside package, really installed, in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", str(folder)]
    subprocess.run([*pip, str(request.param)], check=True, capture_output=True)
    return folder


def run(site, *command, **extra):
    env = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, *command], env=env, capture_output=True, text=True, timeout=600, **extra)


def test_it_is_generated_checked_and_shown(site, tmp_path):
    spec = OUTSIDE / "coins.toml"
    made = run(site, "-m", "synthgen", "generate", spec, "--out", tmp_path / "coins", "--shards", "2", "--workers", "2")
    assert made.returncode == 0, made.stderr
    checked = run(site, "-m", "synthgen", "check", tmp_path / "coins")
    assert checked.returncode == 0, checked.stdout
    shown = run(site, "-m", "synthgen", "show", spec, "--json")
    row = json.loads(shown.stdout)[0]
    assert row["prompt"].endswith("Which?")
    assert row["completion"] == f" {row['latent']['place'] + 1}."


def test_a_spec_of_an_absent_package_is_an_error():
    done = subprocess.run(
        [sys.executable, "-m", "synthgen", "show", OUTSIDE / "coins.toml"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "'coins' is no task" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_contract_holds_for_it(site):
    """The same contract test runs over the outside task, with its capabilities demanded."""
    done = run(site, "-m", "pytest", "-p", "no:cacheprovider", "test_contract.py", "-k", "coins", cwd=TESTS)
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"2 passed, 1 skipped", done.stdout), done.stdout[-300:]
