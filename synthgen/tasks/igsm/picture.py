"""A problem as a picture: iGSM's two graphs, what there is of what, and what is computed from what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthgen.task.picture import (
    ANSWER,
    ASKED,
    BACK,
    BACK_MARK,
    NEEDED,
    Graph,
    Kind,
    Link,
    Node,
    Panel,
    Picture,
    backs_of,
    backs_told,
    question_and_answer,
)
from synthgen.tasks.igsm.reading.problem import TIMES, Parameter, Problem, solve
from synthgen.tasks.igsm.reading.steps import Step

KINDS = {
    "item": Kind("a kind of thing", "sky"),
    "asked": Kind("what is asked", ASKED),
    "answer": Kind("the answer", ANSWER),
    "needed": Kind("necessary; the number is its step in the solution", NEEDED),
    "other": Kind("not necessary", "faint"),
    "need": Kind("is needed for", NEEDED),
    "back": BACK,
    "sentence": Kind("a sentence of the problem", "grey"),
    "question": Kind("the question", ASKED),
    "step": Kind("a step", NEEDED),
    "retry": BACK,
    "retry_name": BACK,
}
"""The legend; the last five are of spans of the row alone."""


def picture_of(problem: Problem, question: str, steps: Sequence[Step], modulus: int) -> Picture:
    """Return the structure of a problem, and what depends on what: formulas, values, the order of the solution.

    `question` is the problem's in words. Raises ValueError for a problem that cannot be solved.
    """
    parameters = problem.parameters()
    values, needed = solve(problem, modulus, parameters), problem.needed()
    order: dict[Parameter, int] = {}
    for step in steps:
        if not step.back and step.parameter is not None:
            order.setdefault(step.parameter, len(order) + 1)
    taken = backs_of((step.parameter, step.back) for step in steps if step.back or step.parameter is not None)
    backs = {parameter: before for parameter, before in taken.items() if parameter in values}
    shown = _shown(problem, [problem.query, *problem.sentences, *backs])
    place = {parameter: i for i, parameter in enumerate(one for one in parameters if one in shown)}
    nodes, links = [], []
    for parameter in place:
        kind = "asked" if parameter == problem.query else "needed" if parameter in needed else "other"
        said = f"{_name(problem, parameter)}\n{_formula(problem, parameter, values)}"
        mark = BACK_MARK if parameter in backs else ""
        nodes.append(Node(said, kind, order.get(parameter), mark=mark, mark_kind="back" if mark else ""))
        for other in dict.fromkeys(problem.needs(parameter)):
            links.append(Link(place[other], place[parameter], "need" if parameter in needed else ""))
    answer = str(values[problem.query]).replace("-", "−")
    modular = f"; values are modulo {modulus}" if modulus else ""
    caption = (
        f"iGSM: {question} Of {len(parameters)} numbers {len(needed)} are necessary{modular}. The answer is {answer}."
    )
    if back := sum(step.back for step in steps):
        caption += f" {back} of the solution's {len(steps)} steps {'is' if back == 1 else 'are'} taken back."
    depend = Graph("What is computed from what: a number below follows from those that point at it", nodes, links)
    names = {one: _name(problem, one) for one in backs}
    notes = [_of_all_kinds(problem, list(place), len(parameters) - len(place)), backs_told(backs, names, needed)]
    panels: list[Panel] = [question_and_answer(question, answer), _structure(problem), depend]
    return Picture(caption, panels, KINDS, "\n".join(filter(None, notes)))


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


def _name(problem: Problem, parameter: Parameter) -> str:
    owner, target = parameter
    return f"{owner}’s {target}" + (" of all kinds" if problem.is_abstract(parameter) else "")


def _shown(problem: Problem, wanted: Sequence[Parameter]) -> set[Parameter]:
    """Return some parameters and all that they are computed from: most sums of all kinds are used by nothing."""
    shown, stack = set(wanted), list(wanted)
    while stack:
        new = [other for other in problem.needs(stack.pop()) if other not in shown]
        shown.update(new)
        stack += new
    return shown


def _of_all_kinds(problem: Problem, shown: Sequence[Parameter], left: int) -> str:
    """Return what a number of all kinds is, which has no sentence in a problem; `left` of them are not drawn."""
    abstract = next((parameter for parameter in shown if problem.is_abstract(parameter)), None)
    told = []
    if abstract:
        owner, category = abstract
        told.append(
            f"A number of all kinds is a sum that no sentence tells: {_name(problem, abstract)} is all that is a kind "
            f"of {category} in {owner} and its parts."
        )
    if left:
        many = "one that nothing uses is" if left == 1 else f"{left} that nothing uses are"
        told.append(f"Of numbers of all kinds, {many} not drawn.")
    return " ".join(told)


def _structure(problem: Problem) -> Graph:
    items = sorted((name for name in problem.layer if name not in problem.categories), key=problem.layer.__getitem__)
    place = {name: i for i, name in enumerate(items)}
    links = [
        Link(place[owner], place[target]) for owner, target in problem.sentences if owner in place and target in place
    ]
    called = {problem.layer[category]: category for category in problem.categories}
    nodes = [
        Node(f"{name} ({called[layer]})" if (layer := problem.layer[name]) in called else name, "item")
        for name in items
    ]
    return Graph("What each has (and what it is a kind of): arrows lead from a thing to its parts", nodes, links)
