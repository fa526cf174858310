"""Trace: the rows that it names, at their places, are the tokens that the model saw; and metrics go where they are sent."""

import json

import numpy as np
import pytest
import torch
from helpers import run

from synthgen.errors import SynthgenError
from synthgen.train.batches import RunData
from synthgen.train.loop import Loop, Ranks, new_model, train
from synthgen.train.settings import DataSettings, ModelSettings, RunSettings, TrainSettings
from synthgen.train.trace import NOTED, pieces_of, trace
from synthgen.train.trackers import figures_of, tracker

torch.set_num_threads(1)
STEPS = 9

RUNS = {
    "row": {"data": [{"spec": "recall-tiny", "rows": 4}]},
    "shuffled, a second pass": {"data": [{"spec": "bios-single", "rows": 4, "params": {"people": 20}, "distinct": 10}]},
    "two streams": {
        "data": [
            {"spec": "copy-tiny", "rows": 2, "domain": True},
            {"spec": "copy-tiny", "rows": 3, "seed": 7, "loss": "completion", "distinct": 7},
        ]
    },
    "chop": {"data": [{"spec": "cfg3f", "rows": 4}], "packing": "chop"},
    "chop, documents apart": {"data": [{"spec": "mano-tiny", "rows": 4}], "packing": "chop", "attention": "document"},
    "left": {"data": [{"spec": "depo1-tiny", "rows": 2}], "packing": "left"},
    "pad": {"data": [{"spec": "mano-tiny", "rows": 4}], "packing": "pad"},
    "mixture": {"data": [{"spec": "cfg-curriculum", "rows": 4}], "packing": "chop"},
}


def settings_of(table, context=80):
    return RunSettings.model_validate(
        {
            "model": {"layers": 1, "width": 8, "heads": 2, "context": context},
            "train": {"steps": STEPS, "warmup": 1},
            **table,
        }
    )


def rows_of_piece(data, piece):
    """Return a traced row's tokens with its markers, from the source alone: start, tokens, end."""
    rows = data.sources[piece.stream]
    if piece.component and rows.source.task(piece.split).window_components():
        from synthgen.windowing.spec_rows import SpecRows

        components = rows.source.task(piece.split).window_components()
        one = next(c for c in components if c.name == piece.component)
        rows = SpecRows(rows.source, piece.split, None, data.vocabulary, one)
    start, end = data.start_of(piece.stream), data.vocabulary.specials[1]
    return [start, *rows.read(piece.row, piece.row + 1).ids.tolist(), end]


@pytest.mark.parametrize("name", RUNS)
def test_traced_rows_are_what_the_model_saw(name, tmp_path, monkeypatch):
    """Every input that the model was given at a step is the token of the row that is named, or padding."""
    settings = settings_of(RUNS[name], 600 if "cfg" in RUNS[name]["data"][0]["spec"] else 130)
    data, seen, trained = RunData(settings), [], []
    loop = Loop(settings, data, new_model(settings, data.size), Ranks())
    nats = loop._nats

    def watch(batch):
        seen.append(batch.ids.numpy().copy())
        trained.append(batch.trained.numpy().copy())
        return nats(batch)

    monkeypatch.setattr(loop, "_nats", watch)
    for _ in range(STEPS if len(settings.data) > 1 or not data.packed else 3):
        loop.advance()
    run_folder = tmp_path / "run"
    from synthgen.train.runs import identity, write_settings

    write_settings(run_folder, identity(settings, data))
    for step in (len(seen), 1):
        ids, had = seen[step - 1], trained[step - 1]
        covered = np.zeros(ids.shape, np.bool_)
        for piece in trace(run_folder, step):
            row = rows_of_piece(data, piece)
            shown = ids[piece.window, piece.first : piece.last].tolist()
            assert shown == row[piece.place : piece.place + len(shown)], piece
            assert piece.trained == had[piece.window, piece.first : piece.last].sum()
            assert not covered[piece.window, piece.first : piece.last].any()
            covered[piece.window, piece.first : piece.last] = True
        assert not had[~covered].any(), "what is no row has no loss"
        pads = set(ids[~covered].tolist())
        assert pads <= {data.vocabulary.specials[2], data.vocabulary.specials[1]}
        assert covered.mean() > 0.3


def test_ranks_have_their_own_pieces(tmp_path):
    from synthgen.train.runs import identity, write_settings

    for name in ("row", "chop"):
        settings = settings_of(RUNS[name], 600)
        write_settings(tmp_path / name, identity(settings, RunData(settings)))
        pieces = trace(tmp_path / name, 3, ranks=2)
        assert {piece.rank for piece in pieces} == {0, 1}
        for rank in range(2):
            data = RunData(settings, None, NOTED)
            for step in range(3):
                batch = data.batch(step, rank, 2)
            for piece in (one for one in pieces if one.rank == rank):
                row = rows_of_piece(data, piece)
                shown = batch.ids[piece.window, piece.first : piece.last].tolist()
                assert shown == row[piece.place : piece.place + len(shown)]
    assert list(pieces_of(RunData(settings, None, NOTED), 3, 1, 2)) == [one for one in pieces if one.rank == 1]


def test_the_command(tmp_path):
    settings = settings_of(RUNS["row"])
    train(settings.model_copy(update={"train": TrainSettings(steps=2, warmup=1)}), tmp_path / "run")
    done = run("trace", tmp_path / "run", 2, "--json")
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)[0]
    assert (first["window"], first["first"], first["row"], first["spec"]) == (0, 0, 4, "recall-tiny")
    said = run("trace", tmp_path / "run", 2).stdout
    assert "step 2: 4 pieces of 4 rows" in said
    for wrong, told in ((0, "has the steps 1 to 2"), (3, "has the steps 1 to 2")):
        refused = run("trace", tmp_path / "run", wrong)
        assert refused.returncode == 2
        assert told in refused.stderr
    assert "is no run" in run("trace", tmp_path, 1).stderr


# -- trackers ---------------------------------------------------------------------------------------------------------


def test_a_function_is_told_every_line_and_nothing_more(tmp_path):
    lines = []
    settings = RunSettings(
        data=(DataSettings(spec="recall-tiny", rows=2),),
        model=ModelSettings(layers=1, width=8, heads=2, context=80),
        train=TrainSettings(steps=41, warmup=1, eval_rows=5),
    )
    train(settings, tmp_path / "run", log=lines.append, check_floor=True)
    written = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert lines == written
    assert [line["step"] for line in lines] == [20, 40, 41]
    figures = figures_of(lines[-1])
    assert figures["loss_bits"] == lines[-1]["loss_bits"]
    assert figures["held_out/recall-tiny/excess"] == lines[-1]["held_out"]["recall-tiny"]["excess"]
    assert "step" not in figures
    assert all(isinstance(value, float) for value in figures.values())


def test_a_tracker_that_is_not_there_is_told_before_a_step(tmp_path):
    done = run("train", "copy-tiny", "--log", "tensorbord", "--out", tmp_path / "run", "--steps", 1)
    assert done.returncode == 2
    assert "no such tracker (did you mean 'tensorboard'?)" in done.stderr
    assert not (tmp_path / "run/metrics.jsonl").exists()
    settings = settings_of(RUNS["row"])
    for name in ("trackio", "wandb"):
        missing = pytest.raises(SynthgenError, match=f"--log {name} needs {name}: pip install {name}")
        with missing, tracker(name, tmp_path / "run", settings):
            pass
