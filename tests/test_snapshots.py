"""What people and programs read, as it was: screens, JSON, cards, manifests, and the batches and losses of presets.

A change that is meant is taken over with `make snapshots`, and looked at in the diff.
"""

import contextlib
import difflib
import hashlib
import io
import json
import math
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from equality import equal
from helpers import SPECS

import synthgen
from synthgen.cli.commands import app
from synthgen.cli.listing import LISTING, listed
from synthgen.publish.card import write_card
from synthgen.spec.spec import shipped_specs
from synthgen.train.batches import RunData
from synthgen.train.experiment import load_experiment, shipped_experiments
from synthgen.train.loop import Loop, new_model
from synthgen.train.presets import PRESETS, settings_of
from synthgen.version import __version__

FOLDER = Path(__file__).with_name("snapshots")
TRAINED_ON = {
    "tiny": "copy-tiny",
    "cfg": "cfg3f",
    "igsm-med": "igsm-med-pq",
    "igsm-hard": "igsm-hard-pq",
    "bios": "bios-multi5-permute",
    "bios-lora": "qa-extract",
    "know-lora": "know-compare-day",
    "capacity": "bios-online",
    "depo": "depo1-n225",
    "brevo": "brevo1-n70",
    "mano": "mano-l10",
    "lano": "lano-f",
    "copy": "copy",
    "gpt2-small": "cfg3b",
    "gpt2-medium": "cfg3j",
    "gpt2-large": "bios-single",
}
"""The spec that a preset's snapshot is taken on."""

SMALL = {"model.layers": 1, "model.width": 16, "model.heads": 2, "data.rows": 1}
"""What makes a preset's model small; 20 steps of it take a second."""

STEPS = 20


def said(*arguments):
    """Return what a command prints to a pipe of 80 columns."""
    out = io.StringIO()
    before = {name: os.environ.get(name) for name in ("COLUMNS", "NO_COLOR")}
    os.environ |= {"COLUMNS": "80", "NO_COLOR": "1"}
    try:
        with contextlib.redirect_stdout(out):
            app([str(one) for one in arguments], standalone_mode=False)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
    return out.getvalue()


def folder_of(spec, folder):
    source = synthgen.load(spec)
    names = source.splits[:2]
    rows = {name: min(40, source.rows_max(name) or 40) for name in names}
    synthgen.generate(spec, folder, splits=names, rows=min(rows.values()), shards=1)
    return folder


def card_of(spec, folder):
    """Return the card and the manifest of a small folder; versions are left out."""
    folder_of(spec, folder)
    write_card(folder, pictures=False)
    card, manifest = ((folder / name).read_text("utf-8") for name in ("README.md", "manifest.json"))
    card = card.replace(f"synthgen {__version__}", "synthgen VERSION")
    return card, re.sub(r'"seal": "\w+"', '"seal": "SEAL"', manifest).replace(f'"{__version__}"', '"VERSION"')


def of_batch(batch):
    """Return a hash of a step's tensors."""
    whole = hashlib.sha256()
    for name in ("ids", "targets", "trained", "documents"):
        array = getattr(batch, name)
        if array is not None:
            whole.update(name.encode() + str(tuple(array.shape)).encode())
            whole.update(np.ascontiguousarray(array.numpy(), np.int64).tobytes())
    return whole.hexdigest()[:32]


def preset_of(name):
    """Return the batches and losses of 20 steps of a preset, its model made small."""
    torch.set_num_threads(1)
    changes = SMALL | {"train.steps": STEPS, "train.precision": "float32", "train.compile": False}
    settings = settings_of(TRAINED_ON[name], PRESETS[name], {}, dict(changes))
    feed = RunData(settings)
    loop = Loop(settings, feed, new_model(settings, feed.size))
    batches, plain = [], feed.batch

    def noted(step, *ranks):
        batches.append(plain(step, *ranks))
        return batches[-1]

    feed.batch = noted
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.train.seed)
        losses = [loop.advance()["nats"] / math.log(2) for _ in range(STEPS)]
    whole = hashlib.sha256("".join(map(of_batch, batches)).encode()).hexdigest()[:32]
    return {"spec": TRAINED_ON[name], "vocabulary": feed.size, "batches": whole, "losses": losses}


def experiment_of(name):
    """Return the batches of six steps of every arm of an experiment, at laptop size."""
    experiment, specs = load_experiment(name)
    table = {}
    for arm in experiment.arm:
        feed = RunData(experiment.run_of(arm, 1), specs)
        digests = [of_batch(feed.batch(step)) for step in range(6)]
        later = of_batch(feed.batch(500)) if not feed.packed else ""
        whole = hashlib.sha256("".join([*digests, later]).encode()).hexdigest()[:32]
        table[arm.name] = {"vocabulary": feed.size, "batches": whole, "specials": list(feed.vocabulary.specials)}
    return table


def compare(name, found, writing=False):
    """Compare a text or a JSON value with its snapshot, or write it."""
    file = FOLDER / name
    text = found if isinstance(found, str) else json.dumps(found, indent=1) + "\n"
    if writing:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    elif file.suffix == ".json":
        equal(json.loads(text), json.loads(file.read_text("utf-8")), name)
    elif (wanted := file.read_text("utf-8")) != text:
        difference = difflib.unified_diff(wanted.splitlines(), text.splitlines(), str(file), "now", lineterm="")
        pytest.fail("\n".join(difference))


tasks = pytest.mark.parametrize("task", SPECS)


@tasks
def test_rows_are_shown(task):
    compare(f"show/{task}.txt", said("show", SPECS[task], "-n", "2"))


@tasks
def test_entropy_is_told(task):
    compare(f"entropy/{task}.txt", said("entropy", SPECS[task]))
    compare(f"entropy/{task}.json", json.loads(said("entropy", SPECS[task], "--json")))


def test_the_shipped_list_is_fresh():
    equal(listed(shipped_specs()), json.loads(LISTING.read_text("utf-8")))


@tasks
def test_cards_and_manifests_are_written(task, tmp_path):
    card, manifest = card_of(SPECS[task], tmp_path / task)
    compare(f"card/{task}.md", card)
    compare(f"manifest/{task}.json", json.loads(manifest))


@pytest.mark.parametrize("name", TRAINED_ON)
def test_presets_train_as_they_did(name):
    found, wanted = preset_of(name), json.loads((FOLDER / "presets.json").read_text())[name]
    for field in ("spec", "vocabulary", "batches"):
        assert found[field] == wanted[field], field
    assert found["losses"] == pytest.approx(wanted["losses"], rel=1e-5)


def test_every_preset_has_its_snapshot():
    assert set(TRAINED_ON) == set(PRESETS)


@pytest.mark.parametrize(
    "name",  # of newer ones, which are many and alike, in the slow suite
    [
        pytest.param(name, marks=pytest.mark.slow) if load_experiment(name)[0].screened else name
        for name in shipped_experiments()
    ],
)
def test_experiments_see_the_batches_they_saw(name):
    compare(f"experiments/{name}.json", experiment_of(name))


def test_every_experiment_has_its_snapshot():
    """Those of the slow suite too: without this, one that lacks its file fails there alone."""
    assert {file.stem for file in (FOLDER / "experiments").glob("*.json")} == set(shipped_experiments())


def main():
    """Write all snapshots anew."""
    import tempfile

    for task, spec in SPECS.items():
        compare(f"show/{task}.txt", said("show", spec, "-n", "2"), True)
        compare(f"entropy/{task}.txt", said("entropy", spec), True)
        compare(f"entropy/{task}.json", json.loads(said("entropy", spec, "--json")), True)
        with tempfile.TemporaryDirectory() as folder:
            card, manifest = card_of(spec, Path(folder) / task)
        compare(f"card/{task}.md", card, True)
        compare(f"manifest/{task}.json", json.loads(manifest), True)
        print(task, file=sys.stderr)
    compare("presets.json", {name: preset_of(name) for name in TRAINED_ON}, True)
    for name in shipped_experiments():
        compare(f"experiments/{name}.json", experiment_of(name), True)


if __name__ == "__main__":
    main()
