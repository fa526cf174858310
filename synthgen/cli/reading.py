"""Commands that need no data: what specs there are, their rows, their bits, and what a build would cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthgen.cli.options import (
    Json,
    OneSplit,
    Rows,
    Seed,
    Sets,
    Shards,
    SpecArgument,
    Splits,
    World,
    columns_of,
    spec_with,
    split_with,
)
from synthgen.cli.terminal import print_json

if TYPE_CHECKING:
    from synthgen.exact.entropy import Entropy


def list_(
    pattern: Annotated[str, typer.Argument(metavar="[PATTERN]", help="Names that begin so, or fit (bios-*5).")] = "",
    long: Annotated[bool, typer.Option("--long", help="Row formats, splits and difficulty, too.")] = False,
    json: Json = False,
) -> None:
    """The shipped specs by family: rows, bits of a row's text, title."""
    from synthgen.cli.listing import plugged_in, print_listing, print_plug_ins, shipped_listing

    table, tasks = shipped_listing(pattern), plugged_in(pattern)
    if json:
        print_json(sorted(table, key=lambda entry: entry["name"]))
        return
    if table:
        print_listing(table, long)
    if tasks:
        print_plug_ins(tasks)


def show(
    spec: SpecArgument,
    row: Annotated[int, typer.Option(help="The first row to show.")] = 0,
    n: Annotated[int, typer.Option("-n", help="How many rows.")] = 1,
    split: OneSplit = None,
    seed: Seed = None,
    world: World = None,
    sets: Sets = None,
    plot: Annotated[
        Path | None,
        typer.Option("--picture", "--plot", metavar="FILE", help="Draw the first row, too (.svg, .png, .pdf)."),
    ] = None,
    theme: Annotated[
        str, typer.Option(help="Of the picture: light, dark, or auto (an SVG follows its reader).")
    ] = "auto",
    json: Json = False,
) -> None:
    """Rows with latents, bits and coloured spans."""
    from synthgen.cli.row_screen import MOST_ROWS, draw_row, print_row, rows_to_show
    from synthgen.cli.terminal import print_json_list
    from synthgen.errors import SynthgenError
    from synthgen.spec.source import Source

    loaded, name = split_with(spec_with(spec, seed, world, sets), split)
    source = Source(loaded)
    if not 1 <= n <= MOST_ROWS:
        raise SynthgenError(f"-n {n}: must be from 1 to {MOST_ROWS:,}; `synthgen generate` makes any number")
    rows = rows_to_show(source, row, n, name)
    if plot is not None:
        draw_row(source, row, name, plot, theme)
    if json:
        print_json_list(rows)
    else:
        for one in rows:
            print_row(source, one, name)


def view(
    subject: Annotated[str, typer.Argument(metavar="SPEC|DIR|RUN", help="A spec, a dataset folder, or a trained run.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The page; by default NAME.html here.")] = None,
    rows: Annotated[int, typer.Option(min=1, max=1000, help="Rows of the first split; fewer of others.")] = 40,
    scored: Annotated[int, typer.Option(min=1, max=100_000, help="Of a run: rows whose answers are judged.")] = 200,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    seed: Seed = None,
    world: World = None,
    sets: Sets = None,
) -> None:
    """Rows, pictures, bits and splits (and how a run went) as one HTML page to leaf through; needs no network."""
    from synthgen.cli.view import view_page

    page, shown = view_page(subject, out, rows, scored, seed, world, sets or [])
    print(f"{page}: {shown:,} rows, {page.stat().st_size / 1e6:.2f} MB")
    if opens:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


def entropy(
    spec: SpecArgument,
    split: OneSplit = None,
    seed: Seed = None,
    world: World = None,
    sets: Sets = None,
    json: Json = False,
) -> None:
    """Bits by book, with status; needs no data."""
    from synthgen.cli.bits_screen import print_entropy
    from synthgen.cli.entropies import shipped_entropy

    changed = seed is not None or world is not None or sets
    stated = (None if changed else shipped_entropy(spec, split)) or _entropy(spec, split, seed, world, sets)
    print_json(stated.to_json()) if json else print_entropy(stated)


def _entropy(spec: str, split: str | None, seed: int | None, world: int | None, sets: list[str] | None) -> Entropy:
    from synthgen.spec.source import Source

    loaded, name = split_with(spec_with(spec, seed, world, sets), split)
    return Source(loaded).entropy(name)


def plan(
    spec: SpecArgument,
    split: Splits = None,
    rows: Rows = None,
    shards: Shards = None,
    workers: Annotated[int | None, typer.Option(help="Processes the time is told for; by default one a core.")] = None,
    columns: Annotated[str | None, typer.Option(metavar="A,B", help="Only these columns.")] = None,
    format: Annotated[str, typer.Option("--format", help="arrow, arrow-file or parquet.")] = "arrow",
    out: Annotated[Path, typer.Option(help="Where it would go: its disk is checked.")] = Path(),
    seed: Seed = None,
    world: World = None,
    sets: Sets = None,
    json: Json = False,
) -> None:
    """Dry run: shards, bytes, bits, time from a timed sample, disk check."""
    from synthgen.cli.display import print_plan
    from synthgen.dataset.build import plan_build
    from synthgen.dataset.estimate import estimate

    plan = plan_build(
        spec_with(spec, seed, world, sets),
        splits=split,
        rows=rows,
        shards=shards,
        columns=columns_of(columns),
        container=format,
    )
    table = estimate(plan, out, workers)
    print_json(table) if json else print_plan(table)


def params(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The name of a task (bios), as a spec's `task`.")],
    json: Json = False,
) -> None:
    """The fields of a task's params: kind, range, default and meaning."""
    from synthgen.cli.fields import fields_of, print_fields

    table = fields_of(task)
    print_json(table) if json else print_fields(task)
