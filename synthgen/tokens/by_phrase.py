"""Joints: text rows to token rows from phrases that were encoded once, wherever that is the same as encoding the whole.

A text may be cut before any space between two other characters, and its parts encoded alone (see `tokenizer.cuts`). So
of a phrase, only what stands before its first such place (its head) and behind its last (its tail) can grow together
with its neighbours; what is between is encoded once. Heads and tails that meet are joined once, and remembered.

A row with a joint for which this is not sure (two spaces, other white space at a phrase's edge, a prompt that ends
inside a word) is no row for this: the batch is then encoded from its text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.jit import kernel
from synthgen.task.phrases import Codes, PhraseTable
from synthgen.tokens.tokenizer import Tokenizer, cuts

MISSING_ROOM = 1 << 14
"""Unknown joints noted in one pass over a batch."""

UNSURE, CUT, TRAILING, BARE = 1, 2, 4, 8
"""Flags of a variant: not to be joined; begins at a cut; a space follows it; is nothing but that space."""


class PhraseEncoder:
    """The phrases of one table in the tokens of one tokenizer."""

    def __init__(self, tokenizer: Tokenizer, table: PhraseTable) -> None:
        self.tokenizer, self.table, self.phrases = tokenizer, table, len(table)
        self._numbers: dict[str, int] = {"": 0}
        self._texts = [""]
        self._encoded = 0
        self._starts = np.zeros(1, np.int64)
        self._tokens = np.zeros(0, np.uint16 if tokenizer.vocab.size <= 2**16 else np.uint32)
        self._edges, self._lengths = np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
        self._pairs = np.zeros((0, 3), np.int64)
        self._keys, self._joined = np.full(16, -1, np.int64), np.zeros(16, np.int64)
        self._variants = self._split()
        self._encode()

    def _split(self) -> np.ndarray:
        """Return head, middle, tail (fragments) and flags of every phrase, and of it behind a space: (2 phrases, 4)."""
        out = np.zeros((2 * self.phrases, 4), np.int64)
        for k in range(self.phrases):
            phrase = self.table[k]
            trailing = phrase.endswith(" ")
            body = phrase[:-1] if trailing else phrase
            for spaced in (0, 1):
                text = " " * spaced + body
                unsure = text == " " or (len(text) > 1 and text[:2].isspace())
                unsure |= body != "" and (body[-1].isspace() or (body[0].isspace() and body[0] != " "))
                places = cuts(text)
                first, last = (places[0], places[-1]) if places else (len(text), len(text))
                parts = (text[:first], text[first:last], text[last:])
                flags = UNSURE * bool(unsure) + CUT * (bool(places) and first == 0) + TRAILING * trailing
                flags += BARE * (body == "" and trailing)
                out[2 * k + spaced] = [*(self._fragment(part) for part in parts), flags]
        return out

    def _fragment(self, text: str) -> int:
        if text not in self._numbers:
            self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return self._numbers[text]

    def _encode(self) -> None:
        """Encode the fragments that are new, and lay them out for the kernel."""
        new = self._texts[self._encoded :]
        encoded = self.tokenizer.encode(new)
        sizes = np.array([len(ids) for ids, _ in encoded], np.int64)
        tokens = np.array([i for ids, _ in encoded for i in ids], self._tokens.dtype)
        edges = np.array([place for _, places in encoded for place in places], np.int64).reshape(-1, 2)
        self._starts = np.concatenate([self._starts, self._starts[-1] + np.cumsum(sizes)])
        self._tokens = np.concatenate([self._tokens, tokens])
        self._edges = np.concatenate([self._edges, edges])
        self._lengths = np.concatenate([self._lengths, np.array([len(text) for text in new], np.int64)])
        self._encoded += len(new)

    def _join(self, pairs: set[tuple[int, int]]) -> None:
        """Remember what these pairs of fragments are together."""
        new = np.array([(a, b, self._fragment(self._texts[a] + self._texts[b])) for a, b in sorted(pairs)], np.int64)
        self._pairs = np.concatenate([self._pairs, new])
        if 2 * len(self._pairs) > self._keys.size:
            size = 1 << (4 * len(self._pairs)).bit_length()
            self._keys, self._joined = np.full(size, -1, np.int64), np.zeros(size, np.int64)
            new = self._pairs
        _insert(new, self._keys, self._joined)
        self._encode()

    def encode(self, content: Codes, room: int, span_room: int) -> tuple[np.ndarray, ...] | None:
        """Return ids (tokens,), ends (rows,), where completions begin (rows,), and spans (spans, 4: row, kind, edges).

        room and span_room: bounds on tokens and spans; with no room for spans, none are noted. Returns None if some
        row has a joint that is not sure.
        """
        ends = np.ascontiguousarray(content.ends, np.int64)
        rows = ends.size // content.parts
        ids, out_ends, cut = np.empty(room, self._tokens.dtype), np.empty(rows, np.int64), np.zeros(rows, np.int64)
        spans, missing = np.empty((span_room, 4), np.int64), np.empty((MISSING_ROOM, 2), np.int64)
        at = (0, 0, 0, 0)
        while True:
            fragments = (self._starts, self._tokens, self._edges, self._lengths, self._keys, self._joined)
            written = (ids, out_ends, cut, spans, missing)
            unsure, lacks, *at = _encode(content.codes, ends, content.parts, self._variants, fragments, at, *written)
            if unsure:
                return None
            if not lacks:
                return ids[: out_ends[-1]], out_ends, cut, spans
            self._join({(int(a), int(b)) for a, b in missing[:lacks]})
            at = tuple(at)


_INLINE: Any = {"forceinline": True}


@register_jitable(**_INLINE)
def _slot(a, b, size):
    """Return where the search for a pair of fragments begins."""
    mixed = a * 2654435761 + b * 805459861  # fragments are far fewer than 2^30, so this stays below 2^63
    return (mixed ^ mixed >> 29) & (size - 1)


@kernel
def _insert(pairs, keys, joined):
    """Put pairs, (n, 3): fragment, fragment, both together, into the table."""
    for k in range(pairs.shape[0]):
        slot = _slot(pairs[k, 0], pairs[k, 1], keys.size)
        while keys[slot] >= 0:
            slot = (slot + 1) & (keys.size - 1)
        keys[slot] = pairs[k, 0] << 32 | pairs[k, 1]
        joined[slot] = pairs[k, 2]


@kernel
def _grown(places, wanted):
    more = np.empty((2 * wanted, 2), np.int64)
    more[: places.shape[0]] = places
    return more


@register_jitable
def _begins_at_cut(codes, first, last, variants):
    """Say whether a text begins at a cut, or is empty; the space it begins with may be a phrase of its own."""
    spaced = 0
    for at in range(first, last):
        if codes[at] < 0:
            continue
        flags = variants[2 * codes[at] + spaced, 3]
        if spaced == 1 or flags & BARE == 0:
            return flags & UNSURE == 0 and flags & CUT > 0
        spaced = 1
    return spaced == 0


@kernel
def _encode(codes, ends, parts, variants, fragments, begun, ids, out_ends, cut, spans, missing):
    """Write the tokens of the rows from `begun` (row, token, code, span) on.

    Returns (whether a joint is unsure, how many joints are unknown, and the first row that has one, as `begun`).
    """
    starts, tokens, edges, lengths, keys, joined = fragments
    rows = ends.size // parts
    places = np.empty((1024, 2), np.int64)
    opened = np.zeros(64, np.int64)
    first_row, at, code_at, span = begun
    lacks = 0
    again = begun
    for row in range(first_row, rows):
        begin = at
        here = (row, at, code_at, span)
        first_span = span
        known = lacks
        state = 0  # the fragment that may still grow; -1: not known in this pass
        base = 0  # where it begins, in code points
        position = 0  # how far the row is
        pending = 0  # whether a space waits for the next phrase
        glued = False
        for part in range(parts):
            boundary = part > 0
            if boundary:
                if pending:
                    return True, 0, *again
                glued = state != 0
            last = ends[row * parts + part]
            while code_at < last or boundary:
                code = codes[code_at] if code_at < last else 0
                if code < 0:
                    code_at += 1
                    # a span's edge lies behind a waiting space, which is a part of the row already
                    if spans.shape[0] == 0:
                        pass  # nobody asked for spans
                    elif code & 1:
                        opened[(-code - 1) // 2] = position + pending
                    else:
                        kind = -code // 2 - 1
                        spans[span, 0] = row
                        spans[span, 1] = kind
                        spans[span, 2] = opened[kind]
                        spans[span, 3] = position + pending
                        span += 1
                    continue
                variant = 2 * code + pending
                head = variants[variant, 0]
                middle = variants[variant, 1]
                tail = variants[variant, 2]
                flags = variants[variant, 3]
                if boundary:  # the prompt's last fragment ends here, whatever follows
                    if glued and not _begins_at_cut(codes, code_at, last, variants):
                        return True, 0, *again
                    head, middle, tail = 0, 0, 0
                else:
                    code_at += 1
                    if flags & UNSURE:
                        return True, 0, *again
                    pending = 1 if flags & TRAILING else 0
                if head > 0:
                    if state == 0:
                        state = head
                        base = position
                    elif state > 0:
                        key = state << 32 | head
                        slot = _slot(state, head, keys.size)
                        while keys[slot] >= 0 and keys[slot] != key:
                            slot = (slot + 1) & (keys.size - 1)
                        if keys[slot] == key:
                            state = joined[slot]
                        else:
                            if lacks == 0:
                                again = here
                            if lacks < missing.shape[0]:
                                missing[lacks, 0] = state
                                missing[lacks, 1] = head
                                lacks += 1
                            state = -1
                    position += lengths[head]
                if tail > 0 or boundary:
                    if state >= 0:
                        held = at - begin
                        more = held + starts[state + 1] - starts[state] + starts[middle + 1] - starts[middle]
                        if places.shape[0] < more:
                            places = _grown(places, more)
                        for k in range(starts[state], starts[state + 1]):
                            ids[at] = tokens[k]
                            places[held, 0] = base + edges[k, 0]
                            places[held, 1] = base + edges[k, 1]
                            at += 1
                            held += 1
                        for k in range(starts[middle], starts[middle + 1]):
                            ids[at] = tokens[k]
                            places[held, 0] = position + edges[k, 0]
                            places[held, 1] = position + edges[k, 1]
                            at += 1
                            held += 1
                    position += lengths[middle]
                    state = tail
                    base = position
                    position += lengths[tail]
                if boundary:
                    cut[row] = at - begin
                    boundary = False
        if pending:
            return True, 0, *again
        if lacks > known:
            at, span = begin, first_span  # the row is made again when its joints are known
            continue
        held = at - begin
        if places.shape[0] < held + starts[state + 1] - starts[state]:
            places = _grown(places, held + starts[state + 1] - starts[state])
        for k in range(starts[state], starts[state + 1]):
            ids[at] = tokens[k]
            places[held, 0] = base + edges[k, 0]
            places[held, 1] = base + edges[k, 1]
            at += 1
            held += 1
        out_ends[row] = at
        for k in range(first_span, span):
            low, high = 0, held
            while low < high:  # the first token that ends behind the span's start
                middle = (low + high) // 2
                if places[middle, 1] > spans[k, 2]:
                    high = middle
                else:
                    low = middle + 1
            first = low
            high = held
            while low < high:  # the first token that starts at the span's end or behind it
                middle = (low + high) // 2
                if places[middle, 0] >= spans[k, 3]:
                    high = middle
                else:
                    low = middle + 1
            spans[k, 2], spans[k, 3] = first, low
    return False, lacks, *again
