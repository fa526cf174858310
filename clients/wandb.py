"""Weights & Biases: a run logs its metrics there, and what its files hold is what `metrics.jsonl` holds."""

import importlib.metadata
import json
import os
import re
import tempfile
from pathlib import Path

os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}

from wandb.proto import wandb_internal_pb2
from wandb.sdk.internal.datastore import DataStore

from synthgen.train.loop import train
from synthgen.train.settings import DataSettings, ModelSettings, RunSettings, TrainSettings
from synthgen.train.trackers import figures_of

PAGE = Path(__file__).parents[1] / "docs/clients/wandb.md"

run = Path(tempfile.mkdtemp()) / "copy"
settings = RunSettings(
    data=(DataSettings(spec="copy-tiny", rows=4),),
    model=ModelSettings(layers=1, width=16, heads=2, context=80),
    train=TrainSettings(steps=50, warmup=5, eval_rows=10),
)
(glue,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)
exec(glue, {"run": run, "settings": settings, "train": train})

store = DataStore()
store.open_for_scan(str(next((run / "wandb").glob("offline-run-*/*.wandb"))))
logged = {}
while (data := store.scan_data()) is not None:
    record = wandb_internal_pb2.Record()
    record.ParseFromString(data)
    if record.WhichOneof("record_type") == "history":
        items = {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        step = items["_step"]
        for name, value in items.items():
            if not name.startswith("_"):
                logged.setdefault(name, {})[step] = value

lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
assert [line["step"] for line in lines] == [20, 40, 50]
for line in lines:
    figures = figures_of(line)
    assert {"loss_bits", "floor_bits", "lr", "norm"} <= set(figures)
    for name, value in figures.items():
        there = logged[name][line["step"]]
        assert abs(there - value) <= 1e-5 * max(1.0, abs(value)), (name, line["step"], there, value)

versions = {name: importlib.metadata.version(name) for name in ("wandb", "torch")}
did = "50 steps of copy-tiny, offline; every figure of metrics.jsonl is in the file of the run, at its step"
glue = len([line for line in glue.splitlines() if line.strip()])
print(json.dumps({"client": "wandb", "versions": versions, "glue": glue, "did": did}))
