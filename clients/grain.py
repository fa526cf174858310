"""Grain on our windows: order by rank, and going on, also behind a map."""

import importlib.metadata
import json
import re
from itertools import islice
from pathlib import Path

import grain

import synthgen

PAGE = Path(__file__).parents[1] / "docs/clients/grain.md"

(glue,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)
names = {}
exec(glue, names)
dataset = names["dataset"]
assert isinstance(dataset, grain.IterDataset)
windows = synthgen.windows("cfg3f", context=512, batch_size=96, rank=0, world_size=2)
expected = [batch["input_ids"].tolist() for batch in islice(windows, 7)]
assert [batch["input_ids"].tolist() for batch in islice(dataset, 3)] == expected[:3]

for one in (dataset, dataset.map(lambda batch: {"input_ids": batch["input_ids"]})):
    batches = iter(one)
    for _ in range(4):
        next(batches)
    state = json.loads(json.dumps(batches.get_state()))
    again = iter(one)
    again.set_state(state)
    assert [next(again)["input_ids"].tolist() for _ in range(3)] == expected[4:]
    assert again.get_state()["batch"] == 13

did = "IterDataset: batches of a rank of 2; going on from get_state, also behind a map"
versions = {"grain": importlib.metadata.version("grain")}
print(json.dumps({"client": "grain", "versions": versions, "glue": 1, "did": did}))
