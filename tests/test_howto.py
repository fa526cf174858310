"""The lines that cards print on how to train: every one is run as it stands."""

import os
import subprocess
import sys

import pytest
import tokenizers

import synthgen
from synthgen.publish.howto import lessons
from synthgen.spec.spec import load_spec


@pytest.mark.parametrize(
    "name", ["qa-extract", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cfg3f", "bios-single"))]
)
def test_every_lesson_runs(tmp_path, name):
    out = tmp_path / name
    people = {"people": 2_000_000} if name == "qa-extract" else None  # so that no two rows of a window are about one
    synthgen.generate(name, out=out, splits=["train"], rows=300, workers=1, params=people)
    spec = load_spec(name)
    own = lessons(spec, name)
    assert [title.split(":")[0] for title, _ in own][:2] == ["synthgen and torch", "datasets and a DataLoader"]
    code = "\n\n".join(code for _, code in own)
    tail = """
assert inputs.shape[0] == 8 and inputs.shape == targets.shape, inputs.shape
assert len(batch) == 8
assert len(example["input_ids"]) == len(example["labels"])
assert ids.size > 1000
"""
    # the spec's name finds the folder: data on the disk stands for the repository on the Hub
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "if __name__ == '__main__':\n" + "\n".join(f"    {line}" for line in (code + tail).splitlines()),
        ],
        cwd=tmp_path,
        env={**os.environ, "HF_HOME": str(tmp_path / "hf"), "TOKENIZERS_PARALLELISM": "false"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    titles = [title for title, _ in own]
    assert any(title.startswith("litgpt") for title in titles) == (spec.row_format != "tokens")
    if spec.row_format != "tokens":
        texts = [file.read_text() for file in (tmp_path / f"{name}-texts").glob("*.txt")]
        assert sum(text.count("<|endoftext|>") + 1 for text in texts) == 300


def _tiny_trainer(rows, arguments, tmp_path, tokenizer):
    import transformers
    import trl

    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_positions=arguments["max_length"], n_embd=16, n_layer=1, n_head=1
    )
    settings = trl.SFTConfig(
        output_dir=str(tmp_path / "run"), max_steps=2, per_device_train_batch_size=4, report_to=[], use_cpu=True,
        bf16=False, logging_steps=1, **arguments,
    )  # fmt: skip
    return trl.SFTTrainer(
        model=transformers.GPT2LMHeadModel(config), args=settings, train_dataset=rows, processing_class=tokenizer
    )


@pytest.mark.parametrize("name", ["qa-extract", "cfg3f-cut50"])
def test_trl_trains_on_the_rows_as_they_are(tmp_path, name, monkeypatch):
    """TRL's own trainer takes two steps; where the mask says so, the loss is the completion's alone."""
    pytest.importorskip("trl", reason="TRL is no part of the development environment")
    transformers = pytest.importorskip("transformers")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    spec = load_spec(name)
    synthgen.generate(spec, out=tmp_path / name, splits=["train"], rows=60, workers=1)
    (code,) = [code for title, code in lessons(spec, name) if title.startswith("TRL")]
    said: dict = {}
    exec(code, said)  # the very lines of the card
    words = sorted({word for row in said["rows"] for part in row.values() if isinstance(part, str) for word in part})
    size = 300 if words else synthgen.load(spec).vocab.size
    vocabulary = {word: k for k, word in enumerate(words)} | {f"<{k}>": k for k in range(len(words), size)}
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token=f"<{size - 1}>"))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex("."), "isolated")
    special = {"eos_token": f"<{size - 2}>", "pad_token": f"<{size - 3}>"}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **special)
    trainer = _tiny_trainer(said["rows"], said["arguments"], tmp_path, tokenizer)
    batch = next(iter(trainer.get_train_dataloader()))
    labels = batch["labels"]
    assert (labels >= 0).any() and (labels[:, 0] == -100).all() == said["arguments"]["completion_only_loss"]
    trainer.train()
    assert trainer.state.global_step == 2


def test_trl_has_its_columns():
    """TRL's names of columns for prompt-completion data, and for tokenized data with a mask."""
    (code,) = [code for title, code in lessons(load_spec("qa-extract"), "x") if title.startswith("TRL")]
    assert '["prompt", "completion"]' in code
    masked = load_spec("cfg3f-cut50", sets={"row_format": "tokens"})
    (code,) = [code for title, code in lessons(masked, "x") if title.startswith("TRL")]
    assert '["input_ids", "completion_mask"]' in code
    assert '"completion_only_loss": True' in code
