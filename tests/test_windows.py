"""Training windows: packed as a plain-Python oracle packs them, the same for any ranks, after any stop, from anywhere."""

import itertools
import json
import pickle

import numpy as np
import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.windowing.blocks import block_rows
from synthgen.windowing.row_sources import row_sources_of


def cut50():
    """Rows with a part that is not trained on."""
    return Source(load_spec("cfg3f-cut50", sets={"row_format": "tokens"}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("windows") / "cfg3f"
    synthgen.generate("cfg3f", out=out, splits=["train"], rows=6000, shards=3, workers=1)
    return out


def take(windows, n):
    return list(itertools.islice(iter(windows), n))


def keyed(batches):
    """Return {batch number: bytes of its arrays}."""
    return {int(b["cursor"][0]): b["input_ids"].tobytes() + b["targets"].tobytes() for b in batches}


def lanes_of(windows, lanes):
    """Return the windows of every lane, in order: lists of (inputs, targets)."""
    own = [[] for _ in range(lanes)]
    for batch in windows:
        own[int(batch["cursor"][1])] += list(zip(batch["input_ids"].tolist(), batch["targets"].tolist(), strict=True))
    return own


def oracle(source, rows, context, packing, lanes, loss="all"):
    """Pack one pass over `rows` rows in plain Python: lanes of windows, each (inputs, targets)."""
    ((feed, _),) = row_sources_of(source, "train", rows, {})
    size, bos, pad = block_rows(feed, context), feed.vocab.bos, feed.vocab.pad
    packed = [[] for _ in range(lanes)]
    for lane in range(lanes):
        blocks = range(lane, -(-rows // size), lanes)
        own = [i for b in blocks for i in range(b * size, min(rows, (b + 1) * size))]
        texts = [source.row(i) for i in own]
        units = []  # (tokens, whether each is trained on)
        for row in texts:
            ids = row["input_ids"]
            mask = row.get("completion_mask", [True] * len(ids)) if loss != "all" else [True] * len(ids)
            units.append(([bos, *ids], [loss != "mask", *mask]))
        windows = []  # lists of (token, trained)
        if packing == "chop" and units:
            string = [pair for ids, mask in units for pair in zip(ids, mask, strict=True)] + [(bos, loss != "mask")]
            for start in range(0, len(string) - 1, context):
                windows.append(string[start : start + context + 1])
        else:
            now = []
            for ids, mask in units:
                unit = list(zip(ids, mask, strict=True))
                close = [(bos, loss != "mask")]
                if packing != "left" and len(unit) + 1 > context + 1:
                    continue
                whole = packing in ("pad", "row")
                if now and (
                    (whole and len(now) + len(unit) + 1 > context + 1) or packing == "row" or len(now) == context
                ):
                    windows.append(now + close)
                    now = []
                now = now + unit
                if len(now) >= context + 1:
                    windows.append(now[: context + 1])
                    now = []
            if now:
                windows.append(now + close)
        for window in windows:
            window = window + [(pad, False)] * (context + 1 - len(window))
            inputs = [token for token, _ in window[:-1]]
            packed[lane].append((inputs, [token if trained else -100 for token, trained in window[1:]]))
    return packed


@pytest.mark.parametrize("packing", ["chop", "cut", "left", "pad", "row"])
@pytest.mark.parametrize(
    ("spec", "context", "loss"), [("cfg3f", 300, "all"), (None, 700, "completion"), (None, 257, "mask")]
)
def test_windows_are_what_plain_python_packs(spec, context, loss, packing):
    source = synthgen.load(spec) if spec else cut50()
    rows = 1100
    windows = synthgen.windows(source, context, packing=packing, loss=loss, rows=rows, epochs=1, lanes=4, batch_size=7)
    expected = oracle(source, rows, context, packing, 4, loss)
    assert lanes_of(windows, 4) == expected
    whole = [window for lane in expected for window in lane]
    pad = windows.vocab.pad
    padding = sum(inputs.count(pad) for inputs, _ in whole)
    counts = windows.totals
    assert counts["windows"] == len(whole)
    assert counts["trained"] == sum(t != -100 for _, targets in whole for t in targets)
    assert counts["rows"] + counts["dropped"] == rows if packing != "cut" else counts["rows"] <= rows
    assert counts["tokens"] + counts["padding"] == len(whole) * context
    assert 0 <= counts["padding"] - padding <= len(whole)  # the closing marker predicts nothing
    if packing == "chop" and loss == "all":
        tokens = sum(len(row) for row in source.batch(0, rows).column("input_ids").to_pylist())
        assert counts["tokens"] == tokens + rows, "every token and every row's end is predicted once"


@pytest.mark.parametrize("packing", ["chop", "pad"])
def test_ranks_together_see_the_same_batches(packing):
    def batches(n, **arguments):
        return keyed(take(synthgen.windows("cfg3f", 128, packing=packing, batch_size=3, **arguments), n))

    whole = batches(120)
    for world_size in (2, 3, 5, 48):  # 5 does not divide the lanes: lanes are packed by several ranks
        parts = {}
        for rank in range(world_size):
            own = batches(120 // world_size, rank=rank, world_size=world_size)
            assert not parts.keys() & own.keys()
            parts |= own
        assert parts == {g: b for g, b in whole.items() if g <= 120 // world_size * world_size}


@pytest.mark.parametrize(
    "arguments",
    [
        {"data": "cfg3f", "packing": "chop"},
        {"data": "cfg3f", "packing": "cut", "attention": "document"},
        {"data": "cfg3f", "rows": 3000, "shuffle": True},
        {"data": "cfg3f", "rows": 3000, "order": "random"},
        {"data": "cfg3f", "rows": 3000, "epochs": 2, "packing": "pad"},
        {"data": [("cfg3f", 3), ("cfg3f-perturb-t", 1)]},
    ],
)
def test_a_run_goes_on_exactly_where_it_stopped(arguments):
    def fresh():
        return synthgen.windows(**arguments, context=200, batch_size=5, lanes=6)

    whole = keyed(take(fresh(), 90))
    for stop in (1, 7, 40, 89):
        first = fresh()
        take(first, stop)
        state = json.loads(json.dumps(first.state()))
        second = fresh()
        second.load(state)
        rest = keyed(take(second, len(whole) - stop))
        assert rest == dict(list(whole.items())[stop:])
        bare = fresh()
        bare.load({"batch": state["batch"], "lanes": {}})  # the integer alone: lanes are wound on from their start
        assert keyed(take(bare, min(3, len(whole) - stop))) == dict(list(whole.items())[stop : stop + 3])


def test_ranks_may_change_when_a_run_goes_on():
    whole = keyed(take(synthgen.windows("cfg3f", 100, batch_size=4), 30))
    states = []
    for rank in range(2):
        own = synthgen.windows("cfg3f", 100, batch_size=4, rank=rank, world_size=2)
        take(own, 6)
        states.append(own.state())
    rest = {}
    for rank in range(3):
        own = synthgen.windows("cfg3f", 100, batch_size=4, rank=rank, world_size=3)
        own.load({"batch": 12, "lanes": states[0]["lanes"] | states[1]["lanes"]})
        rest |= keyed(take(own, 6))
    assert rest == dict(list(whole.items())[12:])


def test_shards_and_streams_give_the_same_windows(folder, tmp_path):
    parquet = tmp_path / "parquet"
    synthgen.generate("cfg3f", out=parquet, splits=["train"], rows=6000, shards=2, workers=1, format="parquet")
    stream = keyed(take(synthgen.windows("cfg3f", 256, rows=6000, batch_size=8), 900))
    assert keyed(take(synthgen.windows(folder, 256, batch_size=8), 900)) == stream, "it goes round the same way too"
    assert keyed(take(synthgen.windows(parquet, 256, batch_size=8), 100)) == dict(list(stream.items())[:100])


def test_documents_positions_and_rows():
    fields = ["input_ids", "targets", "document_ids", "positions", "row_ids"]
    source = synthgen.load("cfg3f")
    for packing in ("chop", "pad"):
        (batch,) = take(synthgen.windows("cfg3f", 600, packing=packing, batch_size=20, fields=fields), 1)
        bos = source.vocab.bos
        for ids, documents, positions, rows in zip(
            *(batch[name] for name in ("input_ids", "document_ids", "positions", "row_ids")), strict=True
        ):
            inside = documents >= 0
            starts = np.flatnonzero((ids == bos) & inside)
            assert (positions[starts] == 0).all()
            assert positions[0] == documents[0] == 0
            assert (np.diff(documents[inside]) == (ids[inside][1:] == bos)).all()
            assert (np.diff(positions[inside])[ids[inside][1:] != bos] == 1).all()
            assert (rows[~inside] == -1).all()
            for start in starts[:2]:
                row = source.row(int(rows[start]))["input_ids"]
                shown = ids[start + 1 : start + 1 + len(row)]
                assert shown.tolist()[: len(row)] == row[: len(shown)]


def test_random_windows_are_pieces_of_the_token_string():
    source = synthgen.load("cfg3f")
    (batch,) = take(synthgen.windows("cfg3f", 150, order="random", batch_size=40), 1)
    string = [t for row in source.batch(0, 1024).column("input_ids").to_pylist() for t in (0, *row)]
    text = np.array(string, np.uint16).tobytes()
    for ids, targets in zip(batch["input_ids"], batch["targets"], strict=True):
        at = text.find(ids.tobytes())
        while at % 2:
            at = text.find(ids.tobytes(), at + 1)
        assert at >= 0
        assert string[at // 2 + 1 : at // 2 + 151] == targets.tolist()


def test_an_epoch_shows_each_row_once_in_an_order_of_its_own(folder):
    fields = ["input_ids", "targets", "row_ids", "document_ids", "positions"]
    seen = []
    for batch in synthgen.windows(folder, 256, packing="left", shuffle=True, epochs=2, fields=fields, batch_size=50):
        starts = (batch["positions"] == 0) & (batch["row_ids"] >= 0)
        seen += batch["row_ids"][starts].tolist()
    assert sorted(seen) == sorted([*range(6000)] * 2)
    once = keyed(take(synthgen.windows(folder, 256, epochs=1, packing="row"), 5000))
    assert len(once) < 6000, "rows too long for a window are dropped"


def test_members_have_exact_shares():
    windows = synthgen.windows([("cfg3f", 3), ("cfg3f-perturb-t", 1)], 100, batch_size=8, fields=["input_ids", "kinds"])
    for batch in take(windows, 20):
        kinds = batch["kinds"]
        assert (kinds == kinds[:, :1]).all(), "a window is of one member"
        assert (kinds[:, 0] == 1).sum() == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"context": 1}, "context = 1"),
        ({"packing": "chopped"}, "packing = 'chopped'"),
        ({"packing": "pad", "order": "random"}, "goes with packing = 'chop'"),
        ({"epochs": 1}, "is endless; say of how many rows"),
        ({"shuffle": True}, "is endless"),
        ({"rank": 2, "world_size": 2}, "rank 2 of 2"),
        ({"batch_size": 0}, "batch_size = 0"),
        ({"tail": "cut"}, "tail = 'cut'"),
        ({"fields": ["inputs"]}, "'inputs' is none"),
        ({"data": "bios-single"}, "has text rows"),
        ({"data": []}, "windows of nothing"),
        ({"data": [("cfg3f", 1), ("cfg3b", 0)]}, "weight 0"),
        ({"data": ["cfg3f", "cfg3e2"]}, "different vocabularies"),
        ({"data": "nowhere"}, "no spec named"),
    ],
)
def test_mistakes_are_told(arguments, message):
    with pytest.raises(SynthgenError, match=message):
        synthgen.windows(**{"data": "cfg3f", **arguments})


def test_windows_that_no_row_fits_are_told():
    with pytest.raises(SynthgenError, match="gave no window of 20 tokens"):
        take(synthgen.windows("cfg3f", 20, packing="pad"), 1)


def test_a_state_of_other_windows_is_told():
    windows = synthgen.windows("cfg3f", 64)
    take(windows, 3)
    for state in (
        {},
        {"batch": "x", "lanes": {}},
        {"batch": 1, "lanes": {"0": [1]}},
        {"batch": 1, "lanes": {"99": [0] * 4}},
    ):
        with pytest.raises(SynthgenError, match="state"):
            windows.load(state)


def test_datasets_and_transformers_columns(tmp_path, monkeypatch):
    windows = synthgen.windows(cut50(), 700, packing="pad", loss="completion", attention="document")
    (batch,) = take(synthgen.windows(cut50(), 700, packing="pad", loss="completion", attention="document"), 1)
    stream = windows.to_datasets()
    example = next(iter(stream))
    assert set(example) == {"input_ids", "labels", "attention_mask", "position_ids"}
    assert example["input_ids"] == batch["input_ids"][0].tolist()
    assert example["labels"][1:] == batch["targets"][0, :-1].tolist()
    assert sum(example["attention_mask"]) == int((batch["document_ids"] >= 0).sum())
    first = list(itertools.islice(iter(stream), 5))
    state = None
    for n, _ in enumerate(stream):
        if n == 2:
            state = stream.state_dict()
            break
    again = windows.to_datasets()
    again.load_state_dict(state)
    assert list(itertools.islice(iter(again), 2)) == first[3:]
    shared = windows.to_datasets(shards=2)
    assert shared.num_shards == 2


def test_windows_of_another_process(folder):
    windows = synthgen.windows(folder, 64)
    again = synthgen.windows(**pickle.loads(pickle.dumps(windows.arguments)))
    assert keyed(take(again, 2)) == keyed(take(windows, 2))
