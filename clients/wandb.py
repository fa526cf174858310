"""Weights & Biases: a run logs its metrics there, and what its files hold is what `metrics.jsonl` holds."""

import importlib.metadata
import json
import os
import re
import tempfile
from pathlib import Path

os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}

import wandb
from wandb.proto import wandb_internal_pb2

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


def records(file):
    """Yield what a run's file holds: a log of LevelDB's layout, blocks of 32 kB, behind seven bytes of its own."""
    data, at, held = file.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        held += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield wandb_internal_pb2.Record.FromString(held)
            held = b""


wandb.teardown()  # its process has then written all
logged = {}
for record in records(next((run / "wandb").glob("offline-run-*/*.wandb"))):
    if record.WhichOneof("record_type") == "history":
        items = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for name, value in items.items():
            logged.setdefault(name, {})[items["_step"]] = value

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
