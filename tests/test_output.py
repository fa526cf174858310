"""Output that cannot be written, or that a terminal would obey: silence, a sentence or an escape, and the right code."""

import json
import math
import os
import subprocess
import sys

import pytest
from helpers import process, run, said_beside, strict_json

import synthgen
from synthgen.cli.terminal import json_text
from synthgen.dataset.plain_text import fence_of, in_json, in_markdown, shown

COMMAND = [sys.executable, "-m", "synthgen"]
EVIL = "\x1b[2J\x9b31m\u202e\x07"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "out[/bold]x :smile:"
    made = run("generate", "copy-tiny", "--split", "test", "--rows", 5, "--out", out)
    assert (made.returncode, said_beside(made.stderr)) == (0, "")
    assert f"{out}: 5 rows" in made.stdout
    return out


@pytest.fixture
def broken(folder, tmp_path):
    """A folder whose check fails."""
    synthgen.generate("copy-tiny", tmp_path / "broken", splits=["test"], rows=5)
    (tmp_path / f"broken/data/x{EVIL}").touch()
    return tmp_path / "broken"


def test_markup_in_a_path_is_text(folder):
    done = run("check", folder)
    assert (done.returncode, said_beside(done.stderr)) == (0, "")
    assert f"{folder}: all checks passed" in done.stdout


def closed(*arguments):
    """Run a command whose reader is gone before it writes; return its exit code and what it complains of."""
    read, write = os.pipe()
    os.close(read)
    running = subprocess.run(
        [*COMMAND, *map(str, arguments)], stdout=write, stderr=subprocess.PIPE, text=True, timeout=120
    )
    os.close(write)
    return running.returncode, said_beside(running.stderr)


def test_a_closed_pipe_changes_no_exit_code(folder, broken):
    """Nor does anybody complain; the result of `check` is not lost with its words."""
    assert closed("check", folder) == (0, "")
    assert closed("check", broken) == (1, "")
    assert closed("show", "copy-tiny", "-n", 1_000_000, "--json") == (0, ""), "and what nobody reads is not made"


def test_a_full_device_is_told():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "show", "copy-tiny"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120
        )
    told = "synthgen: the output cannot be written: No space left on device\n"
    assert (done.returncode, said_beside(done.stderr)) == (1, told)


def test_closed_streams_are_no_error():
    line = " ".join(COMMAND)
    assert (
        said_beside(subprocess.run(f"{line} show copy-tiny >&-", shell=True, capture_output=True, text=True).stderr)
        == ""
    )
    done = subprocess.run(f"{line} show nope 2>&-", shell=True, capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.fixture
def letters(tmp_path):
    return spec_of_words(tmp_path, "document", "läuft", "猫")


def spec_of_words(folder, row_format, *words):
    """Write a spec whose rows say some words, or x and y; return its path."""
    rules = ", ".join(json.dumps(word) for word in words)
    (folder / "g.toml").write_text(f'root = "S"\n[rules]\nS = [[{rules}], ["x", "y"]]\n')
    (folder / "s.toml").write_text(
        f'task = "cfg"\nrow_format = "{row_format}"\n[params]\ngrammar = "g.toml"\n[splits.train]\nrows = 100\n'
    )
    return folder / "s.toml"


def test_a_terminal_without_these_letters_gets_escapes(letters):
    done = process("show", letters, "-n", 20, env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"})
    assert (done.returncode, said_beside(done.stderr)) == (0, "")
    assert done.stdout.isascii()
    assert "\\u732b" in done.stdout
    done = process("show", letters, "-n", 20, "--json", env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, said_beside(done.stderr)) == (0, "")
    assert done.stdout.isascii()
    assert any("猫" in row["text"] for row in json.loads(done.stdout)), "the same in another spelling"


def test_a_terminal_does_not_obey_what_others_wrote(broken, tmp_path):
    spec = spec_of_words(tmp_path, "tokens", "a", f"e{EVIL}")  # texts of such words are refused, token rows are not
    source = synthgen.load(spec)
    said = {source.vocab.names[i] for ids in source.batch(0, 20)["input_ids"].to_pylist() for i in ids}
    assert f"e{EVIL}" in said, "or nothing is tested"
    outputs = [run("show", spec, "-n", 20), run("entropy", spec), run("check", broken)]
    outputs += [run("show", f"x{EVIL}"), run("check", tmp_path / f"none{EVIL}")]
    assert "\\x1b" in outputs[0].stdout
    assert all("\\x1b" in done.stdout + done.stderr for done in outputs[2:])
    for done in outputs:
        assert not set(EVIL) - set("[2J31m") & set(done.stdout + done.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "copy-tiny", "-n", 10**9), "-n 1000000000: must be from 1 to 1,000,000"),
        (("show", "copy-tiny", "--set", f"tokens={'9' * 5000}"), "--set tokens: not valid TOML: a number of thousands"),
        (("show", "copy-tiny", "--set", f"tokens={'9' * 30}"), "beyond 64 bits"),
        (("show", "copy-tiny", "--row", "9" * 30), "rows are numbered from 0"),
        (("show", "copy-tiny", "--plot", "/proc/none/x.png"), ""),
    ],
)
def test_what_cannot_be_shown_is_told(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 400


def test_rows_are_the_same_shown_a_few_at_a_time():
    rows = json.loads(run("show", "copy-tiny", "-n", 600, "--row", 3, "--json").stdout)
    assert rows == json.loads(json.dumps(synthgen.load("copy-tiny").batch(3, 603).to_pylist()))


def test_a_limit_of_file_sizes_is_told(tmp_path):
    command = (
        f"ulimit -f 20; exec {' '.join(COMMAND)} generate copy-tiny --split test --rows 4000 --out {tmp_path}/data"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "the system refuses files of this size" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data/manifest.json").exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise RuntimeError('boom')", "cannot be imported: RuntimeError: boom"),
        ("import sys; sys.exit(3)", "cannot be imported: SystemExit: 3"),
        ("def", "cannot be imported: SyntaxError"),
        ("Bad = 3", "is no class of a task"),
    ],
)
def test_a_plug_in_that_fails_is_named(tmp_path, code, message, monkeypatch):
    (tmp_path / "broken_plugin.py").write_text(code)
    about = tmp_path / "broken_plugin-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[synthgen.tasks]\nbad = broken_plugin:Bad\n")
    (tmp_path / "s.toml").write_text('task = "bad"\n[splits.train]\nrows = 1\n')
    monkeypatch.syspath_prepend(tmp_path)
    from synthgen.tasks import task_class, task_names

    caches = task_class, task_names
    for cache in caches:
        cache.cache_clear()
    try:
        done = run("show", tmp_path / "s.toml")
        assert done.returncode == 2
        assert "task 'bad': its package broken-plugin, as broken_plugin:Bad," in done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert run("show", "copy-tiny").returncode == 0, "others are as they were"
    finally:
        sys.modules.pop("broken_plugin", None)
        for cache in caches:
            cache.cache_clear()


def test_cards_show_what_others_wrote_as_text(tmp_path):
    title = f"<img src=x onerror=alert(1)> [c](javascript:d) a|b `e` {EVIL}"
    (tmp_path / "s.toml").write_text(
        f'task = "copy"\ntitle = {json.dumps(title)}\n[splits.test]\nrows = 4\n[params]\n', encoding="utf-8"
    )
    synthgen.generate(tmp_path / "s.toml", tmp_path / "data")
    for command in ((), ("card", tmp_path / "data", "--no-pictures")):
        if command:
            assert run(*command).returncode == 0
        card = (tmp_path / "data/README.md").read_text(encoding="utf-8")
        assert in_markdown(title) in card
        assert "<img" not in card
        assert "[c](" not in card
        assert shown(card) == card


def test_what_is_no_number_is_null():
    figures = {"low": -math.inf, "mean": 0.5, "of": [(math.nan, 1)], "rows": 2}
    assert strict_json(json_text(figures)) == {"low": None, "mean": 0.5, "of": [[None, 1]], "rows": 2}


def test_escapes():
    assert shown("a\tb\nc é 猫") == "a\tb\nc é 猫"
    assert shown(EVIL) == "\\x1b[2J\\x9b31m\\u202e\\x07"
    assert json.loads(in_json(json.dumps({"a": EVIL}, ensure_ascii=False))) == {"a": EVIL}
    assert in_markdown("a\n# b") == "a # b"
    assert fence_of("a ```` b") == "`````"
    assert fence_of("a") == "```"
