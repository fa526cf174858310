"""Screens of models, rates and exports: on a terminal of 80 columns nothing is cut, broken within a word or past its edge."""

import contextlib
import json
import re

import pytest
from helpers import run
from terminals import assert_whole, on_a_terminal, words_of

import synthgen

READING = [
    ("score", "run", "--rows", "20"),
    ("score", "data", "--completions", "answers.jsonl"),
    ("score", "data", "--completions", "wrong.jsonl", "--mode", "answer"),
    ("evaluate", "run", "--rows", "20"),
    ("trace", "run", "2"),
    ("trace", "run", "2", "--ranks", "2"),
    ("bench", "draw"),
    ("view", "know-retrieve-dual", "--no-open", "--rows", "2"),
]
"""What looks at a run, at answers, or at this machine."""

WRITING = [
    ("export", "run", "exported", "--rows", "20"),
    ("export", "lm-eval", "igsm-med-retry50", "harness", "--rows", "2"),
    ("generate", "know-retrieve-dual", "--out", "made", "--rows", "5", "--split", "test"),
    ("generate", "copy-tiny", "--out", "bins", "--rows", "5", "--format", "bin"),
    ("card", "data", "--no-pictures"),
    ("reproduce", "junk", "--size", "ci", "--out", "claims"),
]
"""What says on stdout what it wrote."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a run, a dataset, and answers to it: right ones, and such as are wrong for long reasons."""
    out = tmp_path_factory.mktemp("screens")
    sets = ["--set", "model.layers=1", "--set", "model.width=16", "--set", "model.heads=2"]
    assert run("train", "depo1-tiny", "--out", out / "run", "--steps", 3, *sets, "--json").returncode == 0
    synthgen.generate("igsm-med-retry50", out / "data", splits=["test"], rows=8)
    rows = synthgen.open(out / "data")["test"]
    for name, said in (("answers", lambda row: row["completion"]), ("wrong", lambda row: "The answer is not known.")):
        lines = (json.dumps({"id": row["id"], "completion": said(row)}) for row in rows)
        (out / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return out


@pytest.fixture(scope="module")
def screens(folder):
    return on_a_terminal([*READING, *WRITING], 80, folder)


@pytest.mark.slow
def test_every_word_is_whole_and_nothing_past_the_edge(screens, folder):
    assert_whole(screens, 80)
    with contextlib.chdir(folder):
        for command in READING:
            done = run(*command)
            assert done.returncode == 0, done.stderr
            assert "\x1b" not in done.stdout and done.stdout.strip(), command
            if command[0] != "bench":
                assert words_of("\n".join(screens[command])) == words_of(done.stdout), command
                assert run(*command).stdout == done.stdout, "the same again"


@pytest.mark.slow
def test_figures_are_whole(screens):
    scored = "\n".join(screens["score", "data", "--completions", "answers.jsonl"])
    assert re.search(r"^rows +1\.0000 +0\.\d{4} to 1\.0000 +8$", scored, re.M)
    assert re.search(
        r"^below\(6\), addressed and booked +[\d.]+M +[\d.]+M to [\d.]+M +[\d.]+ x$",
        "\n".join(screens["bench", "draw"]),
        re.M,
    )
    assert "smoke run, nothing claimed" in "\n".join(screens["reproduce", "junk", "--size", "ci", "--out", "claims"])
    harness = "\n".join(screens["export", "lm-eval", "igsm-med-retry50", "harness", "--rows", "2"])
    assert re.search(r"^lm_eval run --include_path harness \\\n  --tasks \S+ \\\n", harness, re.M), (
        "one command to copy"
    )
