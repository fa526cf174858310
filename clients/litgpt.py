"""LitGPT's tokenizer on a folder that we saved: its ids are those of our rows."""

import importlib.metadata
import json
import os
import re
import tempfile
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/clients/litgpt.md"
os.chdir(tempfile.mkdtemp())

text = PAGE.read_text("utf-8")
(toml,) = re.findall(r"```toml\n(.*?)```", text, flags=re.S)
(glue,) = re.findall(r"```python\n(.*?)```", text, flags=re.S)
Path("words.toml").write_text(toml)
names = {}
exec(glue, names)
source, tokenizer = names["source"], names["tokenizer"]
assert (tokenizer.bos_id, tokenizer.eos_id) == (source.vocab.bos, source.vocab.eos)
for row in source.batch(0, 200).to_pylist():
    said = source.task().text_row(row)["text"]
    assert tokenizer.encode(said, bos=False).tolist() == row["input_ids"]
    assert tokenizer.decode(tokenizer.encode(said, bos=False)) == said

did = "Tokenizer: ids, markers and texts of 200 biographies in words"
versions = {"litgpt": importlib.metadata.version("litgpt")}
print(json.dumps({"client": "litgpt", "versions": versions, "glue": 1, "did": did}))
