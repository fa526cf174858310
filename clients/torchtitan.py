"""torchtitan's loader on our windows: batches of two ranks, its loss's labels, and going on from its state."""

import importlib.metadata
import json
import re
from itertools import islice
from pathlib import Path

import torch
from torchtitan.components.loss import IGNORE_INDEX

import synthgen
from synthgen.spec.spec import load_spec

PAGE = Path(__file__).parents[1] / "docs/clients/torchtitan.md"

(glue,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)
states = []
for rank in range(2):
    names = {"dp_rank": rank, "dp_world_size": 2}
    exec(glue, names)
    expected = list(islice(synthgen.windows("cfg3f", context=512, batch_size=8, rank=rank, world_size=2), 9))
    batches = iter(names["loader"])
    for batch in expected[:4]:
        inputs, labels = next(batches)
        assert set(inputs) == {"input", "positions"}
        assert all(tensor.dtype == torch.int64 for tensor in (*inputs.values(), labels))
        assert inputs["input"].tolist() == batch["input_ids"].tolist()
        assert labels.tolist() == batch["targets"].tolist()
        assert (inputs["positions"][:, 0] == 0).all()
    states.append(names["loader"].state_dict())
    exec(glue, names)
    names["loader"].load_state_dict(states[-1])
    for (inputs, _), batch in zip(islice(names["loader"], 5), expected[4:], strict=True):
        assert inputs["input"].tolist() == batch["input_ids"].tolist()
assert set(states[0]) == {"dp_rank_0", "world_size"}

masked = load_spec("cfg3f-cut50", sets={"row_format": "tokens"})
inputs, labels = next(iter(names["TitanBatches"](masked, context=700, batch_size=4, loss="completion", packing="pad")))
assert IGNORE_INDEX == -100
assert (labels == IGNORE_INDEX).sum() >= 4 * 49

did = (
    "ParallelAwareDataloader: the batches of 2 ranks with a worker, labels and positions, going on from its state_dict"
)
versions = {"torchtitan": importlib.metadata.version("torchtitan"), "torch": torch.__version__}
print(json.dumps({"client": "torchtitan", "versions": versions, "glue": 2, "did": did}))
