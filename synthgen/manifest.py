"""Manifests: what a dataset folder holds, written last, and never about when, where or by how many it was made."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from synthgen.errors import SynthgenError
from synthgen.shards import Shard, write_whole

if TYPE_CHECKING:
    import datasets

FILE = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """The contents of `manifest.json`."""

    content_id: str
    identity: Mapping[str, Any]  # what the content id hashes
    spec: Mapping[str, Any]  # resolved; its name under "name"
    versions: Mapping[str, Any]
    container: str
    columns: list[str]
    vocab: Mapping[str, Any] | None
    splits: Mapping[str, Mapping[str, Any]]  # rows, complete, split_by, params, entropy (as `synthgen entropy --json`)
    shards: list[Shard] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The spec's name."""
        return str(self.spec["name"])

    @property
    def totals(self) -> dict[str, Any]:
        """Rows, bytes and bits over all shards, and the bits of the world."""
        books = list(dict.fromkeys(book for shard in self.shards for book in shard.bits))
        return {
            "rows": sum(shard.rows for shard in self.shards),
            "bytes": sum(shard.bytes for shard in self.shards),
            "bits": {book: math.fsum(shard.bits.get(book, 0.0) for shard in self.shards) for book in books},
        }

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `manifest.json` holds."""
        return {
            "format": FORMAT,
            "name": self.name,
            "content_id": self.content_id,
            "identity": dict(self.identity),
            "versions": dict(self.versions),
            "spec": dict(self.spec),
            "container": self.container,
            "columns": self.columns,
            "vocab": self.vocab,
            "splits": dict(self.splits),
            "totals": self.totals,
            "shards": [shard.to_json() for shard in self.shards],
        }

    def write(self, folder: Path) -> None:
        """Write `manifest.json`, whole or not at all."""
        write_whole(folder / FILE, json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read a folder's manifest. Raises SynthgenError if it is missing, truncated or not one."""
        path = folder / FILE
        if not folder.is_dir():
            raise SynthgenError(f"{folder}: no such folder")
        if not path.is_file():
            hint = (
                "; it is unfinished: run the same `synthgen generate` again" if (folder / ".synthgen").is_dir() else ""
            )
            raise SynthgenError(f"{folder}: no {FILE}, so this is no finished dataset{hint}")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise SynthgenError(f"{path}: cannot be read: {error}") from None
        return parse_manifest(text, str(path))


def parse_manifest(text: str, origin: str) -> Manifest:
    """Return the manifest in a text. Raises SynthgenError if it is truncated or not one; `origin` says whose it is."""
    try:
        table = json.loads(text)
        if table["format"] != FORMAT:
            raise SynthgenError(f"{origin}: format {table['format']!r} is of another synthgen; this one reads {FORMAT}")
        shards = [_read_shard(shard, origin) for shard in table["shards"]]
        names = ("content_id", "identity", "spec", "versions", "container", "columns", "vocab", "splits")
        manifest = Manifest(**{name: table[name] for name in names}, shards=shards)
        _ = manifest.name, manifest.totals, [split["rows"] for split in manifest.splits.values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise SynthgenError(
            f"{origin}: truncated or no manifest of synthgen ({reason}); make the dataset again"
        ) from None
    return manifest


def _read_shard(table: Mapping[str, Any], origin: str) -> Shard:
    shard = Shard(**table)
    path = PurePosixPath(shard.path)
    if path.is_absolute() or ".." in path.parts or path.parts[:1] != ("data",):
        raise SynthgenError(f"{origin}: shard path {shard.path!r} leads outside of data/")
    if not all(isinstance(v, kind) for v, kind in ((shard.rows, int), (shard.bytes, int), (shard.sha256, str))):
        raise TypeError(f"shard {shard.path!r} is malformed")
    return shard


def open_folder(folder: str | Path) -> datasets.DatasetDict:
    """Return a `datasets.DatasetDict` over a dataset folder's Arrow shards: mapped into memory, nothing copied.

    Raises SynthgenError if the folder has no readable manifest. Parquet shards are for `datasets.load_dataset`.
    """
    import datasets

    folder = Path(folder)
    manifest = Manifest.read(folder)
    splits: dict[str, list[Any]] = {}
    for shard in manifest.shards:
        if not shard.path.endswith(".arrow"):
            raise SynthgenError(f"{folder}: {shard.path} is not Arrow; open it with datasets.load_dataset")
        splits.setdefault(shard.split, []).append(datasets.Dataset.from_file(str(folder / shard.path)))
    return datasets.DatasetDict({name: datasets.concatenate_datasets(parts) for name, parts in splits.items()})
