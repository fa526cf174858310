"""Comparing what a repository lists with what a manifest says: large files by SHA-256, without a download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from synthgen.dataset.finding import Finding
from synthgen.dataset.manifest import FILE, Manifest, parse_manifest
from synthgen.errors import CheckFailed, SynthgenError
from synthgen.publish.hub.remote import Entry, Remote
from synthgen.publish.hub.staging import LocalFile
from synthgen.task.foreign import read_text


def same_file(file: LocalFile, entry: Entry) -> bool:
    """Say whether a listed file is the local one: by SHA-256, or for small files by git's id."""
    if entry.bytes != file.bytes:
        return False
    return entry.sha256 == file.sha256 if entry.sha256 else entry.blob_id == file.blob_id()


def missing_of(files: Sequence[LocalFile], tree: Mapping[str, Entry]) -> list[LocalFile]:
    """Return the files that a listing does not have, or has otherwise."""
    return [file for file in files if file.path not in tree or not same_file(file, tree[file.path])]


def faults_of(manifest: Manifest, prefix: str, tree: Mapping[str, Entry]) -> list[str]:
    """Return a sentence for every shard that a listing lacks or has otherwise, and every file too many beside them."""
    faults = []
    for shard in manifest.shards:
        entry = tree.get(prefix + shard.path)
        if entry is None:
            faults.append(f"{prefix}{shard.path} is missing")
        elif entry.bytes != shard.bytes:
            faults.append(f"{prefix}{shard.path} has {entry.bytes:,} bytes, not {shard.bytes:,}")
        elif entry.sha256 is None:
            faults.append(f"{prefix}{shard.path} is listed without a SHA-256, so it cannot be verified")
        elif entry.sha256 != shard.sha256:
            faults.append(f"{prefix}{shard.path} was changed: its SHA-256 is not the manifest's")
    assets = {prefix + path for path in assets_of(manifest)}
    faults += [f"{path} is missing" for path in sorted(assets) if path not in tree]
    listed = {prefix + shard.path for shard in manifest.shards} | assets
    rooms = (f"{prefix}data/", f"{prefix}assets/")
    faults += [f"{path} is not in the manifest" for path in tree if path.startswith(rooms) and path not in listed]
    return faults


def assets_of(manifest: Manifest) -> list[str]:
    """Return the paths of the files that a manifest's spec names: its identity has their hashes where they stand."""
    stated = {**manifest.spec, **(manifest.spec.get("params") or {})}
    hashed = {**manifest.identity, **(manifest.identity.get("params") or {})}
    paths = []
    for field, place in stated.items():
        if isinstance(place, str) and place.startswith("assets/") and isinstance(hashed.get(field), dict):
            paths += [f"{place}{name and '/'}{name}" for name in hashed[field]]
    return paths


def prefix_of(config: str) -> str:
    """Return what stands before a config's paths."""
    return "" if config == "default" else f"{config}/"


def published_manifest(remote: Remote, config: str, commit: str, tree: Mapping[str, Entry], folder: Path) -> Manifest:
    """Download and return the manifest of a config. Raises SynthgenError that names the configs there are."""
    path = prefix_of(config) + FILE
    if path not in tree:
        others = sorted(p.split("/")[0] for p in tree if p.endswith(f"/{FILE}") and p.count("/") == 1)
        hint = f"; its configs are {', '.join(others)}: name one with --config" if others else ""
        raise SynthgenError(f"{remote.repo}: {commit[:12]} has no {path}, so no dataset of synthgen{hint}")
    return parse_manifest(read_text(remote.download(path, commit, folder)), f"{remote.repo}: {path}")


def check_remote(folder: str | Path, repo: str, *, revision: str = "main", config: str = "default") -> list[Finding]:
    """Check that a published dataset is whole and has the values of a local folder; nothing large is downloaded."""
    manifest = Manifest.read(Path(folder))
    remote = Remote(repo)
    commit = remote.head(revision)
    tree = remote.tree(commit)
    with TemporaryDirectory() as temporary:
        there = published_manifest(remote, config, commit, tree, Path(temporary))
    faults = faults_of(there, prefix_of(config), tree)
    subject = f"{repo} at {commit[:12]}"
    findings = [
        Finding(
            "published files", subject, not faults, "; ".join(faults[:3]) or f"{len(there.shards)} with their SHA-256"
        )
    ]
    same = there.content_id == manifest.content_id
    detail = there.content_id[:16] if same else f"{there.content_id[:16]} there, {manifest.content_id[:16]} here"
    findings.append(Finding("published content id", subject, same, detail))
    ours = {Path(shard.path).stem: shard.content for shard in manifest.shards}
    theirs = {Path(shard.path).stem: shard.content for shard in there.shards}
    off = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    findings.append(
        Finding(
            "published values",
            subject,
            not off,
            f"differ: {', '.join(off[:3])}" if off else f"{len(ours)} shards alike",
        )
    )
    return findings


def refuse(faults: Sequence[str], repo: str, commit: str) -> None:
    """Raise CheckFailed if there are faults, naming the first."""
    if faults:
        more = f" (and {len(faults) - 1} more faults)" if len(faults) > 1 else ""
        raise CheckFailed(f"{repo} at {commit[:12]}: {faults[0]}{more}; do not use it: pull another revision")
