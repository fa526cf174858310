"""Training windows as a torch dataset: in the same order for any number of workers, and resumed with any."""

import itertools
import json

import torch
from torch.utils.data import DataLoader

import synthgen
from synthgen.train.torch_windows import WindowDataset

ARGUMENTS = {"context": 100, "batch_size": 4}


def batches(data, workers, n):
    loader = DataLoader(data, batch_size=None, num_workers=workers)
    return list(itertools.islice(iter(loader), n))


def same(a, b):
    return len(a) == len(b) and all(torch.equal(x["input_ids"], y["input_ids"]) for x, y in zip(a, b, strict=True))


def test_workers_change_neither_batches_nor_order():
    for rank in range(2):
        arguments = ARGUMENTS | {"rank": rank, "world_size": 2}
        plain = list(itertools.islice(iter(synthgen.windows("cfg3f", **arguments)), 12))
        for workers in (0, 1, 3):
            own = batches(WindowDataset("cfg3f", **arguments), workers, 12)
            for a, b in zip(own, plain, strict=True):
                assert a["input_ids"].dtype == a["targets"].dtype == torch.int64
                assert a["input_ids"].tolist() == b["input_ids"].tolist()
                assert a["targets"].tolist() == b["targets"].tolist()


def test_a_loader_goes_on_with_other_workers():
    whole = batches(WindowDataset("cfg3f", **ARGUMENTS), 0, 20)
    for before, after, stop in ((2, 3, 7), (0, 2, 5), (3, 0, 8)):
        data = WindowDataset("cfg3f", **ARGUMENTS)
        for batch in batches(data, before, stop):
            data.seen(batch)
        state = json.loads(json.dumps(data.state()))
        again = WindowDataset("cfg3f", **ARGUMENTS)
        again.load(state)
        assert same(batches(again, after, 20 - stop), whole[stop:])


def test_a_pass_ends_and_shows_every_row_once():
    seen = []
    fields = ["input_ids", "targets", "positions", "row_ids"]
    data = WindowDataset("cfg3f", context=1000, batch_size=3, packing="row", rows=700, epochs=1, fields=fields)
    for batch in DataLoader(data, batch_size=None, num_workers=2):
        seen += batch["row_ids"][batch["positions"] == 0].unique().tolist()
    assert sorted(row for row in seen if row >= 0) == list(range(700))
