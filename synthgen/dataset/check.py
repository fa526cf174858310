"""Checking: read a dataset folder back and re-derive everything from the files alone.

On all rows: hashes, schema, possible values, counts, ids, the sums of bits, the agreement of ledger and formula, rows
shared between splits. On a sample: the task's verifier, which works from what a reader has and shares nothing with the
generator. On a larger sample: the same rows made anew from the spec, every column compared (see `remaking`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tomli_w

from synthgen.dataset.folder import asset_paths
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.remaking import Remaking
from synthgen.dataset.shards import Shard, Summary, read_batches
from synthgen.dataset.trust import trusted_fields
from synthgen.errors import SynthgenError
from synthgen.exact.bits import ends_of, stated_bits
from synthgen.exact.entropy import Book, disagreement, text_entry
from synthgen.exact.jit import kernel
from synthgen.spec.certify import differences
from synthgen.spec.source import Source
from synthgen.spec.spec import Spec, load_spec
from synthgen.task.arrow import CONTENT_COLUMNS
from synthgen.task.contract import Certificate
from synthgen.task.files import file_sha256
from synthgen.task.foreign import read_text
from synthgen.task.verdict import UNREADABLE
from synthgen.version import __version__

REDERIVED_ROWS = 10_000
"""Rows of a split whose text is re-derived, where the user does not say how many."""

MERGE = 256
"""Batches whose people are merged at a time, so that memory grows with the people and not with the rows."""

TRUST_ROWS = 16
"""Rows of a split on which it is found out what readers take on trust."""

FINGERPRINT_ROWS = 1 << 26
"""Splits are compared row by row up to this many rows together; above, their first rows are."""


@dataclass(frozen=True)
class Finding:
    """The result of one check: what was looked at, whether it holds, and the figure or the fault."""

    check: str
    subject: str
    ok: bool
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen check --json` prints."""
        return asdict(self)


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
    fingerprints: list[np.ndarray] = field(default_factory=list)
    templates: list[np.ndarray] = field(default_factory=list)  # the first 64 bits of the templates' hashes
    certificate: Certificate | None = None
    subjects: list[np.ndarray] = field(default_factory=list)  # whom the rows are about, where splits divide them


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
        _check_identity(manifest, spec.content_id),
        _check_manifest(folder, manifest, source),
        *_check_files(folder, manifest, spec),
    ]
    splits: dict[str, _Split] = {}
    for name, stated in manifest.splits.items():
        whole = set(source.schema.names) <= set(manifest.columns)
        remaking = Remaking(source, name, stated["rows"], sample, _other_version(manifest, source))
        certificate = source.task(name).certificate(stated["rows"]) if whole else None
        split = splits[name] = _Split(remaking, certificate=certificate)
        stride = _stride(stated["rows"], sample)
        for shard in (shard for shard in manifest.shards if shard.split == name):
            findings += _check_shard(folder, source, manifest, shard, split, stride, on_rows or (lambda rows: None))
        findings += _check_split(source, name, stated, split, stride, "bits" in manifest.columns)
    return [*findings, *_check_overlap(splits, source), *_check_templates(splits, source)]


def _other_version(manifest: Manifest, source: Source) -> str:
    """Return why the rows cannot be made anew, if another version of their task made them."""
    then, now = manifest.identity.get("task_version"), source.spec.task_class.version
    return "" if then == now else f"they are of version {then} of task {source.spec.task!r}, and this is version {now}"


def _stride(rows: int, sample: float | None) -> int:
    """Return k such that every k-th row is re-derived; 0 for none."""
    if sample == 0:
        return 0
    return max(1, math.ceil(rows / REDERIVED_ROWS) if sample is None else math.floor(1 / sample))


def _check_identity(manifest: Manifest, content_id: str) -> Finding:
    same = content_id == manifest.content_id
    detail = content_id[:16] if same else f"spec.toml gives {content_id[:16]}, the manifest {manifest.content_id[:16]}"
    return Finding("content id", "spec.toml", same, detail)


def _check_manifest(folder: Path, manifest: Manifest, source: Source) -> Finding:
    """Hold the manifest against what the spec alone says of these splits, and both files against what was written."""
    try:
        sizes = {name: (split["rows"], split["shards"]) for name, split in manifest.splits.items()}
        derived = Manifest.describe(source, sizes, manifest.columns, manifest.container, manifest.shards)
        stated, wanted = manifest.to_json(), derived.to_json()
        for split in stated["splits"].keys() & wanted["splits"].keys():
            if _may_differ(stated["splits"][split]["entropy"], wanted["splits"][split]["entropy"], manifest):
                wanted["splits"][split] |= {"entropy": stated["splits"][split]["entropy"]}
        fault = _difference(stated, wanted, "")
        if not fault and not manifest.is_unchanged(folder):
            fault = "the file was changed: its seal differs"
        table = {key: value for key, value in manifest.spec.items() if key != "name"}
        if not fault and read_text(folder / "spec.toml") != tomli_w.dumps(table):
            fault = "spec.toml was changed: it is not what the manifest holds"
    except (SynthgenError, ValueError, TypeError, KeyError, AttributeError) as error:
        fault = f"cannot be derived: {type(error).__name__}: {error}".splitlines()[0]
    return Finding("manifest", "manifest.json", not fault, fault or "every field as the spec gives it")


def _may_differ(stated: Mapping[str, Any], now: Mapping[str, Any], manifest: Manifest) -> bool:
    """Return whether entropies are held against each other by their ends alone, see `_entropy_difference`.

    So it is where one is from a sample, for which there may be another certificate here, or from another version.
    """
    sampled = any(book.get("level", 1) < 1 for entropy in (stated, now) for book in entropy["books"].values())
    texts = [entropy.get("text", {}).get("level", 1) < 1 for entropy in (stated, now)]
    return sampled or any(texts) or manifest.versions["synthgen"] != __version__


def _difference(stated: Any, derived: Any, field: str) -> str:
    """Return the first field in which a manifest is not as derived, or "". Numbers may differ in the last digits."""
    if field == "versions.synthgen":
        return ""  # another version's data may be checked: its bytes are held against its own hashes
    if isinstance(stated, Mapping) and isinstance(derived, Mapping):
        for key in [*derived, *(key for key in stated if key not in derived)]:
            if fault := _difference(stated.get(key), derived.get(key), f"{field}.{key}".lstrip(".")):
                return fault
        return ""
    if isinstance(stated, list) and isinstance(derived, list) and len(stated) == len(derived):
        pairs = enumerate(zip(stated, derived, strict=True))
        return next((fault for i, (a, b) in pairs if (fault := _difference(a, b, f"{field}[{i}]"))), "")
    if isinstance(stated, float) and isinstance(derived, float) and math.isclose(stated, derived, rel_tol=1e-9):
        return ""
    return "" if stated == derived else f"{field} is {stated!r} and should be {derived!r}"


def _check_files(folder: Path, manifest: Manifest, spec: Spec) -> Iterator[Finding]:
    """See that the shards of every split are all listed, once, and that no other file lies among them."""
    listed = [shard.path for shard in manifest.shards]
    for name, stated in manifest.splits.items():
        present = sorted(path for path, shard in zip(listed, manifest.shards, strict=True) if shard.split == name)
        ending = Path(present[0]).suffix if present else ""
        count = stated["shards"]
        wanted = [f"data/{name}-{i:05d}-of-{count:05d}{ending}" for i in range(count)]
        yield Finding("shards listed", name, present == wanted, f"{len(present)} of {count}")
    for room, known in (("data", set(listed)), ("assets", set(asset_paths(spec)))):
        there = _files_in(folder, room)
        if there or room == "data":
            strange = sorted(there - known)
            yield Finding("no other file", f"{room}/", not strange, ", ".join(strange[:3]) or f"{len(there)} files")


def _files_in(folder: Path, room: str) -> set[str]:
    """Return what lies below a folder's folder: files, and links, behind which there may be a folder of them."""
    entries = (folder / room).rglob("*")
    return {path.relative_to(folder).as_posix() for path in entries if path.is_symlink() or not path.is_dir()}


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
    yield Finding("bits", shard.path, summary.bits == dict(shard.bits), f"{summary.bits.get('total', 0.0):,.4f} bits")
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
            values = batch.column("bits").field(book).to_numpy()
            split.sums[book] = split.sums.get(book, 0.0) + math.fsum(values)
            split.squares[book] = split.squares.get(book, 0.0) + math.fsum(values * values)
        split.greatest = max(split.greatest, float(batch.column("bits").field("total").to_numpy().max()))
    if start < FINGERPRINT_ROWS:
        split.fingerprints.append(_fingerprints(batch))
        template = source.task(name).template_field
        if "latent" in batch.schema.names and template:
            hashes = batch.column("latent").field(template).to_pylist()
            split.templates.append(np.array([int(text[:16], 16) for text in hashes], np.uint64))
    if split.certificate is not None:
        split.certificate.add(batch)
    subjects = source.task(name).subjects(batch) if "latent" in batch.schema.names else None
    if subjects is not None:
        split.subjects.append(np.unique(subjects))
        if len(split.subjects) == MERGE:
            split.subjects = [np.unique(np.concatenate(split.subjects))]
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
    if has_bits:
        entropy = source.entropy(name, stated["rows"], estimates=False)
        books = {**entropy.books, "total": Book(entropy.booked)}
        likely = entropy.booked.high if math.isfinite(entropy.booked.high) else entropy.booked.value
        faults = disagreement(books, split.sums, split.squares, split.rows, max(split.greatest, likely))
        mean = split.sums["total"] / split.rows
        agreed = f"{mean:.4f} and {entropy.booked} bits a row" + (" (one row tells nothing)" * (split.rows == 1))
        yield Finding("ledger = formula", name, not faults, "; ".join(faults) or agreed)
    if split.certificate is not None:
        for check, holds, figures in split.certificate.findings():
            yield Finding(check, name, holds, figures)
    try:
        entropy_changed = _entropy_difference(source, name, stated)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        entropy_changed = f"the manifest's cannot be read: {type(error).__name__}: {error}"
    if entropy_changed:
        yield Finding("entropy", name, False, entropy_changed)


def _remade(name: str, split: _Split) -> Finding:
    """Return what came of making rows anew; where none were, what else is taken on trust."""
    if not split.remaking.obstacle:
        return Finding("made anew", name, not split.remaking.faults, split.remaking.told())
    trusted = ", ".join(split.trusted) or "no field"
    return Finding("made anew", name, True, f"no row: {split.remaking.obstacle}; taken on trust: {trusted}")


def _entropy_difference(source: Source, name: str, stated: Any) -> str:
    """Return how the stated bits of a row contradict the formulas: exact ones are equal, others have common ends."""
    entropy, then = source.entropy(name, stated["rows"], estimates=False), text_entry(stated["entropy"])
    pairs = [(then, entropy.text.to_json())]
    if "text" in stated["entropy"]:  # else by version 0.1.0, where the figure below may be the text's upper end
        pairs.append(({"bits": stated["entropy"]["bits"], "status": "exact"}, entropy.booked.to_json()))
    for one, other in pairs:
        (low, high), (least, most) = ends_of(one), ends_of(other)
        slack = 1e-9 * max(1.0, abs(low))
        if not (low <= most + slack and least <= high + slack):
            return f"the manifest states {stated_bits(one)} bits a row, the formulas give {stated_bits(other)}"
    return ""


def _check_overlap(splits: dict[str, _Split], source: Source) -> Iterator[Finding]:
    """Count rows that stand in two splits, by a 64-bit fingerprint of their content, and people asked about in two."""
    readable = {name: split for name, split in splits.items() if split.readable}
    names = [name for name, split in readable.items() if split.fingerprints]
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            by, apart = source.task(a).split_by, source.task(a).apart(source.task(b))
            hidden = source.entropy(
                a, estimates=False
            ).hidden  # then two rows may be alike, and not what they are about
            one, two = (np.concatenate(readable[name].fingerprints) for name in (a, b))
            shared, bound = int(np.isin(one, two).sum()), apart and not hidden
            detail = f"{shared:,} (split by {by}){'; must be 0' if bound else ''}"
            yield Finding("shared rows", f"{a}, {b}", not bound or shared == 0, detail)
            if readable[a].subjects and readable[b].subjects:
                one, two = (np.unique(np.concatenate(readable[name].subjects)) for name in (a, b))
                both = np.intersect1d(one, two, assume_unique=True)
                which = f", such as {by} {both[0]}" if both.size else ""
                detail = f"{both.size:,} of {one.size:,} and {two.size:,}{which}{'; must be 0' if apart else ''}"
                yield Finding(f"shared by {by}", f"{a}, {b}", not apart or both.size == 0, detail)


def _check_templates(splits: dict[str, _Split], source: Source) -> Iterator[Finding]:
    """Count the templates of one split that another has too; splits of two different halves must share none."""
    templates = {
        name: np.unique(np.concatenate(s.templates)) for name, s in splits.items() if s.readable and s.templates
    }
    names = list(templates)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            shared = np.intersect1d(templates[a], templates[b], assume_unique=True).size
            halves = source.task(a).template_half, source.task(b).template_half
            apart = "" not in halves and halves[0] != halves[1]
            detail = f"{shared:,} of {templates[a].size:,} and {templates[b].size:,}{'; must be 0' if apart else ''}"
            yield Finding("shared templates", f"{a}, {b}", shared == 0 or not apart, detail)


def _fingerprints(batch: pa.RecordBatch) -> np.ndarray:
    """Return a 64-bit hash of each row's content columns, (rows,) uint64."""
    prints = np.zeros(batch.num_rows, np.uint64)
    for name in CONTENT_COLUMNS:
        if name in batch.schema.names:
            column = batch.column(name)
            width = 1 if pa.types.is_string(column.type) else column.type.value_type.byte_width
            buffers = column.buffers()
            offsets = np.frombuffer(buffers[1], np.int32)[column.offset : column.offset + len(column) + 1]
            data = buffers[-1]
            raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
            _mix(raw, offsets.astype(np.int64) * width, prints)
    return prints


@kernel
def _mix(data, offsets, prints):
    """Fold the bytes of each row into its fingerprint (FNV-1a, then a finaliser)."""
    for row in range(prints.size):
        word = prints[row] ^ np.uint64(0xCBF29CE484222325)
        for i in range(offsets[row], offsets[row + 1]):
            word = (word ^ np.uint64(data[i])) * np.uint64(0x100000001B3)
        word ^= word >> np.uint64(32)
        prints[row] = word * np.uint64(0x9E3779B97F4A7C15)
