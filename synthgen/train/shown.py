"""A run as plain data to be looked at: its loss over its floor, tokens beside what a perfect model pays, answers.

`shown` returns what JSON can hold, and `synthgen.publish.explorer` makes a page of it.
"""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.glossary import book_words
from synthgen.spec.source import Source
from synthgen.train.answered import Answered
from synthgen.train.batches import RunData
from synthgen.train.floor import FRESH, model_bits
from synthgen.train.language_model import LanguageModel, size_of
from synthgen.train.loop import LOG_EVERY
from synthgen.train.runs import load_run, read_metrics
from synthgen.train.score import Scores, judge
from synthgen.windowing.spec_rows import SpecRows
from synthgen.windowing.token_rows import NO_SPAN, TokenRows

MOST_POINTS = 1000
"""Steps of the loss that are shown; of more, every so many."""
MOST_ANSWERS = 12
"""Answers that are shown step by step."""
SHORT = 80
"""Characters of an answer, and of what was expected, that stand in its headline."""
LONGEST = 2000
"""Characters of what is asked and said that are shown."""


def source_of_run(folder: Path) -> Source:
    """Return the source of a run's first stream. Raises SynthgenError where there is no finished run."""
    _, data = load_run(folder)
    return data.sources[0].source


def shown(folder: Path, rows: int, scored: int) -> dict[str, Any]:
    """Return a run's loss and floor, fresh rows with what each token costs, and its answers to `scored` rows.

    Raises SynthgenError where there is no finished run.
    """
    model, data = load_run(folder)
    corpus = SpecRows(data.sources[0].source, FRESH, vocabulary=data.vocabulary)
    lines = read_metrics(folder)
    every = -(-len(lines) // MOST_POINTS) or 1
    lines = lines[:-1:every] + lines[-1:]
    sample = corpus.read(0, corpus.first(rows), spans=True)
    scores, why = _scores(model, data, corpus, scored)
    return {
        "name": folder.name,
        "facts": [
            ("parameters", f"{size_of(model):,}"),
            ("steps", f"{lines[-1]['step']:,}" if lines else "unknown"),
            ("data", ", ".join(stream.source.spec.name for stream in data.sources)),
        ],
        "noted": f"A run notes its loss every {LOG_EVERY} steps and at the last one: the line begins at step "
        f"{lines[0]['step']:,}. Each point is the loss of one step."
        if lines
        else "",
        "loss": [(line["step"], line["loss_bits"]) for line in lines],
        "floor": [(line["step"], line["floor_bits"]) for line in lines if "floor_bits" in line],
        "rows": _rows(model, data, corpus, sample),
        "scores": scores.to_json() if scores else None,
        "answers": [_answer(answer) for answer in scores.answers[:MOST_ANSWERS]] if scores else [],
        "why": why,
    }


def _scores(model: LanguageModel, data: RunData, corpus: SpecRows, scored: int) -> tuple[Scores | None, str]:
    """Return how a run answers, or why that cannot be told."""
    try:
        return judge(model, data, corpus, scored), ""
    except SynthgenError as error:
        return None, f"Its answers are not judged: {error}"


def _rows(model: LanguageModel, data: RunData, corpus: SpecRows, sample: TokenRows) -> list[dict[str, Any]]:
    """Return rows as the explorer has them, with `model`: the bits that this model pays for each token and the end."""
    paid, names = model_bits(model, sample, corpus, data.start_of(0)), corpus.vocab.names
    first, last = int(sample.numbers[0]), int(sample.numbers[-1]) + 1
    stated = corpus.source.batch(first, last, corpus.split).to_pylist()
    table = []
    for i, row in enumerate(stated):
        at, end = int(sample.starts[i]), int(sample.ends[i])
        trained = sample.trained[at:end]
        entry = {
            "split": corpus.split,
            "id": row["id"],
            "difficulty": row["difficulty"],
            "pieces": [names.get(int(token), str(token)) for token in sample.ids[at:end]],
            "given": int(np.argmax(trained)) if trained.any() else 0,
            "spans": _spans(sample.span_kinds[at:end], corpus.span_kinds),
            "model": [_finite(bits) for bits in (*paid.tokens[at:end], paid.ends[i])],
            "books": {book_words(name): None if bits is None else round(bits, 4) for name, bits in row["bits"].items()},
        }
        if not corpus.without_surprisals:
            entry["bits"] = [_finite(bits) for bits in corpus.surprisals(int(sample.numbers[i]))]
        table.append(entry)
    return table


def _finite(bits: float) -> float | None:
    """Return bits in few digits; None for what JSON has not."""
    return round(float(bits), 3) if math.isfinite(bits) else None


def _spans(kinds: np.ndarray, names: tuple[str, ...]) -> list[tuple[int, int, str]]:
    """Return runs of tokens of one span kind as [first, behind the last, kind]."""
    edges = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
    return [(a, b, names[kinds[a]]) for a, b in itertools.pairwise(edges) if a < b and kinds[a] != NO_SPAN]


def _answer(answered: Answered) -> dict[str, Any]:
    """Return a row's answers; the reason of a wrong one names which it is, where there are several."""
    verdict, exchanges = answered.verdict, answered.exchanges
    alone = len(exchanges) > 1 or (len(verdict.parts) == 1 and set(verdict.parts[0]) <= {"correct", "difficulty"})
    parts = [", ".join(_told(name, value) for name, value in part.items() if value != "") for part in verdict.parts]
    return {
        "exchanges": [
            {"asked": _cut(one.asked), "expected": _cut(one.expected), "said": _cut(one.said), "correct": one.correct}
            for one in exchanges
        ],
        "correct": verdict.correct,
        "reason": _reason(answered),
        "parts": [] if alone else parts,  # each answer is told by itself
    }


def _reason(answered: Answered) -> str:
    """Return why a row's answers are wrong: which of several, and of a short one what was said and expected."""
    several = len(answered.exchanges) > 1
    wrong = [number for number, one in enumerate(answered.exchanges, 1) if not one.correct]
    if several and len(wrong) == len(answered.exchanges):
        return f"all {len(wrong)} answers"
    if len(wrong) > 1:
        return f"answers {', '.join(map(str, wrong[:-1]))} and {wrong[-1]} of {len(answered.exchanges)}"
    for number in wrong:
        one, which = answered.exchanges[number - 1], f"answer {number} of {len(answered.exchanges)}: " * several
        if one.expected and len(one.expected) + len(one.said) <= SHORT:
            return f"{which}{one.said.strip() or 'nothing'} was said, {one.expected.strip()} was expected"
        return f"{which}{answered.verdict.reason}"
    return answered.verdict.reason


def _told(name: str, value: Any) -> str:
    """Return an entry of a verdict's part in words."""
    if name == "correct":
        return "right" if value else "wrong"
    return f"{name} {value}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
