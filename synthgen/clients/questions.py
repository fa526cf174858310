"""Questions: the first rows of a split as any evaluator takes them, text in and text out, judged by the task.

    for question in Questions(source, "test", rows=100, mode="answer"):
        print(question.prompt, question.difficulty)

Rows of tokens are asked in the names of their tokens, and answers in such names are read. With `worded` prompts have
their rules in words, for models that never saw the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from synthgen.errors import SynthgenError, nearest
from synthgen.spec.source import Source, load
from synthgen.spec.spec import FRESH, Spec
from synthgen.task.answers import check_mode, prompt_of

TRAIN = "train"
AT_A_TIME = 1024
"""Rows that are made at once."""


class Question(NamedTuple):
    """What is asked, and what the row itself answers: as in rows of text, a completion begins with its own blank."""

    id: int
    """The row's index."""
    prompt: str
    completion: str
    difficulty: int


@dataclass(frozen=True)
class Questions:
    """The first `rows` rows of a split as questions, and the mode in which answers are judged.

    `worded`: with their rules in words, as `Task.worded` has it. Raises SynthgenError for a split or a mode that there
    is not, for rows without prompts, for a task without such a wording, and for more rows than the split has.
    """

    source: Source
    split: str
    rows: int
    mode: str
    worded: bool = False

    def __post_init__(self) -> None:
        source, split = self.source, self.split
        if split not in source.splits and not split.startswith(FRESH):
            raise SynthgenError(
                f"{source.spec.name} has no split {split!r}{nearest(split, source.splits)}; fresh:NAME is a new one"
            )
        check_mode(source.task(split), self.mode)
        if self.rows < 1:
            raise SynthgenError(f"rows = {self.rows}: at least one is asked")
        most = source.rows_max(split)
        if most is not None and self.rows > most:
            raise SynthgenError(f"rows = {self.rows:,}: split {split!r} of {source.spec.name} has {most:,}")
        try:
            self._parts_of(source.row(0, split))
        except SynthgenError as error:
            raise SynthgenError(f"{source.spec.name}: {error}") from None

    def __len__(self) -> int:
        return self.rows

    def _parts_of(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """Return a row's prompt and completion as texts. Raises SynthgenError for a row without a prompt."""
        task = self.source.task(self.split)
        if "prompt" in row:
            prompt, completion = row["prompt"], row["completion"]
        else:
            cut = len(prompt_of(row))
            prompt, completion = task.spelt(row["input_ids"][:cut]), " " + task.spelt(row["input_ids"][cut:])
        return task.worded(prompt) if self.worded else prompt, completion

    def __iter__(self) -> Iterator[Question]:
        for start in range(0, self.rows, AT_A_TIME):
            stop = min(start + AT_A_TIME, self.rows)
            for row in self.source.batch(start, stop, self.split).to_pylist():
                yield Question(row["id"], *self._parts_of(row), row["difficulty"])


def questions(
    spec: str | Spec | Source,
    split: str | None = None,
    rows: int | None = None,
    mode: str = "answer",
    worded: bool = False,
) -> Questions:
    """Return the questions of a spec (a name, a path, or a source).

    split: by default the first one for tests; rows: by default as many as the split has, up to 1,000. Raises
    SynthgenError as `load` and `Questions` do.
    """
    source = spec if isinstance(spec, Source) else load(spec)
    split = split or asked_splits(source)[0]
    if rows is None:
        stated = source.spec.splits[split].rows if split in source.spec.splits else None
        rows = min(1000, stated or 1000)
    return Questions(source, split, rows, mode, worded)


def asked_splits(source: Source) -> list[str]:
    """Return the splits that are there to be asked: all but `train`, where there are others."""
    return [split for split in source.splits if split != TRAIN] or [TRAIN]
