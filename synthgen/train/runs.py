"""Runs: a folder with what was trained, how, and how it went; and the checkpoint that a killed run goes on from.

RUN/settings.json     all settings, the vocabulary's size, what the data is, and the run that was begun with
RUN/metrics.jsonl     one JSON object a line: steps, losses in bits a token, floors, seconds
RUN/checkpoint.pt     weights, optimizer, step; replaced whole, so that a kill leaves the old or the new one
RUN/model.pt          the weights of a finished run
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, Field, ValidationError

from synthgen.errors import SynthgenError
from synthgen.task.files import replacing, write_whole
from synthgen.task.foreign import Unreadable, first_fault, read_json, read_json_lines
from synthgen.train.batches import RunData
from synthgen.train.language_model import FromLogits, model_of
from synthgen.train.model import Transformer
from synthgen.train.settings import ModelSettings, RunSettings
from synthgen.train.transformers_model import CONFIG, TransformersModel

SETTINGS, METRICS, CHECKPOINT, MODEL = "settings.json", "metrics.jsonl", "checkpoint.pt", "model.pt"

DAMAGED = "take another --out, or remove the run"


class _Identity(BaseModel):
    """What `settings.json` holds."""

    settings: dict[str, Any]
    vocabulary: int = Field(gt=0, lt=2**31)


def identity(settings: RunSettings, data: RunData, init: Path | None = None) -> dict[str, Any]:
    """Return what makes a run: its settings, vocabulary and data's content ids, and the run its weights come from."""
    table: dict[str, Any] = {
        "settings": settings.model_dump(mode="json"),
        "vocabulary": data.size,
        "content": [rows.source.spec.content_id for rows in data.sources],
    }
    if init is not None:
        read_settings(init)
        table["init"] = read_json(Path(init) / SETTINGS)
    run_table: dict[str, Any] = json.loads(json.dumps(table))  # as it is read back
    return run_table


def holds_run(folder: Path, run_table: Mapping[str, Any]) -> bool:
    """Say whether a folder holds the run of an `identity`, finished or not."""
    file = folder / SETTINGS
    try:
        return file.exists() and read_json(file) == run_table
    except Unreadable:
        return False


def write_settings(folder: Path, run_table: Mapping[str, Any]) -> None:
    """Save a run's identity, or check it against the one saved. Raises SynthgenError for another run's folder."""
    file = folder / SETTINGS
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(run_table, indent=1) + "\n", only_writer=True)
        return
    saved = read_json(file, Any, DAMAGED)
    if saved != run_table:
        field = _difference(saved, run_table)
        raise SynthgenError(f"{folder} holds a run with another {field}; take another --out, or remove it")


def _difference(old: Any, new: Any, path: str = "") -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                return _difference(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    return f"{path}: {old!r}, not {new!r}"


def read_settings(folder: Path) -> tuple[RunSettings, int]:
    """Return a run's settings and vocabulary. Raises SynthgenError where there is no run."""
    file = Path(folder) / SETTINGS
    table: _Identity = read_json(file, _Identity, f"so {folder} is no run")
    try:
        return RunSettings.model_validate(table.settings), table.vocabulary
    except ValidationError as error:
        raise SynthgenError(f"{file}: settings: {first_fault(error)}; so {folder} is no run") from None


def save(file: Path, table: dict[str, Any]) -> None:
    """Write a file of tensors so that a kill leaves the old one or the new one."""
    with replacing(file, only_writer=True) as handle:
        torch.save(table, handle)


def save_model(folder: Path, model: Transformer | FromLogits) -> None:
    """Save a finished run's weights."""
    table = {"model": model.state_dict(), "settings": model.settings.model_dump(), "vocabulary": model.vocabulary}
    if isinstance(model, FromLogits):
        table["architecture"] = f"{type(model.function).__module__}:{type(model.function).__qualname__}"
    save(folder / MODEL, table)


def load_model(folder: Path) -> Transformer | FromLogits:
    """Return the model of a finished run. Raises SynthgenError where there is none.

    A run of a class of one's own imports that class by its name.
    """
    file = Path(folder) / MODEL
    if not file.is_file():
        raise SynthgenError(f"{folder} holds no finished run: there is no {MODEL}")
    with telling_damage(file, "remove it and train again: the run goes on from its checkpoint"):
        table = torch.load(file, map_location="cpu", weights_only=True)
        settings, vocabulary = ModelSettings.model_validate(table["settings"]), table["vocabulary"]
        path = table.get("architecture")
        model = model_of(path, settings, vocabulary) if path else Transformer(settings, vocabulary)
        model.load_state_dict(table["model"])
    return model.eval()


@contextlib.contextmanager
def telling_damage(file: Path, fix: str) -> Iterator[None]:
    """Turn whatever a damaged or crafted file of tensors makes torch raise into a SynthgenError that says the `fix`."""
    try:
        yield
    except (SynthgenError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # torch promises nothing of what it raises; pickles are not run (weights_only)
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SynthgenError(f"{file}: damaged ({type(error).__name__}: {reason[:120]}); {fix}") from None


def load_run(folder: Path) -> tuple[Transformer | FromLogits | TransformersModel, RunData]:
    """Return a finished run's model and its data; or those of an exported model, whose specs lie in its folder."""
    settings, _ = read_settings(folder)
    exported = (folder / CONFIG).is_file()
    data = RunData(settings, folder if exported else None)
    if data.packed:
        data.open()  # packed windows say how rows begin and end
    return TransformersModel.load(folder) if exported else load_model(folder), data


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return a run's metrics, a mapping a line."""
    file = Path(folder) / METRICS
    fix = "remove the line: a kill may have cut it short"
    return [line for _, line in read_json_lines(file, dict[str, Any], fix)] if file.exists() else []
