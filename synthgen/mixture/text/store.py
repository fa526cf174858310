"""The store: rows of real text by their digest, on this machine, mapped into memory.

The *digest* of rows is the SHA-256 over those of their blocks of 1,024 rows; a block's is over each text's length in
bytes (8 of them, little-endian) and its UTF-8. A block that is read is held against its own before a row leaves it, so
rows come as they were taken in, or not at all.

`SYNTHGEN_TEXTS` is the store's folder, by default `~/.cache/synthgen/texts`; machines that share a build share it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from synthgen.errors import SynthgenError
from synthgen.task.files import is_file, replacing, temporary_name, write_whole
from synthgen.task.foreign import read_json

BLOCK = 1024
"""Rows of a block."""

SCHEMA = pa.schema([pa.field("text", pa.string())])


def store_folder() -> Path:
    """Return the folder of the store."""
    stated = os.environ.get("SYNTHGEN_TEXTS")
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(stated) if stated else Path(caches) / "synthgen" / "texts"


@dataclass(frozen=True)
class Index:
    """What stands beside the rows: how many, their bytes, the digest of each block, and all characters, in order."""

    rows: int
    bytes: int
    blocks: list[str]
    characters: str

    @property
    def digest(self) -> str:
        """The digest of all rows."""
        return hashlib.sha256("".join(self.blocks).encode()).hexdigest()


@dataclass
class StoredTexts:
    """Rows of real text in the store; `at` gives any of them."""

    digest: str
    index: Index
    path: Path
    _sound: set[int] = field(default_factory=set)  # blocks that were held against their digest

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return stored, (self.digest,)

    @cached_property
    def _file(self) -> pa.RecordBatchFileReader:
        try:
            return pa.ipc.open_file(pa.memory_map(str(self.path)))
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(str(error).splitlines()[0]) from None

    def at(self, rows: np.ndarray) -> list[str]:
        """Return the texts of some rows, by number. Raises SynthgenError where they are damaged."""
        blocks = {int(number): self._block(int(number)) for number in np.unique(rows // BLOCK)}
        return [blocks[int(row) // BLOCK][int(row) % BLOCK].as_py() for row in rows]

    def _block(self, number: int) -> pa.StringArray:
        try:
            texts = self._file.get_batch(number).column(0)
            if number not in self._sound and _digest_of(texts.to_pylist()) != self.index.blocks[number]:
                raise self._damaged(f"block {number} was changed")
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._damaged(str(error).splitlines()[0]) from None
        self._sound.add(number)
        return texts

    def _damaged(self, why: str) -> SynthgenError:
        return SynthgenError(f"{self.path}: damaged ({why}); remove it, and run the same command again")


def stored(digest: str) -> StoredTexts | None:
    """Return the rows of a digest; None where the store has not got them. Raises SynthgenError for a damaged index."""
    path = store_folder() / f"{digest}.arrow"
    beside = path.with_suffix(".json")
    if not (digest and is_file(path) and is_file(beside)):
        return None
    fix = f"remove {path}, and run the same command again"
    texts = StoredTexts(digest, read_json(beside, Index, fix), path)
    if texts.index.digest != digest:
        raise texts._damaged("its index was changed")
    return texts


def take_in(texts: Iterable[str]) -> StoredTexts:
    """Write rows into the store, a block at a time, and return them; nothing is left behind if that fails."""
    folder = store_folder()
    rows = size = 0
    blocks: list[str] = []
    characters: set[str] = set()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = temporary_name(folder, "taken-in")
        with replacing(draft) as file, pa.ipc.new_file(pa.PythonFile(file, "w"), SCHEMA) as writer:
            every = iter(texts)
            while block := list(itertools.islice(every, BLOCK)):
                rows, size = rows + len(block), size + sum(len(text.encode()) for text in block)
                blocks.append(_digest_of(block))
                characters.update(*block)
                writer.write_batch(pa.record_batch([pa.array(block, pa.string())], schema=SCHEMA))
        index = Index(rows, size, blocks, "".join(sorted(characters)))
        path = folder / f"{index.digest}.arrow"
        write_whole(path.with_suffix(".json"), json.dumps(asdict(index)))
        draft.replace(path)
    except OSError as error:
        raise SynthgenError(
            f"{folder}: the texts cannot be kept there: {error.strerror or error}; free some space, or name another "
            "folder in SYNTHGEN_TEXTS"
        ) from None
    except pa.ArrowException as error:
        raise SynthgenError(f"{folder}: the texts cannot be kept: {str(error).splitlines()[0]}") from None
    return StoredTexts(index.digest, index, path)


def _digest_of(block: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in block:
        encoded = text.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()
