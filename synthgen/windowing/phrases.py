"""Phrase tokens: text rows as token rows without a tokenizer, and the vocabulary that the sources of a run share.

A phrase of the task's own table (a name part, a value, a piece of a sentence) is one token, without the white space
around it: a small vocabulary, with every span known. Equal phrases of several sources are one token.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.jit import kernel
from synthgen.task.phrases import Codes, PhraseTable
from synthgen.task.rows import Vocab

PHRASES = "phrases"
"""What stands in the place of a tokenizer's name."""

MOST_NESTED = 64
"""Spans that may stand in each other."""


class Vocabulary:
    """The ids that sources share: those of their token rows, or one a phrase and then the start (or end) and the pad.

    It grows as sources are taken in, so ask for its size when all are.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._of_tokens: Vocab | None = None
        self._specials: tuple[int, int, int] | None = None

    def take_tokens(self, vocab: Vocab, name: str) -> None:
        """Take over the ids of token rows. Raises SynthgenError if another source has other ids.

        One source's ids may go on where another's end, as those of compact questions do behind their biographies'.
        """
        held = self._of_tokens
        if self._numbers or not (held is None or _goes_on(held, vocab)):
            raise SynthgenError(
                f"data: {name} has token ids of its own, another stream has others; "
                "use the task `mixture`, which merges them"
            )
        if held is None or vocab.size > held.size:
            self._of_tokens = vocab

    def take_phrases(self, table: PhraseTable) -> np.ndarray:
        """Return the id of each phrase of a table, (phrases,) int64; -1 for white space.

        Raises SynthgenError beside token rows.
        """
        if self._of_tokens is not None:
            raise SynthgenError("data: rows of text and rows of tokens cannot be mixed here; use the task `mixture`")
        ids = np.full(len(table), -1, np.int64)
        for i in range(len(table)):
            if phrase := table[i].strip():
                ids[i] = self._numbers.setdefault(phrase, len(self._numbers))
                self._names[int(ids[i])] = phrase
        return ids

    @property
    def vocab(self) -> Vocab:
        """The ids as a task states its own; the names of phrase tokens are the phrases."""
        if self._of_tokens is not None:
            return self._of_tokens
        phrases = len(self._numbers)
        return Vocab(phrases + 2, bos=phrases, eos=phrases, pad=phrases + 1, names=self._names)

    def mark(self, start: int, end: int, pad: int) -> None:
        """Take other ids for start, end and pad: those that packed windows have."""
        self._specials = (start, end, pad)

    @property
    def specials(self) -> tuple[int, int, int]:
        """The ids (start, end, pad) of single rows."""
        vocab = self.vocab
        return self._specials or (vocab.bos, vocab.eos, vocab.pad)

    @property
    def size(self) -> int:
        """How many ids there are."""
        return self.vocab.size

    def names(self) -> Mapping[int, str]:
        """Return the phrase behind each id, where ids are phrases."""
        return self._names


def _goes_on(held: Vocab, other: Vocab) -> bool:
    """Say whether two vocabularies are one: of the same ids, or such that one's ids go on where the other's end."""
    shared = range(min(held.size, other.size))
    specials = (held.bos, held.eos, held.pad) == (other.bos, other.eos, other.pad)
    named = all(i in held.names and held.names[i] == other.names.get(i) for i in shared)
    return specials and (held.size == other.size or named)


class PhraseTokens:
    """What makes phrase tokens of one task's text, in a shared vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._table: PhraseTable | None = None
        self._ids = np.zeros(0, np.int64)
        self._spelling: dict[int, str] = {}
        self._by_phrase: dict[str, int] = {}

    def of(self, codes: Codes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return ids (total,), where rows end, whether each token is of the last text of its row, and span kinds."""
        if self._table is not codes.table or self._ids.size != len(codes.table):
            self._table, self._ids = codes.table, self.vocabulary.take_phrases(codes.table)
            self._spelling, self._by_phrase = {}, {}
        ids, ends, trained, span_kinds = _phrase_tokens(codes.codes, codes.ends, codes.parts, self._ids)
        return ids.astype(np.uint16 if self.vocabulary.size <= 2**16 else np.uint32), ends, trained, span_kinds

    def places(self, codes: Codes) -> list[np.ndarray]:
        """Return where each token of every row ends in its text, in code points, white space behind it left out."""
        phrases = [codes.table[k] for k in range(len(codes.table))]
        whole, bare = (np.array([len(form(phrase)) for phrase in phrases]) for form in (str, str.rstrip))
        is_token = np.array([bool(phrase.strip()) for phrase in phrases])
        places, first = [], 0
        for last in codes.ends[codes.parts - 1 :: codes.parts].tolist():
            said = codes.codes[first:last]
            said = said[said >= 0]  # the rest are brackets around spans
            ends = np.cumsum(whole[said]) - whole[said] + bare[said]
            places.append(ends[is_token[said]])
            first = last
        return places

    def encoded(self, text: str) -> np.ndarray:
        """Return a text as phrases, the longest first, with any white space between them.

        Raises ValueError where it goes on with no phrase of the table.
        """
        longest = max(map(len, self._known), default=0)
        ids, at = [], 0
        while rest := text[at : at + longest].lstrip():
            at += len(text[at:]) - len(text[at:].lstrip())
            phrase = next((rest[:size] for size in range(len(rest), 0, -1) if rest[:size] in self._known), None)
            if phrase is None:
                raise ValueError(f"{text[at : at + 40]!r} begins with no phrase")
            ids.append(self._known[phrase])
            at += len(phrase)
        return np.array(ids, np.int64)

    @property
    def _known(self) -> Mapping[str, int]:
        """The ids of this task's own phrases."""
        if not self._by_phrase and self._table is not None:
            self._by_phrase = {self._table[k].strip(): int(i) for k, i in enumerate(self._ids) if i >= 0}
        return self._by_phrase

    def spelt(self, ids: np.ndarray) -> str:
        """Return the phrases put together, each as the task's table spells it; an id that it does not have is "?"."""
        if not self._spelling and self._table is not None:
            entries = reversed(list(enumerate(self._ids)))  # of equal phrases, the first is how it is spelt
            self._spelling = {int(number): self._table[i] for i, number in entries if number >= 0}
        return "".join(self._spelling.get(int(i), "?") for i in ids)


@kernel
def _phrase_tokens(codes, ends, parts, ids_of_phrases):
    """Return ids, row ends, trained and span kinds: brackets become kinds, white space falls away."""
    rows = ends.size // parts
    ids, row_ends = np.empty(codes.size, np.int64), np.empty(rows, np.int64)
    trained, span_kinds = np.empty(codes.size, np.bool_), np.empty(codes.size, np.int16)
    open_kinds = np.full(MOST_NESTED, -1, np.int16)
    depth, at, out = 0, 0, 0
    for part in range(ends.size):
        while at < ends[part]:
            code = codes[at]
            at += 1
            if code < 0:
                if code % 2:  # -2 kind - 1 opens, -2 kind - 2 closes
                    depth += 1
                    open_kinds[depth] = (-code - 1) // 2
                else:
                    depth -= 1
            elif ids_of_phrases[code] >= 0:
                ids[out] = ids_of_phrases[code]
                trained[out] = parts == 1 or part % parts == parts - 1
                span_kinds[out] = open_kinds[depth]
                out += 1
        row_ends[part // parts] = out
    return ids[:out].copy(), row_ends, trained[:out].copy(), span_kinds[:out].copy()
