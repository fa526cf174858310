"""A repository of a dataset or a model on the Hub: few calls, each tried again exactly where that is safe.

A read is tried again. A write whose reply was lost may have taken effect, so before it is tried again the repository is
read: `settled` says whether the write is there. The client itself retries blob transfers, not these calls. An error
that ends here becomes one sentence that says what to do; neither the token nor a signed address is ever in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete

from synthgen.errors import SynthgenError
from synthgen.publish.hub.calls import Calls
from synthgen.publish.hub.failures import Conflict


@dataclass(frozen=True)
class Entry:
    """A file of a revision: its size, its git id, and for large files the SHA-256."""

    path: str
    bytes: int
    blob_id: str
    sha256: str | None


def _refuse_path(repo: str, path: str) -> None:
    """Raise SynthgenError for a listed path that would not lie below the folder it is downloaded to."""
    parts = path.split("/")
    if not path.isprintable() or "\\" in path or any(part in ("", ".", "..") for part in parts):
        raise SynthgenError(f"{repo}: lists a file {path!r}, which is no path of a dataset; do not use it")


@dataclass(frozen=True)
class PullRequest:
    """A pull request's number, state (draft, open, closed, merged) and, once merged, its commit."""

    number: int
    status: str
    merged_as: str | None

    @property
    def revision(self) -> str:
        """The revision that names its head."""
        return f"refs/pr/{self.number}"


class Remote:
    """A repository, `ORG/NAME`, of a dataset or a model."""

    def __init__(
        self, repo: str, say: Callable[[str], None] = lambda text: None, kind: Literal["dataset", "model"] = "dataset"
    ) -> None:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
            raise SynthgenError(f"{repo!r} names no {kind} repository: write ORG/NAME")
        self.repo, self.say, self.kind = repo, say, kind
        self._call = Calls(repo, say)
        self._api = self._call.api

    # -- reads --------------------------------------------------------------------------------------------------------

    def head(self, revision: str = "main") -> str:
        """Return the commit a revision stands for. Raises SynthgenError if there is none."""
        info = self._call(
            f"reading {revision}", lambda: self._api.repo_info(self.repo, revision=revision, repo_type=self.kind)
        )
        return str(info.sha)

    def exists(self) -> bool:
        """Say whether the repository can be seen with this token."""
        return bool(self._call("looking it up", lambda: self._api.repo_exists(self.repo, repo_type=self.kind)))

    def is_private(self) -> bool:
        """Say whether the repository is private."""
        return bool(
            self._call("reading its settings", lambda: self._api.repo_info(self.repo, repo_type=self.kind)).private
        )

    def tree(self, revision: str) -> dict[str, Entry]:
        """Return every file of a revision, by path."""

        def read() -> dict[str, Entry]:
            entries = {}
            for item in self._api.list_repo_tree(self.repo, recursive=True, revision=revision, repo_type=self.kind):
                if isinstance(item, huggingface_hub.RepoFile):
                    _refuse_path(self.repo, item.path)
                    sha256 = item.lfs.sha256 if item.lfs else None
                    entries[item.path] = Entry(item.path, item.size, item.blob_id, sha256)
            return entries

        return self._call(f"listing the files of {revision}", read)

    def tags(self) -> dict[str, str]:
        """Return the commit of every tag, by name."""
        refs = self._call("listing its tags", lambda: self._api.list_repo_refs(self.repo, repo_type=self.kind))
        return {ref.name: ref.target_commit for ref in refs.tags}

    def pull_request(self, number: int) -> PullRequest:
        """Return the state of a pull request."""
        details = self._call(
            f"reading pull request {number}",
            lambda: self._api.get_discussion_details(self.repo, number, repo_type=self.kind),
        )
        return PullRequest(number, details.status, details.merge_commit_oid)

    def download(self, path: str, revision: str, folder: Path) -> Path:
        """Download a file of a revision to `folder/path`, going on where an earlier try stopped."""
        return Path(
            self._call(
                f"downloading {path}",
                lambda: self._api.hf_hub_download(
                    self.repo, path, revision=revision, repo_type=self.kind, local_dir=folder
                ),
            )
        )

    # -- writes -------------------------------------------------------------------------------------------------------

    def create(self, private: bool) -> None:
        """Create the repository unless it is there; its owner's settings say whether it is public, unless `private`."""
        self._call(
            "creating the repository",
            lambda: self._api.create_repo(self.repo, repo_type=self.kind, private=private or None, exist_ok=True),
        )

    def open_pull_request(self, title: str, text: str) -> PullRequest:
        """Open a pull request on main; `title` must be one that no other has, for it finds it after a lost reply."""

        def settled() -> PullRequest | None:
            discussions = self._api.get_repo_discussions(self.repo, discussion_type="pull_request", repo_type=self.kind)
            return next((self.pull_request(one.num) for one in discussions if one.title == title), None)

        def create() -> PullRequest:
            discussion = self._api.create_pull_request(self.repo, title, description=text, repo_type=self.kind)
            return PullRequest(discussion.num, discussion.status, None)

        return self._call("opening a pull request", create, settled)

    def commit(
        self,
        revision: str,
        parent: str,
        title: str,
        added: Sequence[tuple[str, Path]],
        deleted: Sequence[str],
        is_there: Callable[[], bool],
    ) -> str:
        """Add files (path in the repository, file here) and delete others in one commit on `parent`; return its id.

        `is_there` re-reads the revision and says whether the commit's files are in it. Raises Conflict if the revision
        has moved on otherwise.
        """

        def send() -> str:
            operations: list[Any] = [CommitOperationAdd(path, str(file)) for path, file in added]
            operations += [CommitOperationDelete(path) for path in deleted]
            commit = self._api.create_commit(
                self.repo,
                operations,
                commit_message=title,
                revision=revision,
                parent_commit=parent,
                repo_type=self.kind,
            )
            return str(commit.oid)

        def settled() -> str | None:
            head = self.head(revision)
            if head == parent:
                return None
            if is_there():
                return head
            raise Conflict(
                f"{self.repo}: somebody else wrote to {revision} during this push; nothing was overwritten or "
                "published: find out who, then run the same command again"
            )

        return self._call(f"committing to {revision}", send, settled)

    def merge(self, number: int) -> None:
        """Merge a pull request; fine if it is merged already."""

        def settled() -> bool | None:
            return True if self.pull_request(number).status == "merged" else None

        def send() -> bool:
            if self.pull_request(number).status == "draft":
                self._api.change_discussion_status(self.repo, number, "open", repo_type=self.kind)
            self._api.merge_pull_request(self.repo, number, repo_type=self.kind)
            return True

        self._call(f"merging pull request {number}", send, settled)

    def close_pull_request(self, number: int, comment: str) -> None:
        """Close a pull request that is no longer wanted."""

        def settled() -> bool | None:
            return True if self.pull_request(number).status == "closed" else None

        def send() -> bool:
            self._api.change_discussion_status(self.repo, number, "closed", comment=comment, repo_type=self.kind)
            return True

        self._call(f"closing pull request {number}", send, settled)

    def tag(self, name: str, commit: str) -> None:
        """Set a tag on a commit; fine if it stands there. Raises SynthgenError if it stands elsewhere."""

        def settled() -> bool | None:
            there = self.tags().get(name)
            if there is not None and there != commit:
                raise SynthgenError(
                    f"{self.repo}: the tag {name} is on {there[:12]}, not on the published commit {commit[:12]}; "
                    "choose another with --tag"
                )
            return True if there == commit else None

        def send() -> bool:
            self._api.create_tag(self.repo, tag=name, revision=commit, repo_type=self.kind, exist_ok=False)
            return True

        if not settled():
            self._call(f"setting the tag {name}", send, settled)
