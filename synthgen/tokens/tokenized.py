"""Text tasks with token rows: the same rows, ids in the place of text, spans and masks in tokens.

Nothing of a row changes but its content: bits, latents and difficulty are the text's. Rows are tokenized phrase by
phrase where that is provably the same (see `synthgen.tokens.by_phrase`), and from their text elsewhere.
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Status
from synthgen.exact.draw import new_state
from synthgen.exact.entropy import Entropy
from synthgen.task.answers import judge_answer
from synthgen.task.assets import cached_by_contents
from synthgen.task.certificates import Sampling
from synthgen.task.columns import within_spans
from synthgen.task.contract import Certificate, SplitBy, Task, WindowComponent
from synthgen.task.judging import STRICT
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.phrases import SPANS, Codes, assemble, measure, span_lists
from synthgen.task.probing import Glimpse, Probing
from synthgen.task.rows import Rows, TextSource, Tokens, Vocab
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.tokens.by_phrase import PhraseEncoder
from synthgen.tokens.checked import CheckedTokenizer, read_tokenizer
from synthgen.tokens.saved import tokenizer_files
from synthgen.tokens.tokenizer import BYTES, ByteTokenizer, Tokenizer, word_tokenizer

MAX_KINDS = 64


class Tokenized(Task):
    """A text task behind a tokenizer; see `synthgen.task.Task` for what it has."""

    def __init__(self, text: Task, tokenizer: str, end: str, path: Path | None) -> None:
        self.text = text
        self.params, self.keys, self.files, self.row_format = text.params, text.keys, text.files, "tokens"
        self.books, self.uncounted = text.books, text.uncounted
        self.name, self.version, self.paper = text.name, text.version, text.paper  # type: ignore[misc]
        self.difficulty, self.Params = text.difficulty, text.Params  # type: ignore[misc]
        self.family, self.glossary = text.family, text.glossary
        self.component_field, self.subject_field = text.component_field, text.subject_field  # type: ignore[misc]
        self.template_field, self.exposure_field = text.template_field, text.exposure_field  # type: ignore[misc]
        self.deviations = text.deviations  # type: ignore[misc]
        self.capabilities = text.capabilities - {"enumerable"}
        self._named, self._end, self._path = tokenizer, end, path
        if path is not None or (text.markers and tokenizer == BYTES):
            _ = self.tokenizer  # a bad file is told at once
        self._encoder: PhraseEncoder | None = None

    @functools.cached_property
    def tokenizer(self) -> Tokenizer | CheckedTokenizer | ByteTokenizer:
        """The tokenizer; `words` is made of the task's phrases."""
        markers = self.text.markers
        if self._path is not None:
            return _file_tokenizer(self._path, self._end, markers)
        if self.text.free_text and self._named != BYTES:
            raise SynthgenError(
                "tokenizer = 'words': there is no list of the words of real text; take 'bytes', or a tokenizer's JSON "
                "file"
            )
        if self._named == BYTES:
            if markers:
                raise SynthgenError(f"tokenizer = 'bytes': {markers[0]} is to be one token; take 'words' or a file")
            return ByteTokenizer()
        content = self._made(0, 1).content
        assert isinstance(content, Codes)
        return word_tokenizer((content.table[k] for k in range(len(content.table))), self._end, markers)

    def _made(self, start: int, stop: int) -> Rows:
        return self.text.rows(start, stop, new_state())

    @property
    def vocab(self) -> Vocab:
        return self.tokenizer.vocab

    @property
    def masked(self) -> bool:
        return self.text.row_format == "prompt-completion"

    @property
    def split_by(self) -> SplitBy:
        return self.text.split_by

    def apart(self, other: Task) -> bool:
        return self.text.apart(other.text if isinstance(other, Tokenized) else other)

    def subjects(self, batch: pa.RecordBatch) -> np.ndarray | None:
        return self.text.subjects(batch)

    @property
    def template_half(self) -> str:
        return self.text.template_half

    def knowledge(self) -> Knowledge | None:
        return self.text.knowledge()

    def entities(self) -> range | None:
        return self.text.entities()

    def component_rows(self, rows: int) -> Mapping[str, int]:
        return self.text.component_rows(rows)

    def window_components(self) -> list[WindowComponent]:
        return [replace(one, task=self._around(one.task)) for one in self.text.window_components()]

    @property
    def free_text(self) -> bool:
        return self.text.free_text

    @property
    def ending(self) -> str:
        return self.text.ending

    def make_ready(self) -> None:
        self.text.make_ready()

    @property
    def without_rows(self) -> str:
        return self.text.without_rows

    def text_sources(self) -> Sequence[TextSource]:
        return self.text.text_sources()

    def _around(self, text: Task) -> Tokenized:
        return Tokenized(text, self._named, self._end, self._path)

    def samplings(self) -> Sequence[Sampling]:
        return self.text.samplings()

    def row_floor(self, rows: Rows) -> np.ndarray:
        return self.text.row_floor(rows)

    @functools.cached_property
    def row_floor_status(self) -> Status:
        return self.text.row_floor_status

    @functools.cached_property
    def without_row_text_bits(self) -> str:
        return self.text.without_row_text_bits

    def row_text_bits(self, row: Mapping[str, Any]) -> tuple[float, float]:
        return self.text.row_text_bits(self.text_row(row))

    @property
    def without_surprisals(self) -> str:
        return self.text.without_surprisals

    @property
    def prompt_at_once(self) -> bool:
        return self.text.prompt_at_once

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        """Return the bits of each token, the sum of those of the characters that end with it, and of the row's end.

        A reader of characters pays so, given the same text. Where a word may go on (`Ann`, `Anna`), that it does not is
        told by what follows, and so paid for at the next token.
        """
        ids = [int(i) for i in said]
        pieces = self.tokenizer.spelt(ids)
        bits, place = np.full(len(said) + 1, np.inf), 0
        characters = self.text.surprisals("".join(pieces), number)
        for i, piece in enumerate(pieces):
            bits[i] = characters[place : place + len(piece)].sum()
            place += len(piece)
        if self._is_text(ids, "".join(pieces)):  # no row ends within a character
            bits[-1] = characters[-1]
        bits[np.logical_or.accumulate(np.isinf(bits))] = np.inf
        return bits

    def _is_text(self, ids: Sequence[int], text: str) -> bool:
        try:
            return bool(self.tokenizer.decode(ids) == text)
        except ValueError:
            return False

    def certificate(self, rows: int) -> Certificate | None:
        return None  # the tokens of a name depend on what stands before it, so two mentions need not be alike

    def card_notes(self) -> Sequence[str]:
        return self.text.card_notes()

    def stated_deviations(self) -> Sequence[str]:
        return self.text.stated_deviations()

    def sidecars(self) -> Mapping[str, str]:
        return {**self.text.sidecars(), **self.tokenizer_files()}

    def tokenizer_files(self) -> Mapping[str, str]:
        return tokenizer_files(self.tokenizer)

    @property
    def rows_max(self) -> int | None:
        return self.text.rows_max

    @property
    def latent_fields(self) -> list[pa.Field]:
        return self.text.latent_fields

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return self.text.span_kinds

    @property
    def untrained(self) -> tuple[str, ...]:
        return self.text.untrained

    @property
    def extra_fields(self) -> list[pa.Field]:
        return self.text.extra_fields

    @property
    def assets(self) -> Mapping[str, Path]:
        return self.text.assets

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        return self._rows(start, stop, state, with_spans=True)

    def token_rows(self, start: int, stop: int, state: np.record) -> Rows:
        """Return rows without spans, but where these say what is trained on: some 1.5 times as fast."""
        return self._rows(start, stop, state, with_spans=bool(self.untrained))

    def _rows(self, start: int, stop: int, state: np.record, with_spans: bool) -> Rows:
        rows = self.text.rows(start, stop, state)
        assert isinstance(rows.content, Codes)
        if len(rows.content.kinds) > MAX_KINDS:
            raise SynthgenError(f"task {self.name!r} has more than {MAX_KINDS} kinds of spans")
        tokens, spans = self.tokenized(rows.content, start, with_spans)
        if self.untrained and tokens.trained is not None:
            tokens = replace(tokens, trained=tokens.trained & ~within_spans(spans, self.untrained, tokens.ends))
        latent = dict(rows.latent) | ({"spans": spans} if self.span_kinds else {})
        return replace(rows, content=tokens, latent=latent)

    def tokenized(
        self, content: Codes, first: int = 0, with_spans: bool = True
    ) -> tuple[Tokens, pa.StructArray | None]:
        """Return texts as tokens, with their spans. Raises SynthgenError where a prompt's last token would change."""
        sizes, counts = measure(content)
        if isinstance(self.tokenizer, ByteTokenizer):
            return _in_bytes(content, sizes)
        if isinstance(self.tokenizer, Tokenizer) and self.tokenizer.cuts_at_spaces and not self.text.free_text:
            if (
                self._encoder is None
                or self._encoder.table is not content.table
                or self._encoder.phrases != len(content.table)
            ):
                self._encoder = PhraseEncoder(self.tokenizer, content.table)
            encoded = self._encoder.encode(content, int(sizes.sum()) + 1, int(counts.sum()) if with_spans else 0)
            if encoded is not None:
                ids, ends, cut, spans = encoded
                tokens = _tokens(ids, ends, cut, content.parts)
                if not with_spans:
                    return tokens, None
                order = np.argsort(spans[:, 1], kind="stable")
                return tokens, _structs(content.kinds, counts, spans[order, 2:])
        return self._from_text(self.tokenizer, content, counts, first)

    def _from_text(
        self, tokenizer: Tokenizer | CheckedTokenizer, content: Codes, counts: np.ndarray, first: int
    ) -> tuple[Tokens, pa.StructArray | None]:
        """Tokenize whole rows by their text."""
        columns, spans = assemble(content)
        parts = [column.to_pylist() for column in columns]
        texts = ["".join(row) for row in zip(*parts, strict=True)]
        encoded = tokenizer.encode(texts)
        ids = [row_ids for row_ids, _ in encoded]
        for row, text in enumerate(texts):
            lost = tokenizer.lost(text, ids[row])
            if lost:
                raise SynthgenError(f"{tokenizer.origin}: row {first + row}: {lost}")
        cut = np.zeros(len(texts), np.int64)
        if content.parts == 2:
            for row, (prompt_ids, _) in enumerate(tokenizer.encode(parts[0])):
                cut[row] = len(prompt_ids)
                if prompt_ids != ids[row][: cut[row]] or tokenizer.lost(parts[0][row], prompt_ids):
                    raise SynthgenError(
                        f"{tokenizer.origin}: row {first + row}: the tokens of prompt and completion are not those of "
                        f"both together, around {parts[0][row][-12:]!r} + {parts[1][row][:12]!r}; a prompt should end "
                        "without a space and a completion begin with one"
                    )
        ends = np.cumsum([len(row_ids) for row_ids in ids], dtype=np.int64)
        kind = np.uint16 if tokenizer.vocab.size <= 2**16 else np.uint32
        tokens = _tokens(np.array([i for row_ids in ids for i in row_ids], kind), ends, cut, content.parts)
        if spans is None:
            return tokens, None
        edges = []
        for column in spans.flatten():
            for row, row_spans in enumerate(column.to_pylist()):
                places = encoded[row][1]
                starts, ends_so_far = [a for a, _ in places], list(itertools.accumulate((b for _, b in places), max))
                for span in row_spans:
                    begin = bisect.bisect_right(ends_so_far, span["start"])  # the first token that ends behind it
                    end = bisect.bisect_left(starts, span["end"])
                    edges.append((begin, end) if begin < end else (0, 0))
        return tokens, _structs(content.kinds, counts, np.array(edges, np.int64).reshape(-1, 2))

    # -- what a reader of tokens does ---------------------------------------------------------------------------------

    def text_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the text row behind a token row. Raises ValueError for ids that are no text, or strange spans."""
        ids = list(row["input_ids"])
        text_row = dict(row)
        del text_row["input_ids"]
        if self.masked:
            mask = self._whole_mask(list(text_row.pop("completion_mask")), row["latent"])
            cut = mask.index(True) if True in mask else len(mask)
            if mask != [k >= cut for k in range(len(ids))]:
                raise ValueError("completion_mask is not a prompt and then a completion")
            whole, prompt = self.tokenizer.decode(ids), self.tokenizer.decode(ids[:cut])
            if not whole.startswith(prompt):
                raise ValueError("completion_mask begins within a character")
            text_row |= {"prompt": prompt, "completion": whole[len(prompt) :]}
        else:
            text_row["text"] = self.tokenizer.decode(ids)
        if self.span_kinds:
            text_row["latent"] = {**row["latent"], "spans": self._text_spans(text_row, ids, row["latent"]["spans"])}
        return text_row

    def _whole_mask(self, mask: list[bool], latent: Mapping[str, Any]) -> list[bool]:
        """Return a row's mask with what is left untrained put back. Raises ValueError where some of it is trained on.

        The spans are held against the text later on (`_text_spans`).
        """
        left_out = [span for kind in self.untrained for span in latent["spans"][kind]]
        if any(any(mask[span["start"] : span["end"]]) for span in left_out):
            raise ValueError(f"completion_mask: spans of {' and '.join(self.untrained)} are not trained on")
        for span in left_out:
            mask[span["start"] : span["end"]] = [True] * (span["end"] - span["start"])
        return mask

    def _text_spans(self, text_row: Mapping[str, Any], ids: Sequence[int], spans: Mapping[str, Any]) -> dict[str, Any]:
        """Return spans in code points: as the task reads them from the text, or else from the edges of their tokens.

        Raises ValueError where the task's are not those of the tokens.
        """
        text = text_row["text"] if "text" in text_row else text_row["prompt"] + text_row["completion"]
        edges, ends = self.tokenizer.edges(ids)
        try:
            read = self.text.parse(text_row).get("spans")
        except NotImplementedError:
            read = None
        if read is None:
            return {kind: [_in_text(span, edges, text) for span in spans[kind]] for kind in self.span_kinds}
        shifted: dict[str, Any] = {}
        for kind in self.span_kinds:
            shifted[kind] = [{"start": int(start), "end": int(end)} for start, end in read.get(kind, [])]
            for span, stated in zip(shifted[kind], spans[kind], strict=True):
                first, last = bisect.bisect_right(ends, span["start"]), bisect.bisect_left(edges, span["end"])
                if (stated["start"], stated["end"]) != (first, last):
                    raise ValueError(f"latent.spans.{kind} does not cover the tokens of what stands in the text")
        return shifted

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        ids = row["input_ids"]
        if self.masked:
            raise ValueError("a prompt ends where its completion_mask says: verify the row instead")
        parsed = dict(self.text.parse({**row, "text": self.tokenizer.decode(ids)}))
        parsed.pop("spans", None)
        return parsed

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Turn the tokens into text again and have the task reread that, and see that they are what the text gives."""
        text_row = self.text_row(row)
        verdict = self.text.verify(text_row)
        if verdict.correct and list(row["input_ids"]) != self.encode(text_row):
            raise Misread("input_ids are not the tokenizer's tokens of this text")
        return Reread(row["difficulty"], verdict=verdict)

    def encode(self, row: Mapping[str, Any]) -> list[int]:
        """Return the tokens of a text row, from its text."""
        text = row["text"] if "text" in row else row["prompt"] + row["completion"]
        if isinstance(self.tokenizer, ByteTokenizer):
            return list(text.encode())
        return self.tokenizer.encode([text])[0][0]

    @property
    def modes(self) -> tuple[str, ...]:
        return self.text.modes

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        return self.judge_as(prompt, completion, STRICT)

    def judge_as(self, prompt: Any, completion: Any, mode: str) -> Verdict:
        try:
            texts = [part if isinstance(part, str) else self.tokenizer.decode(part) for part in (prompt, completion)]
        except (TypeError, ValueError) as error:
            return Verdict.wrong(f"cannot be read: {error}", step=0)
        return judge_answer(self.text, texts[0], texts[1], mode)

    def encoded(self, text: str) -> str:
        """Return the text: it is judged as it is."""
        return text

    def longest_answer(self, prompt: Any) -> int | None:
        """As many tokens as characters: a token has a byte at least, and few characters have more."""
        return self.text.longest_answer(prompt if isinstance(prompt, str) else self.tokenizer.decode(prompt))

    def readable(self, row: Mapping[str, Any]) -> str:
        return "|".join(self.tokenizer.pieces(row["input_ids"]))

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.text.decode(self.text_row(row))

    def tree(self, row: Mapping[str, Any]) -> Any:
        return self.text.tree(self.text_row(row))

    def graph(self, row: Mapping[str, Any]) -> Any:
        return self.text.graph(self.text_row(row))

    def chances(self, prompt: Any) -> Mapping[str, float]:
        return self.text.chances(prompt if isinstance(prompt, str) else self.tokenizer.decode(prompt))

    @property
    def probings(self) -> Mapping[str, Probing]:
        return self.text.probings

    def glimpses(self, row: Mapping[str, Any], probing: str) -> Sequence[Glimpse]:
        """Return the text's glimpses, in tokens: a token that a place divides stands behind it."""
        text_row = self.text_row(row)
        _, ends = self.tokenizer.edges(row["input_ids"])

        def in_tokens(one: Glimpse) -> Glimpse:
            behind = one.behind and tuple(self.encode({"text": f" {text}"}) for text in one.behind)
            return replace(one, place=bisect.bisect_right(ends, one.place), behind=behind)

        return [in_tokens(one) for one in self.text.glimpses(text_row, probing)]

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        entropy = self.text.entropy(rows, estimates)
        facts: dict[str, Any] = {"tokenizer": Path(self._named).name, "vocabulary": self.vocab.size}
        if self.text.markers:
            assert not isinstance(self.tokenizer, ByteTokenizer)
            facts["markers"] = self.tokenizer.markers
        return replace(entropy, facts={**entropy.facts, **facts})


_file_tokenizer = cached_by_contents(4)(read_tokenizer)


def _tokens(ids: np.ndarray, ends: np.ndarray, cut: np.ndarray, parts: int) -> Tokens:
    if parts == 1:
        return Tokens(ids, ends)
    sizes = np.diff(ends, prepend=0)
    place = np.arange(ids.size) - np.repeat(ends - sizes, sizes)
    return Tokens(ids, ends, place >= np.repeat(cut, sizes))


def _structs(kinds: Sequence[str], counts: np.ndarray, edges: np.ndarray) -> pa.StructArray | None:
    """Return spans as a struct of lists; `edges` hold one kind after the other, `counts` (kinds, rows) how many."""
    if not kinds:
        return None
    fields, at = [], 0
    for row_counts in counts:
        offsets = np.concatenate([[0], np.cumsum(row_counts)])
        part = edges[at : at + offsets[-1]].astype(np.int32)
        fields.append(span_lists(offsets, part[:, 0], part[:, 1]))
        at += int(offsets[-1])
    return pa.StructArray.from_arrays(fields, fields=[pa.field(k, SPANS, nullable=False) for k in kinds])


def _in_bytes(content: Codes, sizes: np.ndarray) -> tuple[Tokens, pa.StructArray | None]:
    """Return texts as their bytes, with spans in bytes."""
    ends = np.ascontiguousarray(content.ends[content.parts - 1 :: content.parts])
    (texts,), spans = assemble(replace(content, ends=ends, parts=1))
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[: len(texts) + 1].astype(np.int64)
    data = np.frombuffer(texts.buffers()[2], np.uint8)[: offsets[-1]]
    tokens = _tokens(data.astype(np.uint16), offsets[1:], sizes[0], content.parts)
    if spans is None or not (data >= 0x80).any():
        return tokens, spans
    begins = np.flatnonzero((data & 0xC0) != 0x80)  # the byte at which each code point begins
    begins = np.append(begins, data.size)
    before = np.searchsorted(begins, offsets[:-1])  # code points before each row
    fields = []
    for column in spans.flatten():
        lists = np.frombuffer(column.buffers()[1], np.int32)[: len(column) + 1]
        row = np.repeat(np.arange(len(column)), np.diff(lists))
        flat = column.flatten()
        edges = [
            (begins[before[row] + flat.field(name).to_numpy()] - offsets[row]).astype(np.int32)
            for name in ("start", "end")
        ]
        fields.append(span_lists(lists, *edges))
    return tokens, pa.StructArray.from_arrays(
        fields, fields=[pa.field(k, SPANS, nullable=False) for k in content.kinds]
    )


def _in_text(span: Mapping[str, int], edges: Sequence[int], text: str) -> dict[str, int]:
    start, end = edges[span["start"]], edges[span["end"]]
    while start < end and text[start] == " ":
        start += 1
    return {"start": start, "end": end}
