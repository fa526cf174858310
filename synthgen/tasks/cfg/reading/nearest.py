"""The string of a grammar that is nearest to some tokens: how many change, of tokens and of symbols at each level.

    nearest(grammar, ids)              # Nearest(changes=50, by_level=(1, 3, 8, 20, 37, 48, 50), ids=[...])
    nearest(grammar, ids, fixed=450)   # only the first 50 of 500 tokens may change

Tokens are replaced, none is put in or taken out, as in the released `solve_dp_noneq` (Part 1). A dynamic programme over
spans whose lengths a symbol can have, exact: a tenth of a second for a string of cfg3f.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.jit import kernel
from synthgen.tasks.cfg.rules import Rules

NEVER = 1 << 61
"""The cost of what no string has; twice as much is still a number of 63 bits."""

COST_BITS = 60
"""Bits of a cost: changed tokens in the highest, below them the changed symbols of each level as far as they fit."""


class Nearest(NamedTuple):
    """A nearest string of the grammar, and how far it is.

    changes: tokens that differ; by_level: symbols above a changed token, by level from the root down, the last level
    being the tokens; ids: the string. Of all nearest strings and derivations it is one with the fewest such symbols on
    the level above the tokens, among those on the next one, and so on for as many levels as a cost of 60 bits holds.
    """

    changes: int
    by_level: tuple[int, ...]
    ids: list[int]


class Layout(NamedTuple):
    """A grammar as arrays for the programme. Parts: symbols, then what rules of three or more children begin with.

    The costs of part x over the span [i, i + n) stand at start[x] + i * width[x] + n - least[x].
    """

    least: np.ndarray  # (parts,) int64: fewest tokens
    width: np.ndarray  # (parts,) how many lengths it can have; 0 for none within the string
    start: np.ndarray  # (parts,)
    order: np.ndarray  # (steps,) the parts in an order in which what they are made of comes first
    first: np.ndarray  # (parts + 1,) the ways to make part x are ways[first[x] : first[x + 1]]
    left: np.ndarray  # (ways,) a part, ...
    right: np.ndarray  # (ways,) ... and the one behind it; -1 for none
    weight: np.ndarray  # (parts,) what a changed symbol costs; 0 for beginnings of rules, and where it fits no more
    terminals: int  # the first parts are the terminals


def nearest(grammar: Rules, ids: Sequence[int], fixed: int = 0) -> Nearest | None:
    """Return the nearest string of as many tokens, of which the last `fixed` stay; None where there is none.

    Raises SynthgenError for a grammar without levels, and ValueError for tokens that are none of its terminals.
    """
    if grammar.levels is None:
        raise SynthgenError(f"grammar {grammar.name}: only of a layered grammar the nearest string is looked for")
    places = {terminal: i for i, terminal in enumerate(grammar.terminals)}
    strange = [token for token in ids if token not in places]
    if strange:
        raise ValueError(f"token {strange[0]!r} is no terminal of the grammar")
    if not 0 <= fixed <= len(ids):
        raise ValueError(f"fixed = {fixed}: there are {len(ids)} tokens")
    tokens = np.array([places[token] for token in ids], np.int64)
    layout, number, ways = _layout(grammar, tokens.size)
    top = number[grammar.root]
    if layout.width[top] <= tokens.size - layout.least[top] or tokens.size < layout.least[top]:
        return None
    costs = _costs(tokens, tokens.size - fixed, layout, 1 << (COST_BITS - tokens.size.bit_length() - 1), NEVER)
    if costs[_place(layout, top, 0, tokens.size)] >= NEVER:
        return None
    touched = dict.fromkeys(number.values(), 0)
    put = tokens.copy()
    _trace(layout, costs, tokens, ways, (top, 0, tokens.size), touched, put)
    levels = [sum(touched[number[symbol]] for symbol in level) for level in grammar.levels]
    changed = int((put != tokens).sum())
    return Nearest(changed, (*levels[: len(grammar.levels) - 1], changed), [grammar.terminals[k] for k in put])


def _layout(grammar: Rules, n: int) -> tuple[Layout, dict[int, int], dict[int, list[tuple[int, int]]]]:
    """Return a grammar's arrays for strings of n tokens, the number of each symbol, and the ways to make each part."""
    assert grammar.levels is not None
    symbols = [*grammar.terminals, *(symbol for level in reversed(grammar.levels[:-1]) for symbol in level)]
    number = {symbol: i for i, symbol in enumerate(symbols)}
    least, most = [1] * len(grammar.terminals), [1] * len(grammar.terminals)
    ways: dict[int, list[tuple[int, int]]] = {i: [] for i in range(len(symbols))}
    least += [0] * (len(symbols) - len(least))
    most += [0] * (len(symbols) - len(most))
    order: list[int] = []
    beginnings: dict[tuple[int, ...], int] = {}
    for symbol in symbols[len(grammar.terminals) :]:
        head, lengths = number[symbol], []
        for rule in grammar.rules[symbol]:
            children = tuple(number[child] for child in rule.children)
            part = children[0]
            for k in range(2, len(children)):
                if children[:k] not in beginnings:
                    beginnings[children[:k]] = len(least)
                    ways[len(least)] = [(part, children[k - 1])]
                    order.append(len(least))
                    least.append(least[part] + least[children[k - 1]])
                    most.append(most[part] + most[children[k - 1]])
                part = beginnings[children[:k]]
            last = children[-1] if len(children) > 1 else -1
            ways[head].append((part, last))
            lengths.append(
                (least[part] + (least[last] if last >= 0 else 0), most[part] + (most[last] if last >= 0 else 0))
            )
        least[head], most[head] = min(low for low, _ in lengths), max(high for _, high in lengths)
        order.append(head)
    width = np.maximum(np.minimum(np.array(most), n) - np.array(least) + 1, 0)
    sizes = width * (n + 1)
    weight = np.zeros(len(least), np.int64)
    room, bits = COST_BITS - n.bit_length() - 1, n.bit_length()
    for level in reversed(grammar.levels[:-1]):
        room -= bits
        if room < 0:
            break
        weight[[number[symbol] for symbol in level]] = 1 << room
    flat = [way for part in range(len(least)) for way in ways[part]]
    layout = Layout(
        np.array(least, np.int64), width.astype(np.int64), (np.cumsum(sizes) - sizes).astype(np.int64),
        np.array(order, np.int64), np.cumsum([0, *(len(ways[part]) for part in range(len(least)))]).astype(np.int64),
        np.array([a for a, _ in flat], np.int64), np.array([b for _, b in flat], np.int64), weight,
        len(grammar.terminals),
    )  # fmt: skip
    return layout, number, ways


def _place(layout: Layout, part: int, start: int, length: int) -> int:
    return int(layout.start[part] + start * layout.width[part] + length - layout.least[part])


@kernel
def _costs(tokens, free, layout, change, never):
    """Return the least cost of every part over every span. `change`: of a token; those from `free` on must stay."""
    least, width, start, order, first, left, right, weight, terminals = layout
    n = tokens.size
    costs = np.full(start[-1] + width[-1] * (n + 1), never, np.int64)
    for terminal in range(terminals):
        for i in range(n):
            if tokens[i] == terminal:
                costs[start[terminal] + i] = 0
            elif i < free:
                costs[start[terminal] + i] = change
    for part in order:
        for i in range(n):
            for k in range(min(width[part], n - i - least[part] + 1)):
                length, best = least[part] + k, never
                for way in range(first[part], first[part + 1]):
                    a, b = left[way], right[way]
                    if b < 0:
                        if 0 <= length - least[a] < width[a]:
                            best = min(best, costs[start[a] + i * width[a] + length - least[a]])
                        continue
                    low = max(least[a], length - least[b] - width[b] + 1)
                    for cut in range(low, min(least[a] + width[a] - 1, length - least[b]) + 1):
                        here = costs[start[a] + i * width[a] + cut - least[a]]
                        if here < best:
                            best = min(best, here + costs[start[b] + (i + cut) * width[b] + length - cut - least[b]])
                if 0 < best < never:
                    best += weight[part]
                costs[start[part] + i * width[part] + k] = min(best, never)
    return costs


def _trace(
    layout: Layout,
    costs: np.ndarray,
    tokens: np.ndarray,
    ways: dict[int, list[tuple[int, int]]],
    whole: tuple[int, int, int],
    touched: dict[int, int],
    put: np.ndarray,
) -> None:
    """Follow the least costs down from `whole`, a part, its start and its length: count changes, and write tokens."""
    stack = [whole]
    while stack:
        part, i, length = stack.pop()
        cost = costs[_place(layout, part, i, length)]
        if part in touched:
            touched[part] += int(cost > 0)
        if part < layout.terminals:
            put[i] = part
            continue
        below = cost - layout.weight[part] * (cost > 0)
        stack += _made_of(layout, costs, ways[part], i, length, below)


def _made_of(
    layout: Layout, costs: np.ndarray, ways: list[tuple[int, int]], i: int, length: int, below: int
) -> list[tuple[int, int, int]]:
    """Return the parts of a span whose costs add up to `below`, each with its start and its length."""

    def cost_of(part: int, start: int, n: int) -> int:
        inside = 0 <= n - layout.least[part] < layout.width[part]
        return int(costs[_place(layout, part, start, n)]) if inside else NEVER

    for a, b in ways:
        if b < 0:
            if cost_of(a, i, length) == below:
                return [(a, i, length)]
            continue
        for cut in range(max(1, int(layout.least[a])), length):
            if cost_of(a, i, cut) + cost_of(b, i + cut, length - cut) == below:
                return [(a, i, cut), (b, i + cut, length - cut)]
    raise AssertionError("a cost is made of costs")
