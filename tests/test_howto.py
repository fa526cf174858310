"""The lines that cards print on how to train: every one is run as it stands."""

import os
import subprocess
import sys

import pytest

import synthgen
from synthgen.howto import how_to_train, lessons
from synthgen.spec import load_spec


@pytest.mark.parametrize("name", ["cfg3f", "bios-single", "qa-extract"])
def test_every_lesson_runs(tmp_path, name):
    out = tmp_path / name
    synthgen.generate(name, out=out, splits=["train"], rows=300, workers=1)
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
    assert how_to_train(spec, name).count("```python") == len(own)


def test_trl_has_its_columns():
    """TRL's names of columns for prompt-completion data, and for tokenized data with a mask."""
    (code,) = [code for title, code in lessons(load_spec("qa-extract"), "x") if title.startswith("TRL")]
    assert '["prompt", "completion"]' in code
    masked = load_spec("cfg3f-cut50", sets={"row_format": "tokens"})
    (code,) = [code for title, code in lessons(masked, "x") if title.startswith("TRL")]
    assert '["input_ids", "completion_mask"]' in code
    assert '"completion_only_loss": True' in code
