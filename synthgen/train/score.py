"""Scores: is what a model says right? The task's own verifier judges, for our models and for anybody's answers.

synthgen score runs/copy --split test                     # our model: generates, then judges
synthgen score data/igsm --completions answers.jsonl      # a line an answer: {"id": 17, "completion": "..."}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.task.answers import prompt_of as prompt_of
from synthgen.task.foreign import read_json_lines, short
from synthgen.task.kit.accuracy import Accuracy
from synthgen.task.verdict import Verdict
from synthgen.train.answered import Answered, Exchange
from synthgen.train.batches import RunData
from synthgen.train.decode import complete
from synthgen.train.floor import model_bits
from synthgen.train.language_model import LanguageModel
from synthgen.windowing.retractions import Retractions
from synthgen.windowing.spec_rows import SpecRows
from synthgen.windowing.token_rows import TokenRows

KEPT = 20
"""Answers that scores keep to be looked at."""

REDUNDANT = "redundant"
"""What a verdict calls the number of steps that a right answer does not need."""

COUNTS = (REDUNDANT, "needless", "unknown", "retries", "early", "miscounted", "ordered", "operations", "steps")
"""What verdicts count in a whole solution, in the last of their parts."""

ROOM = 4
"""How many times as long as the longest true completion one may be: what is taken back takes room too."""


SENTENCES = re.compile(r"[.?](?=[A-Z])")
"""The end of a sentence, where another one begins at once."""


@dataclass
class Scores:
    """Accuracy of a split: of whole rows, by their difficulty, of single queries, and by theirs."""

    split: str
    rows: Accuracy = field(default_factory=Accuracy)
    by_difficulty: dict[int, Accuracy] = field(default_factory=dict)
    queries: Accuracy = field(default_factory=Accuracy)
    by_query: dict[str, Accuracy] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    counts: dict[str, Accuracy] = field(default_factory=dict)
    """What verdicts count in whole solutions that can be read (COUNTS): `share` is the mean."""
    shortest: float = 0.0
    """Solutions that are right and have no step that the answer does not need."""
    chances: dict[str, Accuracy] = field(default_factory=dict)
    """How often guesses would be right on these rows, by what is guessed."""
    distinct: set[bytes] = field(default_factory=set)
    """The different ones among right rows that the model made up."""
    unanswered: int = 0
    """Rows of the split that nobody answered, and that are not counted."""
    answers: list[Answered] = field(default_factory=list)
    """The first answers, to be looked at."""

    def keep(self, corpus: SpecRows, exchanges: Sequence[tuple[Any, Any, Any, bool]], verdict: Verdict) -> None:
        """Keep a row's answers to be looked at, if it is among the first; each is (asked, expected, said, right)."""
        if len(self.answers) < KEPT:
            told = (
                Exchange(_written(corpus, asked), _written(corpus, expected), _written(corpus, said), right)
                for asked, expected, said, right in exchanges
            )
            self.answers.append(Answered(tuple(told), verdict))

    def add(self, verdict: Verdict, difficulty: int) -> None:
        """Count the verdict on one row."""
        self.rows.add(float(verdict.correct))
        self.by_difficulty.setdefault(difficulty, Accuracy()).add(float(verdict.correct))
        if not verdict.correct:
            reason = verdict.reason[:80]
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
        whole = verdict.parts[-1] if verdict.parts else {}
        for name in COUNTS:
            if name in whole:
                self.counts.setdefault(name, Accuracy()).add(float(whole[name]))
        self.shortest += float(verdict.correct and not whole.get(REDUNDANT, 0))
        for part in verdict.parts:
            if "correct" not in part:  # a step, or counts of the whole: only queries are scored by themselves
                continue
            right = float(part["correct"])
            self.queries.add(right)
            name = str(part.get("difficulty", part.get("query", "")))
            self.by_query.setdefault(name, Accuracy()).add(right)

    def figures(self) -> dict[str, float]:
        """Return figures by name: `rows`, `queries`, `query.D` (of difficulty D), `mean.C` for what is counted."""
        accuracies = {"rows": self.rows.share}
        accuracies |= {f"rows.{d}": accuracy.share for d, accuracy in sorted(self.by_difficulty.items())}
        if self.queries.of:
            accuracies["queries"] = self.queries.share
        if self.counts:
            accuracies["shortest"] = self.shortest / self.rows.of
        accuracies |= {f"mean.{name}": count.share for name, count in self.counts.items()}
        accuracies |= {f"chance.{name}": chance.share for name, chance in self.chances.items()}
        if "order" in self.chances:  # of all answers: those that cannot be read have none
            ordered = self.counts.get("ordered", Accuracy()).right
            accuracies |= {"ordered": ordered / self.rows.of, "shortest": self.shortest / self.rows.of}
        return accuracies | {f"query.{name}": accuracy.share for name, accuracy in sorted(self.by_query.items())}

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen score --json` prints."""
        table: dict[str, Any] = {"split": self.split, "rows": self.rows.to_json()}
        table["by_difficulty"] = {str(d): accuracy.to_json() for d, accuracy in sorted(self.by_difficulty.items())}
        if self.queries.of:
            table["queries"] = self.queries.to_json()
            table["by_query"] = {name: accuracy.to_json() for name, accuracy in sorted(self.by_query.items())}
        if self.unanswered:
            table["unanswered"] = self.unanswered
        table["reasons"] = dict(sorted(self.reasons.items(), key=lambda item: -item[1])[:5])
        return table


def answer_runs(rows: TokenRows, kinds: Sequence[str]) -> list[list[tuple[int, int]]]:
    """Return where each row's answers stand: its spans of kind `answer`, or else its runs of trained tokens."""
    wanted = rows.span_kinds == kinds.index("answer") if "answer" in kinds else rows.trained
    runs = []
    for first, last in zip(rows.starts, rows.ends, strict=True):
        inside = np.concatenate([[0], wanted[first:last].astype(np.int8), [0]])
        turns = np.flatnonzero(np.diff(inside)) + first
        runs.append(list(zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True)))
    return runs


def judge_masked(model: LanguageModel, corpus: SpecRows, rows: TokenRows, start: int | None = None) -> Scores:
    """Judge every answer of token rows, each behind the true row up to it: what questions with several queries need.

    An answer's tokens are the model's first choices behind the true ones before them: greedy generation says the same
    up to its first error. The task's verifier judges (row up to the answer, answer); its verdict on the true row
    tells the queries' difficulties.
    """
    paid = model_bits(model, rows, corpus, start)
    difficulties = _difficulties(corpus, rows)
    scores, verify, split = Scores(corpus.split), corpus.source.verify, corpus.split
    for i, runs in enumerate(answer_runs(rows, corpus.span_kinds)):
        first = rows.starts[i]
        ids = rows.ids[first : rows.ends[i]].tolist()
        if not runs:
            continue
        opening = runs[0][0] - first
        known = verify(ids[:opening], ids[opening:], split=split).parts
        parts, exchanges, behind = [], [], 0
        for number, (a, b) in enumerate(runs):
            said = paid.choices[a:b].tolist()
            right = verify(ids[: a - first], said, split=split).correct
            label = known[number] if len(known) == len(runs) else {}
            parts.append({"correct": right, "difficulty": label.get("difficulty", difficulties[i])})
            exchanges.append((ids[behind : a - first], ids[a - first : b - first], said, right))
            behind = b - first
        right = all(part["correct"] for part in parts)
        verdict = Verdict(right, float(right), "" if right else "an answer is wrong", parts=tuple(parts))
        scores.keep(corpus, exchanges, verdict)
        scores.add(verdict, difficulties[i])
    return scores


def _difficulties(corpus: SpecRows, rows: TokenRows) -> list[int]:
    first, last = int(rows.numbers[0]), int(rows.numbers[-1]) + 1
    return corpus.source.batch(first, last, corpus.split, ["difficulty"]).column(0).to_pylist()


def judge_generated(
    model: LanguageModel,
    corpus: SpecRows,
    rows: TokenRows,
    start: int | None = None,
    temperature: float = 0.0,
    retractions: Retractions | None = None,
) -> Scores:
    """Let `model` go on behind each row's prompt (what stands before its first trained token) and judge what it says.

    With `retractions`, it may not repeat what it took back. Raises SynthgenError where phrases do not spell the rows'
    own completions: such text needs a tokeniser.
    """
    begin, end, _ = corpus.vocabulary.specials
    opening, texts = np.array([begin if start is None else start]), _texts(corpus, rows)
    prompts, expected, most = [], [], 0
    for i, first in enumerate(rows.starts):
        ids, trained = rows.ids[first : rows.ends[i]], rows.trained[first : rows.ends[i]]
        cut = int(np.argmax(trained)) if trained.any() else ids.size
        prompts.append(ids[:cut])
        expected.append(ids[cut:] if texts is None else texts[i][1])
        most = max(most, ROOM * (ids.size - cut) + 2)
        if texts is not None and _spelt(corpus, ids[cut:], texts[i][1]) != texts[i][1]:
            raise SynthgenError(
                f"{corpus.source.spec.name}: its phrases spell {corpus.spelt(ids[cut:])!r}, not {texts[i][1]!r}; "
                "give the stream a tokenizer"
            )
    asked_ids = [np.concatenate([opening, prompt]) for prompt in prompts]
    said = complete(model, asked_ids, end, most, temperature, retractions=retractions)
    scores = Scores(corpus.split)
    for i, (prompt, ids) in enumerate(zip(prompts, said, strict=True)):
        asked = prompt.tolist() if texts is None else texts[i][0]
        difficulty = texts[i][2] if texts is not None else 0
        answer = corpus.spelt(ids) if texts is None else _spelt(corpus, ids, texts[i][1])
        verdict = corpus.source.verify(asked, answer, split=corpus.split)
        scores.keep(corpus, [(asked, expected[i], answer, verdict.correct)], verdict)
        scores.add(verdict, difficulty)
        for name, chance in corpus.task.chances(asked).items():
            scores.chances.setdefault(name, Accuracy()).add(chance)
    return scores


def _written(corpus: SpecRows, said: Any) -> str:
    """Return a text, or token ids by name."""
    if isinstance(said, str):
        return said
    names = corpus.vocab.names
    return " ".join(names.get(int(token), str(token)) for token in said)


def _spelt(corpus: SpecRows, ids: np.ndarray, like: str) -> str:
    """Return phrases as text, behind the space that a completion begins with where `like` does.

    White space is no token, and a phrase may have it at either end: what is said has one space where there is any, and
    between sentences.
    """
    return (" " if like.startswith(" ") else "") + " ".join(SENTENCES.sub(r"\g<0> ", corpus.spelt(ids)).split())


def _texts(corpus: SpecRows, rows: TokenRows) -> list[tuple[str, str, int]] | None:
    """Return the rows' prompts, completions and difficulties, where they are text."""
    if corpus.source.spec.row_format != "prompt-completion":
        return None
    columns = ["prompt", "completion", "difficulty"]
    first, last = int(rows.numbers[0]), int(rows.numbers[-1]) + 1
    return [
        (row["prompt"], row["completion"], row["difficulty"])
        for row in corpus.source.batch(first, last, corpus.split, columns).to_pylist()
    ]


def judge_samples(
    model: LanguageModel, corpus: SpecRows, rows: int, temperature: float, start: int | None = None
) -> Scores:
    """Judge whole rows that the model makes up from nothing."""
    begin, end, _ = corpus.vocabulary.specials
    prompts = [np.array([begin if start is None else start])] * rows
    scores = Scores(f"{corpus.split}, samples at temperature {temperature:g}")
    for ids in complete(model, prompts, end, model.settings.context, temperature):
        verdict = corpus.source.verify([], corpus.spelt(ids), split=corpus.split)
        if verdict.correct:
            scores.distinct.add(np.asarray(ids, np.int64).tobytes())
        scores.keep(corpus, [("", "", corpus.spelt(ids), verdict.correct)], verdict)
        scores.add(verdict, 0)
    return scores


def judge(model: LanguageModel, data: RunData, corpus: SpecRows, rows: int, temperature: float | None = None) -> Scores:
    """Judge a model of a run; see `judge_rows`."""
    return judge_rows(model, corpus, rows, data.start_of(0), temperature)


def judge_rows(
    model: LanguageModel, corpus: SpecRows, rows: int, start: int | None = None, temperature: float | None = None
) -> Scores:
    """Judge any model as the rows of a corpus ask for: single answers, whole completions, or rows that it makes up.

    Raises SynthgenError for a temperature where answers are the first choices.
    """
    sample = corpus.read(0, corpus.first(rows), spans=True)
    if "answer" in corpus.span_kinds and corpus.task.vocab is not None:
        if temperature:
            raise SynthgenError(
                f"--temperature {temperature:g}: these answers are the model's first choices; leave it out"
            )
        return judge_masked(model, corpus, sample, start)
    if sample.trained.all():
        return judge_samples(model, corpus, rows, temperature or 1.0, start)
    return judge_generated(model, corpus, sample, start, temperature or 0.0)


class _Answer(BaseModel):
    """A line of a file of answers."""

    id: int
    completion: Any


def score_completions(source: Source, split: str, file: Path, rows: int | None = None, mode: str = "strict") -> Scores:
    """Judge a file of answers, one JSON object {id, completion} a line, against the rows of a split.

    With `rows`, each of the split's first rows must be answered, and no other one; without, rows that are not answered
    are not counted, and `unanswered` says how many. `mode` is as for `Source.verify`. Raises SynthgenError for a line
    that is no such object, for an id beyond the data, for one given twice, and for a mode that the task has not.
    """
    scores, seen = Scores(split), set()
    limit = source.rows_max(split)
    if rows is not None:
        if limit is not None and rows > limit:
            raise SynthgenError(f"--rows {rows}: the split {split} has {limit:,}")
        limit = rows
    for number, answer in read_json_lines(file, _Answer, 'write {"id": 17, "completion": "..."}'):
        where, index = f"{file}, line {number}", answer.id
        if not isinstance(answer.completion, str | list):
            raise SynthgenError(
                f"{where}: completion = {short(answer.completion)}: write a text, a list of token ids, or leave the "
                "line out"
            )
        if index in seen:
            raise SynthgenError(f"{where}: id {index} stands there twice")
        if index < 0 or (limit is not None and index >= limit):
            asked = f"rows 0 to {rows - 1} are asked (--rows)" if rows else f"the split {split} has no such row"
            raise SynthgenError(f"{where}: id {index}: {asked}")
        seen.add(index)
        row = source.row(index, split)
        scores.add(source.verify(prompt_of(row), answer.completion, split, mode), row["difficulty"])
    if not seen:
        raise SynthgenError(f"{file}: holds no answers")
    stated = source.spec.splits[split].rows if split in source.spec.splits else None
    scores.unanswered = max(0, (rows or stated or limit or 0) - len(seen))
    if rows is not None and scores.unanswered:
        first = next(index for index in range(rows) if index not in seen)
        raise SynthgenError(
            f"{file}: {scores.unanswered:,} of {rows:,} rows are not answered, such as {first}; answer them, or leave "
            "--rows out"
        )
    return scores
