"""Static Spaces on the Hub: a folder's files in one commit, so that a visitor sees the old gallery or the new one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete

from synthgen.errors import SynthgenError
from synthgen.publish.hub.calls import Calls
from synthgen.publish.hub.sending import Pushed
from synthgen.publish.hub.staging import LocalFile
from synthgen.publish.space import PAGES, is_space, space_files


def push_space(
    folder: str | Path,
    repo: str,
    *,
    private: bool = False,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> Pushed:
    """Publish a folder that `synthgen space` wrote; pages there that it has not are removed, other files stay.

    Raises SynthgenError for another folder, or a name that is none.
    """
    folder = Path(folder)
    if not is_space(folder):
        raise SynthgenError(f"{folder}: no Space; write one with `synthgen space {folder}`")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        raise SynthgenError(f"{repo!r} names no Space: write ORG/NAME")
    files = [LocalFile.of(path.as_posix(), folder / path) for path in space_files(folder)]
    size = sum(file.bytes for file in files)
    if dry_run:
        return Pushed(repo, "", "", len(files), size, 1, [file.path for file in files], "dry run")
    calls = Calls(repo, say, "Space")
    calls(
        "creating the Space",
        lambda: calls.api.create_repo(
            repo, repo_type="space", space_sdk="static", private=private or None, exist_ok=True
        ),
    )
    parent, tree = _head(calls, repo)
    sent = [file for file in files if tree.get(file.path) not in (file.sha256, file.blob_id())]
    stale = [path for path in tree if path.startswith(f"{PAGES}/") and path not in {file.path for file in files}]
    if not sent and not stale:
        return Pushed(repo, "", parent, len(files), size, 0, [], "already published")

    def send() -> str:
        operations: list[Any] = [CommitOperationAdd(file.path, str(file.source)) for file in sent]
        operations += [CommitOperationDelete(path) for path in stale]
        commit = calls.api.create_commit(
            repo, operations, commit_message="Update the gallery", repo_type="space", parent_commit=parent
        )
        return str(commit.oid)

    def settled() -> str | None:
        commit, now = _head(calls, repo)
        done = all(now.get(file.path) in (file.sha256, file.blob_id()) for file in files)
        return commit if done and not any(path in now for path in stale) else None

    commit = calls("committing the pages", send, settled)
    return Pushed(repo, "", commit, len(files), size, 1, [file.path for file in sent], "published")


def _head(calls: Calls, repo: str) -> tuple[str, Mapping[str, str]]:
    """Return the commit of main, and of each file there its SHA-256, or the git id of a small one."""

    def read() -> tuple[str, Mapping[str, str]]:
        commit = str(calls.api.space_info(repo).sha)
        items = calls.api.list_repo_tree(repo, recursive=True, revision=commit, repo_type="space")
        files = [item for item in items if isinstance(item, huggingface_hub.RepoFile)]
        return commit, {item.path: item.lfs.sha256 if item.lfs else item.blob_id for item in files}

    return calls("listing the files there", read)
