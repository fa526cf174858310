"""Pull: a published dataset, pinned to one commit, into a folder that passes `check` or is not there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel

from synthgen.dataset.check import check_folder
from synthgen.dataset.finding import Finding
from synthgen.dataset.folder import discard, explaining_a_full_disk, locked
from synthgen.dataset.manifest import FILE, Manifest
from synthgen.errors import CheckFailed, SynthgenError
from synthgen.publish.croissant import CROISSANT
from synthgen.publish.hub.compare import faults_of, prefix_of, published_manifest, refuse
from synthgen.publish.hub.remote import Entry, Remote
from synthgen.task.files import exists, file_sha256, sync_folder, write_whole
from synthgen.task.foreign import read_json

WORK, BEGUN = ".pull", "pull.json"
"""The folder inside the target where an unfinished pull keeps its files, and the file in it that says of what."""


class _Begun(BaseModel):
    """What `pull.json` holds."""

    repo: str
    commit: str
    config: str


def pull(
    repo: str,
    folder: str | Path,
    *,
    revision: str = "main",
    config: str = "default",
    sample: float | None = None,
    say: Callable[[str], None] = lambda text: None,
    on_rows: Callable[[int], None] | None = None,
) -> list[Finding]:
    """Download a published dataset, verify every hash, and check it; return the findings.

    All of it lies in `DIR/.pull` until it has passed its check; the manifest, by which a folder is a dataset, is the
    last to be moved out. A killed pull goes on where it stopped. Raises CheckFailed that names a file which is not what
    the manifest says.
    """
    folder = Path(folder)
    remote = Remote(repo, say)
    commit = remote.head(revision)
    tree = remote.tree(commit)
    wanted = {"repo": repo, "commit": commit, "config": config}
    _refuse_other(folder, wanted)
    work = folder / WORK
    with explaining_a_full_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(work, None, "pulling into"):
            _refuse_other(folder, wanted)  # again: another pull may have ended between
            write_whole(work / BEGUN, json.dumps(wanted))
            there = work / "dataset"
            _gather(folder, there)
            manifest = published_manifest(remote, config, commit, tree, work)
            _download(remote, manifest, prefix_of(config), commit, tree, work, there)
            manifest.write(there)
            findings = check_folder(there, sample, on_rows)
            if all(finding.ok for finding in findings):
                _settle(there, folder)
                discard(work)
    return findings


def _download(
    remote: Remote, manifest: Manifest, prefix: str, commit: str, tree: Mapping[str, Entry], work: Path, there: Path
) -> None:
    """Fetch every file of a config that is not `there` yet, each held against the hash that is known of it."""
    refuse(faults_of(manifest, prefix, tree), remote.repo, commit)
    shards = {prefix + shard.path: shard.sha256 for shard in manifest.shards}
    papers = [path for path in tree if path.startswith(prefix) and _is_paper(path.removeprefix(prefix))]
    for number, path in enumerate([*shards, *papers], 1):
        target = there / path.removeprefix(prefix)
        if path in shards and target.is_file() and file_sha256(target) == shards[path]:
            continue
        remote.say(f"file {number} of {len(shards) + len(papers)}: {path}")
        _fetch(remote, path, commit, work, target, shards.get(path))


def _gather(folder: Path, there: Path) -> None:
    """Bring what a killed pull has moved out already, or an earlier version of synthgen, back beneath the work."""
    there.mkdir(exist_ok=True)
    for entry in folder.iterdir():
        if entry.name != WORK and not (there / entry.name).exists():
            entry.replace(there / entry.name)


def _settle(there: Path, folder: Path) -> None:
    """Move a dataset that has passed to where it is wanted: each part by one rename, the manifest last."""
    for entry in sorted(there.iterdir(), key=lambda entry: entry.name == FILE):
        entry.replace(folder / entry.name)
        sync_folder(folder)


def _is_paper(path: str) -> bool:
    return path in ("README.md", "spec.toml", CROISSANT) or path.split("/")[0] in ("assets", "pictures")


def _fetch(remote: Remote, path: str, commit: str, work: Path, target: Path, sha256: str | None) -> None:
    """Download one file and move it to its place if it is what it should be; once more if it is not."""
    for attempt in (1, 2):
        came = remote.download(path, commit, work)
        if sha256 is None or file_sha256(came) == sha256:
            target.parent.mkdir(parents=True, exist_ok=True)
            came.replace(target)
            return
        came.unlink()
        shutil.rmtree(work / ".cache", ignore_errors=True)
        if attempt == 2:
            raise CheckFailed(
                f"{remote.repo} at {commit[:12]}: {path} came down with another SHA-256 than the manifest's, twice; "
                "do not use it: pull another revision, or tell its owner"
            )


def _refuse_other(folder: Path, wanted: dict[str, str]) -> None:
    """Raise SynthgenError if a folder holds anything but an unfinished pull of the same commit."""
    if folder.exists() and not folder.is_dir():
        raise SynthgenError(f"{folder}: is a file; name a folder")
    begun = folder / WORK / BEGUN
    if exists(begun):
        there: _Begun = read_json(begun, _Begun, f"remove {folder}, and pull again")
        if there.model_dump() != wanted:
            raise SynthgenError(
                f"{folder}: holds an unfinished pull of {there.repo} at {there.commit[:12]}; "
                "name another folder, or remove that one"
            )
    elif (folder / FILE).exists():
        raise SynthgenError(f"{folder}: holds the dataset {Manifest.read(folder).name} already; name another folder")
    elif folder.is_dir() and any(entry.name != WORK for entry in folder.iterdir()):
        raise SynthgenError(f"{folder}: holds other files; name a new or empty folder")
