"""Phrases: text from tables, straight into Arrow buffers, with every span known and no string ever searched.

A kernel emits *codes*: a phrase's number in the table, or a bracket that opens or closes a span. `assemble` then copies
the phrases' bytes one after the other, for thousands of rows at once, and turns brackets into (start, end) pairs in
Unicode code points. Some 1.5 GB of text a second on one core.

    table = PhraseTable()
    hello, name = table.add("Hello, "), table.add("Zoë")
    codes = [hello, opening(0), name, closing(0)]        # "Hello, Zoë" with span 0 at [7, 10)
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numba import types
from numba.extending import intrinsic, overload, register_jitable

from synthgen.exact.jit import kernel

CHUNK = 32
"""Bytes copied at a time; tables and texts have this much slack at their end."""

SPAN = pa.struct([pa.field("start", pa.int32(), nullable=False), pa.field("end", pa.int32(), nullable=False)])
SPANS = pa.list_(pa.field("item", SPAN, nullable=False))
"""Spans of one kind in one row: half-open, in code points of the training text or positions of its tokens."""


@register_jitable(forceinline=True)
def opening(kind):
    """Return the code that opens a span of `kind` (0, 1, ...)."""
    return -2 * kind - 1


@register_jitable(forceinline=True)
def closing(kind):
    """Return the code that closes a span of `kind`."""
    return -2 * kind - 2


class PhraseTable:
    """A growing list of phrases, each known by its number."""

    def __init__(self, phrases: Iterable[str] = ()) -> None:
        self._phrases: list[str] = []
        self._numbers: dict[str, int] = {}
        self._arrays: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self.extend(phrases)

    def add(self, phrase: str) -> int:
        """Return the number of a phrase; it is added unless it is there."""
        return self._numbers[phrase] if phrase in self._numbers else self.extend([phrase])

    def extend(self, phrases: Iterable[str]) -> int:
        """Add phrases, known or not, under consecutive numbers; return the first of these."""
        first = len(self._phrases)
        for phrase in phrases:
            self._numbers.setdefault(phrase, len(self._phrases))
            self._phrases.append(phrase)
        self._arrays = None
        return first

    def __len__(self) -> int:
        return len(self._phrases)

    def __getitem__(self, number: int) -> str:
        return self._phrases[number]

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The phrases as arrays for kernels: bytes (uint8, with slack), start of each (int64), code points (int64)."""
        if self._arrays is None:
            encoded = [phrase.encode() for phrase in self._phrases]
            data = np.frombuffer(b"".join(encoded) + bytes(CHUNK), np.uint8)
            starts = np.cumsum([0] + [len(phrase) for phrase in encoded], dtype=np.int64)
            characters = np.array([len(phrase) for phrase in self._phrases] or [0], np.int64)
            self._arrays = data, starts, characters
        return self._arrays


@dataclass(frozen=True)
class Codes:
    """What a kernel emitted for a batch: row i is codes[ends[i-1]:ends[i]] over `table`, in `parts` columns.

    With two parts (prompt and completion) the rows alternate: `ends` has 2 n entries. `kinds` names the span kinds.
    """

    table: PhraseTable
    codes: np.ndarray  # (total,) int32
    ends: np.ndarray  # (rows * parts,) int64
    kinds: Sequence[str] = ()
    parts: int = 1


def assemble(emitted: Codes) -> tuple[list[pa.StringArray], pa.StructArray | None]:
    """Return one string column a part, and the spans: a struct with one list of (start, end) a kind.

    Spans are positions in the concatenation of the row's parts; the struct is None where no kind is named.
    """
    data, starts, characters = emitted.table.arrays
    parts, kinds = emitted.parts, len(emitted.kinds)
    rows = emitted.ends.size // parts
    ends = np.ascontiguousarray(emitted.ends, dtype=np.int64)
    sizes, counts = _measure(starts, emitted.codes, ends, parts, kinds)
    offsets = np.zeros((parts, rows + 1), np.int64)
    np.cumsum(sizes, axis=1, out=offsets[:, 1:])
    if offsets[:, -1].max(initial=0) > 2**31 - 1 - CHUNK:
        raise OverflowError("a batch holds more than 2 GiB of text: ask for fewer rows at a time")
    span_offsets = np.zeros((kinds, rows + 1), np.int64)
    np.cumsum(counts, axis=1, out=span_offsets[:, 1:])
    bases = np.concatenate([[0], np.cumsum(span_offsets[:, -1])])[:kinds] if kinds else np.zeros(0, np.int64)
    texts = [np.empty(int(offsets[part, -1]) + CHUNK, np.uint8) for part in range(parts)]
    edges = np.empty((int(span_offsets[:, -1].sum()) if kinds else 0, 2), np.int32)
    _copy(data, starts, characters, emitted.codes, ends, texts[0], texts[-1], parts, span_offsets, bases, edges)
    columns = [
        pa.StringArray.from_buffers(
            rows,
            pa.py_buffer(offsets[part].astype(np.int32)),
            pa.py_buffer(texts[part]).slice(0, int(offsets[part, -1])),
        )
        for part in range(parts)
    ]
    if not kinds:
        return columns, None
    fields = []
    for kind in range(kinds):
        kind_edges = edges[bases[kind] : bases[kind] + span_offsets[kind, -1]]
        fields.append(span_lists(span_offsets[kind], kind_edges[:, 0], kind_edges[:, 1]))
    return columns, pa.StructArray.from_arrays(
        fields, fields=[pa.field(k, SPANS, nullable=False) for k in emitted.kinds]
    )


def measure(emitted: Codes) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of every text, (parts, rows), and the number of spans of every kind, (kinds, rows)."""
    ends = np.ascontiguousarray(emitted.ends, dtype=np.int64)
    return _measure(emitted.table.arrays[1], emitted.codes, ends, emitted.parts, len(emitted.kinds))


def span_lists(offsets: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> pa.ListArray:
    """Return lists of spans: row i holds the pairs offsets[i]:offsets[i+1] of (starts, ends)."""
    pairs = pa.StructArray.from_arrays(
        [pa.array(np.ascontiguousarray(starts)), pa.array(np.ascontiguousarray(ends))], fields=list(SPAN)
    )
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pairs, type=SPANS)


@kernel
def _measure(starts, codes, ends, parts, kinds):
    """Return the bytes of every text (parts, rows) and the number of spans of every kind (kinds, rows)."""
    rows = ends.size // parts
    sizes = np.zeros((parts, rows), np.int64)
    counts = np.zeros((kinds, rows), np.int64)
    at = 0
    for text in range(ends.size):
        row = text // parts
        size = 0
        while at < ends[text]:
            code = codes[at]
            if code >= 0:
                size += starts[code + 1] - starts[code]
            elif code & 1 == 0:  # an even code closes a span
                counts[-code // 2 - 1, row] += 1
            at += 1
        sizes[text % parts, row] = size
    return sizes, counts


@kernel
def _copy(data, starts, characters, codes, ends, first, last, parts, span_offsets, bases, edges):
    """Copy the phrases of all rows, and write the edges of their spans; `first` is `last` where there is one part."""
    kinds = bases.size
    cursor = np.zeros(kinds, np.int64)
    opened = np.zeros(kinds, np.int64)
    source = data.ctypes.data
    written = (0, 0)
    at = 0
    position = 0
    for text in range(ends.size):
        part = text % parts
        if part == 0:
            position = 0
        here = written[part]
        target = (first if part == 0 else last).ctypes.data
        while at < ends[text]:
            code = codes[at]
            if code >= 0:
                start = starts[code]
                size = starts[code + 1] - start
                done = 0
                while done < size:
                    _copy_chunk(target + here + done, source + start + done)
                    done += CHUNK
                here += size
                position += characters[code]
            elif code & 1:
                opened[(-code - 1) // 2] = position
            else:
                kind = -code // 2 - 1
                edge = bases[kind] + cursor[kind]
                edges[edge, 0] = opened[kind]
                edges[edge, 1] = position
                cursor[kind] += 1
            at += 1
        written = (here, written[1]) if part == 0 else (written[0], here)


@intrinsic
def _copy_chunk_intrinsic(context, target, source):
    def generate(context, builder, signature, arguments):
        from llvmlite import ir

        chunk = ir.VectorType(ir.IntType(8), CHUNK)
        to, come = (builder.inttoptr(address, chunk.as_pointer()) for address in arguments)
        value = builder.load(come, typ=chunk)
        value.align = 1
        builder.store(value, to).align = 1
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp), generate


def _copy_chunk(target, source):
    """Copy CHUNK bytes from one address to another; both have that much room."""
    ctypes.memmove(int(target), int(source), CHUNK)


@overload(_copy_chunk, jit_options={"forceinline": True})
def _copy_chunk_compiled(target, source):
    return lambda target, source: _copy_chunk_intrinsic(np.uintp(target), np.uintp(source))
