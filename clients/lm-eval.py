"""lm-eval on exported tasks: a tiny model of random weights, one that answers from the rows, and one that guesses."""

import importlib.metadata
import json
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

import lm_eval
import torch
from lm_eval.__main__ import cli_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import synthgen
from synthgen.cli import main

PAGE = (Path(__file__).parents[1] / "docs/clients/lm-eval.md").read_text("utf-8")
os.chdir(tempfile.mkdtemp())


class Says(LM):
    """A model whose answer follows from the row that is asked about."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer = answer

    def generate_until(self, requests, disable_tqdm: bool = False) -> list[str]:
        """Return an answer for each request."""
        assert all(request.args[0] == request.doc["prompt"] for request in requests)
        return [self.answer(request.doc) for request in requests]

    def loglikelihood(self, requests, disable_tqdm: bool = False) -> list:
        """Nothing here asks for it."""
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood


def save_model(source, folder: str) -> None:
    """Write a Llama of two small layers with random weights, and a tokenizer of the names of a source's tokens."""
    words = list(dict.fromkeys(["<pad>", "<eos>", "<unk>", *source.vocab.names.values()]))
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    special = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None}
    config = LlamaConfig(vocab_size=len(words), max_position_embeddings=512, **sizes, **special)
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)


def run(command, arguments: list[str]) -> None:
    """Run a program's entry point in this process, as its command line would."""
    sys.argv = arguments
    try:
        command()
    except SystemExit as ended:
        assert not ended.code, arguments


source = synthgen.load("mano-tiny")
save_model(source, "model")
shell, code = (re.search(rf"```{kind}\n(.*?)```", PAGE, flags=re.S)[1] for kind in ("sh", "python"))
exporting, evaluating = (shlex.split(line) for line in shell.splitlines())
run(main, exporting)
Path("tasks").rename("elsewhere").rename("tasks")  # a folder can be moved
run(cli_evaluate, [*evaluating, "--device", "cpu", "--batch_size", "8"])
(file,) = Path("results").rglob("results*.json")
written = json.loads(file.read_text())
names = ["synthgen_mano-tiny_test_l1", "synthgen_mano-tiny_test_l3"]
for name in names:
    split = name.removeprefix("synthgen_mano-tiny_")
    facts, told = source.entropy(split).facts, written["configs"][name]["metadata"]
    assert 0 <= written["results"][name]["acc,none"] < 0.7, written["results"][name]
    assert abs(written["results"][name]["chance,none"] - facts["guess_accuracy"]) < 1e-12  # the mean of equal ones
    assert told["chance"] == facts["guess_accuracy"]
    assert told["content_id"] == source.spec.content_id and told["chance_words"] == "the best constant answer is right"

# from the rows; wrong ones; and the best constant answer, which is right as often as it stands there
for says, right in (
    (lambda doc: doc["completion"], lambda row: 1.0),
    (lambda doc: f"Answer: {int(doc['completion'])}.", lambda row: 1.0),
    (lambda doc: str((int(doc["completion"]) + 1) % 7), lambda row: 0.0),
    (lambda doc: "0", lambda row: float(row["latent"]["answer"] == 0)),
):
    names_of_page = {"lm": Says(says)}
    exec(code, names_of_page)
    for name in names:
        split = name.removeprefix("synthgen_mano-tiny_")
        share = sum(map(right, source.batch(0, 40, split).to_pylist())) / 40
        result = names_of_page["results"][name]
        assert result["acc,none"] == result["score,none"] == result[f"acc_difficulty_{split[-1]},none"] == share, result

# solutions step by step, of several difficulties
run(main, shlex.split("synthgen export lm-eval igsm-med-pq solutions --split test --rows 8 --mode steps --set op=4"))
manager = TaskManager(include_path="solutions", include_defaults=False)
igsm = synthgen.load("igsm-med-pq", params={"op": 4})
rows = igsm.batch(0, 8, "test").to_pylist()
answer_alone = lambda doc: doc["completion"].rpartition(" Answer:")[2]  # noqa: E731
for says, accuracy in ((lambda doc: doc["completion"], 1.0), (answer_alone, 0.0)):
    result = lm_eval.simple_evaluate(Says(says), tasks=["synthgen_igsm-med-pq_test"], task_manager=manager)["results"]
    metrics = result["synthgen_igsm-med-pq_test"]
    assert metrics["acc,none"] == accuracy
    assert {f"acc_difficulty_{row['difficulty']},none" for row in rows} <= set(metrics)

run(main, shlex.split("synthgen export lm-eval igsm-med-pq worded --split test --rows 8 --worded --set op=4"))
manager = TaskManager(include_path="worded", include_defaults=False)
wordings = [igsm.task("test").worded(row["prompt"]) for row in rows]
says = lambda doc: f"Answer: {rows[wordings.index(doc['prompt'])]['latent']['answer']}"  # noqa: E731
result = lm_eval.simple_evaluate(Says(says), tasks=["synthgen_igsm-med-pq_test"], task_manager=manager)["results"]
assert result["synthgen_igsm-med-pq_test"]["acc,none"] == 1

versions = {name: importlib.metadata.version(name) for name in ("lm-eval", "transformers", "torch")}
did = (
    "exported mano-tiny and igsm-med-pq: a random Llama on hf, right, wrong and constant answers; by difficulty, chance"
)
print(json.dumps({"client": "lm-eval", "versions": versions, "glue": 1, "did": did}))
