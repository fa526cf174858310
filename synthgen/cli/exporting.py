"""`synthgen export KIND SOURCE DIR`: what is here, in a folder that somebody else's program reads. A command a kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from synthgen.cli import modelling
from synthgen.cli.options import Json, Seed, Sets, SpecArgument, World, rows_of
from synthgen.cli.terminal import print_json

BY_DEFAULT = "model"
"""The kind that is meant where the first word is none: `synthgen export RUN DIR`."""

NewFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]


class Kinds(TyperGroup):
    """The kinds of export. A first word that is none of them is what is exported, of the kind `BY_DEFAULT`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the kind that is left out, where there is such a one."""
        if (
            args
            and (len(args) > 1 or Path(args[0]).exists())
            and BY_DEFAULT in self.commands
            and args[0] not in self.commands
            and args[0][0] != "-"
        ):
            args = [BY_DEFAULT, *args]
        return super().parse_args(ctx, args)


export = typer.Typer(
    name="export",
    cls=Kinds,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Write what other programs read: `export RUN DIR`, a trained model as transformers loads it; `export lm-eval "
    "SPEC DIR`, tasks of the LM Evaluation Harness.",
)

export.command("model")(modelling.export)


@export.command("lm-eval")
def lm_eval(
    spec: SpecArgument,
    folder: NewFolder,
    split: Annotated[
        list[str] | None,
        typer.Option("--split", metavar="NAME", help="A split to ask; may be given again. By default all but train."),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(parser=rows_of, metavar="N", help="Rows of each split, from its first; by default up to 1,000."),
    ] = None,
    mode: Annotated[
        str, typer.Option(help="How answers are judged: answer (the final one alone), steps or strict.")
    ] = "answer",
    worded: Annotated[
        bool, typer.Option("--worded", help="Ask with the rules in words, for models that never saw the data (iGSM).")
    ] = False,
    seed: Seed = None,
    world: World = None,
    sets: Sets = None,
    json: Json = False,
) -> None:
    """Tasks for the LM Evaluation Harness: a YAML file a split, its rows, and what judges answers."""
    from rich.text import Text

    from synthgen.cli.console import print_command, print_lines, stdout
    from synthgen.cli.options import spec_with
    from synthgen.clients.lm_eval import export_tasks

    tasks = export_tasks(spec_with(spec, seed, world, sets), folder, split, rows, mode, worded)
    if json:
        print_json([task.to_json() for task in tasks])
        return
    console = stdout()
    for task in tasks:
        print_lines(console, Text(f"{task.name}: {task.rows:,} rows, judged in mode {task.mode}; {task.chance}"), 0)
    names = [task.name for task in tasks]
    prefix = os.path.commonprefix(names)  # noqa: RUF071 (of characters)
    asked = names[0] if len(names) == 1 else f"'{prefix}*'"  # the line of eight names would be a screen
    print_command(
        console,
        [f"lm_eval run --include_path {folder}", f"--tasks {asked}", "--model hf --model_args pretrained=..."],
    )
