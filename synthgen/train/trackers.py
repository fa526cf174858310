"""Trackers: a run's metrics to TensorBoard, Weights & Biases or trackio, through a callback of one line of metrics.

    with tracker("tensorboard", Path("runs/cfg3f"), settings) as log:
        train(settings, Path("runs/cfg3f"), log=log)              # synthgen train cfg3f --log tensorboard

Any function of a mapping will do as `log`. Nothing is logged unless it is asked for.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from synthgen.errors import SynthgenError, missing, nearest
from synthgen.train.settings import RunSettings

PROJECT = "synthgen"
"""The project that runs are logged to."""

Log = Callable[[Mapping[str, Any]], None]


def figures_of(line: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers in a line of metrics, by path: `loss_bits`, `held_out/cfg3f/excess`; the step is left out."""
    figures: dict[str, float] = {}
    for name, value in line.items():
        if isinstance(value, Mapping):
            figures |= {f"{name}/{inner}": number for inner, number in figures_of(value).items()}
        elif isinstance(value, int | float) and not isinstance(value, bool) and name != "step":
            figures[name] = float(value)
    return figures


@contextmanager
def tracker(name: str, out: Path, settings: RunSettings) -> Iterator[Log]:
    """Give the callback that logs the run in `out`, and close its tracker at the end; of several processes the first's.

    Raises SynthgenError for an unknown tracker, or one that is not installed.
    """
    if name not in TRACKERS:
        raise SynthgenError(f"--log {name}: no such tracker{nearest(name, TRACKERS)}")
    if int(os.environ.get("RANK", "0")):  # torchrun's: `train` calls the first process's callback alone
        yield lambda line: None
        return
    with contextmanager(TRACKERS[name])(out, settings) as log:
        yield log


def _tensorboard(out: Path, settings: RunSettings) -> Iterator[Log]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise missing("tensorboard", "--log tensorboard") from None
    writers: list[Any] = []

    def log(line: Mapping[str, Any]) -> None:
        if not writers:  # a run that goes on writes its last steps again: those before are told to be void
            writers.append(SummaryWriter(str(out / "tensorboard"), purge_step=line["step"]))
            writers[0].add_text("settings", f"```json\n{json.dumps(settings.model_dump(mode='json'), indent=1)}\n```")
        for figure, value in figures_of(line).items():
            writers[0].add_scalar(figure, value, line["step"])

    try:
        yield log
    finally:
        for writer in writers:
            writer.close()


def _wandb(out: Path, settings: RunSettings) -> Iterator[Log]:
    try:
        import wandb
    except ImportError:
        raise missing("wandb", "--log wandb") from None
    out.mkdir(parents=True, exist_ok=True)
    run = wandb.init(project=PROJECT, name=out.name, dir=str(out), config=settings.model_dump(mode="json"))
    try:
        yield lambda line: run.log(figures_of(line), step=line["step"])
    finally:
        run.finish()


def _trackio(out: Path, settings: RunSettings) -> Iterator[Log]:
    try:
        import trackio
    except ImportError:
        raise missing("trackio", "--log trackio") from None
    with redirect_stdout(sys.stderr):  # it greets on stdout, where a command's result goes
        trackio.init(project=PROJECT, name=out.name, config=settings.model_dump(mode="json"))
    try:
        yield lambda line: trackio.log(figures_of(line), step=line["step"])
    finally:
        with redirect_stdout(sys.stderr):
            trackio.finish()


TRACKERS: dict[str, Callable[[Path, RunSettings], Iterator[Log]]] = {
    "tensorboard": _tensorboard,
    "trackio": _trackio,
    "wandb": _wandb,
}
"""The trackers, each by the name of its package."""
