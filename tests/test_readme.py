"""The README is true: its commands run, its Python runs, its table of families is what `list` says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from helpers import loaded

import synthgen
from synthgen.cli.listing import shipped_listing
from synthgen.spec.spec import shipped_specs
from synthgen.task.family import Family

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.S)
COMMANDS = [
    line.split("#")[0].strip()
    for kind, text in BLOCKS
    if kind == "sh"
    for line in text.splitlines()
    if line.startswith("synthgen")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


def test_the_commands_and_then_the_python_run(folder):
    assert len(COMMANDS) == 5
    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(command)], cwd=folder, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout.strip(), command
    (code,) = [text for kind, text in BLOCKS if kind == "python"]
    env = {**os.environ, "HF_HOME": str(folder / "hf")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_the_page_of_specs_names_every_spec_and_its_bits():
    specs = (ROOT / "docs/specs.md").read_text()
    for name in shipped_specs():
        assert f"\n| [`{name}`](../cards/gallery/{name}/README.md) |" in specs, name
    for name in ("cfg3b", "cfg3j", "bios-single", "bios-simple", "bios-online"):
        assert f"{loaded(name).entropy().text} |" in specs, name


def test_the_families_are_all_specs_and_their_bits():
    """Every spec is of one family, and each line has the number of its specs and their least and most bits."""
    bits = {entry["name"]: entry["text"]["high"] for entry in shipped_listing()}
    families = {entry["name"]: entry["family"] for entry in shipped_listing()}
    said = []
    left = set(shipped_specs())
    for number, patterns, least, most in re.findall(r"\| (\d+): ([^|]+) \| ([\d.,]+) to ([\d.,]+) \|", README):
        names = {name for name in bits for pattern in patterns.split() if fnmatch(name, pattern.strip("`"))}
        assert len(names) == int(number), patterns
        assert names <= left, patterns
        said += {families[name] for name in names}
        assert (least, most) == tuple(f"{extreme(bits[name] for name in names):,.4f}" for extreme in (min, max)), (
            patterns
        )
        left -= names
    assert not left
    assert said == [str(family) for family in Family if family != Family.FURTHER], "as `list` has them"


def test_its_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, flags=re.M):
        assert re.search(rf"^{target}:", makefile, flags=re.M), target


def test_one_screen():
    assert len(README.splitlines()) < 60


def test_the_demo_tells_its_figures(folder):
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/demo.py"), str(folder / "build")],
        env={**os.environ, "HF_HOME": str(folder / "hf")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    for figure in (
        "200,000 rows",
        "100,000 rows",
        "tokens",
        "characters",
        "43.0848",
        "268.6606",
        "(exact)",
        "(bracket)",
        "rows a second",
    ):
        assert figure in done.stdout, figure
    shutil.rmtree(folder / "build")


def test_the_changelog_knows_this_version():
    assert f"## {synthgen.__version__}" in (ROOT / "CHANGELOG.md").read_text()
