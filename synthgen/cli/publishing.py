"""Commands on what is there: check a dataset folder, write its card, and share it, or a gallery, on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthgen.cli.options import Folder, Json, Sample
from synthgen.cli.terminal import print_json, say

if TYPE_CHECKING:
    from synthgen.publish.hub import Pushed


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
        list[str],
        typer.Argument(
            metavar="DIR... ORG/NAME",
            help="Dataset folders (or a Space's), then the repository; or a collection file, FILE.toml, then ORG.",
        ),
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
    from synthgen.publish.hub import push_space
    from synthgen.publish.space import is_space

    if len(names) < 2:
        raise SynthgenError("push needs dataset folders and then the repository: synthgen push DIR ORG/NAME")
    if len(names) == 2 and names[0].endswith(".toml"):
        _push_collection(names[0], names[1], private, dry_run, json)
        return
    if len(names) == 2 and is_space(Path(names[0])):
        _tell_pushed(push_space(names[0], names[1], private=private, dry_run=dry_run, say=say), dry_run, json)
        return
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
    _tell_pushed(done, dry_run, json)


def _tell_pushed(done: Pushed, dry_run: bool, json: bool) -> None:
    if json:
        print_json(done.to_json())
        return
    if dry_run:
        for path in done.sent:
            print(path)
        commits = f"{done.commits} commit{'s' * (done.commits != 1)}"
        print(f"{done.repo}: {done.files} files, {done.bytes:,} bytes, {commits} would be sent")
        return
    tagged = f" as {done.tag}" if done.tag else ""
    print(f"{done.repo}: {done.done}{tagged} ({done.commit}); {len(done.sent)} files in {done.commits} commits sent")


def _push_collection(file: str, org: str, private: bool, dry_run: bool, json: bool) -> None:
    from synthgen.publish.hub import push_collection

    done = push_collection(file, org, private=private, dry_run=dry_run, say=say)
    if json:
        print_json(done.to_json())
        return
    for address in done.absent:
        print(f"{address} is not there yet, and is left out: push it, and then the collection again")
    verb = "would be added" if dry_run else "added"
    others = f"; {len(done.others)} of others left as they are" if done.others else ""
    print(
        f"{done.slug or f'a new collection of {org}'}: {len(done.added)} {verb}, {len(done.changed)} notes changed, "
        f"{len(done.kept)} as they were{others}"
    )


def space(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or that of an earlier Space.")],
    spec: Annotated[
        list[str] | None, typer.Option("--spec", help="A spec to have a page; by default a dozen, of all families.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows of a page's first split; fewer of the others.")] = 24,
) -> None:
    """The gallery as a static Space: pages of the explorer, ready for `synthgen push DIR ORG/NAME`."""
    from synthgen.publish.space import write_space

    files = write_space(folder, spec or (), rows, say)
    size = sum((folder / file).stat().st_size for file in files)
    print(f"{folder}: {len(files)} files, {size:,} bytes; look at {folder / 'index.html'}")


def pull(
    repo: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The dataset repository; or a collection, ORG/SLUG.")],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new folder, or that of a killed pull; of a collection, FILE.toml.")
    ],
    revision: Annotated[str, typer.Option(help="A tag or commit; main moves.")] = "main",
    config: Annotated[str, typer.Option(help="The config of the published dataset.")] = "default",
    sample: Sample = None,
    json: Json = False,
) -> None:
    """Download a published dataset, verify every hash, and check it."""
    from synthgen.cli.display import Progress
    from synthgen.publish.hub import pull as fetch
    from synthgen.publish.hub import pull_collection

    if folder.suffix == ".toml":
        collection = pull_collection(repo, folder, say=say)
        if json:
            print_json(collection.model_dump())
        else:
            print(f"{folder}: {collection.title}: {len(collection.item)} items")
        return
    with Progress("rows") as progress:
        findings = fetch(repo, folder, revision=revision, config=config, sample=sample, say=say, on_rows=progress.add)
    _tell(findings, folder, json)


def _tell(findings: list[Any], folder: Path, json: bool) -> None:
    from synthgen.cli.display import print_findings

    print_json([finding.to_json() for finding in findings]) if json else print_findings(findings, folder)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
