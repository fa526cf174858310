"""Push: publish dataset folders so that a reader of `main` sees the old dataset or the whole new one, never a part.

1. Stage: Parquet copies and cards, checked, on this disk.
2. Send: commits of bounded size into a pull request, each on a known parent; manifest and card are in the last.
3. Verify: the listing of the pull request has every file with its SHA-256, and no other data file.
4. Publish: merging the pull request is the one act that shows; the merged commit is read and verified again.
5. Tag: the merged commit, so that it can be pinned.

A killed push goes on from its journal and the pull request's listing. If main moves meanwhile, nothing is published.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from synthgen.errors import SynthgenError
from synthgen.folder import locked, told_of_a_full_disk
from synthgen.hub.compare import faults_of, missing_of, prefix_of, published_manifest, same_file
from synthgen.hub.journal import Journal
from synthgen.hub.remote import Conflict, Entry, Remote
from synthgen.hub.staging import FORMATS, WORK, LocalFile, Staged, configs_of, digest_of, root_card, stage
from synthgen.manifest import FILE, Manifest, parse_manifest
from synthgen.shards import write_whole

BATCH_BYTES = 5 << 30
"""Bytes of a commit: what a kill may cost to send again."""

BATCH_FILES = 50
"""Files of a commit; the Hub advises at most 50 to 100."""

KEPT = (".gitattributes", ".gitignore", "README.md")
"""Files of a repository that are no dataset."""


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


def push(
    folders: Sequence[str | Path],
    repo: str,
    *,
    container: str = "parquet",
    configs: Sequence[str] = (),
    dry_run: bool = False,
    private: bool = False,
    tag: str | None = None,
    replace: bool = False,
    licence: str = "cc0-1.0",
    pictures: bool = True,
    batch_bytes: int = BATCH_BYTES,
    say: Callable[[str], None] = lambda text: None,
    on_rows: Callable[[int], None] | None = None,
) -> Pushed:
    """Publish dataset folders as the configs of one dataset repository; resume a push that was killed.

    Raises SynthgenError for what a person must decide or mend, Conflict if somebody else wrote to the repository, and
    CheckFailed for data that is not what it says; in all these cases main is as it was.
    """
    if container not in FORMATS:
        raise SynthgenError(f"--format {container!r}: choose one of {', '.join(FORMATS)}")
    if batch_bytes < 1:
        raise SynthgenError(f"--batch-bytes {batch_bytes}: must be at least 1")
    remote = Remote(repo, say)
    chosen = configs_of([Path(folder) for folder in folders], configs)
    digest = digest_of(chosen, container)
    tag = tag or f"data-{digest[:12]}"
    with contextlib.ExitStack() as locks:
        for folder in chosen.values():
            with told_of_a_full_disk(folder):
                (folder / WORK).mkdir(exist_ok=True)
            locks.enter_context(locked(folder / WORK, None, "pushing from"))
        if not dry_run and (there := _published(remote, chosen, container)):
            remote.tag(tag, there)
            _tidy(chosen, container, repo)
            return Pushed(repo, tag, there, 0, 0, 0, [], "already published")
        staged = []
        for config, folder in chosen.items():
            say(f"staging {folder} ({container}), and checking the copy")
            staged.append(stage(folder, config, container, repo, tag, licence, pictures, on_rows))
        if dry_run:
            return _plan(repo, tag, staged, batch_bytes)
        work = next(iter(chosen.values())) / WORK
        done = _Push(remote, staged, work, digest, tag, private, replace, batch_bytes, say).run()
        _tidy(chosen, container, repo)
        return done


def _plan(repo: str, tag: str, staged: Sequence[Staged], batch_bytes: int) -> Pushed:
    """Return what a push to a new repository would send."""
    batches = _batches([file for one in staged for file in one.shards()], batch_bytes)
    files = [file for one in staged for file in (*one.shards(), *one.papers())]
    size = sum(file.bytes for file in files)
    return Pushed(repo, tag, "", len(files), size, len(batches) + 1, [file.path for file in files], "dry run")


def _published(remote: Remote, folders: Mapping[str, Path], container: str) -> str | None:
    """Return the commit of main if it holds these data already, whole; nothing need be staged to know."""
    if not remote.exists():
        return None
    commit = remote.head()
    tree = remote.tree(commit)
    for config, folder in folders.items():
        prefix, ours = prefix_of(config), Manifest.read(folder)
        if prefix + FILE not in tree:
            return None
        with TemporaryDirectory() as temporary:
            there = published_manifest(remote, config, commit, tree, Path(temporary))
        same = (there.content_id, there.container) == (ours.content_id, container)
        if not same or _values(there) != _values(ours) or faults_of(there, prefix, tree):
            return None
    return commit


def _values(manifest: Manifest) -> list[tuple[str, str]]:
    return [(Path(shard.path).stem, shard.content) for shard in manifest.shards]


def _journal_path(work: Path, repo: str) -> Path:
    return work / f"{repo.replace('/', '--')}.json"


def _tidy(folders: Mapping[str, Path], container: str, repo: str) -> None:
    """Remove what a finished push leaves behind; journals of pushes to other repositories stay."""
    for folder in folders.values():
        work = folder / WORK
        for part in (work / container, work / "base"):
            if part.is_dir():
                shutil.rmtree(part)
        for file in (_journal_path(work, repo), work / "README.md"):
            file.unlink(missing_ok=True)
        if [path.name for path in work.iterdir()] == ["lock"]:
            shutil.rmtree(work)


@dataclass
class _Push:
    """One run of a push."""

    remote: Remote
    staged: list[Staged]
    work: Path
    digest: str
    tag: str
    private: bool
    replace: bool
    batch_bytes: int
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        self.repo = self.remote.repo
        self.path = _journal_path(self.work, self.repo)
        self.sent: list[str] = []
        self.commits = 0

    def run(self) -> Pushed:
        """Send, verify, publish, tag."""
        self._prepare_repository()
        journal = Journal.load(self.path)
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
        journal = journal or Journal(secrets.token_hex(8), self.repo, self.digest, self.tag, base)
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

    def _drop(self, journal: Journal, comment: str) -> None:
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
        return parse_manifest(file.read_text("utf-8"), f"{self.repo}: {prefix}{FILE}")

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
                strange = [path for path in tree if self._is_ours(path, one) and path not in KEPT]
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
        papers = [file for one in self.staged for file in one.papers()]
        if any(one.prefix for one in self.staged):
            there = ""
            if "README.md" in tree:
                there = self.remote.download("README.md", base, self.work / "base" / base[:12]).read_text("utf-8")
            target = self.work / "README.md"
            write_whole(target, root_card(self.repo, there, self.staged))
            papers.append(LocalFile.of("README.md", target))
        return shards + papers

    # -- sending --------------------------------------------------------------------------------------------------

    def _send(self, journal: Journal, tree: Mapping[str, Entry], files: list[LocalFile], doomed: list[str]) -> None:
        """Commit what the pull request does not have yet; open it if there is none."""
        if journal.pull_request is None:
            request = self.remote.open_pull_request(
                f"synthgen push {journal.push}",
                f"Data made by synthgen, staged file by file; `{journal.tag}` when it is merged.",
            )
            journal.pull_request, journal.head = request.number, self.remote.head(request.revision)
            journal.save(self.path)
        revision = f"refs/pr/{journal.pull_request}"
        there = self.remote.tree(revision)
        known = {file.path: file for file in files}
        for path, entry in there.items():
            expected = same_file(known[path], entry) if path in known else False
            if not expected and (path not in tree or tree[path].blob_id != entry.blob_id):
                raise Conflict(
                    f"{self.repo}: pull request {journal.pull_request} has {path}, which this push did not send; "
                    "nothing is published: close the pull request and push again"
                )
        journal.head = self.remote.head(revision)
        data = {shard for one in self.staged for shard in (one.prefix + s.path for s in one.manifest.shards)}
        missing = missing_of(files, there)
        batches = _batches([file for file in missing if file.path in data], self.batch_bytes)
        last = [file for file in missing if file.path not in data]
        gone = [path for path in doomed if path in there]
        for number, batch in enumerate(batches, 1):
            size = sum(file.bytes for file in batch)
            self.say(f"sending {len(batch)} files, {size / 1e6:,.1f} MB (batch {number} of {len(batches)})")
            self._commit(journal, f"synthgen: shards, batch of {len(batch)}", batch, [])
        if last or gone:
            self.say("sending card and manifest")
            self._commit(journal, "synthgen: card and manifest", last, gone)

    def _commit(self, journal: Journal, title: str, added: list[LocalFile], deleted: list[str]) -> None:
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

    def _publish(self, journal: Journal, files: list[LocalFile]) -> Pushed:
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
            there = self._manifest(one.prefix, tree, commit)
            faults = ["no manifest"] if there is None else faults_of(there, one.prefix, tree)
            if faults:
                raise Conflict(
                    f"{self.repo}: the published commit {commit[:12]} is not whole: {faults[0]}; tell its owner"
                )
        self.remote.tag(self.tag, commit)
        files = [file for one in self.staged for file in (*one.shards(), *one.papers())]
        size = sum(file.bytes for file in files)
        return Pushed(self.repo, self.tag, commit, len(files), size, self.commits, self.sent, "published")


def _content(manifest: Manifest) -> list[tuple[str, str, str]]:
    """Return what says whether two manifests are of the same data in the same files."""
    return [(manifest.content_id, shard.path, shard.content) for shard in manifest.shards]


def _batches(files: list[LocalFile], batch_bytes: int) -> list[list[LocalFile]]:
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
