"""Screens: on a terminal of 80 columns nothing is cut, broken within a word or past the edge; in a pipe nothing is broken."""

import contextlib
import json
import re
from pathlib import Path

import pytest
from helpers import SPECS, files, run
from terminals import assert_whole, on_a_terminal, words_of

import synthgen
from synthgen.cli.entropies import ENTROPIES
from synthgen.cli.fields import fields_of
from synthgen.cli.options import count_of
from synthgen.errors import SynthgenError
from synthgen.exact.facts import formatted
from synthgen.exact.glossary import GLOSSARY, meaning, told_facts
from synthgen.exact.keys import worded
from synthgen.spec.latents import SIGN, signs_of, told
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
    ("check", "whole"),
    ("show", SPECS["bios"], "--row", "3", "--split", "train"),
    ("export", "lm-eval", "--help"),
]
"""What only reads, and is run on a terminal: all of it in one process for each width. See `test_model_screens` too."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two datasets: one as it was made, and one with a fault."""
    out = tmp_path_factory.mktemp("screens")
    synthgen.generate(SPECS["qa"], out / "whole", rows=12, shards=1)
    synthgen.generate("copy-tiny", out / "torn", splits=["test"], rows=5)
    (out / "torn/data/a-file-that-nobody-has-listed-and-whose-name-is-long.arrow").touch()
    return out


@pytest.fixture(scope="module", params=[80, 120])
def columns(request):
    return request.param


@pytest.fixture(scope="module")
def screens(columns, folder):
    return on_a_terminal(COMMANDS, columns, folder)


@pytest.fixture(scope="module")
def piped(folder):
    with contextlib.chdir(folder):
        return {command: run(*command).stdout for command in COMMANDS}


def test_a_terminal_shows_every_word_whole_and_nothing_past_its_edge(screens, piped, columns):
    assert_whole(screens, columns)
    for command, lines in screens.items():
        if command[0] != "plan":  # its figures are a table or a list, as there is room
            assert words_of("\n".join(lines)) == words_of(piped[command]), command
    assert "1,000,000,000,000,000" in "\n".join(screens["plan", "copy-tiny", "--rows", "1e15"])


def test_a_pipe_gets_whole_lines_without_colours_and_blanks(piped, folder, monkeypatch):
    monkeypatch.chdir(folder)
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
        assert re.search(
            rf"^  {kind.replace('_', ' ')} +{re.escape(row['text'][span['start'] : span['end']])}", shown, re.M
        ), kind
    assert re.search(r"^  wording +33\.5930  █{24}$", shown, re.M)
    assert re.search(r"^  order +9\.4919  █{7}$", shown, re.M)
    assert re.search(r"^  values: employer +Thistlemont Glassworks$", shown, re.M)


def test_a_plan_says_that_rows_are_of_each_split(piped):
    splits = len(load_spec("copy-tiny").splits)
    assert (
        f"copy-tiny: {10**15:,} rows of each of {splits} splits, {splits * 10**15:,} in all"
        in piped["plan", "copy-tiny", "--rows", "1e15"]
    )


def test_a_fault_that_check_finds_is_told_within_the_edge(folder):
    code = ("check", "torn")
    lines = on_a_terminal([code], 80, folder)[code]
    assert_whole({code: lines}, 80)
    at = lines.index("FAIL no other file: data/:")
    assert lines[at + 1] == "     data/a-file-that-nobody-has-listed-and-whose-name-is-long.arrow"
    assert lines[-2] == "torn: 1 check failed"


# -- facts and fields -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", SPECS)
def test_every_fact_has_words(task):
    facts = json.loads((Path(__file__).parent / f"snapshots/entropy/{task}.json").read_text())["facts"]
    assert set(facts) <= set(GLOSSARY)


def test_every_fact_of_a_shipped_spec_has_words():
    """Of its first split; those of others differ in their figures."""
    lacking = {name: set(entry["facts"]) - set(GLOSSARY) for name, entry in json.loads(ENTROPIES.read_text()).items()}
    assert {name: facts for name, facts in lacking.items() if facts} == {}


def test_keys_are_words_where_a_row_or_a_figure_is_told():
    """Nothing that people read has an underscore, but for what they type: addresses, and names of files."""
    assert worded("company_city") == "company city"
    assert worded("retrieve.birth_city") == "retrieve.birth_city"
    assert worded("op", {"op": "operations"}) == "operations"
    assert dict(told({"a_b": {"op": 2}, "c": [], "d": [True, 0.5]}, {"op": "operations"})) == {
        "a b: operations": "2", "c": "none", "d": "yes, 0.5000",
    }  # fmt: skip
    assert (
        formatted({"birth_date": 1.5, "x": ["sentence_order", 3]}, "card") == "birth date 1.5000, x sentence order, 3"
    )
    facts = told_facts({"world_bits": 7, "length_min": 3, "length_max": 9, "coin_bits": 2}, "screen")
    assert facts == {
        "the world": [("all that there is to know", "7 bits")],
        "lengths and sizes": [("the shortest string", "3 tokens"), ("the longest string", "9 tokens")],
        "further facts": [("coin bits", "2 bits")],
    }


@pytest.mark.parametrize("task", task_names())
def test_a_glossary_has_words_for_fields_that_there_are(task):
    """A word for a field that is gone says nothing to anybody."""
    known = task_class(task).glossary
    assert all(words and "_" not in words for words in known.values())
    shown = (Path(__file__).parent / f"snapshots/show/{task}.txt").read_text() if task in SPECS else ""
    assert not re.search(
        r"^  \w*_\w*\b(?=:|  )", re.sub(r"(?ms)^(text|prompt|completion)\n.*?\n(?=\w)", "", shown), re.M
    )


def test_a_fact_of_a_plug_in_is_told_by_its_name():
    assert meaning("coin_bits") == ("further facts", "coin bits", "bits")
    assert meaning("heads") == ("further facts", "heads", "")


def test_signs_in_rows_are_told():
    """`<pronoun>` stood in rows of biod, and nothing said what it means."""
    seen = set()
    for task, spec in SPECS.items():
        source = synthgen.load(spec)
        names = source.task().vocab.names if source.task().vocab else {}
        pieces = [names.get(i, str(i)) for row in source.batch(0, 20).to_pylist() for i in row.get("input_ids", ())]
        told = signs_of(pieces, source.task().glossary)
        signs = {re.sub(r"\d+", "N", sign) for piece in pieces for sign in SIGN.findall(piece)}
        assert signs <= told.keys(), task
        seen |= signs
    assert {"<pronoun>", "<lenN>", "<edge>", "<query>", "<copy>"} <= seen


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
