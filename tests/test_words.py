"""Words that people bring: what is taken is read right to the end, and what is not is told with file, line and reason."""

import itertools
import tempfile
from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.spec import spec_of_table

LISTS = ("first_names", "middle_names", "last_names", "birth_cities", "universities", "majors", "employers")
SIZES = {"first_names": 3, "middle_names": 2, "last_names": 2, "templates": 8}
TASKS = {
    "bios": {"people": 8},
    "rewrites": {"people": 8, "entries": 2, "clauses": 3},
    "qa": {"people": 8, "group": "all", "forms": ["extract", "inverse.full_six"], "paraphrases": 2, "hint": 0.0},
}
counter = itertools.count()


def spec_with(folder, task, files, params=None):
    """Return a spec of `task` whose lists, in a folder of their own, are `files`."""
    lists = folder / f"lists{next(counter)}"
    lists.mkdir()
    for name, text in files.items():
        (lists / name).write_bytes(text.encode() if isinstance(text, str) else text)
    table = {"task": task, "params": {**TASKS[task], "lists": lists.name, **(params or {})}}
    return spec_of_table({**table, "splits": {"train": {"rows": 8}}}, "mine", folder)


def assert_read_to_the_end(spec):
    source = synthgen.load(spec)
    for row in source.batch(0, 8).to_pylist():
        verdict = source.verify(row)
        assert verdict.correct, (row, verdict)


LETTERS = "abcdeAB éé\u0301ßß.,;:'’\"-&()/{}|%<>\\0189\u00a0\u200b\u200c\u2028\ufeff\x85\t木"
PLAIN = "abcdehirsAB é,'-&()/{}|09木"
words = st.text(PLAIN, min_size=1, max_size=9) | st.text(LETTERS, min_size=1, max_size=6)
SEEDS = [
    "O'Neill",
    "Jr.",
    "J.",
    "St. Louis, MO",
    "Acme Inc.",
    "A; B",
    "May",
    "1999",
    "The",
    "person",
    "he",
    "Anna's",
    "was",
]
entries = st.lists(words | st.sampled_from(SEEDS), min_size=1, max_size=3)


list_cases = st.tuples(
    st.sampled_from([*TASKS]), st.sampled_from(LISTS), entries, st.sampled_from(["\n", "\r\n"]), st.booleans()
)
"""Task, list, its entries, how its lines end, and whether it begins with a byte order mark."""

terminal_cases = st.tuples(
    st.lists(words | st.just("") | st.just("North End"), min_size=1, max_size=5),
    st.sampled_from(["document", "tokens"]),
)
"""Terminals of a grammar, and the format of its rows."""


def read_list_or_refuse(task, name, entries, newline, mark):
    """Make rows of a list and have each verified, unless it is refused with the name of the file."""
    if name == "employers":
        entries = [f"{entry}; Zyx{i}" for i, entry in enumerate(entries)]
    text = ("\ufeff" if mark else "") + newline.join([*entries, ""])
    with tempfile.TemporaryDirectory() as folder:
        try:
            sizes = {part: size for part, size in SIZES.items() if part != name}
            spec = spec_with(Path(folder), task, {f"{name}.txt": text}, {"sizes": sizes, "people": 1})
        except SynthgenError as error:
            assert f"{name}.txt" in str(error) or "clauses.toml" in str(error) or "names" in str(error)
            return
        source = synthgen.load(spec)
        for row in source.batch(0, source.rows_max() or 4).to_pylist():
            assert source.verify(row).correct, (row, source.verify(row))
            assert "\ufeff" not in str(row) and "\r" not in str(row)


def read_terminals_or_refuse(terminals, row_format):
    """Make rows of a grammar with these terminals and have each verified, unless its file is refused by name."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "g.toml"
        rules = {"S0": [["S1", word] for word in terminals], "S1": [[*terminals], ["x"]]}
        file.write_text(tomli_w.dumps({"root": "S0", "rules": rules}))
        table = {"task": "cfg", "row_format": row_format, "params": {"grammar": "g.toml"}}
        try:
            spec = spec_of_table({**table, "splits": {"train": {"rows": 8}}}, "mine", Path(folder))
        except SynthgenError as error:
            assert "g.toml" in str(error)
            return
        assert_read_to_the_end(spec)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(list_cases)
@example(("bios", "birth_cities", ["St. Louis, MO"], "\n", False))
@example(("rewrites", "universities", ["Davis, University of"], "\n", False))
@example(("rewrites", "majors", ["History and Law"], "\n", False))
@example(("qa", "employers", ["Smith, Wesson and Sons"], "\n", False))
@example(("bios", "last_names", ["O'Neill", "Ste-Marie"], "\r\n", True))
@example(("rewrites", "first_names", ["he", "Otto"], "\n", False))
def test_lists_are_refused_or_read_right_to_the_end(case):
    read_list_or_refuse(*case)


@given(terminal_cases)
def test_terminals_are_refused_or_read_right_to_the_end(case):
    read_terminals_or_refuse(*case)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("first_names.txt", "Otto\nJ.\n", r"first_names\.txt, line 2: name 'J\.': a name has no full stop"),
        ("last_names.txt", "Smith,\n", r"line 1: name 'Smith,': a name has no full stop, comma or semicolon"),
        ("birth_cities.txt", "Paris\nMilltown\n", r"line 1: 'Paris' is a name too \(.*middle_names\.txt, line \d+\)"),
        ("birth_cities.txt", "Milltown\nSt. Louis, MO\n", r"line 2: 'St\. Louis, MO': a full stop ends a sentence"),
        ("majors.txt", "1999\n", r"line 1: '1999' is a part of a date"),
        ("majors.txt", "Café\n\nCafe\u0301\n", r"line 3: 'Cafe\\u0301' looks like 'Caf\\xe9' \(.*, line 1\)"),
        ("majors.txt", "Alche\u200bmy\n", r"line 1: 'Alche\\u200bmy': holds U\+200B \(ZERO WIDTH SPACE\)"),
        ("first_names.txt", "Anna\u00a0Maria\n", r"line 1: .* holds U\+00A0 \(NO-BREAK SPACE\); write a plain space"),
        ("majors.txt", "Alchemy\u2028Astrology\n", r"line 1: .* holds U\+2028 \(LINE SEPARATOR\)"),
        ("first_name.txt", "Otto\n", r"first_name\.txt: no list is called so \(did you mean 'first_names\.txt'\?\)"),
    ],
)
def test_what_is_wrong_with_a_list_is_told_with_its_line(tmp_path, name, text, message):
    with pytest.raises(SynthgenError, match=message):
        spec_with(tmp_path, "bios", {name: text})


def test_a_mark_and_carriage_returns_are_no_words(tmp_path):
    spec = spec_with(tmp_path, "bios", {"first_names.txt": "\ufeffRenée\r\nOtto\r\n"})
    assert synthgen.load(spec).task().lists.first_names == ("Renée", "Otto")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{S} studied. {he} chose {v}.", "one sentence"),
        ("{S} studied {v}!", "one sentence"),
        ("{S} studied {v} with {hers} books.", "unknown marker {hers}"),
        ("{S} {majored|majored} in {v}.", "says the same as"),
    ],
)
def test_templates_that_could_not_be_read_are_told_when_the_spec_is_read(tmp_path, template, message):
    from synthgen.tasks.bios.world.lists import OWN

    own = (OWN / "templates.toml").read_text()
    text = own.replace("major = [\n", f'major = [\n  "{template}",\n')
    assert text != own
    with pytest.raises(SynthgenError, match=message):
        spec_with(tmp_path, "bios", {"templates.toml": text})


@pytest.mark.parametrize("terminal", ["North End", "", " x", "x\u00a0y", "x\u200b"])
def test_a_terminal_of_text_is_one_word(tmp_path, terminal):
    (tmp_path / "g.toml").write_text(tomli_w.dumps({"root": "S", "rules": {"S": [[terminal, "y"]]}}))
    table = {"task": "cfg", "params": {"grammar": "g.toml"}, "splits": {"train": {"rows": 8}}}
    with pytest.raises(SynthgenError, match=r"params\.grammar = 'g\.toml': terminal .*; or take row_format = 'tokens'"):
        spec_of_table({**table, "row_format": "document"}, "mine", tmp_path)
    assert_read_to_the_end(spec_of_table(table, "mine", tmp_path))
