"""Write a set of small folders, runs, cards and states with this version's code: `tests/old/VERSION/`.

    python tests/old/write.py

Run it once for each release, and commit what it makes, to the byte: `test_old.py` has every later version open, load,
check, card, push, pull and train on it. The set of a version that is released is never made anew.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np  # noqa: E402
import tokenizers  # noqa: E402
import torch  # noqa: E402
from conformance.server import Hub  # noqa: E402

import synthgen  # noqa: E402

torch.set_num_threads(1)
OUT = HERE / synthgen.__version__
SMALL = "{ first_names = 20, middle_names = 20, last_names = 20, universities = 20, employers = 20, templates = 5 }"

FOLDERS = {
    "grammar": ("cfg3f", {"rows": 24, "shards": 2, "splits": ["train", "test"]}),
    "fresh": ("cfg3b", {"rows": 16, "splits": ["2026-11"]}),
    "parquet": ("cfg-english", {"rows": 200, "splits": ["test"], "format": "parquet"}),
    "few-columns": ("cfg3b", {"rows": 16, "splits": ["train"], "columns": ["input_ids"]}),
    "questions": ("know-compare-month", {"rows": 24, "shards": 1}),
    "rewrites": ("bios-rewrite5", {"rows": 16, "params": {"people": 40}}),
    "numbers": ("biod", {"rows": 24, "params": {"N": 40}}),
    "brevo": ("brevo1-tiny", {"rows": 16, "shards": 1, "splits": ["train"]}),
    "chain": ("chain-retry50", {"rows": 16, "shards": 1}),
    "copy": ("copy-tiny", {"rows": 12, "shards": 1, "splits": ["train"]}),
    "depo": ("depo1-tiny", {"rows": 16, "shards": 1, "splits": ["train"]}),
    "igsm": ("igsm-med-pq", {"rows": 12, "shards": 1, "splits": ["train", "op20"]}),
    "igsm-open": ("igsm-open", {"rows": 12, "shards": 1, "splits": ["train"]}),
    "igsm-retry": ("igsm-med-retry50", {"rows": 12, "shards": 1, "splits": ["train"]}),
    "mano": ("mano-tiny", {"rows": 24, "shards": 1, "splits": ["train"]}),
    "recall": ("recall-tiny", {"rows": 24, "shards": 1, "splits": ["train"]}),
}
"""Folders of shipped specs: at least one a task."""

MIXTURE = f"""\
task = "mixture"
row_format = "document"
[params]
unit = "windows"
[[params.component]]
name = "useful"
spec = "bios-online"
params = {{ people = 50, sizes = {SMALL} }}
weight = 1
domain = "<|useful|>"
[[params.component]]
name = "junk"
spec = "bios-online"
params = {{ people = 1000, first_person = 50, sizes = {SMALL} }}
weight = 3
[splits.train]
rows = 128
"""

MIXED_TOKENS = """\
task = "mixture"
row_format = "tokens"
[[params.component]]
spec = "cfg3b"
weight = 3
[[params.component]]
spec = "copy-tiny"
weight = 1
domain = "<|copy|>"
[[params.stage]]
start = 256
weights = [1, 1]
[windows]
context = 128
[splits.train]
rows = 300
"""

TOKENIZED = """\
task = "bios"
tokenizer = "bpe.json"
[params]
people = 40
order = "entry"
entries = 2
lists = "lists"
[params.sizes]
first_names = 3
[windows]
context = 64
[splits.train]
"""

PEOPLE = f"""\
task = "bios"
row_format = "tokens"
[params]
people = 20
entries = 2
sizes = {SMALL}
[splits.train]
"""

STOPPED = f"""\
task = "bios"
[params]
people = 20
entries = 2
sizes = {SMALL}
[splits.train]
"""


def lists(folder):
    """A user's own list: three first names, with an accent among them."""
    (folder / "lists").mkdir()
    (folder / "lists" / "first_names.txt").write_text("Ada\nBjörn\nChloe\n", encoding="utf-8")


def tokenizer(file):
    """A small byte-level BPE, trained on biographies."""
    level = tokenizers.pre_tokenizers.ByteLevel
    backend = tokenizers.Tokenizer(tokenizers.models.BPE())
    backend.pre_tokenizer, backend.decoder = level(add_prefix_space=False), tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=level.alphabet(), show_progress=False
    )
    rows = synthgen.load("bios-online").batch(0, 200).column("text").to_pylist()
    backend.train_from_iterator(rows, trainer)
    backend.save(str(file))


def digest(batch):
    """A hash of the arrays of a batch of windows."""
    whole = hashlib.sha256()
    for name in sorted(batch):
        whole.update(name.encode() + np.ascontiguousarray(batch[name], np.int64).tobytes())
    return whole.hexdigest()


def interrupted(spec):
    """A build that Ctrl-C stopped behind its second shard."""
    rows = 0

    def count(more):
        nonlocal rows
        rows += more
        if rows > 20:
            raise KeyboardInterrupt

    try:
        synthgen.generate(spec, OUT / "interrupted", rows=40, shards=4, on_rows=count)
    except synthgen.SynthgenError as stopped:
        print(stopped)


def windows():
    """Where windows stood after three batches, and what came next."""
    table = {}
    for name, data, more in (
        ("grammar", "cfg3f", {"context": 64, "packing": "chop"}),
        ("folder", str(OUT / "grammar"), {"context": 128, "packing": "left", "shuffle": True, "epochs": 3}),
        ("pair", [["cfg3b", 2], ["cfg3b", 1]], {"context": 400, "packing": "pad", "attention": "document"}),
    ):
        made = synthgen.windows(data, batch_size=2, lanes=4, **more)
        batches = iter(made)
        for _ in range(3):
            next(batches)
        state = made.state()
        following = [digest(batch) for batch, _ in zip(batches, range(4), strict=False)]
        data = "grammar" if name == "folder" else data
        table[name] = {"data": data, "arguments": more, "state": state, "next": following}
    (OUT / "windows.json").write_text(json.dumps(table, indent=1) + "\n")


def runs(spec):
    """A finished run, and one that was stopped between two checkpoints, with the losses it would have had."""
    from synthgen.train.loop import train
    from synthgen.train.settings import DataSettings, ModelSettings, RunSettings, TrainSettings

    class Stop(Exception):
        pass

    def stop(loop, line):
        raise Stop

    model = ModelSettings(layers=1, width=16, heads=2, context=96, canon="A")
    training = TrainSettings(steps=40, warmup=5, lr=1e-2, save_every=15, seed=3)
    rows = RunSettings(data=(DataSettings(spec=spec, rows=4),), model=model, train=training)
    with contextlib.suppress(Stop):
        train(rows, OUT / "run-stopped", specs=OUT, watch=stop)
    with tempfile.TemporaryDirectory() as whole:
        train(rows, Path(whole) / "run", specs=OUT)
        lines = (Path(whole) / "run" / "metrics.jsonl").read_text()
    (OUT / "run-stopped" / "whole.jsonl").write_text(lines)
    packed = RunSettings(
        data=(DataSettings(spec="cfg3b", rows=2),), model=model, train=training.model_copy(update={"steps": 20}),
        packing="chop",
    )  # fmt: skip
    train(packed, OUT / "run-finished")


def published():
    """The card, and the files of a repository as a push publishes them."""

    def command(*arguments, env=os.environ):
        done = subprocess.run([sys.executable, "-m", "synthgen", *map(str, arguments)], env=env)
        assert done.returncode == 0, arguments

    command("card", OUT / "grammar")
    with tempfile.TemporaryDirectory() as folder, Hub(Path(folder) / "hub", xet_on=False) as hub:
        env = hub.env(Path(folder) / "home")
        for name in ("mixture", "questions"):
            copied = shutil.copytree(OUT / name, Path(folder) / name)
            command("push", copied, f"org/{name}", env=env)
            repo = hub.repo(f"org/{name}")
            for path, blob in repo.tree("main").items():
                if path == ".gitattributes":
                    continue  # it would be obeyed here too
                file = OUT / "published" / name / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(hub.store.read(blob))


def main():
    if OUT.exists():
        sys.exit(f"{OUT} is there already; a released version's set is never made anew")
    OUT.mkdir()
    for name, (spec, arguments) in FOLDERS.items():
        synthgen.generate(spec, OUT / name, **arguments)
    with tempfile.TemporaryDirectory() as folder:
        specs = Path(folder)
        lists(specs)
        tokenizer(specs / "bpe.json")
        tables = {"mixture": MIXTURE, "mixed-tokens": MIXED_TOKENS, "tokenized": TOKENIZED, "stopped": STOPPED}
        for name, table in tables.items():
            (specs / f"{name}.toml").write_text(table)
        synthgen.generate(specs / "mixture.toml", OUT / "mixture", shards=2)
        synthgen.generate(specs / "mixed-tokens.toml", OUT / "mixed-tokens")
        synthgen.generate(specs / "tokenized.toml", OUT / "tokenized")
        interrupted(specs / "stopped.toml")
        shutil.copy(specs / "stopped.toml", OUT / "interrupted.toml")
    (OUT / "people.toml").write_text(PEOPLE)
    windows()
    runs("people.toml")
    published()


if __name__ == "__main__":
    main()
