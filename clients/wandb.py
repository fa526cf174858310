"""Weights & Biases: a run logs its metrics there, and what its files hold is what `metrics.jsonl` holds."""

import json
import os
import sys
from pathlib import Path

os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
sys.path.append(str(Path(__file__).parent))  # last, since this script has the name of the package

import wandb
from tracked_run import compare, tell, tracked
from wandb.proto import wandb_internal_pb2


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


run = tracked("wandb")
wandb.teardown()  # its process has then written all
logged: dict[str, dict[int, float]] = {}
for record in records(next((run / "wandb").glob("offline-run-*/*.wandb"))):
    if record.WhichOneof("record_type") == "history":
        items = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for name, value in items.items():
            logged.setdefault(name, {})[items["_step"]] = value
compare(run, logged)
tell("wandb", "50 steps of copy-tiny, offline; every figure of metrics.jsonl is in the file of the run, at its step")
