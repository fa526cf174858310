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

MOST_SCORED = 10_000_000
"""Rows that `score` asks."""

SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="A shipped spec's name (cfg3f) or the path of a TOML file.")
]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Override a field (people=1000).")]
Seed = Annotated[int | None, typer.Option(help="Seed of rows, orders and wording.")]
World = Annotated[int | None, typer.Option(help="Seed of the world: people, tables, grammars.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Sample = Annotated[
    float | None, typer.Option(help="Share of rows re-derived and made anew; by default 10,000 and 65,536 a split.")
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder.")]


def _spec(spec: str, seed: int | None, world: int | None, sets: list[str] | None) -> Any:
    from synthgen.spec.spec import load_spec, set_arguments

    return load_spec(spec, seed=seed, world=world, sets=set_arguments(sets or []))


@app.command("list")
def list_(
    pattern: Annotated[str, typer.Argument(metavar="[PATTERN]", help="Names that begin so, or fit (bios-*5).")] = "",
    long: Annotated[bool, typer.Option("--long", help="Row formats, splits and difficulty, too.")] = False,
    json: Json = False,
) -> None:
    """The shipped specs by family: rows, bits of a row's text, title."""
    from synthgen.cli.listing import print_listing, shipped_listing

    table = shipped_listing(pattern)
    _print_json(table) if json else print_listing(table, long)


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
    from synthgen.cli.display import MOST_ROWS, print_row, rows_to_show
    from synthgen.cli.terminal import print_json_list
    from synthgen.errors import SynthgenError
    from synthgen.spec.source import Source

    source = Source(_spec(spec, seed, world, sets))
    if not 1 <= n <= MOST_ROWS:
        raise SynthgenError(f"-n {n}: must be from 1 to {MOST_ROWS:,}; `synthgen generate` makes any number")
    rows = rows_to_show(source, row, n, split)
    if plot is not None:
        source.task(split).plot(source.row(row, split), plot)
    if json:
        print_json_list(rows)
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
    from synthgen.cli.display import print_entropy
    from synthgen.spec.source import Source

    stated = Source(_spec(spec, seed, world, sets)).entropy(split)
    _print_json(stated.to_json()) if json else print_entropy(stated)


@app.command()
def certify(
    spec: SpecArgument,
    rows: Annotated[int, typer.Option(min=2, max=10**12, help="Rows to draw for each sampled figure.")] = 200_000,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one a core.")] = None,
    shipped: Annotated[bool, typer.Option("--shipped", help="Write into the package, not for this user.")] = False,
    sets: Sets = None,
) -> None:
    """Narrow the bits of a spec whose entropy comes from sampled rows: draw many, and keep their sums."""
    from synthgen.cli.display import Progress, print_entropy
    from synthgen.dataset.processes import usable_cores
    from synthgen.spec.certify import certify, keep
    from synthgen.spec.source import Source

    source = Source(_spec(spec, None, None, sets))
    with Progress("rows") as progress:
        progress.expect(rows)
        runs = certify(source, rows, workers or usable_cores(), progress.add)
    keep(runs, in_package=shipped)
    print_entropy(source.entropy())


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
    from synthgen.cli.display import print_plan
    from synthgen.dataset.build import plan_build
    from synthgen.dataset.estimate import estimate

    plan = plan_build(
        _spec(spec, seed, world, sets),
        splits=split,
        rows=rows,
        shards=shards,
        columns=_columns(columns),
        container=format,
    )
    table = estimate(plan, out, workers)
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
    format: Annotated[str, typer.Option("--format", help="arrow, parquet, or token files: bin, llmc.")] = "arrow",
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
    from synthgen.cli.display import Progress, print_manifest
    from synthgen.dataset.build import generate as build
    from synthgen.dataset.ranks import rank_from
    from synthgen.windowing.token_files import FORMATS

    if format in FORMATS:
        given = {"--rank": rank, "--world-size": world_size, "--engine": None if engine == "local" else engine}
        given |= {"--scheduler": scheduler, "--shards": shards, "--columns": columns, "--workers": workers}
        _token_files(_spec(spec, seed, world, sets), out, format, split, rows, verify, given, json)
        return
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
    rows: Annotated[int | None, typer.Option(min=1, help="The first rows only.")] = None,
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
    from synthgen.cli.display import Progress
    from synthgen.spec.source import Source
    from synthgen.tasks.bios.rewrites.endpoint import Sampling
    from synthgen.tasks.bios.rewrites.endpoint import rewrite as ask

    sampling = Sampling(model, temperature, attempts=attempts)
    source = Source(_spec(spec, seed, world, sets))
    with Progress("rows") as progress:
        progress.expect(rows or source.rows_max() or 0)
        options: dict[str, Any] = {"cache": cache, "offline": offline, "parallel": parallel}
        content_id = source.spec.content_id
        report = ask(source.task(), content_id, out, sampling, rows=rows, on_rows=progress.add, **options)
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
    from synthgen.cli.display import print_manifest
    from synthgen.dataset.build import finish as complete

    manifest = complete(folder)
    _print_json(manifest.to_json()) if json else print_manifest(manifest, folder, None)


@app.command()
def check(
    folder: Folder,
    sample: Sample = None,
    remote: Annotated[
        str | None, typer.Option(metavar="ORG/NAME", help="See too that what is published there is whole and the same.")
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="The published revision: a tag, a commit; by default main.")
    ] = None,
    config: Annotated[
        str | None, typer.Option(help="The config of the published dataset; by default `default`.")
    ] = None,
    certificates: Annotated[
        bool, typer.Option("--certificates", help="Draw a part of the certificates behind its bits again.")
    ] = False,
    json: Json = False,
) -> None:
    """Hashes, schema, counts and bits on all rows; a sample re-derived and made anew. Exits with 1 if a check fails."""
    from synthgen.cli.display import Progress
    from synthgen.dataset.check import check_folder
    from synthgen.dataset.manifest import Manifest
    from synthgen.errors import SynthgenError

    for option, value in (("--revision", revision), ("--config", config)):
        if value is not None and remote is None:
            raise SynthgenError(f"{option} {value}: says what of --remote ORG/NAME is meant; add that, or leave it out")
    with Progress("rows") as progress:
        progress.expect(Manifest.read(folder).totals["rows"])
        findings = check_folder(folder, sample, progress.add)
    if remote is not None:
        from synthgen.publish.hub import check_remote

        findings += check_remote(folder, remote, revision=revision or "main", config=config or "default")
    if certificates:
        from synthgen.dataset.check import check_certificates

        findings += check_certificates(folder)
    _print_findings(findings, folder, json)


@app.command()
def card(
    folder: Folder,
    licence: Annotated[str, typer.Option("--license", help="Licence of the data, as the Hub names it.")] = "cc0-1.0",
    pictures: Annotated[bool, typer.Option(help="Draw difficulty and length; needs matplotlib.")] = True,
    sample: Sample = None,
) -> None:
    """The full dataset card and its picture; the folder is checked first."""
    from synthgen.cli.display import Progress
    from synthgen.dataset.manifest import Manifest
    from synthgen.publish.card import write_card
    from synthgen.publish.licence import check_licence

    check_licence(licence)
    with Progress("rows") as progress:
        progress.expect(Manifest.read(folder).totals["rows"])
        findings = write_card(folder, licence=licence, pictures=pictures, sample=sample, on_rows=progress.add)
    print(f"{folder / 'README.md'}: {len(findings)} checks passed")


@app.command()
def push(
    names: Annotated[
        list[str], typer.Argument(metavar="DIR... ORG/NAME", help="Dataset folders, then the repository.")
    ],
    format: Annotated[str, typer.Option("--format", help="parquet or arrow.")] = "parquet",
    config: Annotated[
        list[str] | None, typer.Option("--config", help="The config's name; once for each folder.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Stage, and say what would be sent; send nothing.")
    ] = False,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    tag: Annotated[str | None, typer.Option(help="Tag of the published commit; by default named by the data.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of another dataset there.")] = False,
    licence: Annotated[str, typer.Option("--license", help="Licence of the data, as the Hub names it.")] = "cc0-1.0",
    pictures: Annotated[bool, typer.Option(help="Draw difficulty and length; needs matplotlib.")] = True,
    batch_bytes: Annotated[int, typer.Option(help="Most bytes of a commit: what a kill may cost to send again.")] = 5
    << 30,
    json: Json = False,
) -> None:
    """Publish on the Hub: staged in a pull request, verified, merged whole; the same command resumes a killed push."""
    from synthgen.cli.display import Progress
    from synthgen.errors import SynthgenError
    from synthgen.publish.hub import push as publish

    if len(names) < 2:
        raise SynthgenError("push needs dataset folders and then the repository: synthgen push DIR ORG/NAME")
    with Progress("rows") as progress:
        done = publish(
            names[:-1],
            names[-1],
            container=format,
            configs=config or (),
            dry_run=dry_run,
            private=private,
            tag=tag,
            replace=replace,
            licence=licence,
            pictures=pictures,
            batch_bytes=batch_bytes,
            say=_say,
            on_rows=progress.add,
        )
    if json:
        _print_json(done.to_json())
        return
    if dry_run:
        for path in done.sent:
            print(path)
        print(f"{done.repo}: {done.files} files, {done.bytes:,} bytes, {done.commits} commits would be sent")
        return
    print(
        f"{done.repo}: {done.done} as {done.tag} ({done.commit}); {len(done.sent)} files in {done.commits} commits sent"
    )


@app.command()
def pull(
    repo: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The dataset repository.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or that of a killed pull.")],
    revision: Annotated[str, typer.Option(help="A tag or commit; main moves.")] = "main",
    config: Annotated[str, typer.Option(help="The config of the published dataset.")] = "default",
    sample: Sample = None,
    json: Json = False,
) -> None:
    """Download a published dataset, verify every hash, and check it."""
    from synthgen.cli.display import Progress
    from synthgen.publish.hub import pull as fetch

    with Progress("rows") as progress:
        findings = fetch(repo, folder, revision=revision, config=config, sample=sample, say=_say, on_rows=progress.add)
    _print_findings(findings, folder, json)


@app.command()
def bench(
    task: Annotated[
        str | None, typer.Argument(help="draw, cfg, parse, bios, qa, index or workers; by default all but workers.")
    ] = None,
    json: Json = False,
) -> None:
    """Rates on one core, as ratios against plain Python in the same run."""
    from synthgen.bench.rates import run_benchmarks
    from synthgen.cli.display import print_rates

    rates = run_benchmarks(task)
    if json:
        _print_json({name: [rate.to_json() for rate in lines] for name, lines in rates.items()})
    else:
        print_rates(rates)


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
    from synthgen.cli.train_commands import train_command

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
    rows: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_SCORED,
            help="How many rows, by default 1,000; with --completions: all of these must be answered.",
        ),
    ] = None,
    temperature: Annotated[float | None, typer.Option(min=0, help="Of our model; 0: greedy, by default.")] = None,
    json: Json = False,
) -> None:
    """Judge answers with the task's verifier: our model's, or anybody's from a file."""
    from synthgen.cli.train_commands import score_command
    from synthgen.cli.train_report import print_scores

    scores = score_command(subject, completions, prompts, split, rows, temperature)
    if scores is not None:
        _print_json(scores.to_json()) if json else print_scores(scores)


@app.command()
def reproduce(
    name: Annotated[str | None, typer.Argument(help="An experiment's name, or the path of its TOML file.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="The shipped experiments and their claims.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Every shipped experiment.")] = False,
    size: Annotated[
        str | None,
        typer.Option(help="ci (seconds), laptop (minutes; the default) or gpu (the paper's recipe)."),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="How many seeds, from 0; by default 1.")] = None,
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
        for option, value in (("--size", size), ("--seeds", seeds), ("--out", out)):
            if value is not None:
                raise SynthgenError(f"{option} {value}: --list runs nothing; leave it out")
        table = listing()
        _print_json(table) if json else print_listing(table)
        return
    results = reproduce_command(
        name, all_, size or "laptop", 1 if seeds is None else seeds, out or Path("reproductions")
    )
    _print_json([result.to_json() for result in results]) if json else print_results(results)
    if any(not result.green and result.experiment.verdict == "required" for result in results):
        raise typer.Exit(1)


def _say(text: str) -> None:
    if sys.stderr.isatty():
        _complain(text)


def _complain(text: str) -> None:
    from synthgen.dataset.plain_text import shown

    print(f"synthgen: {shown(text)}", file=sys.stderr)


def _print_findings(findings: list[Any], folder: Path, json: bool) -> None:
    from synthgen.cli.display import print_findings

    _print_json([finding.to_json() for finding in findings]) if json else print_findings(findings, folder)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _token_files(
    spec: Any,
    out: Path,
    format: str,
    splits: list[str] | None,
    rows: int | None,
    verify: bool,
    given: dict[str, Any],
    json: bool,
) -> None:
    """Write token files: one process, one file a split."""
    from synthgen.cli.display import Progress
    from synthgen.errors import SynthgenError
    from synthgen.windowing.token_files import write_bins

    for option, value in given.items():
        if value is not None:
            raise SynthgenError(f"{option}: does not go with --format {format}, which makes one file a split")
    with Progress("rows") as progress:
        sidecars = write_bins(spec, out, format=format, splits=splits, rows=rows, verify=verify, on_rows=progress.add)
    if json:
        _print_json(sidecars)
        return
    for name, sidecar in sidecars.items():
        print(
            f"{out / sidecar['file']}: {sidecar['tokens']:,} tokens ({sidecar['dtype']}) of {sidecar['rows']:,} rows, "
            f"{sidecar['masked']:,} without loss; sha256 {sidecar['sha256'][:16]}; see {name}.json"
        )


def _columns(columns: str | None) -> list[str] | None:
    from synthgen.errors import SynthgenError

    if columns is None:
        return None
    names = [column.strip() for column in columns.split(",") if column.strip()]
    if not names:
        raise SynthgenError(f"--columns {columns!r}: names no column; leave it out for all of them")
    return names


def _print_json(value: Any) -> None:
    from synthgen.cli.terminal import print_json

    print_json(value)


def main() -> None:
    """Run the command line; the entry point of the script `synthgen`."""
    from synthgen.cli.terminal import prepare_streams
    from synthgen.errors import SynthgenError

    prepare_streams()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here, where a fault can still be told
    except SynthgenError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _complain("interrupted")
        sys.exit(130)
    except MemoryError as error:
        _complain(f"not enough memory for what is asked: {str(error).split(chr(10))[0] or 'ask for less'}")
        sys.exit(2)
    except OSError as error:
        _complain(f"{error.filename or 'a file'}: {error.strerror or error}")
        sys.exit(2)


if __name__ == "__main__":
    main()
