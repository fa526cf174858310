"""TRL: rows as a dataset for its trainers, plain or as a chat. The reward is `Source.reward_function`.

trainer = GRPOTrainer(model, source.reward_function(mode="answer"), train_dataset=dataset(source, rows=10_000))
trainer = SFTTrainer(model, train_dataset=dataset(source, rows=10_000))
"""

from __future__ import annotations

import datasets

from synthgen.clients.questions import Questions
from synthgen.spec.source import Source


def dataset(
    source: Source, split: str = "train", rows: int = 1000, chat: bool = False, worded: bool = False
) -> datasets.Dataset:
    """Return the first rows of a split with the columns prompt, completion and difficulty.

    With `chat`, a prompt is a list of one message of the user, a completion one of the assistant, without the blanks at
    its edges; else they are texts, whose concatenation is what is trained on. With `worded` prompts have their
    rules in words, for models that never saw the data: a completion is still the row's. Raises SynthgenError for rows
    without prompts, or without such a wording, for a split that there is not, and for more rows than it has.
    """
    table: dict[str, list] = {"prompt": [], "completion": [], "difficulty": []}
    for one in Questions(source, split, rows, "strict", worded):
        said = [{"role": "assistant", "content": one.completion.strip()}] if chat else one.completion
        table["prompt"].append([{"role": "user", "content": one.prompt}] if chat else one.prompt)
        table["completion"].append(said)
        table["difficulty"].append(one.difficulty)
    return datasets.Dataset.from_dict(table)
