"""The commands train, score and reproduce, behind the command line."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from synthgen.cli.options import spec_of
from synthgen.cli.train_report import say
from synthgen.dataset.manifest import FILE as MANIFEST
from synthgen.errors import SynthgenError
from synthgen.spec.source import Source, load
from synthgen.spec.spec import WORDS, load_spec, set_arguments
from synthgen.train.experiment import SIZES, load_experiment, shipped_experiments, sizes_of
from synthgen.train.loop import Loop, train
from synthgen.train.plot import plot_runs
from synthgen.train.presets import preset_of, settings_of
from synthgen.train.reproduce import Result, reproduce
from synthgen.train.runs import SETTINGS, load_run
from synthgen.train.score import Scores, judge, prompt_of, score_completions
from synthgen.train.shown import shown, source_of_run
from synthgen.train.trackers import tracker
from synthgen.windowing.spec_rows import SpecRows

SCORED, AT_A_TIME = 1000, 4096
"""Rows that `score` asks, where nobody says how many; and whose prompts are written at a time."""


def train_command(
    subject: str,
    out: Path | None,
    preset: str,
    init: Path | None,
    sets: list[str],
    params: list[str],
    quiet: bool = False,
    log: str | None = None,
) -> dict[str, Any]:
    """Train on a spec, say how it goes, write the picture beside the run; return the last line of metrics.

    `log` is the name of a tracker that is told too.
    """
    spec = spec_of(subject)
    name = Path(subject).stem if spec.endswith(".toml") else spec
    load_spec(spec, params=set_arguments(params))  # told at once, before a model is made
    settings = settings_of(spec, preset_of(preset, name), set_arguments(params), set_arguments(sets))
    out = out or Path("runs") / name
    if settings.data[0].tokenizer == WORDS and not quiet:
        say(f"{name}: text as words of its own lists; --set data.tokenizer=FILE for another vocabulary")
    last: dict[str, Any] = {}

    def watch(loop: Loop, line: dict[str, Any]) -> None:
        last.clear()
        last.update(line)
        if not quiet:
            floor = f", floor {line['floor_bits']:.4f}" if "floor_bits" in line else ""
            say(f"step {line['step']:,}: {line['loss_bits']:.4f} bits a token{floor}; {line['seconds']:.0f} s")
            for rows, result in line.get("held_out", {}).items():
                excess = f"{result['excess']:.4f} ± {result['se']:.4f} bits a row"
                floor = f"the floor of {result['floor']:.4f} ({result['status']})"
                say(f"  {rows}, {result['rows']} fresh rows: {excess} above {floor}")

    with tracker(log, out, settings) if log else contextlib.nullcontext() as told:
        train(settings, out, init=init, watch=watch, log=told, check_floor=True)
    plot_runs({name: out}, out / "loss.png", name)
    if not quiet:
        say(f"{out}: the model, metrics.jsonl and loss.png")
    return last


def score_command(
    subject: Path,
    completions: Path | None,
    prompts: Path | None,
    split: str,
    rows: int | None,
    temperature: float | None,
    mode: str | None = None,
) -> Scores | None:
    """Judge our run, or a file of answers to a dataset's rows; or write the prompts for somebody else's model."""
    is_run = (subject / SETTINGS).is_file()
    if not is_run and not (subject / MANIFEST).is_file():
        raise SynthgenError(f"{subject}: neither a run ({SETTINGS}) nor a dataset folder ({MANIFEST})")
    if completions is not None and prompts is not None:
        raise SynthgenError("--prompts writes what is asked and --completions judges the answers: give one of the two")
    if completions is not None or prompts is not None:
        if temperature is not None:
            raise SynthgenError(f"--temperature {temperature:g}: our model says nothing here; leave it out")
        source = source_of_run(subject) if is_run else load(subject / "spec.toml")
        if completions is not None:
            return score_completions(source, split, completions, rows, mode or "strict")
        assert prompts is not None
        if mode is not None:
            raise SynthgenError(f"--mode {mode}: says how answers are judged; give it with --completions")
        write_prompts(source, split, rows or SCORED, prompts)
        return None
    if mode is not None:
        raise SynthgenError(f"--mode {mode}: our model writes as rows are written; give it with --completions")
    if not is_run:
        raise SynthgenError(f"{subject}: a dataset answers nothing; give --completions FILE, or a run's folder")
    model, data = load_run(subject)
    corpus = SpecRows(data.sources[0].source, split, vocabulary=data.vocabulary)
    return judge(model, data, corpus, rows or SCORED, temperature)


def write_prompts(source: Source, split: str, rows: int, file: Path) -> None:
    """Write the prompts of a split's first rows, a JSON line each: id and prompt."""
    rows = min(rows, source.rows_max(split) or rows)
    prompt_of(source.row(0, split))  # told before a file is begun
    try:
        with file.open("w", encoding="utf-8") as handle:
            for first in range(0, rows, AT_A_TIME):
                for row in source.batch(first, min(first + AT_A_TIME, rows), split).to_pylist():
                    handle.write(json.dumps({"id": row["id"], "prompt": prompt_of(row)}, ensure_ascii=False) + "\n")
    except OSError as error:
        raise SynthgenError(f"--prompts {file}: cannot be written: {error.strerror}") from None


def run_shown(folder: Path, rows: int, scored: int) -> tuple[Source, dict[str, Any]]:
    """Return a run's source, and the run as plain data for the explorer."""
    return source_of_run(folder), shown(folder, rows, scored)


def reproduce_command(
    name: str | None, everything: bool, size: str, seeds: int | None, out: Path, screen: bool = False
) -> list[Result]:
    """Run one experiment or all of a size, under so many seeds (by default 1), or those it was tuned on (`screen`).

    Raises SynthgenError unless told which.
    """
    if size not in SIZES:
        raise SynthgenError(f"--size {size}: take {', '.join(SIZES[:-1])} or {SIZES[-1]}")
    if screen and seeds is not None:
        raise SynthgenError(f"--seeds {seeds}: --screen takes the seeds that the design was tuned on; leave one out")
    if seeds is not None and seeds < 1:
        raise SynthgenError(f"--seeds {seeds}: must be at least 1")
    if (name is None) == (not everything):
        raise SynthgenError("name an experiment, or give --all; `synthgen reproduce --list` shows them")
    names = [one for one in shipped_experiments() if size in sizes_of(one)] if everything else [str(name)]
    results = []
    for one in names:
        experiment, _ = load_experiment(one, size)
        chosen = (experiment.screened or (0,)) if screen else experiment.seeds(seeds or 1)
        results.append(reproduce(one, out, size, chosen, say))
    return results
