"""Holding what a folder's manifest states against what the spec alone gives, and against the files that are there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from synthgen.dataset.finding import Finding
from synthgen.dataset.folder import asset_paths
from synthgen.dataset.manifest import Manifest
from synthgen.errors import SynthgenError
from synthgen.exact.bits import ends_of, stated_bits
from synthgen.exact.entropy import text_entry
from synthgen.spec.source import Source
from synthgen.spec.spec import Spec
from synthgen.task.foreign import read_text
from synthgen.version import __version__


def check_identity(manifest: Manifest, spec: Spec) -> Finding:
    """Hold the content id against the spec's, in the version of the task that made the rows."""
    then, now, stated = manifest.task_version, spec.task_class.version, manifest.identity.get("task_version")
    content_id = spec.content_id_in(then)
    if then > now:
        detail = (
            f"version {then} of task {spec.task!r} made the rows, and this is version {now}: install a later synthgen"
        )
    elif then < 1:
        detail = f"versions.task is {then}, and versions begin at 1"
    elif stated != then:
        detail = f"identity.task_version is {stated!r}, and versions.task {then}"
    elif content_id != manifest.content_id:
        detail = f"spec.toml gives {content_id[:16]}, the manifest {manifest.content_id[:16]}"
    else:
        return Finding("content id", "spec.toml", True, content_id[:16])
    return Finding("content id", "spec.toml", False, detail)


def check_manifest(folder: Path, manifest: Manifest, source: Source) -> Finding:
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
    """Return whether entropies are held against each other by their ends alone, see `entropy_difference`.

    So it is where one is from a sample, for which there may be another certificate here, or from another version.
    """
    sampled = any(book.get("level", 1) < 1 for entropy in (stated, now) for book in entropy["books"].values())
    texts = [entropy.get("text", {}).get("level", 1) < 1 for entropy in (stated, now)]
    return sampled or any(texts) or manifest.versions["synthgen"] != __version__


def _difference(stated: Any, derived: Any, field: str) -> str:
    """Return the first field in which a manifest is not as derived, or "". Numbers may differ in the last digits."""
    if field in ("versions.synthgen", "versions.task", "identity.task_version", "content_id"):
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


def check_files(folder: Path, manifest: Manifest, spec: Spec) -> Iterator[Finding]:
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


def entropy_difference(source: Source, name: str, stated: Any) -> str:
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
