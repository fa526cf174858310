"""A problem as a picture: iGSM's two graphs, what there is of what, and what is computed from what."""

from __future__ import annotations

from collections.abc import Sequence

from synthgen.task.picture import Graph, Kind, Link, Node, Picture
from synthgen.tasks.igsm.reading.problem import Parameter, Problem, solve
from synthgen.tasks.igsm.reading.steps import Step

KINDS = {
    "item": Kind("a kind of thing", "sky"),
    "asked": Kind("what is asked", "orange"),
    "needed": Kind("necessary; the number is its step in the solution", "green"),
    "other": Kind("not necessary", "faint"),
    "need": Kind("is needed for", "green"),
}


def picture_of(problem: Problem, steps: Sequence[Step], modulus: int) -> Picture:
    """Return the structure of a problem, and what depends on what with values and the order of the solution.

    Raises ValueError for a problem that cannot be solved.
    """
    parameters = problem.parameters()
    values, needed = solve(problem, modulus, parameters), problem.needed()
    order: dict[Parameter, int] = {}
    for step in steps:
        if not step.back and step.parameter is not None:
            order.setdefault(step.parameter, len(order) + 1)
    place = {parameter: i for i, parameter in enumerate(parameters)}
    nodes, links = [], []
    for parameter in parameters:
        kind = "asked" if parameter == problem.query else "needed" if parameter in needed else "other"
        owner, target = parameter
        every = " of all kinds" if target in problem.categories else ""
        nodes.append(Node(f"{owner}’s {target}{every}\n= {values[parameter]}", kind, order.get(parameter)))
        for other in dict.fromkeys(problem.needs(parameter)):
            links.append(Link(place[other], place[parameter], "need" if parameter in needed else ""))
    owner, target = problem.query
    modular = f" (modulo {modulus})" if modulus else ""
    caption = (
        f"iGSM: how many {target}s does each {owner} have? Of {len(nodes)} numbers {len(needed)} are necessary, "
        f"and the answer is {values[problem.query]}{modular}."
    )
    depend = Graph("What is computed from what: a number below follows from those that point at it", nodes, links)
    return Picture(caption, [_structure(problem), depend], KINDS)


def _structure(problem: Problem) -> Graph:
    items = sorted((name for name in problem.layer if name not in problem.categories), key=problem.layer.__getitem__)
    place = {name: i for i, name in enumerate(items)}
    links = [
        Link(place[owner], place[target]) for owner, target in problem.sentences if owner in place and target in place
    ]
    return Graph("What each has: arrows lead from a thing to its parts", [Node(name, "item") for name in items], links)
