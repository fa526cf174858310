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


class Mistakes:
    """What would be a mistake at one place of a solution, asked parameter by parameter, so that long ones cost little.

    perfect: what needs something that is not defined yet; weak: what the step behind the place (unless not
    `next_counts`) or a later one defines; miss: what the problem states, cites or asks for, and is not defined yet.
    """

    def __init__(self, problem: Problem, steps: Sequence[Step], kind: str, next_counts: bool) -> None:
        self._problem, self._kind, self._next_counts = problem, kind, next_counts
        right = [step.parameter for step in steps if not step.back and step.parameter]
        if kind == "perfect":
            self._known = dict.fromkeys(problem.parameters(), 0)
        elif kind == "weak":
            self._known = {parameter: place for place, parameter in enumerate(right)}  # where each stands last
        else:
            cited = [parameter for sentence in problem.sentences.values() for parameter in sentence.cites]
            self._known = dict.fromkeys([problem.query, *problem.sentences, *cited], 0)
        self._open = set(self._known)  # what may still be a mistake: less and less of it, as more is defined
        self._defined: set[Parameter] = set()
        self._place = 0

    def __contains__(self, parameter: Parameter) -> bool:
        if parameter not in self._known:
            return False
        if self._kind == "weak":
            return self._known[parameter] >= self._place + (not self._next_counts)
        if parameter in self._defined:
            return False
        return self._kind == "miss" or not self._defined.issuperset(self._problem.needs(parameter))

    def all(self) -> set[Parameter]:
        """Return everything that would be a mistake here."""
        if self._kind == "weak":
            return {parameter for parameter in self._known if parameter in self}
        self._open -= self._defined
        if self._kind == "perfect":
            needs, known = self._problem.needs, self._defined
            self._open = {parameter for parameter in self._open if not known.issuperset(needs(parameter))}
        return set(self._open)

    def go_on(self, parameter: Parameter) -> None:
        """Pass the right step behind this place, which defines `parameter`."""
        self._defined.add(parameter)
        self._place += 1


def taken_back(problem: Problem, steps: Sequence[Step], kind: str, next_counts: bool) -> list[TakenBack]:
    """Return the place before each right step; one more behind the last step, if something is taken back there."""
    mistakes, places = Mistakes(problem, steps, kind, next_counts), list[TakenBack]()
    wrong: list[Parameter] = []
    for step in steps:
        if step.parameter is None:
            continue
        if step.back:
            wrong.append(step.parameter)
            continue
        places.append(TakenBack(wrong, mistakes.all()))
        mistakes.go_on(step.parameter)
        wrong = []
    return [*places, TakenBack(wrong, mistakes.all())] if wrong else places


def labels(problem: Problem, steps: Sequence[Step], kind: str, next_counts: bool) -> list[str]:
    """Say of each retraction what it is: `back` (of a mistake), `needless` (of none), `unknown` (no such thing)."""
    mistakes, said = Mistakes(problem, steps, kind, next_counts), []
    for step in steps:
        if step.parameter is None:
            continue
        if not step.back:
            mistakes.go_on(step.parameter)
        elif step.parameter in mistakes:
            said.append("back")
        else:
            said.append("needless" if problem.exists(step.parameter) else "unknown")
    return said
