"""Megatron-Core on our files: its `IndexedDataset` gives the very rows, and the masks beside them."""

import importlib.metadata
import json
import os
import re
import tempfile
from pathlib import Path

import synthgen
from synthgen.spec.spec import load_spec

PAGE = Path(__file__).parents[1] / "docs/clients/megatron.md"
os.chdir(tempfile.mkdtemp())

(glue,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)
names = {}
exec(glue, names)
source, data = synthgen.load("cfg3f"), names["data"]
rows = source.batch(0, 2000).column("input_ids").to_pylist()
assert len(data) == 2000
assert data.document_indices.tolist() == list(range(2001))
assert data.sequence_lengths.tolist() == [len(row) + 1 for row in rows]
for number in (0, 1, 777, 1999):
    assert data[number].tolist() == [source.vocab.bos, *rows[number]]
    assert data.get(number, offset=1, length=5).tolist() == rows[number][:5]

masked = synthgen.Source(load_spec("cfg3f-cut50", sets={"row_format": "tokens"}))
names["write_bins"](masked.spec, "cut50", format="megatron", splits=["test"], rows=300)
tokens, mask = (names["IndexedDataset"](f"cut50/test{kind}") for kind in ("", ".mask"))
for number, row in enumerate(masked.batch(0, 300, "test").to_pylist()):
    assert tokens[number].tolist()[1:] == row["input_ids"]
    assert mask[number].astype(bool).tolist()[1:] == row["completion_mask"]

did = "IndexedDataset: 2,000 rows of cfg3f by sequence, document and slice; 300 rows of cfg3f-cut50 with their masks"
versions = {"megatron-core": importlib.metadata.version("megatron-core")}
print(json.dumps({"client": "megatron", "versions": versions, "glue": 2, "did": did}))
