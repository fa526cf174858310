"""The pages under docs/ run: files they give are written, commands go through the command line, Python is executed.

The blocks of a page share one folder and one namespace, from top to bottom, as a reader would type them.
"""

import os
import re
import shlex
import sys
from pathlib import Path

import pytest
from conformance.server import Hub
from helpers import process, run

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"(?:`([\w./-]+\.\w+)`:\n\n)?```(\{code-cell\} )?(\w+)\n(.*?)```", re.DOTALL)
"""A block of a page: the file that it is, if a line before it says so; its kind and its text."""

QUICK = ["start", "ideas", *(f"families/{name}" for name in ("grammars", "biographies", "questions", "playground"))]
QUICK += ["families/mathematics", "guides/words", "guides/grammar", "guides/mixtures", "guides/rewards", "bits"]
NOTEBOOKS = ["notebooks/bits", "notebooks/floor", "notebooks/rewards"]
ELSEWHERE = {
    "guides/hub": "test_the_guide_of_the_hub_runs",
    "guides/task": "test_the_guide_of_tasks_runs",
    "evaluate": "tests/test_docs.py",
    "guides/models": "test_a_page_that_trains_runs",
    "tables": "tests/test_tables.py",
}
"""Pages with code that is run by another test than the one for all."""
PRINTED = {"start"}
"""Pages whose blocks of text are what the commands before them print."""
CLIENTS = {f"clients/{path.stem}" for path in (DOCS.parent / "clients").glob("*.py") if path.stem != "tracked_run"}
"""Pages of other people's packages, whose code `make clients` runs."""
NOT_RUN = {"contract", "api", "architecture", "releasing", "scale", "relations"}
"""Pages without code, with signatures, with a picture as text, or with commands for clusters and releases."""


def blocks_of(page):
    """Yield (file or "", kind, text) of each block of a page."""
    for file, _, kind, text in BLOCK.findall((DOCS / f"{page}.md").read_text("utf-8")):
        yield file, kind, text


def commands_of(text):
    """Return the commands of a block of shell, without comments; a backslash at the end of a line goes on."""
    lines = [line.split(" # ")[0].strip() for line in text.replace("\\\n", " ").splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("synthgen ")]


def follow(page, training=False):
    """Do what a page says, in the working folder; what trains is left to the slow tests."""
    names, printed = {"__name__": "page"}, ""
    for file, kind, text in blocks_of(page):
        if file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(text)
        elif kind == "text" and page in PRINTED:
            assert text.strip() == printed.strip(), "what the command before it prints"
        elif kind == "python":
            exec(compile(text, f"{page}.md", "exec"), names)
        elif kind == "sh":
            for command in commands_of(text):
                if command[1] == "train" and not training:
                    continue
                done = run(*command[1:])
                assert done.returncode == 0, (command, done.stderr)
                assert (done.stdout + done.stderr).strip() or "--prompts" in command, command
                printed = done.stdout


@pytest.mark.parametrize("page", QUICK)
def test_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    follow(page)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["start", "guides/models", *NOTEBOOKS])
def test_a_page_that_trains_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    follow(page, training=True)


def test_every_page_with_code_is_run():
    kinds = {"python", "sh", "toml", "text", "ipython3"}
    with_code = set()
    for path in DOCS.rglob("*.md"):
        page = path.relative_to(DOCS).with_suffix("").as_posix()
        if any(kind in kinds for _, kind, _ in blocks_of(page)):
            with_code.add(page)
    assert with_code == {*QUICK, *NOTEBOOKS, *ELSEWHERE, *CLIENTS} | (with_code & NOT_RUN)


@pytest.mark.slow
def test_the_guide_of_the_hub_runs(tmp_path, monkeypatch):
    """With the unmodified clients, against the conformance Hub."""
    monkeypatch.chdir(tmp_path)
    with Hub(tmp_path / "hub", xet_on=False) as hub:
        for file, _, text in blocks_of("guides/hub"):
            for name in ("ORG/NAME", "ORG/LOOK", "ORG/A-DOZEN-"):
                text = text.replace(name, name.lower())
            if file:
                Path(file).write_text(text)
            for command in commands_of(re.sub(r"\bORG\b", "org", text)):
                done = process(*command[1:], env=hub.env(tmp_path / "home"))
                assert done.returncode == 0, (command, done.stderr)


@pytest.mark.slow
def test_the_guide_of_tasks_runs(tmp_path, monkeypatch):
    """Beside the example, which is really installed."""
    import subprocess

    monkeypatch.chdir(tmp_path)
    example = DOCS.parent / "examples" / "coins"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", "site"]
    subprocess.run([*pip, str(example)], check=True, capture_output=True)
    for file, kind, text in blocks_of("guides/task"):
        if file:
            Path(file).write_text(text)
        elif kind == "toml":
            assert text in (example / "pyproject.toml").read_text()
        for command in commands_of(text) if kind == "sh" else ():
            done = process(*command[1:], env={"PYTHONPATH": os.pathsep.join([str(tmp_path / "site")])})
            assert done.returncode == 0, (command, done.stderr)
