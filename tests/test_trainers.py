"""What trainers read: indices of token files by their documented layout, streams of windows, and states to go on from."""

import itertools
import json
import struct

import numpy as np
import pytest
import torch

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.spec import load_spec
from synthgen.train.torch_windows import WindowDataset
from synthgen.windowing.packing import IGNORED
from synthgen.windowing.token_files import write_bins

CUT = load_spec("cfg3f-cut50", sets={"row_format": "tokens"})
ROWS = 120


def megatron(prefix):
    """Read PREFIX.idx and PREFIX.bin by what Megatron-Core's `indexed_dataset.py` says of them; return sequences."""
    raw = prefix.with_name(prefix.name + ".idx").read_bytes()
    assert raw[:9] == b"MMIDIDX\x00\x00"
    version, code, sequences, edges = struct.unpack_from("<QBQQ", raw, 9)
    assert (version, edges) == (1, sequences + 1)
    at = 9 + 8 + 1 + 8 + 8
    lengths = np.frombuffer(raw, "<i4", sequences, at)
    pointers = np.frombuffer(raw, "<i8", sequences, at + 4 * sequences)
    documents = np.frombuffer(raw, "<i8", edges, at + 12 * sequences)
    assert at + 12 * sequences + 8 * edges == len(raw)
    assert documents.tolist() == list(range(edges))
    dtype = {1: np.uint8, 4: np.int32, 8: np.uint16}[code]
    data = prefix.with_name(prefix.name + ".bin").read_bytes()
    return [np.frombuffer(data, dtype, n, p).tolist() for n, p in zip(lengths, pointers, strict=True)]


def datatrove(path):
    """Read NAME.ds, .index, .loss and .metadata as datatrove's `TokenizedFile` writes them; return documents, losses."""
    ends = np.fromfile(f"{path}.index", "<u8").astype(int)
    tokens, losses = np.fromfile(path, "<u2"), np.fromfile(f"{path}.loss", bool)
    name, total, shown = path.with_name(path.name + ".metadata").read_text().split("\n")
    assert name.endswith("|2") and int(total) == tokens.size == losses.size == ends[-1]
    assert int(shown.replace(",", "")) == tokens.size
    return [part.tolist() for part in np.split(tokens, ends[:-1])], [
        part.tolist() for part in np.split(losses, ends[:-1])
    ]


def test_rows_stand_where_the_indices_say(tmp_path):
    source, bos = synthgen.Source(CUT), synthgen.Source(CUT).vocab.bos
    rows = source.batch(0, ROWS, "test").to_pylist()
    ids = [[bos, *row["input_ids"]] for row in rows]
    trained = [[True, *row["completion_mask"]] for row in rows]  # the marker has a loss, as with `completion`
    for format in ("megatron", "datatrove"):
        sidecar = write_bins(CUT, tmp_path / format, format=format, splits=["test"], rows=ROWS)["test"]
        assert sidecar["format"] == format and sidecar["masked"] == 50 * ROWS
    losses = megatron(tmp_path / "megatron/test.mask")
    assert megatron(tmp_path / "megatron/test") == ids
    assert losses == [[int(one) for one in row] for row in trained]
    assert datatrove(tmp_path / "datatrove/test.ds") == (ids, trained)
    plain = write_bins(CUT, tmp_path / "bin", splits=["test"], rows=ROWS)["test"]
    for format, name in (("megatron", "test.bin"), ("datatrove", "test.ds")):
        there = json.loads((tmp_path / format / "test.json").read_text())
        assert (there["sha256"], there["mask_sha256"]) == (plain["sha256"], plain["mask_sha256"]), name


def test_large_vocabularies_are_int32_for_megatron(tmp_path):
    write_bins("mano-l10", tmp_path, format="megatron", splits=["test"], rows=4)
    assert (tmp_path / "test.idx").read_bytes()[17] == 8
    from synthgen.task.rows import Vocab
    from synthgen.windowing.token_indices import token_dtype

    for size, format, name in (
        (65_499, "megatron", "uint16"),
        (65_500, "megatron", "int32"),
        (65_536, "bin", "uint16"),
        (65_537, "datatrove", "uint32"),
    ):
        assert token_dtype(format, Vocab(size, 0, 0, 0)).name == name


@pytest.mark.parametrize("format", ["megatron", "datatrove"])
def test_lost_indices_are_made_anew(tmp_path, format):
    sidecar = write_bins(CUT, tmp_path, format=format, splits=["test"], rows=20)["test"]
    name = next(iter(sidecar["index_files"]))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / name).unlink()
    assert write_bins(CUT, tmp_path, format=format, splits=["test"], rows=20)["test"] == sidecar
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    damaged = bytearray(before[name])
    damaged[-1] ^= 1
    (tmp_path / name).write_bytes(damaged)
    write_bins(CUT, tmp_path, format=format, splits=["test"], rows=20)
    assert (tmp_path / name).read_bytes() == bytes(damaged), "sizes alone are looked at"
    write_bins(CUT, tmp_path, format=format, splits=["test"], rows=20, verify=True)
    assert (tmp_path / name).read_bytes() == before[name]
    with pytest.raises(SynthgenError, match=r"is of another dataset \(format"):
        write_bins(CUT, tmp_path, format="bin", splits=["test"], rows=20)


# ---------------------------------------------------------------------------------------------------------------------
# Streams.


def columns_of(batch):
    """What a stream has of a batch of windows, by the long way."""
    ids, targets = batch["input_ids"].astype(int), batch["targets"]
    labels = np.full(ids.shape, IGNORED)
    kept = targets[:, :-1] != IGNORED
    labels[:, 1:][kept] = ids[:, 1:][kept]
    return {"input_ids": ids, "labels": labels, "attention_mask": (batch["document_ids"] >= 0).astype(int)} | (
        {"position_ids": batch["positions"].astype(int)}
    )


WAYS = {
    "chop": {},
    "pad": {"packing": "pad", "separator": "both"},
    "row": {"packing": "row", "separator": "bos", "loss": "completion"},
    "documents": {"attention": "document", "packing": "cut", "separator": "eos"},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_is_the_windows_in_their_order(way):
    settings = {"context": 320, "rows": 200, "epochs": 1, "lanes": 4, "split": "test", **WAYS[way]}
    fields = ("input_ids", "targets", "document_ids", "positions")
    expected = [columns_of(batch) for batch in synthgen.windows(CUT, batch_size=8, fields=fields, **settings)]
    stream = synthgen.windows(CUT, batch_size=8, **settings).to_datasets()
    assert stream.num_shards == 4
    names = list(stream.features)
    assert ("position_ids" in names) == (way == "documents")
    for format in (None, "torch"):
        batches = list(stream.with_format(format).iter(batch_size=8)) if format else None
        rows = list(itertools.chain(*(zip(*batch.values(), strict=True) for batch in batches))) if batches else None
        shown = [dict(zip(names, row, strict=True)) for row in rows] if rows else list(stream)
        assert len(shown) == sum(len(one["input_ids"]) for one in expected)
        for name in names:
            got = np.array([np.asarray(row[name]) for row in shown])
            assert np.array_equal(got, np.concatenate([one[name] for one in expected])), name
    if format == "torch":
        assert all(tensor.dtype == torch.int64 for tensor in batches[0].values())


def test_shards_share_the_windows_out_and_nothing_is_lost():
    settings = {"context": 1024, "rows": 700, "epochs": 1, "lanes": 3, "split": "test"}
    whole = synthgen.windows("cfg3f", **settings).to_datasets()
    every = sorted(map(tuple, whole.with_format("numpy")["input_ids"]))
    from datasets.distributed import split_dataset_by_node

    parts = [split_dataset_by_node(whole, rank, 3) for rank in range(3)]
    assert sorted(tuple(ids) for part in parts for ids in part.with_format("numpy")["input_ids"]) == every
    assert min(sum(1 for _ in part) for part in parts) > 0
    loader = torch.utils.data.DataLoader(whole.with_format("torch"), batch_size=None, num_workers=2)
    assert sorted(tuple(row["input_ids"].tolist()) for row in loader) == every
    with pytest.raises(SynthgenError, match="shards = 0: must be at least 1"):
        synthgen.windows("cfg3f", 64).to_datasets(0)


def test_a_reader_of_endless_shards_meets_all_lanes():
    """A finite corpus that goes round for ever: no shard waits for another to end."""
    stream = synthgen.windows("cfg3f", 64, rows=50, lanes=4, batch_size=2).to_datasets()
    feed = synthgen.windows("cfg3f", 64, rows=50, lanes=4, batch_size=2)
    expected = [row.tolist() for batch in itertools.islice(feed, 30) for row in batch["input_ids"]]
    assert [row["input_ids"] for row in itertools.islice(stream, 60)] == expected


def test_a_stream_goes_on_where_it_was():
    for format, used in ((None, 21), (None, 24), ("torch", 21), ("numpy", 8)):
        stream, again = (
            synthgen.windows("cfg3f", 64, lanes=4, batch_size=8).to_datasets().with_format(format) for _ in range(2)
        )
        rows = iter(stream)
        for _ in range(used):
            next(rows)
        state = json.loads(json.dumps(stream.state_dict()))
        expected = [list(row["input_ids"]) for row in itertools.islice(rows, 20)]
        again.load_state_dict(state)
        assert [list(row["input_ids"]) for row in itertools.islice(again, 20)] == expected, (format, used)


# ---------------------------------------------------------------------------------------------------------------------
# States of torch datasets.


def test_a_dataset_goes_on_from_its_state_dict():
    arguments = {"context": 64, "batch_size": 4, "lanes": 4, "rank": 1, "world_size": 2}
    data = WindowDataset("cfg3f", **arguments)
    assert data.state_dict() == {"rank": 1, "world_size": 2, "state": {"batch": 0, "lanes": {}}}
    next(iter(data))
    batches = iter(data)
    assert data.state_dict()["state"]["batch"] == 0, "of this iterator, not of the one before"
    for _ in range(5):
        next(batches)
    state = json.loads(json.dumps(data.state_dict()))
    expected = [next(batches)["input_ids"] for _ in range(4)]
    again = WindowDataset("cfg3f", **arguments)
    again.load_state_dict(state)
    assert again.state_dict() == state
    assert all(torch.equal(a["input_ids"], b) for a, b in zip(again, expected, strict=False))
    other = WindowDataset("cfg3f", **{**arguments, "rank": 0})
    with pytest.raises(SynthgenError, match="state: is of reader 1 of 2; go on with as many ranks and workers"):
        other.load_state_dict(state)
    with pytest.raises(SynthgenError, match="not one of WindowDataset"):
        again.load_state_dict({"rank": 1})
    with pytest.raises(SynthgenError, match="of another number of lanes"):
        WindowDataset("cfg3f", **{**arguments, "lanes": 2}).load_state_dict(state)


def test_batches_of_torchtitan():
    """Labels follow their inputs, and positions count from each row's start, or from the window's."""
    from synthgen.clients.torchtitan import TitanBatches

    data = TitanBatches("cfg3f", context=300, batch_size=4, lanes=2)
    plain = WindowDataset("cfg3f", context=300, batch_size=4, lanes=2, fields=("input_ids", "targets", "document_ids"))
    for (inputs, labels), batch in itertools.islice(zip(data, plain, strict=True), 3):
        assert torch.equal(inputs["input"], batch["input_ids"]) and torch.equal(labels, batch["targets"].long())
        assert (labels[:, :-1] == inputs["input"][:, 1:]).all()
        assert inputs["positions"].dtype == labels.dtype == torch.int64
        for positions, documents in zip(inputs["positions"], batch["document_ids"], strict=True):
            counts = [list(range(len(list(group)))) for _, group in itertools.groupby(documents.tolist())]
            assert positions.tolist() == list(itertools.chain(*counts))
    assert data.state_dict()["state"]["batch"] == 3
