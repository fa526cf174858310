"""Commands around models: train the reference model, judge answers, reproduce findings; and rates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthgen.cli.options import Json, experiment_there, folder_there, rows_of, spec_there, steps_of
from synthgen.cli.terminal import print_json

MOST_SCORED = 10_000_000
"""Rows that `score` asks."""


def _tell_presets(asked: bool) -> None:
    if asked:
        from synthgen.cli.train_report import print_presets

        print_presets()
        raise typer.Exit


def train(
    spec: Annotated[str, typer.Argument(metavar="SPEC|DIR", help="A spec, or a dataset folder.", callback=spec_there)],
    out: Annotated[Path | None, typer.Option(help="The run's folder; a killed run in it goes on.")] = None,
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="A recipe (see --presets), or `paper` for the spec's own.")
    ] = "tiny",
    presets: Annotated[
        bool, typer.Option("--presets", callback=_tell_presets, is_eager=True, help="Show the presets and exit.")
    ] = False,
    steps: Annotated[
        int | None, typer.Option(parser=steps_of, metavar="N", help="Steps, in the place of the preset's.")
    ] = None,
    lr: Annotated[float | None, typer.Option(metavar="RATE", help="Peak learning rate, likewise.")] = None,
    init: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="A finished run whose weights are begun with.", callback=folder_there),
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Override model.*, train.*, data.*.")
    ] = None,
    params: Annotated[
        list[str] | None, typer.Option("--param", metavar="FIELD=VALUE", help="Override a field of the spec.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODULE:CLASS", help="A model class of your own, in the place of ours.")
    ] = None,
    log: Annotated[str | None, typer.Option(metavar="NAME", help="Log to tensorboard, trackio or wandb too.")] = None,
    json: Json = False,
) -> None:
    """Train the reference model on a dataset: the loss in bits a token, beside its exact floor."""
    from synthgen.cli.train_commands import train_command

    shorthand = [f"train.{field}={value!r}" for field, value in (("steps", steps), ("lr", lr)) if value is not None]
    shorthand += [f"architecture={model}"] if model is not None else []
    table = train_command(spec, out, preset, init, [*(sets or []), *shorthand], params or [], quiet=json, log=log)
    if json:
        print_json(table)


def score(
    subject: Annotated[
        Path, typer.Argument(metavar="RUN|DIR", help="A run of ours, or a dataset folder.", callback=folder_there)
    ],
    completions: Annotated[
        Path | None, typer.Option(help="Answers to judge, a JSON line each: id, completion.")
    ] = None,
    prompts: Annotated[Path | None, typer.Option(help="Write the prompts there, a JSON line each: id, prompt.")] = None,
    split: Annotated[str, typer.Option(help="The split whose rows are asked.")] = "test",
    rows: Annotated[
        int | None,
        typer.Option(
            parser=rows_of,
            metavar="N",
            help="How many rows, by default 1,000; with --completions: all of these must be answered.",
        ),
    ] = None,
    temperature: Annotated[float | None, typer.Option(min=0, help="Of our model; 0: greedy, by default.")] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            help="How --completions are judged: strict (as rows are written; the default), steps (each step, in any "
            "layout) or answer (the final answer alone)."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Judge answers with the task's verifier: our model's, or anybody's from a file."""
    from synthgen.errors import SynthgenError

    if rows is not None and rows > MOST_SCORED:
        raise SynthgenError(f"--rows {rows}: at most {MOST_SCORED:,} are judged at once")
    from synthgen.cli.train_commands import score_command
    from synthgen.cli.train_report import print_scores

    scores = score_command(subject, completions, prompts, split, rows, temperature, mode)
    if scores is not None:
        print_json(scores.to_json()) if json else print_scores(scores)


def reproduce(
    name: Annotated[
        str | None,
        typer.Argument(help="An experiment's name, or the path of its TOML file.", callback=experiment_there),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="The shipped experiments and their claims.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Every shipped experiment.")] = False,
    size: Annotated[
        str | None,
        typer.Option(
            help="ci (seconds; claims nothing), laptop (minutes; the default), desk (hours), gpu (the paper's recipe)."
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="How many seeds, from the first that the design was not tuned on; by default 1.")
    ] = None,
    screen: Annotated[
        bool, typer.Option("--screen", help="The seed that designs are tuned on, from which no verdict comes.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Where runs, results and pictures go; by default reproductions.")
    ] = None,
    json: Json = False,
) -> None:
    """Train small models and see whether the papers' findings appear. Exits with 1 if a required one fails."""
    from synthgen.cli.train_commands import reproduce_command
    from synthgen.cli.train_report import listing, print_listing, print_results
    from synthgen.errors import SynthgenError

    if list_:
        if name is not None or all_:
            raise SynthgenError("--list shows every experiment: leave the name and --all out")
        for option, value in (("--size", size), ("--seeds", seeds), ("--screen", screen or None), ("--out", out)):
            if value is not None:
                raise SynthgenError(f"{option} {value}: --list runs nothing; leave it out")
        table = listing()
        print_json(table) if json else print_listing(table)
        return
    results = reproduce_command(name, all_, size or "laptop", seeds, out or Path("reproductions"), screen)
    print_json([result.to_json() for result in results]) if json else print_results(results)
    if any(not result.green and result.experiment.verdict == "required" for result in results):
        raise typer.Exit(1)


def bench(
    task: Annotated[
        str | None,
        typer.Argument(
            help="draw, cfg, parse, bios, qa, igsm, retry, playground, bits, verify, windows or index; by default all "
            "of these. Or, with the machine to itself, trainer, workers or disk."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Rates, as ratios to something familiar in the same run."""
    from synthgen.bench.rates import run_benchmarks
    from synthgen.cli.display import print_rates

    rates = run_benchmarks(task)
    if json:
        print_json({name: [rate.to_json() for rate in lines] for name, lines in rates.items()})
    else:
        print_rates(rates)
