"""Manifests: what a dataset folder holds, written last, and never about when, where or by how many it was made."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen.dataset.containers import container_of
from synthgen.dataset.manifest_table import EntropyTable, Numbered, Table
from synthgen.dataset.shards import Shard, map_batches
from synthgen.errors import DISTRIBUTION, SynthgenError
from synthgen.exact.bits import stated_bits
from synthgen.exact.entropy import text_entry
from synthgen.exact.notebook import html_table
from synthgen.spec.source import Source
from synthgen.spec.spec import check_split_labels, split_label
from synthgen.task.files import exists, write_whole
from synthgen.task.foreign import Unreadable, json_of, read_bytes, read_text, shaped
from synthgen.version import __version__

if TYPE_CHECKING:
    import datasets

FILE = "manifest.json"
FORMAT = 1
VERSION = r"[0-9]+(\.[0-9a-z]+){1,4}"
"""What a version of synthgen looks like."""


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        splits = ", ".join(f"{name} {split['rows']:,}" for name, split in self.splits.items())
        return f"<Manifest of {self.name}: {splits} rows in {len(self.shards):,} shards; {self.content_id}>"

    def _repr_html_(self) -> str:
        rows = [(n, split["rows"], stated_bits(text_entry(self.entropy(n)))) for n, split in self.splits.items()]
        note = f"{self.container} in {len(self.shards):,} shards; content id {self.content_id}"
        return html_table(self.name, ("split", "rows", "bits of a row's text"), rows, note)

    @property
    def name(self) -> str:
        """The spec's name."""
        return str(self.spec["name"])

    @property
    def task_version(self) -> int:
        """The version of the task that made the rows."""
        return int(self.versions["task"])

    def entropy(self, split: str) -> Mapping[str, Any]:
        """Return the entropy that is stated of a split. Raises SynthgenError for one that cannot be shown."""
        stated: Mapping[str, Any] = self.splits[split]["entropy"]
        where = f"{FILE} of {self.name}: splits.{split}.entropy"
        shaped(EntropyTable, stated, where, "run the same `synthgen generate` again with --verify")
        return stated

    def mean_bits(self, split: str) -> float | None:
        """Return the bits a row that its shards hold, on average; None where those of some row are unknown."""
        booked = _summed(shard.bits.get("total", 0.0) for shard in self.shards if shard.split == split)
        return None if booked is None else booked / float(self.splits[split]["rows"])

    @property
    def totals(self) -> dict[str, Any]:
        """Rows, bytes and bits over all shards, and the bits of the world."""
        books = list(dict.fromkeys(book for shard in self.shards for book in shard.bits))
        sizes = self.component_sizes
        return {
            "rows": sum(shard.rows for shard in self.shards),
            "bytes": sum(shard.bytes for shard in self.shards),
            "bits": {book: _summed(shard.bits.get(book, 0.0) for shard in self.shards) for book in books},
            **({"component_sizes": sizes} if sizes else {}),
        }

    @property
    def component_sizes(self) -> dict[str, dict[str, int]]:
        """Of a mixture: tokens (or characters of text) that each component has in each split, counted in the files."""
        totals: dict[str, dict[str, int]] = {}
        for split, entry in self.splits.items():
            names = list(entry.get("component_rows") or ())
            shard_sizes = [shard.sizes for shard in self.shards if shard.split == split and shard.sizes]
            if names and shard_sizes:
                totals[split] = {
                    name: sum(sizes.get(str(number), 0) for sizes in shard_sizes) for number, name in enumerate(names)
                }
        return totals

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

    def text(self) -> str:
        """Return what `manifest.json` holds, to the byte; its last field, `seal`, is a hash of the others."""
        table = self.to_json()
        seal = hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
        return json.dumps({**table, "seal": seal}, indent=1, ensure_ascii=False) + "\n"

    def is_unchanged(self, folder: Path) -> bool:
        """Say whether `manifest.json`, from which this was read, is to the byte what was written."""
        return read_bytes(folder / FILE) == self.text().encode()

    def write(self, folder: Path, scratch: Path | None = None) -> None:
        """Write `manifest.json`, whole or not at all, by way of a file in `scratch`."""
        write_whole(folder / FILE, self.text(), scratch)

    @classmethod
    def describe(
        cls,
        source: Source,
        sizes: Mapping[str, tuple[int, int]],
        columns: Sequence[str],
        container: str,
        shards: list[Shard],
        others: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Manifest:
        """Return the manifest of splits of `source` in `sizes` (rows, shards); `others` are entries of other splits.

        All but the shards is derived from the spec alone, so that `check` can hold a manifest against it.
        """
        spec, splits = source.spec, dict(others or {})
        for name, (rows, count) in sizes.items():
            limit, components = source.rows_max(name), source.task(name).component_rows(rows)
            splits[name] = {
                "rows": rows,
                "shards": count,
                "complete": None if limit is None else rows == limit,
                "split_by": str(source.task(name).split_by),
                "params": spec.splits[name].params if name in spec.splits else {},
                "entropy": source.entropy(name, rows, estimates=False).to_json(),
                **({"component_rows": dict(components)} if components else {}),
            }
        return cls(
            content_id=spec.content_id,
            identity=spec.identity,
            spec={"name": spec.name, **spec.resolved(splits)},
            versions={"synthgen": __version__, "task": spec.task_class.version},
            container=container,
            columns=list(columns),
            vocab=source.vocab.to_json() if source.vocab else None,
            splits=splits,
            shards=shards,
        )

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read a folder's manifest. Raises SynthgenError if it is missing, truncated or not one."""
        path = folder / FILE
        if not (exists(folder) and folder.is_dir()):
            raise SynthgenError(f"{folder}: no such folder")
        if not path.is_file():
            hint = (
                "; it is unfinished: run the same `synthgen generate` again" if (folder / ".synthgen").is_dir() else ""
            )
            raise SynthgenError(f"{folder}: no {FILE}, so this is no finished dataset{hint}")
        return parse_manifest(read_text(path), str(path))


def parse_manifest(text: str, origin: str) -> Manifest:
    """Return the manifest in a text. Raises SynthgenError if it is truncated or not one; `origin` says whose it is."""
    try:
        stated = json_of(text, "")
        begun: Numbered = shaped(Numbered, stated, "")
        if begun.format != FORMAT:
            raise SynthgenError(f"{origin}: {_other_format(begun)}")
        table: Table = shaped(Table, stated, "")
    except Unreadable as error:
        raise SynthgenError(
            f"{origin}: truncated or no manifest of synthgen ({str(error).removeprefix(': ')}); run the same "
            "`synthgen generate` again with --verify"
        ) from None
    shards = [shard.shard() for shard in table.shards]
    fields = {name: value for name, value in dict(table).items() if name not in ("format", "name", "totals")}
    return Manifest(**{**fields, "splits": {n: s.entry() for n, s in table.splits.items()}, "shards": shards})


def _summed(bits: Iterable[float | None]) -> float | None:
    """Return the sum; None where a part of it is unknown."""
    parts = list(bits)
    known = [part for part in parts if part is not None]
    return math.fsum(known) if len(known) == len(parts) else None


def _other_format(begun: Numbered) -> str:
    """Return why a manifest of another format cannot be read, and which version of synthgen reads it."""
    newer = type(begun.format) is int and begun.format > FORMAT
    writer = begun.versions.get("synthgen") if isinstance(begun.versions, Mapping) else None
    if not newer or not isinstance(writer, str) or not re.fullmatch(VERSION, writer):
        return f"format {begun.format!r} is none that synthgen {__version__} reads; it reads format {FORMAT}"
    return (
        f"format {begun.format} was written by synthgen {writer}, and this is {__version__}, which reads format "
        f"{FORMAT}; install that version or a later one: pip install -U '{DISTRIBUTION}>={writer}'"
    )


def open_folder(folder: str | Path) -> datasets.DatasetDict:
    """Return a `datasets.DatasetDict` over a dataset folder's Arrow shards: mapped into memory, nothing copied.

    Splits are called as `datasets.load_dataset` calls them: `a-b` is `a_b`. Raises SynthgenError if the folder has no
    readable manifest, or shards that are not what it says. Parquet shards are for `datasets.load_dataset`;
    see `docs/tables.md`.
    """
    import datasets
    import pyarrow as pa

    folder = Path(folder)
    manifest = Manifest.read(folder)
    check_split_labels(manifest.splits, str(folder))
    splits: dict[str, list[Any]] = {}
    for shard in manifest.shards:
        if not shard.path.endswith(".arrow"):
            raise SynthgenError(f"{folder}: {shard.path} is not Arrow; open it with datasets.load_dataset")
        try:
            part = _opened(folder / shard.path, shard.content)
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise SynthgenError(f"{folder}: {shard.path} cannot be opened: {reason}; see `synthgen check`") from None
        if part.column_names != manifest.columns or part.num_rows != shard.rows:
            raise SynthgenError(f"{folder}: {shard.path} is not what the manifest says; see `synthgen check`")
        others = splits.setdefault(split_label(shard.split), [])
        if others and part.features != others[0].features:
            raise SynthgenError(f"{folder}: {shard.path} has other columns than the rest; see `synthgen check`")
        others.append(part)
    return datasets.DatasetDict({name: datasets.concatenate_datasets(parts) for name, parts in splits.items()})


def _opened(path: Path, content: str) -> datasets.Dataset:
    """Return an Arrow shard as a dataset, mapped. `datasets` maps streams alone, so an Arrow file is mapped here.

    Its content hash is the fingerprint; without one, `datasets` would take a hash over all that is mapped.
    """
    import datasets
    import pyarrow as pa

    if container_of(path).name == "arrow":
        return datasets.Dataset.from_file(str(path))
    return datasets.Dataset(pa.Table.from_batches(map_batches(path)), fingerprint=content[:16])
