"""What people see of runs, scores and experiments. Results go to stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from synthgen.cli.terminal import stdout
from synthgen.train.experiment import load_experiment, shipped_experiments, sizes_of
from synthgen.train.reproduce import Result
from synthgen.train.score import Scores


def say(text: str) -> None:
    """Print a line of progress to stderr."""
    print(text, file=sys.stderr, flush=True)


def listing() -> list[dict[str, Any]]:
    """Return every shipped experiment: name, title, paper, finding, sizes, and over which seeds it held."""
    table = []
    for name in shipped_experiments():
        own, _ = load_experiment(name)
        table.append(
            {
                "experiment": name,
                "title": own.title,
                "paper": own.paper,
                "finding": own.finding,
                "verdict": own.verdict,
                "sizes": sizes_of(name),
                "claims": [claim.holds for claim in own.claim],
                "held": own.held,
            }
        )
    return table


def print_listing(table: Sequence[dict[str, Any]]) -> None:
    """Print the shipped experiments."""
    console = stdout()
    for own in table:
        console.print(f"[bold]{own['experiment']}[/bold]  {own['title']} ({own['paper']}; {', '.join(own['sizes'])})")
        for claim in own["claims"]:
            console.print(f"    {claim}", highlight=False, markup=False)
        if own["held"]:
            console.print(f"    {own['held']}", style="dim", highlight=False, markup=False)


def print_results(results: Sequence[Result]) -> None:
    """Print the table of claims: figure by seed, the paper's figure, chance, seconds, verdict."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("experiment", "claim", "paper", "chance", "mean", "min", "max", "seeds", "holds"):
        right = column in ("chance", "mean", "min", "max", "seeds")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for result in results:
        for number, line in enumerate(result.lines):
            own = line.to_json()
            table.add_row(
                result.name if number == 0 else "",
                line.claim,
                line.paper,
                "" if line.chance is None else f"{line.chance:.3g}",
                *(f"{own[key]:.4g}" for key in ("mean", "min", "max")),
                str(len(line.values)),
                "[green]yes[/green]" if line.green else f"[red]{sum(line.held)} of {len(line.held)}[/red]",
            )
    console = stdout()
    console.print(table)
    for result in results:
        seconds = ", ".join(f"{s:.0f}" for s in result.seconds.values())
        style = "green" if result.green else "red"
        console.print(f"[{style}]{result.verdict}[/{style}] {result.name} ({result.size}): {seconds} s a seed")


def print_scores(scores: Scores) -> None:
    """Print accuracies with their 95 % intervals: of rows, by difficulty, of queries."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in (scores.split, "accuracy", "95 %", "n"):
        table.add_column(column, justify="left" if column == scores.split else "right")
    lines = [("rows", scores.rows)]
    if len(scores.by_difficulty) > 1:
        lines += [(f"  difficulty {d}", tally) for d, tally in sorted(scores.by_difficulty.items())]
    if scores.queries.n:
        lines += [("queries", scores.queries)]
        lines += [(f"  {name}", tally) for name, tally in sorted(scores.by_query.items())]
    for name, tally in lines:
        own = tally.to_json()
        table.add_row(name, f"{own['accuracy']:.4f}", f"{own['low']:.4f} to {own['high']:.4f}", f"{own['n']:,}")
    console = stdout()
    console.print(table)
    for reason, count in list(scores.to_json()["reasons"].items())[:3]:
        console.print(f"  {count:,} x {reason}", style="dim", highlight=False, markup=False)
