"""The loop: batches are pure functions of the step, a killed run goes on bit for bit, the floor is never undercut."""

import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from helpers import strict_json

import synthgen
from synthgen.errors import SynthgenError
from synthgen.task.files import write_whole
from synthgen.train.batches import RunData
from synthgen.train.floor import FRESH, Floor, FloorResult, by_book, measure, model_bits
from synthgen.train.loop import BelowTheFloor, Lines, _refuse_the_impossible, learning_rate, train
from synthgen.train.runs import load_model, read_metrics
from synthgen.train.settings import DataSettings, ModelSettings, RunSettings, TrainSettings
from synthgen.windowing.phrases import Vocabulary
from synthgen.windowing.spec_rows import SpecRows
from synthgen.windowing.token_rows import NO_SPAN

torch.set_num_threads(1)

SIZES = {"first_names": 8, "middle_names": 8, "last_names": 8, "months": 2, "days": 4, "years": 1, "templates": 2}
SIZES |= {"birth_cities": 8, "universities": 8, "majors": 8, "employers": 8}
TINY = ModelSettings(layers=1, width=16, heads=2, context=32, canon="A")


def people(tmp_path, **params):
    """Write a spec of a small world in compact tokens; return its path."""
    file = tmp_path / "people.toml"
    table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in ({"people": 20} | params).items())
    sizes = "".join(f"{key} = {value}\n" for key, value in SIZES.items())
    file.write_text(f'task = "bios"\nrow_format = "tokens"\n[params]\n{table}[params.sizes]\n{sizes}[splits.train]\n')
    return str(file)


def run_of(spec, rows=7, **train):
    return RunSettings(
        data=(DataSettings(spec=spec, rows=rows),),
        model=TINY,
        train=TrainSettings(**({"steps": 30, "warmup": 5, "lr": 1e-2} | train)),
    )


# -- rows and batches -------------------------------------------------------------------------------------------------


def test_a_batch_depends_on_the_step_alone_and_a_pass_holds_every_row_once(tmp_path):
    spec = people(tmp_path, entries=2)
    feed = RunData(run_of(spec))
    seen = [row for step in range(12) for row in feed.rows(step, 0).numbers]
    assert sorted(seen[:40]) == list(range(40))
    assert sorted(seen[40:80]) == list(range(40))
    assert seen[:40] != seen[40:80] != list(range(40))
    other = RunData(run_of(spec))
    for step in (11, 3, 5):
        assert torch.equal(other.batch(step).ids, feed.batch(step).ids)
    assert seen[:40] != [row for step in range(6) for row in RunData(run_of(spec, seed=1)).rows(step, 0).numbers][:40]


def test_windows_hold_start_row_and_end(tmp_path):
    source = synthgen.load(people(tmp_path))
    feed = RunData(run_of(people(tmp_path)))
    batch, vocab = feed.batch(0), source.vocab
    for window, number in zip(range(7), feed.rows(0, 0).numbers, strict=True):
        ids = source.row(int(number))["input_ids"]
        assert batch.ids[window].tolist() == [vocab.bos, *ids]
        assert batch.targets[window].tolist() == [*ids, vocab.eos]
    assert batch.trained.all()


def test_rows_of_different_lengths_are_padded_where_nothing_is_learnt():
    feed = RunData(RunSettings(data=(DataSettings(spec="cfg3f", rows=5),), model=ModelSettings(context=600)))
    batch, rows = feed.batch(2), feed.rows(2, 0)
    assert batch.trained.sum() == rows.ids.size + 5
    for i, row in enumerate(rows.numbers):
        ids = synthgen.load("cfg3f").row(int(row))["input_ids"]
        assert batch.targets[i][batch.trained[i]].tolist() == [*ids, feed.vocabulary.specials[1]]


def test_ranks_share_a_batch_and_streams_stand_side_by_side(tmp_path):
    spec = people(tmp_path)
    settings = RunSettings(
        data=(
            DataSettings(spec=spec, rows=4, domain=True),
            DataSettings(spec=spec, rows=6, params={"first_person": 100}, loss="name"),
        ),
        model=TINY,
    )
    feed = RunData(settings)
    whole, parts = feed.batch(3), [feed.batch(3, rank, 2) for rank in range(2)]
    assert sorted(whole.ids.tolist()) == sorted(parts[0].ids.tolist() + parts[1].ids.tolist())
    assert feed.size == feed.vocabulary.size + 1
    assert whole.ids[:4, 0].tolist() == [feed.vocabulary.size] * 4
    assert whole.ids[4:, 0].tolist() == [feed.vocabulary.specials[0]] * 6
    assert whole.trained[:4].all()
    assert whole.trained[4:].sum() == 6 * 3  # a name has three tokens, the end no loss


def test_phrases_of_text_are_tokens_with_their_spans(tmp_path):
    corpus = SpecRows(synthgen.load("bios-single", params={"people": 50}), vocabulary=Vocabulary())
    rows = corpus.read(0, 3, spans=True)
    words = corpus.vocabulary.names()
    for i, row in enumerate(corpus.source.batch(0, 3).to_pylist()):
        own = slice(rows.starts[i], rows.ends[i])
        said = [words[token] for token in rows.ids[own]]
        assert " ".join(said).replace(" ", "") == row["text"].replace(" ", "")
        for number, kind in enumerate(corpus.span_kinds):
            spans = row["latent"]["spans"][kind]
            stated = "".join(row["text"][span["start"] : span["end"]] for span in spans).replace(" ", "")
            found = "".join(word for word, k in zip(said, rows.span_kinds[own], strict=True) if k == number)
            assert found.replace(" ", "") == stated
        assert (rows.span_kinds[own] == NO_SPAN).sum() > 5


def test_bad_data_settings_are_told(tmp_path):
    with pytest.raises(SynthgenError, match="knows all, completion, name"):
        RunData(RunSettings(data=(DataSettings(spec=people(tmp_path), loss="nmae"),), model=TINY))
    with pytest.raises(SynthgenError, match="context = 32: a row has"):
        RunData(RunSettings(data=(DataSettings(spec="cfg3f"),), model=TINY)).batch(0)
    with pytest.raises(SynthgenError, match="mixture"):
        RunData(RunSettings(data=(DataSettings(spec="cfg3f"), DataSettings(spec="bios-single")), model=TINY))


# -- the loop ---------------------------------------------------------------------------------------------------------


def test_the_learning_rate_rises_and_falls():
    settings = TrainSettings(steps=100, warmup=10, lr=1.0, lr_end=0.1)
    rates = [learning_rate(settings, step) for step in range(100)]
    assert rates[0] == 0.1 and rates[9] == rates[10] == 1.0
    assert rates[99] == pytest.approx(0.1, abs=1e-3)
    assert all(a >= b for a, b in zip(rates[10:], rates[11:], strict=False))
    linear = TrainSettings(steps=100, warmup=0, lr=1.0, lr_end=0.0, schedule="linear")
    assert learning_rate(linear, 50) == 0.5


def test_parts_of_a_batch_give_the_same_steps_as_the_whole(tmp_path):
    spec = people(tmp_path, entries="online", order="entry")
    whole = train(run_of(spec, rows=12, steps=5))
    parts = train(run_of(spec, rows=12, steps=5, accumulate=3))
    for a, b in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-4)


SCRIPT = """
import sys, torch
torch.set_num_threads(1)
from pathlib import Path
from synthgen.train.loop import train
from synthgen.train.settings import RunSettings
train(RunSettings.model_validate_json(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
"""


def test_a_run_killed_with_kill_9_goes_on_bit_for_bit(tmp_path):
    spec = people(tmp_path, entries=3, order="entry")
    settings = run_of(spec, steps=400, save_every=20, seed=3)
    settings = settings.model_copy(update={"model": TINY.model_copy(update={"dropout": 0.1})})
    file = tmp_path / "settings.json"
    file.write_text(settings.model_dump_json())
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(file), str(killed)])
    deadline = time.monotonic() + 120
    while not (killed / "checkpoint.pt").exists() or len(read_metrics(killed)) < 4:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed / "model.pt").exists()
    assert read_metrics(killed)[-1]["step"] < 400
    train(settings, killed)
    train(settings, whole)
    first, second = (
        [(line["step"], line["loss_bits"], line["norm"]) for line in read_metrics(folder)] for folder in (killed, whole)
    )
    assert first == second
    assert len(first) == 20
    for a, b in zip(load_model(killed).parameters(), load_model(whole).parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("checkpoint", [0, 20])
def test_a_resumed_run_has_each_step_once_in_its_metrics(checkpoint, tmp_path):
    """What a killed run wrote behind its checkpoint is dropped: all of it, where it had none yet."""
    spec = people(tmp_path, entries=3)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(run_of(spec, steps=60, save_every=20), whole)

    def kill(loop, line):
        if line["step"] == (40 if checkpoint else 20):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(run_of(spec, steps=60, save_every=20), killed, watch=kill)
    assert (killed / "checkpoint.pt").exists() == bool(checkpoint)
    with (killed / "metrics.jsonl").open("a") as file:
        file.write('{"step": 60, "loss_bits": 1.0}\n' if checkpoint else '{"step": 40, "lo')  # cut short by the kill
    train(run_of(spec, steps=60, save_every=20), killed)
    first, second = ([(x["step"], x["loss_bits"]) for x in read_metrics(folder)] for folder in (whole, killed))
    assert first == second
    assert [step for step, _ in second] == [20, 40, 60]


def test_another_runs_folder_is_refused(tmp_path):
    spec = people(tmp_path)
    train(run_of(spec, steps=2), tmp_path / "run")
    with pytest.raises(SynthgenError, match=r"settings.train.lr: 0.01, not 0.02"):
        train(run_of(spec, steps=2, lr=0.02), tmp_path / "run")
    with pytest.raises(SynthgenError, match="no finished run"):
        load_model(tmp_path)


def test_a_second_stage_begins_with_the_first_and_lora_leaves_the_rest_alone(tmp_path):
    spec = people(tmp_path)
    train(run_of(spec, steps=3), tmp_path / "first")
    before = load_model(tmp_path / "first")
    train(run_of(spec, steps=3, lora=2, lora_embedding=2), tmp_path / "second", init=tmp_path / "first")
    after = load_model(tmp_path / "second")
    same = {
        name
        for name, weight in before.named_parameters()
        if name in dict(after.named_parameters()) and torch.equal(weight, dict(after.named_parameters())[name])
    }
    assert "blocks.0.mlp.up.weight" in same and "blocks.0.attention.out.weight" in same
    assert "blocks.0.attention.qkv.weight" not in same and "embedding.weight" not in same
    d = TINY.width
    a, b = before.blocks[0].attention.qkv.weight, after.blocks[0].attention.qkv.weight
    assert torch.equal(a[d : 2 * d], b[d : 2 * d])  # the keys
    assert torch.equal(after.head.weight, before.head.weight)


# -- the floor --------------------------------------------------------------------------------------------------------


def test_model_bits_are_those_of_the_definition(tmp_path):
    loop = train(run_of(people(tmp_path), steps=2))
    loop.model.requires_grad_(False)
    corpus = loop.data.sources[0]
    rows = corpus.read(0, 5)
    paid = model_bits(loop.model, rows, corpus)
    start, end, _ = corpus.vocabulary.specials
    for i in range(5):
        ids = rows.ids[rows.starts[i] : rows.ends[i]].tolist()
        log = torch.log_softmax(loop.model(torch.tensor([[start, *ids]]))[0], dim=-1) / math.log(2)
        each = [-float(log[t, token]) for t, token in enumerate([*ids, end])]
        assert np.allclose(paid.tokens[rows.starts[i] : rows.ends[i]], each[:-1], atol=1e-4)
        assert paid.ends[i] == pytest.approx(each[-1], abs=1e-4)
    assert paid.rows(rows).sum() == pytest.approx(paid.tokens.sum() + paid.ends.sum())


def test_the_floor_of_people_is_who_comes_next_plus_the_wording(tmp_path):
    source = synthgen.load(people(tmp_path, entries="online", order="entry"))
    floor = Floor.of(SpecRows(source, FRESH))
    assert floor.entity == pytest.approx(math.log2(20))
    assert floor.text == pytest.approx(6 + math.log2(720))
    assert floor.status == "exact"


def test_a_small_world_is_learnt_down_to_its_floor_and_not_below(tmp_path):
    spec = people(tmp_path, entries="online", order="entry")
    settings = run_of(spec, rows=32, steps=500, warmup=50, lr=1e-2)
    settings = settings.model_copy(update={"model": ModelSettings(layers=2, width=32, heads=2, context=32)})
    loop = train(settings)
    found = measure(loop.model, SpecRows(synthgen.load(spec), FRESH, vocabulary=loop.data.vocabulary), 600)
    assert found.status == "exact" and not found.impossible
    assert found.excess / found.se > -3
    assert found.relative < 0.6
    books = found.books
    assert sum(book["model"] for book in books.values()) == pytest.approx(found.model)
    assert sum(book["floor"] for book in books.values()) == pytest.approx(found.floor)
    assert books["wording"]["model"] < books["wording"]["floor"] * 1.1


def test_repeated_rows_may_go_below_the_fresh_floor_and_fresh_ones_may_not(tmp_path):
    loop = train(run_of(people(tmp_path, sentences="once"), rows=20, steps=400, lr=2e-2))
    corpus = loop.data.sources[0]
    memory = measure(loop.model, corpus, 20)
    assert memory.excess < 0  # the 20 rows are known by heart: their wording costs nothing any more
    line = {"held_out": {"x": memory.to_json() | {"impossible": False}}}
    _refuse_the_impossible(line)
    assert memory.impossible  # as fresh rows they would prove a fault
    with pytest.raises(BelowTheFloor, match="the entropy or the split is wrong"):
        _refuse_the_impossible({"held_out": {"x": memory.to_json()}})
    rows = corpus.read(0, 20, spans=True, bits=True)
    assert by_book(model_bits(loop.model, rows, corpus), rows, corpus, Floor.of(corpus))


def test_a_floor_of_0_on_one_row_is_a_line_of_metrics_that_anybody_reads(tmp_path):
    lone = FloorResult(rows=1, tokens=4, model=2.0, floor=0.0, excess=2.0, se=math.inf, status="exact", reason="")
    lines = Lines(tmp_path)
    lines.write({"step": 1, "held_out": {"x": lone.to_json()}})
    (line,) = lines.file.read_text().splitlines()
    written = strict_json(line)["held_out"]["x"]
    assert (written["excess"], written["se"], written["relative"], written["impossible"]) == (2.0, None, None, False)


def test_a_disk_that_fills_up_leaves_what_was_there(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    file = tmp_path / "metrics.jsonl"
    write_whole(file, "old\n")
    monkeypatch.setattr("synthgen.task.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(file, "new\n")
    assert file.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [file]
