"""torchdata's StatefulDataLoader on our windows: order, and going on, with no worker and with two."""

import importlib.metadata
import json
import pickle
import re
from itertools import islice
from pathlib import Path

import torch

import synthgen

PAGE = Path(__file__).parents[1] / "docs/clients/torchdata.md"

(glue,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)
names = {}
exec(glue, names)
windows = synthgen.windows("cfg3f", context=512, batch_size=8, rank=0, world_size=2)
expected = [batch["input_ids"].tolist() for batch in islice(windows, 11)]
assert [batch["input_ids"].tolist() for batch in islice(names["loader"], 11)] == expected

for workers in (0, 2):
    for used in (1, 4, 5):
        loader = names["StatefulDataLoader"](names["data"], batch_size=None, num_workers=workers)
        batches = iter(loader)
        for _ in range(used):
            next(batches)
        state = pickle.loads(pickle.dumps(loader.state_dict()))
        data = names["WindowDataset"]("cfg3f", context=512, batch_size=8, rank=0, world_size=2)
        again = names["StatefulDataLoader"](data, batch_size=None, num_workers=workers)
        again.load_state_dict(state)
        got = [batch["input_ids"].tolist() for batch in islice(again, 5)]
        assert got == expected[used : used + 5], (workers, used)

did = "the order of one process with 0 and 2 workers; going on from state_dict after 1, 4 and 5 batches"
versions = {"torchdata": importlib.metadata.version("torchdata"), "torch": torch.__version__}
print(json.dumps({"client": "torchdata", "versions": versions, "glue": 2, "did": did}))
