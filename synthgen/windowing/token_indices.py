"""Indices of token files: where rows stand in them, as Megatron's and datatrove's datasets look it up.

Megatron-Core maps PREFIX.bin and PREFIX.idx (its `IndexedDataset`, class `_IndexReader` of
megatron/core/datasets/indexed_dataset.py): a row is a sequence, and a document. datatrove reads NAME.ds beside
NAME.ds.index (`TokenizedFile` of datatrove/pipeline/tokens/tokenizer.py): the end of each row, in tokens. Nanotron's
trainer reads the same.
"""

from __future__ import annotations

import struct

import numpy as np

from synthgen.task.rows import Vocab

MEGATRON, DATATROVE = "megatron", "datatrove"

MAGIC, VERSION = b"MMIDIDX\x00\x00", 1
"""What Megatron's index begins with."""

CODES = {"uint8": 1, "int32": 4, "uint16": 8}
"""Megatron's numbers of the dtypes that are used here (`DType`)."""

SMALL = 65_500
"""Megatron takes uint16 for vocabularies below this, and int32 for others (`DType.optimal_dtype`)."""


def token_dtype(format: str, vocab: Vocab) -> np.dtype:
    """Return the little-endian dtype of a format's ids."""
    if format == MEGATRON:
        return np.dtype("<u2" if vocab.size < SMALL else "<i4")
    return np.dtype("<u2" if vocab.size <= 2**16 else "<u4")


def index_files(
    format: str, split: str, ends: np.ndarray, dtype: np.dtype, masked: bool, tokenizer: str
) -> dict[str, bytes]:
    """Return what stands beside a split's tokens, by file name; ends: of rows, in tokens, (rows,) int64."""
    if format == MEGATRON:
        names = {f"{split}.idx": dtype} | ({f"{split}.mask.idx": np.dtype(np.uint8)} if masked else {})
        return {name: _megatron_index(ends, kind) for name, kind in names.items()}
    if format == DATATROVE:
        total = int(ends[-1])
        metadata = f"{tokenizer}|{dtype.itemsize}\n{total}\n{total:,}"  # as `TokenizedFile.write_final_metadata` has it
        return {f"{split}.ds.index": ends.astype("<u8").tobytes(), f"{split}.ds.metadata": metadata.encode()}
    return {}


def _megatron_index(ends: np.ndarray, dtype: np.dtype) -> bytes:
    """Return the index of sequences that end at `ends`, each a document: lengths, byte offsets, document edges."""
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    return b"".join(
        (
            MAGIC,
            struct.pack("<QBQQ", VERSION, CODES[dtype.name], ends.size, ends.size + 1),
            (ends - starts).astype("<i4").tobytes(),
            (starts * dtype.itemsize).astype("<i8").tobytes(),
            np.arange(ends.size + 1, dtype="<i8").tobytes(),
        )
    )
