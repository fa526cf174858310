"""What people see of runs, scores and experiments. Results go to stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from synthgen.cli.console import print_lines, print_table, stdout
from synthgen.dataset.plain_text import shown
from synthgen.train.experiment import load_experiment, shipped_experiments, sizes_of
from synthgen.train.reproduce import SCREENED, SMOKE, Result
from synthgen.train.score import Scores
from synthgen.train.settings import ModelSettings, TrainSettings


def say(text: str) -> None:
    """Print a line of progress to stderr."""
    print(shown(text), file=sys.stderr, flush=True)


def listing() -> list[dict[str, Any]]:
    """Return every shipped experiment: name, title, paper, finding, sizes, and over which seeds it held."""
    table = []
    for name in shipped_experiments():
        experiment, _ = load_experiment(name)
        table.append(
            {
                "experiment": name,
                "title": experiment.title,
                "paper": experiment.paper,
                "finding": experiment.finding,
                "verdict": experiment.verdict,
                "sizes": sizes_of(name),
                "hours": {str(size): of_a_core for size, of_a_core in experiment.hours.items()},
                "claims": [claim.holds for claim in experiment.claim],
                "held": experiment.held,
            }
        )
    return table


def print_listing(table: Sequence[dict[str, Any]]) -> None:
    """Print the shipped experiments."""
    console = stdout()
    for entry in table:
        sizes = [f"{size} {hours(entry['hours'][size])}" if size in entry["hours"] else size for size in entry["sizes"]]
        about = f"{entry['title']} ({entry['paper']}; {', '.join(sizes)})"
        print_lines(console, Text.assemble((entry["experiment"], "bold"), f"  {about}"), 0)
        for claim in entry["claims"]:
            print_lines(console, Text(claim), 4)
        if entry["held"]:
            print_lines(console, Text(entry["held"], style="dim"), 4)


def hours(of_a_core: float) -> str:
    """Return hours of a core as people read them: 5 min, 2.5 h."""
    return f"{60 * of_a_core:.0f} min" if of_a_core < 1 else f"{of_a_core:.1f} h"


def print_presets() -> None:
    """Print the presets of the trainer: what each is for, its model, steps and rate."""
    from synthgen.train.presets import PRESETS

    console = stdout()
    for name, preset in PRESETS.items():
        model, training = ModelSettings(**preset.model), TrainSettings(**preset.train)
        size = f"{model.layers} layers of width {model.width}, {preset.rows:,} rows or windows a step"
        about = f"{preset.what}; {size}, {training.steps:,} steps, rate {training.lr:g}"
        print_lines(console, Text.assemble((f"{name}  ", "bold"), about), 0)


def print_results(results: Sequence[Result]) -> None:
    """Print the table of claims: figure by seed, the paper's figure, chance, seconds, verdict."""
    console = stdout()
    rows: list[Sequence[str]] = []
    for result in results:
        for number, line in enumerate(result.lines):
            figures = line.to_json()
            rows.append(
                (
                    result.name if number == 0 else "",
                    line.claim,
                    line.paper,
                    "" if line.chance is None else f"{line.chance:.3g}",
                    *(f"{figures[key]:.4g}" for key in ("mean", "min", "max")),
                    str(len(line.values)),
                    "yes" if line.green else f"{sum(line.held)} of {len(line.held)}",
                )
            )
    heads = ("experiment", "claim", "paper", "chance", "mean", "min", "max", "seeds", "holds")
    print_table(console, heads, rows, left=(0, 1, 2, 8))
    for result in results:
        seconds = ", ".join(f"{s:.0f}" for s in result.seconds.values())
        nothing = result.verdict in (SMOKE, SCREENED)
        verdict = Text(result.verdict, "yellow" if nothing else "green" if result.green else "red")
        console.print(verdict, f"{result.name} ({result.size}): {seconds} s a seed")


def print_scores(scores: Scores) -> None:
    """Print accuracies with their 95 % intervals: of rows, by difficulty, of queries."""
    console = stdout()
    table: list[Sequence[str]] = []
    lines = [("rows", scores.rows)]
    if len(scores.by_difficulty) > 1:
        lines += [(f"  difficulty {d}", accuracy) for d, accuracy in sorted(scores.by_difficulty.items())]
    if scores.queries.of:
        lines += [("queries", scores.queries)]
        lines += [(f"  {name}", accuracy) for name, accuracy in sorted(scores.by_query.items())]
    for name, accuracy in lines:
        scored = accuracy.to_json()
        between = f"{scored['low']:.4f} to {scored['high']:.4f}"
        table.append((name, f"{scored['accuracy']:.4f}", between, f"{scored['n']:,}"))
    print_table(console, (scores.split, "accuracy", "95 %", "n"), table)
    if scores.unanswered:
        said = f"{scores.unanswered:,} rows of the split are not answered, and not counted"
        print_lines(console, Text(said, style="dim"), 2)
    for reason, count in list(scores.to_json()["reasons"].items())[:3]:
        print_lines(console, Text(f"{count:,} x {reason}", style="dim"), 2)
