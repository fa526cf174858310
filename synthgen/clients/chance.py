"""Chance: what somebody gets right who guesses, as the task states it of a split. The zero of every accuracy.

print(chance_of(source, "test"))     # chance 0.1528: the best constant answer is right
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synthgen.exact.glossary import GUESS, SAMPLE, meaning
from synthgen.spec.source import Source


@dataclass(frozen=True)
class Chance:
    """What guessing gets: of all rows, and each figure that the task states."""

    value: float | None
    """The best guess of those that the task states of all rows; None where it states none."""
    words: str
    """What `value` is, in words, or that there is none."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Every figure, by the name of its fact; of a fact by kinds of questions, each as FACT.KIND."""

    def __str__(self) -> str:
        return self.words if self.value is None else f"chance {self.value:.4f}: {self.words}"


def chance_of(source: Source, split: str = "train") -> Chance:
    """Return what guessing gets of a split's rows: exact, unless its words name the sample that it is from."""
    facts = source.entropy(split).facts
    told = {name: value for name, value in facts.items() if meaning(name).group == GUESS}
    figures: dict[str, float] = {}
    whole: dict[float, str] = {}
    for name, value in told.items():
        shares = _shares(value)
        figures |= {f"{name}.{kind}" if kind else name: share for kind, share in shares.items()}
        if "" in shares:
            sampled = isinstance(value, Mapping) and [f for f in facts if meaning(f).group == SAMPLE and "rows" in f]
            sample = f" (in a sample of {facts[sampled[0]]:,} rows)" if sampled else ""
            whole.setdefault(shares[""], meaning(name).words + sample)
    if whole:
        return Chance(max(whole), whole[max(whole)], figures)
    kinds = "a chance level for each kind of question, and none of all rows" if figures else "no chance level"
    return Chance(None, f"the task states {kinds}", figures)


def _shares(value: Any) -> dict[str, float]:
    """Return the shares in a fact about guessing: of all rows under "", or by kind; what is guessed is none."""
    if isinstance(value, float):
        return {"": value}
    if isinstance(value, Mapping):
        return {"": value["share"]} if "share" in value else {str(kind): float(one) for kind, one in value.items()}
    return {}
