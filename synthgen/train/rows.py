"""Rows as tokens: what a source gives, as the arrays a model is trained on.

Token rows are taken as they are. Rows of text become *phrase tokens*, one token a phrase of the task's own table (a
name part, a value, a piece of a sentence), without white space: no tokeniser, a small vocabulary, and every span known.
Streams of one run share a vocabulary: equal phrases are one token.

    corpus = Corpus(synthgen.load("bios-single", params={"people": 100}))
    corpus.rows(0, 8).ids                                 # the tokens of eight rows, end to end
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from synthgen.errors import SynthgenError
from synthgen.exact.draw import new_state
from synthgen.exact.jit import kernel
from synthgen.spec.source import Source
from synthgen.task.phrases import Codes
from synthgen.task.rows import Rows, Tokens

PLAIN = -1
"""The kind of a token that stands in no span."""


@dataclass(frozen=True)
class TokenRows:
    """Rows as tokens: row i is ids[ends[i-1]:ends[i]], without start and end tokens."""

    ids: np.ndarray  # (total,) int64
    ends: np.ndarray  # (rows,) int64
    trained: np.ndarray  # (total,) bool: false where a row's own mask says that a token is not trained on
    kinds: np.ndarray  # (total,) int16: the innermost span a token stands in, or PLAIN
    bits: np.ndarray  # (rows,) float64: what the row's text weighs, in bits
    numbers: np.ndarray  # (rows,) int64: the rows' indices in their split

    def __len__(self) -> int:
        return self.ends.size

    @property
    def starts(self) -> np.ndarray:
        """The place of each row's first token."""
        return np.concatenate([[0], self.ends[:-1]]).astype(np.int64)

    def take(self, rows: np.ndarray) -> TokenRows:
        """Return some rows, in that order."""
        starts, lengths = self.starts[rows], (self.ends - self.starts)[rows]
        ends = np.cumsum(lengths)
        places = np.arange(ends[-1]) + np.repeat(starts - np.concatenate([[0], ends[:-1]]), lengths)
        return TokenRows(
            self.ids[places], ends, self.trained[places], self.kinds[places], self.bits[rows], self.numbers[rows]
        )


def joined(parts: Sequence[TokenRows]) -> TokenRows:
    """Return the rows of all parts, one part after the other."""
    shifts = np.cumsum([0] + [part.ids.size for part in parts[:-1]])
    return TokenRows(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.ends + shift for part, shift in zip(parts, shifts, strict=True)]),
        np.concatenate([part.trained for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        np.concatenate([part.bits for part in parts]),
        np.concatenate([part.numbers for part in parts]),
    )


class Vocabulary:
    """The ids of a run: those of its token rows, or one a phrase; then start, end, pad and a stream's own starts."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}
        self.token_ids: tuple[int, int, int, int] | None = None  # size, bos, eos, pad of token rows
        self._token_names: Mapping[int, str] = {}
        self._marks: tuple[int, int, int] | None = None

    def of_tokens(self, source: Source, split: str) -> None:
        """Take over the ids of a source with token rows. Raises SynthgenError if another stream has other ids.

        One stream's ids may go on where another's end, as those of compact questions do behind their biographies'.
        """
        vocab = source.task(split).vocab
        assert vocab is not None
        own = (vocab.size, vocab.bos, vocab.eos, vocab.pad)
        held = self.token_ids
        shared = range(min(own[0], held[0])) if held else range(0)
        same = held in (None, own) or (
            held[1:] == own[1:] and all(vocab.names.get(i, "") == self._token_names.get(i) for i in shared)
        )
        if self.words or not same:
            raise SynthgenError(
                f"data: {source.spec.name} has token ids of its own, another stream has others; "
                "use the task `mixture`, which merges them"
            )
        if held is None or own[0] > held[0]:
            self.token_ids, self._token_names = own, vocab.names

    def of_phrases(self, table: Any) -> np.ndarray:
        """Return the id of each phrase of a table, -1 for white space. Raises SynthgenError beside token rows."""
        if self.token_ids is not None:
            raise SynthgenError("data: rows of text and rows of tokens cannot be mixed here; use the task `mixture`")
        numbers = [
            self.words.setdefault(w, len(self.words)) if (w := table[i].strip()) else -1 for i in range(len(table))
        ]
        return np.array(numbers, np.int64)

    def mark(self, start: int, end: int, pad: int) -> None:
        """Take other ids for start, end and pad: those that packed windows have."""
        self._marks = (start, end, pad)

    @property
    def specials(self) -> tuple[int, int, int]:
        """The ids (start, end, pad)."""
        if self._marks is not None:
            return self._marks
        if self.token_ids is not None:
            return self.token_ids[1:]
        return len(self.words), len(self.words), len(self.words) + 1

    @property
    def size(self) -> int:
        """How many ids there are, before the streams' own starts."""
        return self.token_ids[0] if self.token_ids is not None else len(self.words) + 2

    def names(self) -> dict[int, str]:
        """Return the phrase behind each id, where ids are phrases."""
        return {number: word for word, number in self.words.items()}


class Corpus:
    """A split of a source as tokens."""

    def __init__(self, source: Source, split: str = "train", vocabulary: Vocabulary | None = None) -> None:
        self.source, self.split = source, split
        self.task = source.task(split)
        self.vocabulary = vocabulary or Vocabulary()
        self.kinds = tuple(self.task.span_kinds)
        self._state = new_state()
        self._table: Any = None
        self._numbers = np.zeros(0, np.int64)
        self._spelling: tuple[dict[int, str], np.ndarray] | None = None
        if source.spec.row_format == "tokens":
            self.vocabulary.of_tokens(source, split)
        else:
            self.rows(0, 1)  # the phrases are counted before the model is made

    def rows(self, start: int, stop: int) -> TokenRows:
        """Return the rows [start, stop) as tokens."""
        made = self.task.rows(start, stop, self._state)
        bits = self.task.row_floor(made)
        numbers = np.arange(start, stop, dtype=np.int64)
        if isinstance(made.content, Tokens):
            content = made.content
            trained = np.ones(content.ids.size, np.bool_) if content.trained is None else content.trained
            kinds = self._token_kinds(made, content)
            return TokenRows(content.ids.astype(np.int64), content.ends, trained, kinds, bits, numbers)
        codes = made.content
        ids, ends, trained, kinds = _phrase_tokens(codes.codes, codes.ends, codes.parts, self._phrases(codes))
        return TokenRows(ids, ends, trained, kinds, bits, numbers)

    def said(self, ids: np.ndarray) -> Any:
        """Return what the task's verifier reads: token ids as they are, phrases put together as text.

        A phrase is spelt as the task's own table spells it; one that the table does not have becomes "?".
        """
        if self._table is None:
            return ids.tolist()
        if self._spelling is None or len(self._spelling[1]) != len(self._table):
            spelling = {int(n): self._table[i] for i, n in reversed(list(enumerate(self._numbers))) if n >= 0}
            self._spelling = (spelling, self._numbers)
        return "".join(self._spelling[0].get(int(i), "?") for i in ids)

    def _phrases(self, codes: Codes) -> np.ndarray:
        if self._table is not codes.table or self._numbers.size != len(codes.table):
            self._table, self._numbers = codes.table, self.vocabulary.of_phrases(codes.table)
        return self._numbers

    def _token_kinds(self, made: Rows, content: Tokens) -> np.ndarray:
        """Return the span each token stands in, where token rows have spans."""
        kinds = np.full(content.ids.size, PLAIN, np.int16)
        spans = made.latent.get("spans")
        if spans is None:
            return kinds
        starts = np.concatenate([[0], content.ends[:-1]])
        for number, kind in enumerate(self.kinds):
            lists = spans.field(kind) if isinstance(spans, pa.StructArray) else spans[kind]
            pairs = lists.flatten()
            rows = np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy()))
            edges = np.zeros(kinds.size + 1, np.int64)
            np.add.at(edges, starts[rows] + pairs.field("start").to_numpy(), 1)
            np.add.at(edges, starts[rows] + pairs.field("end").to_numpy(), -1)
            kinds[np.cumsum(edges[:-1]) > 0] = number
        return kinds


@kernel
def _phrase_tokens(codes, ends, parts, numbers):
    """Return ids, row ends, trained and kinds: brackets become kinds, white space falls away."""
    rows = ends.size // parts
    ids, row_ends = np.empty(codes.size, np.int64), np.empty(rows, np.int64)
    trained, kinds = np.empty(codes.size, np.bool_), np.empty(codes.size, np.int16)
    open_kinds = np.full(64, -1, np.int16)
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
            elif numbers[code] >= 0:
                ids[out] = numbers[code]
                trained[out] = parts == 1 or part % parts == parts - 1
                kinds[out] = open_kinds[depth]
                out += 1
        row_ends[part // parts] = out
    return ids[:out].copy(), row_ends, trained[:out].copy(), kinds[:out].copy()
