"""Pull: a published dataset, pinned to one commit, into a folder that passes `check` or is not there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from synthgen.dataset.check import Finding, check_folder
from synthgen.dataset.folder import explaining_a_full_disk
from synthgen.dataset.manifest import FILE, Manifest
from synthgen.errors import CheckFailed, SynthgenError
from synthgen.publish.hub.compare import faults_of, prefix_of, published_manifest, refuse
from synthgen.publish.hub.remote import Remote
from synthgen.task.files import file_sha256, write_whole

WORK = ".pull"
"""The folder inside the target where an unfinished pull keeps its files."""


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

    A killed pull goes on where it stopped. Raises CheckFailed that names a file which is not what the manifest says;
    then there is no manifest in the folder, so nothing takes it for a dataset.
    """
    folder = Path(folder)
    remote = Remote(repo, say)
    commit = remote.head(revision)
    tree = remote.tree(commit)
    _refuse_other(folder, {"repo": repo, "commit": commit, "config": config})
    work = folder / WORK
    with explaining_a_full_disk(folder):
        work.mkdir(parents=True, exist_ok=True)
        write_whole(work / "pull.json", json.dumps({"repo": repo, "commit": commit, "config": config}))
        manifest = published_manifest(remote, config, commit, tree, work)
        prefix = prefix_of(config)
        refuse(faults_of(manifest, prefix, tree), repo, commit)
        hashes = {prefix + shard.path: shard.sha256 for shard in manifest.shards}
        papers = [path for path in tree if path.startswith(prefix) and _is_paper(path.removeprefix(prefix))]
        for number, path in enumerate([*hashes, *papers], 1):
            target = folder / path.removeprefix(prefix)
            if path in hashes and target.is_file() and file_sha256(target) == hashes[path]:
                continue
            say(f"file {number} of {len(hashes) + len(papers)}: {path}")
            _fetch(remote, path, commit, work, target, hashes.get(path))
        manifest.write(folder)
        shutil.rmtree(work)
    findings = check_folder(folder, sample, on_rows)
    if not all(finding.ok for finding in findings):
        (folder / FILE).unlink()
    return findings


def _is_paper(path: str) -> bool:
    return path in ("README.md", "spec.toml") or path.split("/")[0] in ("assets", "pictures")


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
    begun = folder / WORK / "pull.json"
    if begun.is_file():
        there = json.loads(begun.read_text())
        if there != wanted:
            raise SynthgenError(
                f"{folder}: holds an unfinished pull of {there['repo']} at {there['commit'][:12]}; "
                "name another folder, or remove that one"
            )
    elif (folder / FILE).exists():
        raise SynthgenError(f"{folder}: holds the dataset {Manifest.read(folder).name} already; name another folder")
    elif folder.is_dir() and any(folder.iterdir()):
        raise SynthgenError(f"{folder}: holds other files; name a new or empty folder")
