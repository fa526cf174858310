"""Tokenizers: a `tokenizers` JSON file, `words` of a spec's own lists, or plain `bytes`; each loses nothing.

Of a byte-level BPE with a token for every byte it is proved that any text comes back as it was. Of any other file it is
seen at every text that is encoded (`synthgen.tokens.checked`). What puts rows apart is its end-of-text token.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from synthgen.errors import SynthgenError, missing
from synthgen.task.rows import Vocab

if TYPE_CHECKING:
    import tokenizers

BYTES, WORDS = "bytes", "words"
END = "<|endoftext|>"
FEW = 64
"""Texts below which starting the library's threads costs more than they save."""

SPLITS = (
    # What cuts text into words in GPT-2, and in GPT-4, Llama 3 and Qwen. None of them lets a word go on over a space
    # that stands between two other characters; that is all that `cuts` relies on.
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
)


def byte_symbols() -> list[str]:
    """Return the character that stands for each byte in byte-level vocabularies (GPT-2's table)."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    symbols = {byte: chr(byte) for byte in shown} | {byte: chr(256 + k) for k, byte in enumerate(hidden)}
    return [symbols[byte] for byte in range(256)]


MARKER_BYTE = 0x80
"""The byte whose token stands for the first marker, where a file has no token for it; no UTF-8 text begins with it.

In GPT-2's vocabulary these are the ids 222, 223, 224: those that the released iGSM data has.
"""


class BytePieces:
    """What follows of tokens that are bytes each; `decode_bytes` says which."""

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes behind ids. Raises ValueError for an unknown id."""
        raise NotImplementedError

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text behind ids. Raises ValueError for ids that are no text."""
        return self.decode_bytes(ids).decode()

    def spelt(self, ids: Iterable[int]) -> list[str]:
        """Return the characters that end with each token, up to the first that cannot be text."""
        decoder, spelt = codecs.getincrementaldecoder("utf-8")(), []
        try:
            for i in ids:
                spelt.append(decoder.decode(self.decode_bytes([int(i)])))
        except ValueError:
            return spelt
        return spelt

    def edges(self, ids: Iterable[int]) -> tuple[list[int], list[int]]:
        """Return where tokens begin (and where the last ends) and where each ends, in code points.

        Tokens that share a code point both hold it.
        """
        edges, ends, begun, left = [0], [], 0, 0
        for i in ids:
            for byte in self.decode_bytes([i]):
                if byte & 0xC0 != 0x80:
                    begun += 1
                    left = 0 if byte < 0x80 else 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
                else:
                    left -= 1
            edges.append(begun - (left > 0))
            ends.append(begun)
        return edges, ends


class Tokenizer(BytePieces):
    """A byte-level BPE of the library `tokenizers`; `cuts_at_spaces` says whether words are encoded the same alone.

    markers: the ids of words that are one token each, whatever stands around them.
    """

    def __init__(self, backend: tokenizers.Tokenizer, end: str, origin: str, markers: Sequence[str] = ()) -> None:
        """Take one of which `unproved` says nothing. Raises SynthgenError where it has no token to end a text with."""
        self.backend, self.origin = backend, origin
        table = json.loads(backend.to_str())
        self.vocab = vocab_of(backend, end, origin)
        self.cuts_at_spaces = _cuts_at_spaces(table)
        values = {symbol: byte for byte, symbol in enumerate(byte_symbols())}
        added = {token["id"]: token["content"].encode() for token in table["added_tokens"]}
        self._bytes = {
            i: added.get(i) or bytes(values[c] for c in token)
            for token, i in backend.get_vocab(with_added_tokens=True).items()
            if i in added or all(c in values for c in token)
        }
        self.markers: dict[str, int] = {}
        self._instead: dict[int, int] = {}
        for k, marker in enumerate(markers):
            self._mark(marker, byte_symbols()[MARKER_BYTE + k])

    def _mark(self, marker: str, symbol: str) -> None:
        """Have a marker be one token: the file's own, or else that of a byte which no text has."""
        vocabulary = self.backend.get_vocab(with_added_tokens=True)
        if marker not in vocabulary:
            self.backend.add_special_tokens([marker])
            added = self.backend.get_vocab(with_added_tokens=True)[marker]
            self._instead[added] = vocabulary[symbol]
        self.markers[marker] = vocabulary.get(marker, vocabulary[symbol])
        self._bytes[self.markers[marker]] = marker.encode()

    def encode(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Return each text's ids and their places in it, in code points."""
        if len(texts) < FEW:
            encodings = [self.backend.encode(text, add_special_tokens=False) for text in texts]
        else:
            encodings = self.backend.encode_batch(list(texts), add_special_tokens=False)
        if not self._instead:
            return [(encoding.ids, encoding.offsets) for encoding in encodings]
        return [([self._instead.get(i, i) for i in encoding.ids], encoding.offsets) for encoding in encodings]

    def lost(self, text: str, ids: Sequence[int]) -> str:
        """Return what of a text does not come back from its tokens: nothing."""
        return ""

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes behind ids. Raises ValueError for an unknown id."""
        try:
            return b"".join(self._bytes[i] for i in ids)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{error} is no token") from None

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Return the text of each token, for people."""
        return [self._bytes.get(i, b"?").decode(errors="replace") for i in ids]

    def to_json(self) -> str:
        """Return the tokenizer's file."""
        return str(self.backend.to_str())


class ByteTokenizer(BytePieces):
    """One token a byte; 256 ends a text, 257 pads."""

    vocab = Vocab(258, bos=256, eos=256, pad=257, names={256: END, 257: "<|pad|>"})

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes behind ids. Raises ValueError for an id that is no byte."""
        return bytes(ids)

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Return the text of each token, for people."""
        return [bytes([i]).decode(errors="replace") if 0 <= i < 256 else "?" for i in ids]


def vocab_of(backend: tokenizers.Tokenizer, end: str, origin: str) -> Vocab:
    """Return the ids of a tokenizer, which then neither cuts texts nor pads them.

    Raises SynthgenError where it has no token `end`.
    """
    backend.no_truncation()
    backend.no_padding()
    number = backend.token_to_id(end)
    if number is None:
        special = [token.content for _, token in sorted(backend.get_added_tokens_decoder().items())][:5]
        known = ", ".join(special) or "it has no special token"
        raise SynthgenError(f"{origin}: has no token {end!r} to end a text with; set end_token to one it has ({known})")
    size = 1 + max(backend.get_vocab(with_added_tokens=True).values())
    return Vocab(size, bos=number, eos=number, pad=number, names={number: end})


def unproved(backend: tokenizers.Tokenizer) -> str:
    """Return why it is not proved that every text comes back from its tokens; "" where it is."""
    table = json.loads(backend.to_str())
    steps = _steps(table["pre_tokenizer"])
    if table["model"].get("type") != "BPE" or not any(step["type"] == "ByteLevel" for step in steps):
        return "it is no byte-level BPE"
    missing = [byte for byte, symbol in enumerate(byte_symbols()) if symbol not in table["model"]["vocab"]]
    if missing:
        return f"{len(missing)} bytes have no token, the first {missing[0]:#04x}"
    if table["normalizer"] is not None:
        return "it has a normalizer"
    return "it has add_prefix_space" if any(step.get("add_prefix_space") for step in steps) else ""


def word_tokenizer(phrases: Iterable[str], end: str, markers: Sequence[str] = ()) -> Tokenizer:
    """Return a tokenizer with a token for every word of the phrases, bare and behind a space, byte and marker.

    It is a byte-level BPE without merges whose words are looked up whole; a word it does not know is spelt in bytes.
    """
    library = tokenizers_library("tokenizer = 'words'")
    splitter = library.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    words: set[str] = set()
    for phrase in set(phrases) - set(markers):
        body = phrase[:-1] if phrase.endswith(" ") else phrase
        for text in {body, f" {body}"}:
            words.update(word for word, _ in splitter.pre_tokenize_str(text))
    symbols = byte_symbols()
    vocabulary = {word: k for k, word in enumerate([*symbols, *sorted(words - set(symbols))])}
    backend = library.Tokenizer(library.models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    backend.pre_tokenizer = splitter
    backend.decoder = library.decoders.ByteLevel()
    backend.add_special_tokens([end, *markers])
    return Tokenizer(backend, end, "tokenizer = 'words'", markers)


def cuts(text: str) -> list[int]:
    """Return the places before a space between two other characters: no tokenizer of `SPLITS` joins across them."""
    return [
        i
        for i in range(len(text) - 1)
        if text[i] == " " and not text[i + 1].isspace() and (i == 0 or not text[i - 1].isspace())
    ]


def _steps(table: Any) -> list[dict[str, Any]]:
    """Return the pre-tokenizers of a tokenizer's file, in order."""
    if table is None:
        return []
    return table["pretokenizers"] if table["type"] == "Sequence" else [table]


def _cuts_at_spaces(table: Any) -> bool:
    """Say whether it is proved that the parts of a text between `cuts` are encoded the same alone."""
    for token in table["added_tokens"]:  # they are looked for in the whole text, before anything else
        if " " in token["content"] or token["lstrip"] or token["rstrip"] or token["single_word"]:
            return False
    cut = False
    for step in _steps(table["pre_tokenizer"]):
        if step["type"] == "ByteLevel":
            cut |= bool(step.get("use_regex", True))
        elif step["type"] == "Split":
            cut |= step["pattern"].get("Regex") in SPLITS and step["behavior"] == "Isolated" and not step["invert"]
            if not cut:
                return False
        elif step["type"] != "Digits":
            return False
    return cut


def tokenizers_library(what: str) -> Any:
    """Return the library `tokenizers`. Raises SynthgenError that says how to install it for `what`."""
    try:
        import tokenizers
    except ImportError:
        raise missing("tokenizers", what) from None
    return tokenizers
