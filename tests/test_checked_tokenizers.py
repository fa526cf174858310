"""Tokenizers of every kind: what comes back from its tokens has exact bits, masks and spans; what does not is refused."""

import json
import math

import numpy as np
import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.tokens.checked import CheckedTokenizer
from synthgen.tokens.tokenizer import Tokenizer

NAMES = ("cfg-english", "cfg3f-cut50", "bios-couple2")
SMALL = {"bios-couple2": {"people": 300}}
ROWS = 12


def plain(name):
    sets = {"row_format": "prompt-completion"} if name == "cfg3f-cut50" else {}
    return Source(load_spec(name, params=SMALL.get(name), sets=sets))


def word_piece():
    backend = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False)
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece(cleanup=False)
    return backend, trainers.WordPieceTrainer(
        vocab_size=900, special_tokens=["[UNK]", "[SEP]", "[CLS]"], show_progress=False
    )


def unigram():
    backend = tokenizers.Tokenizer(models.Unigram())
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    special = ["<unk>", "</s>"]
    return backend, trainers.UnigramTrainer(
        vocab_size=700, special_tokens=special, unk_token="<unk>", show_progress=False
    )


def sentence_piece():
    """A BPE of characters with the bytes of what it has none for, as Llama 2 has it."""
    backend = tokenizers.Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    return backend, trainers.BpeTrainer(vocab_size=900, special_tokens=special, show_progress=False)


def byte_level(normalizer=None):
    backend = tokenizers.Tokenizer(models.BPE())
    backend.normalizer = normalizer
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return backend, trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
    )


KINDS = {
    "byte-level": (byte_level, "<|end|>", Tokenizer),
    "qwen": (lambda: byte_level(normalizers.NFC()), "<|end|>", CheckedTokenizer),
    "sentence-piece": (sentence_piece, "</s>", CheckedTokenizer),
    "unigram": (unigram, "</s>", CheckedTokenizer),
    "word-piece": (word_piece, "[SEP]", CheckedTokenizer),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of Hugging Face tokenizers by name of kind, trained on generated text, and specs beside them."""
    home = tmp_path_factory.mktemp("hub")
    texts = [said(row) for name in NAMES for row in plain(name).batch(0, 60).to_pylist()]
    for kind, (make, end, _) in KINDS.items():
        backend, trainer = make()
        backend.train_from_iterator(texts, trainer)
        (home / kind).mkdir()
        backend.save(str(home / kind / "tokenizer.json"))
        role = "sep_token" if end == "[SEP]" else "eos_token"
        told = {"__type": "AddedToken", "content": end} if kind == "unigram" else end  # both forms are about
        (home / kind / "tokenizer_config.json").write_text(json.dumps({role: told, "eos_token_id": None}))
    return home


def said(row):
    return row["text"] if "text" in row else row["prompt"] + row["completion"]


def tokenized(home, name, kind, **sets):
    import tomli_w

    table = plain(name).spec.resolved()
    (home / f"{name}.toml").write_text(tomli_w.dumps(table))
    return Source(load_spec(home / f"{name}.toml", sets={"tokenizer": kind, **sets}))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_tokens_masks_spans_and_bits_are_those_of_the_text(home, kind, name):
    if (kind, name) == ("word-piece", "bios-couple2"):
        pytest.skip("its texts do not come back from WordPiece: see below")
    text, source = plain(name), tokenized(home, name, kind)
    task = source.task()
    assert type(task.tokenizer) is KINDS[kind][2]
    assert source.vocab.names == {source.vocab.eos: KINDS[kind][1]}
    backend = tokenizers.Tokenizer.from_file(str(home / kind / "tokenizer.json"))
    pairs = zip(text.batch(0, ROWS).to_pylist(), source.batch(0, ROWS).to_pylist(), strict=True)
    for number, (there, row) in enumerate(pairs):
        whole, ids = said(there), row["input_ids"]
        assert ids == backend.encode(whole, add_special_tokens=False).ids
        assert backend.decode(ids, skip_special_tokens=False) == whole == "".join(task.tokenizer.spelt(ids))
        assert (row["id"], row["bits"], row["difficulty"]) == (there["id"], there["bits"], there["difficulty"])
        if "prompt" in there:  # the mask covers the completion, and nothing else
            mask = row["completion_mask"]
            cut = mask.index(True)
            assert mask == [k >= cut for k in range(len(ids))]
            assert backend.decode(ids[:cut], skip_special_tokens=False) == there["prompt"]
            assert "".join(task.tokenizer.spelt(ids)[cut:]) == there["completion"]
        pieces = task.tokenizer.spelt(ids)
        begins = np.cumsum([0, *map(len, pieces)])
        for label, spans in (there.get("latent", {}).get("spans") or {}).items():
            for span, of_tokens in zip(spans, row["latent"]["spans"][label], strict=True):
                a, b = of_tokens["start"], of_tokens["end"]
                covered = whole[begins[a] : begins[b]]
                assert whole[span["start"] : span["end"]] in covered
                assert begins[a + 1] > span["start"] or not pieces[a], "no token too many"
            assert begins[b - 1] < span["end"]
        if number < 3:
            bits, of_characters = source.surprisals(row), text.surprisals(there)
            assert bits.shape == (len(ids) + 1,)
            assert math.isclose(bits.sum(), of_characters.sum(), abs_tol=1e-9)
            assert bits[-1] == of_characters[-1]
            for k, token in enumerate(bits[:-1]):
                assert math.isclose(token, of_characters[begins[k] : begins[k + 1]].sum(), abs_tol=1e-9)
            for k in (1, len(ids) // 2):  # nobody looks ahead
                assert np.isclose(task.surprisals(ids[:k], number)[:k], bits[:k]).all()
        assert source.verify(row).correct, source.verify(row).reason
        for wrong in (ids[:-1], [*ids, ids[-1]], [*ids, source.vocab.size], None):
            assert not source.verify({**row, "input_ids": wrong}).correct


def test_characters_of_several_tokens(home):
    """Of bytes that fall back all characters stand at the last; white space between two tokens is the second's."""
    tokenizer = tokenized(home, "cfg-english", "sentence-piece").task().tokenizer
    ((ids, places),) = tokenizer.encode(["the é dog"])
    assert "".join(tokenizer.spelt(ids)) == "the é dog" == tokenizer.decode(ids)
    at = tokenizer.spelt(ids).index("é")
    assert tokenizer.spelt(ids)[at - 1] == ""
    assert tokenizer.spelt(ids[:at]) == tokenizer.spelt(ids)[:at]
    assert places[at - 1] == places[at] == (4, 5), "both hold it"
    pieces = tokenized(home, "cfg-english", "word-piece").task().tokenizer
    ((ids, _),) = pieces.encode(["the dog"])
    assert "".join(pieces.spelt(ids)) == "the dog"
    assert [piece for piece in pieces.spelt(ids) if piece.startswith(" ")]
    assert pieces.pieces([*ids, pieces.vocab.size])[-1] == "?"
    with pytest.raises(ValueError, match="is no token"):
        pieces.decode([pieces.vocab.size])


@pytest.mark.parametrize("fields", [("input_ids", "token_bits", "row_ids")])
@pytest.mark.parametrize("kind", ["unigram", "sentence-piece"])
def test_windows_have_their_bits(home, kind, fields):
    source = tokenized(home, "cfg-english", kind)
    windows = synthgen.windows(source, 64, rows=8, epochs=1, lanes=1, packing="chop", fields=fields)
    bits = np.concatenate([batch["token_bits"].ravel() for batch in windows])
    expected = sum(source.surprisals(number).sum() for number in range(8))
    assert math.isclose(np.nansum(bits), expected, rel_tol=1e-5)


def lossy(home, kind, change, name="lossy.json"):
    table = json.loads((home / kind / "tokenizer.json").read_text())
    change(table)
    (home / name).write_text(json.dumps(table))
    return name


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("unigram", lambda t: t.update(normalizer={"type": "Lowercase"}), "its normalizer changes the text: 'A b' comes"),
        ("word-piece", lambda t: t["normalizer"].update(lowercase=True), "'A b' comes back as 'a b'"),
        ("qwen", lambda t: t.update(normalizer={"type": "Replace", "pattern": {"String": "a"}, "content": "e"}), "row 0: its text"),
        ("sentence-piece", lambda t: t["model"].update(dropout=0.1), "dropout makes tokens random"),
        ("sentence-piece", lambda t: t.update(decoder={"type": "Fuse"}), "row 0: its text does not come back .* becomes"),
    ],
)  # fmt: skip
def test_what_loses_text_is_refused(home, kind, change, message):
    file = lossy(home, kind, change)
    with pytest.raises(SynthgenError, match=message):
        tokenized(home, "cfg-english", file, end_token=KINDS[kind][1]).batch(0, 4)


def test_word_piece_does_not_know_what_stood_beside_a_hyphen(home):
    """BERT's decoder cannot tell `A-b` from `A - b`: the row is named, and what became of it."""
    source = tokenized(home, "bios-couple2", "word-piece")
    with pytest.raises(SynthgenError, match=r"row \d+: its text does not come back from its tokens: .* becomes .*"):
        source.batch(0, 200)


def test_folders_are_told_what_they_lack(home):
    (home / "empty").mkdir(exist_ok=True)
    with pytest.raises(SynthgenError, match=r"'empty': has no tokenizer\.json: make it with transformers'"):
        tokenized(home, "cfg-english", "empty")
    source = tokenized(home, "cfg-english", "unigram")
    assert (source.spec.tokenizer, source.spec.end_token) == ("unigram/tokenizer.json", "</s>")
    assert source.spec.resolved()["tokenizer"] == "assets/tokenizer.json"
    assert tokenized(home, "cfg-english", "unigram", end_token="<unk>").vocab.eos == 0, "what is told goes before"
    (home / "odd").mkdir()
    (home / "odd/tokenizer.json").write_bytes((home / "unigram/tokenizer.json").read_bytes())
    with pytest.raises(SynthgenError, match=r"has no token '<\|endoftext\|>' to end a text with; set end_token .*</s>"):
        tokenized(home, "cfg-english", "odd").task()
    (home / "odd/tokenizer_config.json").write_text("[]")
    with pytest.raises(SynthgenError, match=r"tokenizer_config\.json"):
        tokenized(home, "cfg-english", "odd")


@pytest.mark.slow
def test_a_dataset_is_checked_and_made_again(home, tmp_path):
    spec = tokenized(home, "cfg3f-cut50", "unigram").spec
    synthgen.generate(spec, tmp_path / "a", splits=["test"], rows=60, workers=1)
    check_folder(tmp_path / "a")
    again = synthgen.generate(tmp_path / "a/spec.toml", tmp_path / "b", splits=["test"], rows=60, workers=1)
    ids = synthgen.open(tmp_path / "b")["test"]["input_ids"]
    assert list(ids) == list(synthgen.open(tmp_path / "a")["test"]["input_ids"])
    assert again.content_id == Source(spec).spec.content_id


# ---------------------------------------------------------------------------------------------------------------------
# Saved, as transformers reads them.

SAVED = [
    ("bios-couple2", "words"),
    ("cfg-english", "bytes"),
    ("cfg3f-cut50", "unigram"),
    ("cfg3f", ""),
    ("mano-l10", ""),
]


def saved(home, name, tokenizer):
    if not tokenizer:
        return synthgen.load(name)
    return tokenized(home, name, tokenizer)


@pytest.mark.parametrize(("name", "tokenizer"), SAVED)
def test_saved_ids_are_those_of_the_rows(home, tmp_path, name, tokenizer):
    source = saved(home, name, tokenizer)
    folder = source.save_tokenizer(tmp_path / "tok")
    backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    vocab = source.vocab
    assert backend.get_vocab_size() == vocab.size
    config = json.loads((folder / "tokenizer_config.json").read_text())
    roles = [backend.token_to_id(config[f"{role}_token"]) for role in ("bos", "eos", "pad")]
    assert roles == [vocab.bos, vocab.eos, vocab.pad]
    texts = plain(name) if tokenizer else None
    for number, row in enumerate(source.batch(0, 30).to_pylist()):
        text = backend.decode(row["input_ids"], skip_special_tokens=False)
        assert backend.encode(text, add_special_tokens=False).ids == row["input_ids"]
        if texts is not None:
            assert text == said(texts.row(number))
        else:
            assert text.split(" ") == [vocab.names[i] for i in row["input_ids"]]


def test_text_without_a_tokenizer_cannot_be_saved(tmp_path):
    with pytest.raises(SynthgenError, match="has text rows and no tokenizer"):
        plain("cfg-english").save_tokenizer(tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "tokenizer"), SAVED)
def test_transformers_reads_what_is_saved(home, tmp_path, name, tokenizer):
    """With the real package: ids, roles and texts, of single texts and of a padded batch."""
    from transformers import AutoTokenizer

    source = saved(home, name, tokenizer)
    reader = AutoTokenizer.from_pretrained(source.save_tokenizer(tmp_path / "tok"))
    vocab = source.vocab
    assert len(reader) == vocab.size
    assert (reader.bos_token_id, reader.eos_token_id, reader.pad_token_id) == (vocab.bos, vocab.eos, vocab.pad)
    texts = []
    for row in source.batch(0, 30).to_pylist():
        text = reader.decode(row["input_ids"])
        assert reader(text, add_special_tokens=False)["input_ids"] == row["input_ids"]
        assert reader.decode(reader.encode(text, add_special_tokens=False)) == text
        texts.append(text)
    padded = reader(texts, padding=True, add_special_tokens=False)
    assert [sum(mask) for mask in padded["attention_mask"]] == [
        len(row) for row in source.batch(0, 30)["input_ids"].to_pylist()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_rows_have_the_ids_that_transformers_gives(home, kind):
    from transformers import AutoTokenizer

    reader, name = AutoTokenizer.from_pretrained(home / kind), "cfg3f-cut50"
    for there, row in zip(
        plain(name).batch(0, 200).to_pylist(), tokenized(home, name, kind).batch(0, 200).to_pylist(), strict=True
    ):
        assert reader(said(there), add_special_tokens=False)["input_ids"] == row["input_ids"]
