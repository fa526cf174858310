"""Reproduction: run an experiment over seeds, compare its claims, and write a table and a picture.

    synthgen reproduce --list
    synthgen reproduce canon --seeds 3
    synthgen reproduce transfer --size desk --seeds 3

Every finished arm is kept (OUT/NAME/SIZE/seed-S/ARM): what is done is not done again, what was killed goes on.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from synthgen.errors import SynthgenError
from synthgen.task.files import write_whole
from synthgen.task.foreign import Unreadable, read_json
from synthgen.train.batches import RunData
from synthgen.train.experiment import Arm, Experiment, load_experiment
from synthgen.train.language_model import LanguageModel
from synthgen.train.loop import Loop, new_model, train
from synthgen.train.measures import take
from synthgen.train.plot import plot_runs
from synthgen.train.runs import MODEL, holds_run, load_model
from synthgen.train.runs import identity as run_identity

FIGURES = "figures.json"

SMOKE = "smoke run, nothing claimed"
SCREENED = "screening run: the design was tuned on this seed"
"""What is said of runs that no verdict comes from."""


class _Saved(BaseModel):
    """What an arm's file of figures holds."""

    identity: Any
    figures: dict[str, float]
    seconds: float


@dataclass
class Line:
    """One claim over all seeds."""

    claim: str
    paper: str
    chance: float | None
    values: list[float] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)

    @property
    def green(self) -> bool:
        """Whether it held under every seed."""
        return bool(self.held) and all(self.held)

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that results hold."""
        n = len(self.values)
        return {
            "claim": self.claim,
            "paper": self.paper,
            "chance": self.chance,
            "values": self.values,
            "mean": sum(self.values) / n,
            "min": min(self.values),
            "max": max(self.values),
            "held": self.held,
        }


@dataclass
class Result:
    """An experiment, done: its claims, all figures by seed, and seconds by seed."""

    name: str
    size: str
    experiment: Experiment
    lines: list[Line]
    figures: dict[int, dict[str, float]]
    seconds: dict[int, float]

    @property
    def green(self) -> bool:
        """Whether every claim held under every seed."""
        return all(line.green for line in self.lines)

    @property
    def verdict(self) -> str:
        """What the table says."""
        if self.size == "ci":
            return SMOKE
        if set(self.figures) & set(self.experiment.screened):
            return SCREENED
        if self.green:
            return "reproduced"
        return "NOT reproduced" if self.experiment.verdict == "required" else "not found at this size"

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen reproduce --json` prints."""
        return {
            "experiment": self.name,
            "size": self.size,
            "title": self.experiment.title,
            "paper": self.experiment.paper,
            "finding": self.experiment.finding,
            "verdict": self.verdict,
            "claims": [line.to_json() for line in self.lines],
            "seconds": self.seconds,
            "figures": self.figures,
        }


def reproduce(
    name: str,
    out: Path,
    size: str = "laptop",
    seeds: Sequence[int] = (0,),
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """Run an experiment under each seed; write OUT/NAME/SIZE/results.json and a picture; return the result.

    Of seeds that the design was tuned on it is screening.json, so that a verdict stays as it is.

    Raises SynthgenError for an unknown experiment or one that is wrong.
    """
    experiment, specs = load_experiment(name, size)
    if size == "gpu" and not _has_gpu():
        raise SynthgenError(f"{name}: the size gpu is the paper's own recipe and needs a GPU; take --size laptop")
    folder = Path(out) / Path(name).stem / size
    lines = [Line(claim.holds, claim.paper, claim.chance) for claim in experiment.claim]
    figures: dict[int, dict[str, float]] = {}
    seconds: dict[int, float] = {}
    for seed in seeds:
        figures[seed], seconds[seed] = {}, 0.0
        for arm in experiment.arm:
            arm_figures, took = _arm(experiment, arm, seed, folder / f"seed-{seed}", specs, say)
            figures[seed] |= {f"{arm.name}.{key}": value for key, value in arm_figures.items()}
            seconds[seed] += took
        for line, claim in zip(lines, experiment.claim, strict=True):
            outcome = claim.check(figures[seed])
            line.values.append(outcome.left)
            line.held.append(outcome.holds)
            say(f"{name} seed {seed}: {claim.holds}: {outcome.left:.4g} {'holds' if outcome.holds else 'FAILS'}")
    result = Result(Path(name).stem, size, experiment, lines, figures, seconds)
    file = folder / ("screening.json" if result.verdict == SCREENED else "results.json")
    write_whole(file, json.dumps(result.to_json(), indent=1) + "\n", only_writer=True)
    draw(result, folder)
    return result


def untrained(name: str, size: str = "laptop", seed: int = 0, rows: int | None = None) -> dict[str, float]:
    """Return an experiment's figures before any training: what its claims are worth, if they hold already.

    Measures take `rows` rows at most.
    """
    experiment, specs = load_experiment(name, size)
    figures: dict[str, float] = {}
    for arm in experiment.arm:
        settings = experiment.run_of(arm, seed)
        data = RunData(settings, specs)
        data.open()  # packed windows say how rows begin and end
        model = new_model(settings, data.size).eval()
        for key, measure in arm.measures.items():
            few = measure.model_copy(update={"rows": min(measure.rows, rows or measure.rows)})
            measured = take(few, model, data)
            figures |= {f"{arm.name}.{key}.{figure}": value for figure, value in measured.items()}
    return figures


def draw(result: Result, folder: Path) -> None:
    """Write picture.png: the first seed's curves, and every claim's mean figure against its bound."""
    bars = []
    for line, claim in zip(result.lines, result.experiment.claim, strict=True):
        outcomes = [claim.check(figures) for figures in result.figures.values()]
        bound = sum(outcome.right for outcome in outcomes) / len(outcomes)
        bars.append((outcomes[0].figure, line.to_json()["mean"], bound))
    first = next(iter(result.figures))
    runs = {arm.name: folder / f"seed-{first}" / arm.name for arm in result.experiment.arm}
    plot_runs(runs, folder / "picture.png", result.experiment.title.split(":")[0], bars)


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _saved(file: Path) -> _Saved | None:
    """Return the figures of an earlier call; None if there are none, or damaged ones: they are then taken anew."""
    try:
        return read_json(file, _Saved) if file.exists() else None
    except Unreadable:
        return None


def _arm(
    experiment: Experiment, arm: Arm, seed: int, folder: Path, specs: Path, say: Callable[[str], None]
) -> tuple[dict[str, float], float]:
    """Train and measure one arm, or read what an earlier call has measured."""
    run = folder / arm.name
    settings, init = experiment.run_of(arm, seed), folder / arm.init if arm.init else None
    data = RunData(settings, specs)
    measures = {name: measure.model_dump(mode="json") for name, measure in arm.measures.items()}
    run_table = run_identity(settings, data, init)
    identity = [run_table, json.loads(json.dumps(measures))]
    done = run / FIGURES
    saved = _saved(done)
    if saved is not None and saved.identity == identity:
        return saved.figures, saved.seconds
    if run.exists() and not holds_run(run, run_table):
        shutil.rmtree(run)  # a run of this arm with other settings or data, or begun with another model

    def watch(loop: Loop, line: dict[str, Any]) -> None:
        if loop.step % max(1, settings.train.steps // 5 // 20 * 20) == 0 or loop.step == settings.train.steps:
            floor = f" (floor {line['floor_bits']:.4f})" if "floor_bits" in line else ""
            rate = f"{line['tokens'] * loop.step / max(1e-9, line['seconds']):,.0f} tokens/s"
            say(f"{arm.name} seed {seed}: step {loop.step}: {line['loss_bits']:.4f} bits a token{floor}, {rate}")

    if (run / MODEL).exists():  # trained before; what is measured has changed
        model: LanguageModel = load_model(run)
        figures = {key: value for key, value in saved.figures.items() if key.startswith("train.")} if saved else {}
    else:
        loop = train(settings, run, init=init, specs=specs, data=data, watch=watch)
        model = loop.model
        figures = {"train.seconds": loop.seconds, "train.core_seconds": loop.core_seconds}
    begun = time.perf_counter()
    for name, measure in arm.measures.items():
        measured = take(measure, model, data)
        figures |= {f"{name}.{key}": value for key, value in measured.items()}
        say(f"{arm.name} seed {seed}: {name}: " + ", ".join(f"{key} {value:.4g}" for key, value in measured.items()))
    seconds = figures.get("train.seconds", 0.0) + time.perf_counter() - begun
    write_whole(
        done,
        json.dumps({"identity": identity, "figures": figures, "seconds": seconds}, indent=1) + "\n",
        only_writer=True,
    )
    return figures, seconds
