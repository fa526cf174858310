"""A problem as a picture: iGSM's two graphs, what there is of what, and what is computed from what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthgen.task.picture import BACK, STEPS, Graph, Kind, Link, Node, Picture, backs_of
from synthgen.tasks.igsm.reading.problem import TIMES, Parameter, Problem, solve
from synthgen.tasks.igsm.reading.steps import Step

KINDS = {
    "item": Kind("a kind of thing", "sky"),
    "asked": Kind("what is asked", "orange"),
    "needed": Kind("necessary; the number is its step in the solution", "green"),
    "other": Kind("not necessary", "faint"),
    "need": Kind("is needed for", "green"),
    "back": BACK,
    "question": Kind("what is asked", "orange"),
    **STEPS,
}


def picture_of(problem: Problem, steps: Sequence[Step], modulus: int) -> Picture:
    """Return the structure of a problem, and what depends on what: formulas, values, the order of the solution.

    Raises ValueError for a problem that cannot be solved.
    """
    parameters = problem.parameters()
    values, needed = solve(problem, modulus, parameters), problem.needed()
    order: dict[Parameter, int] = {}
    for step in steps:
        if not step.back and step.parameter is not None:
            order.setdefault(step.parameter, len(order) + 1)
    place = {parameter: i for i, parameter in enumerate(parameters)}
    backs = backs_of((step.parameter, step.back) for step in steps if step.back or step.parameter is not None)
    nodes, links = [], []
    for parameter in parameters:
        kind = "asked" if parameter == problem.query else "needed" if parameter in needed else "other"
        owner, target = parameter
        every = " of all kinds" if target in problem.categories else ""
        said = f"{owner}’s {target}{every}\n{_formula(problem, parameter, values)}"
        mark = backs.get(parameter, "")
        nodes.append(Node(said, kind, order.get(parameter), mark=mark, mark_kind="back" if mark else ""))
        for other in dict.fromkeys(problem.needs(parameter)):
            links.append(Link(place[other], place[parameter], "need" if parameter in needed else ""))
    owner, target = problem.query
    modular = f" (modulo {modulus})" if modulus else ""
    caption = (
        f"iGSM: how many {target}s does each {owner} have? Of {len(nodes)} numbers {len(needed)} are necessary, "
        f"and the answer is {values[problem.query]}{modular}."
    )
    if taken := sum(step.back for step in steps):
        caption += f" {taken} of the solution's {len(steps)} steps {'is' if taken == 1 else 'are'} taken back."
    title = f"What is computed from what{modular}: a number below follows from those that point at it"
    depend = Graph(title, nodes, links)
    return Picture(caption, [_structure(problem), depend], KINDS)


def _formula(problem: Problem, parameter: Parameter, values: Mapping[Parameter, int]) -> str:
    """Return how a number is worked out, with the numbers that it needs in the order of the text: 2 × (3 + 1) = 8."""
    needs = [
        str(value) if value >= 0 else f"(−{-value})" for value in map(values.__getitem__, problem.needs(parameter))
    ]
    sentence = problem.sentences.get(parameter)
    if sentence is None:
        deep = problem.layer[parameter[1]] - problem.layer[parameter[0]] > 1
        terms = [f"{a} × {b}" for a, b in zip(needs[::2], needs[1::2], strict=True)] if deep else needs
        formula = " + ".join(terms)
    else:
        formula = (" − " if sentence.minus else " + ").join(needs)
        if sentence.literal == TIMES:
            formula = f"{sentence.number} × " + (f"({formula})" if len(needs) > 1 else formula)
        elif sentence.number and needs:
            formula = f"{sentence.number} + {formula}"
    value = str(values[parameter]).replace("-", "−")
    return f"{formula} = {value}" if formula not in ("", value) else f"= {value}"


def _structure(problem: Problem) -> Graph:
    items = sorted((name for name in problem.layer if name not in problem.categories), key=problem.layer.__getitem__)
    place = {name: i for i, name in enumerate(items)}
    links = [
        Link(place[owner], place[target]) for owner, target in problem.sentences if owner in place and target in place
    ]
    return Graph("What each has: arrows lead from a thing to its parts", [Node(name, "item") for name in items], links)
