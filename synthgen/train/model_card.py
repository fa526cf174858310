"""The model card: what an exported model is, how it is loaded, and its loss beside the floor, accuracies, knowledge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from synthgen.dataset.plain_text import in_markdown

MOST_LINES = 24
"""Accuracies by difficulty that a card shows."""


def model_card(name: str, table: Mapping[str, Any], licence: str) -> str:
    """Return the card of a model, as Markdown with front matter; `table` is what `synthgen.json` holds."""
    matter = {
        "license": licence,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["synthgen", "physics-of-language-models", *(f"synthgen-{one['spec']}" for one in table["data"])],
    }
    parts = [_what(name, table), _loading(table), _figures(table), _limits()]
    head = yaml.safe_dump(matter, sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n" + "\n\n".join(part.strip() for part in parts if part) + "\n"


def _what(name: str, table: Mapping[str, Any]) -> str:
    streams = "\n".join(
        f"- {in_markdown((one['title'] or one['spec']).rstrip('.'))} (`{in_markdown(one['spec'])}`, split "
        f"{in_markdown(one['split'])}; content id `{one['content_id'][:16]}`)"
        for one in table["data"]
    )
    steps = f" for {table['training']['step']:,} steps" if "step" in table["training"] else ""
    return f"""# {in_markdown(name)}

A language model of {table["parameters"]:,} parameters, trained{steps} on synthetic data whose every bit is known, by
[synthgen](https://pypi.org/project/synthgen-lm/):

{streams}

`specs/` makes the same rows again, `settings.json` is the whole recipe, `synthgen.json` has every figure below."""


def _loading(table: Mapping[str, Any]) -> str:
    trust = ", trust_remote_code=True" if table["trust_remote_code"] else ""
    if trust:
        about = (
            "No architecture of `transformers` has its layers, so it comes with a modeling file of its own,\n"
            "`modeling_synthgen.py`, which imports torch and transformers alone; hence `trust_remote_code=True`."
        )
    else:
        about = f"It is a stock `{table['architecture']}`; biases that synthgen's models do not have are zero."
    what = (
        "The tokenizer cuts text."
        if table["text"]
        else "Its ids are not text: the tokenizer has a name for each,\nand a blank between two."
    )
    return f"""## Loading it

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("FOLDER"{trust})
tokenizer = AutoTokenizer.from_pretrained("FOLDER"{trust})
```

{about} {what}

Rows begin with `tokenizer.bos_token_id` and end with `tokenizer.eos_token_id`. A window has at most
{table["context"]:,} tokens, and a row of a batch is one document. Logits are those of the trainer's own model, to
{table["logits_differ_by"]:.1g} of the largest."""


def _figures(table: Mapping[str, Any]) -> str:
    evaluation = table["evaluation"]
    lines = [*_floor(evaluation), *_knowledge(evaluation), *_accuracies(evaluation)]
    body = "| measured | figure | |\n|---|---|---|\n" + "\n".join(f"| {a} | {b} | {c} |" for a, b, c in lines)
    why = "".join(f"\n\nNot measured ({key}): {in_markdown(text)}" for key, text in evaluation["why"].items())
    return f"## What it does\n\n{body if lines else ''}{why}"


def _floor(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    floor = evaluation["floor"]
    if floor is None:
        return
    yield (
        "loss, bits a token",
        f"{floor['model_bits_a_token']:.4f}",
        f"on {floor['rows']:,} fresh rows, ends counted",
    )
    yield "floor, bits a token", f"{floor['floor_bits_a_token']:.4f}", f"what a perfect model pays ({floor['status']})"
    yield (
        "above the floor",
        f"{floor['excess']:.4f} ± {floor['se']:.4f}",
        "bits a row" if floor["relative"] is None else f"bits a row, {100 * floor['relative']:.2f} % of the floor",
    )


def _knowledge(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    known = evaluation["knowledge"]
    if known is None:
        return
    yield (
        "bits a parameter",
        f"{known['bits_a_parameter']:.3f}",
        f"of {known['people']:,.0f} people; all there is to know would be {known['most']:.3f}",
    )


def _accuracies(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    scores = evaluation["scores"]
    if scores is None:
        return
    named = {f"rows right, {scores['split']}": scores["rows"]}
    by_difficulty = scores["by_difficulty"]
    if len(by_difficulty) > 1:
        named |= {f"rows of difficulty {key}": by_difficulty[key] for key in list(by_difficulty)[:MOST_LINES]}
    if "queries" in scores:
        named |= {"queries right": scores["queries"]}
    for name, accuracy in named.items():
        between = f"95 %: {accuracy['low']:.4f} to {accuracy['high']:.4f}, n = {accuracy['n']:,}"
        yield in_markdown(name), f"{accuracy['accuracy']:.4f}", between


def _limits() -> str:
    return """## What must not be concluded

It speaks of an invented world, knows nothing of ours, and is no assistant. Its figures are of this data and this budget
of training; whether an architecture or a method is better takes several seeds, and runs beside it."""
