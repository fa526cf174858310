"""Models that are not ours: measured by their logits alone, and trained by a dotted path."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import run
from test_checked_tokenizers import KINDS

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.train.decode import complete
from synthgen.train.evaluation import evaluate, subject_of
from synthgen.train.floor import FRESH, measure, model_bits
from synthgen.train.language_model import FromLogits, size_of
from synthgen.train.measures import people_losses
from synthgen.train.model import Transformer
from synthgen.train.probe import Asked, LinearProbe, probe_accuracy, train_probe
from synthgen.train.probed import ProbeSettings, probed, untrained
from synthgen.train.runs import load_run
from synthgen.train.score import judge_rows
from synthgen.train.settings import ModelSettings
from synthgen.train.transformers_model import TransformersModel
from synthgen.windowing.phrases import Vocabulary
from synthgen.windowing.spec_rows import SpecRows

torch.set_num_threads(1)

EXAMPLE = Path(__file__).parents[1] / "examples/model"


def uniform(ids):
    return torch.zeros((*ids.shape, 36))


def test_a_function_of_ids_is_measured_by_its_logits():
    corpus = SpecRows(synthgen.load("copy-tiny"), FRESH, vocabulary=Vocabulary())
    model = FromLogits(uniform, vocabulary=36, context=80)
    rows = corpus.read(0, 10)
    paid = model_bits(model, rows, corpus)
    assert paid.tokens == pytest.approx(math.log2(36))
    result = measure(model, corpus, 10)
    assert result.model == pytest.approx(math.log2(36) * result.tokens / 10)
    assert not result.impossible
    assert size_of(model) == 0
    assert judge_rows(model, corpus, 10).rows.share == 0


def test_without_a_memory_the_same_is_said():
    torch.manual_seed(0)
    ours = Transformer(ModelSettings(layers=1, width=16, heads=2, context=50, canon="A"), 12).eval()
    bare = FromLogits(lambda ids: ours(ids), 12, 50)
    prompts = [np.array([1, 2, 3]), np.array([4]), np.array([5] * 9)]
    for temperature in (0.0, 1.0):
        said = [complete(one, prompts, 11, 60, temperature, seed=5) for one in (ours, bare)]
        assert [row.tolist() for row in said[0]] == [row.tolist() for row in said[1]]


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """A small GPT-2 with random weights and the words of a world of 20 people, saved as transformers saves it."""
    import transformers

    from synthgen.tokens.tokenizer import END

    folder, spec = tmp_path_factory.mktemp("gpt2"), tmp_path_factory.mktemp("spec") / "people.toml"
    spec.write_text('task = "bios"\n[params]\npeople = 20\n[splits.train]\n')
    tokenizer = Source(load_spec(spec, sets={"tokenizer": "words"})).task().tokenizer
    tokens = {"bos_token": END, "eos_token": END, "pad_token": END}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend, **tokens).save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 256}
    end = tokenizer.vocab.eos
    config = transformers.GPT2Config(vocab_size=tokenizer.vocab.size, bos_token_id=end, eos_token_id=end, **shape)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder, spec


def test_a_model_of_transformers_reads_text_with_its_own_tokenizer(gpt2):
    folder, spec = gpt2
    subject = subject_of(folder, str(spec))
    assert isinstance(subject.model, TransformersModel)
    rows = subject.rows("train")
    assert rows.source.spec.row_format == "tokens"
    assert rows.source.task().tokenizer.decode(rows.read(0, 1).ids) == synthgen.load(spec).row(0)["text"]
    evaluation = evaluate(subject, rows=8, split="train")
    assert evaluation.floor.excess > 0
    assert evaluation.floor.status == "exact"
    assert evaluation.parameters == size_of(subject.model)
    corpus, start = subject.rows("train"), subject.start
    bits = -math.log2(math.e) * torch.log_softmax(
        subject.model(torch.tensor([[start, *corpus.read(0, 1).ids.tolist()]])), -1
    )
    ids = [*corpus.read(0, 1).ids.tolist(), corpus.vocab.eos]
    paid = model_bits(subject.model, corpus.read(0, 1), corpus, start)
    assert paid.rows(corpus.read(0, 1))[0] == pytest.approx(
        float(bits[0, range(len(ids)), ids].sum().detach()), rel=1e-5
    )


@pytest.fixture(scope="module")
def cut50(tmp_path_factory):
    """A spec with prompts in text, and texts of two specs to train tokenizers on."""
    spec = tmp_path_factory.mktemp("cut") / "cut50.toml"
    spec.write_text(load_spec("cfg3f-cut50", sets={"row_format": "prompt-completion"}).to_toml())
    rows = [*Source(load_spec(spec)).batch(0, 60).to_pylist(), *synthgen.load("bios-online").batch(0, 40).to_pylist()]
    return spec, [row.get("text") or row["prompt"] + row["completion"] for row in rows]


@pytest.mark.parametrize("kind", ["qwen", "sentence-piece", "unigram", "word-piece"])
def test_tokenizers_of_every_kind_are_taken_and_held_to_giving_texts_back(kind, cut50, tmp_path):
    """A folder as transformers saves one; only its tokenizer's kind differs from that of GPT-2."""
    import transformers

    spec, texts = cut50
    make, end, _ = KINDS[kind]
    backend, trainer = make()
    backend.train_from_iterator(texts, trainer)
    role = {"sep_token" if end == "[SEP]" else "eos_token": end}
    transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **role).save_pretrained(tmp_path)
    torch.manual_seed(0)
    last, size = backend.token_to_id(end), backend.get_vocab_size()
    shape = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 1024, "bos_token_id": None, "eos_token_id": last}
    transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=size, **shape)).save_pretrained(tmp_path)

    subject = subject_of(tmp_path, str(spec))
    row, rows = Source(load_spec(spec)).row(0, "test"), subject.rows("test").read(0, 1)
    ids = rows.ids.tolist()
    assert ids == backend.encode(row["prompt"] + row["completion"], add_special_tokens=False).ids
    assert subject.start == subject.source.vocab.eos == last
    bits = -torch.log_softmax(subject.model(torch.tensor([[last, *ids]])), -1) / math.log(2)
    paid = float(bits[0, range(len(ids) + 1), [*ids, last]].sum().detach())
    assert model_bits(subject.model, rows, subject.rows("test"), subject.start).rows(rows)[0] == pytest.approx(
        paid, rel=1e-5
    )
    evaluation = evaluate(subject, rows=2, split="test")
    assert evaluation.why == {} and evaluation.floor.excess > 0 and evaluation.scores.rows.of == 2

    if kind == "word-piece":  # its decoder sets blanks around apostrophes: a biography's text is lost
        lost = evaluate(subject_of(tmp_path, "bios-single"), rows=60, split="train", knowledge=False)
        assert lost.floor is None and "does not come back from its tokens" in lost.why["floor"]


def test_bits_a_parameter_and_probes_of_a_model_of_transformers(gpt2):
    folder, spec = gpt2
    subject = subject_of(folder, str(spec))
    corpus = subject.rows("train")
    name, values, _ = people_losses(subject.model, corpus, 20)
    assert name > math.log(20), "it knows nobody"
    known = evaluate(subject, rows=4, split="train").knowledge
    world = corpus.task.knowledge()
    assert known["bits_a_parameter"] == pytest.approx(world.ratio(size_of(subject.model), name, values))
    assert known["people"] == 20
    random = np.random.default_rng(0)
    ids, places = random.integers(0, 10, (200, 6)), random.integers(1, 6, 200)
    asked = Asked(ids, places, {"token": ids[np.arange(200), places]})
    probe = LinearProbe(subject.model, {"token": 10}, rank=2)
    train_probe(probe, asked.take(np.arange(100)), steps=150, lr=3e-2, weight_decay=0.01)
    assert probe_accuracy(probe, asked.take(np.arange(100, 200)))["token"] > 0.9
    scores = probed(subject.model, corpus, "name", ProbeSettings(taught=12, rows=8, steps=3), subject.start)
    assert {score.target for score in scores} == set(corpus.task.probings["name"].targets)
    texts = Source(load_spec(spec)).batch(12, 20).column("text").to_pylist()
    begun = [text for text in texts if re.match(r"[A-Z]\w+ [A-Z]\w+ [A-Z]\w+[ ']", text)]
    assert {score.model.of for score in scores} == {len(begun)} and begun, "a name behind facts would be no name alone"
    random_weights = untrained(subject.model, 1).state_dict()
    assert random_weights.keys() == subject.model.state_dict().keys()
    assert not torch.equal(random_weights["model.lm_head.weight"], subject.model.state_dict()["model.lm_head.weight"])


def test_what_does_not_fit_together_is_told(gpt2, tmp_path):
    folder, _ = gpt2
    with pytest.raises(SynthgenError, match="name a spec behind it"):
        subject_of(folder)
    with pytest.raises(SynthgenError, match=r"knows [\d,]+ ids, but rows of mano-l10 have 10,000"):
        subject_of(folder, "mano-l10")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SynthgenError, match="transformers cannot load it"):
        subject_of(tmp_path, "copy-tiny")


# -- trained by its dotted path ---------------------------------------------------------------------------------------


def test_a_class_of_ones_own_is_trained_saved_and_scored(tmp_path, monkeypatch):
    monkeypatch.chdir(EXAMPLE)
    out = tmp_path / "run"
    options = ("--set", "data.rows=4", "--set", "model.width=16", "--steps", 20, "--set", "train.eval_rows=8")
    done = run("train", "copy-tiny", "--model", "gru:Gru", "--out", out, *options, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["step"] == 20
    assert json.loads((out / "settings.json").read_text())["settings"]["architecture"] == "gru:Gru"
    model, data = load_run(out)
    assert type(model.function).__name__ == "Gru"
    assert measure(model, data.sources[0], 8).excess > 0
    assert json.loads(run("score", out, "--rows", 5, "--json").stdout)["rows"]["n"] == 5
    refused = run("export", out, tmp_path / "out")
    assert refused.returncode == 2
    assert "its model is no Transformer of synthgen" in refused.stderr


@pytest.mark.parametrize(
    ("path", "more", "said"),
    [
        ("gru", (), "name a class as my.module:Model"),
        ("nowhere:Model", (), "there is no module 'nowhere'"),
        ("gru:Lstm", (), "gru.py has no Lstm"),
        ("json:JSONDecoder", (), "is no class of torch.nn.Module"),
        ("gru:Gru", ("--set", "packing=chop", "--set", "attention=document"), "takes no `documents`"),
        ("gru:Gru", ("--set", "train.lora=4"), "LoRA knows our own model's layers alone"),
    ],
)
def test_a_class_that_cannot_be_trained_is_told(path, more, said, tmp_path, monkeypatch):
    monkeypatch.chdir(EXAMPLE)
    done = run("train", "copy-tiny", "--model", path, "--steps", 1, "--out", tmp_path / "run", *more)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr


def test_logits_of_another_shape_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flat_model.py").write_text(
        "from torch import nn\nclass Flat(nn.Module):\n def __init__(self, settings, vocabulary):\n"
        "  super().__init__()\n  self.table = nn.Embedding(vocabulary, 7)\n"
        " def forward(self, ids):\n  return self.table(ids)\n"
    )
    done = run("train", "copy-tiny", "--model", "flat_model:Flat", "--steps", 1, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "gave (2, 3, 7) for ids of (2, 3); forward is to return logits of (2, 3, 36)" in done.stderr
