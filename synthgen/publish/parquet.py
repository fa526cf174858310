"""The published form: a dataset folder's rows as Parquet, in a folder of the same layout with a manifest of its own.

Row groups stay below 100 MB, pages are indexed for the Hub's viewer, and their edges depend on the content, so that a
later version shares most of its bytes with this one. The values are the same, and so are their content hashes: shard i
of the copy holds the rows of shard i of the source, which is proved while it is written.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from synthgen.dataset.folder import explaining_a_full_disk, is_made, write_assets
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.manifest_table import ShardTable
from synthgen.dataset.readme import short_readme
from synthgen.dataset.shards import Shard, read_batches, write_shard
from synthgen.errors import CheckFailed
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.task.files import write_whole
from synthgen.task.foreign import Unreadable, read_bytes, read_json


def to_parquet(folder: Path, out: Path, on_rows: Callable[[int], None] | None = None) -> Manifest:
    """Copy a dataset folder to `out` with Parquet shards, or what is missing of the copy; return its manifest.

    The manifest is written last. Raises CheckFailed if a shard's values are not those that the source's manifest
    states, and SynthgenError for an unreadable folder or a full disk.
    """
    source, records = Manifest.read(folder), out / "shards"
    rows = Source(load_spec(folder / "spec.toml"))
    with explaining_a_full_disk(out):
        for part in (out / "data", records):
            part.mkdir(parents=True, exist_ok=True)
        shards = []
        for shard in source.shards:
            record = records / f"{Path(shard.path).stem}.json"
            copied = _copy_shard(folder, out, shard, record, rows.task().component_field)
            shards.append(copied)
            if on_rows:
                on_rows(copied.rows)
        manifest = replace(source, container="parquet", shards=shards)
        copy_definition(folder, out)
        write_whole(out / "README.md", short_readme(manifest, rows.schema_with(manifest.columns), rows.task()))
        manifest.write(out)
    return manifest


def copy_definition(folder: Path, out: Path) -> None:
    """Copy what defines the rows: `spec.toml` and the files it names, and none that merely lie beside them."""
    write_whole(out / "spec.toml", read_bytes(folder / "spec.toml"))
    if (out / "assets").is_dir():
        shutil.rmtree(out / "assets")
    write_assets(out, load_spec(folder / "spec.toml"), out)


def _known(record: Path) -> Shard | None:
    """Return what was written down of a copy; None if nothing was or it is damaged, for then it is copied anew."""
    try:
        table: ShardTable | None = read_json(record, ShardTable) if record.exists() else None
    except Unreadable:
        return None
    return table.shard() if table else None


def _copy_shard(folder: Path, out: Path, shard: Shard, record: Path, component_field: str) -> Shard:
    """Write one shard as Parquet, unless its record says that it is there already."""
    path = str(Path(shard.path).with_suffix(".parquet"))
    known = _known(record)
    if known is not None and (known.path, known.content) == (path, shard.content) and is_made(out, known):
        return known
    batches = read_batches(folder / shard.path)
    first = next(batches)
    rows = itertools.chain([first], batches)
    copied = write_shard(rows, first.schema, out / path, path, shard.split, component_field, scratch=record.parent)
    if copied.content != shard.content:
        (out / path).unlink()
        raise CheckFailed(
            f"{folder / shard.path}: its values are not those its manifest states, so it is not copied; "
            f"see `synthgen check {folder}`"
        )
    write_whole(record, json.dumps(copied.to_json()))
    return copied
