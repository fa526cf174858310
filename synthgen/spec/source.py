"""Sources: a spec, ready to give rows. The Python face of the package.

source = synthgen.load("cfg3f", seed=7)
source.row(17)                        # a dict; a pure function of (spec, split, index)
source.batch(0, 4096, split="test")   # a pyarrow.RecordBatch
source.entropy()                      # bits by book, without any data
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from synthgen.errors import SynthgenError, nearest
from synthgen.exact.draw import new_state
from synthgen.exact.entropy import Entropy
from synthgen.exact.notebook import html_table
from synthgen.spec.spec import FRESH, Spec, load_spec, with_splits
from synthgen.task.answers import check_mode, check_pairs, judge_answer
from synthgen.task.arrow import CONTENT_COLUMNS, said_in, schema_of, to_batch, with_features
from synthgen.task.contract import Task
from synthgen.task.family import place_of
from synthgen.task.ids import WrongKind
from synthgen.task.judging import STRICT
from synthgen.task.rows import Vocab
from synthgen.task.verdict import UNREADABLE, Verdict
from synthgen.tokens.saved import save_files, vocabulary_files

INDEX_MAX = 2**62
"""Rows of an endless split are numbered below this."""

TOKEN_BITS = "token_bits"
"""The column that there is on request."""


def _rows(rows: int | None) -> str:
    return "endless" if rows is None else f"{rows:,}"


def load(
    spec: str | Path | Spec,
    *,
    seed: int | None = None,
    world: int | None = None,
    params: Mapping[str, Any] | None = None,
) -> Source:
    """Return the source of a shipped spec (by name) or of a TOML file; validates all of it, makes no row.

    Raises SynthgenError for anything that is wrong with the spec or the overrides.
    """
    return Source(load_spec(spec, seed=seed, world=world, params=params))


def place_in_lists(source: Source) -> tuple[str, Any]:
    """Return what a source is listed under, its spec's suite or its task's family, and by what lists are sorted."""
    family = str(source.spec.suite or source.task(next(iter(source.spec.splits), "train")).family)
    return family, (place_of(family), source.spec.name)


class Source:
    """Rows of one spec, by split and index. Cheap to make, picklable, without state that a row could depend on."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._tasks: dict[str, Task] = {}
        self._state = new_state()

    def __reduce__(self) -> tuple[type[Source], tuple[Spec]]:
        return Source, (self.spec,)

    def __repr__(self) -> str:
        splits = ", ".join(f"{name} {_rows(rows)}" for name, rows in self._rows_by_split())
        return f"<Source {self.spec.name}: {splits or 'no splits'}; seed {self.spec.seed}>"

    def _repr_html_(self) -> str:
        columns = ("split", "rows", "bits of a row's text")
        rows = [(n, r, str(self.entropy(n, estimates=False).text)) for n, r in self._rows_by_split()]
        return html_table(f"{self.spec.name}: {self.spec.title}", columns, [(n, _rows(r), b) for n, r, b in rows])

    def _rows_by_split(self) -> list[tuple[str, int | None]]:
        return [(name, table.rows or self.rows_max(name)) for name, table in self.spec.splits.items()]

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        """Return how many rows the split `train` has: those that the spec says, or all of a finite corpus.

        Raises TypeError where the spec says nothing and the rows have no end.
        """
        rows = dict(self._rows_by_split()).get("train") or self.rows_max()
        if rows is None:
            raise TypeError(f"{self.spec.name} is endless, and its spec does not say how many rows there are")
        return rows

    def __getitem__(self, index: Any) -> Any:
        """Return row `index` of the split `train`, or of a slice the list of its rows.

        An index from the end, or a slice, goes by `len`; others go on behind it, where the rows have no end. Raises
        IndexError where there is no such row.
        """
        if isinstance(index, slice):
            numbers = range(*index.indices(len(self)))
            if numbers.step == 1 and numbers:
                return self.batch(numbers.start, numbers.stop).to_pylist()
            return [self.row(number) for number in numbers]
        number = operator.index(index)
        if number < 0 and number + len(self) < 0:
            raise IndexError(f"row {number} of {self.spec.name}: it has {len(self):,}")
        return self.row(number + len(self) if number < 0 else number)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of the split `train`, as many as `len` says."""
        for start in range(0, len(self), 1024):
            yield from self.batch(start, min(start + 1024, len(self))).to_pylist()

    def task(self, split: str = "train") -> Task:
        """Return the task behind a split; `fresh:NAME` is a stream of its own, as any name is that no split has."""
        if split.startswith(FRESH):
            _, (split,) = with_splits(self.spec, [split])
        if split not in self._tasks:
            self._tasks[split] = self.spec.task_of(split)
        return self._tasks[split]

    @functools.cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every split's rows."""
        return schema_of(self.task(), self.spec.row_format)

    @property
    def vocab(self) -> Vocab | None:
        """The vocabulary of token rows: size, bos, eos, pad, names. None for text."""
        return self.task().vocab

    @property
    def splits(self) -> list[str]:
        """The names of the spec's splits; `fresh:NAME` is a further, independent stream of the base params."""
        return list(self.spec.splits)

    def entropy(self, split: str = "train", rows: int | None = None, estimates: bool = True) -> Entropy:
        """Return bits a row by book with status, the world's bits and further facts, without making any data.

        `rows` says how many rows of a finite corpus there are; by default what the spec says. Without `estimates`,
        facts that take a sample of rows (and perhaps a second) are left at their bound.
        """
        split_table = self.spec.splits.get(split)
        entropy = self.task(split).entropy(rows or (split_table.rows if split_table else None), estimates)
        return replace(entropy, spec=self.spec.name, split=split.removeprefix(FRESH))

    def rows_max(self, split: str = "train") -> int | None:
        """Return how many rows a finite corpus has; None for an endless one."""
        return self.task(split).rows_max

    def row(self, index: int, split: str = "train") -> dict[str, Any]:
        """Return row `index` as a dict. Raises IndexError beyond the end of a finite corpus."""
        return self.batch(index, index + 1, split).to_pylist()[0]

    def batch(
        self, start: int, stop: int, split: str = "train", columns: Sequence[str] | None = None
    ) -> pa.RecordBatch:
        """Return the rows [start, stop) as a RecordBatch, of some columns or of all.

        Beside those of the schema there is, on request, `token_bits`: see `surprisals`. Raises IndexError beyond the
        end of a finite corpus, SynthgenError for a column that there is not.
        """
        task = self.task(split)
        limit = INDEX_MAX if task.rows_max is None else task.rows_max
        if not 0 <= start < stop <= limit:
            raise IndexError(
                f"rows [{start}, {stop}) of {self.spec.name}/{split}: rows are numbered from 0 to {limit - 1}"
            )
        batch = to_batch(task, self.schema, task.rows(start, stop, self._state), start)
        if columns is None:
            return batch
        schema = self.schema_with(columns)
        if TOKEN_BITS in schema.names and TOKEN_BITS not in batch.schema.names:
            law = self._law_of(split)  # params of a split may leave it without one that another split has
            bits = [law.surprisals(said, start + i) for i, said in enumerate(said_in(batch))]
            batch = pa.RecordBatch.from_arrays([*batch.columns, pa.array(bits, pa.list_(pa.float64()))], schema=schema)
        return batch.select(self.check_columns(columns))

    def check_columns(self, columns: Sequence[str]) -> list[str]:
        """Return `columns` in the schema's order. Raises SynthgenError for an unknown one."""
        names = self.schema_with(columns).names
        for column in columns:
            if column not in names:
                raise SynthgenError(f"{self.spec.name} has no column {column!r}{nearest(column, names)}")
        return [name for name in names if name in columns]

    def schema_with(self, columns: Sequence[str]) -> pa.Schema:
        """Return the schema, with `token_bits` behind all other columns where `columns` ask for it.

        Raises SynthgenError where they do and no law is known token by token.
        """
        schema = self.schema
        if TOKEN_BITS not in columns or TOKEN_BITS in schema.names:
            return schema
        self._law_of("train")
        return with_features(schema.append(pa.field(TOKEN_BITS, pa.list_(pa.float64()))))

    def surprisals(self, row: Mapping[str, Any] | int, split: str = "train") -> np.ndarray:
        """Return the bits that a perfect model pays for each token of a row, and for its end, (tokens + 1,) float64.

        row: its index, or what `row` returns. A token row has an entry for each id, a text one for each character of
        its prompt and completion. The model knows the law and the world, not the other rows: the sum is the row's bits,
        and for rows about people log2 of how many there are (`entropy().unbooked`). Where rows can come about in
        several ways, it is the bits of what is shown. Of some tasks (`Task.prompt_at_once`) all bits of the prompt
        stand at its last token. What takes too long to be known is NaN. Raises SynthgenError, with the reason, where
        the law is not known token by token.
        """
        task = self._law_of(split)
        if isinstance(row, int | np.integer):
            row = self.row(int(row), split)
        parts = [row[name] for name in CONTENT_COLUMNS if name in row]
        said = "".join(parts) if "input_ids" not in row else row["input_ids"]
        return task.surprisals(said, row.get("id", 0))

    def row_text_bits(self, row: Mapping[str, Any] | int, split: str = "train") -> tuple[float, float]:
        """Return what the text of a row has in bits, given which entity comes next: (low, high), the same where exact.

        row: its index, or what `row` returns. Where other choices than a row's own make the same text, it has less than
        its `bits`. What is too long to be summed exactly (most rows of igsm's paper sampler, wide graphs of brevo) has
        two figures of which, on average over rows, the first is too low and the second too high; a single row's may
        cross. Raises SynthgenError where they cannot be had, and for a row that is not the split's own.
        """
        task = self.task(split)
        if task.without_row_text_bits:
            why = task.without_row_text_bits
            raise SynthgenError(f"{self.spec.name}/{split} has no bits of single texts: {why}")
        index = row.get("id", 0) if isinstance(row, Mapping) else operator.index(row)
        redrawn = self.row(index, split)
        content = [name for name in CONTENT_COLUMNS if name in redrawn]
        if isinstance(row, Mapping) and any(row.get(name) != redrawn[name] for name in content):
            raise SynthgenError(
                f"{self.spec.name}/{split}: the row is not row {index:,} of the split: give its index, or what `row` "
                "returned"
            )
        return task.row_text_bits(redrawn)

    def _law_of(self, split: str) -> Task:
        """Return a split's task. Raises SynthgenError where it has no law token by token."""
        task = self.task(split)
        if task.without_surprisals:
            raise SynthgenError(f"{self.spec.name} has no bits for each token: {task.without_surprisals}")
        return task

    def stream(
        self,
        split: str = "train",
        start: int = 0,
        stop: int | None = None,
        rank: int = 0,
        world_size: int = 1,
        batch_size: int = 1024,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield batches of the rows from `start` (to `stop`, or for ever) without any disk.

        Rank r of W gets every W-th batch, so the ranks together see each row once. A finite corpus goes round: its
        batches have a further column `epoch`, and none spans two epochs.
        """
        if not 0 <= rank < world_size:
            raise SynthgenError(f"rank {rank} of {world_size}: ranks run from 0 to {world_size - 1}")
        limit = self.task(split).rows_max
        end = INDEX_MAX if stop is None else stop
        block, number = start, 0
        while block < end:
            epoch = 0 if limit is None else block // limit
            upto = min(block + batch_size, end) if limit is None else min(block + batch_size, end, (epoch + 1) * limit)
            if number % world_size == rank:
                offset = epoch * (limit or 0)
                batch = self.batch(block - offset, upto - offset, split, columns)
                if limit is not None:
                    epochs = pa.array(np.full(batch.num_rows, epoch, np.int32))
                    batch = batch.append_column(pa.field("epoch", pa.int32()), epochs)
                yield batch
            block, number = upto, number + 1

    def readable(self, row: Mapping[str, Any] | int, split: str = "train") -> str:
        """Return what a row says, for people: its text, or its tokens by name. `row`: its index, or the row itself."""
        row = self._row_of(row, split)
        if "input_ids" in row:
            return self.task(split).readable(row)
        return "".join(row[name] for name in CONTENT_COLUMNS if name in row)

    def decode(self, row: Mapping[str, Any] | int, split: str = "train") -> dict[str, Any]:
        """Return what a row was made from, for people: its latents, in words where they are numbers of something."""
        row = self._row_of(row, split)
        return dict(self._read(self.task(split).decode, row))

    def tree(self, row: Mapping[str, Any] | int, split: str = "train") -> Any:
        """Return the tree behind a row, of a grammar or an expression, as an `nltk.Tree`.

        Raises SynthgenError for a task whose rows have none, or where nltk is not installed.
        """
        row = self._row_of(row, split)
        return self._read(self.task(split).tree, row)

    def graph(self, row: Mapping[str, Any] | int, split: str = "train") -> Any:
        """Return the graph that a row speaks of as a `networkx.DiGraph`, its nodes called as in the text.

        An edge goes from what is needed to what needs it. Raises SynthgenError for a task whose rows have none.
        """
        row = self._row_of(row, split)
        return self._read(self.task(split).graph, row)

    def rank(self, row: Mapping[str, Any] | int, split: str = "train") -> int:
        """Return the number of what a row says among all that its law can say, from 0: a Python integer of any size.

        Rows of one rank say the same. Raises SynthgenError for a task whose rows have none.
        """
        row = self._row_of(row, split)
        return int(self._read(self.task(split).rank, row))

    def unrank(self, number: int, split: str = "train") -> dict[str, Any]:
        """Return the row that has a rank: what it says, and its latent where `tree` and `picture` need it.

        It has no `id`, since no index need lead to it. Raises SynthgenError for a number that no row has, and for a
        task whose rows have no rank, or do not follow from it.
        """
        return dict(self.task(split).unrank(operator.index(number)))

    def save_tokenizer(self, folder: str | Path, split: str = "train") -> Path:
        """Write what `transformers.AutoTokenizer.from_pretrained(folder)` reads, with the ids of the rows; return it.

        Of token rows that the task makes itself, each id has a name. Raises SynthgenError for text without a tokenizer.
        """
        task = self.task(split)
        if files := task.tokenizer_files():
            return save_files(files, folder)
        if self.spec.row_format != "tokens" or task.vocab is None:
            raise SynthgenError(
                f"{self.spec.name} has text rows and no tokenizer: say tokenizer = 'words', 'bytes', or name a file"
            )
        return save_files(vocabulary_files(task.vocab), folder)

    def _row_of(self, row: Mapping[str, Any] | int, split: str) -> Mapping[str, Any]:
        return row if isinstance(row, Mapping) else self.row(operator.index(row), split)

    def _read(self, read: Callable[[Mapping[str, Any]], Any], row: Mapping[str, Any]) -> Any:
        try:
            return read(row)
        except ImportError as error:
            raise SynthgenError(f"needs {error.name}: pip install {error.name}") from None
        except SynthgenError:
            raise
        except UNREADABLE as error:
            reason = str(error) or type(error).__name__
            raise SynthgenError(f"{self.spec.name}: the row cannot be read: {reason}") from None

    def verify(self, row: Any, completion: Any = None, split: str = "train", mode: str = "strict") -> Verdict:
        """Judge a whole row, `verify(row)`, or a completion of a prompt, `verify(prompt, completion)`.

        Prompts and completions are texts, token ids (a list, an array, a tensor) or lists of messages, of which the
        last one's content counts. `mode` is "strict" (as rows are written, but for blanks, end marks, a fence and a
        full stop at the edges), "steps" (every step checked, in any order and layout) or "answer" (the final answer
        alone). Nothing that rows or answers hold raises; raises SynthgenError for a mode that the task has not.
        """
        task = self.task(split)
        check_mode(task, mode)
        try:
            return task.verify(row) if completion is None else judge_answer(task, row, completion, mode)
        except WrongKind as error:
            return replace(Verdict.wrong(f"format: {error}", 0), mode=mode)
        except UNREADABLE as error:  # a task from outside may have a `verify` of its own
            return Verdict.wrong(f"the row cannot be read: {str(error) or type(error).__name__}")

    def reward_function(self, mode: str = "strict", split: str = "train") -> Reward:
        """Return a reward function of a mode and a split, as `reward` is one: `GRPOTrainer(reward_funcs=...)`.

        It has a name, which trainers log it by, and can be pickled. Raises SynthgenError for a mode that the task has
        not.
        """
        check_mode(self.task(split), mode)
        return Reward(self, mode, split)

    def reward(
        self,
        /,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        split: Any = "train",
        mode: Any = "strict",
        **columns: Any,
    ) -> list[float]:
        """Return the scores of completions, as TRL's GRPOTrainer wants a reward function to.

        Each is what `verify` takes. What an answer says raises nothing; raises TypeError for a kind of answer that
        nobody can read, SynthgenError for a mode that the task has not. The trainer passes the dataset's columns as
        keywords: they are ignored, and so are columns `split` and `mode`. Only texts are meant:
        `functools.partial(source.reward, split="test", mode="answer")`.
        """
        check_pairs(prompts, completions)
        task, mode = self.task(split if isinstance(split, str) else "train"), mode if isinstance(mode, str) else STRICT
        check_mode(task, mode)
        return [judge_answer(task, *pair, mode).score for pair in zip(prompts, completions, strict=True)]


@dataclass(frozen=True)
class Reward:
    """A reward function: what `Source.reward` gives in a mode, for a split's prompts. Columns are ignored."""

    source: Source
    mode: str
    split: str

    @property
    def __name__(self) -> str:
        return f"{self.source.spec.name}_{self.mode}".replace("-", "_")

    def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float]:
        """Return the scores of completions; raises as `Source.reward` does."""
        return self.source.reward(prompts, completions, split=self.split, mode=self.mode)
