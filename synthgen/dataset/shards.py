"""Shards: rows to files, whole or not at all, and back.

A shard is a file of record batches of exactly 4,096 rows from its first row, in one of the formats of `containers`. It
is written to a temporary file while its SHA-256 is taken, synced and then renamed. Its *content hash* is taken over
the values, not the bytes: the same rows in another container, or batched otherwise, have the same one.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthgen.dataset.containers import BATCH_ROWS as BATCH_ROWS
from synthgen.dataset.containers import CONTAINERS, container_by_ending, container_of
from synthgen.dataset.values import check_values
from synthgen.errors import SynthgenError
from synthgen.exact.ledger import UNITS_PER_BIT, to_bits
from synthgen.task.arrow import row_lengths
from synthgen.task.files import replacing

WRITTEN_AT_ONCE = 8 << 20
"""Bytes of a shard after which the disk begins to write them."""

COMPONENTS_END = 2**16
"""Numbers of components are below this."""


@dataclass(frozen=True)
class Shard:
    """What is known of a finished shard; a manifest is a list of these."""

    path: str  # relative to the dataset folder, with '/'
    split: str
    rows: int
    bytes: int
    sha256: str  # of the file
    content: str  # of the values
    bits: Mapping[str, float | None]  # sums over the shard's rows: total, and each row book; None: unknown of some
    sizes: Mapping[str, int] = field(default_factory=dict)  # of mixtures: tokens or characters, by component's number

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that manifests hold."""
        return {name: value for name, value in asdict(self).items() if name != "sizes" or value}


def shard_path(split: str, index: int, count: int, container: str = "arrow") -> str:
    """Return the path of shard `index` of `count` inside a dataset folder."""
    return f"data/{split}-{index:05d}-of-{count:05d}.{CONTAINERS[container].ending}"


def shard_range(rows: int, index: int, count: int) -> tuple[int, int]:
    """Return the rows [start, stop) of shard `index` of `count`."""
    return index * rows // count, (index + 1) * rows // count


class Summary:
    """What a shard's batches add up to, taken batch by batch: rows, content hash, bits by book, sizes by component."""

    def __init__(self, schema: pa.Schema, component_field: str = "") -> None:
        """`component_field` is the latent that numbers a row's component, where the task has one."""
        self.rows = 0
        types = "\n".join(f"{f.name}: {f.type}" for f in schema)
        # Parquet calls a list's items `element`, and pyarrow reads them by that name, but the type is the same.
        self._hash = hashlib.sha256(types.replace("list<element: ", "list<item: ").encode())
        books = [field.name for field in schema.field("bits").type] if "bits" in schema.names else []
        self._units: dict[str, int | None] = dict.fromkeys(books, 0)
        self._component = component_field if "latent" in schema.names else ""
        self._sizes = np.zeros(0, np.int64)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add a record batch; every batch but a shard's last must have 4,096 rows."""
        self.rows += batch.num_rows
        for column in batch.columns:
            _hash_values(self._hash, column)
        for book in self._units:
            column, before = batch.column("bits").field(book), self._units[book]
            self._units[book] = None if before is None or column.null_count else before + _sum_units(column)
        if self._component:
            components = batch.column("latent").field(self._component).to_numpy()
            if components.size and not 0 <= components.min() <= components.max() < COMPONENTS_END:
                strange = components[(components < 0) | (components >= COMPONENTS_END)][0]
                raise SynthgenError(f"latent.{self._component} is {strange}, which is no component")
            sizes = np.zeros(max(self._sizes.size, int(components.max(initial=-1)) + 1), np.int64)
            sizes[: self._sizes.size] = self._sizes
            np.add.at(sizes, components, row_lengths(batch))
            self._sizes = sizes

    def watch(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the batches, each added as it passes."""
        for batch in batches:
            self.add(batch)
            yield batch

    def shard(self, path: str, split: str, size: int, digest: str) -> Shard:
        """Return the record of a file of `size` bytes with this SHA-256 that holds these batches."""
        return Shard(path, split, self.rows, size, digest, self.content, self.bits, self.sizes)

    @property
    def sizes(self) -> dict[str, int]:
        """Of a mixture: tokens (or characters of text) by the component's number; otherwise empty."""
        return {str(number): int(size) for number, size in enumerate(self._sizes)}

    @property
    def content(self) -> str:
        """The content hash (SHA-256, hex)."""
        return self._hash.hexdigest()

    @property
    def bits(self) -> dict[str, float | None]:
        """The sums of bits by book, correctly rounded; None where it is unknown of some row."""
        return {book: None if units is None else to_bits(units) for book, units in self._units.items()}


def _sum_units(column: pa.Array) -> int:
    """Return the exact sum of a column of bits, in ledger units; the parts cannot overflow within a batch."""
    units = np.rint(column.to_numpy() * UNITS_PER_BIT).astype(np.int64)
    return (int((units >> 32).sum()) << 32) + int((units & 0xFFFFFFFF).sum())


def _hash_values(digest: Any, array: pa.Array) -> None:
    if array.null_count:
        digest.update(b"nulls" + np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).tobytes())
        array = array.drop_null()
    if pa.types.is_struct(array.type):
        for i in range(array.type.num_fields):
            _hash_values(digest, array.field(i))
    elif pa.types.is_list(array.type):
        digest.update(pc.list_value_length(array).to_numpy())
        _hash_values(digest, array.flatten())
    elif pa.types.is_string(array.type):
        digest.update(pc.binary_length(array).to_numpy())
        _, offsets, data = array.buffers()
        if data is not None and len(array):
            edges = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
            digest.update(data[int(edges[0]) : int(edges[-1])])
    else:
        digest.update(np.ascontiguousarray(array.to_numpy(zero_copy_only=False)))


class _HashingFile:
    """A binary file that takes the SHA-256 of what is written; what `pyarrow.PythonFile` needs, no more."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest, self.size = file, hashlib.sha256(), 0
        self._begun = 0  # what the disk was told to begin to write
        self.closed = False

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self._file.write(data)
        self.size += len(data)
        if self.size - self._begun >= WRITTEN_AT_ONCE and hasattr(os, "posix_fadvise"):
            # The disk begins to write what is there while rows are made, so that the sync at the end has little to wait
            # for. What is not on the disk yet stays in memory, whatever the advice is called.
            os.posix_fadvise(self._file.fileno(), self._begun, self.size - self._begun, os.POSIX_FADV_DONTNEED)
            self._begun = self.size
        return len(data)

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self.size

    def close(self) -> None:
        self.closed = True


def write_shard(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    target: Path,
    path: str,
    split: str,
    component_field: str = "",
    scratch: Path | None = None,
    container: str = "",
) -> Shard:
    """Write batches (each of 4,096 rows but the last) to `target`, by way of `scratch` on the same file system.

    Without `container` it is in the first format with the ending of `target`. Raises OSError if the disk is full; then
    the target is as it was and no other file is left.
    """
    summary = Summary(schema, component_field)
    with replacing(target, scratch) as file:
        sink = _HashingFile(file)
        chosen = CONTAINERS[container] if container else container_by_ending(target)
        chosen.write(summary.watch(batches), schema, pa.PythonFile(sink, "w"))
    return summary.shard(path, split, sink.size, sink.digest.hexdigest())


def read_batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield a shard's record batches of 4,096 rows, or `columns` of them; Arrow is mapped, not copied.

    Raises SynthgenError for a file that is truncated, no shard at all or decodes to what no shard holds, and for values
    that none can hold (see `check_values`).
    """
    for batch in map_batches(path, columns):
        try:
            check_values(batch)
        except SynthgenError as error:
            raise SynthgenError(f"{path}: {error}") from None
        yield batch


def map_batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield a shard's record batches as `read_batches` does, before any value is looked at, so nothing is read yet.

    Of `columns`, those that are there are given.
    """
    empty = True
    try:
        if not path.is_file():
            raise FileNotFoundError("no such file, or a pipe or device")
        for batch in container_of(path).read(path, columns):
            empty = False
            yield batch
        if empty:
            raise EOFError("holds no rows")
    except (pa.ArrowException, OSError, EOFError, StopIteration, struct.error) as error:
        raise SynthgenError(
            f"{path}: not a whole shard: {(str(error) or type(error).__name__).splitlines()[0]}"
        ) from None
