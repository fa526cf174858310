"""Files of real text: which ones a component means, and their texts row by row."""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.errors import SynthgenError
from synthgen.task.files import exists
from synthgen.task.foreign import read_json_lines

READ_ROWS = 1024
"""Rows that are read of a file at a time."""

HELD_OUT = re.compile(r"(^|[^a-z])(test|valid|validation|dev|eval)([^a-z]|$)")
"""What is in the names of files that are meant to be held out."""

ENDINGS = (".parquet", ".jsonl", ".ndjson", ".arrow")


def patterns_of(files: str) -> list[str]:
    """Return which files of a repository are wanted."""
    return [files] if files else [f"*{ending}" for ending in ENDINGS]


def files_of(place: Path, files: str, origin: str) -> list[Path]:
    """Return the files of texts that a path means, in the order of their names.

    Raises SynthgenError where there are none, or where what is meant is not clear: files of several formats, or of
    splits that are to be held out.
    """
    where = f"params.component: text = {origin!r}"
    if not exists(place):
        raise SynthgenError(f"{where}: no such file or folder: {place}")
    if place.is_file():
        if place.suffix not in ENDINGS:
            raise SynthgenError(f"{where}: ends in none of {', '.join(ENDINGS)}")
        return [place]
    below = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if path.suffix in ENDINGS}
    below = {name: path for name, path in below.items() if not name.startswith(".") and "/." not in name}
    wanted = {name: path for name, path in below.items() if not files or fnmatch.fnmatchcase(name, files)}
    if not wanted:
        there = f"; there is {sorted(below)[0]!r}" if below else f": no file of {', '.join(ENDINGS)}"
        raise SynthgenError(f"{where}: files = {files!r}: none of the folder fits{there}")
    kinds = {path.suffix for path in wanted.values()}
    held_out = sorted(name for name in wanted if HELD_OUT.search(name.lower()))
    if not files and (held_out or len(kinds) > 1):
        example = held_out[0] if held_out else sorted(wanted)[0]
        what = f"such as {example!r}, which is to be held out" if held_out else f"of {' and '.join(sorted(kinds))}"
        raise SynthgenError(f"{where}: has files {what}: say which are meant, for example files = '*train*'")
    return [wanted[name] for name in sorted(wanted)]


def texts_of(files: Sequence[Path], column: str, start: int, rows: int | None) -> Iterator[str]:
    """Yield the texts of the rows from `start` on, `rows` of them or all, file after file.

    Raises SynthgenError that names file and row for what is no text, and where there are fewer rows.
    """
    every = itertools.chain.from_iterable(_texts(file, column) for file in files)
    there = 0
    for text in itertools.islice(every, start, None if rows is None else start + rows):
        there += 1
        yield text
    if there < (rows or 1):
        wanted = f"{rows:,} rows" if rows else "a row"
        raise SynthgenError(
            f"{files[0]}: {wanted} from row {start:,} on are wanted, and there are {there:,}; set rows and start to "
            "what there is"
        )


def _texts(file: Path, column: str) -> Iterator[str]:
    if file.suffix in (".jsonl", ".ndjson"):
        for number, line in read_json_lines(file, dict):
            if column not in line:
                raise _without(file, column, list(line))
            yield _text(line[column], f"{file}, line {number}", column)
        return
    number = 0
    for values in _columns(file, column):
        for value in values.to_pylist():
            yield _text(value, f"{file}, row {number}", column)
            number += 1


def _text(value: object, where: str, column: str) -> str:
    if not isinstance(value, str):
        what = "is empty" if value is None else f"holds a {type(value).__name__}"
        raise SynthgenError(f"{where}: {column!r} {what}, no text; leave such rows out of the dataset")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SynthgenError(f"{where}: {column!r} holds half of a surrogate pair, which is no character") from None
    return value


def _columns(file: Path, column: str) -> Iterator[pa.Array]:
    """Yield a column of an Arrow or Parquet file in parts."""
    try:
        if file.suffix == ".parquet":
            with pq.ParquetFile(file) as parquet:
                _check_column(file, parquet.schema_arrow, column)
                for batch in parquet.iter_batches(READ_ROWS, columns=[column]):
                    yield batch.column(0)
            return
        with pa.memory_map(str(file)) as mapped:
            begun = mapped.read(6)
            mapped.seek(0)
            if begun == b"ARROW1":
                arrow = pa.ipc.open_file(mapped)
                batches: Iterator[pa.RecordBatch] = (arrow.get_batch(i) for i in range(arrow.num_record_batches))
            else:
                arrow = pa.ipc.open_stream(mapped)
                batches = iter(arrow)
            _check_column(file, arrow.schema, column)
            for batch in batches:
                yield batch.column(batch.schema.get_field_index(column))
    except (pa.ArrowException, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SynthgenError(f"{file}: cannot be read: {reason}") from None


def _check_column(file: Path, schema: pa.Schema, column: str) -> None:
    if column not in schema.names:
        raise _without(file, column, schema.names)


def _without(file: Path, column: str, names: Sequence[str]) -> SynthgenError:
    return SynthgenError(f"{file}: has no column {column!r}; it has {', '.join(map(str, names)) or 'none'}")
