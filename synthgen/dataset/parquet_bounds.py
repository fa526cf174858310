"""What a Parquet file may decode to, from its footer and dictionaries' headers, before memory goes.

A page is compressed, and a dictionary's value may be repeated at a few bits each: thirty kilobytes can stand for any
number. What is known of a column chunk is its number of values and its bytes before compression; what its dictionary
takes, its page header says. A row of it is then at most that large, and as many rows are read at a time as surely fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

STEP_BYTES = 256 << 20
"""What the rows read at a time may decode to, by their dictionaries' sizes."""

WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": 4}
"""Bytes of a value in memory; of a text, of its offset."""

ENCODINGS = {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY", "BIT_PACKED"}
"""Those that this package writes. In others (DELTA_BYTE_ARRAY) a value may repeat what stands before it."""


def refuse_beyond(path: Path, metadata: pq.FileMetaData, most: int) -> None:
    """Raise EOFError for a row group whose values cannot be those of a batch of `most` bytes, or of many small ones."""
    for group in range(metadata.num_row_groups):
        chunks = [metadata.row_group(group).column(i) for i in range(metadata.row_group(group).num_columns)]
        strange = {encoding for chunk in chunks for encoding in chunk.encodings} - ENCODINGS
        if strange:
            raise EOFError(f"holds pages in {', '.join(sorted(strange))}, which synthgen does not write")
        unpacked = sum(chunk.total_uncompressed_size for chunk in chunks)
        values = sum(chunk.num_values * WIDTHS.get(chunk.physical_type, 16) for chunk in chunks)
        size = max(unpacked, values)
        if size > 4 * most:  # ids of 16 bits are stored as 32, bits of a mask read as 8
            raise EOFError(
                f"row group {group} of its {path.stat().st_size:,} bytes decodes to {size:,}; no shard's does"
            )


def steps_of(path: Path, metadata: pq.FileMetaData, most: int) -> Iterator[int]:
    """Yield of each row group how many of its rows surely decode to few bytes, from 1 to `most`."""
    with path.open("rb") as file:
        for group in range(metadata.num_row_groups):
            row = 1
            for i in range(metadata.row_group(group).num_columns):
                chunk = metadata.row_group(group).column(i)
                if chunk.physical_type == "BYTE_ARRAY" and chunk.dictionary_page_offset is not None:
                    file.seek(chunk.dictionary_page_offset)
                    row += _page_bytes(file.read(64))
            yield max(1, min(most, STEP_BYTES // row))


def _page_bytes(header: bytes) -> int:
    """Return what a page takes before compression: field 2 of its header in Thrift's compact protocol.

    The header begins with the page's type, field 1; both are 32-bit numbers, zigzag and in groups of seven bits.
    """
    numbers: list[int] = []
    place = 0
    while len(numbers) < 2:
        if header[place : place + 1] != b"\x15":  # the next field, a 32-bit number
            raise EOFError("a dictionary's page has no header")
        value = shift = 0
        place += 1
        while place < len(header):
            value |= (header[place] & 0x7F) << shift
            place, shift = place + 1, shift + 7
            if header[place - 1] < 0x80:
                break
        numbers.append((value >> 1) ^ -(value & 1))
    return max(0, numbers[1])
