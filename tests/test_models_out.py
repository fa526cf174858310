"""Models out: what transformers loads is the model that was trained, to the last token."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from conformance.server import Hub
from helpers import HubClient, files, run

from synthgen.errors import CheckFailed, SynthgenError
from synthgen.tokens.saved import names_of
from synthgen.train import export
from synthgen.train.architecture import OURS, architecture_of, in_transformers
from synthgen.train.decode import complete
from synthgen.train.evaluation import evaluate, subject_of
from synthgen.train.export import export_model
from synthgen.train.id_tokenizer import save_tokenizer, vocab_of
from synthgen.train.loop import train
from synthgen.train.model import Transformer
from synthgen.train.presets import PRESETS
from synthgen.train.runs import load_run
from synthgen.train.settings import DataSettings, ModelSettings, RunSettings, TrainSettings
from synthgen.train.transformers_model import TransformersModel

torch.set_num_threads(1)

BOTH = (True, False)

VARIANTS = {
    "GPT2LMHeadModel": {"position": "learned", "mlp": "gelu-tanh"},
    "GPTNeoXForCausalLM": {"rope_share": 0.25, "tied": False},
    "LlamaForCausalLM": {"norm": "rms", "mlp": "gated"},
    "canon": {"canon": "ABCD"},
    "canon, gated": {"canon": "ABCD", "canon_residual": False, "mlp": "gated", "norm": "rms", "qk_norm": True},
    "bare": {"position": "none", "mlp": "none", "tied": False},
}


def model_of(vocabulary=40, **settings):
    torch.manual_seed(0)
    model = Transformer(ModelSettings(**({"layers": 2, "width": 32, "heads": 4, "context": 96} | settings)), vocabulary)
    with torch.no_grad():  # far from the small beginning, so that every part of the model counts
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    return model.eval()


def tiny(spec="copy-tiny", **changes):
    tables = {"model": {"layers": 1, "width": 16, "heads": 2, "context": 80}, "train": {"steps": 3, "warmup": 1}}
    for name in tables:
        tables[name] |= changes.pop(name, {})
    return RunSettings(
        data=(DataSettings(spec=spec, rows=4),),
        model=ModelSettings(**tables["model"]),
        train=TrainSettings(**tables["train"]),
        **changes,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A plain run and one with Canon layers, of token rows."""
    folder = tmp_path_factory.mktemp("runs")
    train(tiny(), folder / "plain")
    train(tiny(model={"canon": "ABCD", "mlp": "none"}), folder / "canon")
    return folder


@pytest.fixture(scope="module")
def exported(runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {name: (folder / name, export_model(runs / name, folder / name, rows=20)) for name in ("plain", "canon")}


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_the_same_model_and_says_the_same(name):
    """Logits to 1e-5 on whole windows; greedy generation token by token, from prompts of several lengths in a batch."""
    model = model_of(**VARIANTS[name])
    assert architecture_of(model.settings) == (name if name.endswith(("Model", "LM")) else OURS)
    theirs = TransformersModel(in_transformers(model, (0, 1, 2)))
    assert theirs.vocabulary == 40
    assert theirs.settings.context == 96
    ids = torch.randint(40, (3, 96), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert (model(ids) - theirs(ids)).abs().max() <= 1e-5
    prompts = [ids[0, :5].numpy(), ids[1, :17].numpy(), ids[2, :1].numpy()]
    said = [complete(one, prompts, end=39, most=40) for one in (model, theirs)]
    for ours, other in zip(*said, strict=True):
        assert ours.tolist() == other.tolist()
    assert max(map(len, said[0])) > 10


def test_padding_on_either_side_changes_nothing():
    model = model_of(canon="ABCD", position="rope")
    theirs = in_transformers(model, (0, 1, 2))
    ids = torch.randint(40, (1, 20), generator=torch.Generator().manual_seed(2))
    padded, mask = torch.full((2, 26), 7), torch.zeros((2, 26), dtype=torch.int64)
    padded[0, 6:], mask[0, 6:] = ids[0], 1
    padded[1, :20], mask[1, :20] = ids[0], 1
    with torch.no_grad():
        alone = model(ids)[0]
        left, right = theirs(padded, attention_mask=mask).logits
        labels = padded.where(mask.bool(), -100)
        loss = theirs(padded[1:], attention_mask=mask[1:], labels=labels[1:]).loss.item()
    assert torch.allclose(left[6:], alone, atol=1e-5)
    assert torch.allclose(right[:20], alone, atol=1e-5)
    assert loss == pytest.approx(torch.nn.functional.cross_entropy(alone[:-1], ids[0, 1:]).item(), abs=1e-5)


@pytest.mark.slow
def test_beams_are_those_of_a_model_that_remembers_nothing():
    theirs = in_transformers(model_of(canon="ABCD"), (0, 1, 2))
    ids = torch.randint(40, (2, 9), generator=torch.Generator().manual_seed(3))
    asked = {"max_new_tokens": 12, "num_beams": 3, "do_sample": False, "eos_token_id": 39, "pad_token_id": 39}
    said = [theirs.generate(ids, attention_mask=torch.ones_like(ids), use_cache=cached, **asked) for cached in BOTH]
    assert said[0].tolist() == said[1].tolist()


def test_which_presets_are_stock_architectures():
    kinds = {name: architecture_of(ModelSettings(**preset.model)) for name, preset in PRESETS.items()}
    canon = {"depo", "brevo", "mano", "lano", "copy"}
    assert {name for name, kind in kinds.items() if kind == OURS} == canon
    assert {kind for name, kind in kinds.items() if name not in canon} == {"GPTNeoXForCausalLM"}
    without = {name: ModelSettings(**(PRESETS[name].model | {"canon": ""})) for name in canon}
    assert {architecture_of(settings) for settings in without.values()} == {"LlamaForCausalLM"}
    assert architecture_of(ModelSettings(dropout=0.1, **VARIANTS["LlamaForCausalLM"])) == OURS, "Llama drops less"


def test_a_folder_is_whole_and_says_what_it_is(exported):
    for name, (folder, table) in exported.items():
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        stated = json.loads((folder / "synthgen.json").read_text())
        assert stated == json.loads(json.dumps(table))
        assert {*stated["files"], "synthgen.json", "README.md"} == there
        assert ("modeling_synthgen.py" in there) == stated["trust_remote_code"] == (name == "canon")
        card, floor = (folder / "README.md").read_text(), stated["evaluation"]["floor"]
        assert f"| loss, bits a token | {floor['model_bits_a_token']:.4f} |" in card
        assert (
            f"| floor, bits a token | {floor['floor_bits_a_token']:.4f} | what a perfect model pays (exact) |" in card
        )
        assert "| rows right, test |" in card
        assert ("trust_remote_code=True" in card) == (name == "canon")
        assert card.startswith("---\nlicense: cc0-1.0\nlibrary_name: transformers\n")


def test_an_exported_model_is_a_run_to_us_and_has_its_figures(runs, exported):
    for name, (folder, table) in exported.items():
        (ours, data), (theirs, same) = load_run(runs / name), load_run(folder)
        assert isinstance(theirs, TransformersModel)
        assert same.sources[0].source.spec.content_id == data.sources[0].source.spec.content_id
        assert same.batch(1).ids.tolist() == data.batch(1).ids.tolist()
        again = evaluate(subject_of(folder), rows=20).to_json()
        stated = table["evaluation"]
        assert again["scores"] == stated["scores"]
        assert again["parameters"] >= stated["parameters"] == ours.size, "a stock architecture has biases beside them"
        assert again["floor"]["model"] == pytest.approx(stated["floor"]["model"], rel=1e-6)
        assert again["floor"]["floor"] == stated["floor"]["floor"]


def test_the_tokenizer_has_a_name_for_every_id(runs, exported):
    import transformers

    folder, _ = exported["plain"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    _, data = load_run(runs / "plain")
    names, ids = names_of(vocab_of(data)), data.sources[0].read(0, 1).ids.tolist()
    assert tokenizer.convert_ids_to_tokens(range(data.size)) == names
    text = tokenizer.decode(ids)
    assert text == " ".join(names[i] for i in ids)
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == ids
    start, end, pad = data.vocabulary.specials
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (start, end, pad)


@pytest.mark.parametrize("cut", ["words", "bytes", ""])
def test_text_comes_back_from_its_tokenizer(cut, tmp_path):
    import transformers

    from synthgen.train.batches import RunData

    settings = tiny("know-retrieve-dual")
    stream = settings.data[0].model_copy(update={"tokenizer": cut, "params": {"people": 20}})
    data = RunData(settings.model_copy(update={"data": (stream,)}))
    save_tokenizer(data, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ids = data.sources[0].read(3, 4).ids.tolist()
    assert len(tokenizer) == data.size
    if cut:
        text = tokenizer.decode(ids)
        assert text == data.sources[0].task.tokenizer.decode(ids)
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == ids
    else:  # of phrases, which hold blanks, each is one name
        names = names_of(vocab_of(data))
        assert tokenizer.decode(ids) == " ".join(names[i] for i in ids)
        assert tokenizer(tokenizer.decode(ids), add_special_tokens=False)["input_ids"] == ids


def test_nothing_is_left_of_an_export_that_fails(runs, tmp_path, monkeypatch):
    with pytest.raises(SynthgenError, match="is no run"):
        export_model(tmp_path / "nothing", tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("mine")
    with pytest.raises(SynthgenError, match="is there already; name a new folder"):
        export_model(runs / "plain", tmp_path / "full")
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(CheckFailed, match="has other logits"):
        export_model(runs / "plain", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_the_commands(runs, exported, tmp_path):
    done = run("export", runs / "plain", tmp_path / "out", "--rows", 5, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["architecture"] == "GPTNeoXForCausalLM"
    assert "AutoModelForCausalLM loads it; its card is README.md" in done.stderr
    measured = run("evaluate", tmp_path / "out", "--rows", 20)
    floor = exported["plain"][1]["evaluation"]["floor"]
    assert f"loss {floor['model_bits_a_token']:.4f} bits a token, floor {floor['floor_bits_a_token']:.4f} (exact)" in (
        measured.stdout
    )
    for wrong, said in (
        (("export", runs / "plain"), "Missing argument 'DIR'"),
        (("export", tmp_path / "out", tmp_path / "more"), "is no run"),
        (("evaluate", tmp_path / "gone"), "there is no such folder"),
        (("evaluate", tmp_path), "holds no model of transformers: there is no config.json"),
        (("evaluate", tmp_path / "out", "mano-tiny"), "others; use the task `mixture`"),
    ):
        refused = run(*wrong)
        assert refused.returncode == 2, refused.stderr
        assert said in refused.stderr


# -- on the Hub -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with Hub(tmp_path_factory.mktemp("hub"), xet_on=False, page=4) as hub:
        yield hub


@pytest.fixture(scope="module")
def client(hub, tmp_path_factory):
    client = HubClient(hub, tmp_path_factory.mktemp("home") / "hub")
    yield client
    client.stop()


def tree_of(hub, repo):
    """Return the paths on main of a model repository; none if there is no such repository."""
    repos = hub.store.repos
    return set(repos[f"models/{repo}"].tree("main")) - {".gitattributes"} if f"models/{repo}" in repos else set()


def test_a_model_is_pushed_whole_and_comes_back_as_it_was(hub, client, exported, tmp_path):
    folder = shutil.copytree(exported["canon"][0], tmp_path / "canon")
    assert sorted(client.push(folder, "org/canon", dry_run=True)["done"]["sent"])[0] == "README.md"
    assert "models/org/canon" not in hub.store.repos, "a dry run sends nothing"
    hub.faults.plan("POST /api/models/.*/merge$", status=403)
    assert "not allowed" in client.push(folder, "org/canon")["error"]
    assert tree_of(hub, "org/canon") == set(), "nothing shows before all is there"
    done = client.push(folder, "org/canon")["done"]
    assert (done["done"], done["sent"]) == ("published", []), "what was sent is not sent again"
    repository = hub.repo("models/org/canon")
    assert repository.tags == {done["tag"]: repository.branches["main"]}
    assert not (folder / ".push").exists(), "nothing is left behind"
    assert "done" in client("snapshot", "org/canon", str(tmp_path / "down"), revision=done["tag"])
    down = {path: sha256 for path, sha256 in files(tmp_path / "down").items() if not path.startswith(".")}
    assert down == files(folder)
    again = client.push(folder, "org/canon")["done"]
    assert (again["done"], again["sent"], again["commit"]) == ("already published", [], done["commit"])
    (folder / "README.md").write_text((folder / "README.md").read_text() + "\nMore.\n")
    edited = client.push(folder, "org/canon", tag="v2")["done"]
    assert edited["sent"] == ["README.md"], "people may write on the card, and it alone is sent again"


@pytest.mark.slow
def test_faults_on_the_way_end_in_success(hub, client, exported, tmp_path):
    folder = shutil.copytree(exported["plain"][0], tmp_path / "plain")
    for pattern, kind in (("PUT /upload/", "status"), ("POST .*/commit/", "lost"), ("POST .*/merge$", "lost")):
        hub.faults.plan(pattern, kind)
    assert client.push(folder, "org/faults", private=True)["done"]["done"] == "published"
    assert tree_of(hub, "org/faults") == set(files(folder))
    assert hub.repo("models/org/faults").private


def test_another_model_is_refused_or_replaces_it(hub, client, exported, tmp_path):
    folder = shutil.copytree(exported["canon"][0], tmp_path / "canon")
    other = shutil.copytree(exported["plain"][0], tmp_path / "plain")
    client.push(folder, "org/two")
    assert "holds another model; put this one in its place with --replace" in client.push(other, "org/two")["error"]
    assert "modeling_synthgen.py" in tree_of(hub, "org/two")
    assert client.push(other, "org/two", replace=True)["done"]["done"] == "published"
    assert tree_of(hub, "org/two") == {*exported["plain"][1]["files"], "synthgen.json", "README.md"}
    (other / "model.safetensors").write_bytes(b"others")
    assert "model.safetensors: is not what was exported" in client.push(other, "org/three")["error"]
    assert "models/org/three" not in hub.store.repos
    assert "push it alone" in client.push(folder, "org/three", configs=["a"])["error"]


@pytest.mark.slow
def test_transformers_loads_it_from_the_hub(hub, client, exported, runs, tmp_path):
    folder = shutil.copytree(exported["canon"][0], tmp_path / "canon")
    tag = client.push(folder, "org/loaded")["done"]["tag"]
    code = (
        "import json, torch, transformers\n"
        f"where = dict(pretrained_model_name_or_path='org/loaded', revision={tag!r})\n"
        "model = transformers.AutoModelForCausalLM.from_pretrained(trust_remote_code=True, **where)\n"
        "tokenizer = transformers.AutoTokenizer.from_pretrained(trust_remote_code=True, **where)\n"
        "logits = model(torch.arange(30)[None]).logits\n"
        "print(json.dumps([logits.tolist(), tokenizer.decode(list(range(8)))]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=hub.env(tmp_path / "home"), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    logits, text = json.loads(done.stdout)
    model, data = load_run(runs / "canon")
    with torch.no_grad():
        assert (model(torch.arange(30)[None]) - torch.tensor(logits)).abs().max() <= 1e-5
    assert text == " ".join(names_of(vocab_of(data))[:8])


# -- in a fresh process -----------------------------------------------------------------------------------------------

FRESH = """
import json, sys
import torch
from transformers import AutoModelForCausalLM
torch.set_num_threads(1)
out = []
for folder, trust in zip(sys.argv[1:], (False, True)):
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=trust)
    assert not any(name == "synthgen" or name.startswith("synthgen.") for name in sys.modules)
    ids = torch.arange(60).reshape(2, 30) % 36
    with torch.no_grad():
        logits = model(ids).logits
    said = model.generate(ids[:, :9], attention_mask=torch.ones(2, 9), max_new_tokens=40, do_sample=False)
    out.append([logits.tolist(), said[:, 9:].tolist()])
print(json.dumps(out))
"""


@pytest.mark.slow
def test_a_fresh_process_without_synthgen_says_the_same(runs, exported):
    folders = [str(exported[name][0]) for name in ("plain", "canon")]
    done = subprocess.run([sys.executable, "-c", FRESH, *folders], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    for name, (logits, said) in zip(("plain", "canon"), json.loads(done.stdout), strict=True):
        model, data = load_run(runs / name)
        ids, end = torch.arange(60).reshape(2, 30) % 36, data.vocabulary.specials[1]
        with torch.no_grad():
            assert (model(ids) - torch.tensor(logits)).abs().max() <= 1e-5
        for ours, theirs in zip(complete(model, list(ids[:, :9].numpy()), end, 40), said, strict=True):
            assert ours.tolist() == np.array(theirs)[: len(ours)].tolist()
            assert len(ours) == 40 or theirs[len(ours)] == end
