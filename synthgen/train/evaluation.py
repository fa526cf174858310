"""Evaluation: all that is measured of a finished model in one table: its loss beside the floor, accuracies, knowledge.

synthgen evaluate runs/cfg3f
synthgen evaluate some/transformers/model igsm-med-pq
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec, spec_of_table
from synthgen.tokens.saved import TOKENIZER_FILE
from synthgen.train.batches import RunData, source_of
from synthgen.train.floor import FRESH, FloorResult, measure
from synthgen.train.language_model import LanguageModel, size_of
from synthgen.train.measures import knowledge_of, people_losses
from synthgen.train.runs import SETTINGS, load_run
from synthgen.train.score import Scores, judge_rows
from synthgen.train.transformers_model import TransformersModel
from synthgen.windowing.phrases import Vocabulary
from synthgen.windowing.spec_rows import SpecRows

MOST_PEOPLE = 100_000
"""Documents, one a person, that bits a parameter are measured on, at most."""


@dataclass(frozen=True)
class Subject:
    """A model and the rows it is asked: their spec in its vocabulary, and the id that rows begin with."""

    model: LanguageModel
    source: Source
    vocabulary: Vocabulary
    start: int

    def rows(self, split: str) -> SpecRows:
        """Return the rows of a split."""
        return SpecRows(self.source, split, vocabulary=self.vocabulary)


@dataclass(frozen=True)
class Evaluation:
    """What was measured of a model. What could not be is None, and `why` says so, a sentence each."""

    spec: str
    parameters: int
    floor: FloorResult | None
    scores: Scores | None
    knowledge: Mapping[str, float] | None
    why: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen evaluate --json` prints."""
        return {
            "spec": self.spec,
            "parameters": self.parameters,
            "floor": self.floor.to_json() if self.floor else None,
            "scores": self.scores.to_json() if self.scores else None,
            "knowledge": dict(self.knowledge) if self.knowledge else None,
            "why": dict(self.why),
        }


def subject_of(folder: Path, spec: str | None = None, trust_remote_code: bool = False) -> Subject:
    """Return the model in a run's folder, an exported one, or one of transformers, with the rows of a spec.

    A run, exported or not, brings its own spec. Another model of transformers needs one: text is cut by the tokenizer
    in its folder, and token rows are asked as they are. Raises SynthgenError for what does not fit together.
    """
    if (folder / SETTINGS).is_file():
        model, data = load_run(folder)
        source = data.sources[0].source if spec is None else _other_source(data, spec)
        return Subject(model, source, data.vocabulary, data.start_of(0))
    foreign = TransformersModel.load(folder, trust_remote_code)
    if spec is None:
        raise SynthgenError(f"{folder}: does not say what it was trained on; name a spec behind it")
    source = Source(_tokenized(spec, folder))
    rows = SpecRows(source, FRESH, vocabulary=(vocabulary := Vocabulary()))
    if rows.vocab.size > foreign.vocabulary:
        raise SynthgenError(
            f"{folder}: knows {foreign.vocabulary:,} ids, but rows of {source.spec.name} have {rows.vocab.size:,}"
        )
    start = foreign.model.config.get_text_config().bos_token_id
    return Subject(foreign, source, vocabulary, rows.vocab.bos if start is None else int(start))


def _other_source(data: RunData, spec: str) -> Source:
    """Return the source of another spec than a run's, in its vocabulary. Raises SynthgenError for tokens it has not."""
    settings, size = data.settings.data[0], data.vocabulary.size
    source = source_of(settings.model_copy(update={"spec": spec, "params": {}}), None)
    SpecRows(source, FRESH, vocabulary=data.vocabulary)
    if data.vocabulary.size != size:
        raise SynthgenError(f"{spec}: its rows hold tokens that no training row of this model has")
    return source


def _tokenized(spec: str, folder: Path) -> Any:
    """Return a spec whose text is cut by the tokenizer in a folder; rows that are tokens stay as they are."""
    loaded = load_spec(spec)
    if loaded.row_format == "tokens":
        return loaded
    if not (folder / TOKENIZER_FILE).is_file():
        raise SynthgenError(
            f"{folder}: has no {TOKENIZER_FILE}, and {loaded.name} has text rows; add the tokenizer, by transformers' "
            f"AutoTokenizer.from_pretrained(...).save_pretrained({str(folder)!r})"
        )
    if loaded.assets:
        raise SynthgenError(
            f"{spec}: names files; put {folder / TOKENIZER_FILE} beside them, and set tokenizer = {TOKENIZER_FILE!r}"
        )
    place = folder.resolve()
    return spec_of_table(loaded.resolved() | {"tokenizer": place.name}, loaded.name, place.parent)


def evaluate(
    subject: Subject, rows: int = 1000, split: str = "test", temperature: float | None = None, knowledge: bool = True
) -> Evaluation:
    """Measure a model: against the floor on `rows` fresh rows, its answers to as many of a split, bits a parameter."""
    model, why = subject.model, {}
    floor: FloorResult | None = None
    scores: Scores | None = None
    known: dict[str, float] | None = None
    try:
        fresh = subject.rows(FRESH)
        floor = measure(model, fresh, fresh.first(rows))
    except SynthgenError as error:
        why["floor"] = str(error)
    try:
        scores = judge_rows(model, subject.rows(split), rows, subject.start, temperature)
    except SynthgenError as error:
        why["scores"] = str(error)
    corpus = subject.rows("train")
    if knowledge and corpus.task.knowledge() is not None and "name" in corpus.span_kinds:
        known = _knowledge(model, corpus)
    return Evaluation(subject.source.spec.name, size_of(model), floor, scores, known, why)


def _knowledge(model: LanguageModel, corpus: SpecRows) -> dict[str, float]:
    """Return bits a parameter as Part 3.3 has them, and the most that can be."""
    world, size = knowledge_of(corpus), size_of(model)
    losses = people_losses(model, corpus, MOST_PEOPLE)
    return {
        "bits_a_parameter": world.ratio(size, *losses),
        "most": world.ratio_max(size),
        "stored_bits": world.stored(*losses),
        "people": float(world.people),
    }
