"""TensorBoard: a run logs its metrics there, and what its files hold is what `metrics.jsonl` holds."""

import importlib.metadata
import json
import re
import tempfile
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from synthgen.train.loop import train
from synthgen.train.settings import DataSettings, ModelSettings, RunSettings, TrainSettings
from synthgen.train.trackers import figures_of

PAGE = Path(__file__).parents[1] / "docs/clients/tensorboard.md"

run = Path(tempfile.mkdtemp()) / "copy"
settings = RunSettings(
    data=(DataSettings(spec="copy-tiny", rows=4),),
    model=ModelSettings(layers=1, width=16, heads=2, context=80),
    train=TrainSettings(steps=50, warmup=5, eval_rows=10),
)
(glue,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)
exec(glue, {"run": run, "settings": settings, "train": train})

events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0}).Reload()
logged = {name: {event.step: event.value for event in events.Scalars(name)} for name in events.Tags()["scalars"]}

lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
assert [line["step"] for line in lines] == [20, 40, 50]
for line in lines:
    figures = figures_of(line)
    assert {"loss_bits", "floor_bits", "lr", "norm"} <= set(figures)
    for name, value in figures.items():
        there = logged[name][line["step"]]
        assert abs(there - value) <= 1e-5 * max(1.0, abs(value)), (name, line["step"], there, value)

versions = {name: importlib.metadata.version(name) for name in ("tensorboard", "torch")}
did = "50 steps of copy-tiny; every figure of metrics.jsonl is in the event files, at its step"
glue = len([line for line in glue.splitlines() if line.strip()])
print(json.dumps({"client": "tensorboard", "versions": versions, "glue": glue, "did": did}))
