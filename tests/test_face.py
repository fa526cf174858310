"""The face of the package: its public names, its distribution, and what it says where it cannot run."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml

import synthgen
from synthgen.errors import DISTRIBUTION, extra_packages, missing

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_dir_shows_the_public_names_alone():
    assert dir(synthgen) == sorted([*synthgen.__all__, "__version__"])
    assert {"Source", "SynthgenError", "generate", "load", "open", "windows"} <= set(dir(synthgen))
    for name in synthgen.__all__:
        assert getattr(synthgen, name).__doc__, name


def test_one_version_and_one_distribution():
    assert PROJECT["name"] == DISTRIBUTION
    assert metadata.version(DISTRIBUTION) == synthgen.__version__
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == synthgen.__version__


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_is_read_off_the_metadata(extra):
    assert sorted(extra_packages(extra)) == sorted(re.split("[ <>=;]", line)[0] for line in EXTRAS[extra])


def test_what_is_not_installed_is_named(monkeypatch):
    """Only what is not there; and the whole extra, where all of it is there and yet cannot be imported."""
    assert (
        str(missing("train", "the trainer")) == "the trainer needs matplotlib and torch: pip install matplotlib torch"
    )
    real = metadata.version

    def version(name):
        if name == "torch":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    said = str(missing("train", "the trainer", "do without"))
    assert said == "the trainer needs torch: pip install torch; or do without"


def test_no_message_names_the_package_index_by_itself():
    """What is to be installed is said in one place; a name that an index knows otherwise is said nowhere."""
    for path in sorted((ROOT / "synthgen").rglob("*.py")):
        assert not re.search(r"pip install[^\n]*\bsynthgen\b", path.read_text("utf-8")), path


def test_a_trainer_without_torch_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None\nfrom synthgen.cli import main\nsys.argv[1:] = ['train', 'copy-tiny']\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "the trainer needs" in done.stderr
    assert re.search("pip install.* torch", done.stderr)
    assert "Traceback" not in done.stderr


def test_a_wrong_path_is_told_before_what_is_not_installed(tmp_path):
    """`synthgen probe nowhere` asked for torch."""
    commands = [
        ["train", "nowhere.toml"],
        ["train", str(tmp_path)],
        ["train", "copy-tiny", "--init", "nowhere"],
        ["score", "nowhere"],
        ["evaluate", "nowhere"],
        ["probe", "nowhere"],
        ["probe", "nowhere", "--list"],
        ["trace", "nowhere", "1"],
        ["export", "nowhere", "out"],
        ["export", "model", "nowhere", "out"],
        ["reproduce", "nowhere.toml"],
        ["view", "nowhere"],
        ["push", "nowhere", "org/name"],
        ["generate", "nowhere.toml", "--out", "x", "--engine", "dask"],
        ["show", "nowhere.toml", "--picture", "x.png"],
    ]
    hidden = dict.fromkeys(("torch", "matplotlib", "transformers", "dask", "distributed", "tokenizers"))
    code = f"""
import sys
sys.modules.update({hidden})
from synthgen.cli import main
for arguments in {commands}:
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as end:
        assert end.code == 2, (arguments, end.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = done.stderr.splitlines()
    assert len(told) == len(commands)
    for arguments, line in zip(commands, told, strict=True):
        assert ("nowhere" in line or str(tmp_path) in line) and "pip install" not in line, (arguments, line)


def test_windows_is_refused_with_a_sentence():
    for code in ("import synthgen", "from synthgen.task import Task", "from synthgen.cli import main; main()"):
        done = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.platform = 'win32'\n{code}"], capture_output=True, text=True
        )
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("ImportError: synthgen does not run on Windows")
