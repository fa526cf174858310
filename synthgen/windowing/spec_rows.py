"""Rows straight from a task, without any disk: a split of a spec, or one component of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.draw import new_state
from synthgen.spec.source import Source
from synthgen.task.contract import WindowComponent
from synthgen.task.rows import Tokens, Vocab
from synthgen.windowing.phrases import PhraseTokens, Vocabulary
from synthgen.windowing.token_rows import TokenRows, spans_of_tokens


def no_tokens(name: str, native: bool = False) -> SynthgenError:
    """Return the error on text rows without a tokenizer."""
    fix = "set row_format = 'tokens', or tokenize the text: " if native else ""
    return SynthgenError(f"{name} has text rows: {fix}tokenizer = 'words', 'bytes', or a tokenizer's JSON file")


class SpecRows:
    """Rows straight from a task, without any disk. Text is phrase tokens where a vocabulary is shared for them."""

    def __init__(
        self,
        source: Source,
        split: str = "train",
        rows: int | None = None,
        vocabulary: Vocabulary | None = None,
        component: WindowComponent | None = None,
    ) -> None:
        """Take a split, or one component of it: its first `rows` rows, or all.

        Raises SynthgenError for text without a vocabulary, for ids that the vocabulary cannot hold, or too many rows.
        """
        whole, spec = source.task(split), source.spec
        self.source, self.split, self.task = source, split, component.task if component else whole
        self.name = f"{spec.name}/{split}" + (f"/{component.name}" if component else "")
        self.recipe, self.keys, self.span_kinds = spec.windows, self.task.keys, tuple(self.task.span_kinds)
        if rows is not None and rows < 1:
            raise SynthgenError(f"rows = {rows}: must be at least 1")
        if rows is not None and whole.rows_max is not None and rows > whole.rows_max:
            raise SynthgenError(f"rows = {rows:,}: split {split!r} of {spec.name} has {whole.rows_max:,} in all")
        if rows is not None and component is not None:
            rows = component.rows_within(rows)
        self.rows, self.finite = self.task.rows_max if rows is None else rows, self.task.rows_max is not None
        self._state = new_state()
        self.vocabulary = vocabulary or Vocabulary()
        self._phrases: PhraseTokens | None = None
        self.untaught: Callable[[np.ndarray], np.ndarray] | None = None  # which of the ids of rows have no loss
        if spec.row_format == "tokens" and self.task.vocab is not None:
            self.vocabulary.take_tokens(self.task.vocab, spec.name)
        elif vocabulary is None:
            raise no_tokens(spec.name, "tokens" in self.task.row_formats)
        else:
            self._phrases = PhraseTokens(vocabulary)
            self.read(0, 1)  # the phrases are counted before a model is made

    @property
    def vocab(self) -> Vocab:
        """The ids of its rows."""
        return self.vocabulary.vocab

    def first(self, rows: int) -> int:
        """Return how many rows there are, `rows` at most."""
        return rows if self.task.rows_max is None else min(rows, self.task.rows_max)

    def read(self, start: int, stop: int, spans: bool = False, bits: bool = False) -> TokenRows:
        """Return the rows [start, stop), with the span of every token and the bits of every row where asked for."""
        make = self.task.rows if spans else self.task.token_rows
        rows = make(start, stop, self._state)
        if isinstance(rows.content, Tokens):
            ids, ends, trained = rows.content.ids, rows.content.ends, rows.content.trained
            span_kinds = spans_of_tokens(rows.latent.get("spans"), self.span_kinds, ends) if spans else None
        else:
            assert self._phrases is not None
            ids, ends, trained, span_kinds = self._phrases.of(rows.content)
            trained &= ~np.isin(span_kinds, [self.span_kinds.index(kind) for kind in self.task.untrained])
        if self.untaught is not None:
            trained = ~self.untaught(ids) if trained is None else trained & ~self.untaught(ids)
        subjects, components = rows.latent.get(self.task.subject_field), rows.latent.get(self.task.component_field)
        floor = self.task.row_floor(rows) if bits else None
        return TokenRows.of(start, ids, ends, trained, subjects, components, span_kinds, floor)

    def places(self, start: int, stop: int) -> list[np.ndarray]:
        """Return where each token of the rows [start, stop) ends, (tokens,) int64 a row: what glimpses count by.

        Of text these are code points, without the white space behind a token; of token rows they count the tokens.
        """
        content = self.task.rows(start, stop, self._state).content
        if isinstance(content, Tokens):
            return [np.arange(1, size + 1) for size in np.diff(content.ends, prepend=0).tolist()]
        assert self._phrases is not None
        return self._phrases.places(content)

    def asked(self, said: str | Sequence[int]) -> np.ndarray:
        """Return what a probe is asked about as tokens: ids as they are, a text as phrases. Raises ValueError."""
        if not isinstance(said, str):
            return np.asarray(said, np.int64)
        if self._phrases is None:
            return np.asarray(self.task.encoded(said), np.int64)
        return self._phrases.encoded(said)

    def exposures(self, start: int, stop: int) -> np.ndarray | None:
        """Return how many rows the whole split has about the subject of each row [start, stop), (rows,) int64.

        None where all have as many.
        """
        column = self.task.rows(start, stop, self._state).latent.get(self.task.exposure_field)
        return None if column is None else np.asarray(column)

    @property
    def without_surprisals(self) -> str:
        """Why a row's tokens have no surprisals; "" where they have."""
        return "its text is cut into tokens" if self._phrases else self.task.without_surprisals

    def surprisals(self, number: int) -> np.ndarray:
        """Return the bits of each token of a row and of its end, (tokens + 1,)."""
        return self.task.surprisals(self.read(number, number + 1).ids.tolist(), number)

    def spelt(self, ids: np.ndarray) -> Any:
        """Return what the task's verifier reads: token ids as they are, phrases put together as text."""
        return ids.tolist() if self._phrases is None else self._phrases.spelt(ids)
