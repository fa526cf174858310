"""The latents of a row as columns: what the kernels wrote of a problem, its template's hash, its graph."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa

from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.columns import list_column
from synthgen.task.phrases import PhraseTable, closing, opening
from synthgen.tasks.igsm.params import IgsmParams
from synthgen.tasks.igsm.writing.rows import ANSWER, FIGURES, LAYER_COUNT, LETTER_BOOK, QUERY_ABSTRACT, WIDTHS, Out
from synthgen.tasks.igsm.writing.text import ANSWER as ANSWER_SPAN

RETRY_FIELDS = (pa.field("retries", pa.int16()), pa.field("candidates", pa.list_(pa.int16())))
NEED = pa.struct([pa.field("parameter", pa.int16()), pa.field("needs", pa.int16())])
TEMPLATE = b"synthgen igsm template 1 "
"""What a template's hash begins with, so that a later form cannot be mistaken for this one."""


def template_hashes(sketches: bytes, ends: np.ndarray) -> pa.StringArray:
    """Return the ordered hashes of templates, 32 hex digits each, from their sketches and where each ends."""
    hashes, at = [], 0
    for end in ends.tolist():
        hashes.append(hashlib.blake2b(TEMPLATE + sketches[at:end], digest_size=16).digest())
        at = end
    offsets = np.arange(0, 32 * len(hashes) + 1, 32, dtype=np.int32)
    digits = b"".join(hashes).hex().encode()
    return pa.StringArray.from_buffers(len(hashes), pa.py_buffer(offsets), pa.py_buffer(digits))


def latent_fields(params: IgsmParams) -> list[pa.Field]:
    """Return the fields of a row's latents, in their order."""
    small = {name: pa.field(name, pa.int16()) for name in FIGURES}
    small["query_abstract"] = pa.field("query_abstract", pa.bool_())
    if params.integers:
        small["answer"] = pa.field("answer", pa.string())  # it may have hundreds of digits
    return [
        small["op"],
        small["layers"],
        pa.field("widths", pa.list_(pa.int8())),
        *(small[name] for name in FIGURES[2:]),
        pa.field("template", pa.string()),
        pa.field("solution_floor", pa.float64()),
        pa.field("solution", pa.list_(pa.int16())),
        pa.field("graph", pa.list_(NEED)),
        *(RETRY_FIELDS if params.retry else ()),
    ]


def latent_columns(params: IgsmParams, out: Out, table: PhraseTable) -> dict[str, pa.Array]:
    """Return the columns of a batch, by name; `table` has the phrases that its codes are of."""
    figures = out.figures
    latent = {name: pa.array(figures[:, i].astype(np.int16)) for i, name in enumerate(FIGURES) if i != ANSWER}
    latent["answer"] = _said(out, table) if params.integers else pa.array(figures[:, ANSWER].astype(np.int16))
    latent["query_abstract"] = pa.array(figures[:, QUERY_ABSTRACT] == 1)
    widths = figures[:, WIDTHS:]
    latent["widths"] = list_column(np.cumsum(figures[:, LAYER_COUNT]), widths[widths > 0], pa.int8())
    latent["template"] = template_hashes(out.sketches[: out.sketch_ends[-1]].tobytes(), out.sketch_ends)
    floors = (out.units[:, LETTER_BOOK] + out.floors) / UNITS_PER_BIT
    latent["solution_floor"] = pa.array(floors, mask=out.floors < 0)
    latent["solution"] = list_column(out.order_ends, out.orders[: out.order_ends[-1]], pa.int16())
    columns = [pa.array(np.ascontiguousarray(out.pairs[: out.pair_ends[-1], i])) for i in range(2)]
    items = pa.StructArray.from_arrays(columns, fields=list(NEED))
    offsets = pa.array(np.concatenate([[0], out.pair_ends]).astype(np.int32))
    if params.retry:
        latent["retries"] = pa.array(out.retries.astype(np.int16))
        latent["candidates"] = list_column(out.order_ends, out.candidates[: out.order_ends[-1]], pa.int16())
    latent["graph"] = pa.ListArray.from_arrays(offsets, items, type=pa.list_(NEED))
    return latent


def _said(out: Out, table: PhraseTable) -> pa.Array:
    """Return the answers as the texts have them, which no array of numbers holds."""
    codes = out.codes[: out.ends[-1]]
    starts, ends = (np.flatnonzero(codes == bracket(ANSWER_SPAN)) for bracket in (opening, closing))
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    return pa.array(["".join(table[code] for code in codes[start + 1 : end].tolist()) for start, end in spans])
