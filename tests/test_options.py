"""Options: each is obeyed or refused with a sentence, and a value is what is written, of the kind that is asked for."""

import itertools
import json
import sys

import datasets
import pytest

import synthgen
from synthgen.cli import train_commands
from synthgen.cli.commands import main
from synthgen.errors import SynthgenError
from synthgen.spec.spec import load_spec, spec_of_table
from synthgen.train.score import score_completions
from synthgen.windowing.token_files import write_bins


@pytest.fixture
def said(monkeypatch, capsys):
    """Return (exit code, stdout, stderr) of the command line, in this process."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["synthgen", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return call


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of five rows with prompts."""
    folder = tmp_path_factory.mktemp("options") / "data"
    synthgen.generate(load_spec("copy-tiny"), folder, splits=["test"], rows=5, workers=1)
    return folder


# -- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        ("--rank", "0"),
        ("--world-size", "4"),
        ("--engine", "dask"),
        ("--scheduler", "tcp://x:1"),
        ("--shards", "3"),
        ("--columns", "id"),
        ("--workers", "2"),
    ],
)
@pytest.mark.parametrize("container", ["bin", "llmc"])
def test_token_files_refuse_what_they_do_not_do(said, tmp_path, container, option):
    code, _, told = said("generate", "cfg3f", "--out", tmp_path / "o", "--rows", 20, "--format", container, *option)
    assert (code, told) == (
        2,
        f"synthgen: {option[0]}: does not go with --format {container}, which makes one file a split\n",
    )
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("container", ["bin", "llmc"])
def test_token_files_are_verified_and_made_anew(said, tmp_path, container):
    arguments = ("generate", "cfg3f-cut50", "--set", "row_format=tokens", "--split", "test", "--out", tmp_path)
    arguments += ("--rows", 20, "--format", container)
    assert said(*arguments)[0] == 0
    files = [tmp_path / "test.bin", tmp_path / "test.mask.bin"]
    whole = [file.read_bytes() for file in files]
    times = [file.stat().st_mtime_ns for file in files]
    assert said(*arguments, "--verify")[0] == 0
    assert [file.stat().st_mtime_ns for file in files] == times, "nothing to do"
    for file, content in zip(files, whole, strict=True):
        for damaged in (content[:-1] + bytes([content[-1] ^ 1]), content[:-2], None):
            file.unlink() if damaged is None else file.write_bytes(damaged)
            assert said(*arguments, "--verify")[0] == 0
            assert [f.read_bytes() for f in files] == whole


def test_rows_of_token_files_are_counted_from_one(tmp_path):
    for rows in (0, -3):
        with pytest.raises(SynthgenError, match=f"--rows {rows}: must be at least 1"):
            write_bins("cfg3f", tmp_path, rows=rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("generate", "copy-tiny", "--columns", ","), "--columns ',': names no column"),
        (("generate", "copy-tiny", "--columns", ""), "--columns '': names no column"),
        (("check", "--revision", "v1"), "--revision v1: says what of --remote ORG/NAME is meant"),
        (("check", "--config", "a"), "--config a: says what of --remote ORG/NAME is meant"),
        (("score", "--completions", "a", "--prompts", "b"), "give one of the two"),
        (("score", "--completions", "a", "--temperature", "1"), "--temperature 1: our model says nothing here"),
        (("score", "--prompts", "b", "--temperature", "0.5"), "--temperature 0.5: our model says nothing here"),
        (("score", "--prompts", "b", "--mode", "answer"), "--mode answer: says how answers are judged"),
        (("reproduce", "--list", "floor"), "--list shows every experiment"),
        (("reproduce", "--list", "--all"), "--list shows every experiment"),
        (("reproduce", "--list", "--size", "ci"), "--size ci: --list runs nothing"),
        (("reproduce", "--list", "--seeds", "3"), "--seeds 3: --list runs nothing"),
        (("plan", "copy-tiny", "--workers", "0"), "--workers 0: must be at least 1"),
        (("plan", "copy-tiny", "--workers", "-3"), "--workers -3: must be at least 1"),
        (("generate", "copy-tiny", "--rank", "\u0661", "--world-size", "2"), "give a number from 0, or `auto`"),
        (("card", "--license", "a\nb: c"), "--license 'a\\nb: c': name a licence"),
        (("push", "org/name", "--dry-run", "--license", "\x1b[31m"), "--license '\\x1b[31m': name a licence"),
        (("push", "org/name", "--dry-run", "--tag", "a b"), "--tag 'a b': use letters"),
        (("push", "org/name", "--dry-run", "--tag", "../main"), "--tag '../main': use letters"),
        (("score", "--prompts", "/dev/full"), "--prompts /dev/full: cannot be written"),
        (("score", "--prompts", "b", "--rows", "1" + "0" * 30), "--rows"),
    ],
)
def test_options_without_a_use_are_refused(said, folder, tmp_path, arguments, message):
    command, *rest = arguments
    if command in ("check", "score", "card", "push"):
        rest = [folder, *rest]
    if command == "generate":
        rest += ["--out", tmp_path / "o"]
    code, _, told = said(command, *rest)
    assert (code, message in told) == (2, True), told


def test_a_world_of_ranks_has_a_rank(tmp_path):
    with pytest.raises(SynthgenError, match="--world-size 4: say which rank this is"):
        synthgen.generate("copy-tiny", tmp_path / "o", rows=5, world_size=4)


# -- splits -----------------------------------------------------------------------------------------------------------


def test_splits_of_one_label_are_refused_when_the_spec_is_read(tmp_path):
    table = {"task": "cfg", "params": {"grammar": "english"}, "splits": {"a-b": {"rows": 5}, "a_b": {"rows": 5}}}
    with pytest.raises(SynthgenError, match="mine: splits 'a-b' and 'a_b': both are 'a_b' for load_dataset"):
        spec_of_table(table, "mine", tmp_path)
    spec = spec_of_table({**table, "splits": {"a-b": {"rows": 5}}}, "mine", tmp_path)
    for make in (synthgen.generate, write_bins):
        with pytest.raises(SynthgenError, match="splits 'a-b' and 'a_b'"):
            make(spec, tmp_path / "o", splits=["a_b"], rows=5)
    synthgen.generate(spec, tmp_path / "o")
    other = spec_of_table({**table, "splits": {}}, "mine", tmp_path)
    with pytest.raises(SynthgenError, match="splits 'a-b' and 'a_b'"):
        synthgen.generate(other, tmp_path / "o", splits=["a_b"], rows=5)


def test_a_split_has_one_name_for_everybody_who_opens_it(tmp_path):
    table = {"task": "cfg", "params": {"grammar": "english"}, "splits": {"a-b.c": {"rows": 5}, "train": {"rows": 2}}}
    synthgen.generate(spec_of_table(table, "mine", tmp_path), tmp_path / "o")
    theirs = datasets.load_dataset(str(tmp_path / "o"), cache_dir=str(tmp_path / "cache"))
    ours = synthgen.open(tmp_path / "o")
    assert set(ours) == set(theirs) == {"a_b.c", "train"}
    assert ours["a_b.c"]["input_ids"] == theirs["a_b.c"]["input_ids"]


# -- values -----------------------------------------------------------------------------------------------------------

MIX = [{"spec": "cfg3b", "weight": 1}, {"spec": "cfg3f", "weight": 1}]
WRONG = [
    ({"task": "bios", "params": {"people": True}}, r"params\.people = True: should be a number"),
    ({"task": "bios", "params": {"people": "7"}}, r"params\.people = '7': should be a number"),
    ({"task": "bios", "params": {"sizes": {"days": "3"}}}, r"params\.sizes\.days = '3': should be a number"),
    ({"task": "cfg", "params": {"text_bits": 1}}, r"params\.text_bits = 1: should be true or false"),
    ({"task": "cfg", "params": {"grammar": {"sizes": [1, True, 2]}}}, r"params\.grammar\.sizes = .*should be a number"),
    ({"task": "qa", "params": {"forms": ["extract.major"], "weights": [True]}}, r"params\.weights = \[True\]"),
    ({"task": "cfg", "seed": "5"}, "seed = '5': should be a number"),
    ({"task": "cfg", "world": False}, "world = False: should be a number"),
    ({"task": "cfg", "splits": {"train": {"rows": True}}}, r"splits\.train\.rows = True: should be a number"),
    ({"task": "cfg", "windows": {"context": "64"}}, r"windows\.context = '64': should be a number"),
    (
        {"task": "mixture", "params": {"component": [{**MIX[0], "weight": True}, MIX[1]]}},
        r"component\.0\.weight = True",
    ),
    ({"task": "mixture", "params": {"component": [{**MIX[0], "weight": "1"}, MIX[1]]}}, r"component\.0\.weight = '1'"),
    *(
        (
            {"task": "mixture", "params": {"component": MIX, "stage": [{"start": 100, "weights": [weight, 1]}]}},
            r"params\.stage\.0\.weights",
        )
        for weight in (True, "1", float("nan"), float("inf"), -1)
    ),
    (
        {
            "task": "mixture",
            "row_format": "document",
            "params": {
                "component": [{"spec": "bios-single"}, {"spec": "bios-multi2"}],
                "stage": [{"start": 100, "weights": [1, 2]}],
            },
        },
        "stages go on from weights",
    ),
]


@pytest.mark.parametrize(("table", "message"), WRONG)
def test_a_value_is_of_the_kind_that_is_asked_for(tmp_path, table, message):
    with pytest.raises(SynthgenError, match=message):
        spec_of_table(table, "mine", tmp_path)


def test_values_on_the_command_line_are_toml(said):
    code, out, _ = said("entropy", "bios-single", "--set", "people=7", "--json")
    assert (code, json.loads(out)["facts"]["people"]) == (0, 7)
    for wrong in ("true", "'7'", "seven"):
        code, _, told = said("entropy", "bios-single", "--set", f"people={wrong}")
        assert (code, "params.people" in told) == (2, True)


def test_a_value_on_the_command_line_has_one_line(said):
    for hidden in ("7\nworld = 5", "7\r\n[splits]"):  # which was read, and dropped
        code, _, told = said("entropy", "bios-single", "--set", f"people={hidden}")
        assert (code, "has several lines" in told) == (2, True), told


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.steps=true", "--set: train.steps = True: should be a number"),
        ("train.steps='3'", "--set: train.steps = '3': should be a number"),
        ("train.steps=0", "--set: train.steps = 0: should be greater than or equal to 1"),
        ("train.lr=nan", "--set: train.lr = nan: should be greater than 0"),
        ("train.betas=[true, 0.9]", "--set: train.betas = [True, 0.9]: should be a number"),
        ("model.width=-1", "--set: model.width = -1: should be greater than or equal to 1"),
        ("model.width=66", "--set: model ="),
        ("packing=5", "--set: packing = 5: should be 'row', 'chop', 'cut', 'left' or 'pad'"),
        ("data.params=5", "--set: data.0.params = 5: should be a valid dictionary"),
    ],
)
def test_wrong_settings_of_a_run_are_told(said, tmp_path, change, message):
    code, _, told = said("train", "copy-tiny", "--set", change, "--out", tmp_path / "run")
    assert (code, message in told, (tmp_path / "run").exists()) == (2, True, False), told


def test_prompts_are_written_a_few_at_a_time(said, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(train_commands, "AT_A_TIME", 3)
    code, _, told = said("score", folder, "--prompts", tmp_path / "prompts", "--rows", 8)
    lines = [json.loads(line) for line in (tmp_path / "prompts").read_text().splitlines()]
    assert (code, [line["id"] for line in lines]) == (0, list(range(8))), told


def test_settings_of_windows_are_of_the_kind_that_is_asked_for():
    for name, value in (("batch_size", True), ("batch_size", "4"), ("domains", 1), ("rows", "7")):
        with pytest.raises(SynthgenError, match=f"{name} = "):
            synthgen.windows("copy-tiny", **{"context": 66, name: value})


# -- answers ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def answers(folder, tmp_path):
    """Return a function that writes answers and judges them."""
    source = synthgen.load(folder / "spec.toml")
    rows = source.batch(0, 5, "test").to_pylist()
    numbers = itertools.count()

    def judge(which, completion=None, rows_asked=None):
        file = tmp_path / f"{next(numbers)}.jsonl"
        right = {
            row["id"]: [t for t, m in zip(row["input_ids"], row["completion_mask"], strict=True) if m] for row in rows
        }
        lines = [{"id": i, "completion": right[i] if completion is None else completion(i)} for i in which]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return score_completions(source, "test", file, rows_asked)

    return judge


def test_three_answers_of_five_are_told(answers):
    scores = answers([0, 2, 4])
    assert (scores.rows.to_json()["n"], scores.unanswered, scores.to_json()["unanswered"]) == (3, 2, 2)
    whole = answers(range(5))
    assert (whole.rows.share, whole.unanswered, "unanswered" in whole.to_json()) == (1.0, 0, False)
    with pytest.raises(
        SynthgenError, match=r"2 of 5 rows are not answered, such as 1; answer them, or leave --rows out"
    ):
        answers([0, 2, 4], rows_asked=5)
    with pytest.raises(SynthgenError, match=r"id 3: rows 0 to 2 are asked \(--rows\)"):
        answers(range(5), rows_asked=3)


@pytest.mark.parametrize("junk", [None, 5, True, 1.5, {"a": 1}])
def test_an_answer_that_is_none_is_no_wrong_answer(answers, junk):
    with pytest.raises(
        SynthgenError, match=r"line 1: completion = .*: write a text, a list of token ids, or leave the"
    ):
        answers([0], completion=lambda _: junk)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("10k", "copy-tiny: its entropy needs no certificate"),
        ("1", "rows = 1: a run has 2 to"),
        ("2T", "rows = 2,000,000,000,000: a run has 2 to"),
        ("1.5", "no whole number"),
    ],
)
def test_rows_of_certificates_are_written_as_elsewhere(said, rows, message):
    code, _, told = said("certify", "copy-tiny", "--rows", rows, "--workers", 1)
    assert code == 2
    assert message in told
