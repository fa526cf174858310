"""The commands export, evaluate, probe and trace, behind the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from synthgen.cli.console import print_lines, print_table, stdout
from synthgen.cli.train_report import print_scores, say
from synthgen.errors import SynthgenError
from synthgen.train.evaluation import Evaluation, Subject, evaluate, subject_of
from synthgen.train.export import FILE, export_model
from synthgen.train.floor import FRESH
from synthgen.train.probed import ProbeScore, ProbeSettings, Probing, probed, probing_of, rows_of
from synthgen.train.runs import SETTINGS
from synthgen.train.trace import Piece, trace

SHOWN = 40
"""Pieces of rows that `trace` shows; `--json` prints all."""


def is_run(folder: Path) -> bool:
    """Say whether a folder is a run of ours, which `export` tells from a spec by."""
    return (folder / SETTINGS).is_file() and not (folder / FILE).is_file()


def export_command(run: Path, folder: Path, rows: int, licence: str) -> dict[str, Any]:
    """Export a run's model, saying what happens; return what its `synthgen.json` holds."""
    if not is_run(run):
        raise SynthgenError(f"{run}: is no run (it has no {SETTINGS} of one); name the folder that `train` wrote")
    table = export_model(run, folder, rows=rows, licence=licence, say=say)
    trust = ", with trust_remote_code=True" if table["trust_remote_code"] else ""
    say(f"{folder}: AutoModelForCausalLM loads it{trust}; its card is README.md")
    return table


def evaluate_command(
    model: Path, spec: str | None, rows: int, split: str, temperature: float | None, trust: bool
) -> Evaluation:
    """Measure a model in a folder on its own spec, or on another."""
    return evaluate(_subject(model, spec, trust), rows, split, temperature)


def _subject(model: Path, spec: str | None, trust: bool) -> Subject:
    if not model.is_dir():
        raise SynthgenError(f"{model}: there is no such folder; name a run, or a model of transformers on this disk")
    return subject_of(model, spec, trust)


def probings_command(model: Path, spec: str | None, trust: bool) -> Mapping[str, Probing]:
    """Return what can be looked for in a model's rows. Raises SynthgenError where nothing can."""
    source = _subject(model, spec, trust).source
    if not (probings := source.task().probings):
        raise SynthgenError(f"{source.spec.name}: its rows have nothing that a probe looks for")
    return probings


def probe_command(
    model: Path, spec: str | None, names: list[str], changes: Mapping[str, Any], split: str | None, trust: bool
) -> list[ProbeScore]:
    """Probe a model for what is named, or for all that its rows have, saying which probe learns."""
    subject = _subject(model, spec, trust)
    settings = ProbeSettings.model_validate(changes)
    corpus = subject.rows(split or FRESH)
    if "taught" not in changes and "rows" not in changes:
        taught, rows = rows_of(corpus, settings.taught, settings.rows)
        settings = settings.model_copy(update={"taught": taught, "rows": rows})
    probings = {name: probing_of(corpus, name) for name in names} or corpus.task.probings
    if not probings:
        raise SynthgenError(f"{corpus.source.spec.name}: its rows have nothing that a probe looks for")
    scores: list[ProbeScore] = []
    for name, probing in probings.items():
        say(f"{name}: {probing.about}; {settings.taught:,} rows to learn from, {settings.rows:,} to be tested on")
        scores += probed(subject.model, corpus, name, settings, subject.start)
    return scores


def trace_command(run: Path, step: int, ranks: int) -> list[Piece]:
    """Return the rows that a run saw at a step."""
    return trace(run, step, ranks)


def print_evaluation(evaluation: Evaluation) -> None:
    """Print a model's loss beside the floor, bits a parameter, and accuracies."""
    console = stdout()
    print_lines(console, Text(f"{evaluation.spec}: a model of {evaluation.parameters:,} parameters", style="bold"), 0)
    floor, known = evaluation.floor, evaluation.knowledge
    if floor is not None:
        figures = floor.to_json()
        said = (
            f"loss {figures['model_bits_a_token']:.4f} bits a token, floor {figures['floor_bits_a_token']:.4f} "
            f"({floor.status}); {floor.excess:.4f} ± {floor.se:.4f} bits a row above it, on {floor.rows:,} fresh rows"
        )
        print_lines(console, Text(said), 0)
    if known is not None:
        said = (
            f"{known['bits_a_parameter']:.4f} bits a parameter about {known['people']:,.0f} people; all there is to "
            f"know would be {known['most']:.4f}"
        )
        print_lines(console, Text(said), 0)
    if evaluation.scores is not None:
        print_scores(evaluation.scores)
    for name, reason in evaluation.why.items():
        print_lines(console, Text(f"no {name}: {reason}", style="yellow"), 0)


def print_probings(probings: Mapping[str, Probing]) -> None:
    """Print what can be looked for: a line a probing, and its targets."""
    console = stdout()
    for name, probing in probings.items():
        print_lines(console, Text.assemble((f"{name}  ", "bold"), probing.about), 0)
        targets = ", ".join(f"{target} ({size})" for target, size in probing.targets.items())
        print_lines(console, Text(f"targets, and how many classes each has: {targets}", style="dim"), 4)


def print_probed(scores: Sequence[ProbeScore]) -> None:
    """Print what probes have right, in per cent, beside their controls."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("probing and target", overflow="fold")
    for column in ("classes", "model", "random", "shuffled", "constant", "asked"):
        table.add_column(column, justify="right", no_wrap=True)
    for score in scores:
        shares = (one.share for one in (score.model, score.random, score.shuffled, score.constant))
        cells = [f"{100 * share:.1f} %" for share in shares]
        table.add_row(score.name, f"{score.classes:,}", *cells, f"{score.model.of:,}")
    console = stdout()
    console.print(table)
    notes = (
        "model: share right on rows the probe did not learn from. Controls: a model with random weights; labels",
        "shuffled where it learns; always the most frequent class.",
    )
    console.print(" ".join(notes), style="dim", highlight=False, soft_wrap=not console.is_terminal)


def print_pieces(pieces: Sequence[Piece], step: int) -> None:
    """Print the rows of a step: a line a piece, with its window and its place there."""
    console = stdout()
    table: list[Sequence[str]] = []
    ranks = len({piece.rank for piece in pieces}) > 1
    heads = [*(["rank"] if ranks else []), "window", "inputs", "row", "from its token", "with a loss", "of"]
    for piece in pieces[:SHOWN]:
        of = f"{piece.spec}/{piece.split}" + (f", component {piece.component}" if piece.component else "")
        cells = [f"{piece.window}", f"{piece.first}-{piece.last - 1}", f"{piece.row:,}", f"{piece.place}"]
        table.append([*([f"{piece.rank}"] if ranks else []), *cells, f"{piece.trained}", of])
    print_table(console, heads, table, left=(len(heads) - 1,))
    more = f", of which {SHOWN} are shown (--json prints all)" if len(pieces) > SHOWN else ""
    rows = len({(piece.stream, piece.component, piece.row) for piece in pieces})
    print_lines(console, Text(f"step {step:,}: {len(pieces):,} pieces of {rows:,} rows{more}"), 0)
