"""Specs: every mistake gets a sentence with file, field, value and fix; identity hashes what decides the rows."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec, set_arguments, shipped_specs, spec_schema, specs_folder
from synthgen.task.foreign import read_toml

SPEC = """
task = "bios"
[params]
people = 50
[splits.train]
[splits.other]
rows = 20
params.order = "entry"
"""


@pytest.fixture
def write(tmp_path):
    def _write(text, name="mine.toml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return _write


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task = 'bio'", r"mine.toml: task = 'bio' is no task \(did you mean 'bios'\?\)"),
        ("task = 'bios'\ntaskk = 1", r"mine.toml: unknown key 'taskk' \(did you mean 'task'\?\)"),
        ("params = {}", r"mine.toml: 'task' is missing; add it"),
        ("task = 'bios'\n[params]\npeeple = 3", r"unknown key 'params.peeple' \(did you mean 'people'\?\)"),
        ("task = 'bios'\n[params]\npeople = 'many'", r"params.people = 'many': should be a valid integer"),
        ("task = 'bios'\n[params]\npeople = 0", r"params.people = 0: should be greater than or equal to 1"),
        ("task = 'bios'\n[params]\nentries = 0", r"params.entries = 0: entries must be between 1"),
        (
            "task = 'bios'\n[params]\norder = 'random'",
            r"params.order = 'random': should be 'fixed', 'entry', 'person' or 'couple'",
        ),
        ("task = 'bios'\n[params.sizes]\nyear = 3", r"unknown key 'params.sizes.year'"),
        (
            "task = 'bios'\nrow_format = 'prompt-completion'",
            r"row_format = 'prompt-completion': task 'bios' makes document",
        ),
        ("task = 'bios'\nseed = -1", r"seed = -1: should be greater than or equal to 0"),
        ("task = 'bios'\n[splits.train]\nrows = 0", r"splits.train.rows = 0: should be greater than 0"),
        ("task = 'bios'\n[splits.train]\nrow = 5", r"unknown key 'splits.train.row' \(did you mean 'rows'\?\)"),
        ("task = 'bios'\n[splits.'a/b']\nrows = 5", r"split 'a/b': use letters"),
        ("task = 'bios'\n[splits.x]\nparams.people = -5", r"splits.x.params.people = -5"),
        ("task = 'cfg'\n[params]\ngrammar = 'cfg9'", r"no grammar named 'cfg9' \(did you mean 'cfg3"),
        ("task = 'cfg'\n[params]\ngrammar = '../x.toml'", r"params.grammar = '../x.toml': name a file beside"),
        ("task = 'cfg'\n[params]\ngrammar = '/etc/x.toml'", r"params.grammar = '/etc/x.toml': name a file beside"),
        ("task = 'cfg'\n[params]\ngrammar = 'x.toml'", r"params.grammar = 'x.toml': no such file"),
        ("task = 'cfg'\n[params.grammar]\nsizes = [2, 2]", r"sizes must begin with 1"),
        ("task = 'cfg'\n[params.grammar]\nsizes = [1, 2]\nduplicate_symbols = false", r"need duplicate_symbols = true"),
        ("task = 'cfg'\n[params.grammar]\nsizes = [1, 9, 1]", r"give too few right-hand sides"),
        ("task = [", r"mine.toml: not valid TOML: "),
    ],
)
def test_mistakes_are_told(write, text, message):
    with pytest.raises(SynthgenError, match=message):
        load_spec(write(text))


def test_unknown_specs_and_files():
    with pytest.raises(SynthgenError, match=r"no spec named 'cfg3ff' \(did you mean 'cfg3f'\?\); see `synthgen list`"):
        load_spec("cfg3ff")
    with pytest.raises(SynthgenError, match=r"nowhere/x\.toml: no such spec file"):
        load_spec("nowhere/x.toml")


def test_two_mistakes_are_both_told(write):
    with pytest.raises(SynthgenError) as error:
        load_spec(write("task = 'bios'\n[params]\npeople = 0\norder = 5"))
    assert "people" in str(error.value)
    assert "order" in str(error.value)


def test_splits_override_params(write):
    spec = load_spec(write(SPEC))
    assert spec.params_of("train").order == "fixed"
    assert spec.params_of("other").order == "entry"
    assert spec.params_of("anything-else").order == "fixed"
    assert spec.params_of("other").people == 50


def test_identity_hashes_what_decides_the_rows(write):
    base = load_spec(write(SPEC)).content_id
    assert load_spec(write(SPEC.replace("rows = 20", "rows = 30"))).content_id == base
    assert load_spec(write(SPEC + "\n[splits.more]\nrows = 3")).content_id == base
    assert load_spec(write("title = 'A title'\n" + SPEC)).content_id == base
    assert load_spec(write(SPEC), seed=0, world=0).content_id == base
    changed = [
        load_spec(write(SPEC), seed=1),
        load_spec(write(SPEC), world=1),
        load_spec(write(SPEC), params={"people": 51}),
        load_spec(write(SPEC), sets={"full_name": True}),
    ]
    assert len({spec.content_id for spec in changed} | {base}) == 5


def test_the_world_defaults_to_the_seed(write):
    assert load_spec(write(SPEC), seed=7).world == 7
    assert load_spec(write(SPEC), seed=7, world=3).world == 3


def test_set_arguments():
    sets = set_arguments(["people=5", "params.order=entry", "full_name=true", "pronouns=['he']", "splits.train.rows=7"])
    spec = load_spec("bios-single", sets=sets)
    params = spec.params_of("train")
    assert (params.people, params.order, params.full_name, params.pronouns) == (5, "entry", True, ("he",))
    assert spec.splits["train"].rows == 7
    with pytest.raises(SynthgenError, match="write field=value"):
        set_arguments(["people"])


def test_resolved_specs_are_fixed_points(tmp_path):
    for name in shipped_specs():
        spec = load_spec(name)
        path = tmp_path / f"{name}.toml"
        path.write_text(spec.to_toml())
        again = load_spec(path)
        assert again.content_id == spec.content_id
        assert again.to_toml() == spec.to_toml()
        assert json.loads(json.dumps(spec.resolved())) == spec.resolved(), "a manifest's is read back"
        assert again.splits == spec.splits


def test_files_are_part_of_the_identity_and_travel_with_the_data(write, tmp_path):
    grammar = "root = 'S'\n[rules]\nS = [['a', 'b'], ['b']]\n"
    write(grammar, "g.toml")
    spec = write("task = 'cfg'\n[params]\ngrammar = 'g.toml'\n[splits.train]\nrows = 40\n")
    before = load_spec(spec).content_id
    synthgen.generate(spec, tmp_path / "out")
    assert (tmp_path / "out/assets/g.toml").read_text() == grammar
    again = load_spec(tmp_path / "out/spec.toml")
    assert again.content_id == before
    synthgen.generate(tmp_path / "out/spec.toml", tmp_path / "out2")
    data = "data/train-00000-of-00001.arrow"
    assert (tmp_path / "out" / data).read_bytes() == (tmp_path / "out2" / data).read_bytes()
    write(grammar.replace("['b']", "['b', 'b']"), "g.toml")
    assert load_spec(spec).content_id != before


def test_shipped_specs_say_what_they_are():
    for name in shipped_specs():
        text = (specs_folder() / f"{name}.toml").read_text()
        table = tomllib.loads(text)
        assert table["title"], name
        assert text.startswith("#:schema ./schema.json\n"), name
        for line in text.splitlines():
            if re.match(r"\w+ = ", line):
                assert "#" in text[: text.index(line)].splitlines()[-1], f"{name}: no comment above {line!r}"


def test_the_schema_for_editors_is_fresh():
    path = specs_folder() / "schema.json"
    wanted = json.dumps(spec_schema(), indent=1) + "\n"
    assert path.read_text() == wanted, "run `make schema`"


@given(st.text(max_size=60))
def test_junk_is_an_error_and_no_traceback(text):
    path = Path("/tmp") / f"synthgen-junk-{hash(text) % 1000}.toml"
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
        with pytest.raises(SynthgenError):
            load_spec(path)
    finally:
        path.unlink(missing_ok=True)


def test_splits_have_the_same_columns(tmp_path):
    """Retries add columns: a split that alone has them would not fit the schema of the others."""
    spec = tmp_path / "s.toml"
    spec.write_text('task = "igsm"\n[splits.train]\nrows = 9\nparams = { retry = { rate = 0.2 } }\n')
    with pytest.raises(SynthgenError, match=r"splits\.train\.params.*bits\.retries.*\[params\]"):
        load_spec(spec)
    spec.write_text(spec.read_text().replace("[splits.train]", "[params]\nretry = { rate = 0.0 }\n[splits.train]"))
    assert load_spec(spec).splits["train"].rows == 9


def test_an_installed_wheel_finds_its_specs(tmp_path):
    """A wheel holds the specs and the word lists: built, unpacked and used without the checkout."""
    root = Path(__file__).parents[1]
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        str(root),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(tmp_path / "site")], check=True)
    code = (  # the lists of words, and a row whose kernels compile in a second
        "import synthgen; print(synthgen.__file__); print(synthgen.load('bios-single').entropy().bits);"
        "print(synthgen.load('copy-tiny').row(3)['input_ids'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "site", capture_output=True, text=True, check=True
    )
    where, bits, tokens = done.stdout.strip().splitlines()
    assert where.startswith(str(tmp_path / "site"))
    assert float(bits) == synthgen.load("bios-single").entropy().bits
    assert tokens == str(synthgen.load("copy-tiny").row(3)["input_ids"])
    assert (tmp_path / "site/synthgen/py.typed").is_file(), "type checkers read the annotations of a marked package"


@pytest.mark.parametrize(
    "key",
    [".".join(["a"] * 200_000), "[" + ".".join(["b-c"] * 200_000) + "]", ' . '.join(['"a"'] * 100_000),
     "x = {" + ".".join(["a"] * 200_000) + " = 1}"],
    ids=["key", "table", "quoted", "inline"],
)  # fmt: skip
def test_keys_of_a_hundred_thousand_parts_are_refused_unread(key, tmp_path):
    """The reader of the standard library would take minutes for each."""
    path = tmp_path / "deep.toml"
    path.write_text(key if key.endswith(("]", "}")) else f"{key} = 1")
    with pytest.raises(SynthgenError, match="nested too deeply"):
        load_spec(path)


def test_long_texts_and_lists_are_no_deep_keys(tmp_path):
    path = tmp_path / "long.toml"
    text = "Mr. A. B. C. is in. " * 500 + "..." * 100
    path.write_text(f"text = {json.dumps(text)}\nnumbers = [{', '.join(['1.5'] * 500)}]\na.b.c = 1\n")
    assert read_toml(path)["text"] == text


# -- what is changed of a spec, and its splits ---------------------------------------------------------------------------


def test_a_changed_param_goes_into_the_splits_that_it_goes_with(tmp_path):
    """Depo with four hops for weak models (Part 4.1): the tests of eight hops are told of when they are wanted."""
    source = Source(load_spec("depo1-n225", sets={"hops": 4}))
    assert max(max(row["latent"]["hops"]) for row in source.batch(0, 20).to_pylist()) == 4
    assert source.spec.params_of("test_k4").hops == 4
    with pytest.raises(SynthgenError) as told:
        synthgen.generate("depo1-n225", tmp_path / "all", rows=2, params={"hops": 4})
    assert not (tmp_path / "all").exists()
    text = str(told.value)
    assert "from 1 to hops = 4" in text
    assert "--set splits.test_k8.params.size=... --set splits.test_k8.params.asked=..." in text
    assert "leave the split out (--split train --split test_k4 --split test_k2 --split test_k1)" in text
    some = ["train", "test_k4"]
    made = synthgen.generate("depo1-n225", tmp_path / "some", rows=2, params={"hops": 4}, splits=some)
    assert list(made.splits) == some
    assert all(finding.ok for finding in check_folder(tmp_path / "some"))
    both = {"hops": 4, "splits.test_k8.params.asked": [3]}
    assert load_spec("depo1-n225", sets=both).params_of("test_k8").asked == [3]
    with pytest.raises(SynthgenError, match=r"params.hops = 0: should be greater than or equal to 1$"):
        load_spec("depo1-n225", sets={"hops": 0})


def test_set_reaches_one_entry_of_a_list():
    for key in ("1", "minority"):
        spec = load_spec("bios-celebrity", sets={"component.0.weight": 1, f"component.{key}.weight": 3})
        assert [one.get("weight") for one in spec.params["component"]] == [1, 3]
    named = load_spec("bios-celebrity", sets={"component.celebrities.params.people": 10})
    assert named.params["component"][0]["spec"]["params"]["people"] == 10
    assert named.params["component"][1]["spec"]["params"]["people"] == 100_000
    with pytest.raises(SynthgenError, match=r"'2' is no entry of the list; it has 0 \(celebrities\), 1 \(minority\)"):
        load_spec("bios-celebrity", sets={"component.2.weight": 1})
    with pytest.raises(SynthgenError, match=r"--set component.1.spec.x: 'spec' is no table"):
        load_spec("bios-celebrity", sets={"component.1.spec.x": 1})
