"""Exports for other people's evaluators, without them: what is written, what is asked, what guessing gets, and errors."""

import json
import pickle
import sys

import pytest
import yaml
from helpers import run

import synthgen
from synthgen.clients.chance import chance_of
from synthgen.clients.lm_eval import Exported, export_tasks
from synthgen.clients.questions import asked_splits, questions
from synthgen.clients.trl import dataset
from synthgen.errors import SynthgenError


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder of tasks of mano-tiny, and what the command said."""
    folder = tmp_path_factory.mktemp("export") / "new" / "tasks"
    done = run("export", "lm-eval", "mano-tiny", folder, "--rows", 12, "--seed", 5, "--json")
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def functions(loader, node):
    return f"!{loader.construct_scalar(node)}"


class Loader(yaml.SafeLoader):
    """YAML with the functions of lm-eval as texts."""


Loader.add_constructor("!function", functions)


def test_a_task_is_written_for_each_split_but_train(exported):
    folder, said = exported
    assert [task["split"] for task in said] == ["test_l3", "test_l2", "test_l1"]
    assert {path.suffix for path in folder.iterdir()} == {".yaml", ".jsonl", ".toml", ".py"}
    source = synthgen.load(folder / "spec.toml")
    assert source.spec.content_id == synthgen.load("mano-tiny", seed=5).spec.content_id
    for task in said:
        written = yaml.load((folder / f"{task['name']}.yaml").read_text(), Loader)
        assert written["custom_dataset"] == "!synthgen_judge.rows"
        assert written["metadata"]["chance"] == source.entropy(task["split"]).facts["guess_accuracy"]
        names = [metric["metric"] for metric in written["metric_list"]]
        assert names == ["acc", "score", f"acc_difficulty_{task['split'][-1]}", "chance"]
        lines = [json.loads(line) for line in (folder / f"{task['split']}.jsonl").read_text().splitlines()]
        assert lines == [one._asdict() | {"split": task["split"]} for one in questions(source, task["split"], 12)]


def test_what_the_tasks_call_gives_the_rows_and_judges_answers(exported, tmp_path):
    """From another place than they were written to."""
    folder = exported[0].rename(tmp_path / "moved")
    names = {"__file__": str(folder / "synthgen_judge.py")}
    exec((folder / "synthgen_judge.py").read_text(), names)
    docs = names["rows"](split="test_l2", version=1, chance=0.2)["test_l2"]
    chance = synthgen.load(folder / "spec.toml").entropy("test_l2").facts["guess_accuracy"]
    folder.rename(exported[0])
    right = {"acc": 1.0, "score": 1.0, "acc_difficulty_2": 1.0, "chance": chance}
    judged = Exported(str(exported[0] / "synthgen_judge.py"), "answer").judged
    for doc in docs:
        assert judged(doc, [doc["completion"]]) == judged(doc, [f"So it is {doc['completion'].strip()}."]) == right
        wrong = judged(doc, [str((int(doc["completion"]) + 1) % 7)])
        assert wrong == {**dict.fromkeys(right, 0.0), "chance": chance}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lm-eval", "bios-multi5"], "no mode 'answer'|has no final answer|no prompts"),
        (["lm-eval", "mano-tiny", "--split", "tset_l1"], "no split 'tset_l1' (did you mean 'test_l1'?)"),
        (["lm-eval", "mano-tiny", "--mode", "steps"], "its modes are strict, answer"),
        (["lm-eval", "mano-tiny", "--split", "train", "--split", "train"], "--split train: is given twice"),
        (["lm-eval", "mano-tiny", "--rows", "0"], "--rows 0: must be at least 1"),
        (["lm-eval", "mano-tiny", "--worded"], "task 'mano' has no wording of its prompts for models that never saw"),
        (["lm-eval", "mano-tny"], "did you mean 'mano-tiny'"),
        (["lm-eval", "mano-tiny", "--set", "depth=3"], "depth"),
    ],
)
def test_what_cannot_be_exported_is_told_and_nothing_written(arguments, said, tmp_path):
    kind, spec, *options = arguments
    done = run("export", kind, spec, tmp_path / "out", *options)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert any(one in done.stderr for one in said.split("|")), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_models_that_never_saw_the_data_are_asked_with_the_rules(tmp_path):
    """In every client the same prompts, which its judge reads as those of the rows."""
    source = synthgen.load("igsm-med-pq", params={"op": 3})
    done = run("export", "lm-eval", "igsm-med-pq", tmp_path / "tasks", "--split", "test", "--rows", 2, "--mode", "steps",
               "--set", "op=3", "--worded", "--json")  # fmt: skip
    (told,) = json.loads(done.stdout)
    assert told["worded"] is True
    exported = Exported(str(tmp_path / "tasks/synthgen_judge.py"), "steps")
    docs = list(exported.rows("test")["test"])
    asked = list(questions(source, "test", 2, "steps", worded=True))
    plain, chat = (dataset(source, "test", 2, chat=chat, worded=True)["prompt"] for chat in (False, True))
    rows = source.batch(0, 2, "test").to_pylist()
    reward = source.reward_function(mode="answer", split="test")
    for number, row in enumerate(rows):
        prompt = source.task("test").worded(row["prompt"])
        assert "modulo 23" in prompt and row["prompt"] in prompt and prompt != row["prompt"]
        assert prompt == docs[number]["prompt"] == asked[number].prompt == plain[number]
        assert chat[number] == [{"role": "user", "content": prompt}]
        assert asked[number].completion == row["completion"]
        assert exported.judged(docs[number], [row["completion"]])["acc"] == 1
        assert exported.judged(docs[number], [f"Answer: {row['latent']['answer']}"])["acc"] == 0, "no steps"
        said = [[{"role": "assistant", "content": f"Answer: {row['latent']['answer'] + wrong}"}] for wrong in (0, 1)]
        assert reward([chat[number]] * 2, said) == [1.0, 0.0]


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    done = run("export", "lm-eval", "mano-tiny", tmp_path, "--rows", 2)
    assert done.returncode == 2 and f"{tmp_path}: is there already, and not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_a_kind_of_export_that_there_is_not_is_told(tmp_path):
    done = run("export", "lm-evil")
    assert done.returncode == 2 and "lm-evil" in done.stderr + done.stdout


def test_an_export_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("synthgen.clients.lm_eval.write_assets", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError):
        export_tasks("mano-tiny", tmp_path / "tasks", rows=2)
    assert list(tmp_path.iterdir()) == []


def test_questions_of_tokens_are_asked_by_name_and_end_with_a_row_as_it_is():
    source = synthgen.load("mano-tiny")
    assert asked_splits(source) == ["test_l3", "test_l2", "test_l1"]
    asked = questions(source, "fresh:mine", 3)
    for one, row in zip(asked, source.batch(0, 3, "fresh:mine").to_pylist(), strict=True):
        assert (one.id, one.difficulty) == (row["id"], row["difficulty"])
        assert source.task().encoded(one.prompt + one.completion) == row["input_ids"]
        assert source.verify(one.prompt, one.completion, split="fresh:mine", mode="answer").correct
    with pytest.raises(SynthgenError, match="lano-tiny: these rows have no prompts"):
        questions("lano-tiny", mode="strict")
    with pytest.raises(SynthgenError, match="at least one"):
        questions(source, "train", 0)


@pytest.mark.parametrize("spec", ["depo1-tiny", "brevo1-tiny", "copy-tiny", "recall-tiny"])
def test_what_a_row_answers_itself_is_right_as_text(spec):
    """With several queries in one row, with listings, and with answers that are all of the rest."""
    source = synthgen.load(spec)
    asked = questions(source, rows=4)
    assert asked.split == "test" and len(list(asked)) == len(asked) == 4
    for one in asked:
        for mode in ("strict", "answer"):
            assert source.verify(one.prompt, one.completion, split="test", mode=mode).correct, (one, mode)
        assert not source.verify(one.prompt, "I give up.", split="test", mode="answer").correct


def test_chance_is_the_best_guess_that_a_task_states():
    mano = synthgen.load("mano-tiny")
    facts = mano.entropy("test_l3").facts
    chance = chance_of(mano, "test_l3")
    assert chance.value == facts["guess_accuracy"] > facts["uniform_guess_accuracy"]
    assert chance.figures == {name: facts[name] for name in ("guess_accuracy", "uniform_guess_accuracy")}
    rows = mano.batch(0, 4000, "test_l3").to_pylist()
    share = sum(row["latent"]["answer"] == facts["guess"] for row in rows) / len(rows)
    assert abs(share - chance.value) < 4 * (chance.value * (1 - chance.value) / len(rows)) ** 0.5
    none = chance_of(synthgen.load("copy-tiny"))
    assert none.value is None and none.figures == {} and str(none) == "the task states no chance level"


def test_a_reward_function_has_a_name_a_mode_and_a_pickle():
    source = synthgen.load("mano-tiny")
    rows = dataset(source, rows=4)
    chat = dataset(source, rows=4, chat=True)
    assert rows.column_names == chat.column_names == ["prompt", "completion", "difficulty"]
    reward = pickle.loads(pickle.dumps(source.reward_function(mode="answer")))
    assert reward.__name__ == "mano_tiny_answer"
    said = [f"Answer: {completion}" for completion in rows["completion"]]
    assert reward(prompts=rows["prompt"], completions=said, difficulty=rows["difficulty"], split=["x"] * 4) == [1.0] * 4
    assert source.reward_function()(rows["prompt"], said) == [0.0] * 4
    assert reward(chat["prompt"], chat["completion"]) == [1.0] * 4
    assert chat[0]["completion"] == [{"role": "assistant", "content": rows[0]["completion"].strip()}]
    with pytest.raises(SynthgenError, match="mode 'steps'"):
        source.reward_function(mode="steps")


@pytest.mark.parametrize(("module", "package"), [("inspect", "inspect_ai"), ("verifiers", "verifiers")])
def test_an_adapter_without_its_package_says_how_to_get_it(module, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"synthgen.clients.{module}", raising=False)
    with pytest.raises(SynthgenError, match=f"synthgen.clients.{module} needs .*pip install"):
        __import__(f"synthgen.clients.{module}")
