"""Sending: one run of a push into one repository, from what its journal and pull request say is there already."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthgen.dataset.manifest import FILE, Manifest, parse_manifest
from synthgen.errors import SynthgenError
from synthgen.publish.hub.compare import faults_of, missing_of
from synthgen.publish.hub.failures import Conflict
from synthgen.publish.hub.push_journal import PushJournal, journal_path
from synthgen.publish.hub.remote import Entry, Remote
from synthgen.publish.hub.staging import LocalFile, Staged, root_card
from synthgen.task.files import write_whole
from synthgen.task.foreign import read_text

BATCH_BYTES = 5 << 30
"""Bytes of a commit: what a kill may cost to send again."""

BATCH_FILES = 50
"""Files of a commit; the Hub advises at most 50 to 100."""

DATA = (".arrow", ".bin", ".csv", ".gz", ".json", ".jsonl", ".parquet", ".tar", ".tsv", ".zip", ".zst")
"""Endings of files that are somebody's data, wherever in a repository they lie."""


@dataclass(frozen=True)
class Pushed:
    """What a push did, or with `dry_run` would do."""

    repo: str
    tag: str
    commit: str  # the published commit; empty after a dry run
    files: int
    bytes: int
    commits: int  # that were, or would be, sent
    sent: list[str]  # paths sent by this run
    done: str  # published, already published, or dry run

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen push --json` prints."""
        return asdict(self)


@dataclass
class Sending:
    """One run of a push."""

    remote: Remote
    staged: list[Any]  # of `Staged`, or for a model what has the same files and prefix
    work: Path
    digest: str
    tag: str
    private: bool
    replace: bool
    batch_bytes: int
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        self.repo = self.remote.repo
        self.path = journal_path(self.work, self.repo)
        self.sent: list[str] = []
        self.commits = 0

    def run(self) -> Pushed:
        """Send, verify, publish, tag."""
        self._prepare_repository()
        journal = PushJournal.load(self.path)
        if journal is not None and (journal.digest, journal.tag, journal.repo) != (self.digest, self.tag, self.repo):
            self._drop(journal, "Another version is pushed in its place.")
            journal = None
        base = self.remote.head()
        if journal is not None and journal.pull_request is not None:
            request = self.remote.pull_request(journal.pull_request)
            if request.status == "merged":
                return self._finish(request.merged_as or base)
            if request.status == "closed" or journal.base != base:
                self.say("main has moved since this push began: starting again from there; files sent are known")
                self._drop(journal, "main has moved; the push goes on in another pull request.")
                journal = None
        tree = self.remote.tree(base)
        if journal is None:
            self._refuse_strangers(tree, base)
        self._check_tag()
        files = self._files(base, tree)
        doomed = [path for path in tree if self._is_ours(path) and path not in {file.path for file in files}]
        journal = journal or PushJournal(secrets.token_hex(8), self.repo, self.digest, self.tag, base)
        journal.save(self.path)
        self._send(journal, tree, files, doomed)
        self._verify(f"refs/pr/{journal.pull_request}", files)
        return self._publish(journal, files)

    # -- before ---------------------------------------------------------------------------------------------------

    def _prepare_repository(self) -> None:
        if not self.remote.exists():
            self.remote.create(self.private)
        elif self.private and not self.remote.is_private():
            raise SynthgenError(
                f"{self.repo}: is public; make it private in its settings first, or leave out --private"
            )

    def _drop(self, journal: PushJournal, comment: str) -> None:
        """Give up a pull request that an earlier push left open."""
        if journal.pull_request is not None:
            request = self.remote.pull_request(journal.pull_request)
            if request.status in ("open", "draft"):
                self.remote.close_pull_request(journal.pull_request, comment)
        self.path.unlink(missing_ok=True)

    def _manifest(self, prefix: str, tree: Mapping[str, Entry], revision: str) -> Manifest | None:
        """Return the manifest that a revision has under a prefix; None if there is none."""
        if prefix + FILE not in tree:
            return None
        file = self.remote.download(prefix + FILE, revision, self.work / "base" / revision[:12])
        return parse_manifest(read_text(file), f"{self.repo}: {prefix}{FILE}")

    def _refuse_strangers(self, tree: Mapping[str, Entry], revision: str) -> None:
        """Raise SynthgenError if publishing would put another dataset out of sight and nobody said so."""
        roots = {path.split("/")[0] for path in tree if path.endswith(f"/{FILE}") and path.count("/") == 1}
        named = [one.config for one in self.staged if one.prefix]
        if not named and roots:
            raise SynthgenError(
                f"{self.repo}: holds the configs {', '.join(sorted(roots))}; name one for this dataset with --config"
            )
        if named and FILE in tree:
            raise SynthgenError(f"{self.repo}: holds one dataset without configs; push to another repository")
        if self.replace:
            return
        for one in self.staged:
            there = self._manifest(one.prefix, tree, revision)
            if there is None:
                strange = [path for path in tree if self._is_ours(path, one) or _is_data(path, tree)]
                if strange:
                    raise SynthgenError(
                        f"{self.repo}: holds other files ({', '.join(strange[:3])}); push to another repository, or "
                        "replace them with --replace"
                    )
            elif not set(_content(there)) <= set(_content(one.manifest)):
                raise SynthgenError(
                    f"{self.repo}: holds another dataset or version as {one.config!r} (content id "
                    f"{there.content_id[:16]}, {there.totals['rows']:,} rows); put this one in its place with "
                    "--replace (the old one stays under its tag), or push it elsewhere"
                )

    def _is_ours(self, path: str, one: Staged | None = None) -> bool:
        """Say whether a path lies where the pushed configs keep their files."""
        for staged in [one] if one else self.staged:
            if staged.prefix and path.startswith(staged.prefix):
                return True
            if not staged.prefix and (
                path.split("/")[0] in ("data", "assets", "pictures") or path in ("spec.toml", FILE)
            ):
                return True
        return False

    def _check_tag(self) -> None:
        there = self.remote.tags().get(self.tag)
        if there is not None:
            raise SynthgenError(
                f"{self.repo}: has a tag {self.tag} already, on {there[:12]}; choose another with --tag"
            )

    def _files(self, base: str, tree: Mapping[str, Entry]) -> list[LocalFile]:
        """Return all files the published revision must have: shards, then the rest, manifests and the card last."""
        shards = [file for one in self.staged for file in one.shards()]
        others = [file for one in self.staged for file in one.other_files()]
        if any(one.prefix for one in self.staged):
            there = ""
            if "README.md" in tree:
                there = read_text(self.remote.download("README.md", base, self.work / "base" / base[:12]))
            target = self.work / "README.md"
            write_whole(target, root_card(self.repo, there, self.staged))
            others.append(LocalFile.of("README.md", target))
        return shards + others

    # -- sending --------------------------------------------------------------------------------------------------

    def _send(self, journal: PushJournal, tree: Mapping[str, Entry], files: list[LocalFile], doomed: list[str]) -> None:
        """Commit what the pull request does not have yet; open it if there is none."""
        if journal.pull_request is None:
            request = self.remote.open_pull_request(
                f"synthgen push {journal.push}",
                f"Made by synthgen, staged file by file; `{journal.tag}` when it is merged.",
            )
            journal.pull_request, journal.head = request.number, self.remote.head(request.revision)
            journal.save(self.path)
        revision = f"refs/pr/{journal.pull_request}"
        there = self.remote.tree(revision)
        known = {file.path for file in files}  # those that differ are sent again
        for path, entry in there.items():
            if path not in known and (path not in tree or tree[path].blob_id != entry.blob_id):
                raise Conflict(
                    f"{self.repo}: pull request {journal.pull_request} has {path}, which this push did not send; "
                    "nothing is published: close the pull request and push again"
                )
        journal.head = self.remote.head(revision)
        data = {file.path for one in self.staged for file in one.shards()}
        missing = missing_of(files, there)
        batches = cut_into_batches([file for file in missing if file.path in data], self.batch_bytes)
        last = [file for file in missing if file.path not in data]
        gone = [path for path in doomed if path in there]
        for number, batch in enumerate(batches, 1):
            size = sum(file.bytes for file in batch)
            self.say(f"sending {len(batch)} files, {size / 1e6:,.1f} MB (batch {number} of {len(batches)})")
            self._commit(journal, f"synthgen: shards, batch of {len(batch)}", batch, [])
        if last or gone:
            self.say("sending card and manifest")
            self._commit(journal, "synthgen: card and manifest", last, gone)

    def _commit(self, journal: PushJournal, title: str, added: list[LocalFile], deleted: list[str]) -> None:
        revision = f"refs/pr/{journal.pull_request}"

        def is_there() -> bool:
            tree = self.remote.tree(revision)
            return not missing_of(added, tree) and not any(path in tree for path in deleted)

        pairs = [(file.path, file.source) for file in added]
        journal.head = self.remote.commit(revision, journal.head, title, pairs, deleted, is_there)
        journal.done += [file.path for file in added]
        journal.save(self.path)
        self.sent += [file.path for file in added]
        self.commits += 1

    def _verify(self, revision: str, files: list[LocalFile]) -> None:
        """Raise SynthgenError unless a revision has every file with its hash, and no other data of these configs."""
        tree = self.remote.tree(revision)
        wrong = [file.path for file in missing_of(files, tree)]
        names = {file.path for file in files}
        wrong += [path for path in tree if self._is_ours(path) and path not in names]
        if wrong:
            raise Conflict(
                f"{self.repo}: {revision} does not hold what was sent ({', '.join(wrong[:3])}); "
                "run the same command again"
            )

    # -- publishing -----------------------------------------------------------------------------------------------

    def _publish(self, journal: PushJournal, files: list[LocalFile]) -> Pushed:
        """Merge, if main is where the push began.

        What changes main in the last instant either conflicts with the merge, since every push writes README.md, and
        the Hub refuses; or it touches other files, and stays.
        """
        assert journal.pull_request is not None
        if self.remote.head() != journal.base:
            raise Conflict(
                f"{self.repo}: somebody else changed main during this push; nothing was published or overwritten: "
                "look at what changed, then run the same command again (files sent are not sent again)"
            )
        self.say("everything is there with the right hashes: merging")
        self.remote.merge(journal.pull_request)
        merged = self.remote.pull_request(journal.pull_request).merged_as or self.remote.head()
        self._verify(merged, files)
        return self._finish(merged)

    def _finish(self, commit: str) -> Pushed:
        """See that the published commit is whole, and tag it."""
        tree = self.remote.tree(commit)
        for one in self.staged:
            if faults := self._faults(one, tree, commit):
                raise Conflict(
                    f"{self.repo}: the published commit {commit[:12]} is not whole: {faults[0]}; tell its owner"
                )
        self.remote.tag(self.tag, commit)
        files = [file for one in self.staged for file in (*one.shards(), *one.other_files())]
        size = sum(file.bytes for file in files)
        return Pushed(self.repo, self.tag, commit, len(files), size, self.commits, self.sent, "published")

    def _faults(self, one: Any, tree: Mapping[str, Entry], commit: str) -> list[str]:
        """Return what is not whole of a published config, a sentence each."""
        there = self._manifest(one.prefix, tree, commit)
        return ["no manifest"] if there is None else faults_of(there, one.prefix, tree)


def _is_data(path: str, tree: Mapping[str, Entry]) -> bool:
    """Say whether a file is data, and not of another config of synthgen's."""
    return path.endswith(DATA) and f"{path.split('/')[0]}/{FILE}" not in tree


def _content(manifest: Manifest) -> list[tuple[str, str, str]]:
    """Return what says whether two manifests are of the same data in the same files."""
    return [(manifest.content_id, shard.path, shard.content) for shard in manifest.shards]


def cut_into_batches(files: list[LocalFile], batch_bytes: int) -> list[list[LocalFile]]:
    """Cut files into commits of at most `batch_bytes` bytes (or one file) and 50 files."""
    batches: list[list[LocalFile]] = []
    size = 0
    for file in files:
        if not batches or len(batches[-1]) == BATCH_FILES or size + file.bytes > batch_bytes:
            batches.append([])
            size = 0
        batches[-1].append(file)
        size += file.bytes
    return batches
