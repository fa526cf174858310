"""A dataset repository on the Hub: few calls, each tried again exactly where that is safe.

A read is tried again. A write whose reply was lost may have taken effect, so before it is tried again the repository is
read: `settled` says whether the write is there. The client itself retries blob transfers, not these calls. An error
that ends here becomes one sentence that says what to do; neither the token nor a signed address is ever in it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

import synthgen
from synthgen.errors import SynthgenError

T = TypeVar("T")

TRIES = 6
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds before the second try; each further wait is twice the last. A rate limit's own word overrides them."""

PASSING = (408, 429, 500, 502, 503, 504)
"""Statuses that a later try may not get."""

CONFLICTS = (409, 412)
"""Statuses of a write that came too late: somebody else's was first, or our own, whose reply was lost."""

FAILURES = (HfHubHTTPError, httpx2.HTTPError, OSError, RuntimeError, ValueError)
"""What the client and its transfer library raise when a call fails."""


class Conflict(SynthgenError):
    """Somebody else wrote to the repository meanwhile; nothing of theirs was overwritten."""


@dataclass(frozen=True)
class Entry:
    """A file of a revision: its size, its git id, and for large files the SHA-256."""

    path: str
    bytes: int
    blob_id: str
    sha256: str | None


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
    """A dataset repository, `ORG/NAME`."""

    def __init__(self, repo: str, say: Callable[[str], None] = lambda text: None) -> None:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
            raise SynthgenError(f"{repo!r} names no dataset repository: write ORG/NAME")
        disable_progress_bars()
        huggingface_hub.utils.logging.set_verbosity_error()
        self.repo, self._say = repo, say
        self._api = HfApi(library_name="synthgen", library_version=synthgen.__version__)

    # -- reads --------------------------------------------------------------------------------------------------------

    def head(self, revision: str = "main") -> str:
        """Return the commit a revision stands for. Raises SynthgenError if there is none."""
        info = self._call(f"reading {revision}", lambda: self._api.dataset_info(self.repo, revision=revision))
        return str(info.sha)

    def exists(self) -> bool:
        """Say whether the repository can be seen with this token."""
        return bool(self._call("looking it up", lambda: self._api.repo_exists(self.repo, repo_type="dataset")))

    def is_private(self) -> bool:
        """Say whether the repository is private."""
        return bool(self._call("reading its settings", lambda: self._api.dataset_info(self.repo)).private)

    def tree(self, revision: str) -> dict[str, Entry]:
        """Return every file of a revision, by path."""

        def read() -> dict[str, Entry]:
            found = {}
            for item in self._api.list_repo_tree(self.repo, recursive=True, revision=revision, repo_type="dataset"):
                if isinstance(item, huggingface_hub.RepoFile):
                    sha256 = item.lfs.sha256 if item.lfs else None
                    found[item.path] = Entry(item.path, item.size, item.blob_id, sha256)
            return found

        return self._call(f"listing the files of {revision}", read)

    def tags(self) -> dict[str, str]:
        """Return the commit of every tag, by name."""
        refs = self._call("listing its tags", lambda: self._api.list_repo_refs(self.repo, repo_type="dataset"))
        return {ref.name: ref.target_commit for ref in refs.tags}

    def pull_request(self, number: int) -> PullRequest:
        """Return the state of a pull request."""
        details = self._call(
            f"reading pull request {number}",
            lambda: self._api.get_discussion_details(self.repo, number, repo_type="dataset"),
        )
        return PullRequest(number, details.status, details.merge_commit_oid)

    def download(self, path: str, revision: str, folder: Path) -> Path:
        """Download a file of a revision to `folder/path`, going on where an earlier try stopped."""
        return Path(
            self._call(
                f"downloading {path}",
                lambda: self._api.hf_hub_download(
                    self.repo, path, revision=revision, repo_type="dataset", local_dir=folder
                ),
            )
        )

    # -- writes -------------------------------------------------------------------------------------------------------

    def create(self, private: bool) -> None:
        """Create the repository unless it is there."""
        self._call(
            "creating the repository",
            lambda: self._api.create_repo(self.repo, repo_type="dataset", private=private, exist_ok=True),
        )

    def open_pull_request(self, title: str, text: str) -> PullRequest:
        """Open a pull request on main; `title` must be one that no other has, for it finds it after a lost reply."""

        def settled() -> PullRequest | None:
            found = self._api.get_repo_discussions(self.repo, discussion_type="pull_request", repo_type="dataset")
            return next((self.pull_request(one.num) for one in found if one.title == title), None)

        def create() -> PullRequest:
            made = self._api.create_pull_request(self.repo, title, description=text, repo_type="dataset")
            return PullRequest(made.num, made.status, None)

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
            made = self._api.create_commit(
                self.repo,
                operations,
                commit_message=title,
                revision=revision,
                parent_commit=parent,
                repo_type="dataset",
            )
            return str(made.oid)

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
                self._api.change_discussion_status(self.repo, number, "open", repo_type="dataset")
            self._api.merge_pull_request(self.repo, number, repo_type="dataset")
            return True

        self._call(f"merging pull request {number}", send, settled)

    def close_pull_request(self, number: int, comment: str) -> None:
        """Close a pull request that is no longer wanted."""

        def settled() -> bool | None:
            return True if self.pull_request(number).status == "closed" else None

        def send() -> bool:
            self._api.change_discussion_status(self.repo, number, "closed", comment=comment, repo_type="dataset")
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
            self._api.create_tag(self.repo, tag=name, revision=commit, repo_type="dataset", exist_ok=False)
            return True

        if not settled():
            self._call(f"setting the tag {name}", send, settled)

    # -- trying -------------------------------------------------------------------------------------------------------

    def _call(self, what: str, call: Callable[[], T], settled: Callable[[], T | None] | None = None) -> T:
        """Return what `call` returns, trying again what may pass; `settled` re-reads the outcome of a write."""
        wait = FIRST_WAIT
        for left in reversed(range(TRIES)):
            try:
                return call()
            except FAILURES as error:
                failure = error
            status = status_of(failure)
            passing = _may_pass(failure, status, self._api.endpoint)
            if settled is not None and (passing or status in CONFLICTS):
                found = self._call(f"re-reading after {what}", settled)
                if found is not None:
                    return found
            if not passing or not left:
                raise self._told(what, failure, status, passing) from None
            pause = min(LONGEST_WAIT, _asked_wait(failure) or wait)
            self._say(f"{what}: {_short(failure, status)}; trying again in {pause:.1f} s")
            time.sleep(pause)
            wait *= 2
        raise AssertionError("the last try returns or raises")

    def _told(self, what: str, failure: BaseException, status: int | None, passing: bool) -> SynthgenError:
        """Return the error for people."""
        where = f"{self.repo}: {what}"
        short = _short(failure, status)
        if isinstance(failure, OfflineModeIsEnabled):
            return SynthgenError(f"{where}: the environment says HF_HUB_OFFLINE=1; unset it to reach the Hub")
        if passing:
            return SynthgenError(
                f"{where}: failed {TRIES} times, at last with: {short}; what is done is kept: "
                "run the same command again later"
            )
        if status == 401:
            return SynthgenError(
                f"{where}: the Hub does not know the token ({short}); run `hf auth login`, or set HF_TOKEN"
            )
        if status == 403:
            return SynthgenError(f"{where}: not allowed ({short}); use a token that may do this for {self.repo}")
        if isinstance(failure, RevisionNotFoundError):
            return SynthgenError(f"{where}: there is no such revision")
        if isinstance(failure, EntryNotFoundError):
            return SynthgenError(f"{where}: there is no such file in that revision")
        if isinstance(failure, RepositoryNotFoundError) or status == 404:
            return SynthgenError(
                f"{where}: no such dataset repository, or it is private and the token may not see it; "
                "check the name, and `hf auth whoami`"
            )
        if status in CONFLICTS:
            return Conflict(
                f"{where}: somebody else changed the repository meanwhile ({short}); nothing was overwritten; "
                "run the same command again"
            )
        return SynthgenError(f"{where}: {short}")


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and what caused it, at most ten."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and len(chain) < 10:
        chain.append(one)
        one = one.__cause__ or one.__context__
    return chain


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind an error of the client or its transfer library; None if there was no reply."""
    for one in _causes(error):
        response = getattr(one, "response", None)
        if response is not None:
            return int(response.status_code)
        found = re.search(r"\((\d{3}) [A-Z][A-Za-z ]+\)", str(one))
        if found:
            return int(found[1])
    return None


def _may_pass(error: BaseException, status: int | None, endpoint: str) -> bool:
    """Say whether the same call may succeed later.

    The Hub's own word on a request is final, but for some statuses. A storage host's is not: a new try gets new
    addresses, signed anew.
    """
    if any(isinstance(one, OfflineModeIsEnabled | HFValidationError | PermissionError) for one in _causes(error)):
        return False
    if isinstance(error, FileNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
        return False
    if status is not None and _is_of_the_hub(error, endpoint):
        return status in PASSING
    kinds = (httpx2.TransportError, OSError, RuntimeError, json.JSONDecodeError)
    return any(isinstance(one, kinds) for one in _causes(error))


def _is_of_the_hub(error: BaseException, endpoint: str) -> bool:
    """Say whether an error's reply came from the Hub itself, not from a storage host."""
    hosts = {
        httpx2.URL(str(r.request.url)).netloc for e in _causes(error) if (r := getattr(e, "response", None)) is not None
    }
    return httpx2.URL(endpoint).netloc in hosts


def _asked_wait(error: BaseException) -> float | None:
    """Return the seconds that a rate limit asks to wait."""
    for one in _causes(error):
        headers = getattr(getattr(one, "response", None), "headers", None)
        if headers:
            if headers.get("retry-after", "").isdigit():
                return float(headers["retry-after"])
            found = re.search(r"\bt=(\d+)", headers.get("ratelimit", ""))
            if found:
                return float(found[1]) + 1
    return None


def _short(error: BaseException, status: int | None) -> str:
    """Return one line on an error: no token, no address with a signature, no traceback."""
    if status is not None:
        message = next((m for one in _causes(error) if (m := getattr(one, "server_message", None))), "")
        text = f"status {status}" + (f", {message}" if message else "")
    else:
        deepest = _causes(error)[-1]
        text = f"{type(deepest).__name__}: {deepest}" if str(deepest) else type(deepest).__name__
    return clean(text)


def clean(text: str) -> str:
    """Return a text for people on one line, without the token and without the queries of addresses."""
    token = huggingface_hub.get_token()
    if token:
        text = text.replace(token, "***")
    text = re.sub(r"hf_[A-Za-z0-9]{6,}", "***", text)
    text = re.sub(r"(https?://[^\s?'\"]+)\?[^\s'\"]*", r"\1", text)
    return " ".join(text.split())[:300]
