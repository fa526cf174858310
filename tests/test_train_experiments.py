"""Experiments: every shipped one runs at size ci; claims, verdicts, scores and the commands."""

import json
import math
import subprocess
import sys

import pytest
import torch

import synthgen
from synthgen.cli.train_commands import reproduce_command, score_command, train_command
from synthgen.errors import SynthgenError
from synthgen.spec.spec import load_spec
from synthgen.task.kit.accuracy import wilson
from synthgen.tasks.stories.packs import PACKS
from synthgen.tokens.saved import tokenizer_files
from synthgen.train.batches import RunData
from synthgen.train.experiment import Claim, experiments_folder, load_experiment, shipped_experiments, sizes_of
from synthgen.train.language_model import FromLogits
from synthgen.train.loop import Loop, new_model
from synthgen.train.measures import MeasureSettings, Spans, people_losses, take
from synthgen.train.memory import memory
from synthgen.train.model import Transformer
from synthgen.train.presets import PRESETS, preset_of, settings_of
from synthgen.train.reproduce import reproduce, untrained
from synthgen.train.score import Scores, _spelt, answer_runs, judge_generated, score_completions
from synthgen.train.settings import ModelSettings
from synthgen.windowing.phrases import Vocabulary
from synthgen.windowing.spec_rows import SpecRows

torch.set_num_threads(1)


ALIKE = [
    "biod",
    "brevo",
    "capo",
    "celebrity",
    "compare",
    "copy",
    "depth",
    "extraction",
    "gated",
    "grid",
    "implicit",
    "knowledge",
    "lano",
    "mano",
    "mixed",
    "partial",
    "plan",
    "positions",
    "retry-stories",
    "reversal",
    "robust",
    "transfer",
]
"""Experiments with no kind of measure, stream or stage that the others have not: run in the slow suite."""


def some(names, *long):
    return [pytest.param(name, marks=pytest.mark.slow) if name in (*ALIKE, *long) else name for name in names]


@pytest.mark.parametrize("name", some(shipped_experiments()))
def test_every_experiment_runs_at_size_ci(name, tmp_path):
    assert "ci" in sizes_of(name)
    result = reproduce(name, tmp_path, "ci")
    assert result.green, result.to_json()
    folder = tmp_path / name / "ci"
    saved = json.loads((folder / "results.json").read_text())
    assert saved["verdict"] == "smoke run, nothing claimed" and saved["claims"]
    assert (folder / "picture.png").stat().st_size > 5000
    again = reproduce(name, tmp_path, "ci")  # what is done is not done again
    assert again.to_json()["figures"] == result.to_json()["figures"]


@pytest.mark.parametrize("name", shipped_experiments())
def test_every_claim_speaks_of_a_figure_that_its_measure_gives(name):
    for size in sizes_of(name):
        experiment, _ = load_experiment(name, size)
        known = {f"{arm.name}.{measure}" for arm in experiment.arm for measure in arm.measures}
        for claim in experiment.claim:
            terms = [term for term in claim.holds.split() if term[0].isalpha()]
            assert terms and all(".".join(term.split(".")[:2]) in known for term in terms), claim.holds
        for arm in experiment.arm:
            experiment.run_of(arm, 0)


def claims_before_training(experiment, figures):
    """Return the claims that hold of untrained models; a figure that nothing readable gives is none."""
    holding = set()
    for claim in experiment.claim:
        terms = [term for term in claim.holds.split() if term[0].isalpha()]
        if all(term in figures for term in terms) and claim.check(figures).holds:
            holding.add(claim.holds)
    return holding


VERDICTS = [(name, size) for name in shipped_experiments() for size in sizes_of(name) if size in ("laptop", "desk")]


@pytest.mark.parametrize(
    ("name", "size"),
    [pytest.param(*pair, marks=() if pair[0] == "canon" else pytest.mark.slow) for pair in VERDICTS],
)
def test_no_claim_holds_before_training_but_controls(name, size):
    """A claim that cannot fail says nothing: of untrained models each is false, or marked as a control."""
    experiment, _ = load_experiment(name, size)
    holding = claims_before_training(experiment, untrained(name, size, seed=1, rows=200))
    assert holding == {claim.holds for claim in experiment.claim if claim.control} & holding
    assert any(not claim.control for claim in experiment.claim)


def test_a_design_is_tuned_on_seeds_that_no_verdict_comes_from(tmp_path):
    file = tmp_path / "tuned.toml"
    file.write_text(STAGES.replace('finding = "-"', 'finding = "-"\nscreened = [0, 2]'))
    experiment, _ = load_experiment(str(file))
    assert experiment.seeds(3) == [1, 3, 4]
    screened = reproduce_command(str(file), False, "laptop", None, tmp_path / "out", screen=True)
    assert screened[0].verdict == "screening run: the design was tuned on this seed"
    folder = tmp_path / "out" / "tuned" / "laptop"
    assert {path.name for path in folder.iterdir()} >= {"screening.json", "seed-0", "seed-2"}
    assert not (folder / "results.json").exists()
    (judged,) = reproduce_command(str(file), False, "laptop", 1, tmp_path / "out")
    assert judged.verdict == "reproduced" and list(judged.figures) == [1] and (folder / "results.json").exists()
    with pytest.raises(SynthgenError, match="--screen takes the seeds that the design was tuned on"):
        reproduce_command(str(file), False, "laptop", 3, tmp_path / "out", screen=True)


def test_all_that_stands_behind_the_findings_takes_sixty_hours_on_two_cores():
    """Three seeds of every experiment, at the largest size that is not the paper's; a seed at most three hours."""
    total = 0.0
    for name, size in VERDICTS:
        experiment, _ = load_experiment(name, size)
        hours = experiment.hours.get(size)
        assert hours is not None and hours / 2 <= 3, f"{name}: hours of {size}"
        total += 3 * hours / 2
    assert total <= 60


def test_claims_compare_with_numbers_figures_and_multiples():
    figures = {"a.b.c": 0.9, "d.e.f": 0.1}
    for text, holds in (
        ("a.b.c > 0.8", True),
        ("a.b.c < 0.8", False),
        ("a.b.c > d.e.f", True),
        ("a.b.c > 8 * d.e.f", True),
        ("a.b.c > 9.5 * d.e.f", False),
        ("d.e.f > -3", True),
    ):
        assert Claim(holds=text).check(figures).holds is holds, text
    with pytest.raises(SynthgenError, match=r"no figure 'a.b.d'.*a.b.c"):
        Claim(holds="a.b.d > 1").check(figures)
    with pytest.raises(SynthgenError, match="write FIGURE"):
        Claim(holds="a.b.c >= 1").check(figures)


def test_wrong_experiments_are_told():
    with pytest.raises(SynthgenError, match="did you mean 'floor'"):
        load_experiment("flor")
    with pytest.raises(SynthgenError, match="no size 'huge'"):
        load_experiment("floor", "huge")
    if not torch.cuda.is_available() and "gpu" in sizes_of("canon"):
        with pytest.raises(SynthgenError, match="needs a GPU"):
            reproduce("canon", "x", "gpu")


STAGES = """
title = "Two stages"
paper = "2309.14316"
finding = "-"
data = [{ spec = "copy-tiny", rows = 4 }]
model = { layers = 1, width = 8, heads = 1, context = 80 }
[[arm]]
name = "first"
train = { steps = 2 }
[[arm]]
name = "second"
init = "first"
packing = "left"
train = { steps = 1, lora = 1 }
measures = { copy = { kind = "floor", rows = 4 } }
[[claim]]
holds = "second.copy.relative < 100"
"""


def test_the_words_of_all_worlds_are_those_of_their_stories():
    """What a text pack says in other words since would be spelt letter by letter; write `wanted` then."""
    folder = experiments_folder() / "data"
    spec = load_spec(folder / "worlds.toml", sets={"tokenizer": "words", "packs": list(PACKS)})
    wanted = tokenizer_files(spec.task_of("train").tokenizer)["tokenizer.json"]
    assert json.loads((folder / "worlds.json").read_text("utf-8")) == json.loads(wanted)


def test_a_second_stage_is_done_anew_when_the_first_has_changed(tmp_path):
    file = tmp_path / "stages.toml"
    file.write_text(STAGES)
    first = reproduce(str(file), tmp_path / "out").figures[0]
    assert reproduce(str(file), tmp_path / "out").figures[0] == first
    file.write_text(STAGES.replace('"floor", rows = 4', '"floor", rows = 6'))
    again = reproduce(str(file), tmp_path / "out").figures[0]  # measured anew, not trained anew
    assert again["second.train.seconds"] == first["second.train.seconds"]
    assert again["second.copy.excess"] != first["second.copy.excess"]
    file.write_text(STAGES.replace("steps = 2", "steps = 3"))
    second = reproduce(str(file), tmp_path / "out").figures[0]
    assert second["second.copy.excess"] != first["second.copy.excess"]
    saved = json.loads((tmp_path / "out/stages/laptop/seed-0/second/settings.json").read_text())
    assert saved["init"]["settings"]["train"]["steps"] == 3 and saved["settings"]["packing"] == "left"


def test_spans_that_no_row_has_are_told(tmp_path):
    file = tmp_path / "spans.toml"
    file.write_text(STAGES.replace('"floor"', '"recall", spans = ["name"]'))
    with pytest.raises(SynthgenError, match="copy-tiny has no spans of kind name"):
        reproduce(str(file), tmp_path / "out")


def test_stages_that_cannot_follow_each_other_are_told(tmp_path):
    file = tmp_path / "stages.toml"
    for old, new, message in (
        ('init = "first"', 'init = "third"', "'second': init = 'third' is no arm before it"),
        ('name = "second"', 'name = "first"', "two arms are named 'first'"),
    ):
        file.write_text(STAGES.replace(old, new))
        with pytest.raises(SynthgenError, match=message) as caught:
            load_experiment(str(file))
        assert str(caught.value).startswith(f"{file}: ") and "{" not in str(caught.value)


def test_arms_of_a_size_have_their_own_params(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(STAGES + '[params]\nlength = 8\n[[size.gpu.arm]]\nname = "alone"\nmeasures = {}\n')
    assert load_experiment(str(file))[0].params == {"length": 8}
    experiment, _ = load_experiment(str(file), "gpu")
    assert [arm.name for arm in experiment.arm] == ["alone"] and experiment.params == {}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_is_a_run(name):
    settings = settings_of("cfg3f", PRESETS[name], {}, {"train.steps": 7})
    assert settings.train.steps == 7


def test_the_papers_preset_is_found_by_the_specs_name():
    assert preset_of("paper", "igsm-med-pq") is PRESETS["igsm-med"]
    assert preset_of("paper", "depo1-n225") is PRESETS["depo"]
    for name, lr in (("qa-extract", 3e-4), ("know-inverse-name", 3e-4), ("know-retrieve-day", 3e-4)):
        assert preset_of("paper", name).train["lr"] == lr
    for name in ("know-classify-major", "know-compare-month", "know-subtract-day"):
        assert preset_of("paper", name) is PRESETS["know-lora"]
    for name in ("bios-lora", "know-lora"):
        recipe = PRESETS[name].train
        assert (recipe["schedule"], recipe["lr_end"], recipe["warmup"]) == ("cosine", 0.1, 0)
        assert (recipe["lora_scale"], recipe["lora_alpha"]) == ("alpha", 4.0)
    with pytest.raises(SynthgenError, match="no such field"):
        settings_of("cfg3f", PRESETS["tiny"], {}, {"train.stepz": 7})
    with pytest.raises(SynthgenError, match="or one of packing, attention, neighbours"):
        settings_of("cfg3f", PRESETS["tiny"], {}, {"pakking": "chop"})


def test_a_run_may_have_a_person_twice_in_a_window():
    """A small corpus comes round within a window: refused, as windows do, unless the run says otherwise."""
    changes = {"packing": "chop", "model.context": 2048, "data.rows": 2}
    params = {"people": 8, "entries": 5}
    with pytest.raises(SynthgenError, match="neighbours = 'allow'"):
        RunData(settings_of("bios-multi5", PRESETS["tiny"], params, dict(changes))).batch(0)
    allowed = settings_of("bios-multi5", PRESETS["tiny"], params, changes | {"neighbours": "allow"})
    assert RunData(allowed).batch(0).ids.shape == (2, 2048)


@pytest.mark.parametrize("name", ["igsm-med-pq", "bios-qa-mixed", "depo1-tiny", "qa-extract"])
def test_the_papers_preset_gives_batches(name):
    """Text is packed as words where no vocabulary is named, so that the command of the README runs as it stands."""
    settings = settings_of(name, preset_of("paper", name), {}, {"data.rows": 2})
    batch = RunData(settings).batch(0)
    assert batch.ids.shape == batch.targets.shape and bool(batch.trained.any())


RECIPES = [name for name in shipped_experiments() if "gpu" in sizes_of(name)]
LONG_RECIPES = ("junk", "nonterminals")
"""What takes ten seconds: many streams, and probes of all levels. Both have these at size `ci` too."""


@pytest.mark.parametrize("name", some(RECIPES, *LONG_RECIPES))
def test_the_papers_recipes_have_batches_and_measures(name):
    """The size `gpu` is not run here; its data and windows are made, and its measures are taken of a small model."""
    experiment, specs = load_experiment(name, "gpu")
    figures, sizes = {}, {}
    for arm in experiment.arm:
        settings = experiment.run_of(arm, 0)
        few = tuple(data.model_copy(update={"rows": 2}) for data in settings.data)
        feed = RunData(settings.model_copy(update={"data": few}), specs)
        batch = feed.batch(0)
        assert bool(batch.trained.any()) and int(batch.ids.max()) < feed.size
        sizes[arm.name] = feed.size
        assert sizes.get(arm.init, feed.size) == feed.size, "a second stage takes over the first one's vocabulary"
        model = Transformer(ModelSettings(layers=1, width=8, heads=1, context=settings.model.context), feed.size)
        for key, measure in arm.measures.items():
            quick = measure.probe.model_copy(update={"taught": 4, "steps": 2, "batch": 2})
            found = take(measure.model_copy(update={"rows": 4, "probe": quick}), model.eval(), feed)
            figures |= {f"{arm.name}.{key}.{figure}": value for figure, value in found.items()}
    assert [claim.check(figures).figure for claim in experiment.claim]
    holding = claims_before_training(experiment, figures)
    assert holding <= {claim.holds for claim in experiment.claim if claim.control}


FULL_WIDTH = {
    str((settings.model, settings.packing)): (name, arm.name)
    for name in shipped_experiments()
    if "gpu" in sizes_of(name)
    for experiment in [load_experiment(name, "gpu")[0]]
    for arm in experiment.arm
    for settings in [experiment.run_of(arm, 0)]
    if not arm.init
}
"""Of the papers' recipes, one arm for each model and packing."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arm_name"), FULL_WIDTH.values())
def test_the_papers_recipes_take_two_steps_at_full_width(name, arm_name):
    """Two windows a step, in micro-batches of one; on a CPU, so neither compiled nor in bfloat16."""
    experiment, specs = load_experiment(name, "gpu")
    settings = experiment.run_of(next(arm for arm in experiment.arm if arm.name == arm_name), 0)
    few = tuple(data.model_copy(update={"rows": 2}) for data in settings.data)
    short = settings.train.model_copy(
        update={"steps": 2, "warmup": 0, "accumulate": 2, "compile": False, "precision": "float32"}
    )
    settings = settings.model_copy(update={"data": few, "train": short})
    data = RunData(settings, specs)
    loop = Loop(settings, data, new_model(settings, data.size))
    before = loop.model.embedding.weight[:50].clone()
    losses = [loop.advance()["nats"] for _ in range(2)]
    assert all(map(math.isfinite, losses)) and not torch.equal(before, loop.model.embedding.weight[:50])
    taken = memory(settings.model, data.size)
    assert taken.parameters == sum(weight.numel() for weight in loop.model.parameters())
    assert taken.total < 24 * 2**30, "a micro-batch of one window fits a GPU of 24 GB"


def test_memory_is_counted_as_autograd_keeps_it():
    """On a small model, whose tensors are really there: what fused attention leaves out is all that differs."""
    settings = ModelSettings(layers=2, width=32, heads=2, context=48)
    one, three = memory(settings, 50, 1), memory(settings, 50, 3)
    assert one.state == 16 * one.parameters and three.kept == pytest.approx(3 * one.kept, rel=0.2)
    model, kept = Transformer(settings, 50), {}

    def keep(tensor):
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    ids = torch.zeros((1, 48), dtype=torch.int64)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        torch.nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten(), reduction="sum")
    weights = {weight.untyped_storage()._cdata for weight in model.parameters()}
    real = sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in weights)
    assert real <= one.kept <= 1.5 * real + 48 * 48 * 4 * 2 * 2 * 4


def test_recall_and_capacity_tell_people_apart_by_their_exposures():
    """Parts of a whole: figures of the people by tens of their entries add up to that of all, weighed by how many."""
    params = {"people": 40, "entries": 12, "order": "fixed"}
    feed = RunData(settings_of("capo-tiny-power", PRESETS["tiny"], params, {"data.rows": 1}))
    model = Transformer(ModelSettings(layers=1, width=8, heads=1, context=32), feed.size).eval()
    corpus = SpecRows(synthgen.load(load_spec("capo-tiny-power", params=params)))
    entries = corpus.exposures(0, 40)
    assert sorted(entries) == sorted(corpus.task.entries_by_person) and set(entries // 10) >= {0, 1}
    recall = take(MeasureSettings(kind="recall", split="train", rows=40), model, feed)
    capacity = take(MeasureSettings(kind="capacity", split="train", rows=40, bits=()), model, feed)
    groups = {f"exposures.{10**k}": int(((entries >= 10**k) & (entries < 10 ** (k + 1))).sum()) for k in range(3)}
    assert {name: capacity[f"people.{name}"] for name in groups} == groups and sum(groups.values()) == 40
    for figures, figure in ((recall, "whole"), (recall, "stored")):
        parts = sum(count * figures[f"{figure}.{name}"] for name, count in groups.items())
        assert parts / 40 == pytest.approx(figures[figure], abs=1e-6)
    _, p2, _ = people_losses(model, corpus, 40)
    values = sum(count * capacity[f"values.{name}"] for name, count in groups.items()) / 40
    assert values == pytest.approx(1 - p2 / math.log(2) / corpus.task.knowledge().attribute_bits, abs=1e-6)
    alike = RunData(settings_of("capo-tiny", PRESETS["tiny"], {"people": 40}, {"data.rows": 1}))
    assert not any("exposures" in name for name in take(MeasureSettings(kind="recall", rows=20), model, alike))


def test_the_losses_of_biod_are_those_of_its_parts():
    """Who guesses evenly pays as much for every token: three of a name, C L of each of K values, L of a first string."""
    sizes = {"N": 30, "K": 3, "C": 2, "D": 8, "L": 2, "T": 10, "names": [20, 20, 20], "entries": 1}
    source = synthgen.load(load_spec("biod-english", params=sizes))
    corpus = SpecRows(source, "train", vocabulary=Vocabulary())
    corpus.read(0, 30)
    model = FromLogits(lambda ids: torch.zeros((*ids.shape, corpus.vocabulary.size)), corpus.vocabulary.size, 40)
    nat = math.log(corpus.vocabulary.size)
    assert people_losses(model, corpus, 30) == pytest.approx((3 * nat, 3 * 2 * 2 * nat, 2 * nat))
    known = source.task().knowledge()
    assert known.span_bits == {"value": 2 * math.log2(8)}
    assert known.ratio(1, math.log(30), 0.0, 0.0) == pytest.approx(known.ratio_max(1))


# -- scores -----------------------------------------------------------------------------------------------------------


def test_wilsons_interval():
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(50, 100)
    assert (low, high) == (pytest.approx(0.4038, abs=1e-4), pytest.approx(0.5962, abs=1e-4))
    assert wilson(100, 100)[1] == 1.0


@pytest.mark.parametrize("name", ["igsm-med-retry50", "chain-retry50", "qa-extract", "mano-tiny", "brevo1-tiny"])
def test_verdicts_of_every_kind_are_scored(name):
    """Verdicts have parts by query, by step, or for the whole: of these only queries count as such."""
    source = synthgen.load(name)
    scores = Scores("train")
    for row in source.batch(0, 5).to_pylist():
        asked = (row["prompt"], row["completion"]) if "prompt" in row else (row,)
        scores.add(source.verify(*asked), row["difficulty"])
    assert scores.figures()["rows"] == 1.0
    assert bool(scores.queries.of) == (name not in ("igsm-med-retry50", "chain-retry50"))


@pytest.mark.parametrize("name", ["igsm-open", "igsm-med-pq", "igsm-med-retry50", "qa-extract", "know-subtract-major"])
def test_phrases_spell_the_completions_they_stand_for(name):
    """A model that says a row's own tokens is judged to be right, whatever white space the phrases hold."""
    corpus = SpecRows(synthgen.load(name), vocabulary=Vocabulary())
    rows = corpus.read(0, 20)
    for row, first in zip(corpus.source.batch(0, 20).to_pylist(), rows.starts, strict=True):
        own = slice(first, rows.ends[row["id"]])
        assert _spelt(corpus, rows.ids[own][rows.trained[own]], row["completion"]) == row["completion"]


def test_an_answer_with_retries_has_room(monkeypatch):
    """Solutions to clean problems, with half of the steps begun wrongly: right, and longer than any clean one."""
    params = {"steps": [4, 4], "others": [0, 0]}
    clean, retried = (synthgen.load("chain-retry50", params=params | {"retry": {"rate": q}}) for q in (0.0, 0.5))
    corpus, theirs = SpecRows(clean, "held-out"), SpecRows(retried, "held-out")
    rows, longer = corpus.read(0, 40), theirs.read(0, 40)

    def say(model, prompts, end, most, temperature, retractions=None):
        whole = [longer.ids[a:b] for a, b in zip(longer.starts, longer.ends, strict=True)]
        return [ids[len(prompt) - 1 :][:most] for ids, prompt in zip(whole, prompts, strict=True)]

    monkeypatch.setattr("synthgen.train.score.complete", say)
    model = Transformer(ModelSettings(layers=1, width=8, heads=1), 100)
    assert judge_generated(model, corpus, rows).rows.to_json()["accuracy"] == 1.0


def test_the_papers_own_answers_score_full_marks_and_others_do_not(tmp_path):
    source = synthgen.load("cfg3f-cut50")
    rows = source.batch(0, 4, "test").to_pylist()
    file = tmp_path / "answers.jsonl"
    lines = [{"id": row["id"], "completion": row["completion"]} for row in rows]
    lines[2]["completion"] += " 1 1 1 1 1 1"
    file.write_text("\n".join(map(json.dumps, lines)))
    scores = score_completions(source, "test", file)
    assert scores.rows.to_json()["accuracy"] == 0.75 and sum(scores.reasons.values()) == 1
    for bad, message in (
        ("{", "line 1: not JSON"),
        ("[]", "write"),
        ('{"id": 0, "completion": []}\n' * 2, "twice"),
        ("", "no answers"),
    ):
        file.write_text(bad)
        with pytest.raises(SynthgenError, match=message):
            score_completions(source, "test", file)


def test_answers_of_other_models_are_scored_in_a_mode(tmp_path):
    source, file = synthgen.load("qa-extract", params={"people": 40}), tmp_path / "answers.jsonl"
    answers = []
    for number, row in enumerate(source.batch(0, 6, "test").to_pylist()):
        answers.append({"id": number, "completion": f"**Answer:**{row['completion']}" if number else "I do not know."})
    file.write_text("\n".join(map(json.dumps, answers)))
    assert score_completions(source, "test", file).rows.right == 0
    assert score_completions(source, "test", file, mode="answer").rows.right == 5
    with pytest.raises(SynthgenError, match="no steps to judge"):
        score_completions(source, "test", file, mode="steps")


def test_answers_are_the_spans_of_that_kind():
    source = synthgen.load("depo1-tiny")
    corpus = SpecRows(source, "test-runs")
    rows = corpus.read(0, 5, spans=True)
    runs = answer_runs(rows, corpus.span_kinds)
    for i, row in enumerate(source.batch(0, 5, "test-runs").to_pylist()):
        first = int(rows.starts[i])
        assert [(a - first, b - first) for a, b in runs[i]] == [
            (span["start"], span["end"]) for span in row["latent"]["spans"]["answer"]
        ]
    spans = Spans.of(rows, [corpus.span_kinds.index("answer")], first_only=True)
    assert spans.starts.tolist() == [own[0][0] for own in runs]


def test_a_run_is_trained_and_scored_from_the_command_line(tmp_path):
    small = ["model.width=16", "model.layers=1", "model.heads=2", "train.steps=20", "train.warmup=5", "data.rows=8"]
    out = tmp_path / "run"
    line = train_command("copy-tiny", out, "tiny", None, small, [], quiet=True)
    assert line["step"] == 20 and {"settings.json", "metrics.jsonl", "loss.png", "model.pt"} <= {
        path.name for path in out.iterdir()
    }
    scores = score_command(out, None, None, "test", 20, 0.0)
    assert isinstance(scores, Scores) and scores.rows.of == 20
    done = subprocess.run(
        [sys.executable, "-m", "synthgen", "score", str(out), "--rows", "5", "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["n"] == 5
    done = subprocess.run([sys.executable, "-m", "synthgen", "score", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2 and "neither a run" in done.stderr


def test_reproduce_lists_its_experiments():
    done = subprocess.run(
        [sys.executable, "-m", "synthgen", "reproduce", "--list", "--json"], capture_output=True, text=True
    )
    assert {own["experiment"] for own in json.loads(done.stdout)} == set(shipped_experiments())
