"""Commands that make: dataset folders and token files, certificates of bits, rewrites by a language model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from synthgen.cli.options import (
    Folder,
    Json,
    Rows,
    Seed,
    Sets,
    Shards,
    SpecArgument,
    Splits,
    World,
    columns_of,
    rows_of,
    spec_with,
)
from synthgen.cli.terminal import print_json


def generate(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option(help="The dataset folder; made, resumed or completed.")],
    split: Splits = None,
    rows: Rows = None,
    seed: Seed = None,
    world: World = None,
    shards: Shards = None,
    workers: Annotated[int | None, typer.Option(help="Processes; by default one a core, if the job is long.")] = None,
    columns: Annotated[str | None, typer.Option(metavar="A,B", help="Only these columns.")] = None,
    format: Annotated[
        str,
        typer.Option(
            "--format", help="arrow (a stream), arrow-file, parquet; or token files: bin, llmc, megatron, datatrove."
        ),
    ] = "arrow",
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
        _token_files(spec_with(spec, seed, world, sets), out, format, split, rows, verify, given, json)
        return
    own_rank, size = rank_from(rank, world_size)
    with Progress("rows") as progress:
        manifest = build(
            spec_with(spec, seed, world, sets),
            out,
            splits=split,
            rows=rows,
            shards=shards,
            workers=workers,
            columns=columns_of(columns),
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
        print_json(manifest.to_json())
    else:
        print_manifest(manifest, out, progress.rate())


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
    from rich.text import Text

    from synthgen.cli.console import print_lines, stdout
    from synthgen.cli.display import Progress
    from synthgen.errors import SynthgenError
    from synthgen.windowing.token_files import write_bins

    for option, value in given.items():
        if value is not None:
            raise SynthgenError(f"{option}: does not go with --format {format}, which makes one file a split")
    with Progress("rows") as progress:
        sidecars = write_bins(spec, out, format=format, splits=splits, rows=rows, verify=verify, on_rows=progress.add)
    if json:
        print_json(sidecars)
        return
    for name, sidecar in sidecars.items():
        told = (
            f"{out / sidecar['file']}: {sidecar['tokens']:,} tokens ({sidecar['dtype']}) of {sidecar['rows']:,} rows, "
            f"{sidecar['masked']:,} without loss; sha256 {sidecar['sha256'][:16]}; see {name}.json"
        )
        print_lines(stdout(), Text(told), 0)


def finish(folder: Folder, json: Json = False) -> None:
    """After rank runs: completeness, then the manifest."""
    from synthgen.cli.display import print_manifest
    from synthgen.dataset.build import finish as complete

    manifest = complete(folder)
    print_json(manifest.to_json()) if json else print_manifest(manifest, folder, None)


def certify(
    spec: SpecArgument,
    rows: Annotated[
        int | None,
        typer.Option(parser=rows_of, metavar="N", help="Rows to draw for each sampled figure (1e6, 10k); else 200k."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one a core.")] = None,
    shipped: Annotated[bool, typer.Option("--shipped", help="Write into the package, not for this user.")] = False,
    sets: Sets = None,
) -> None:
    """Narrow the bits of a spec whose entropy comes from sampled rows: draw many, and keep their sums."""
    from synthgen.cli.bits_screen import print_entropy
    from synthgen.cli.display import Progress
    from synthgen.dataset.processes import usable_cores
    from synthgen.spec.certify import ROWS, certify, keep
    from synthgen.spec.source import Source

    wanted = ROWS if rows is None else rows
    source = Source(spec_with(spec, None, None, sets))
    with Progress("rows") as progress:
        progress.expect(wanted)
        runs = certify(source, wanted, workers or usable_cores(), progress.add, in_package=shipped)
    keep(runs, in_package=shipped)
    print_entropy(source.entropy())


def rewrite(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option(help="The file of rewrites; name it in the spec's params.texts.")],
    model: Annotated[str, typer.Option(help="The model's name at the endpoint.")],
    rows: Annotated[int | None, typer.Option(parser=rows_of, metavar="N", help="The first rows only.")] = None,
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
    source = Source(spec_with(spec, seed, world, sets))
    with Progress("rows") as progress:
        progress.expect(rows or source.rows_max() or 0)
        options: dict[str, Any] = {"cache": cache, "offline": offline, "parallel": parallel}
        content_id = source.spec.content_id
        report = ask(source.task(), content_id, out, sampling, rows=rows, on_rows=progress.add, **options)
    if json:
        print_json(vars(report))
    else:
        print(
            f"{out}: {report.rows:,} rows, {report.by_model:,} by {model}, {report.by_grammar:,} by the grammar; "
            f"{report.asked:,} answers asked for, {report.cached:,} from the cache, {report.refused:,} not accepted"
        )
