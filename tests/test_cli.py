"""The command line: the contract's names, exit codes and JSON; errors for people and never a traceback."""

import io
import json
import math
import os
import pty
import re
import signal
import subprocess
import sys
import time
from fnmatch import fnmatch

import pytest
from helpers import process, run, said_beside, start, strict_json
from rich.console import Console

import synthgen
from synthgen.bench.disk import BUILDS
from synthgen.bench.rates import BENCHMARKS
from synthgen.cli.entropies import ENTROPIES
from synthgen.cli.listing import print_listing, shipped_listing
from synthgen.exact.bits import stated_bits
from synthgen.exact.entropy import text_entry
from synthgen.spec.spec import shipped_specs


def loads(*arguments):
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return strict_json(done.stdout)


def test_help_names_every_command_and_imports_nothing_heavy():
    done = run("--help")
    assert done.returncode == 0
    for command in ("list", "show", "entropy", "plan", "generate", "finish", "check", "card", "push", "pull", "bench"):
        assert f" {command} " in done.stdout
    code = "import sys; sys.argv = ['synthgen', '--help']\nimport atexit, synthgen.cli\n"
    code += "atexit.register(lambda: print(sorted({'numba', 'numpy', 'pyarrow', 'datasets'} & set(sys.modules))))\nsynthgen.cli.main()"
    heavy = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert heavy.stdout.strip().endswith("[]"), heavy.stdout[-200:]


def test_help_names_every_benchmark():
    said = " ".join(run("bench", "--help").stdout.split())
    assert set(re.findall(r"\w+", said)) >= set(BENCHMARKS)


def test_benchmarks_ask_for_rows_that_there_are():
    for spec, rows in BUILDS.items():
        limit = synthgen.load(spec).rows_max("train")
        assert limit is None or rows <= limit, spec


def test_a_command_starts_without_pandas_which_is_there_when_asked_for():
    code = "import sys, pyarrow, synthgen.cli; sys.argv = ['synthgen', 'show', 'copy-tiny', '--json']\n"
    code += "try:\n    synthgen.cli.main()\nexcept SystemExit:\n    print('pandas' in sys.modules)\n"
    code += "print(len(pyarrow.table({'n': [1, 2]}).to_pandas()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split()[-2:] == ["False", "2"], done.stderr


def test_the_entropy_of_a_shipped_spec_is_read():
    """Of its first split, without a task or a kernel; whatever differs is made, and agrees where it is the same."""
    code = "import sys; sys.argv = ['synthgen', 'entropy', 'igsm-open', '--json']\nimport atexit, synthgen.cli\n"
    code += "atexit.register(lambda: print(sorted({'numba', 'pyarrow', 'synthgen.tasks'} & set(sys.modules))))\nsynthgen.cli.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip().endswith("[]"), done.stderr
    assert set(json.loads(ENTROPIES.read_text("utf-8"))) == set(shipped_specs())
    stated, again = loads("entropy", "copy-tiny", "--json"), loads("entropy", "copy-tiny", "--seed", "3", "--json")
    assert stated == again == loads("entropy", "copy-tiny", "--split", "train", "--json")
    assert loads("entropy", "copy-tiny", "--split", "test", "--json") == stated | {"split": "test"}
    assert loads("entropy", "copy-tiny", "--set", "tokens=4", "--json")["bits"] == pytest.approx(math.log2(24))


def test_list_json():
    table = loads("list", "--json")
    assert [entry["name"] for entry in table] == shipped_specs()
    for entry in table:
        keys = {"name", "task", "paper", "row_format", "splits", "rows", "bits", "status", "text", "difficulty"}
        assert keys <= set(entry)
        assert entry["rows"] > 0
        assert "train" in entry["splits"]
    assert {entry["suite"] for entry in table} == {"", "Canon playground"}


def test_entropy_json_of_cfg3f():
    table = loads("entropy", "cfg3f", "--json")
    assert abs(table["bits"] - 268.6606) < 1e-4
    assert abs(table["facts"]["expected_length"] - 249.860) < 1e-3
    assert table["status"] == "bracket"
    low, value, high = (table["text"][key] for key in ("low", "value", "high"))
    assert table["bits"] - 0.6 < low < value < high < table["bits"]
    assert (table["text"]["level"], table["text"]["method"]) == (pytest.approx(1 - 1e-6), "empirical-bernstein")
    assert table["books"]["derivation"] == {"bits": table["bits"], "status": "exact", "scope": "row"}
    text = run("entropy", "cfg3f").stdout
    assert "268.6606" in text
    assert f"{low:.4f} to {high:.4f}" in text


def test_entropy_json_of_bios():
    table = loads("entropy", "bios-single", "--json")
    facts, floor = table["facts"], table["floor"]
    assert abs(facts["attribute_bits_a_person"] - 46.5916) < 1e-4
    assert facts["pronoun_bits_a_person"] == 1
    assert abs(floor["document"]["bits"] * math.log(2) - (11.512925 + 23.284875)) < 1e-3
    assert (floor["row"]["bits"], floor["token"]) == (table["text"]["value"], None)


def test_show_json_and_text():
    (row,) = loads("show", "bios-single", "--row", 17, "--json")
    assert row["id"] == 17
    text = run("show", "bios-single", "--row", 17, "-n", 2).stdout
    assert "row 17" in text
    assert "row 18" in text
    assert re.search(r"wording +33\.5930", text)
    assert run("show", "bios-single", "--row", 10**9).returncode == 2
    assert run("show", "bios-single", "-n", 0).returncode == 2


def test_plan_json():
    plan = loads("plan", "cfg3f", "--rows", 1_000_000, "--json")
    assert plan["rows"] == 2_000_000
    assert plan["shards"] == sum(split["shards"] for split in plan["splits"].values())
    assert 500 < plan["bytes"] / plan["rows"] < 1000
    assert plan["disk_fits"] is True
    huge = loads("plan", "cfg3f", "--rows", 10**15, "--split", "train", "--json")
    assert huge["disk_fits"] is False
    assert "DOES NOT FIT" in run("plan", "cfg3f", "--rows", 10**15, "--split", "train").stdout


def test_generate_and_check_print_what_they_did(tmp_path):
    made = process("generate", "cfg3b", "--split", "test", "--rows", 300, "--out", tmp_path / "a")
    assert "300 rows" in made.stdout
    assert "rows a second" in made.stdout
    assert said_beside(made.stderr) == ""
    again = run("generate", "cfg3b", "--split", "test", "--rows", 300, "--out", tmp_path / "a", "--json")
    assert json.loads(again.stdout)["totals"]["rows"] == 300
    checked = run("check", tmp_path / "a")
    assert "all checks passed" in checked.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "nope"), "no spec named 'nope'"),
        (("show", "cfg3f", "--set", "grammer=cfg3b"), "did you mean 'grammar'?"),
        (("show", "cfg3f", "--set", "grammar"), "write field=value"),
        (("show", "cfg3f", "--split", "a b"), "split 'a b'"),
        (("generate", "cfg3f"), "--out"),
        (("generate", "cfg3f", "--out", "x", "--rows", "many"), "--rows"),
        (("check", "no-such-folder"), "no such folder"),
        (("finish", "no-such-folder"), "nothing to finish"),
        (("bench", "no-such-task"), "no benchmark named"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_wrong_usage_exits_with_2_and_a_sentence(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_within_a_kernel_waits_for_its_end(tmp_path, number, code):
    """A kernel that returns an array has its type unpickled by Python; an error there would crash the process."""

    def strike(frame, event, argument):
        if event == "call" and frame.f_code.co_name == "_numba_unpickle":
            sys.setprofile(None)
            os.kill(os.getpid(), number)

    command = ("generate", "bios-multi5", "--set", "people=20000", "--shards", 4, "--out", tmp_path / "data")
    usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    before = signal.signal(number, usual)  # a shell's background jobs ignore Ctrl-C, and so would the tests in one
    try:
        sys.setprofile(strike)
        done = run(*command)
        assert sys.getprofile() is None, "it arrived"
        assert signal.getsignal(number) is usual, "and is as it was"
    finally:
        sys.setprofile(None)
        signal.signal(number, before)
    assert done.returncode == code, done.stderr
    assert "the same command goes on from here" in done.stderr
    assert "Traceback" not in done.stderr


def test_interrupted_runs_say_how_to_go_on(tmp_path):
    out = tmp_path / "data"
    command = ("generate", "bios-multi5", "--set", "people=30000", "--shards", 40, "--workers", 2, "--out", out)
    running = start(*command)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (list((out / "data").glob("*.arrow")) if (out / "data").exists() else ()):
        time.sleep(0.005)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the parent and its workers
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "the same command goes on from here" in errors
    assert "Traceback" not in errors
    assert not (out / "manifest.json").exists()
    assert run(*command).returncode == 0
    assert run("check", out, "--sample", 0).returncode == 0
    assert not (out / ".synthgen").exists()


def test_progress_is_drawn_on_a_terminal_only(tmp_path):
    command = [sys.executable, "-m", "synthgen", "generate", "cfg3b", "--split", "test", "--out"]
    piped = subprocess.run([*command, str(tmp_path / "a")], capture_output=True, text=True, check=True)
    assert "rows" not in piped.stderr.replace("compiling", "")
    leader, follower = pty.openpty()
    shown = subprocess.Popen([*command, str(tmp_path / "b")], stdout=subprocess.PIPE, stderr=follower, text=True)
    os.close(follower)
    drawn = b""
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:
            break
        if not chunk:
            break
        drawn += chunk
    assert shown.wait(60) == 0
    assert b"rows" in drawn
    shown.stdout.close()
    os.close(leader)


def test_a_closed_pipe_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m synthgen show cfg3b -n 90 --json | head -c 10", shell=True, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    assert done.stdout == '[\n {\n  "id'


def test_the_list_fits_a_narrow_terminal_and_is_whole_in_a_pipe(capsys):
    """At 80 columns no line is longer, no word or number is cut; in a pipe a spec is one line, without blanks behind."""
    for pattern, long in (("", False), ("", True), ("igsm", False)):
        entries, out = shipped_listing(pattern), io.StringIO()
        print_listing(entries, long, Console(file=out, width=80, force_terminal=True, color_system=None))
        lines = out.getvalue().splitlines()
        assert max(map(len, lines)) <= 80
        assert not [line for line in lines if line != line.rstrip()]
        said = " ".join(out.getvalue().split())
        for entry in entries:
            assert (
                f" {entry['name']} {entry['rows']:,} {stated_bits(text_entry(entry))} {entry['title']} " in f" {said} "
            )
    lines = run("list").stdout.splitlines()
    titles = {entry["name"]: entry["title"] for entry in shipped_listing()}
    assert {name: line.split("  ")[-1] for name in titles for line in lines if line.startswith(f"{name} ")} == titles
    assert [entry["name"] for entry in shipped_listing("bios-*5")] == [n for n in titles if fnmatch(n, "bios-*5")]
    assert "igsm-medium: no spec is called so (did you mean 'igsm-med-qp'?)" in run("list", "igsm-medium").stderr
