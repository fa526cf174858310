"""A run's ids as a tokenizer of `transformers`: the words tokenizer or file it was trained with, or names of ids.

Token rows have names for their ids (`s4.`, `define`), phrase tokens are phrases: those are looked up whole. Names are
parted by blanks, and where names have blanks themselves, as phrases do, one stands on a line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthgen.errors import missing
from synthgen.tokens.tokenizer import END, ByteTokenizer, Tokenizer, byte_symbols
from synthgen.train.architecture import library_of
from synthgen.train.batches import RunData


def save_tokenizer(data: RunData, folder: Path) -> None:
    """Write the tokenizer of a run's ids into a folder, as `AutoTokenizer` reads it.

    Raises SynthgenError where transformers or tokenizers is not installed.
    """
    library = library_of("a tokenizer in the format of transformers")
    start, end, pad = data.start_of(0), *data.vocabulary.specials[1:]
    names = names_of_ids(data)
    held = getattr(data.sources[0].task, "tokenizer", None)
    if isinstance(held, Tokenizer):
        backend: Any = held.backend
    elif isinstance(held, ByteTokenizer):
        backend = _bytes()
    else:
        backend = _names(names)
    if isinstance(held, Tokenizer | ByteTokenizer):
        names = [backend.id_to_token(i) or name for i, name in enumerate(names)]
    specials = {"bos_token": names[start], "eos_token": names[end], "pad_token": names[pad]}
    library.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        clean_up_tokenization_spaces=False,
        model_max_length=data.settings.model.context,
        **specials,
    ).save_pretrained(folder)


def names_of_ids(data: RunData) -> list[str]:
    """Return a name for each id of a run, no two alike: the task's own, or the id in brackets."""
    vocab = data.vocabulary.vocab
    names, used = [], set()
    for i in range(data.size):
        name = vocab.names.get(i, "")
        if not name and i in (vocab.bos, vocab.eos, vocab.pad):
            name = "<|pad|>" if i == vocab.pad else END
        if not name or name in used:
            name = f"<{i}>"
        used.add(name)
        names.append(name)
    return names


def _names(names: list[str]) -> Any:
    library = _tokenizers()
    backend = library.Tokenizer(library.models.WordLevel({name: i for i, name in enumerate(names)}))
    if any(name.split() != [name] for name in names):
        backend.pre_tokenizer = library.pre_tokenizers.Split("\n", "removed")
    else:
        backend.pre_tokenizer = library.pre_tokenizers.WhitespaceSplit()
    return backend


def _bytes() -> Any:
    library = _tokenizers()
    vocabulary = {symbol: byte for byte, symbol in enumerate(byte_symbols())}
    backend = library.Tokenizer(library.models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = library.decoders.ByteLevel()
    backend.add_special_tokens([ByteTokenizer.vocab.names[256], ByteTokenizer.vocab.names[257]])
    return backend


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise missing("tokenizers", "a tokenizer in the format of transformers") from None
    return tokenizers
