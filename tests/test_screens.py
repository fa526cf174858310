"""Screens: on a terminal of 80 columns nothing is cut, broken within a word or past the edge; in a pipe nothing is broken."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from helpers import SPECS, files, run

import synthgen
from synthgen.cli.fields import fields_of
from synthgen.cli.options import count_of
from synthgen.errors import SynthgenError
from synthgen.exact.glossary import GLOSSARY, meaning
from synthgen.spec.spec import load_spec, shipped_specs, with_splits
from synthgen.tasks import task_class, task_names
from synthgen.version import __version__

SHOWN = ("bios", "cfg", "igsm", "qa", "copy", "chain")

COMMANDS = [
    ("list",),
    ("list", "--long"),
    ("list", "bios-*5"),
    *(("show", SPECS[task], "-n", "2") for task in SHOWN),
    *(("entropy", SPECS[task]) for task in SHOWN),
    *(("params", task) for task in ("mano", "bios", "igsm")),
    ("plan", "copy-tiny"),
    ("plan", "copy-tiny", "--rows", "1e15"),
    ("train", "--presets"),
    ("reproduce", "--list"),
]
"""What only reads, and is run on a terminal: all of it in one process for each width."""

DRIVER = """
import sys
from synthgen.cli import main
for command in {commands!r}:
    sys.argv = ["synthgen", *command]
    print("\\n@@@", *command)
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, command
"""


def on_a_terminal(commands, columns):
    """Return what each command says on a terminal so wide: its lines, without colours."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    running = subprocess.Popen(
        [sys.executable, "-c", DRIVER.format(commands=commands)],
        stdin=follower, stdout=follower, stderr=subprocess.PIPE, env=env | {"TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(follower)
    said = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # how a pty ends
            break
        if not chunk:
            break
        said += chunk
    os.close(leader)
    errors = running.stderr.read()
    running.stderr.close()
    assert running.wait(60) == 0, errors
    assert b"\x1b[" in said, "or it is no terminal"
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", said.decode()).replace("\r\n", "\n")
    parts = text.split("\n@@@ ")[1:]
    return {command: part.split("\n")[1:] for command, part in zip(commands, parts, strict=True)}


@pytest.fixture(scope="module")
def screens():
    return {columns: on_a_terminal(COMMANDS, columns) for columns in (80, 120)}


@pytest.fixture(scope="module")
def piped():
    return {command: run(*command).stdout for command in COMMANDS}


def words_of(text):
    """Return what is said, but for the latents that a screen cuts short."""
    text = re.sub(r"(?ms)^made from\n.*?\n\n", "", text + "\n\n")
    return text.split()


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_shows_every_word_whole_and_nothing_past_its_edge(screens, piped, columns):
    for command, lines in screens[columns].items():
        assert max(map(len, lines)) <= columns, command
        assert [line for line in lines if line != line.rstrip()] == [], command
        if command[0] != "plan":  # its figures are a table or a list, as there is room
            assert words_of("\n".join(lines)) == words_of(piped[command]), command
    assert "1,000,000,000,000,000" in "\n".join(screens[columns]["plan", "copy-tiny", "--rows", "1e15"])


def test_a_pipe_gets_whole_lines_without_colours_and_blanks(piped):
    for command, text in piped.items():
        assert text, command
        assert "\x1b" not in text
        assert [line for line in text.splitlines() if line != line.rstrip()] == [], command
        assert text == run(*command).stdout or command[0] == "plan", "and the same again"
    row = synthgen.load(SPECS["igsm"]).row(0)
    assert (
        f"prompt\n  {row['prompt']}\ncompletion\n  {row['completion'].strip()}\n"
        in piped["show", SPECS["igsm"], "-n", "2"]
    )


def test_what_is_shown_is_the_row(piped):
    shown = piped["show", SPECS["bios"], "-n", "2"]
    row = synthgen.load(SPECS["bios"]).row(0)
    for kind, (span, *_) in row["latent"]["spans"].items():
        assert re.search(rf"^  {kind} +{re.escape(row['text'][span['start'] : span['end']])}", shown, re.M), kind
    assert re.search(r"^  wording +33\.5930  █{24}$", shown, re.M)
    assert re.search(r"^  order +9\.4919  █{7}$", shown, re.M)
    assert re.search(r"^  values: employer +Thistlemont Glassworks$", shown, re.M)


def test_a_plan_says_that_rows_are_of_each_split(piped):
    splits = len(load_spec("copy-tiny").splits)
    assert (
        f"copy-tiny: {10**15:,} rows of each of {splits} splits, {splits * 10**15:,} in all"
        in piped["plan", "copy-tiny", "--rows", "1e15"]
    )


# -- facts and fields -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", SPECS)
def test_every_fact_has_words(task):
    facts = json.loads((Path(__file__).parent / f"snapshots/entropy/{task}.json").read_text())["facts"]
    assert set(facts) <= set(GLOSSARY)


def test_a_fact_of_a_plug_in_is_told_by_its_name():
    assert meaning("coin_bits") == ("further facts", "coin bits", "bits")
    assert meaning("heads") == ("further facts", "heads", "")


@pytest.mark.parametrize("task", task_names())
def test_every_field_of_params_is_told(task):
    fields = {field["field"]: field for field in fields_of(task)}
    top = [name for name in fields if "." not in name]
    assert top == list(task_class(task).Params.model_fields)
    assert all(field["kind"] for field in fields.values())
    assert all(fields[name]["meaning"] for name in top)


def test_fields_have_range_and_default():
    fields = {field["field"]: field for field in fields_of("mano")}
    assert (fields["operations"]["kind"], fields["operations"]["range"], fields["operations"]["default"]) == (
        "whole number", "1 to 100", 10,
    )  # fmt: skip
    assert "did you mean 'mano'?" in run("params", "mno").stderr
    assert {field["field"] for field in json.loads(run("params", "igsm", "--json").stdout)} >= {"op", "retry.rate"}


# -- numbers and names that people type -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("5_000", 5000),
        ("1e6", 10**6),
        ("10k", 10_000),
        ("2.5M", 2_500_000),
        ("1.5e3", 1500),
        ("3T", 3 * 10**12),
    ],
)
def test_a_count_is_written_as_people_do(text, number):
    assert count_of(text) == number


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1e", "k", "1.5", "0.5k1", "1e-3", "١٠", "1 k", "1m", "1,000", "1e999", "nan"]
)
def test_what_is_no_count_is_told(text):
    with pytest.raises(SynthgenError, match=r"write a whole number|is no whole number"):
        count_of(text)
    done = run("plan", "copy-tiny", f"--rows={text}")
    assert (done.returncode, "--rows" in done.stderr) == (2, True)


def test_the_beginning_of_names_finds_them_all():
    done = run("show", "igsm")
    assert done.returncode == 2
    count = len([name for name in shipped_specs() if name.startswith("igsm")])
    assert f"no spec named 'igsm', but igsm*: {count} specs, such as 'igsm-five-worlds'" in done.stderr
    assert "did you mean 'mano-tiny'?" in run("show", "mano-ti").stderr


def test_version_and_completion(monkeypatch):
    assert run("--version").stdout == f"synthgen {__version__}\n"
    for name, value in (
        ("_SYNTHGEN_COMPLETE", "complete_bash"),
        ("COMP_WORDS", "synthgen show cfg3"),
        ("COMP_CWORD", "2"),
    ):
        monkeypatch.setenv(name, value)
    assert set(run("x").stdout.split()) == {name for name in shipped_specs() if name.startswith("cfg3")}


def test_flags_have_no_kind():
    for command in ("generate", "show", "push"):
        assert "bool" not in run(command, "--help").stdout.lower()


# -- splits -----------------------------------------------------------------------------------------------------------


def test_a_split_that_is_in_no_spec_is_refused_unless_it_is_asked_for_as_fresh(tmp_path):
    for command in ("show", "entropy", "plan"):
        done = run(command, "copy-tiny", "--split", "tset")
        assert done.returncode == 2
        assert "copy-tiny has no split 'tset' (did you mean 'test'?)" in done.stderr
        assert "--split fresh:tset" in done.stderr
    with pytest.raises(SynthgenError, match="no split 'tset'"):
        synthgen.generate("copy-tiny", tmp_path / "o", splits=["tset"], rows=5)
    with pytest.raises(SynthgenError, match="no split 'tset'"):
        synthgen.windows("copy-tiny", 66, split="tset")
    assert not (tmp_path / "o").exists()


def test_a_fresh_split_has_the_rows_and_the_name_that_it_always_had(tmp_path):
    source = synthgen.load("copy-tiny")
    rows = source.batch(0, 5, "2026-11").to_pylist()
    assert source.batch(0, 5, "fresh:2026-11").to_pylist() == rows
    assert source.entropy("fresh:2026-11").split == "2026-11"
    manifest = synthgen.generate("copy-tiny", tmp_path / "new", splits=["fresh:2026-11"], rows=5)
    assert list(manifest.splits) == ["2026-11"]
    assert [shard.path for shard in manifest.shards] == ["data/2026-11-00000-of-00001.arrow"]
    assert synthgen.open(tmp_path / "new")["2026_11"]["id"] == [0, 1, 2, 3, 4]
    assert run("check", tmp_path / "new").returncode == 0
    before = files(tmp_path / "new")
    synthgen.generate("copy-tiny", tmp_path / "new", splits=["fresh:2026-11"], rows=5)
    synthgen.generate(tmp_path / "new/spec.toml", tmp_path / "new")  # there it is a split as any other
    assert files(tmp_path / "new") == before, "a folder made before goes on"
    batch = next(iter(synthgen.windows("copy-tiny", 66, split="fresh:2026-11", batch_size=5)))
    said = " ".join(map(str, batch["input_ids"].ravel().tolist()))
    assert " ".join(map(str, rows[0]["input_ids"])) in said


@pytest.mark.parametrize("name", ["fresh:test", "fresh:a-b", "fresh:a_b"])
def test_a_fresh_split_is_none_of_the_spec(name):
    spec = load_spec("copy-tiny", sets={"splits.a-b.rows": 5})
    with pytest.raises(SynthgenError, match=rf"--split {name}: copy-tiny has a split"):
        with_splits(spec, [name])
    with pytest.raises(SynthgenError, match="a_b"):
        with_splits(load_spec("copy-tiny"), ["fresh:a-b", "fresh:a_b"])
    with pytest.raises(SynthgenError, match="split 'a b'"):
        with_splits(spec, ["fresh:a b"])
