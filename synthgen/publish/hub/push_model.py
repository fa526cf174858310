"""Push of a model: the folder that `synthgen export` wrote, as it is, in the way data goes: whole or not at all.

Its `synthgen.json` has the hash of every file but the card, which people may write on; the rest is as it was exported.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from synthgen.dataset.folder import explaining_a_full_disk, locked
from synthgen.errors import CheckFailed, SynthgenError
from synthgen.publish.hub.compare import missing_of
from synthgen.publish.hub.push_journal import journal_path
from synthgen.publish.hub.remote import Entry, Remote
from synthgen.publish.hub.sending import Pushed, Sending, cut_into_batches
from synthgen.publish.hub.staging import WORK, LocalFile
from synthgen.task.files import file_sha256, is_file
from synthgen.task.foreign import read_json

STATED, CARD = "synthgen.json", "README.md"
"""What says that a folder is an exported model (`synthgen.train.export`), and its card."""

NOBODYS = (".gitattributes", CARD)
"""Files that a repository may have before anything was pushed."""


class _Stated(BaseModel):
    """What is read of `synthgen.json`."""

    architecture: str
    files: dict[str, str]


def is_model(folder: Path) -> bool:
    """Say whether a folder is a model that was exported."""
    return is_file(folder / STATED) and is_file(folder / "config.json")


@dataclass(frozen=True)
class StagedModel:
    """An exported model, checked: its files, and the place in the repository, which is the root."""

    folder: Path
    files: Mapping[str, str]  # path -> SHA-256
    config: str = "default"
    prefix: str = ""

    @classmethod
    def of(cls, folder: Path) -> StagedModel:
        """Read an exported folder. Raises CheckFailed for a file that is not what was exported."""
        stated: _Stated = read_json(folder / STATED, _Stated, "export the run again")
        for name, sha256 in stated.files.items():
            if not is_file(folder / name):
                raise CheckFailed(f"{folder / name}: is missing; export the run again")
            if file_sha256(folder / name) != sha256:
                raise CheckFailed(f"{folder / name}: is not what was exported; export the run again")
        return cls(folder, stated.files)

    def _file(self, name: str) -> LocalFile:
        return LocalFile.of(name, self.folder / name, self.files.get(name, ""))

    def shards(self) -> list[LocalFile]:
        """Return the weights."""
        return [self._file(name) for name in self.files if name.endswith(".safetensors")]

    def other_files(self) -> list[LocalFile]:
        """Return the other files, what says that it is a model last."""
        others = [name for name in self.files if not name.endswith(".safetensors")]
        return [self._file(name) for name in [*others, CARD, STATED]]


@dataclass
class ModelSending(Sending):
    """One run of a push of a model."""

    def _refuse_strangers(self, tree: Mapping[str, Entry], revision: str) -> None:
        """Raise SynthgenError if publishing would put another model out of sight and nobody said so."""
        others = sorted(path for path in tree if path not in NOBODYS)
        if self.replace or not others:
            return
        if STATED not in tree:
            raise SynthgenError(
                f"{self.repo}: holds other files ({', '.join(others[:3])}); push to another repository, or replace "
                "them with --replace"
            )
        if self._stated(revision).files != dict(self.staged[0].files):
            raise SynthgenError(
                f"{self.repo}: holds another model; put this one in its place with --replace (the old one stays under "
                "its tag), or push it elsewhere"
            )

    def _stated(self, revision: str) -> _Stated:
        file = self.remote.download(STATED, revision, self.work / "base" / revision[:12])
        stated: _Stated = read_json(file, _Stated, "push to another repository")
        return stated

    def _is_ours(self, path: str, one: Any = None) -> bool:
        return path not in NOBODYS

    def _faults(self, one: Any, tree: Mapping[str, Entry], commit: str) -> list[str]:
        missing = missing_of([*one.shards(), *one.other_files()], tree)
        return [f"{file.path} is missing, or another" for file in missing]


def push_model(
    folder: Path,
    repo: str,
    dry_run: bool,
    private: bool,
    tag: str | None,
    replace: bool,
    batch_bytes: int,
    say: Callable[[str], None],
) -> Pushed:
    """Publish an exported model as a model repository; see `synthgen.publish.hub.push`."""
    remote, work = Remote(repo, say, "model"), folder / WORK
    say(f"checking the files of {folder}")
    staged = StagedModel.of(folder)
    files = [*staged.shards(), *staged.other_files()]
    digest = hashlib.sha256(json.dumps([[file.path, file.sha256] for file in files]).encode()).hexdigest()
    tag = tag or f"model-{digest[:12]}"
    if dry_run:
        batches, size = cut_into_batches(staged.shards(), batch_bytes), sum(file.bytes for file in files)
        paths = [file.path for file in files]
        return Pushed(repo, tag, "", len(files), size, len(batches) + 1, paths, "dry run")
    with explaining_a_full_disk(folder):
        work.mkdir(exist_ok=True)
        with locked(work, None, "pushing from"):
            if there := _published(remote, files):
                remote.tag(tag, there)
                done = Pushed(repo, tag, there, 0, 0, 0, [], "already published")
            else:
                done = ModelSending(remote, [staged], work, digest, tag, private, replace, batch_bytes, say).run()
            journal_path(work, repo).unlink(missing_ok=True)
            shutil.rmtree(work / "base", ignore_errors=True)
        if [path.name for path in work.iterdir()] == ["lock"]:
            shutil.rmtree(work)
    return done


def _published(remote: Remote, files: list[LocalFile]) -> str | None:
    """Return the commit of main if it holds this model already, whole."""
    if not remote.exists():
        return None
    commit = remote.head()
    return None if missing_of(files, remote.tree(commit)) else commit
