"""The task contract: what a task is, in one docstring.

A task turns (params, keys) into rows. It is made once for each split of a spec, cheaply and in O(1) memory, and never
remembers a row. It has:

    name, version        the version goes up whenever any row would change
    paper                the arXiv number whose data it makes
    row_formats          the formats it can make, its default first: document, prompt-completion, tokens
    books                names of the row books, in the order of the ledger
    difficulty           what the column `difficulty` counts, in words
    capabilities         what it promises beyond rows; the contract test demands what is named here:
                           exact       every row book's formula is exact, and equals the ledger's mean
                           injective   different choices of one row give different rows
                           enumerable  `tiny` is small enough that every choice sequence can be walked
                           parses      `parse` gives the latent back from what a reader sees
    deviations           where its data differs from the paper's, one sentence each, for the dataset card
    Params               a pydantic model of its params (extra keys forbidden); field descriptions are the documentation
    tiny                 params of configurations small enough to enumerate

    rows(start, stop, state)   the rows [start, stop) as `Rows`; `state` is a draw state or a tape
    entropy(rows, estimates)   the `Entropy` of this split: formulas, no data
    verify(row)                the `Verdict` on a whole row, re-derived from what a reader has (see `never_raises`)
    judge(prompt, completion)  the `Verdict` on somebody's completion of a prompt

A task takes all its randomness from `keys` (see `synthgen.exact.draw`), and its draws are addressed by what they are
about, so `rows` gives the same bytes whatever the batch. Outside packages add tasks by an entry point in the group
`synthgen.tasks`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Entropy
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.phrases import Codes


class TaskParams(BaseModel):
    """Base of every task's params: unknown keys are refused, values are checked, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


@dataclass(frozen=True)
class Vocab:
    """The token ids of a task: `size` ids from 0; `bos`, `eos` and `pad` for packers; `names` of single ids."""

    size: int
    bos: int
    eos: int
    pad: int
    names: Mapping[int, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that manifests hold."""
        names = {str(i): name for i, name in sorted(self.names.items())}
        return {"size": self.size, "bos": self.bos, "eos": self.eos, "pad": self.pad, "names": names}


@dataclass(frozen=True)
class Tokens:
    """Token rows: row i is ids[ends[i-1]:ends[i]]; `trained` (bool, as long as ids) where only a part is trained on."""

    ids: np.ndarray  # (total,)
    ends: np.ndarray  # (rows,) int64
    trained: np.ndarray | None = None


@dataclass(frozen=True)
class Rows:
    """A batch of rows as a task makes them; `synthgen.task.arrow` turns it into a RecordBatch."""

    content: Codes | Tokens
    difficulty: np.ndarray  # (rows,) int32
    units: np.ndarray  # (rows, books) int64: ledger units of 2^-40 bit
    latent: Mapping[str, pa.Array]  # the fields of `latent_fields`, each of `rows` entries
    extra: Mapping[str, pa.Array] = field(default_factory=dict)  # the columns of `extra_fields`


@dataclass(frozen=True)
class Verdict:
    """A judgement: right or not, a score in [0, 1], why, the first wrong step (None if right), and parts by query."""

    correct: bool
    score: float
    reason: str = ""
    step: int | None = None
    parts: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def right(cls, parts: Sequence[Mapping[str, Any]] = ()) -> Verdict:
        """Return the verdict on something faultless."""
        return cls(True, 1.0, parts=tuple(parts))

    @classmethod
    def wrong(
        cls, reason: str, step: int | None = None, score: float = 0.0, parts: Sequence[Mapping[str, Any]] = ()
    ) -> Verdict:
        """Return the verdict on something with a fault at `step`."""
        return cls(False, score, reason, step, tuple(parts))


OwnTask = TypeVar("OwnTask")
UNREADABLE = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, StopIteration, SynthgenError)
"""What junk in a row can end in where it is read."""


def never_raises(
    verify: Callable[[OwnTask, Mapping[str, Any]], Verdict],
) -> Callable[[OwnTask, Mapping[str, Any]], Verdict]:
    """Have a task's `verify` find a row wrong that it cannot read."""

    @functools.wraps(verify)
    def verified(self: OwnTask, row: Mapping[str, Any]) -> Verdict:
        try:
            return verify(self, row)
        except UNREADABLE as error:
            return Verdict.wrong(f"the row cannot be read: {str(error) or type(error).__name__}")

    return verified


class Certificate(Protocol):
    """What `Task.certificate` returns: it is shown all rows of a split in order, and says what holds of them."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in the next rows, with all columns."""

    def findings(self) -> Iterable[tuple[str, bool, str]]:
        """Return (what, whether it holds, the figures) for each thing that is certified."""


def misstated(
    row: Mapping[str, Any],
    difficulty: int,
    units: Mapping[str, int],
    latent: Mapping[str, Any],
    mask: list[bool] | None,
) -> str:
    """Return what a row states otherwise than a verifier found it, or nothing.

    `units` are its bits by book in ledger units; `latent` may be a part of the row's; `mask` is its completion_mask.
    """
    if row["difficulty"] != difficulty:
        return f"difficulty is {row['difficulty']}, it should be {difficulty}"
    if mask is not None and row["completion_mask"] != mask:
        return "completion_mask does not cover exactly what is trained on"
    for field_name, value in latent.items():
        if row["latent"][field_name] != value:
            return f"latent.{field_name} differs from what the row shows"
    for book, own in units.items():
        if row["bits"][book] != own / UNITS_PER_BIT:
            return f"bits.{book} is {row['bits'][book]}, it should be {own / UNITS_PER_BIT}"
    if abs(row["bits"]["total"] - sum(units.values()) / UNITS_PER_BIT) > 1e-9:
        return "bits.total is not the sum of its books"
    return ""


class Task:
    """The contract with its defaults; see this module's docstring. A task sets the class variables and the methods."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    paper: ClassVar[str] = ""
    row_formats: ClassVar[tuple[str, ...]]
    books: tuple[str, ...]
    difficulty: ClassVar[str]
    capabilities: frozenset[str] = frozenset()
    deviations: ClassVar[tuple[str, ...]] = ()
    Params: ClassVar[type[TaskParams]]
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = ()

    def __init__(self, params: Any, keys: Keys, files: Path, row_format: str = "") -> None:
        """Make the task for one split. `files` is the folder that file names in params are relative to."""
        self.params, self.keys, self.files = params, keys, files
        self.row_format = row_format or self.row_formats[0]

    @classmethod
    def resolve(cls, params: Mapping[str, Any], files: Path) -> Mapping[str, Any]:
        """Return a spec's params with whatever they refer to written out; `files` is the spec's folder."""
        return params

    @property
    def split_by(self) -> str:
        """What splits guarantee: `fresh` (independent streams), `latent` (disjoint by construction), `person`."""
        return "fresh"

    def apart(self, other: Task) -> bool:
        """Say whether this split and another of the same spec promise to share nothing: no `subjects`, and no row
        (unless rows hide what they are about: see `Entropy.hidden`).
        """
        return self.split_by != "fresh"

    def subjects(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """Return what a batch's rows are about (int64), where splits divide that (people, keys); None elsewhere."""
        return None

    @property
    def part(self) -> str:
        """The part of all templates that this split draws from; two different parts share none. "" is the whole."""
        return ""

    @property
    def rows_max(self) -> int | None:
        """How many rows there are in all; None for an endless task."""
        return None

    @property
    def vocab(self) -> Vocab | None:
        """The vocabulary of token rows; None for text."""
        return None

    @property
    def masked(self) -> bool:
        """Whether token rows carry a `completion_mask`: only a part of them is trained on."""
        return False

    @property
    def latent_fields(self) -> list[pa.Field]:
        """The fields of the struct `latent`, without its spans."""
        return []

    @property
    def span_kinds(self) -> tuple[str, ...]:
        """The kinds of spans in `latent.spans`, as the task's `Codes` name them."""
        return ()

    @property
    def extra_fields(self) -> list[pa.Field]:
        """Columns beyond those every task has."""
        return []

    @property
    def assets(self) -> Mapping[str, Path]:
        """The files or folders that params name, by param: hashed into the content id, and copied beside the data."""
        return {}

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        """Return the rows [start, stop), drawn with `state` (from `draw.new_state`) or replayed from a tape."""
        raise NotImplementedError

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        """Return the bits of a row by book, the world's bits, and what else is known of this split.

        `rows` is how many rows of a finite corpus the split holds (None: all), for books that not every row pays.
        Without `estimates`, facts that take a sample (and perhaps a second) are left at their bound.
        """
        raise NotImplementedError

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the latent (without spans) from the row's text or tokens alone; raises ValueError on junk."""
        raise NotImplementedError

    def verify(self, row: Mapping[str, Any]) -> Verdict:
        """Judge a whole row by what a reader has; never raises, whatever the row holds."""
        raise NotImplementedError

    def certificate(self, rows: int) -> Certificate | None:
        """Return what certifies a split of `rows` rows as a whole, for `check`; None if there is nothing to say."""
        return None

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion of a prompt; never raises."""
        return Verdict.wrong(f"task {self.name!r} has no prompts: verify a whole row instead")

    def draw(self, row: Mapping[str, Any], file: Path) -> None:
        """Draw a picture of a row to a file, whose ending decides the format."""
        raise SynthgenError(f"task {self.name!r} has no pictures of its rows; leave out --plot")

    @property
    def markers(self) -> tuple[str, ...]:
        """Words of its texts that a tokenizer turns into one token each."""
        return ()

    def readable(self, row: Mapping[str, Any]) -> str:
        """Return a token row as `show` prints it."""
        ids = row["input_ids"]
        names = self.vocab.names if self.vocab else {}
        return " ".join(names.get(i, str(i)) for i in ids)
