"""The journal of an unfinished build: what is being built, and which shards are finished.

Every entry is a small file under a seal, its own SHA-256 together with the build's, so that a damaged entry, or one of
another build, is never believed: a shard whose entry is lost is made again, which costs a second and cannot be wrong.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field

from synthgen.dataset.containers import CONTAINERS
from synthgen.dataset.manifest_table import ShardTable
from synthgen.dataset.shards import Shard
from synthgen.spec.spec import SHARDS_MAX, SPLIT_NAME
from synthgen.task.files import file_sha256, write_whole
from synthgen.task.foreign import Unreadable, read_json, shaped

T = TypeVar("T")


class BuildJournal:
    """The entries below `DIR/.synthgen`; `build` is what they are about, as `Build.to_json` gives it."""

    def __init__(self, work: Path, build: Mapping[str, Any]) -> None:
        self._work, self._build = work, dict(build)
        self.token = _seal("build", self._build)
        """A hash of the build; entries with another one are not of this build."""

    def begin(self, name: str, spec: str) -> None:
        """Write down the build, its spec's name, and its spec as TOML."""
        _write(self._work, "spec.toml", spec)
        entry = {"name": name, "build": self._build, "spec": hashlib.sha256(spec.encode()).hexdigest()}
        _write(self._work, "build.json", _sealed("build.json", entry))

    def add(self, shard: Shard) -> None:
        """Write down a finished shard."""
        entry = _sealed(self.token, shard.to_json())
        _write(self._work, f"shards/{Path(shard.path).name}.json", entry)

    def shards(self) -> Iterator[Shard]:
        """Yield the finished shards of this build; says so on stderr where entries are damaged."""
        damaged = 0
        for file in sorted((self._work / "shards").glob("*.json")):
            entry = _unsealed(self.token, file, ShardTable)
            if entry is None:
                damaged += 1
            else:
                yield entry.shard()
        if damaged:
            print(f"synthgen: {damaged} journal entries are damaged; their shards are made again", file=sys.stderr)


class _Split(BaseModel):
    rows: int = Field(gt=0)
    shards: int = Field(gt=0, le=SHARDS_MAX)
    params: dict[str, Any]


class _Build(BaseModel):
    identity: dict[str, Any]
    container: str = Field(pattern=f"^({'|'.join(CONTAINERS)})$")
    columns: list[str] = Field(min_length=1)
    splits: dict[Annotated[str, Field(pattern=rf"^{SPLIT_NAME.pattern}$")], _Split] = Field(min_length=1)


class _Begun(BaseModel):
    """What `build.json` holds."""

    name: str
    build: _Build
    spec: str


def read_begun(work: Path) -> Mapping[str, Any] | None:
    """Return what `BuildJournal.begin` wrote: name, build, spec (a hash); None if it is missing or damaged."""
    entry = _unsealed("build.json", work / "build.json", _Begun)
    return None if entry is None else entry.model_dump()


def spec_is_sound(work: Path, begun: Mapping[str, Any]) -> bool:
    """Say whether `spec.toml` beside the journal is still the one that was written."""
    file = work / "spec.toml"
    return file.is_file() and file_sha256(file) == begun["spec"]


def _write(work: Path, name: str, text: str) -> None:
    write_whole(work / name, text, scratch=work / "tmp")


def _seal(kind: str, entry: Any) -> str:
    return hashlib.sha256(json.dumps([kind, entry], sort_keys=True).encode()).hexdigest()


def _sealed(kind: str, entry: Mapping[str, Any]) -> str:
    return json.dumps({"entry": entry, "seal": _seal(kind, entry)}) + "\n"


def _unsealed(kind: str, file: Path, shape: type[T]) -> T | None:
    """Return a file's entry, or None if there is none, it is damaged, under another seal, or nothing that we write."""
    try:
        table: dict[str, Any] = read_json(file, dict[str, Any])
        if table.get("seal") != _seal(kind, table.get("entry")):
            return None
        return shaped(shape, table["entry"], str(file))
    except Unreadable:
        return None
