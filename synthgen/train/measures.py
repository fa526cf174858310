"""Measures: what is read off a trained model, as named numbers. An experiment names the ones its claims speak of.

floor       excess over the exact floor on fresh rows: `relative` (unless that is 0), `sigmas` (over its standard error)
samples     share of strings, sampled at temperature 1 from nothing, that the task's verifier accepts: `right`; share of
            different ones among these, of all: `distinct`, and of as many rows of the data: `distinct_rows`
recall      how well spans are known, by greedy choice: `whole`, `first` token, `stored` share of their bits
capacity    bits a parameter of a world of people (Part 3.3; bioD in English too), and after rounding weights: `R`,
            `R_max`, `int8`, `int4`;
            `kept` is R, or 0 of a model that does worse than to know nothing;
            where people have other numbers of entries, `recall` and `capacity` also tell people apart by them:
            `whole.exposures.10`, `stored.exposures.10` and `values.exposures.10` are of those with 10 to 99
answers     share of single answers, each behind the true row, that the verifier finds right, by their difficulty
generated   share of whole completions, generated behind the prompts, that the verifier finds right; `mean.retries` and
            the like, what it counts in one; `shortest`, the share that is right and has no step too many;
            `chance.order` and the like, how often a guess would be right (`Task.chances`), on the same rows; where
            there is one of the order, `ordered`, the share of all answers whose steps stand in one that works
probe       what probes have right of what the states know, by probing and target: `nece`, `ends.level3`; beside each
            its controls: `nece.random`, `nece.shuffled`, `nece.constant` (`synthgen.train.probed`)
completion  bits of completions beside those that they must cost: `excess` a row, `sigmas`, `floor`, and `relative`
            unless that is 0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from synthgen.errors import SynthgenError
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.written import NEWER, Written
from synthgen.train.batches import RunData, retractions_of, source_of
from synthgen.train.floor import FRESH, RowBits, measure, model_bits
from synthgen.train.language_model import LanguageModel, size_of
from synthgen.train.probed import ProbeSettings, probed
from synthgen.train.quantise import rounded
from synthgen.train.score import judge_generated, judge_masked, judge_samples
from synthgen.train.settings import DataSettings
from synthgen.windowing.spec_rows import SpecRows
from synthgen.windowing.token_rows import TokenRows


class MeasureSettings(Written):
    """One measure of an arm."""

    kind: Literal["floor", "samples", "recall", "capacity", "answers", "generated", "completion", "probe"] = Field(
        description="see above"
    )
    data: int = Field(0, ge=0, description="the stream whose spec the rows come from")
    spec: str = Field("", description="another spec than the stream's")
    params: dict[str, Any] = Field(default_factory=dict, description="params that differ from the stream's")
    split: str = Field(FRESH, description="the split; by default a fresh one")
    rows: int = Field(1000, ge=1, description="rows that are measured")
    spans: tuple[str, ...] = Field((), description="recall: the kinds of spans; by default all but the name")
    place: Literal["any", "first"] = Field("any", description="recall: all of a row's spans, or the first of them only")
    temperature: float = Field(
        0.0, ge=0, description="generated: 0 takes the first choice, 1 samples by the model's law"
    )
    repeats: Annotated[bool, NEWER] = Field(
        True, description="generated: false: what was taken back is not said again before a step stands"
    )
    bits: tuple[int, ...] = Field((8, 4), description="capacity: bits a weight that matrices are rounded to")
    probings: tuple[str, ...] = Field((), description="probe: what is looked for; by default all that the rows have")
    probe: ProbeSettings = Field(default_factory=ProbeSettings, description="probe: how it learns; `rows` test it")


def _stream_of(settings: MeasureSettings, run: RunData) -> DataSettings:
    """Return the stream a measure takes its rows from: the run's own, with another spec or other params."""
    data = run.settings.data[settings.data]
    changes: dict[str, Any] = {"params": data.params | settings.params}
    if settings.spec:
        changes = {"spec": settings.spec, "params": settings.params}
    return data.model_copy(update=changes)


def corpus_of(settings: MeasureSettings, run: RunData) -> SpecRows:
    """Return the corpus a measure takes its rows from, in the run's vocabulary."""
    source = source_of(_stream_of(settings, run), run.specs)
    size = run.vocabulary.size
    corpus = SpecRows(source, settings.split, vocabulary=run.vocabulary)
    if run.vocabulary.size != size:
        raise SynthgenError(f"measure of {source.spec.name}: its rows hold tokens that no training row has")
    return corpus


def take(settings: MeasureSettings, model: LanguageModel, run: RunData) -> dict[str, float]:
    """Return the figures of one measure, by name."""
    kinds: dict[str, Callable[[MeasureSettings, LanguageModel, RunData, SpecRows], dict[str, float]]] = {
        "floor": _floor,
        "samples": _samples,
        "recall": _recall,
        "capacity": _capacity,
        "answers": _answers,
        "generated": _generated,
        "completion": _completion,
        "probe": _probe,
    }
    return kinds[settings.kind](settings, model, run, corpus_of(settings, run))


def _floor(settings: MeasureSettings, model: LanguageModel, run: RunData, corpus: SpecRows) -> dict[str, float]:
    result = measure(model, corpus, settings.rows)
    shares = {"relative": result.excess / result.floor, "se": result.se / result.floor} if result.floor else {}
    return shares | {
        "sigmas": result.excess / result.se,
        "excess": result.excess,
        "floor": result.floor,
        "impossible": float(result.impossible),
    }


def _samples(settings: MeasureSettings, model: LanguageModel, run: RunData, corpus: SpecRows) -> dict[str, float]:
    scores = judge_samples(model, corpus, settings.rows, 1.0, run.start_of(settings.data))
    rows = corpus.read(0, corpus.first(settings.rows))
    theirs = {rows.ids[first:last].tobytes() for first, last in zip(rows.starts, rows.ends, strict=True)}
    return {
        "right": scores.figures()["rows"],
        "distinct": len(scores.distinct) / settings.rows,
        "distinct_rows": len(theirs) / len(rows),
    }


def _sample_rows(settings: MeasureSettings, corpus: SpecRows) -> TokenRows:
    return corpus.read(0, corpus.first(settings.rows), spans=True)


def _recall(settings: MeasureSettings, model: LanguageModel, run: RunData, corpus: SpecRows) -> dict[str, float]:
    rows = _sample_rows(settings, corpus)
    kinds = settings.spans or tuple(kind for kind in corpus.span_kinds if kind != "name")
    strange = [kind for kind in kinds if kind not in corpus.span_kinds]
    if strange or not kinds:
        raise SynthgenError(f"recall: {corpus.source.spec.name} has no spans of kind {' '.join(strange) or 'any'}")
    paid = model_bits(model, rows, corpus, run.start_of(settings.data))
    spans = Spans.of(rows, [corpus.span_kinds.index(kind) for kind in kinds], settings.place == "first")
    whole, first, bits = spans.scores(paid)
    figures = {"whole": float(whole.mean()), "first": float(first.mean()), "bits": float(bits.mean())}
    known = corpus.task.knowledge()
    sizes = known.span_bits if known else {}
    for kind in kinds:
        of_kind = spans.kinds == corpus.span_kinds.index(kind)
        if of_kind.any():
            figures[f"whole.{kind}"] = float(whole[of_kind].mean())
    owed = np.array([sizes.get(corpus.span_kinds[kind], 0.0) for kind in spans.kinds])
    if owed.sum():  # spans whose value follows from another's weigh nothing, and are left out
        figures["stored"] = 1 - float(bits[owed > 0].sum() / owed.sum())
    of_rows = by_exposures(corpus, len(rows))
    for name, of_row in of_rows.items():
        here = of_row[np.searchsorted(rows.ends, spans.starts, side="right")]
        figures[f"whole.{name}"] = float(whole[here].mean())
        if owed[here].sum():
            figures[f"stored.{name}"] = 1 - float(bits[here & (owed > 0)].sum() / owed[here].sum())
    return figures


def by_exposures(corpus: SpecRows, rows: int) -> dict[str, np.ndarray]:
    """Return which of the first rows are of subjects with so many exposures, (rows,) bool each, by the least of them.

    They are told apart by tens: `exposures.10` are those with 10 to 99. None where all have as many.
    """
    exposures = corpus.exposures(0, rows)
    if exposures is None:
        return {}
    tens = 10 ** np.floor(np.log10(exposures) + 1e-9).astype(np.int64)
    return {f"exposures.{least}": tens == least for least in np.unique(tens).tolist()}


class Spans:
    """Some spans of rows: where each begins and ends among all tokens, and its kind."""

    def __init__(self, starts: np.ndarray, ends: np.ndarray, kinds: np.ndarray) -> None:
        self.starts, self.ends, self.kinds = starts, ends, kinds

    @classmethod
    def of(cls, rows: TokenRows, kinds: Sequence[int], first_only: bool) -> Spans:
        """Find the spans of some kinds; with `first_only`, each row's first among them."""
        wanted = np.isin(rows.span_kinds, kinds)
        number = np.repeat(np.arange(len(rows)), rows.ends - rows.starts)
        change = np.ones(rows.ids.size, np.bool_)
        change[1:] = (rows.span_kinds[1:] != rows.span_kinds[:-1]) | (number[1:] != number[:-1])
        edges = np.append(np.flatnonzero(change), rows.ids.size)
        starts, ends = edges[:-1], edges[1:]
        is_wanted = wanted[starts]
        starts, ends = starts[is_wanted], ends[is_wanted]
        if first_only:
            _, places = np.unique(number[starts], return_index=True)
            starts, ends = starts[places], ends[places]
        return cls(starts, ends, rows.span_kinds[starts])

    def scores(self, paid: RowBits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (all tokens right, first token right, bits) of each span.

        With greedy decoding a span comes out whole exactly if each of its tokens is the first choice behind the true
        ones before it.
        """
        wrong = np.concatenate([[0], np.cumsum(~paid.right)])
        bits = np.concatenate([[0.0], np.cumsum(paid.tokens)])
        return wrong[self.ends] == wrong[self.starts], paid.right[self.starts], bits[self.ends] - bits[self.starts]


def _capacity(settings: MeasureSettings, model: LanguageModel, run: RunData, corpus: SpecRows) -> dict[str, float]:
    known, size = knowledge_of(corpus), size_of(model)
    paid = people_bits(model, corpus, settings.rows)
    losses = paid.losses()
    whole = known.ratio(size, *losses)
    figures = {
        "R": whole,
        "kept": max(0.0, whole),
        "R_max": known.ratio_max(size),
        "R_exact": known.stored(*losses) / size,
        "share": known.stored_paper(*losses) / known.paper_bits,
        "parameters": float(size),
    }
    for name, group in by_exposures(corpus, len(paid.values)).items():
        figures[f"people.{name}"] = float(group.sum())
        figures[f"values.{name}"] = 1 - float(paid.values[group].mean()) / known.attribute_bits
    for bits in settings.bits:
        ratio = known.ratio(size, *people_losses(rounded(model, bits), corpus, settings.rows))
        figures[f"int{bits}"] = ratio
        figures[f"int{bits}_share"] = max(0.0, ratio) / whole
    return figures


def knowledge_of(corpus: SpecRows) -> Knowledge:
    """Return what there is to know about a corpus's people. Raises SynthgenError for a task without any."""
    known = corpus.task.knowledge()
    if known is None or "name" not in corpus.span_kinds:
        raise SynthgenError(f"capacity: {corpus.source.spec.name} is no world of people whose rows show their names")
    return known


class PeopleBits(NamedTuple):
    """The bits that a model pays for one document of each person, (people,) each."""

    names: np.ndarray
    values: np.ndarray  # all of them together
    strings: np.ndarray  # the first string of a value, on average over the person's values; 0 where there is none

    def losses(self) -> tuple[float, float, float]:
        """Return (p1, p2, p3) of `synthgen.task.kit.capacity`, in nats."""
        p1, p2, p3 = (float(bits.mean()) * math.log(2) for bits in self)
        return p1, p2, p3


def people_losses(model: LanguageModel, corpus: SpecRows, most_rows: int) -> tuple[float, float, float]:
    """Return (p1, p2, p3) in nats: of the name, of all values together, and of the first string of a value (bioD)."""
    return people_bits(model, corpus, most_rows).losses()


def people_bits(model: LanguageModel, corpus: SpecRows, most_rows: int) -> PeopleBits:
    """Return what a model pays for the name, the values and their first strings, over one document of each person."""
    known = knowledge_of(corpus)
    rows = corpus.read(0, min(known.people, most_rows), spans=True)
    paid = model_bits(model, rows, corpus).tokens
    number = np.repeat(np.arange(len(rows)), rows.ends - rows.starts)
    kinds = [i for i, kind in enumerate(corpus.span_kinds) if known.span_bits.get(kind)]
    parts = rows.span_kinds == corpus.span_kinds.index("name"), np.isin(rows.span_kinds, kinds)
    names, values = (np.bincount(number[part], weights=paid[part], minlength=len(rows)) for part in parts)
    if not known.string_tokens:
        return PeopleBits(names, values, np.zeros(len(rows)))
    starts = Spans.of(rows, kinds, first_only=False).starts
    firsts = paid[starts[:, None] + np.arange(known.string_tokens)].sum(axis=1)
    strings = np.bincount(number[starts], weights=firsts, minlength=len(rows)) / known.attributes
    return PeopleBits(names, values, strings)


def _answers(settings: MeasureSettings, model: LanguageModel, run: RunData, corpus: SpecRows) -> dict[str, float]:
    return judge_masked(model, corpus, _sample_rows(settings, corpus), run.start_of(settings.data)).figures()


def _generated(settings: MeasureSettings, model: LanguageModel, run: RunData, corpus: SpecRows) -> dict[str, float]:
    rows, start = _sample_rows(settings, corpus), run.start_of(settings.data)
    retractions = None if settings.repeats else retractions_of(run.sources[settings.data])
    return judge_generated(model, corpus, rows, start, settings.temperature, retractions).figures()


def _completion(settings: MeasureSettings, model: LanguageModel, run: RunData, corpus: SpecRows) -> dict[str, float]:
    """Compare what completions cost with the bits of their choices behind the prompt, which the text tells, by row."""
    plain, rows = source_of(_stream_of(settings, run), run.specs, as_text=True), _sample_rows(settings, corpus)
    if plain.spec.row_format != "prompt-completion" or plain.task(corpus.split).without_surprisals:
        raise SynthgenError(f"completion: {plain.spec.name} does not tell the bits of its completions")
    paid = model_bits(model, rows, corpus, run.start_of(settings.data))
    behind = np.add.reduceat(np.where(rows.trained, paid.tokens, 0.0), rows.starts) + paid.ends
    texts = plain.batch(0, len(rows), corpus.split, ["id", "prompt", "completion"]).to_pylist()
    owed = np.array([plain.surprisals(row, corpus.split)[len(row["prompt"]) :].sum() for row in texts])
    excess = behind - owed
    figures = {"excess": float(excess.mean()), "floor": float(owed.mean()), "bits": float(behind.mean())}
    spread = float(excess.std(ddof=1)) / math.sqrt(len(rows)) if len(rows) > 1 else math.inf
    if figures["floor"]:  # not where each prompt has one completion
        figures["relative"] = figures["excess"] / figures["floor"]
    return figures | {"sigmas": figures["excess"] / spread}


def _probe(settings: MeasureSettings, model: LanguageModel, run: RunData, corpus: SpecRows) -> dict[str, float]:
    recipe = settings.probe.model_copy(update={"rows": settings.rows})
    names, start = settings.probings or tuple(corpus.task.probings), run.start_of(settings.data)
    scores = [score for name in names for score in probed(model, corpus, name, recipe, start)]
    return {name: figure for score in scores for name, figure in score.figures().items()}
