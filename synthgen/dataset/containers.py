"""Containers: the file formats of shards, each by name with its ending, writer and reader.

`arrow` is an uncompressed Arrow IPC stream, `arrow-file` the same messages with a footer that says where they are (what
polars, pandas and pyarrow.dataset open), `parquet` is compressed. Readers are told by a broken, hostile or foreign file
as by none: they may raise whatever pyarrow does, and `shards` turns it into a sentence.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.dataset.parquet_bounds import refuse_beyond, steps_of
from synthgen.errors import SynthgenError

BATCH_ROWS = 4096
"""Rows of a record batch; the last of a shard may be shorter."""

BATCH_BYTES = 512 << 20
"""Of a record batch of Parquet, decoded: a few bytes may stand for any number, and memory goes before it is seen."""

ROW_GROUP_BYTES = 95_000_000
"""Parquet row groups stay below 100 MB, as the Hub's viewer wants them."""

MAGIC = b"ARROW1"
"""What an Arrow file begins and ends with; at its beginning two zeros follow, and then what a stream would hold."""

BLOCK = np.dtype([("offset", "<i8"), ("metadata", "<i4"), ("padding", "<i4"), ("body", "<i8")])
"""Where a batch is, as an Arrow file's footer has it (Block of Arrow's File.fbs)."""


def _write_arrow(batches: Iterable[pa.RecordBatch], schema: pa.Schema, sink: pa.PythonFile) -> None:
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_arrow_file(batches: Iterable[pa.RecordBatch], schema: pa.Schema, sink: pa.PythonFile) -> None:
    with pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_parquet(batches: Iterable[pa.RecordBatch], schema: pa.Schema, sink: pa.PythonFile) -> None:
    options = {"compression": "zstd", "write_page_index": True, "use_content_defined_chunking": True}
    with pq.ParquetWriter(sink, schema, **options) as writer:
        group: list[pa.RecordBatch] = []
        for batch in batches:
            if batch.nbytes > BATCH_BYTES:
                raise SynthgenError(
                    f"{BATCH_ROWS:,} rows of {batch.nbytes:,} bytes are too large for Parquet; take Arrow"
                )
            if group and sum(b.nbytes for b in group) + batch.nbytes > ROW_GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(group), row_group_size=2**30)
                group = []
            group.append(batch)
        writer.write_table(pa.Table.from_batches(group, schema), row_group_size=2**30)


def _read_arrow(path: Path, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(str(path)) as file:
        for _, batch in _messages(file):
            yield _picked(batch, columns)


def _read_arrow_file(path: Path, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    """Yield the batches as they follow each other, and see that the footer, by which others read, says the same."""
    with pa.memory_map(str(path)) as file:
        schema = pa.ipc.open_file(file).schema  # raises for a file without its end
        blocks = _blocks(file)
        file.seek(len(MAGIC) + 2)
        count = 0
        for (start, metadata, stop), batch in _messages(file):
            here = (start, metadata, stop - start - metadata)
            if count >= blocks.size or here != blocks[["offset", "metadata", "body"]][count].item():
                raise EOFError(f"its footer has not batch {count} where it is")
            if not batch.schema.equals(schema, check_metadata=True):
                raise EOFError("its footer has other columns than its batches")
            count += 1
            yield _picked(batch, columns)
        if count != blocks.size:
            raise EOFError(f"its footer has {blocks.size:,} batches, and {count:,} are there")


def _messages(file: pa.MemoryMappedFile) -> Iterator[tuple[tuple[int, int, int], pa.RecordBatch]]:
    """Yield the batches of the Arrow messages from here on, mapped, each with its place: start, metadata, stop.

    The metadata are counted with the eight bytes before them, as footers count them.
    """
    messages = pa.ipc.MessageReader.open_stream(file)
    first = next(iter(messages), None)  # in a generator, a StopIteration would become another error
    if first is None:
        raise EOFError("is empty")
    if first.type != "schema":  # pyarrow would read any other as if it were one: a fault of memory, not an exception
        raise EOFError(f"begins with a {first.type} and not with a schema")
    schema, start = pa.ipc.read_schema(first), file.tell()
    for message in messages:
        if message.type != "record batch" or _is_compressed(message.metadata.to_pybytes()):
            raise EOFError("holds a dictionary or compressed batches, which synthgen does not write")
        stop = file.tell()
        yield (start, 8 + message.metadata.size, stop), pa.ipc.read_record_batch(message, schema)
        start = stop


def _picked(batch: pa.RecordBatch, columns: Sequence[str] | None) -> pa.RecordBatch:
    return batch if columns is None else batch.select([name for name in batch.schema.names if name in columns])


def _blocks(file: pa.MemoryMappedFile) -> np.ndarray:
    """Return where the footer of an Arrow file says its batches are, (batches,) of BLOCK.

    Follows the FlatBuffers of Arrow's File.fbs: Footer.recordBatches is field 3. pyarrow has seen that they are sound.
    """
    end = file.size() - len(MAGIC)
    (size,) = struct.unpack("<i", file.read_at(4, end - 4))
    footer = file.read_at(size, end - 4 - size)
    place = _field(footer, struct.unpack_from("<I", footer, 0)[0], 3)
    if not place:
        return np.zeros(0, BLOCK)
    place += struct.unpack_from("<I", footer, place)[0]
    (count,) = struct.unpack_from("<I", footer, place)
    return np.frombuffer(footer[place + 4 : place + 4 + count * BLOCK.itemsize], BLOCK)


def _is_compressed(metadata: bytes) -> bool:
    """Say whether an Arrow message announces compressed buffers, before a few bytes are unpacked to any size.

    Follows the FlatBuffers of Arrow's Message.fbs: Message.header (field 2) is a RecordBatch, whose field 3 is there if
    and only if its buffers are compressed.
    """
    header = _field(metadata, struct.unpack_from("<I", metadata, 0)[0], 2)
    return bool(_field(metadata, header + struct.unpack_from("<I", metadata, header)[0], 3))


def _field(data: bytes, table: int, number: int) -> int:
    """Return where a field of a FlatBuffers table is in `data`, or 0 where the table has it not."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if vtable < 0 or 4 + 2 * number >= struct.unpack_from("<H", data, vtable)[0]:
        return 0
    offset: int = struct.unpack_from("<H", data, vtable + 4 + 2 * number)[0]
    return table + offset if offset else 0


def _read_parquet(path: Path, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    file = pq.ParquetFile(path)
    refuse_beyond(path, file.metadata, BATCH_BYTES)
    wanted = None if columns is None else [name for name in columns if name in file.schema_arrow.names]
    yield from _rebatch(_bounded(file, path, wanted))


def _bounded(file: pq.ParquetFile, path: Path, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows, few at a time where a few might be large; refuse what no shard holds before it is whole."""
    rows, size = 0, 0
    for group, step in enumerate(steps_of(path, file.metadata, BATCH_ROWS)):
        for batch in file.iter_batches(step, row_groups=[group], columns=columns):
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if size > BATCH_BYTES * -(-rows // BATCH_ROWS):
                raise EOFError(f"decodes to more than {BATCH_BYTES >> 20:,} MiB for {BATCH_ROWS:,} rows")
            if rows >= BATCH_ROWS:
                rows, size = 0, 0
            yield batch


def _rebatch(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Cut batches anew at multiples of 4,096 rows."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        while sum(b.num_rows for b in held) >= BATCH_ROWS:
            table = pa.Table.from_batches(held).combine_chunks()
            yield table.slice(0, BATCH_ROWS).to_batches()[0]
            held = table.slice(BATCH_ROWS).to_batches()
    if sum(b.num_rows for b in held):
        yield pa.Table.from_batches(held).combine_chunks().to_batches()[0]


class Container(NamedTuple):
    """A file format of shards."""

    name: str
    words: str
    """What cards call it."""
    ending: str
    write: Callable[[Iterable[pa.RecordBatch], pa.Schema, pa.PythonFile], None]
    read: Callable[[Path, Sequence[str] | None], Iterator[pa.RecordBatch]]
    """Of some columns, or all. May raise whatever a broken file makes pyarrow raise."""


CONTAINERS = {
    container.name: container
    for container in (
        Container("arrow", "Arrow IPC stream", "arrow", _write_arrow, _read_arrow),
        Container("arrow-file", "Arrow IPC file", "arrow", _write_arrow_file, _read_arrow_file),
        Container("parquet", "Parquet", "parquet", _write_parquet, _read_parquet),
    )
}
"""The file formats of shards by name. One more is a line here; everything else asks this table."""


def container_by_ending(path: Path) -> Container:
    """Return the first format with a file's ending; Arrow, as which it is then refused, for a strange one."""
    return next((one for one in CONTAINERS.values() if path.suffix == f".{one.ending}"), CONTAINERS["arrow"])


def container_of(path: Path) -> Container:
    """Return the format of a file that is there: by its ending and, of the two of Arrow, by how it begins.

    May raise OSError and what pyarrow does.
    """
    container = container_by_ending(path)
    if container.name != "arrow":
        return container
    with pa.memory_map(str(path)) as file:
        return CONTAINERS["arrow-file"] if file.read(len(MAGIC)) == MAGIC else container
