"""Saved tokenizers: folders with the two files that `transformers.AutoTokenizer.from_pretrained` reads and writes.

    synthgen.load("mine.toml").save_tokenizer("tok")        # where mine.toml says tokenizer = "words"

Ids are those of the rows, and decoding gives their text. Of token rows without a tokenizer, as those of cfg, each id
has a name, and names stand apart by a space.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthgen.errors import SynthgenError
from synthgen.task.assets import read_asset
from synthgen.task.files import write_whole
from synthgen.task.foreign import read_json
from synthgen.task.rows import Vocab
from synthgen.tokens.checked import CheckedTokenizer
from synthgen.tokens.tokenizer import END, ByteTokenizer, Tokenizer, byte_symbols

TOKENIZER_FILE, CONFIG_FILE = "tokenizer.json", "tokenizer_config.json"

NO_UNKNOWN = "<unk>"
"""What the library would take for a strange word: no vocabulary has it, so a strange word is an error."""

ENDS = ("eos_token", "sep_token")
"""What may end a text by a folder's config, the first that it has: GPT-2 and Llama have the one, BERT the other."""


def tokenizer_files(tokenizer: Tokenizer | CheckedTokenizer | ByteTokenizer) -> dict[str, str]:
    """Return the files of a tokenizer, by name."""
    text = json.dumps(_of_bytes(), ensure_ascii=False) if isinstance(tokenizer, ByteTokenizer) else tokenizer.to_json()
    return {TOKENIZER_FILE: text, CONFIG_FILE: config_of(tokenizer.vocab)}


def vocabulary_files(vocab: Vocab) -> dict[str, str]:
    """Return the files of ids that a task makes itself: a name each, and a space between two."""
    names = names_of(vocab)
    special = sorted({vocab.bos, vocab.eos, vocab.pad})
    table = {
        **_table([(i, names[i]) for i in special]),
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "decoder": None,  # which is a space between two names
        "model": {"type": "WordLevel", "vocab": {name: i for i, name in enumerate(names)}, "unk_token": NO_UNKNOWN},
    }
    return {TOKENIZER_FILE: json.dumps(table, ensure_ascii=False), CONFIG_FILE: config_of(vocab)}


def names_of(vocab: Vocab) -> list[str]:
    """Return a name for every id, each its own and without white space: the vocabulary's, or else its number."""
    names: dict[str, int] = {}
    for i in range(vocab.size):
        name = "_".join(vocab.names.get(i, "").split()) or f"<{i}>"
        while name in names:
            name = f"{name}#{i}"
        names[name] = i
    return list(names)


def file_in(folder: str, end: str, files: Path) -> tuple[str, str]:
    """Return the file of a tokenizer's folder, which lies beside a spec, and the token that ends a text.

    That is `end`, unless it is the default: then it is what the folder's config says. Raises SynthgenError for a folder
    without a tokenizer, or with a config that is none.
    """
    place = read_asset(files, folder, "tokenizer")
    if not (place / TOKENIZER_FILE).is_file():
        raise SynthgenError(
            f"tokenizer = {folder!r}: has no {TOKENIZER_FILE}: make it with transformers' "
            f"AutoTokenizer.from_pretrained(...).save_pretrained({folder!r})"
        )
    if end == END and (place / CONFIG_FILE).is_file():
        config = read_json(place / CONFIG_FILE, dict[str, Any], "save the tokenizer again")
        for name in ENDS:
            told = config.get(name)
            told = told.get("content") if isinstance(told, dict) else told
            if isinstance(told, str) and told:
                return f"{folder.rstrip('/')}/{TOKENIZER_FILE}", told
    return f"{folder.rstrip('/')}/{TOKENIZER_FILE}", end


def save_files(files: Mapping[str, str], folder: str | Path) -> Path:
    """Write a tokenizer's files into a folder, whole or not at all; return the folder."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_whole(place / name, text)
    return place


def _table(added: list[tuple[int, str]]) -> dict[str, Any]:
    """Return what all files have, with special tokens (id, name)."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": name, **flags} for i, name in added],
        "normalizer": None,
        "post_processor": None,
    }


def _of_bytes() -> dict[str, Any]:
    vocab, level = ByteTokenizer.vocab, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    return {
        **_table(sorted(vocab.names.items())),
        "pre_tokenizer": {**level, "use_regex": False},
        "decoder": {**level, "use_regex": False},
        "model": {"type": "BPE", "vocab": {symbol: k for k, symbol in enumerate(byte_symbols())}, "merges": []},
    }


def config_of(vocab: Vocab, longest: int | None = None) -> str:
    """Return the file that says which tokens begin, end and fill texts, and how many tokens a text has at most."""
    names = names_of(vocab)
    table: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    table |= {"bos_token": names[vocab.bos], "eos_token": names[vocab.eos], "pad_token": names[vocab.pad]}
    table |= {"model_max_length": longest} if longest else {}
    return json.dumps(table, indent=1) + "\n"
