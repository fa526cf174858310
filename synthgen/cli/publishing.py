"""Commands on a dataset folder that is there: check it, write its card, and share it on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from synthgen.cli.options import Folder, Json, Sample
from synthgen.cli.terminal import print_json, say


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
    _tell(findings, folder, json)


def card(
    folder: Folder,
    licence: Annotated[str, typer.Option("--license", help="Licence of the data, as the Hub names it.")] = "cc0-1.0",
    pictures: Annotated[bool, typer.Option(help="Draw a row, bits and lengths, as SVG.")] = True,
    sample: Sample = None,
) -> None:
    """The full dataset card and its pictures; the folder is checked first."""
    from synthgen.cli.display import Progress
    from synthgen.dataset.manifest import Manifest
    from synthgen.publish.card import write_card
    from synthgen.publish.licence import check_licence

    check_licence(licence)
    with Progress("rows") as progress:
        progress.expect(Manifest.read(folder).totals["rows"])
        findings = write_card(folder, licence=licence, pictures=pictures, sample=sample, on_rows=progress.add)
    print(f"{folder / 'README.md'}: {len(findings)} checks passed")


def push(
    names: Annotated[
        list[str], typer.Argument(metavar="DIR... ORG/NAME", help="Dataset folders, then the repository.")
    ],
    format: Annotated[str, typer.Option("--format", help="parquet; or arrow, arrow-file, as it is.")] = "parquet",
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
    pictures: Annotated[bool, typer.Option(help="Draw a row, bits and lengths, as SVG.")] = True,
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
            say=say,
            on_rows=progress.add,
        )
    if json:
        print_json(done.to_json())
        return
    if dry_run:
        for path in done.sent:
            print(path)
        print(f"{done.repo}: {done.files} files, {done.bytes:,} bytes, {done.commits} commits would be sent")
        return
    print(
        f"{done.repo}: {done.done} as {done.tag} ({done.commit}); {len(done.sent)} files in {done.commits} commits sent"
    )


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
        findings = fetch(repo, folder, revision=revision, config=config, sample=sample, say=say, on_rows=progress.add)
    _tell(findings, folder, json)


def _tell(findings: list[Any], folder: Path, json: bool) -> None:
    from synthgen.cli.display import print_findings

    print_json([finding.to_json() for finding in findings]) if json else print_findings(findings, folder)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
