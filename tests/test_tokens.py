"""Tokens from text: phrase by phrase exactly what the tokenizer makes of the whole text; bad tokenizers are refused."""

import itertools
import json

import numpy as np
import pytest
import tokenizers
from helpers import run

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.draw import new_state
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.task.phrases import Codes, PhraseTable
from synthgen.tokens.tokenizer import BYTES, WORDS, byte_symbols, cuts

END = "<|endoftext|>"
TEXTS = ("bios-online", "bios-multi5-fullname", "bios-rewrite5", "cfg-english", "cfg3f-cut50", "igsm-med-pq")
LLAMA = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def texts_of(name, n=250):
    source = Source(load_spec(name, sets={"row_format": "document"} if name.startswith("cfg") else {}))
    return source.batch(0, n).column("text").to_pylist()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Byte-level BPEs trained on biographies and sentences: GPT-2's words, Llama's words, and words of no known kind."""
    folder = tmp_path_factory.mktemp("tokenizers")
    texts = [text for name in TEXTS[:4] for text in texts_of(name)]
    byte_level = tokenizers.pre_tokenizers.ByteLevel
    for name, pre in {
        "gpt2": byte_level(add_prefix_space=False),
        "llama": tokenizers.pre_tokenizers.Sequence(
            [
                tokenizers.pre_tokenizers.Split(tokenizers.Regex(LLAMA), "isolated"),
                byte_level(add_prefix_space=False, use_regex=False),
            ]
        ),
        "across": byte_level(add_prefix_space=False, use_regex=False),  # tokens may go on over spaces
    }.items():
        backend = tokenizers.Tokenizer(tokenizers.models.BPE())
        backend.pre_tokenizer = pre
        backend.decoder = tokenizers.decoders.ByteLevel()
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=1200, special_tokens=[END], initial_alphabet=byte_level.alphabet(), show_progress=False
        )
        backend.train_from_iterator(texts, trainer)
        backend.save(str(folder / f"{name}.json"))
    return folder


def tokenized(name, tokenizer, folder, **sets):
    spec = folder / f"{name}.toml"
    table = load_spec(name).resolved()
    import tomli_w

    table.pop("row_format")
    spec.write_text(tomli_w.dumps(table))
    kind = "prompt-completion" if name in TEXTS[4:] else ""
    return Source(load_spec(spec, sets={"tokenizer": tokenizer, "text_format": kind, **sets}))


def overlapping(places, start, end):
    inside = np.flatnonzero((places[:, 1] > start) & (places[:, 0] < end))
    return {"start": inside[0], "end": inside[-1] + 1}


@pytest.mark.parametrize("kind", ["gpt2", "llama", "across", WORDS])
@pytest.mark.parametrize("name", TEXTS)
def test_tokens_are_those_of_the_whole_text(files, name, kind, monkeypatch):
    source = tokenized(name, kind if kind == WORDS else f"{kind}.json", files)
    task = source.task()
    assert task.tokenizer.cuts_at_spaces == (kind != "across")
    plain = task.text.rows(0, 700, new_state())
    text = Source(load_spec(files / f"{name}.toml", sets={"row_format": task.text.row_format}))
    backend = task.tokenizer.backend
    from_text = task._from_text
    if kind != "across":

        def refuse(*_):
            raise AssertionError("the phrases were to be used, not the text")

        monkeypatch.setattr(task, "_from_text", refuse)
    batch = source.batch(0, 700).to_pylist()
    for row, own in zip(batch, text.batch(0, 700).to_pylist(), strict=True):
        whole = own.get("text") or own["prompt"] + own["completion"]
        encoding = backend.encode(whole, add_special_tokens=False)
        assert row["input_ids"] == encoding.ids
        assert task.tokenizer.decode(row["input_ids"]) == whole
        assert (row["id"], row["bits"], row["difficulty"]) == (own["id"], own["bits"], own["difficulty"])
        if "prompt" in own:
            mask = row["completion_mask"]
            first = mask.index(True)
            assert mask == [k >= first for k in range(len(mask))]
            assert task.tokenizer.decode(row["input_ids"][:first]) == own["prompt"]
        places = np.array(encoding.offsets)
        for span_kind, spans in (own.get("latent", {}).get("spans") or {}).items():
            expected = [overlapping(places, s["start"], s["end"]) for s in spans]
            assert row["latent"]["spans"][span_kind] == expected
    if kind != "across":
        assert from_text(task.tokenizer, plain.content, *_counts(plain.content))[0].ids.tolist() == [
            i for row in batch for i in row["input_ids"]
        ]
    else:
        assert task._encoder is None
    for row in batch[:20]:
        verdict = source.verify(row)
        assert verdict.correct, verdict.reason
        assert not source.verify({**row, "input_ids": row["input_ids"][:-1]}).correct
        assert not source.verify({**row, "input_ids": [*row["input_ids"], 5]}).correct
        assert not source.verify({**row, "input_ids": None}).correct


def _counts(content):
    from synthgen.task.phrases import measure

    return measure(content)[1], 0


def test_bytes_are_bytes_and_spans_count_them(tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "first_names.txt").write_text("Zoë\nÉva\nŠárka\n", encoding="utf-8")
    spec = tmp_path / "b.toml"
    spec.write_text('task = "bios"\ntokenizer = "bytes"\n[params]\npeople = 50\nlists = "lists"\n')
    source = synthgen.load(spec)
    assert (source.vocab.size, source.vocab.eos) == (258, 256)
    for row in source.batch(0, 50).to_pylist():
        data = bytes(row["input_ids"])
        for span in row["latent"]["spans"]["name"]:
            name = data[span["start"] : span["end"]].decode()
            assert name.split()[0] in ("Zoë", "Éva", "Šárka")
        assert source.verify(row).correct
    words = Source(load_spec(spec, sets={"tokenizer": WORDS}))
    for row in words.batch(0, 50).to_pylist():
        assert words.verify(row).correct


def test_markers_are_one_token_each(files):
    """In a GPT-2 vocabulary the bytes 0x80, 0x81 and 0x82 are the ids of the released layout; a file may have its own."""
    (files / "marked.toml").write_text('task = "igsm"\nparams = { layout = "markers", bins = "train" }\n')
    source = Source(load_spec(files / "marked.toml", sets={"tokenizer": "gpt2.json"}))
    tokenizer = source.task().tokenizer
    vocabulary = tokenizer.backend.get_vocab()
    symbols = byte_symbols()
    expected = [vocabulary[symbols[byte]] for byte in (0x80, 0x81, 0x82)]
    assert list(tokenizer.markers.values()) == expected
    table = json.loads((files / "gpt2.json").read_text())
    table["added_tokens"].append({**table["added_tokens"][0], "id": 1200, "content": "<|solution|>"})
    (files / "own.json").write_text(json.dumps(table))
    own = Source(load_spec(files / "marked.toml", sets={"tokenizer": "own.json"}))
    assert list(own.task().tokenizer.markers.values()) == [expected[0], 1200, expected[2]]
    for made, ids in ((source, expected), (own, [expected[0], 1200, expected[2]])):
        for row in made.batch(0, 40).to_pylist():
            tokens, mask = row["input_ids"], row["completion_mask"]
            assert [tokens.count(i) for i in ids] == [1, 1, 1]
            assert tokens[0] == ids[0] and tokens[mask.index(True) - 1] == ids[1]
            assert made.verify(row).correct
            assert not made.verify({**row, "input_ids": tokens[1:], "completion_mask": mask[1:]}).correct
    assert source.entropy(estimates=False).facts["markers"]["<|problem|>"] == expected[0]
    with pytest.raises(SynthgenError, match="one token"):
        Source(load_spec(files / "marked.toml", sets={"tokenizer": BYTES})).task()


def test_words_hold_every_word_of_the_lists():
    source = Source(load_spec("bios-online", sets={"tokenizer": WORDS}))
    for row in source.batch(0, 300).to_pylist():
        pieces = source.task().tokenizer.pieces(row["input_ids"])
        assert all(len(piece.strip()) > 1 or not piece.strip().isalpha() or piece.strip() in "aAId" for piece in pieces)
    assert source.vocab.names[source.vocab.eos] == END


def test_cuts():
    assert cuts("a bc d") == [1, 4]
    assert cuts(" a  b ") == [0]
    assert cuts("") == cuts(" ") == cuts("ab") == []


def broken(files, change):
    table = json.loads((files / "gpt2.json").read_text())
    change(table)
    return json.dumps(table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "is no tokenizer of the library"),
        (lambda t: t["model"]["vocab"].pop("Ġ"), "loses spaces"),
        (lambda t: t.update(added_tokens=[]) or t["model"]["vocab"].pop(END), "has no token '<|endoftext|>'"),
        (lambda t: t["pre_tokenizer"].update(type="ByteLevel", add_prefix_space=True), "add_prefix_space"),
        (lambda t: t.update(normalizer={"type": "Lowercase"}), "normalizer changes the text"),
        (lambda t: t["model"].update(dropout=0.1), "dropout makes tokens random"),
        (lambda t: t.update(pre_tokenizer={"type": "Whitespace"}), "loses spaces: 'A b' comes back as 'Ab'"),
    ],
)
def test_bad_tokenizers_are_refused(files, tmp_path, change, message):
    text = "{" if change is None else None
    if text is None:
        table = json.loads((files / "gpt2.json").read_text())
        change(table)
        table["model"]["merges"] = (
            [m for m in table["model"]["merges"] if "Ġ" not in "".join(m)]
            if "Ġ" not in table["model"]["vocab"]
            else table["model"]["merges"]
        )
        if "Ġ" not in table["model"]["vocab"]:
            kept = {"".join(m) for m in table["model"]["merges"]}
            table["model"]["vocab"] = {
                k: v for k, v in table["model"]["vocab"].items() if len(k) == 1 or k in kept or k == END
            }
        text = json.dumps(table)
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(SynthgenError, match=message):
        tokenized("bios-single", "t.json", tmp_path).task()
    done = run("show", tmp_path / "bios-single.toml", "--set", "tokenizer=t.json")
    assert done.returncode == 2
    assert message.split("|")[0].rstrip("<'") in done.stderr
    assert "Traceback" not in done.stderr


def test_other_mistakes_are_told(files):
    with pytest.raises(SynthgenError, match="no such file"):
        tokenized("bios-single", "missing.json", files)
    with pytest.raises(SynthgenError, match="has no token '</s>'"):
        tokenized("bios-single", "gpt2.json", files, end_token="</s>").task()
    with pytest.raises(SynthgenError, match="goes with a tokenizer"):
        load_spec("bios-single", sets={"text_format": "document"})
    with pytest.raises(SynthgenError, match="no prompt-completion"):
        load_spec("bios-single", sets={"text_format": "prompt-completion", "tokenizer": BYTES})


def test_a_prompt_must_end_where_a_token_does(files):
    """A prompt cut inside a word has other tokens than the whole text: that is told, not trained on."""
    task = tokenized("bios-online", "gpt2.json", files).task()
    table = PhraseTable(["She works for Univ", "ersity", "s", "she works "])
    for codes, ends in (([0, 1], [1, 2]), ([3, 2], [1, 2])):  # "Univ|ersity", and a prompt that ends with a space
        content = Codes(table, np.array(codes, np.int32), np.array(ends), parts=2)
        with pytest.raises(SynthgenError, match="row 7: the tokens of prompt and completion are not those of both"):
            task.tokenized(content, first=7)


def test_a_tokenized_dataset_is_checked_and_made_again(files, tmp_path):
    spec = files / "bios-online.toml"
    for tokenizer in ("gpt2.json", WORDS, BYTES):
        out, again = tmp_path / f"{tokenizer}-a", tmp_path / f"{tokenizer}-b"
        done = run("generate", spec, "--set", f"tokenizer={tokenizer}", "--rows", 500, "--out", out)
        assert done.returncode == 0, done.stderr
        assert run("check", out).returncode == 0
        manifest = json.loads((out / "manifest.json").read_text())
        assert "input_ids" in manifest["columns"]
        saved = tokenizers.Tokenizer.from_file(str(out / "tokenizer.json"))
        text = saved.decode(synthgen.open(out)["train"][3]["input_ids"])
        assert text == synthgen.load("bios-online").row(3)["text"]
        assert json.loads((out / "tokenizer_config.json").read_text())["eos_token"] == END
        assert run("generate", out / "spec.toml", "--out", again).returncode == 0
        there = json.loads((again / "manifest.json").read_text())
        assert [s["sha256"] for s in manifest["shards"]] == [s["sha256"] for s in there["shards"]]


def test_mixtures_of_texts_are_tokenized_together(files):
    from pathlib import Path

    from synthgen.spec.spec import spec_of_table

    components = [{"spec": "bios-online", "weight": 1, "domain": "<useful> "}, {"spec": "cfg-english", "weight": 1}]
    for unit in ("rows", "windows"):
        table = {"task": "mixture", "params": {"component": components, "unit": unit}, "tokenizer": WORDS}
        table["text_format"] = "document"
        components[1]["spec"] = {"task": "cfg", "row_format": "document", "params": {"grammar": "english"}}
        components[1]["name"] = "english"
        source = Source(spec_of_table(table, "mixed", Path()))
        for row in source.batch(0, 40).to_pylist():
            verdict = source.verify(row)
            assert verdict.correct, verdict.reason
        fields = ["input_ids", "targets", "kinds"]
        batch = next(iter(synthgen.windows(source, 128, batch_size=16, fields=fields)))
        assert ((batch["kinds"] == batch["kinds"][:, :1]).all()) == (unit == "windows")
        assert set(batch["kinds"].flatten().tolist()) == {0, 1}


def test_two_rows_of_one_person_are_refused():
    params = {"people": 3}

    def take(windows, n):
        return list(itertools.islice(iter(windows), n))

    with pytest.raises(SynthgenError, match="are both about person"):
        take(synthgen.windows("bios-multi5", 512, tokenizer="bytes", params=params), 5)
    take(synthgen.windows("bios-multi5", 512, tokenizer="bytes", params=params, neighbours="allow"), 5)
    take(synthgen.windows("bios-multi5", 512, tokenizer="bytes"), 100)
    take(synthgen.windows("bios-online", 512, tokenizer="bytes", params=params), 5)
