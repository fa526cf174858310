"""A run's ids as a tokenizer of `transformers`: what made its tokens, or a name for each id that a task writes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from synthgen.task.rows import Vocab
from synthgen.tokens.saved import CONFIG_FILE, config_of, save_files, vocabulary_files
from synthgen.train.batches import RunData


def save_tokenizer(data: RunData, folder: Path) -> None:
    """Write the tokenizer of a run's ids into a folder, as `AutoTokenizer` reads it."""
    vocab = vocab_of(data)
    files = data.sources[0].task.tokenizer_files() or vocabulary_files(vocab)
    save_files({**files, CONFIG_FILE: config_of(vocab, data.settings.model.context)}, folder)


def vocab_of(data: RunData) -> Vocab:
    """Return the ids that a run's model has: those of its rows, with the marks that the run begins rows with."""
    _, end, pad = data.vocabulary.specials
    return dataclasses.replace(data.vocabulary.vocab, size=data.size, bos=data.start_of(0), eos=end, pad=pad)
