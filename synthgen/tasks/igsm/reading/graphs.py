"""Graphs of problems as read from their text: for networkx, for probes, and canonical template hashes.

problem = task.reader.problem(row["prompt"])
dependency_graph(problem, 23)             # networkx.DiGraph, an edge from each parameter to what needs it
template_hashes(problem)                  # whatever the order of the solution, or also of operands
"""

from __future__ import annotations

import hashlib
from typing import Any

from synthgen.tasks.igsm.reading.probes import probing_labels as probing_labels
from synthgen.tasks.igsm.reading.problem import Parameter, Problem, solve

ROUNDS = 6
"""Rounds of refinement by which operands of sums are told apart, before they are sorted."""


def dependency_graph(problem: Problem, modulus: int) -> Any:
    """Return a problem as a networkx.DiGraph: nodes are (item, item or category), with edges to what needs them.

    Nodes have `abstract`, `necessary`, `query` and `value` (modulo `modulus`; 0: integers).
    """
    import networkx as nx

    values, needed = solve(problem, modulus, problem.parameters()), problem.needed()
    graph = nx.DiGraph()
    for parameter in problem.parameters():
        graph.add_node(
            parameter,
            abstract=problem.is_abstract(parameter),
            necessary=parameter in needed,
            query=parameter == problem.query,
            value=values[parameter],
        )
    for parameter in problem.parameters():
        for other in problem.needs(parameter):
            graph.add_edge(other, parameter)
    return graph


def named_graph(problem: Problem, solution: list[Parameter], modulus: int) -> Any:
    """Return `dependency_graph` with nodes called as people say them, and `solved`: their place in the solution."""
    import networkx as nx

    graph, place = dependency_graph(problem, modulus), {parameter: i for i, parameter in enumerate(solution)}
    for parameter in graph:
        graph.nodes[parameter]["solved"] = place.get(parameter)
    return nx.relabel_nodes(graph, {parameter: said_parameter(parameter) for parameter in graph})


def said_parameter(parameter: Parameter) -> str:
    """Return a parameter in words."""
    return f"{parameter[0]}'s {parameter[1]}"


def template_hashes(problem: Problem) -> dict[str, str]:
    """Return hashes of what the answer needs, 32 hex digits: the same for every order of the solution.

    `unordered` keeps the order of a sentence's operands, `commutative` sorts those of sums. Names, values, letters and
    the order of sentences play no part; one parameter used twice differs from two alike.
    """
    needed = sorted(problem.needed())
    users: dict[Parameter, list[Parameter]] = {parameter: [] for parameter in needed}
    for parameter in needed:
        for other in problem.needs(parameter):
            users[other].append(parameter)
    colour = {parameter: _digest(repr(_kind(problem, parameter, parameter == problem.query))) for parameter in needed}
    for _ in range(ROUNDS):
        refined = {}
        for parameter in needed:
            operands = [colour[other] for other in problem.needs(parameter)]
            ordered = operands if _keeps_order(problem, parameter) else _sorted_operands(problem, parameter, operands)
            refined[parameter] = _digest(
                repr((colour[parameter], ordered, sorted(colour[u] for u in users[parameter])))
            )
        colour = refined
    return {form: _digest(_written(problem, colour, form)) for form in ("unordered", "commutative")}


def _kind(problem: Problem, parameter: Parameter, query: bool) -> tuple[Any, ...]:
    sentence = problem.sentences.get(parameter)
    if sentence is None:
        return ("abstract", problem.layer[parameter[1]] - problem.layer[parameter[0]], query)
    return ("instance", sentence.literal, sentence.minus, len(sentence.cites), query)


def _keeps_order(problem: Problem, parameter: Parameter) -> bool:
    sentence = problem.sentences.get(parameter)
    return sentence is not None and sentence.minus


def _pairs(problem: Problem, parameter: Parameter) -> bool:
    """Say whether a parameter's operands are pairs to be multiplied."""
    return problem.is_abstract(parameter) and problem.layer[parameter[1]] - problem.layer[parameter[0]] > 1


def _sorted_operands(problem: Problem, parameter: Parameter, operands: list[Any]) -> list[Any]:
    if _pairs(problem, parameter):
        return [part for pair in sorted(zip(operands[::2], operands[1::2], strict=True)) for part in pair]
    return sorted(operands)


def _written(problem: Problem, colour: dict[Parameter, str], form: str) -> str:
    """Write what the query needs, depth first; a parameter met again is written as its number."""
    numbers: dict[Parameter, int] = {}
    text = [f"synthgen igsm template 1 {form} "]

    def write(parameter: Parameter) -> None:
        if parameter in numbers:
            text.append(f"#{numbers[parameter]} ")
            return
        numbers[parameter] = len(numbers)
        text.append(f"{_kind(problem, parameter, False)}(")
        operands = problem.needs(parameter)
        if parameter not in problem.sentences or (form == "commutative" and not _keeps_order(problem, parameter)):
            keyed = [(colour[other], other) for other in operands]
            operands = [other for _, other in _sorted_operands(problem, parameter, keyed)]
        for other in operands:
            write(other)
        text.append(")")

    write(problem.query)
    return "".join(text)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
