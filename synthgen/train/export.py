"""Export: a finished run as a folder that `transformers` loads, with tokenizer, specs, and a card of what it does.

    synthgen export runs/cfg3f models/cfg3f
    AutoModelForCausalLM.from_pretrained("models/cfg3f")          # trust_remote_code=True for a model with Canon layers

config.json, model.safetensors, generation_config.json   a stock architecture, or ours with modeling_synthgen.py
tokenizer.json, tokenizer_config.json                    the run's ids, by name
settings.json, specs/                                    what it was trained on: the folder is a run to `synthgen`
synthgen.json                                            architecture, every figure of the card, these files' hashes
README.md                                                the card, which may be written on
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from synthgen.dataset.folder import write_assets
from synthgen.dataset.plain_text import finite
from synthgen.errors import CheckFailed, SynthgenError
from synthgen.task.files import file_sha256, sync_folder, temporary_name, write_whole
from synthgen.train.architecture import OURS, architecture_of, in_transformers, library_of, without_bars
from synthgen.train.batches import RunData
from synthgen.train.evaluation import Evaluation, Subject, evaluate
from synthgen.train.id_tokenizer import save_tokenizer
from synthgen.train.model import Transformer
from synthgen.train.model_card import model_card
from synthgen.train.runs import SETTINGS, load_run, read_metrics
from synthgen.train.settings import DataSettings
from synthgen.train.transformers_model import TransformersModel

FILE = "synthgen.json"
"""The file by which a folder is an exported model."""

TOLERANCE = 1e-5
"""How far logits may be from ours, as a share of the largest (of 1 where that is less)."""

WINDOWS = 4
"""Windows of a model's whole context that logits are compared on."""


def export_model(
    run: Path,
    folder: Path,
    *,
    rows: int = 1000,
    licence: str = "cc0-1.0",
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Write the model of a finished run into a new folder, whole or not at all; return what `synthgen.json` holds.

    The card's figures are measured on `rows` rows. Raises SynthgenError for a folder that holds something, a run that
    is not finished or of a class of one's own; CheckFailed if the folder, loaded again, has other logits.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise SynthgenError(f"{folder}: is there already; name a new folder")
    model, data = load_run(run)
    if not isinstance(model, Transformer):
        raise SynthgenError(f"{run}: its model is no Transformer of synthgen; save it as its class does")
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = temporary_name(folder.parent, folder.name)
    try:
        work.mkdir()
        say(f"writing a {architecture_of(model.settings)} of {model.size:,} parameters")
        _save(model, data, work)
        off = _compared(model, TransformersModel.load(work))
        say(f"loaded again, its logits are the same to {off:.1g}; measuring it on {rows:,} rows")
        subject = Subject(model, data.sources[0].source, data.vocabulary, data.start_of(0))
        table = _table(run, model, data, off, evaluate(subject, rows))
        names = sorted(path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file())
        table["files"] = {name: file_sha256(work / name) for name in names}
        write_whole(work / "README.md", model_card(folder.name, table, licence))
        write_whole(work / FILE, json.dumps(finite(table), indent=1, ensure_ascii=False) + "\n")
        if folder.is_dir():
            folder.rmdir()
        work.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return table


def _save(model: Transformer, data: RunData, folder: Path) -> None:
    """Write weights, configuration, tokenizer, settings and specs."""
    specials = data.vocabulary.specials
    theirs = in_transformers(model, (data.start_of(0), *specials[1:]))
    theirs.generation_config.do_sample = False
    with without_bars(library_of("export")):
        theirs.save_pretrained(folder)
    save_tokenizer(data, folder)
    streams = []
    for number, (stream, rows) in enumerate(zip(data.settings.data, data.sources, strict=True), 1):
        spec = rows.source.spec
        place = folder / "specs" / str(number)
        place.mkdir(parents=True)
        write_whole(place / f"{spec.name}.toml", spec.to_toml())
        write_assets(place, spec, place)
        kept = {name: getattr(stream, name) for name in ("split", "rows", "distinct", "shuffle", "domain", "loss")}
        streams.append(DataSettings(spec=f"specs/{number}/{spec.name}.toml", **kept))
    settings = data.settings.model_copy(update={"data": tuple(streams)})
    identity = {"settings": settings.model_dump(mode="json"), "vocabulary": data.size}
    write_whole(folder / SETTINGS, json.dumps(identity, indent=1) + "\n")


def _compared(model: Transformer, loaded: TransformersModel) -> float:
    """Return how far the logits of a reloaded model are from ours, as a share of the largest. Raises CheckFailed."""
    random = torch.Generator().manual_seed(0)
    ids = torch.randint(model.vocabulary, (WINDOWS, model.settings.context), generator=random)
    with torch.inference_mode():
        ours = model(ids)
        off = float((ours - loaded(ids)).abs().max() / max(1.0, float(ours.abs().max())))
    if not off <= TOLERANCE:
        raise CheckFailed(f"the exported model, loaded again, has other logits (by {off:.1g} of the largest)")
    return off


def _table(run: Path, model: Transformer, data: RunData, off: float, evaluation: Evaluation) -> dict[str, Any]:
    """Return what `synthgen.json` holds, but for the hashes of files."""
    architecture, lines = architecture_of(model.settings), read_metrics(run)
    return {
        "transformers": library_of("export").__version__,
        "architecture": architecture,
        "trust_remote_code": architecture == OURS,
        "parameters": model.size,
        "vocabulary": model.vocabulary,
        "context": model.settings.context,
        "data": [
            {
                "spec": rows.source.spec.name,
                "title": rows.source.spec.title,
                "content_id": rows.source.spec.content_id,
                "split": stream.split,
            }
            for stream, rows in zip(data.settings.data, data.sources, strict=True)
        ],
        "text": getattr(data.sources[0].task, "tokenizer", None) is not None,
        "logits_differ_by": off,
        "training": lines[-1] if lines else {},
        "evaluation": evaluation.to_json(),
    }
