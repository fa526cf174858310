"""The command line: thin, with everything heavy imported inside the commands.

Results go to stdout, progress and hints to stderr. Exit codes: 0 fine, 1 a check failed, 2 wrong usage or bad input.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="synthgen",
    help="Pretraining data for controlled language-model experiments, every bit of it known.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="A shipped spec's name (cfg3f) or the path of a TOML file.")
]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Override a field (people=1000).")]
Seed = Annotated[int | None, typer.Option(help="Seed of rows, orders and wording.")]
World = Annotated[int | None, typer.Option(help="Seed of the world: people, tables, grammars.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder.")]


def _spec(spec: str, seed: int | None, world: int | None, sets: list[str] | None) -> Any:
    from synthgen.spec import load_spec, set_arguments

    return load_spec(spec, seed=seed, world=world, sets=set_arguments(sets or []))


@app.command("list")
def list_(json: Json = False) -> None:
    """Every task and spec: paper, row format, splits, rows, bits a row, status."""
    from synthgen.listing import listing, print_listing

    table = listing()
    _print_json(table) if json else print_listing(table)


@app.command()
def show(
    spec: SpecArgument,
    row: Annotated[int, typer.Option(help="The first row to show.")] = 0,
    n: Annotated[int, typer.Option("-n", help="How many rows.")] = 1,
    split: Annotated[str, typer.Option(help="The split.")] = "train",
    seed: Seed = None,
    world: World = None,
    sets: Sets = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the first row to a picture, too.")] = None,
    json: Json = False,
) -> None:
    """Rows with latents, bits and coloured spans."""
    from synthgen.display import print_row
    from synthgen.errors import SynthgenError
    from synthgen.source import Source

    source = Source(_spec(spec, seed, world, sets))
    if n < 1:
        raise SynthgenError(f"-n {n}: must be at least 1")
    try:
        rows = source.batch(row, row + n, split).to_pylist()
    except IndexError as error:
        raise SynthgenError(str(error)) from None
    if plot is not None:
        source.task(split).draw(rows[0], plot)
    if json:
        _print_json(rows)
    else:
        for one in rows:
            print_row(source, one, split)


@app.command()
def entropy(
    spec: SpecArgument,
    split: Annotated[str, typer.Option(help="The split.")] = "train",
    seed: Seed = None,
    world: World = None,
    sets: Sets = None,
    json: Json = False,
) -> None:
    """Bits by book, with status; needs no data."""
    from synthgen.display import print_entropy
    from synthgen.source import Source

    found = Source(_spec(spec, seed, world, sets)).entropy(split)
    _print_json(found.to_json()) if json else print_entropy(found)


@app.command()
def plan(
    spec: SpecArgument,
    split: Annotated[list[str] | None, typer.Option("--split", help="A split; may be given again.")] = None,
    rows: Annotated[int | None, typer.Option(help="Rows of each split.")] = None,
    shards: Annotated[int | None, typer.Option(help="Shards of each split.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes the time is told for; by default one a core.")] = None,
    columns: Annotated[str | None, typer.Option(metavar="A,B", help="Only these columns.")] = None,
    format: Annotated[str, typer.Option("--format", help="arrow or parquet.")] = "arrow",
    out: Annotated[Path, typer.Option(help="Where it would go: its disk is checked.")] = Path(),
    seed: Seed = None,
    world: World = None,
    sets: Sets = None,
    json: Json = False,
) -> None:
    """Dry run: shards, bytes, bits, time from a timed sample, disk check."""
    from synthgen.build import plan_build
    from synthgen.display import print_plan
    from synthgen.estimate import estimate

    build = plan_build(
        _spec(spec, seed, world, sets),
        splits=split,
        rows=rows,
        shards=shards,
        columns=_columns(columns),
        container=format,
    )
    table = estimate(build, out, workers)
    _print_json(table) if json else print_plan(table)


@app.command()
def generate(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option(help="The dataset folder; made, resumed or completed.")],
    split: Annotated[
        list[str] | None, typer.Option("--split", help="A split; may be given again. By default all.")
    ] = None,
    rows: Annotated[int | None, typer.Option(help="Rows of each split.")] = None,
    seed: Seed = None,
    world: World = None,
    shards: Annotated[int | None, typer.Option(help="Shards of each split.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; by default one a core, if the job is long.")] = None,
    columns: Annotated[str | None, typer.Option(metavar="A,B", help="Only these columns.")] = None,
    format: Annotated[str, typer.Option("--format", help="arrow or parquet.")] = "arrow",
    sets: Sets = None,
    rank: Annotated[
        str | None,
        typer.Option(metavar="R", help="Make every W-th shard only, from 0; `auto` asks Slurm and its like."),
    ] = None,
    world_size: Annotated[int | None, typer.Option(metavar="W", help="Ranks; `synthgen finish` completes.")] = None,
    engine: Annotated[str, typer.Option(help="local, or dask: the workers of a cluster.")] = "local",
    scheduler: Annotated[
        str | None, typer.Option(help="Its address, tcp://HOST:8786; without one, it starts here.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read shards that are there; damaged ones anew.")] = False,
    json: Json = False,
) -> None:
    """Build a dataset folder, or what is missing of it."""
    from synthgen.build import generate as build
    from synthgen.display import Progress, print_manifest
    from synthgen.ranks import rank_from

    own_rank, size = rank_from(rank, world_size)
    with Progress("rows") as progress:
        manifest = build(
            _spec(spec, seed, world, sets),
            out,
            splits=split,
            rows=rows,
            shards=shards,
            workers=workers,
            columns=_columns(columns),
            format=format,
            rank=own_rank,
            world_size=size,
            engine=engine,
            scheduler=scheduler,
            verify=verify,
            on_plan=lambda plan, todo: progress.expect(todo),
            on_rows=progress.add,
        )
    if manifest is None:
        print(f"rank {own_rank} of {size} is done; when all are: synthgen finish {out}", file=sys.stderr)
    elif json:
        _print_json(manifest.to_json())
    else:
        print_manifest(manifest, out, progress.rate())


@app.command()
def rewrite(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option(help="The file of rewrites; name it in the spec's params.texts.")],
    model: Annotated[str, typer.Option(help="The model's name at the endpoint.")],
    rows: Annotated[int | None, typer.Option(help="The first rows only.")] = None,
    temperature: Annotated[float, typer.Option(help="Sampling temperature.")] = 1.0,
    attempts: Annotated[int, typer.Option(min=1, help="Answers asked for, before the grammar's rewrite stays.")] = 3,
    cache: Annotated[Path | None, typer.Option(help="The cache of answers; by default beside OUT.")] = None,
    offline: Annotated[bool, typer.Option(help="From the cache alone: no request is made.")] = False,
    parallel: Annotated[int, typer.Option(min=1, max=256, help="Requests at a time.")] = 8,
    seed: Seed = None,
    world: World = None,
    sets: Sets = None,
    json: Json = False,
) -> None:
    """Ask a language model for rewrites: an OpenAI-compatible endpoint (OPENAI_BASE_URL, OPENAI_API_KEY)."""
    from synthgen.display import Progress
    from synthgen.rewriter import Sampling
    from synthgen.rewriter import rewrite as ask
    from synthgen.source import Source

    sampling = Sampling(model, temperature, attempts=attempts)
    source = Source(_spec(spec, seed, world, sets))
    with Progress("rows") as progress:
        progress.expect(rows or source.rows_max() or 0)
        report = ask(
            source, out, sampling, rows=rows, cache=cache, offline=offline, parallel=parallel, on_rows=progress.add
        )
    if json:
        _print_json(vars(report))
    else:
        print(
            f"{out}: {report.rows:,} rows, {report.by_model:,} by {model}, {report.by_grammar:,} by the grammar; "
            f"{report.asked:,} answers asked for, {report.cached:,} from the cache, {report.refused:,} not accepted"
        )


@app.command()
def finish(folder: Folder, json: Json = False) -> None:
    """After rank runs: completeness, then the manifest."""
    from synthgen.build import finish as complete
    from synthgen.display import print_manifest

    manifest = complete(folder)
    _print_json(manifest.to_json()) if json else print_manifest(manifest, folder, None)


@app.command()
def check(
    folder: Folder,
    sample: Annotated[
        float | None, typer.Option(help="Share of rows whose text is re-derived; by default 10,000 a split.")
    ] = None,
    json: Json = False,
) -> None:
    """Hashes, schema, counts and bits on all rows; re-derivation on a sample. Exits with 1 if a check fails."""
    from synthgen.check import check_folder
    from synthgen.display import Progress, print_findings
    from synthgen.manifest import Manifest

    with Progress("rows") as progress:
        progress.expect(Manifest.read(folder).totals["rows"])
        findings = check_folder(folder, sample, progress.add)
    _print_json([finding.to_json() for finding in findings]) if json else print_findings(findings, folder)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def bench(
    task: Annotated[
        str | None, typer.Argument(help="draw, cfg, parse, bios, qa, index or workers; by default all but workers.")
    ] = None,
    json: Json = False,
) -> None:
    """Rates on one core, as ratios against plain Python in the same run."""
    from synthgen.bench import run_benchmarks
    from synthgen.display import print_rates

    rates = run_benchmarks(task)
    _print_json({name: [rate.to_json() for rate in own] for name, own in rates.items()}) if json else print_rates(rates)


@app.command()
def train(
    spec: Annotated[str, typer.Argument(metavar="SPEC|DIR", help="A spec, or a dataset folder.")],
    out: Annotated[Path | None, typer.Option(help="The run's folder; a killed run in it goes on.")] = None,
    preset: Annotated[str, typer.Option(help="A recipe: tiny, a paper's, or `paper` for the spec's own.")] = "tiny",
    init: Annotated[
        Path | None, typer.Option(metavar="RUN", help="A finished run whose weights are begun with.")
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Override model.*, train.*, data.*.")
    ] = None,
    params: Annotated[
        list[str] | None, typer.Option("--param", metavar="FIELD=VALUE", help="Override a field of the spec.")
    ] = None,
    json: Json = False,
) -> None:
    """Train the reference model on a dataset: the loss in bits a token, beside its exact floor."""
    from synthgen.train.command import train_command

    table = train_command(spec, out, preset, init, sets or [], params or [], quiet=json)
    if json:
        _print_json(table)


@app.command()
def score(
    subject: Annotated[Path, typer.Argument(metavar="RUN|DIR", help="A run of ours, or a dataset folder.")],
    completions: Annotated[
        Path | None, typer.Option(help="Answers to judge, a JSON line each: id, completion.")
    ] = None,
    prompts: Annotated[Path | None, typer.Option(help="Write the prompts there, a JSON line each: id, prompt.")] = None,
    split: Annotated[str, typer.Option(help="The split whose rows are asked.")] = "test",
    rows: Annotated[int, typer.Option(help="How many rows.")] = 1000,
    temperature: Annotated[float, typer.Option(help="0: greedy; else sampled.")] = 0.0,
    json: Json = False,
) -> None:
    """Judge answers with the task's verifier: our model's, or anybody's from a file."""
    from synthgen.train.command import score_command
    from synthgen.train.report import print_scores

    scores = score_command(subject, completions, prompts, split, rows, temperature)
    if scores is not None:
        _print_json(scores.to_json()) if json else print_scores(scores)


@app.command()
def reproduce(
    name: Annotated[str | None, typer.Argument(help="An experiment's name, or the path of its TOML file.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="The shipped experiments and their claims.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Every shipped experiment.")] = False,
    size: Annotated[str, typer.Option(help="ci (seconds), laptop (minutes) or gpu (the paper's recipe).")] = "laptop",
    seeds: Annotated[int, typer.Option(help="How many seeds, from 0.")] = 1,
    out: Annotated[Path, typer.Option(help="Where runs, results and pictures go.")] = Path("reproductions"),
    json: Json = False,
) -> None:
    """Train small models and see whether the papers' findings appear. Exits with 1 if a required one fails."""
    from synthgen.train.command import reproduce_command
    from synthgen.train.report import listing, print_listing, print_results

    if list_:
        table = listing()
        _print_json(table) if json else print_listing(table)
        return
    results = reproduce_command(name, all_, size, seeds, out)
    _print_json([result.to_json() for result in results]) if json else print_results(results)
    if any(not result.green and result.experiment.verdict == "required" for result in results):
        raise typer.Exit(1)


def _columns(columns: str | None) -> list[str] | None:
    return [column.strip() for column in columns.split(",") if column.strip()] if columns else None


def _print_json(value: Any) -> None:
    import json

    print(json.dumps(value, indent=1, ensure_ascii=False, default=str))


def main() -> None:
    """Run the command line; the entry point of the script `synthgen`."""
    from synthgen.errors import SynthgenError

    try:
        app()
    except SynthgenError as error:
        print(f"synthgen: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("synthgen: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
