"""transformers' AutoTokenizer and our rows: a tokenizer of its own makes the rows, and reads what we save."""

import importlib.metadata
import json
import os
import re
import tempfile
from pathlib import Path

import tokenizers
from transformers import PreTrainedTokenizerFast

import synthgen
from synthgen.spec.spec import load_spec

PAGE = Path(__file__).parents[1] / "docs/clients/auto-tokenizer.md"
os.chdir(tempfile.mkdtemp())

text = PAGE.read_text("utf-8")
(toml,) = re.findall(r"```toml\n(.*?)```", text, flags=re.S)
(glue,) = re.findall(r"```python\n(.*?)```", text, flags=re.S)
Path("theirs.toml").write_text(toml)
plain = synthgen.load(load_spec("theirs.toml", sets={"tokenizer": "", "text_format": "", "row_format": "document"}))
texts = plain.batch(0, 200).column("text").to_pylist()

backend = tokenizers.Tokenizer(tokenizers.models.Unigram())
backend.pre_tokenizer, backend.decoder = tokenizers.pre_tokenizers.Metaspace(), tokenizers.decoders.Metaspace()
special = ["<unk>", "</s>"]
trainer = tokenizers.trainers.UnigramTrainer(vocab_size=300, special_tokens=special, unk_token="<unk>")
backend.train_from_iterator(texts, trainer)
model = "model"
PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", unk_token="<unk>").save_pretrained(model)
names = {"model": model}
exec(glue, names)
source, reader, theirs = names["source"], names["reader"], names["AutoTokenizer"].from_pretrained(model)
assert source.vocab.eos == reader.eos_token_id == theirs.eos_token_id == 1
for row, said in zip(source.batch(0, 200).to_pylist(), texts, strict=True):
    assert row["input_ids"] == theirs(said, add_special_tokens=False)["input_ids"]
    assert row["input_ids"] == reader(said, add_special_tokens=False)["input_ids"]
    assert reader.decode(row["input_ids"]) == said
assert abs(source.surprisals(3).sum() - plain.surprisals(3).sum()) < 1e-9

words = synthgen.load(load_spec("theirs.toml", sets={"tokenizer": "words"}))
for saved in (words, synthgen.load("cfg3f"), synthgen.load("mano-l10")):
    reader = names["AutoTokenizer"].from_pretrained(saved.save_tokenizer("saved"))
    assert (reader.bos_token_id, reader.pad_token_id, len(reader)) == (
        saved.vocab.bos,
        saved.vocab.pad,
        saved.vocab.size,
    )
    for row in saved.batch(0, 50).to_pylist():
        said = reader.decode(row["input_ids"])
        assert reader(said, add_special_tokens=False)["input_ids"] == row["input_ids"]

did = "rows in a Unigram tokenizer of transformers, with their bits; words, cfg3f and mano-l10 saved and read again"
versions = {"transformers": importlib.metadata.version("transformers")}
print(json.dumps({"client": "auto-tokenizer", "versions": versions, "glue": 2, "did": did}))
