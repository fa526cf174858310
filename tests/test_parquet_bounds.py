"""Parquet: a few bytes that stand for more than memory holds are refused before they are unpacked."""

import os
import resource

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.dataset import containers
from synthgen.dataset.containers import BATCH_BYTES
from synthgen.dataset.shards import read_batches, write_shard
from synthgen.errors import SynthgenError
from synthgen.windowing import folder_rows


def repeated(path, size, rows, groups=1, **options):
    """Write row groups of one text of `size` bytes, `rows` times: a dictionary of one value, and a run of zeros."""
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["x" * size]))
    table = pa.table({"id": np.arange(rows), "text": text})
    options = {"compression": "zstd", "store_schema": False, "dictionary_pagesize_limit": 1 << 30} | options
    with pq.ParquetWriter(path, table.schema, **options) as writer:
        for _ in range(groups):
            writer.write_table(table, row_group_size=1 << 30)
    assert path.stat().st_size < 100_000
    return path


@pytest.mark.parametrize(("size", "rows", "groups"), [(100_000_000, 4096, 1), (1_000_000, 300, 16)])
def test_ten_gigabytes_in_thirty_kilobytes_are_refused(tmp_path, size, rows, groups):
    path = repeated(tmp_path / "train.parquet", size, rows, groups)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SynthgenError, match="decodes to"):
        for _ in read_batches(path):
            pass
    used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert used < 3 * BATCH_BYTES


def test_values_that_repeat_what_stands_before_them_are_refused(tmp_path):
    table = pa.table({"text": ["x" * 1000] * 5000})
    options = {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}}
    pq.write_table(table, tmp_path / "a.parquet", **options)
    with pytest.raises(SynthgenError, match="DELTA_BYTE_ARRAY, which synthgen does not write"):
        list(read_batches(tmp_path / "a.parquet"))


@pytest.mark.parametrize("size", [3, 400, 5_000])
def test_shards_are_read_as_they_were_written(tmp_path, size):
    """Texts that repeat and that do not, batches of 4,096 rows, also where few are read at a time."""
    texts = [f"{i % 7}" * size if i % 3 else f"{i}" for i in range(10_000)]
    table = pa.table({"id": np.arange(10_000), "text": texts})
    batches = [table.slice(i, 4096).combine_chunks().to_batches()[0] for i in range(0, 10_000, 4096)]
    write_shard(iter(batches), table.schema, tmp_path / "a.parquet", "data/a.parquet", "train")
    read = list(read_batches(tmp_path / "a.parquet"))
    assert [batch.num_rows for batch in read] == [4096, 4096, 1808]
    assert pa.Table.from_batches(read).equals(table)
    only = list(read_batches(tmp_path / "a.parquet", ["id"]))
    assert pa.Table.from_batches(only).equals(table.select(["id"]))


def test_rows_that_would_be_refused_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "BATCH_BYTES", 1000)  # in the place of half a gigabyte
    row = pa.record_batch({"text": pa.array(["x" * 1000])})
    with pytest.raises(SynthgenError, match="take Arrow"):
        write_shard(iter([row]), row.schema, tmp_path / "a.parquet", "data/a.parquet", "train")
    assert not list(tmp_path.iterdir())


def test_a_pipe_in_the_place_of_a_shard_is_told(tmp_path):
    for ending in ("arrow", "parquet"):
        os.mkfifo(tmp_path / f"a.{ending}")
        with pytest.raises(SynthgenError, match="not a whole shard"):
            list(read_batches(tmp_path / f"a.{ending}"))


def test_a_shard_that_is_read_whole_is_bounded_as_a_whole(tmp_path, monkeypatch):
    """Batch by batch it may pass: for windows, all of it is held."""
    synthgen.generate("copy-tiny", tmp_path / "data", rows=500, format="parquet", workers=1)
    rows = folder_rows.FolderRows(tmp_path / "data", "train", None).read(0, 500)
    assert rows.ids.tolist() == [
        i for row in synthgen.load("copy-tiny").batch(0, 500)["input_ids"].to_pylist() for i in row
    ]
    monkeypatch.setattr(folder_rows, "LARGE", rows.ids.nbytes)  # of ids alone: masks and latents come on top
    monkeypatch.setattr(folder_rows, "RATIO", 1)
    with pytest.raises(SynthgenError, match="decodes to more than"):
        folder_rows.FolderRows(tmp_path / "data", "train", None).read(0, 500)
