"""The order of a problem's sentences, held against how far they are shuffled."""

from __future__ import annotations

from collections.abc import Sequence

from synthgen.tasks.igsm.reading.problem import Parameter, Problem

WHOLLY, NOT_AT_ALL = 5, 6
"""Levels of shuffling: lower ones let a sentence stray by so many places from behind what it needs."""


def order_fault(problem: Problem, level: int, solved: Sequence[Parameter] = ()) -> str:
    """Say what no problem of a level of shuffling can have: a sentence too far ahead of one that it needs.

    Between a sentence and one that it needs there are, in the order before it is shuffled, at least as many as the
    longest way from one to the other has. Where nothing is shuffled, necessary sentences come first besides, in the
    order in which they are `solved`, where that is given.
    """
    if level == WHOLLY:
        return ""
    sentences = list(problem.sentences)
    strays = 0 if level == NOT_AT_ALL else level
    place = {parameter: i for i, parameter in enumerate(sentences)}
    ways: dict[Parameter, dict[Parameter, int]] = {}
    for parameter in sentences:
        for other, steps in _ways(problem, parameter, ways).items():
            if place.get(other, -1) > place[parameter] and steps > strays:
                return f"{parameter[0]}'s {parameter[1]} stands before {other[0]}'s {other[1]}, which it needs"
    if level == NOT_AT_ALL:
        needed = problem.needed()
        first = sum(parameter in needed for parameter in sentences)
        if not needed.issuperset(sentences[:first]):
            return "a sentence that is not necessary stands before one that is"
        if solved and sentences[:first] != [parameter for parameter in solved if parameter in problem.sentences]:
            return "the necessary sentences do not stand in the order in which they were made, that of the solution"
    return ""


def _ways(problem: Problem, parameter: Parameter, known: dict[Parameter, dict[Parameter, int]]) -> dict[Parameter, int]:
    """Return all that a parameter is computed from, and how many steps the longest way there has."""
    if parameter not in known:
        ways = known[parameter] = dict[Parameter, int]()
        for other in problem.needs(parameter):
            for further, steps in {other: 0, **_ways(problem, other, known)}.items():
                ways[further] = max(ways.get(further, 0), steps + 1)
    return known[parameter]
