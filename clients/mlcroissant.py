"""mlcroissant on `croissant.json` of a card: the metadata is valid, its texts are ours, and so are the rows' values."""

import importlib.metadata
import json
import logging
import os
import re
import tempfile
from pathlib import Path

import synthgen
from synthgen.publish.card import write_card

ROOT = Path(__file__).parents[1]
logging.disable(logging.WARNING)  # it recommends a date, which no file of ours has

(code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/clients/mlcroissant.md").read_text("utf-8"), re.DOTALL)
glue = [line for line in code.splitlines() if line.strip() and not line.startswith("import ")]
with tempfile.TemporaryDirectory() as temporary:
    os.chdir(temporary)
    people = {"people": 100}
    synthgen.generate("bios-single", "data/people", rows=100, params=people, shards=2, format="parquet", workers=1)
    write_card("data/people", pictures=False)
    names = {}
    exec(code, names)
    metadata, source = names["dataset"].metadata, synthgen.load("data/people/spec.toml")
    assert not list(metadata.ctx.issues.errors), metadata.ctx.issues.report()
    limits = metadata.data_limitations
    assert any("says nothing about the world" in text for text in limits), limits
    assert set(source.task().stated_deviations()) <= set(limits)
    assert "none by a person" in str(metadata.data_collection), metadata.data_collection
    assert any("real person" in text for text in metadata.personal_sensitive_information)
    split = next(iter(json.loads(Path("data/people/manifest.json").read_text())["splits"]))
    got = list(names["rows"])
    assert len(got) == 100, len(got)
    for theirs, ours in zip(got, source.batch(0, 100, split).to_pylist(), strict=True):
        assert theirs[f"{split}/id"] == ours["id"]
        assert theirs[f"{split}/text"].decode() == ours["text"]
        assert theirs[f"{split}/difficulty"] == ours["difficulty"]
        assert theirs[f"{split}/bits"] == {f"{split}/bits/{book}": bits for book, bits in ours["bits"].items()}
    arrow = synthgen.generate("copy-tiny", "data/tokens", rows=64, workers=1)
    write_card("data/tokens", pictures=False)
    import mlcroissant

    tokens = mlcroissant.Dataset(jsonld="data/tokens/croissant.json").metadata
    assert not list(tokens.ctx.issues.errors), tokens.ctx.issues.report()
    assert tokens.name == arrow.name
versions = {name: importlib.metadata.version(name) for name in ("mlcroissant", "pandas", "pyarrow")}
did = "metadata of Parquet and Arrow valid, its texts ours; 100 rows of 2 files equal in id, text, difficulty and bits"
print(json.dumps({"client": "mlcroissant", "versions": versions, "glue": len(glue), "did": did}))
