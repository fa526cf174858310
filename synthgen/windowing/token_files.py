"""Token files: a split as one flat string of token ids, for trainers that map files of numbers.

    synthgen generate cfg3f --format bin --out data/cfg3f-bin        # train.bin, train.json, test.bin, test.json

Rows stand in their own order, each behind its marker, as the packing `chop` has it. `bin` (nanoGPT) is the bare ids,
little-endian uint16 (uint32 if the vocabulary needs it); `llmc` has llm.c's header of 256 int32 before them; `megatron`
and `datatrove` say beside them where rows end (`token_indices`). Where only a part is trained on, SPLIT.mask.bin (of
datatrove, SPLIT.ds.loss) holds one byte a token: whether there is a loss where this token is the target. The sidecar
SPLIT.json has the dtype, the vocabulary, exact counts and SHA-256 digests; it is written last.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.spec.spec import Spec, load_spec, with_splits
from synthgen.task.files import is_file, sync_folder, write_whole
from synthgen.task.foreign import read_json
from synthgen.windowing.blocks import LaneSettings, block_rows
from synthgen.windowing.spec_rows import SpecRows
from synthgen.windowing.token_indices import DATATROVE, MEGATRON, index_files, token_dtype

FORMATS = ("bin", "llmc", MEGATRON, DATATROVE)

ENDINGS = {DATATROVE: (".ds", ".ds.loss")}
"""What the files of ids and of masks end with, where it is not as in the rest."""

HEADERS = {"uint16": (20240520, 1), "uint32": (20240801, 7)}
"""Magic number and version of llm.c's files, by dtype (its GPT-2 and its Llama 3 form)."""

HEADER_WORDS = 256
LLMC_TOKENS = 2**31 - 1
"""The header counts tokens in an int32."""


def write_bins(
    spec: str | Path | Spec,
    out: str | Path,
    *,
    format: str = "bin",
    splits: Sequence[str] | None = None,
    rows: int | None = None,
    verify: bool = False,
    on_rows: Callable[[int], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Write the splits of a spec as token files into a folder; return their sidecars, by split.

    A split whose sidecar says the same, with files of the sizes that it states, is left as it is; a lost or cut file
    is made anew, and with `verify` one whose bytes are not those that were written. Raises SynthgenError for text
    without a tokenizer, and for a folder with another dataset's files.
    """
    loaded, chosen = with_splits(load_spec(spec), splits or ())
    if format not in FORMATS:
        raise SynthgenError(f"--format {format!r}: choose one of {', '.join(FORMATS)}")
    if rows is not None and rows < 1:
        raise SynthgenError(f"--rows {rows}: must be at least 1")
    source, folder = Source(loaded), Path(out)
    names = list(dict.fromkeys(chosen or source.splits))
    if not names:
        raise SynthgenError(f"{loaded.name} names no splits: say which with --split NAME --rows N")
    if folder.exists() and not folder.is_dir():
        raise SynthgenError(f"{folder}: is a file; name a folder")
    sidecars = {}
    for name in names:
        split = loaded.splits.get(name)
        number = rows or (split.rows if split else None) or source.rows_max(name)
        if number is None:
            raise SynthgenError(f"split {name!r} of {loaded.name} has no size: say how many rows with --rows N")
        sidecars[name] = _write(source, name, number, folder, format, verify, on_rows or (lambda _: None))
    return sidecars


def _write(
    source: Source,
    split: str,
    rows: int,
    folder: Path,
    format: str,
    verify: bool,
    on_rows: Callable[[int], None],
) -> dict[str, Any]:
    """Write one split's files, unless they are there."""
    token_rows = SpecRows(source, split, rows)
    recipe = token_rows.recipe.model_copy(update={"packing": "chop", "order": "sequential"})
    settings = LaneSettings(token_rows, recipe, block_rows(token_rows, recipe.context), recipe.loss)
    dtype = token_dtype(format, token_rows.vocab)
    stated: dict[str, Any] = {
        "format": format,
        "dtype": dtype.name,
        "header_bytes": HEADER_WORDS * 4 if format == "llmc" else 0,
        "content_id": source.spec.content_id,
        "split": split,
        "rows": rows,
        "recipe": recipe.model_dump(include={"loss", "separator"}),
        "vocab": token_rows.vocab.to_json(),
    }
    sidecar = folder / f"{split}.json"
    if sidecar.exists():
        there = _read(sidecar)
        different = [field for field, value in stated.items() if there.get(field) != value]
        if different:
            raise SynthgenError(
                f"{sidecar}: is of another dataset ({', '.join(different)} differ); name another folder"
            )
        if _are_made(folder, split, there) and (not verify or _is_sound(folder, split, there)):
            return there
        sidecar.unlink()  # what it says is not so; it is written last again
    folder.mkdir(parents=True, exist_ok=True)
    names = {kind: folder / name for kind, name in zip(("tokens", "mask"), _names(split, format), strict=True)}
    hashes = {kind: hashlib.sha256() for kind in names}
    total = trained = masked = 0
    ends = []
    temporary = {kind: path.with_name(f".{path.name}.{os.getpid()}") for kind, path in names.items()}
    try:
        with temporary["tokens"].open("wb") as tokens, temporary["mask"].open("wb") as mask:
            tokens.write(bytes(stated["header_bytes"]))
            for block in range(settings.blocks or 0):
                marked = settings.marked_rows(block)
                _put(tokens, marked.tokens.astype(dtype, copy=False), hashes["tokens"])
                _put(mask, marked.trained.view(np.uint8), hashes["mask"])
                ends.append(marked.starts[1:] + total)
                total += marked.tokens.size
                trained += int(marked.trained.sum())
                masked += int((~marked.trained).sum())
                on_rows(marked.numbers.size)
            if format == "llmc":
                _head(tokens, dtype, total, names["tokens"])
            for file in (tokens, mask):
                file.flush()
                os.fsync(file.fileno())
        temporary["tokens"].replace(names["tokens"])
        if masked:
            temporary["mask"].replace(names["mask"])
        else:
            names["mask"].unlink(missing_ok=True)  # of a run that never wrote its sidecar
        beside = index_files(format, split, np.concatenate(ends), dtype, masked > 0, source.spec.tokenizer)
        for name, content in beside.items():
            write_whole(folder / name, content)
        sync_folder(folder)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)
    stated |= {
        "tokens": total,
        "trained": trained,
        "masked": masked,
        "file": names["tokens"].name,
        "sha256": hashes["tokens"].hexdigest(),
        **({"mask_file": names["mask"].name, "mask_sha256": hashes["mask"].hexdigest()} if masked else {}),
    }
    if beside:
        stated["index_files"] = {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in beside.items()
        }
    write_whole(sidecar, json.dumps(stated, indent=1, ensure_ascii=False) + "\n")
    return stated


def _names(split: str, format: str) -> tuple[str, str]:
    """Return the names of a split's files of ids and of masks."""
    tokens, mask = ENDINGS.get(format, (".bin", ".mask.bin"))
    return split + tokens, split + mask


def _stated_files(split: str, sidecar: Mapping[str, Any]) -> list[tuple[str, int, int, str | None]]:
    """Return a split's files by its sidecar: name, bytes, bytes of the header, digest of what follows that.

    Raises KeyError or TypeError for a sidecar without its counts.
    """
    tokens, mask = _names(split, sidecar["format"])
    header, width = sidecar["header_bytes"], np.dtype(sidecar["dtype"]).itemsize
    files = [(tokens, header + sidecar["tokens"] * width, header, sidecar.get("sha256"))]
    if sidecar["masked"]:
        files.append((mask, sidecar["tokens"], 0, sidecar.get("mask_sha256")))
    indices = sidecar.get("index_files", {})
    return files + [(name, index["bytes"], 0, index["sha256"]) for name, index in indices.items()]


def _are_made(folder: Path, split: str, sidecar: Mapping[str, Any]) -> bool:
    """Say whether a split's files are there in the sizes that its sidecar states, as shards are taken for made."""
    try:
        files = _stated_files(split, sidecar)
    except (KeyError, TypeError):
        return False  # a sidecar without its counts tells nothing
    return all(is_file(folder / name) and (folder / name).stat().st_size == size for name, size, _, _ in files)


def _is_sound(folder: Path, split: str, sidecar: Mapping[str, Any]) -> bool:
    """Say whether a split's files hold what its sidecar says, byte for byte but for a header."""
    for name, _, header, digest in _stated_files(split, sidecar):
        with (folder / name).open("rb") as file:
            file.seek(header)
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                return False
    return True


def _put(file: BinaryIO, data: np.ndarray, digest: Any) -> None:
    raw = np.ascontiguousarray(data).data
    digest.update(raw)
    file.write(raw)


def _head(file: BinaryIO, dtype: np.dtype, total: int, path: Path) -> None:
    """Write llm.c's header into the room left for it."""
    if total > LLMC_TOKENS:
        raise SynthgenError(f"{path}: {total:,} tokens, and llm.c's header counts to {LLMC_TOKENS:,}; make fewer rows")
    header = np.zeros(HEADER_WORDS, "<i4")
    header[:3] = *HEADERS[dtype.name], total
    file.seek(0)
    file.write(header.tobytes())
    file.seek(0, os.SEEK_END)


def _read(path: Path) -> dict[str, Any]:
    return read_json(path, dict[str, Any], "remove it and run again")
