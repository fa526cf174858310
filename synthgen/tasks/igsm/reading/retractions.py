"""Retractions: what a solution takes back, held against the definition of each kind of mistake (Part 2.2, section 4).

Works from a problem and steps as they were read from the text, the data's own or a model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from synthgen.tasks.igsm.reading.problem import Parameter, Problem
from synthgen.tasks.igsm.reading.steps import Step


class TakenBack(NamedTuple):
    """One place in a solution: what is taken back there, in order, and what would be a mistake there."""

    wrong: list[Parameter]
    candidates: set[Parameter]


def taken_back(problem: Problem, steps: Sequence[Step], kind: str, next_counts: bool) -> list[TakenBack]:
    """Return the place before each right step; one more behind the last step, if something is taken back there.

    perfect: a mistake is what needs something that is not defined yet; weak: what the step behind the place (unless
    not `next_counts`) or a later one defines; miss: what the problem states, cites or asks for, and is not defined yet.
    """
    right = [step.parameter for step in steps if not step.back and step.parameter]
    spoken = {problem.query, *problem.sentences}
    for sentence in problem.sentences.values():
        spoken.update(sentence.cites)
    everything = problem.parameters() if kind == "perfect" else []
    defined: set[Parameter] = set()
    places: list[TakenBack] = []

    def candidates() -> set[Parameter]:
        if kind == "perfect":
            return {x for x in everything if x not in defined and not defined.issuperset(problem.needs(x))}
        return set(right[len(places) + (not next_counts) :]) if kind == "weak" else spoken - defined

    wrong: list[Parameter] = []
    for step in steps:
        if step.parameter is None:
            continue
        if step.back:
            wrong.append(step.parameter)
            continue
        places.append(TakenBack(wrong, candidates()))
        defined.add(step.parameter)
        wrong = []
    return [*places, TakenBack(wrong, candidates())] if wrong else places


def label(problem: Problem, parameter: Parameter, place: TakenBack) -> str:
    """Say what a retraction is: `back` (of a mistake), `needless` (of none), `unknown` (there is no such thing)."""
    if parameter in place.candidates:
        return "back"
    return "needless" if problem.exists(parameter) else "unknown"
