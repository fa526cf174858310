"""TRL on a tiny model of random weights: SFT, then GRPO, plain and as a chat; rewards are what the verifier says."""

import importlib.metadata
import json
import os
import pickle
import re
import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import synthgen
from synthgen.clients.chance import chance_of
from synthgen.clients.trl import dataset

PAGE = Path(__file__).parents[1] / "docs/clients/trl.md"
TEMPLATE = "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} "
TEMPLATE += "{% if m['role'] == 'assistant' %}<eos>{% endif %}{% endfor %}"
TEMPLATE += "{% if add_generation_prompt %}assistant {% endif %}"
os.chdir(tempfile.mkdtemp())


def tokenizer_of(source) -> PreTrainedTokenizerFast:
    """Return a tokenizer of the names of a source's tokens, and of a chat's roles; texts are split at blanks."""
    words = ["<pad>", "<eos>", "<unk>", "user", "assistant", *source.vocab.names.values()]
    words = list(dict.fromkeys(words))
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
    fast.chat_template = TEMPLATE
    return fast


def model_of(tokenizer) -> LlamaForCausalLM:
    """Return a Llama of two small layers with random weights."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    special = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    return LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **sizes, **special))


class Recorded:
    """A reward function that keeps what it is handed, and what it said of it."""

    def __init__(self, reward) -> None:
        self.reward, self.seen, self.__name__ = reward, [], reward.__name__

    def __call__(self, prompts, completions, **columns) -> list[float]:
        scores = self.reward(prompts, completions, **columns)
        self.seen.append((prompts, completions, columns, scores))
        return scores


common = {"report_to": "none", "save_strategy": "no", "logging_steps": 1, "use_cpu": True, "bf16": False, "seed": 0,
          "gradient_checkpointing": False, "disable_tqdm": True}  # fmt: skip
sft_settings = {
    "output_dir": "sft",
    "max_steps": 60,
    "per_device_train_batch_size": 32,
    "learning_rate": 3e-3,
    **common,
}
grpo_settings = {"output_dir": "grpo", "max_steps": 3, "per_device_train_batch_size": 16, "num_generations": 8,
                 "max_completion_length": 3, "learning_rate": 1e-3, **common}  # fmt: skip

glue, shown = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)
source = synthgen.load("mano-tiny")
tokenizer = tokenizer_of(source)
for chat in (False, True):
    names = {"source": source, "tokenizer": tokenizer, "model": model_of(tokenizer)}
    names |= {"sft_settings": sft_settings, "grpo_settings": grpo_settings}
    exec(glue, names)
    if chat:
        names["rows"] = dataset(source, rows=256, chat=True)
    reward = names["reward"]
    names["reward"] = recorded = Recorded(reward)
    exec(shown, names)

    losses = [entry["loss"] for entry in names["sft"].state.log_history if "loss" in entry]
    assert losses[-1] < 0.7 * losses[0], losses
    mean = f"rewards/{reward.__name__}/mean"
    logged = [entry[mean] for entry in names["grpo"].state.log_history if mean in entry]
    assert len(logged) == 3 and reward.__name__ == "mano_tiny_answer"
    judged = [score for *_, scores in recorded.seen for score in scores]
    for prompts, completions, columns, scores in recorded.seen:
        assert {"difficulty", "completion_ids"} <= set(columns)
        assert all(isinstance(said, list if chat else str) for said in completions)
        for prompt, said, score in zip(prompts, completions, scores, strict=True):
            text = (prompt[-1]["content"], said[-1]["content"]) if chat else (prompt, said)
            assert source.verify(*text, mode="answer").score == score, (text, score)
    assert abs(sum(judged) / len(judged) - sum(logged) / 3) < 1e-6
    assert 0 < sum(judged) < len(judged), (judged, recorded.seen[0][1])
    assert all(torch.isfinite(parameter).all() for parameter in names["model"].parameters())
    right = [[{"role": "assistant", "content": str(row["latent"]["answer"])}] if chat else str(row["latent"]["answer"])
             for row in source.batch(0, 256).to_pylist()]  # fmt: skip
    again = pickle.loads(pickle.dumps(reward))
    assert again(names["rows"]["prompt"], right, difficulty=names["rows"]["difficulty"]) == [1.0] * 256
    constant = sum(again(names["rows"]["prompt"], right[:1] * 256)) / 256
    assert constant <= chance_of(source).value + 4 * (0.2 * 0.8 / 256) ** 0.5

igsm = synthgen.load("igsm-med-pq")
asked, rows = dataset(igsm, rows=8, chat=True, worded=True)["prompt"], igsm.batch(0, 8).to_pylist()
said = [[{"role": "assistant", "content": f"Answer: {row['latent']['answer']}"}] for row in rows]
assert all(row["prompt"] in prompt[0]["content"] for row, prompt in zip(rows, asked, strict=True))
assert igsm.reward_function(mode="answer")(asked, said) == [1.0] * 8

versions = {name: importlib.metadata.version(name) for name in ("trl", "transformers", "torch")}
did = "60 steps of SFT, 3 of GRPO, plain and as a chat, on mano-tiny; each reward is the verifier's, logged by its name"
glue = len([line for line in glue.splitlines() if line.strip()])
print(json.dumps({"client": "trl", "versions": versions, "glue": glue, "did": did}))
