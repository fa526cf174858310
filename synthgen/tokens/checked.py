"""Checked tokenizers: any file of the library `tokenizers`, held to giving every text back.

WordPiece, Unigram, a BPE of characters, one behind a normalizer: of none of these is it proved that a text comes back
from its tokens, and of many texts it does. So each text is decoded again when it is encoded, and one that does not come
back is an error that shows where. Of those that do, tokens and text say the same: bits, masks and spans are exact.

A token ends the characters up to where the next one begins: white space that belongs to neither is the next one's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.errors import SynthgenError
from synthgen.task.foreign import read_text
from synthgen.tokens.tokenizer import FEW, Tokenizer, tokenizers_library, unproved, vocab_of

if TYPE_CHECKING:
    import tokenizers

SHOWN = 12
"""Characters shown before and behind the place where a text is not what it was."""

PROBE = "A b"
"""What shows at once that case or spaces are lost; a file that has no such letters is seen at its first text."""


class CheckedTokenizer:
    """A tokenizer of the library `tokenizers` of whatever kind; `lost` says what does not come back of a text.

    markers: the ids of words that are one token each, whatever stands around them.
    """

    def __init__(self, backend: tokenizers.Tokenizer, end: str, origin: str, markers: Sequence[str] = ()) -> None:
        """Raises SynthgenError for one that surely changes texts, or makes tokens at random, or has no token `end`."""
        self.backend, self.origin = backend, origin
        if getattr(backend.model, "dropout", None):
            raise SynthgenError(f"{origin}: BPE dropout makes tokens random; set it to null")
        backend.add_special_tokens([marker for marker in markers if backend.token_to_id(marker) is None])
        self.markers = {marker: backend.token_to_id(marker) for marker in markers}
        self.vocab = vocab_of(backend, end, origin)
        self._known = frozenset(backend.get_vocab(with_added_tokens=True).values())
        back = self.decode(self._encodings([PROBE])[0].ids)
        for seen, what in (
            (PROBE.lower(), "its normalizer changes the text"),
            (f" {PROBE}", "add_prefix_space changes the text; set it to false"),
            (PROBE.replace(" ", ""), "it loses spaces"),
        ):
            if back == seen:
                raise SynthgenError(
                    f"{origin}: {what}: {PROBE!r} comes back as {back!r}, and a text must come back from its tokens as "
                    "it was; take another tokenizer, or 'words' or 'bytes'"
                )

    def _encodings(self, texts: Sequence[str]) -> list[tokenizers.Encoding]:
        if len(texts) < FEW:
            return [self.backend.encode(text, add_special_tokens=False) for text in texts]
        return list(self.backend.encode_batch(list(texts), add_special_tokens=False))

    def encode(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Return each text's ids and their places in it, in code points; tokens that share one both hold it."""
        encoded = []
        for text, encoding in zip(texts, self._encodings(texts), strict=True):
            edges, ends = _edges(encoding.offsets, len(text))
            encoded.append((encoding.ids, list(zip(edges, ends, strict=False))))
        return encoded

    def lost(self, text: str, ids: Sequence[int]) -> str:
        """Return where a text does not come back from its tokens, for people; "" if it does."""
        back = self.decode(ids)
        if back == text:
            return ""
        place = next((k for k, (a, b) in enumerate(zip(text, back, strict=False)) if a != b), min(len(text), len(back)))
        first, last = max(0, place - SHOWN), place + SHOWN
        return (
            f"its text does not come back from its tokens: {text[first:last]!r} becomes {back[first:last]!r}, so they "
            "are not worth its bits; take a byte-level BPE, or 'words' or 'bytes'"
        )

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text behind ids. Raises ValueError for ids that are none."""
        numbers = [int(i) for i in ids]
        for i in numbers:
            if i not in self._known:
                raise ValueError(f"{i} is no token")
        return str(self.backend.decode(numbers, skip_special_tokens=False))

    def spelt(self, ids: Iterable[int]) -> list[str]:
        """Return the characters that end with each token, up to the first that cannot be text."""
        numbers = [int(i) for i in ids]
        known = next((k for k, i in enumerate(numbers) if i not in self._known), len(numbers))
        text = self.decode(numbers[:known])
        encoding = self.backend.encode(text, add_special_tokens=False)
        if encoding.ids == numbers:
            edges, _ = _edges(encoding.offsets, len(text))
            return [text[a:b] for a, b in itertools.pairwise(edges)]
        stream = tokenizers_library(self.origin).decoders.DecodeStream(skip_special_tokens=False)
        spelt: list[str] = []
        for i in numbers[:known]:  # tokens that no text has, or whose text goes on
            try:
                spelt.append(stream.step(self.backend, i) or "")
            except Exception:  # the library's bare one: what follows changes what was
                return spelt
        return spelt

    def edges(self, ids: Iterable[int]) -> tuple[list[int], list[int]]:
        """Return where tokens begin (and where the last ends) and where each ends, in code points.

        Raises ValueError for ids that are not those of a text.
        """
        numbers = [int(i) for i in ids]
        text = self.decode(numbers)
        encoding = self.backend.encode(text, add_special_tokens=False)
        if encoding.ids != numbers:
            raise ValueError("these are not the tokenizer's tokens of this text")
        return _edges(encoding.offsets, len(text))

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Return the text of each token, for people."""
        numbers = list(ids)
        spelt = self.spelt(numbers)
        return spelt + ["?"] * (len(numbers) - len(spelt))

    def to_json(self) -> str:
        """Return the tokenizer's file."""
        return str(self.backend.to_str())


def read_tokenizer(path: Path, end: str, markers: Sequence[str] = ()) -> Tokenizer | CheckedTokenizer:
    """Read a `tokenizers` JSON file. Raises SynthgenError that says what is wrong with it."""
    library = tokenizers_library(str(path))
    text = read_text(path)
    try:
        backend = library.Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare Exceptions for whatever it cannot parse
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SynthgenError(f"{path}: is no tokenizer of the library tokenizers: {reason}") from None
    kind = CheckedTokenizer if unproved(backend) or backend.model.dropout else Tokenizer
    return kind(backend, end, str(path), markers)


def _edges(offsets: Sequence[tuple[int, int]], size: int) -> tuple[list[int], list[int]]:
    """Return where tokens begin (and where the last ends) and where each ends, of a text of `size` code points."""
    edges, ends = [0], []
    for k, (_, end) in enumerate(offsets):
        following = offsets[k + 1][0] if k + 1 < len(offsets) else size
        done = max(edges[-1], min(end, following) if k + 1 < len(offsets) else size)
        edges.append(done)
        ends.append(max(end, done))
    return edges, ends
