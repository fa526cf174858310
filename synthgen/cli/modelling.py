"""Commands on trained models: export one, measure one of anybody's, and tell what a run saw at a step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthgen.cli.options import Json, folder_there, rows_of, steps_of
from synthgen.cli.terminal import print_json

MEASURED = 1000
"""Rows that figures are measured on, where nobody says how many."""

Measured = Annotated[
    int | None, typer.Option("--rows", parser=rows_of, metavar="N", help="Rows that figures are measured on; 1,000.")
]

Licence = Annotated[str, typer.Option("--license", help="Licence of the weights, as the Hub names it.")]


def model(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run of ours.", callback=folder_there)],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    rows: Measured = None,
    licence: Licence = "cc0-1.0",
    json: Json = False,
) -> None:
    """A run's model as transformers loads it, with its tokenizer and a card."""
    from synthgen.cli.model_commands import export_command
    from synthgen.publish.licence import check_licence

    check_licence(licence)
    table = export_command(run, folder, rows or MEASURED, licence)
    if json:
        print_json(table)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.", callback=folder_there)],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    rows: Measured = None,
    licence: Annotated[str, typer.Option("--license", help="Licence of the weights, as the Hub names it.")] = "cc0-1.0",
    json: Json = False,
) -> None:
    """Write a run's model as a folder that transformers loads, with tokenizer and card."""
    from synthgen.cli.model_commands import export_command
    from synthgen.publish.licence import check_licence

    check_licence(licence)
    table = export_command(run, folder, rows or MEASURED, licence)
    if json:
        print_json(table)


def evaluate(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A run, or a folder of transformers.", callback=folder_there)
    ],
    spec: Annotated[
        str | None, typer.Argument(metavar="[SPEC]", help="What it is asked; by default what it was trained on.")
    ] = None,
    rows: Measured = None,
    split: Annotated[str, typer.Option(help="The split whose rows are answered.")] = "test",
    temperature: Annotated[float | None, typer.Option(min=0, help="0: greedy, by default.")] = None,
    trust: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run the code that lies in a folder of transformers.")
    ] = False,
    json: Json = False,
) -> None:
    """Measure any model: its loss beside the floor, its answers, its bits a parameter."""
    from synthgen.cli.model_commands import evaluate_command, print_evaluation

    evaluation = evaluate_command(model, spec, rows or MEASURED, split, temperature, trust)
    print_json(evaluation.to_json()) if json else print_evaluation(evaluation)


def probe(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A run, or a folder of transformers.", callback=folder_there)
    ],
    spec: Annotated[
        str | None, typer.Argument(metavar="[SPEC]", help="Whose rows it reads; by default what it was trained on.")
    ] = None,
    probings: Annotated[
        list[str] | None,
        typer.Option("--probing", metavar="NAME", help="What is looked for (see --list); again for more."),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="What can be looked for in these rows, and nothing more.")
    ] = False,
    taught: Annotated[
        int | None, typer.Option(parser=rows_of, metavar="N", help="Rows that a probe learns from; by default 1,000.")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(parser=rows_of, metavar="N", help="Rows behind them that it is tested on; 500.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(parser=steps_of, metavar="N", help="Steps it is trained for; 1,000 (papers: 30,000).")
    ] = None,
    rank: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Rank of its update of the embedding; by default the paper's. 0: faster."
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="The split; by default a fresh one.")] = None,
    trust: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run the code that lies in a folder of transformers.")
    ] = False,
    json: Json = False,
) -> None:
    """What a model's states know of its rows: probes, beside controls that know nothing.

    Each figure is the share that a probe has right on rows it did not learn from: of this model; of the same
    architecture with random weights; of this model, where the labels to learn from were shuffled; and of always saying
    what is most frequent.
    """
    from synthgen.cli.model_commands import print_probed, print_probings, probe_command, probings_command

    if list_:
        listed = probings_command(model, spec, trust)
        print_json({name: dict(one.targets) for name, one in listed.items()}) if json else print_probings(listed)
        return
    changes = {"taught": taught, "rows": rows, "steps": steps, "rank": rank}
    given = {name: value for name, value in changes.items() if value is not None}
    scores = probe_command(model, spec, probings or [], given, split, trust)
    print_json([score.to_json() for score in scores]) if json else print_probed(scores)


def trace(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of ours, finished or not.", callback=folder_there)],
    step: Annotated[int, typer.Argument(metavar="STEP", help="A step, from 1, as the run's metrics count.")],
    ranks: Annotated[int, typer.Option(min=1, help="Processes that trained it (torchrun).")] = 1,
    json: Json = False,
) -> None:
    """Which rows a run saw at a step, and where in its windows they stood."""
    from synthgen.cli.model_commands import print_pieces, trace_command

    pieces = trace_command(run, step, ranks)
    print_json([piece.to_json() for piece in pieces]) if json else print_pieces(pieces, step)
