"""Checking: read a dataset folder back and re-derive everything from the files alone.

On all rows: hashes, schema, possible values, counts, ids, the sums of bits, the agreement of ledger and formula, rows
shared between splits. On a sample: the task's verifier, which works from what a reader has and shares nothing with the
generator. On a larger sample: the same rows made anew from the spec, every column compared (see `remaking`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from synthgen.dataset.check_manifest import check_files, check_identity, check_manifest, entropy_difference
from synthgen.dataset.containers import container_of
from synthgen.dataset.finding import Finding
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.overlap import Contents, check_overlap
from synthgen.dataset.remaking import Remaking
from synthgen.dataset.shards import Shard, Summary, read_batches
from synthgen.dataset.trust import trusted_fields
from synthgen.errors import SynthgenError
from synthgen.exact.entropy import Book, disagreement
from synthgen.spec.certify import differences
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.task.contract import Certificate
from synthgen.task.files import file_sha256
from synthgen.task.verdict import UNREADABLE

REDERIVED_ROWS = 10_000
"""Rows of a split whose text is re-derived, where the user does not say how many."""

TRUST_ROWS = 16
"""Rows of a split on which it is found out what readers take on trust."""


@dataclass
class _Split:
    """What a pass over a split's shards gathers."""

    remaking: Remaking
    rows: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    squares: dict[str, float] = field(default_factory=dict)
    greatest: float = 0.0  # bits of a row
    trusted: list[str] = field(default_factory=list)  # fields that neither readers nor rows made anew say anything of
    faults: list[str] = field(default_factory=list)  # of the sampled rows
    checked: int = 0
    readable: bool = True
    contents: Contents = field(default_factory=Contents)
    certificate: Certificate | None = None


def check_folder(
    folder: str | Path, sample: float | None = None, on_rows: Callable[[int], None] | None = None
) -> list[Finding]:
    """Check a dataset folder; return one finding a check, in order. It is sound if all are ok.

    `sample` is the share of each split's rows that are re-derived and made anew (default: 10,000 rows are re-derived
    and 65,536 made anew; it lowers the second only if it is 0). Raises SynthgenError if the folder has no readable
    manifest or spec.
    """
    folder = Path(folder)
    if sample is not None and not 0 <= sample <= 1:
        raise SynthgenError(f"--sample {sample}: give a share between 0 and 1")
    manifest = Manifest.read(folder)
    spec = load_spec(folder / "spec.toml").named(manifest.name)
    source = Source(spec)
    if manifest.columns != source.check_columns(manifest.columns):
        raise SynthgenError(f"{folder / 'manifest.json'}: columns {manifest.columns} are not in order")
    findings = [
        check_identity(manifest, spec),
        check_manifest(folder, manifest, source),
        *check_files(folder, manifest, spec),
    ]
    splits: dict[str, _Split] = {}
    for name, stated in manifest.splits.items():
        whole = set(source.schema.names) <= set(manifest.columns)
        obstacle = _other_version(manifest, source) or source.task(name).without_rows
        remaking = Remaking(source, name, stated["rows"], sample, obstacle)
        certificate = source.task(name).certificate(stated["rows"]) if whole else None
        split = splits[name] = _Split(remaking, certificate=certificate)
        stride = _stride(stated["rows"], sample)
        for shard in (shard for shard in manifest.shards if shard.split == name):
            findings += _check_shard(folder, source, manifest, shard, split, stride, on_rows or (lambda rows: None))
        findings += _check_split(source, name, stated, split, stride, "bits" in manifest.columns)
    contents = {name: split.contents for name, split in splits.items() if split.readable}
    return [*findings, *check_overlap(contents, source)]


def _other_version(manifest: Manifest, source: Source) -> str:
    """Return why the rows cannot be made anew, if another version of their task made them."""
    then, now = manifest.task_version, source.spec.task_class.version
    return "" if then == now else f"they are of version {then} of task {source.spec.task!r}, and this is version {now}"


def _stride(rows: int, sample: float | None) -> int:
    """Return k such that every k-th row is re-derived; 0 for none."""
    if sample == 0:
        return 0
    return max(1, math.ceil(rows / REDERIVED_ROWS) if sample is None else math.floor(1 / sample))


def _check_shard(
    folder: Path,
    source: Source,
    manifest: Manifest,
    shard: Shard,
    split: _Split,
    stride: int,
    on_rows: Callable[[int], None],
) -> Iterator[Finding]:
    path = folder / shard.path
    if not path.is_file():
        split.readable = False
        yield Finding("file", shard.path, False, "is missing; run the same `synthgen generate` again")
        return
    size, digest = path.stat().st_size, file_sha256(path)
    if size != shard.bytes or digest != shard.sha256:
        split.readable = False
        what = f"has {size:,} bytes, not {shard.bytes:,}" if size != shard.bytes else "was changed: its SHA-256 differs"
        yield Finding("hash", shard.path, False, f"{what}; run the same `synthgen generate` again with --verify")
        return
    yield Finding("hash", shard.path, True, digest[:16])
    wanted = source.schema_with(manifest.columns)
    if manifest.columns != wanted.names:
        wanted = pa.schema([wanted.field(name) for name in manifest.columns])
    summary, first, fault = Summary(wanted, source.task().component_field), split.rows, ""
    place = range(first, first + shard.rows)
    try:
        if container_of(path).name != manifest.container:
            raise SynthgenError(f"it is {container_of(path).name}, and the manifest says {manifest.container}")
        for batch in read_batches(path):
            if not batch.schema.equals(wanted):
                raise SynthgenError("its columns are not those of the spec")
            split.remaking.add(batch, split.rows, place, shard.sha256)
            summary.add(batch)
            _gather(batch, source, shard.split, split, stride, full=set(source.schema.names) <= set(manifest.columns))
            on_rows(batch.num_rows)
    except SynthgenError as error:
        split.readable = False
        fault = str(error).removeprefix(f"{path}: ").splitlines()[0]
    except (pa.ArrowException, MemoryError, *UNREADABLE) as error:  # what a task's code makes of values that are none
        split.readable = False
        fault = f"its values cannot be read: {type(error).__name__}: {error}".splitlines()[0]
    yield Finding("schema", shard.path, not fault, fault or f"{len(wanted.names)} columns")
    if fault:
        return
    rows = split.rows - first
    yield Finding("rows", shard.path, rows == shard.rows, f"{rows:,} of {shard.rows:,}")
    yield Finding("content hash", shard.path, summary.content == shard.content, summary.content[:16])
    total = summary.bits.get("total", 0.0)
    detail = "unknown" if total is None else f"{total:,.4f} bits"
    yield Finding("bits", shard.path, summary.bits == dict(shard.bits), detail)
    if summary.sizes or shard.sizes:
        detail = ", ".join(f"{size:,}" for size in summary.sizes.values())
        yield Finding("component sizes", shard.path, summary.sizes == dict(shard.sizes), detail)


def _gather(batch: pa.RecordBatch, source: Source, name: str, split: _Split, stride: int, full: bool) -> None:
    """Add a batch to what is known of its split: ids, bits, fingerprints, and the verdicts on the sampled rows."""
    start, rows = split.rows, batch.num_rows
    split.rows += rows
    if "id" in batch.schema.names and not np.array_equal(batch.column("id").to_numpy(), np.arange(start, start + rows)):
        split.faults.append(f"ids of rows {start:,} to {start + rows:,} are not in order")
    if "bits" in batch.schema.names:
        for book in (f.name for f in batch.schema.field("bits").type):
            column = batch.column("bits").field(book)
            if column.null_count and book not in ("total", *source.task(name).uncounted):
                raise SynthgenError(f"bits.{book} is empty in {column.null_count:,} places")
            values = column.drop_null().to_numpy()
            split.sums[book] = split.sums.get(book, 0.0) + math.fsum(values)
            split.squares[book] = split.squares.get(book, 0.0) + math.fsum(values * values)
        totals = batch.column("bits").field("total").drop_null().to_numpy()
        split.greatest = max(split.greatest, float(totals.max(initial=0.0)))
    if split.certificate is not None:
        split.certificate.add(batch)
    split.contents.add(batch, source.task(name), start)
    if start == 0 and split.remaking.obstacle:
        first = batch.slice(0, TRUST_ROWS).to_pylist() if stride and full else []
        split.trusted = trusted_fields(source, name, first) if first else batch.schema.names
    if stride and full:
        for index in range(-start % stride, rows, stride):
            verdict = source.verify(batch.slice(index, 1).to_pylist()[0], split=name)
            split.checked += 1
            if not verdict.correct and len(split.faults) < 3:
                split.faults.append(f"row {start + index:,}: {verdict.reason}")


def check_certificates(folder: Path, part: int = 0) -> list[Finding]:
    """Draw a part of every certificate behind a dataset's bits again; `part` says which."""
    source = Source(load_spec(folder / "spec.toml"))
    return [Finding("certificate", *again) for again in differences(source, part)]


def _check_split(
    source: Source, name: str, stated: Any, split: _Split, stride: int, has_bits: bool
) -> Iterator[Finding]:
    if not split.readable:
        yield Finding("rows", name, False, "not all shards could be read")
        return
    yield Finding("rows", name, split.rows == stated["rows"], f"{split.rows:,} of {stated['rows']:,}")
    which = "all rows" if stride == 1 else f"every {stride}th row" if stride else "no row"
    detail = "; ".join(split.faults) or f"{split.checked:,} rows ({which}) re-derived"
    yield Finding("re-derived", name, not split.faults, detail)
    yield _remade(name, split)
    yield from _trusted_texts(source, name, stated, split)
    if has_bits:
        entropy = source.entropy(name, stated["rows"], estimates=False)
        books = {**entropy.books, "total": Book(entropy.booked)}
        likely = entropy.booked.high if math.isfinite(entropy.booked.high) else entropy.booked.value
        faults = disagreement(books, split.sums, split.squares, split.rows, max(split.greatest, likely))
        mean = split.sums["total"] / split.rows
        agreed = f"{mean:.4f} and {entropy.booked} bits a row" + (" (one row tells nothing)" * (split.rows == 1))
        if uncounted := source.task(name).uncounted:
            agreed = f"of every book but {', '.join(uncounted)}, which nobody can count"
        yield Finding("ledger = formula", name, not faults, "; ".join(faults) or agreed)
    if split.certificate is not None:
        for check, holds, figures in split.certificate.findings():
            yield Finding(check, name, holds, figures)
    try:
        entropy_changed = entropy_difference(source, name, stated)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        entropy_changed = f"the manifest's cannot be read: {type(error).__name__}: {error}"
    if entropy_changed:
        yield Finding("entropy", name, False, entropy_changed)


def _trusted_texts(source: Source, name: str, stated: Any, split: _Split) -> Iterator[Finding]:
    """Tell which rows are texts of others: no reader derives these, and their bits are unknown."""
    task = source.task(name)
    counts = task.component_rows(stated["rows"])
    for text in task.text_sources():
        rows = counts.get(text.component.partition(".")[0])
        which = f"{rows:,} of {stated['rows']:,} rows" if rows is not None else "rows"
        held = "held against its digest above" if not split.remaking.obstacle else "and not held against its digest"
        detail = f"{text.component}: {which}: texts of {text.origin}, and their bits; {held} ({text.digest[:16]})"
        yield Finding("taken on trust", name, True, detail)


def _remade(name: str, split: _Split) -> Finding:
    """Return what came of making rows anew; where none were, what else is taken on trust."""
    if not split.remaking.obstacle:
        return Finding("made anew", name, not split.remaking.faults, split.remaking.told())
    trusted = ", ".join(split.trusted) or "no field"
    return Finding("made anew", name, True, f"no row: {split.remaking.obstacle}; taken on trust: {trusted}")
