"""datatrove on our files: windows and positions of its dataset, and its own writer's bytes for the same rows."""

import importlib.metadata
import json
import os
import re
import tempfile
from pathlib import Path

import numpy as np
from datatrove.pipeline.tokens.tokenizer import TokenizedFile

import synthgen
from synthgen.spec.spec import load_spec

PAGE = Path(__file__).parents[1] / "docs/clients/datatrove.md"
os.chdir(tempfile.mkdtemp())

(glue,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)
names = {}
exec(glue, names)
source, data = synthgen.load("cfg3f"), names["data"]
bos = source.vocab.bos
rows = [[bos, *ids] for ids in source.batch(0, 2000).column("input_ids").to_pylist()]
string = np.array([i for row in rows for i in row])
places = np.array([k for row in rows for k in range(len(row))])
assert len(data) == string.size // 513
for number in (0, 1, 99, len(data) - 1):
    window = slice(number * 513, (number + 1) * 513)
    assert (data[number]["input_ids"].numpy() == string[window]).all()
    positions = data[number]["positions"].numpy()
    starts = np.flatnonzero(places[window] == 0)
    until = starts[0] if starts.size else 513
    assert (positions[until:] == places[window][until:]).all()
    assert (positions[:until] == np.arange(until)).all()

masked = synthgen.Source(load_spec("cfg3f-cut50", sets={"row_format": "tokens"}))
names["write_bins"](masked.spec, "cut50", format="datatrove", splits=["test"], rows=300)
theirs = TokenizedFile("theirs", "test.ds", save_loss_metadata=True, save_final_metadata=True)
for row in masked.batch(0, 300, "test").to_pylist():
    theirs.write([masked.vocab.bos, *row["input_ids"]], np.array([True, *row["completion_mask"]]))
theirs.close()
for ending in ("", ".index", ".loss"):
    assert Path(f"cut50/test.ds{ending}").read_bytes() == Path(f"theirs/test.ds{ending}").read_bytes(), ending
assert (
    Path("cut50/test.ds.metadata").read_text().split("\n")[1]
    == Path("theirs/test.ds.metadata").read_text().split("\n")[1]
)

did = (
    "DatatroveFolderDataset: windows and positions of 2,000 rows; 300 rows with masks byte for byte as TokenizedFile's"
)
versions = {"datatrove": importlib.metadata.version("datatrove")}
print(json.dumps({"client": "datatrove", "versions": versions, "glue": 2, "did": did}))
