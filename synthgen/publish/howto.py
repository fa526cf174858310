"""How to train on it: the lines of Python that put a dataset before a trainer, for cards and READMEs.

`lessons` gives (title, code) pairs; every code runs as it stands, with the dataset folder (or spec) it names.
"""

from __future__ import annotations

from synthgen.spec.spec import Spec, split_label


def lessons(spec: Spec, data: str, split: str = "train") -> list[tuple[str, str]]:
    """Return the ways to train on `data` (a dataset folder, or a Hub repository's copy of one) as (title, code)."""
    recipe = spec.windows
    tokens = spec.row_format == "tokens"
    by_text = "" if tokens else ', tokenizer="words"'
    named = data if tokens else f"{data}/spec.toml"  # the spec beside the data makes the same rows, as tokens
    options = "".join(
        f", {field}={getattr(recipe, field)!r}"
        for field in ("packing", "order", "attention", "loss")
        if getattr(recipe, field) != type(recipe).model_fields[field].default
    ).replace("'", '"')
    if split != "train":
        options = f', split="{split}"' + options
    label = split_label(split)
    out = [
        (
            "synthgen and torch: the windows of the paper, packed on the fly",
            f'''from torch.utils.data import DataLoader
from synthgen.train.windows import WindowDataset

data = WindowDataset("{named}", context={recipe.context}, batch_size=8{options}{by_text})
for batch in DataLoader(data, batch_size=None, num_workers=1):
    inputs, targets = batch["input_ids"], batch["targets"]  # targets are shifted; -100: no loss
    break''',
        ),
        (
            "datasets and a DataLoader: rows as they are",
            f'''import datasets
from torch.utils.data import DataLoader

rows = datasets.load_dataset("{data}", split="{label}", streaming=True)
batch = next(iter(DataLoader(rows.select_columns({_columns(spec)}), batch_size=8, collate_fn=list)))''',
        ),
        (
            "transformers: windows with the labels its models take",
            f'''import synthgen

stream = synthgen.windows("{named}", context={recipe.context}{options}{by_text}).to_datasets()
example = next(iter(stream))  # input_ids, labels (not shifted), attention_mask: for Trainer(train_dataset=stream)''',
        ),
    ]
    if spec.row_format in ("prompt-completion", "tokens"):
        only = recipe.loss != "all"
        out.append(
            (
                "TRL: its column names are these",
                f'''import datasets

rows = datasets.load_dataset("{data}", split="{label}").select_columns({_columns(spec)})
arguments = {{"max_length": {recipe.context}, "completion_only_loss": {only}}}  # SFTConfig(**arguments), SFTTrainer''',
            )
        )
    tokenizer = "" if tokens else ', "tokenizer": "words"'
    out.append(
        (
            "nanoGPT and llm.c: one file of token ids",
            f'''import numpy as np
from synthgen.bins import write_bins
from synthgen.spec import load_spec

spec = load_spec("{data}/spec.toml", sets={{"splits.{split}.rows": 1000{tokenizer}}})
write_bins(spec, "{data}-bin", splits=["{split}"])  # also: synthgen generate --format bin
ids = np.memmap("{data}-bin/{split}.bin", dtype=np.uint16, mode="r")  # nanoGPT's data/NAME/train.bin''',
        )
    )
    if not tokens:
        text = 'row["text"]' if spec.row_format == "document" else 'row["prompt"] + row["completion"]'
        out.append(
            (
                "litgpt: a folder of text files",
                f'''import datasets
from pathlib import Path

folder = Path("{data}-texts")
folder.mkdir(exist_ok=True)
data = datasets.load_dataset("{data}", split="{label}")
for number in range(8):  # one of the files is kept for validation
    texts = [{text} for row in data.shard(8, number)]
    (folder / f"{{number}}.txt").write_text("<|endoftext|>".join(texts))
# litgpt pretrain pythia-14m --tokenizer_dir TOKENIZER --data TextFiles --data.train_data_path {data}-texts''',
            )
        )
    return out


def _columns(spec: Spec) -> str:
    if spec.row_format == "tokens":
        masked = spec.task_of("train").masked
        return '["input_ids", "completion_mask"]' if masked else '["input_ids"]'
    return '["text"]' if spec.row_format == "document" else '["prompt", "completion"]'
