"""Questions: the first rows of a split as any evaluator takes them, text in and text out, judged by the task.

    for question in Questions(source, "test", rows=100, mode="answer"):
        print(question.prompt, question.difficulty)

Rows of tokens are asked in the names of their tokens, and answers in such names are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from synthgen.errors import SynthgenError, nearest
from synthgen.spec.source import Source, load
from synthgen.spec.spec import FRESH, Spec
from synthgen.task.answers import check_mode, prompt_of

AT_A_TIME = 1024
"""Rows that are made at once."""


class Question(NamedTuple):
    """What is asked, and what the row itself answers."""

    id: int
    """The row's index."""
    prompt: str
    completion: str
    difficulty: int


@dataclass(frozen=True)
class Questions:
    """The first `rows` rows of a split as questions, and the mode in which answers are judged.

    Raises SynthgenError for a split or a mode that there is not, for rows without prompts, and for more rows than the
    split has.
    """

    source: Source
    split: str
    rows: int
    mode: str

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
        prompt_of(source.row(0, split))

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[Question]:
        spelt = self.source.task(self.split).spelt
        for start in range(0, self.rows, AT_A_TIME):
            stop = min(start + AT_A_TIME, self.rows)
            for row in self.source.batch(start, stop, self.split).to_pylist():
                prompt = prompt_of(row)
                if isinstance(prompt, str):
                    yield Question(row["id"], prompt, row["completion"], row["difficulty"])
                else:
                    rest = row["input_ids"][len(prompt) :]
                    yield Question(row["id"], spelt(prompt), spelt(rest), row["difficulty"])


def questions(
    spec: str | Spec | Source, split: str = "test", rows: int | None = None, mode: str = "answer"
) -> Questions:
    """Return the questions of a spec (a name, a path, or a source); by default as many as the split has, up to 1,000.

    Raises SynthgenError as `load` and `Questions` do.
    """
    source = spec if isinstance(spec, Source) else load(spec)
    if rows is None:
        stated = source.spec.splits[split].rows if split in source.spec.splits else None
        rows = min(1000, stated or 1000)
    return Questions(source, split, rows, mode)
