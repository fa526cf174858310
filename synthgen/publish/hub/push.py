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
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from synthgen.dataset.folder import explaining_a_full_disk, locked
from synthgen.dataset.manifest import FILE, Manifest
from synthgen.errors import SynthgenError
from synthgen.publish.hub.compare import faults_of, prefix_of, published_manifest
from synthgen.publish.hub.push_journal import journal_path
from synthgen.publish.hub.push_model import is_model, push_model
from synthgen.publish.hub.remote import Remote
from synthgen.publish.hub.sending import BATCH_BYTES, Pushed, Sending, cut_into_batches
from synthgen.publish.hub.staging import FORMATS, WORK, Staged, configs_of, digest_of, stage
from synthgen.publish.licence import check_licence, check_texts

TAG = re.compile(r"[A-Za-z0-9_]+([./-][A-Za-z0-9_]+)*")
"""What git takes for a tag's name, and no more."""


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
    """Publish dataset folders as the configs of one dataset repository, or a model; resume a push that was killed.

    A folder that `synthgen export` wrote goes to a model repository as it is, its card included.

    Raises SynthgenError for what a person must decide or mend, Conflict if somebody else wrote to the repository, and
    CheckFailed for data that is not what it says; in all these cases main is as it was.
    """
    if container not in FORMATS:
        raise SynthgenError(f"--format {container!r}: choose one of {', '.join(FORMATS)}")
    if batch_bytes < 1:
        raise SynthgenError(f"--batch-bytes {batch_bytes}: must be at least 1")
    if tag is not None and not TAG.fullmatch(tag):
        raise SynthgenError(f"--tag {tag!r}: use letters, digits and _, joined by single '-', '.' or '/'")
    check_licence(licence)
    if models := [folder for folder in folders if is_model(Path(folder))]:
        if len(folders) > 1 or configs or container != "parquet":
            raise SynthgenError(f"{models[0]}: is a model; push it alone, without --config and --format")
        return push_model(Path(models[0]), repo, dry_run, private, tag, replace, batch_bytes, say)
    remote = Remote(repo, say)
    chosen = configs_of([Path(folder) for folder in folders], configs)
    check_texts(chosen.values())
    digest = digest_of(chosen, container)
    tag = tag or f"data-{digest[:12]}"
    with contextlib.ExitStack() as locks:
        for folder in chosen.values():
            with explaining_a_full_disk(folder):
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
        done = Sending(remote, staged, work, digest, tag, private, replace, batch_bytes, say).run()
        _tidy(chosen, container, repo)
        return done


def _plan(repo: str, tag: str, staged: Sequence[Staged], batch_bytes: int) -> Pushed:
    """Return what a push to a new repository would send."""
    batches = cut_into_batches([file for one in staged for file in one.shards()], batch_bytes)
    files = [file for one in staged for file in (*one.shards(), *one.other_files())]
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


def _tidy(folders: Mapping[str, Path], container: str, repo: str) -> None:
    """Remove what a finished push leaves behind; journals of pushes to other repositories stay."""
    for folder in folders.values():
        work = folder / WORK
        for part in (work / container, work / "base"):
            if part.is_dir():
                shutil.rmtree(part)
        for file in (journal_path(work, repo), work / "README.md"):
            file.unlink(missing_ok=True)
        if [path.name for path in work.iterdir()] == ["lock"]:
            shutil.rmtree(work)
