"""Batches: from what a task makes to Arrow, with one schema a spec and the features `datasets` reads.

Every row has `id`, its content (`text`, or `prompt` and `completion`, or `input_ids` and perhaps `completion_mask`),
`difficulty`, `bits` (total and each row book) and `latent` (with `spans`, where the task knows any).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthgen.task.columns import list_column, struct_column
from synthgen.task.contract import Task
from synthgen.task.phrases import SPANS, Codes, assemble
from synthgen.task.rows import Rows, Tokens, bits_of

CONTENT_COLUMNS = ("text", "prompt", "completion", "input_ids")
"""The columns that hold what a row says: characters, or tokens."""

CONTENT = {
    "document": ("text",),
    "prompt-completion": ("prompt", "completion"),
    "tokens": ("input_ids",),
}
"""The content columns of each row format; token rows have `completion_mask` too where only a part is trained on."""


def row_lengths(batch: pa.RecordBatch) -> np.ndarray:
    """Return the tokens of each row of a batch, or the characters of its texts, (rows,) int64; 0 without content."""
    lengths = np.zeros(batch.num_rows, np.int64)
    for name in CONTENT_COLUMNS:
        if name in batch.schema.names:
            column = batch.column(name)
            count = pc.utf8_length if pa.types.is_string(column.type) else pc.list_value_length
            lengths += count(column).to_numpy(zero_copy_only=False)
    return lengths


def said_in(batch: pa.RecordBatch) -> Iterator[Sequence[int] | str]:
    """Yield what each row of a batch says: its token ids, or its text, prompt and completion in one."""
    names = [name for name in CONTENT_COLUMNS if name in batch.schema.names]
    for parts in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
        yield "".join(parts) if isinstance(parts[0], str) else parts[0]


def schema_of(task: Task, row_format: str) -> pa.Schema:
    """Return the Arrow schema of a task's rows, with `huggingface` features metadata."""
    fields = [pa.field("id", pa.int64())]
    if row_format == "tokens":
        fields.append(pa.field("input_ids", pa.list_(_token_type(task))))
        if task.masked:
            fields.append(pa.field("completion_mask", pa.list_(pa.bool_())))
    else:
        fields += [pa.field(name, pa.string()) for name in CONTENT[row_format]]
    fields.append(pa.field("difficulty", pa.int32()))
    fields.append(pa.field("bits", pa.struct([pa.field(name, pa.float64()) for name in ("total", *task.books)])))
    latent = list(task.latent_fields)
    if task.span_kinds:
        latent.append(pa.field("spans", pa.struct([pa.field(kind, SPANS, nullable=False) for kind in task.span_kinds])))
    if latent:
        fields.append(pa.field("latent", pa.struct(latent)))
    return with_features(pa.schema(fields + list(task.extra_fields)))


def with_features(schema: pa.Schema) -> pa.Schema:
    """Return a schema with the metadata that `datasets` reads its features from."""
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features_of(schema)}})})


def features_of(schema: pa.Schema) -> dict[str, Any]:
    """Return the `datasets` features of a schema as the JSON that library stores in Arrow metadata."""
    return {field.name: _feature(field.type) for field in schema}


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    return {"dtype": {"double": "float64", "float": "float32"}.get(str(kind), str(kind)), "_type": "Value"}


def _token_type(task: Task) -> pa.DataType:
    if task.vocab is None:
        raise TypeError(f"task {task.name!r} makes no token rows")
    return pa.uint16() if task.vocab.size <= 2**16 else pa.uint32()


def to_batch(task: Task, schema: pa.Schema, rows: Rows, start: int) -> pa.RecordBatch:
    """Return rows (whose first has index `start`) as one RecordBatch of `schema`."""
    n = rows.difficulty.size
    columns: dict[str, Any] = {"id": pa.array(np.arange(start, start + n, dtype=np.int64))}
    spans = None  # of token rows: the task's own, in `rows.latent`
    if isinstance(rows.content, Tokens):
        columns["input_ids"] = list_column(
            rows.content.ends, rows.content.ids, schema.field("input_ids").type.value_type
        )
        if rows.content.trained is not None:
            columns["completion_mask"] = list_column(rows.content.ends, rows.content.trained, pa.bool_())
    else:
        assert isinstance(rows.content, Codes)
        texts, spans = assemble(rows.content)
        columns |= dict(zip(("text",) if len(texts) == 1 else ("prompt", "completion"), texts, strict=True))
    columns["difficulty"] = pa.array(rows.difficulty.astype(np.int32, copy=False))
    columns["bits"] = struct_column(
        schema.field("bits").type,
        [pa.array(column, from_pandas=bool(task.uncounted)) for column in bits_of(rows.units).T],
    )
    if "latent" in schema.names:
        kind = schema.field("latent").type
        columns["latent"] = struct_column(
            kind, [spans if field.name == "spans" and spans is not None else rows.latent[field.name] for field in kind]
        )
    columns |= rows.extra
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)
