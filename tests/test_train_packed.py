"""Packed windows in the loop: documents apart, ends where windows have them, exact resume."""

import pytest
import torch

from synthgen.errors import SynthgenError
from synthgen.train.batches import RunData
from synthgen.train.loop import train
from synthgen.train.runs import read_metrics
from synthgen.train.settings import DataSettings, ModelSettings, RunSettings, TrainSettings

torch.set_num_threads(1)


def run_of(steps=6, **more):
    return RunSettings(
        data=(DataSettings(spec="cfg3f", rows=4),),
        model=ModelSettings(layers=1, width=16, heads=2, context=96, canon="AC"),
        train=TrainSettings(steps=steps, warmup=2, save_every=3),
        packing="chop",
        **more,
    )


def test_windows_are_those_of_synthgen_windows_and_documents_stay_apart():
    feed = RunData(run_of(attention="document"))
    batch = feed.batch(0)
    assert batch.ids.shape == (4, 96) and batch.trained.all()
    assert torch.equal(batch.ids[:, 1:], batch.targets[:, :-1])
    assert batch.documents is not None and batch.documents.max() >= 0
    assert RunData(run_of(attention="window")).batch(0).documents is None
    with pytest.raises(RuntimeError, match="is next"):
        feed.batch(5)


def test_a_packed_run_that_is_stopped_goes_on_bit_for_bit(tmp_path):
    class Stop(Exception):
        pass

    def stop(loop, line):
        raise Stop

    whole = tmp_path / "whole"
    train(run_of(40), whole)
    with pytest.raises(Stop):
        train(run_of(40), tmp_path / "stopped", watch=stop)  # at step 20, behind the checkpoint of step 18
    train(run_of(40), tmp_path / "stopped")
    first, second = ([x["loss_bits"] for x in read_metrics(folder)] for folder in (whole, tmp_path / "stopped"))
    assert first == second and len(first) == 2
    assert 1.0 < read_metrics(whole)[-1]["floor_bits"] < 1.2  # cfg3f: 1.16 bits a token


def test_what_windows_cannot_do_is_refused():
    with pytest.raises(SynthgenError, match="mixture"):
        RunData(run_of().model_copy(update={"data": (DataSettings(spec="cfg3f"), DataSettings(spec="cfg3f"))})).batch(0)
    with pytest.raises(SynthgenError, match="3 ranks cannot share"):
        RunData(run_of()).batch(0, 0, 3)
