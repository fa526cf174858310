"""Ancestors of tokens: of which symbol of every level each token comes, and where those end (Part 1's s_l and b_l).

Read off the derivation that a row states, without the columns that `params.labels` adds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthgen.tasks.cfg.rules import Rules


def ancestors(grammar: Rules, before: Rules, choices: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return each token's ancestors, as places in their level, and whether they end with it, (levels, tokens) each.

    `before` is a layered grammar, and `grammar` it or a variant of it, whose leftmost derivation is told; the root's
    level is the first. Raises StopIteration and IndexError where choices are missing, or none that there is.
    """
    levels = (before.levels or ())[:-1]
    seat = {symbol: (level, place) for level, members in enumerate(levels) for place, symbol in enumerate(members)}
    steps, stack = iter(choices), [grammar.root]
    above, count = [0] * len(levels), [0] * len(levels)
    classes: list[list[int]] = []
    numbers: list[list[int]] = []
    while stack:
        symbol = stack.pop()
        rules = grammar.rules.get(symbol)
        if rules is not None and (seated := seat.get(grammar.origin.get(symbol, symbol))) is not None:
            level, above[seated[0]] = seated[0], seated[1]
            count[level] += 1
        if rules is None:
            classes.append(list(above))
            numbers.append(list(count))
        else:
            stack.extend(reversed(rules[next(steps)].children))
    symbols, nodes = np.array(classes).T, np.array(numbers).T
    ends = np.ones(nodes.shape, np.bool_)
    ends[:, :-1] = nodes[:, 1:] != nodes[:, :-1]
    return symbols, ends
