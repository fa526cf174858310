"""Solutions of models that never saw the data: the final answer, and steps in any order and layout."""

from __future__ import annotations

import re
from typing import Any

from synthgen.task.judging import NUMBER, Final
from synthgen.task.kit.equations import FIELD, Quantities, judged_equations, point
from synthgen.task.verdict import Verdict
from synthgen.tasks.igsm.reading.calculations import Tree, formula
from synthgen.tasks.igsm.reading.problem import Parameter, solve
from synthgen.tasks.igsm.reading.solution_reader import SolutionReader

_TALK = (
    "Then", "So", "First", "Second", "Third", "Next", "Finally", "Now", "Therefore", "Thus", "Hence", "Since", "Step",
    "Define", "Let", "And", "Each", "The", "Number", "Also", "Given", "Here", "Quantity", "Compute", "Find", "Compare",
)  # fmt: skip
"""What a line may begin with that is no part of a name."""
_WORDS = rf"(?!(?:{'|'.join(_TALK)})\b)\b[A-Z][A-Za-z]{{0,30}}(?: [A-Z][A-Za-z]{{0,30}}){{0,4}}"
NAMES = re.compile(rf"({_WORDS})'s ({_WORDS})|(?:\b[Tt]he )?\b({_WORDS}) in (?:each|an?|the|one) ({_WORDS})")
"""A quantity, in either wording: "Oak's Jay", "the Jays in each Oak"."""


def final_of(reader: SolutionReader, prompt: Any) -> Final:
    """Return what answers a problem. Raises ValueError for what is no problem."""
    problem = reader.problem(prompt)
    values = solve(problem, reader.modulus, problem.parameters())
    right = values[problem.query]

    def key(match: re.Match[str]) -> Parameter:
        if match[1] is not None:
            return match[1], reader.problems.singular.get(match[2], match[2])
        return match[4], reader.problems.singular.get(match[3], match[3])

    def calculation(one: Any) -> int:
        return placed(formula(problem, one))

    facts = Quantities(NAMES, key, values, calculation, reader.modulus, letters=True)

    def judge(said: str) -> Verdict:
        if int(said) == right:
            return Verdict.right()
        return Verdict.wrong(f"wrong answer: {said[:40]}, the problem's is {right}", 0)

    return Final(NUMBER, judge, steps=lambda text: judged_equations(text, facts, problem.needed()))


def placed(tree: Tree) -> int:
    """Return a calculation with every parameter at its `point`, modulo `FIELD`."""
    kind, *rest = tree
    if kind == "@":
        return point((rest[0], rest[1]))
    if kind == "#":
        return int(rest[0]) % FIELD
    values = [placed(part) for part in rest[0]]
    total = values[0]
    for value in values[1:]:
        total = (total + value if kind == "+" else total - value if kind == "-" else total * value) % FIELD
    return total


def problem_in(text: Any) -> Any:
    """Return the problem that a prompt asks for: itself, or of a longer wording what stands behind "Problem:"."""
    if not isinstance(text, str):
        return text
    _, asked, rest = text.rpartition("Problem: ")
    return rest.partition("\n")[0] if asked else text
