"""The floor: how many bits the data must cost, and the paired test that a model comes down to it and not below.

The floor of a row is the bits of its text, which the row states, and for documents of a world those of who comes next
(log2 N people). Held-out rows are *fresh*: a split of their own, never trained on. The test is paired, row by row:
model bits minus the row's own bits. Its mean is an estimate of the Kullback-Leibler divergence, which is never
negative: a mean below -3 standard errors says that the entropy or the split is wrong. On rows seen again and again a
model may go below the fresh floor; that is memory, and no fault.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Status
from synthgen.train.language_model import LanguageModel
from synthgen.windowing.marking import Markers
from synthgen.windowing.packing import IGNORED, row_windows
from synthgen.windowing.spec_rows import SpecRows
from synthgen.windowing.token_rows import NO_SPAN, TokenRows

FRESH = "held-out"
"""The split that measurements take their rows from: no spec has it, so it is a stream of its own."""

TOLERANCE = 3.0
"""Standard errors below zero that the mean excess may lie."""

BATCH = 256
"""Rows that are evaluated at a time."""


@dataclass(frozen=True)
class RowBits:
    """What a model pays for rows: bits of every token, and of every row's end."""

    tokens: np.ndarray  # (total,) float64
    ends: np.ndarray  # (rows,) float64
    choices: np.ndarray  # (total,) int64: the model's first choice behind the true tokens before
    right: np.ndarray  # (total,) bool: the token is that choice

    def rows(self, rows: TokenRows) -> np.ndarray:
        """Return the bits of each row, its end included."""
        return np.add.reduceat(self.tokens, rows.starts) + self.ends


def model_bits(model: LanguageModel, rows: TokenRows, corpus: SpecRows, start: int | None = None) -> RowBits:
    """Return what `model` pays for rows that begin with the id `start` (default: the vocabulary's)."""
    begin, end, pad = corpus.vocabulary.specials
    markers = Markers(begin if start is None else start, False, end, True)
    lengths = rows.ends - rows.starts
    tokens, choices, ends = np.empty(rows.ids.size), np.empty(rows.ids.size, np.int64), np.empty(len(rows))
    order = np.argsort(lengths, kind="stable")  # rows of one length need no padding
    device, training = next(model.parameters()).device, model.training
    model.eval()
    with torch.inference_mode():
        for first in range(0, len(rows), BATCH):
            chosen = order[first : first + BATCH]
            batch_rows = rows.take(chosen)
            everywhere = np.ones(batch_rows.ids.size, np.bool_)
            windows = row_windows(batch_rows, everywhere, markers, pad, model.settings.context)
            ids, targets = (
                torch.from_numpy(a.astype(np.int64)).to(device) for a in (windows["input_ids"], windows["targets"])
            )
            trained = targets != IGNORED
            targets = targets[trained]
            logits = model(ids, at=trained).float()
            bits = functional.cross_entropy(logits, targets, reduction="none").double().cpu().numpy() / math.log(2)
            first_choices = logits.argmax(-1).cpu().numpy()
            sizes = lengths[chosen] + 1
            last = np.cumsum(sizes) - 1
            inner = np.ones(bits.size, np.bool_)
            inner[last] = False
            places = np.arange(batch_rows.ids.size) + np.repeat(
                rows.starts[chosen] - batch_rows.starts, lengths[chosen]
            )
            tokens[places], choices[places], ends[chosen] = bits[inner], first_choices[inner], bits[last]
    model.train(training)
    return RowBits(tokens, ends, choices, choices == rows.ids)


@dataclass(frozen=True)
class Floor:
    """The floor of a corpus: who comes next, the bits of the text on average, and what kind of number that is."""

    entity: float
    text: float
    status: Status
    reason: str = ""

    @classmethod
    def of(cls, corpus: SpecRows) -> Floor:
        """Read the floor off a corpus's entropy."""
        entropy, status = corpus.source.entropy(corpus.split, estimates=False), corpus.task.row_floor_status
        return cls(entropy.unbooked, entropy.bits, status, "" if status == "exact" else entropy.text.reason)

    @classmethod
    def a_token(cls, corpus: SpecRows, rows: int = 1000) -> float:
        """Return the floor in bits a predicted token, over the first rows of a corpus: what windows of it must cost.

        A window cut from the middle of a row costs a little more, as its beginning is not seen.
        """
        floor, sample = cls.of(corpus), corpus.read(0, corpus.first(rows), bits=True)
        return float(sample.bits.sum() + floor.entity * len(sample)) / (sample.ids.size + len(sample))


@dataclass(frozen=True)
class FloorResult:
    """A measurement against the floor. All figures in bits; `excess` and `se` are of the paired difference a row."""

    rows: int
    tokens: int  # predicted ones, ends included
    model: float  # bits a row
    floor: float  # bits a row
    excess: float  # bits a row
    se: float
    status: str
    reason: str
    books: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def relative(self) -> float | None:
        """The excess as a share of the floor; None where that is 0, and no share is anything."""
        return self.excess / self.floor if self.floor else None

    @property
    def impossible(self) -> bool:
        """Whether the model is below the floor by more than chance, where that proves a fault."""
        return self.status == "exact" and self.excess < -TOLERANCE * self.se - 1e-9

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that metrics hold."""
        a_token = {"model_bits_a_token": self.model * self.rows / self.tokens}
        a_token["floor_bits_a_token"] = self.floor * self.rows / self.tokens
        return asdict(self) | a_token | {"relative": self.relative, "impossible": self.impossible}


def measure(model: LanguageModel, corpus: SpecRows, rows: int = 1000, first: int = 0) -> FloorResult:
    """Compare what `model` pays for the rows [first, first + rows) of `corpus` with what they must cost."""
    if corpus.task.uncounted:
        raise SynthgenError(f"{corpus.name} has no floor: {corpus.source.entropy(corpus.split).text.reason}")
    floor = Floor.of(corpus)
    sample = corpus.read(first, first + rows, spans=True, bits=True)
    paid = model_bits(model, sample, corpus)
    whole = paid.rows(sample)
    owed = sample.bits + floor.entity
    difference = whole - owed
    se = float(difference.std(ddof=1) / math.sqrt(rows)) if rows > 1 else math.inf
    return FloorResult(
        rows=rows,
        tokens=int(sample.ids.size) + rows,
        model=float(whole.mean()),
        floor=float(owed.mean()),
        excess=float(difference.mean()),
        se=se,
        status=floor.status,
        reason=floor.reason,
        books=by_book(paid, sample, corpus, floor),
    )


def by_book(paid: RowBits, rows: TokenRows, corpus: SpecRows, floor: Floor) -> dict[str, dict[str, float]]:
    """Return model bits a row by what the tokens are: each kind of span, and the wording between them.

    A document names its person once for log2 N bits, and its values cost a model that knows the world nothing: where
    the task tells who comes next, every book has its own floor.
    """
    if not corpus.span_kinds:
        return {}
    n = len(rows)
    books = {}
    for number, kind in enumerate(corpus.span_kinds):
        books[kind] = {"model": float(paid.tokens[rows.span_kinds == number].sum()) / n}
    books["wording"] = {"model": float(paid.tokens[rows.span_kinds == NO_SPAN].sum() + paid.ends.sum()) / n}
    if floor.entity:
        for kind in corpus.span_kinds:
            books[kind]["floor"] = floor.entity if kind == "name" else 0.0
        books["wording"]["floor"] = float(rows.bits.mean())
    return books
