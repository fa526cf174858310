"""What a trainer asks of windows: single rows, fixed shares, orders of whole corpora, phrases, domains, spans."""

import itertools
from dataclasses import fields

import numpy as np
import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.spec import load_spec
from synthgen.windowing.folder_rows import FolderRows
from synthgen.windowing.packing import IGNORED
from synthgen.windowing.spec_rows import SpecRows

ROWS = {"packing": "row", "separator": "both", "trim": True}
"""One row a window: start, tokens -> tokens, end."""


def take(windows, n):
    return list(itertools.islice(iter(windows), n))


def tokens_of(spec, index):
    return synthgen.load(spec).row(index)["input_ids"]


def test_text_is_phrases_without_white_space():
    windows = synthgen.windows("bios-single", 200, tokenizer="phrases", params={"people": 30}, batch_size=8, **ROWS)
    (batch,), names = take(windows, 1), windows.vocab.names
    assert windows.vocab.size == len(names) + 2
    for i, row in enumerate(synthgen.load("bios-single", params={"people": 30}).batch(0, 8).to_pylist()):
        first, *ids = batch["input_ids"][i][batch["targets"][i] != IGNORED].tolist()
        words = [names[token] for token in ids]
        assert first == windows.vocab.bos
        assert "".join(words).replace(" ", "") == row["text"].replace(" ", "")


def test_phrases_of_several_data_share_their_ids():
    data = [("bios-single", 1), ("qa-extract", 1)]
    windows = synthgen.windows(data, 300, tokenizer="phrases", batch_size=2, mixing="fixed", lanes=1, **ROWS)
    (batch,) = take(windows, 1)
    assert batch["input_ids"].max() < windows.vocab.size
    assert synthgen.windows("qa-extract", 300, tokenizer="phrases").vocab.size < windows.vocab.size


def test_a_finite_corpus_comes_in_a_whole_new_order_at_every_pass():
    arrays = ["input_ids", "targets", "row_ids"]
    windows = synthgen.windows(
        "cfg3f", 800, rows=70, shuffle="corpus", shuffle_seed=5, batch_size=7, lanes=1, fields=arrays, **ROWS
    )
    seen = np.concatenate([batch["row_ids"][:, 0] for batch in take(windows, 30)])
    for turn in range(3):
        random = np.random.Generator(np.random.Philox(np.random.SeedSequence((5, 0, turn))))
        assert seen[70 * turn : 70 * (turn + 1)].tolist() == random.permutation(70).tolist()


def test_a_batch_holds_fixed_numbers_of_each_data_one_after_the_other():
    data = [("cfg3f", 2), ("cfg3f-perturb-t", 4)]
    windows = synthgen.windows(data, 800, batch_size=6, mixing="fixed", lanes=1, **ROWS)
    vocab = windows.vocab
    for step, batch in enumerate(take(windows, 3)):
        rows = [("cfg3f", 2 * step + k) for k in range(2)] + [("cfg3f-perturb-t", 4 * step + k) for k in range(4)]
        texts = [tokens_of(*row) for row in rows]
        width = 1 + max(map(len, texts))
        for ids, targets, text in zip(batch["input_ids"].tolist(), batch["targets"].tolist(), texts, strict=True):
            left = width - 1 - len(text)
            assert ids == [vocab.bos, *text, *[vocab.pad] * left]
            assert targets == [*text, vocab.eos, *[IGNORED] * left]
    with pytest.raises(SynthgenError, match="batch_size = 7: shares of 1 : 2 want a multiple of 3"):
        synthgen.windows(data, 800, batch_size=7, mixing="fixed", lanes=1, **ROWS)
    with pytest.raises(SynthgenError, match="leave out epochs"):
        synthgen.windows(data, 800, batch_size=6, mixing="fixed", rows=9, epochs=1)


def test_ranks_take_turns_with_batches_of_fixed_numbers():
    def batches(n, **place):
        data = [("cfg3f", 2), ("cfg3f-perturb-t", 4)]
        return take(synthgen.windows(data, 800, batch_size=6, mixing="fixed", lanes=1, **ROWS, **place), n)

    first, second = (batches(3, rank=rank, world_size=2) for rank in range(2))
    turns = [batch for pair in zip(first, second, strict=True) for batch in pair]
    for whole, part in zip(batches(6), turns, strict=True):
        assert whole["targets"].tolist() == part["targets"].tolist()


def test_any_batch_of_fixed_numbers_comes_at_once():
    def fresh():
        data = [("cfg3f", 3), ("cfg3f-perturb-t", 1)]
        arguments = {"rows": 50, "shuffle": "corpus", "batch_size": 4, "mixing": "fixed", "lanes": 1}
        return synthgen.windows(data, 800, **arguments, **ROWS)

    whole = take(fresh(), 60)
    windows = fresh()
    for step in (57, 3, 16, 17, 40):
        windows.load({"batch": step, "lanes": {}})
        assert next(iter(windows))["targets"].tolist() == whole[step]["targets"].tolist()


def test_a_lane_that_stands_too_far_is_wound_from_its_start():
    def fresh():
        return synthgen.windows("cfg3f", 100, batch_size=2, lanes=3)

    whole = take(fresh(), 9)
    first = fresh()
    take(first, 9)
    second = fresh()
    second.load({"batch": 4, "lanes": first.state()["lanes"]})
    assert next(iter(second))["input_ids"].tolist() == whole[4]["input_ids"].tolist()


@pytest.mark.parametrize("context", [40, 450])
def test_a_row_that_is_too_long_is_refused_where_its_batch_is(context):
    windows = synthgen.windows("cfg3f", context, batch_size=4, mixing="fixed", lanes=1, **ROWS)
    first = next(i for i in itertools.count() if len(tokens_of("cfg3f", i)) + 1 > context)
    batches = iter(windows)
    for _ in range(first // 4):
        next(batches)
    with pytest.raises(SynthgenError, match=rf"context = {context}: a row has \d+ tokens"):
        next(batches)


def test_rows_begin_with_a_token_of_their_data():
    data = [("cfg3f", 1), ("cfg3f-perturb-t", 1)]
    windows = synthgen.windows(data, 800, batch_size=4, mixing="fixed", lanes=1, domains=True, **ROWS)
    (batch,) = take(windows, 1)
    size = windows.vocab.size
    assert batch["input_ids"][:, 0].tolist() == [size, size, size + 1, size + 1]


def test_the_loss_is_of_one_kind_of_span(tmp_path):
    source = synthgen.load("depo1-tiny")
    synthgen.generate("depo1-tiny", tmp_path / "depo", splits=["train"], rows=12, shards=2)
    for data in (source, tmp_path / "depo"):
        (batch,) = take(synthgen.windows(data, 200, loss="span:answer", batch_size=12, lanes=1, **ROWS), 1)
        for i, row in enumerate(source.batch(0, 12).to_pylist()):
            inside = [k for span in row["latent"]["spans"]["answer"] for k in range(span["start"], span["end"])]
            assert np.flatnonzero(batch["targets"][i] != IGNORED).tolist() == inside
            assert [batch["targets"][i][k] for k in inside] == [row["input_ids"][k] for k in inside]
    with pytest.raises(SynthgenError, match=r"knows all, completion, mask.*span:answer"):
        synthgen.windows("depo1-tiny", loss="span:anwser")
    with pytest.raises(SynthgenError, match=r"shuffle = 'corpus': .* is endless"):
        synthgen.windows("cfg3f", shuffle="corpus")


@pytest.mark.parametrize("spec", ["depo1-tiny", "qa-extract", "cfg-curriculum"])
def test_every_source_reads_the_same_rows(spec, tmp_path):
    loaded = load_spec(spec, sets={"tokenizer": "words"} if spec == "qa-extract" else {})
    synthgen.generate(loaded, tmp_path / "data", splits=["train"], rows=30, shards=4)
    streamed, stored = SpecRows(synthgen.load(loaded)), FolderRows(tmp_path / "data", "train", None)
    for start, stop in ((0, 30), (5, 9), (7, 23)):
        first, second = (rows.read(start, stop, spans=True, bits=True) for rows in (streamed, stored))
        for field in fields(first):
            assert getattr(first, field.name).tolist() == getattr(second, field.name).tolist(), field.name


def test_columns_that_are_padding_alone_are_left_out():
    arrays = ["input_ids", "targets", "next_ids", "positions"]
    whole, trimmed = (
        take(synthgen.windows("cfg3f", 1000, packing="pad", fields=arrays, trim=trim), 6) for trim in (False, True)
    )
    assert min(batch["input_ids"].shape[1] for batch in trimmed) < 1000
    for long, short in zip(whole, trimmed, strict=True):
        width = short["input_ids"].shape[1]
        pad = synthgen.load("cfg3f").vocab.pad
        assert width == 1 + np.flatnonzero((long["targets"] != IGNORED).any(axis=0)).max()
        assert (long["input_ids"][:, width + 1 :] == pad).all()
        for name in ("targets", "next_ids", "positions"):
            assert (short[name] == long[name][:, :width]).all()
        assert (short["next_ids"][short["targets"] != IGNORED] == short["targets"][short["targets"] != IGNORED]).all()
