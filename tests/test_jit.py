"""The kernel cache: it sees every edit, works from a read-only install, and never loads what others may write."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from synthgen.exact import jit

PACKAGE = Path(__file__).parents[1] / "synthgen"

PROGRAM = """
import sys
from synthgen.exact.draw import Keys, new_state
from synthgen.bench.rates import _draws
from synthgen.exact.jit import cache_folder
before = set(_draws.stats.cache_hits)
folder = cache_folder(_draws.__module__)
print(_draws(new_state(), Keys(0).split("x"), 5), sum(_draws.stats.cache_hits.values()), folder)
"""

ROWS = """
import synthgen
from synthgen.task.phrases import _copy
from synthgen.tasks.copy import write_rows
print(len(synthgen.load("copy-tiny").batch(0, 3)), len(synthgen.load("bios-single").batch(0, 3)))
print(sum(write_rows.stats.cache_hits.values()), sum(_copy.stats.cache_hits.values()))
"""


def run(site, **env):
    done = python(site, PROGRAM, **env)
    value, hits, folder = done.stdout.split()
    return int(value), int(hits), folder, done.stderr


def python(site, program, **env):
    clean = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=site, env={**clean, **env}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def site(tmp_path):
    """A copy of the package in a folder of its own."""
    shutil.copytree(PACKAGE, tmp_path / "site" / "synthgen", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PACKAGE.parent / "specs", tmp_path / "site" / "specs")
    return tmp_path / "site"


def test_a_second_process_compiles_nothing(site, tmp_path):
    first = run(site, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    second = run(site, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert first[0] == second[0]
    assert (first[1], second[1]) == (0, 1)
    assert first[3] == "synthgen: compiling rates, 16 parts (first run only) ...\n"
    assert second[3] == ""


def test_an_edit_of_a_callee_in_another_file_is_seen(site, tmp_path):
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    value, _, folder, _ = run(site, **cache)
    draw = site / "synthgen" / "exact" / "draw.py"
    text = draw.read_text()
    changed = text.replace("    number = uniform(state, n)\n", "    number = uniform(state, n) + 1000\n")
    assert changed != text
    draw.write_text(changed)
    edited, _, other, _ = run(site, **cache)
    assert edited == value + 5000
    assert other != folder


@pytest.mark.slow
def test_an_edit_above_the_task_recompiles_nothing(site, tmp_path):
    """Rows, and their texts, are made by kernels that know nothing of what stands above tasks."""
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    python(site, ROWS, **cache)
    kernels = sorted(path.relative_to(tmp_path) for path in (tmp_path / "cache").rglob("*.nb*"))
    assert kernels
    for room in ("cli", "dataset", "mixture", "publish", "spec", "tokens", "train", "windowing"):
        for file in (site / "synthgen" / room).rglob("*.py"):
            file.write_text(file.read_text() + "\nEDITED = True\n")
    again = python(site, ROWS, **cache)
    assert again.stdout.split()[2:] == ["1", "1"]
    assert "compiling" not in again.stderr
    assert sorted(path.relative_to(tmp_path) for path in (tmp_path / "cache").rglob("*.nb*")) == kernels


def test_what_a_kernel_may_be_made_of_is_all_that_its_module_imports(tmp_path, monkeypatch):
    package = tmp_path / "dice"
    (package / "words").mkdir(parents=True)
    texts = {
        "__init__": "",
        "rows": "from . import sides\nfrom .words import (  # all of them\n    long,\n    short as brief,\n)\n",
        "sides": "import numpy as np, dice.pips as pips\nfrom synthgen.exact.draw import below\n",
        "pips": "from dice import colours\n",
        "colours": "",
        "alone": "import dice.rows\n",
        "words/__init__": "",
        "words/long": "from ..sides import six\n",
        "words/short": "",
    }
    for name, text in texts.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "dice", importlib.import_module("dice"))
    behind = set(jit.modules_behind("dice.rows"))
    assert {name for name in behind if name.startswith("dice")} == {
        "dice", "dice.rows", "dice.sides", "dice.pips", "dice.colours", "dice.words", "dice.words.long", "dice.words.short"
    }  # fmt: skip
    assert {"synthgen.exact.draw", "synthgen.exact.ledger"} <= behind
    assert not any(name.startswith("synthgen.task") for name in behind)


@pytest.mark.slow
def test_a_read_only_install_without_a_home_still_works(site, tmp_path):
    for path in [site, *site.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    environment = {"HOME": "/nonexistent", "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        if os.getuid() == 0:  # root writes anywhere, so the home must be one that even root cannot make
            environment["HOME"] = "/proc/no-such-home"
        value, _, folder, _ = run(site, **environment)
        assert folder.startswith(str(tmp_path))
        assert Path(folder).stat().st_mode & 0o077 == 0
        assert run(site, **environment)[:2] == (value, 1)
    finally:
        for path in [site, *site.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.slow
def test_nothing_writable_at_all_means_no_cache(site):
    environment = {"HOME": "/proc/none", "NUMBA_CACHE_DIR": "/proc/none", "TMPDIR": "/proc/none"}
    code = "import tempfile; tempfile.tempdir = '/proc/none'\n" + PROGRAM
    clean = {k: v for k, v in os.environ.items() if k not in ("XDG_CACHE_HOME", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=site,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[2] == "None"


def test_a_folder_that_others_may_write_to_is_not_trusted(site, tmp_path):
    _, _, folder, _ = run(site, NUMBA_CACHE_DIR=str(tmp_path / "cache"), XDG_CACHE_HOME=str(tmp_path / "home"))
    Path(folder).chmod(0o777)
    other = run(site, NUMBA_CACHE_DIR=str(tmp_path / "cache"), XDG_CACHE_HOME=str(tmp_path / "home"))[2]
    assert other.startswith(str(tmp_path / "home"))


def test_the_users_own_kernels_are_left_alone():
    code = "import numba; import synthgen.exact.draw; import synthgen.bench.rates; print(repr(numba.config.CACHE_DIR))"
    clean = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "''"
