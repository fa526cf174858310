"""What a model's states know of its rows: a task's probings, learnt from some rows and tested on others, with controls.

    synthgen probe runs/cfg3f                 # every probing that the run's rows have
    probed(model, corpus, "ends", ProbeSettings())

A probe's accuracy says little alone: a class may be frequent, and a probe learns by itself. So each stands beside three
others: of the same architecture with random weights; of the same states with the labels of training shuffled, which
leaves nothing to find; and of the most frequent class of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from pydantic import Field

from synthgen.errors import SynthgenError, nearest
from synthgen.task.kit.accuracy import Accuracy
from synthgen.task.probing import Glimpse
from synthgen.task.probing import Probing as Probing
from synthgen.task.written import Written
from synthgen.train.language_model import LanguageModel
from synthgen.train.model import Transformer
from synthgen.train.probe import (
    NOT_ASKED,
    Asked,
    LinearProbe,
    MixedProbe,
    Probed,
    linear_accuracies,
    mixed_accuracies,
    padded_rows,
    train_mixed,
    train_probe,
)
from synthgen.train.transformers_model import TransformersModel
from synthgen.windowing.spec_rows import SpecRows

NOBODY = -1
"""The subject of rows that are about nobody."""


class ProbeSettings(Written):
    """How probes learn, and of what. The papers take 30,000 steps; these find what is there in small models."""

    taught: int = Field(1000, ge=1, description="rows that a probe learns from, the split's first")
    rows: int = Field(500, ge=1, description="rows behind them that it is tested on")
    steps: int = Field(1000, ge=1, description="steps of a probe's training")
    batch: int = Field(60, ge=1, description="places of a step; of a probe that mixes states, rows")
    lr: float = Field(3e-3, gt=0, description="its rate, which falls linearly to 0")
    weight_decay: float = Field(0.01, ge=0, description="its weight decay (Part 3.1: 0.3, in 30,000 steps)")
    rank: int | None = Field(None, ge=0, description="rank of its update of the embedding; by default the paper's")
    heads: int = Field(16, ge=1, description="heads of a probe that mixes states (Part 1)")
    inner: int = Field(64, ge=1, description="dimensions of its positions (Part 1: 1024)")
    reach: int | None = Field(None, ge=0, description="how far it mixes: 0 a token's own state, 1 its neighbours' too")
    seed: int = Field(0, ge=0, description="of a probe's weights, of shuffled labels, and of the random model")


@dataclass(frozen=True)
class ProbeScore:
    """What a probe finds of one target, and what the controls do, on the same places of rows it did not learn from."""

    name: str
    """What figures call it: `name.university`, or `nece` where that is all that the probing looks for."""
    probing: str
    target: str
    classes: int
    model: Accuracy
    random: Accuracy
    """The same architecture with random weights."""
    shuffled: Accuracy
    """This model, with the labels of training shuffled."""
    constant: Accuracy
    """The most frequent class of training."""

    def figures(self) -> dict[str, float]:
        """Return the shares that are right, by name."""
        controls = {"random": self.random, "shuffled": self.shuffled, "constant": self.constant}
        return {self.name: self.model.share} | {f"{self.name}.{key}": one.share for key, one in controls.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen probe --json` prints."""
        return {
            "probing": self.probing,
            "target": self.target,
            "classes": self.classes,
            "model": self.model.to_json(),
            "random": self.random.to_json(),
            "shuffled": self.shuffled.to_json(),
            "constant": self.constant.to_json(),
        }


def probing_of(corpus: SpecRows, name: str) -> Probing:
    """Return a probing of the corpus's rows. Raises SynthgenError for a name that it has not."""
    probings = corpus.task.probings
    if not probings:
        raise SynthgenError(f"{corpus.source.spec.name}: its rows have nothing that a probe looks for")
    if name not in probings:
        raise SynthgenError(f"probing {name!r}: {corpus.source.spec.name} has none{nearest(name, probings, 30)}")
    return probings[name]


def asked_of(corpus: SpecRows, name: str, first: int, last: int, start: int, context: int) -> tuple[Asked, np.ndarray]:
    """Return what the rows [first, last) ask a probe, and whom each question is about, (asked,) int64.

    Rows begin with the id `start`; what is longer than `context` is left out. Raises SynthgenError where nothing is
    asked, or a text has words that are no tokens.
    """
    rows = corpus.read(first, last)
    table = corpus.source.batch(first, last, corpus.split).to_pylist()
    end = corpus.vocabulary.specials[1]
    sequences: list[np.ndarray] = []
    numbers, places, subjects = list[int](), list[int](), list[int]()
    glimpses: list[Glimpse] = []
    for i, ends in enumerate(corpus.places(first, last)):
        ids = rows.ids[rows.starts[i] : rows.ends[i]].astype(np.int64)
        whole: int | None = None  # the row as it is, once it is needed
        for glimpse in corpus.task.glimpses(table[i], name):
            seen = int(np.searchsorted(ends, glimpse.place, side="right"))
            if glimpse.behind is None:
                if ids.size + 1 > context:
                    break
                if whole is None:
                    whole = len(sequences)
                    sequences.append(np.concatenate([[start], ids]))
                numbers.append(whole)
                places.append(seen)
            else:
                parts = [part for said in glimpse.behind for part in (_asked(corpus, said), [end])]
                sequence = np.concatenate([[start], ids[:seen], [end], *parts]).astype(np.int64)
                if sequence.size > context:
                    continue
                numbers.append(len(sequences))
                places.append(sequence.size - 1)
                sequences.append(sequence)
            glimpses.append(glimpse)
            subjects.append(int(rows.subjects[i]))
    if not glimpses:
        raise SynthgenError(
            f"probing {name!r}: rows {first} to {last - 1} of {corpus.name} ask nothing that fits into a context of "
            f"{context} tokens"
        )
    classes = {
        target: np.array([glimpse.classes.get(target, NOT_ASKED) for glimpse in glimpses], np.int64)
        for target in probing_of(corpus, name).targets
    }
    asked = Asked(padded_rows(sequences, corpus.vocab.pad), np.array(places), classes, np.array(numbers))
    return asked, np.array(subjects)


def _asked(corpus: SpecRows, said: str | Sequence[int]) -> np.ndarray:
    try:
        return corpus.asked(said)
    except ValueError as error:
        raise SynthgenError(f"{corpus.source.spec.name}: what a probe asks about is no token here: {error}") from None


def rows_of(corpus: SpecRows, taught: int, rows: int) -> tuple[int, int]:
    """Return how many rows there are to learn from and to be tested on: what is asked for, or the same shares of all.

    Of people, no more rows than there are people: behind these the same come again.
    """
    most, people = corpus.first(taught + rows), corpus.task.entities()
    if people is not None:
        most = min(most, len(people))
    if most >= taught + rows:
        return taught, rows
    return most - most * rows // (taught + rows), most * rows // (taught + rows)


def probed(
    model: LanguageModel, corpus: SpecRows, name: str, settings: ProbeSettings, start: int | None = None
) -> list[ProbeScore]:
    """Teach a probe on the first rows of a corpus, test it on the rows behind them; likewise the controls.

    Nobody whom the probe has learnt about is asked again. Raises SynthgenError for a model whose states cannot be read,
    a probing that rows have not, and a corpus with too few rows.
    """
    if not isinstance(model, Transformer | TransformersModel):
        raise SynthgenError("a probe reads the states of models: ours, and those of transformers")
    probing, wanted = probing_of(corpus, name), settings.taught + settings.rows
    if corpus.first(wanted) < wanted:
        raise SynthgenError(
            f"probing {name!r}: {settings.taught:,} rows to learn from and {settings.rows:,} to be tested on are more "
            f"than the {corpus.first(wanted):,} of {corpus.name}"
        )
    begin = corpus.vocabulary.specials[0] if start is None else start
    context = model.settings.context
    taught, known = asked_of(corpus, name, 0, settings.taught, begin, context)
    tested, people = asked_of(corpus, name, settings.taught, wanted, begin, context)
    strangers = np.flatnonzero((people == NOBODY) | ~np.isin(people, known))
    if not strangers.size:
        raise SynthgenError(f"probing {name!r}: every person in the rows that test it is one that it has learnt about")
    tested = replace(tested, places=tested.places[strangers], rows=tested.row_numbers()[strangers])
    tested = replace(tested, classes={target: numbers[strangers] for target, numbers in tested.classes.items()})

    def accuracies(subject: Probed, lesson: Asked) -> dict[str, Accuracy]:
        return _learnt(subject, probing, lesson, tested, settings)

    of_model = accuracies(model, taught)
    of_random = accuracies(untrained(model, settings.seed), taught)
    of_shuffled = accuracies(model, shuffled(taught, settings.seed))
    return [
        ProbeScore(
            name if list(probing.targets) == [name] else f"{name}.{target}",
            name,
            target,
            size,
            of_model[target],
            of_random[target],
            of_shuffled[target],
            _constant(taught, tested, target),
        )
        for target, size in probing.targets.items()
        if of_model[target].of
    ]


def _learnt(
    model: Probed, probing: Probing, taught: Asked, tested: Asked, settings: ProbeSettings
) -> dict[str, Accuracy]:
    """Return what a new probe of a model has right, by target."""
    device = next(model.parameters()).device
    recipe: dict[str, Any] = settings.model_dump(include={"steps", "batch", "lr", "weight_decay", "seed"})
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        if probing.mixed:
            tokens = max(taught.ids.shape[1], tested.ids.shape[1])
            mixed = MixedProbe(model, probing.targets, tokens, settings.heads, settings.inner).to(device)
            train_mixed(mixed, taught, reach=settings.reach, **recipe)
            return mixed_accuracies(mixed, tested, settings.reach)
        rank = probing.rank if settings.rank is None else settings.rank
        probe = LinearProbe(model, probing.targets, rank, probing.norm)
        train_probe(probe.to(device), taught, **recipe)
        return linear_accuracies(probe, tested)


def untrained(model: Probed, seed: int) -> Probed:
    """Return a model of the same architecture with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if isinstance(model, Transformer):
            fresh: Probed = Transformer(model.settings, model.vocabulary)
        else:
            fresh = TransformersModel(type(model.model)(model.model.config))
    return fresh.to(next(model.parameters()).device).eval()


def shuffled(asked: Asked, seed: int) -> Asked:
    """Return the same places with the classes of every target shuffled among those that are asked for it."""
    random = np.random.Generator(np.random.Philox(seed))
    classes = {}
    for target, numbers in asked.classes.items():
        places = np.flatnonzero(numbers != NOT_ASKED)
        classes[target] = numbers.copy()
        classes[target][places] = numbers[random.permutation(places)]
    return replace(asked, classes=classes)


def _constant(taught: Asked, tested: Asked, target: str) -> Accuracy:
    """Return what the most frequent class of training has right."""
    lesson, right = (asked.classes[target][asked.classes[target] != NOT_ASKED] for asked in (taught, tested))
    most = np.bincount(lesson).argmax() if lesson.size else NOT_ASKED
    return Accuracy(float((right == most).sum()), right.size)
