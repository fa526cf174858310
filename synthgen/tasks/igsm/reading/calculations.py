"""Calculations in one form, so that two that say the same are equal; and those that a problem states."""

from __future__ import annotations

from typing import Any

from synthgen.tasks.igsm.reading.problem import ADDED, BARE, CONSTANT, TIMES, Parameter, Problem

Tree = Any
"""A calculation: ("#", number), ("@", item, target), or (sign, parts) with the parts of sums and products sorted."""


def leaf(parameter: Parameter) -> Tree:
    """Return a calculation that is one parameter."""
    return ("@", *parameter)


def number(value: int) -> Tree:
    """Return a calculation that is one number."""
    return ("#", value)


def combine(sign: str, parts: list[Tree]) -> Tree:
    """Return a calculation in its one form: sums and products are flat and sorted."""
    if sign == "-":
        return (sign, tuple(parts))
    flat: list[Tree] = []
    for part in parts:
        if part[0] == sign:
            flat += part[1]
        else:
            flat.append(part)
    flat.sort()
    return flat[0] if len(flat) == 1 else (sign, tuple(flat))


def size(tree: Tree) -> int:
    """Return how many parameters and numbers a calculation has."""
    return 1 if tree[0] in "@#" else sum(map(size, tree[1]))


def formula(problem: Problem, parameter: Parameter) -> Tree:
    """Return how the problem says a parameter is computed."""
    sentence = problem.sentences.get(parameter)
    if sentence is None:
        needs = [leaf(other) for other in problem.needs(parameter)]
        if not needs:
            return number(0)
        if problem.layer[parameter[1]] - problem.layer[parameter[0]] == 1:
            return combine("+", needs)
        return combine("+", [combine("*", [a, b]) for a, b in zip(needs[::2], needs[1::2], strict=True)])
    if sentence.literal == CONSTANT:
        return number(sentence.number)
    whole = combine("-" if sentence.minus else "+", [leaf(other) for other in sentence.cites])
    if sentence.literal == ADDED:
        return combine("+", [number(sentence.number), whole])
    return combine("*", [number(sentence.number), whole]) if sentence.literal == TIMES else whole


def formula_size(problem: Problem, parameter: Parameter) -> int:
    """Return the `size` of a parameter's formula, without making it."""
    sentence = problem.sentences.get(parameter)
    if sentence is None:
        return max(1, len(problem.needs(parameter)))
    return 1 if sentence.literal == CONSTANT else len(sentence.cites) + (sentence.literal != BARE)


def leaves(tree: Tree) -> tuple[list[Parameter], list[int]]:
    """Return the parameters and the numbers in a calculation."""
    if tree[0] == "@":
        return [(tree[1], tree[2])], []
    if tree[0] == "#":
        return [], [tree[1]]
    parameters, numbers = [], []
    for part in tree[1]:
        more, others = leaves(part)
        parameters += more
        numbers += others
    return parameters, numbers


def rename(tree: Tree, names: dict[str, Parameter]) -> Tree:
    """Return a calculation over letters as one over the parameters they stand for."""
    if tree[0] == "@":
        return leaf(names[tree[1]])
    if tree[0] == "#":
        return tree
    return combine(tree[0], [rename(part, names) for part in tree[1]])
