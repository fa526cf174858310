"""Derivations of a grammar without recursion and their numbers: by its rules in their order, then by their children."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from synthgen.tasks.cfg.rules import Rules


def rank_of(grammar: Rules, counts: Mapping[int, int], choices: Sequence[int]) -> int:
    """Return the number of a leftmost derivation among all; `counts` says how many each symbol has.

    Raises ValueError for choices that are no derivation.
    """
    steps = iter(choices)

    def number_below(symbol: int) -> int:
        if symbol not in grammar.rules:
            return 0
        rules, choice = grammar.rules[symbol], next(steps, None)
        if choice is None or not 0 <= choice < len(rules):
            raise ValueError("the derivation does not fit the grammar")
        before = sum(math.prod(counts[child] for child in rule.children) for rule in rules[:choice])
        number = 0
        for child in rules[choice].children:
            number = number * counts[child] + number_below(child)
        return before + number

    number = number_below(grammar.root)
    if next(steps, None) is not None:
        raise ValueError("the derivation is longer than its tree")
    return number


def derivation_of(grammar: Rules, counts: Mapping[int, int], number: int) -> tuple[list[int], list[int]]:
    """Return the choices of the derivation that has a number, and the string that it makes."""
    choices, leaves = list[int](), list[int]()
    stack = [(grammar.root, number)]
    while stack:
        symbol, number = stack.pop()
        if symbol not in grammar.rules:
            leaves.append(symbol)
            continue
        rules, choice = grammar.rules[symbol], 0
        while number >= (ways := math.prod(counts[child] for child in rules[choice].children)):
            number -= ways
            choice += 1
        choices.append(choice)
        for child in reversed(rules[choice].children):
            number, of_child = divmod(number, counts[child])
            stack.append((child, of_child))
    return choices, leaves
