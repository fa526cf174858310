"""Membership: does a layered grammar make this string? It shares nothing with the sampler.

Bottom-up, level by level: the spans of a level's symbols are found from the spans of the level below. A level has few
spans (about one a position), so they are kept as lists by start, and a cfg3f string takes some 0.1 ms.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from synthgen.jit import kernel
from synthgen.tasks.cfg.grammar import Grammar


class Membership:
    """A membership test for one layered grammar. Raises ValueError for a grammar that is not layered."""

    def __init__(self, grammar: Grammar) -> None:
        levels = grammar.levels
        if levels is None:
            raise ValueError(f"grammar {grammar.name} is not layered")
        self.root, self.terminals = grammar.root, frozenset(grammar.terminals)
        self._tables = [
            [(a, tuple(rule.children)) for a in level for rule in grammar.rules[a]] for level in reversed(levels[:-1])
        ]

    @functools.cached_property
    def _arrays(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        arrays = []
        for rules in self._tables:
            widest = max(len(children) for _, children in rules)
            children = np.zeros((len(rules), widest), np.int64)
            for i, (_, own) in enumerate(rules):
                children[i, : len(own)] = own
            sizes = np.array([len(own) for _, own in rules])
            arrays.append((np.array([a for a, _ in rules]), sizes, children))
        return arrays

    def __call__(self, ids: Sequence[int]) -> bool:
        """Say whether the grammar makes exactly these tokens; False for anything that is no string of terminals."""
        try:
            tokens = np.asarray(ids, dtype=np.int64)
        except (TypeError, ValueError, OverflowError):
            return False
        if tokens.ndim != 1 or tokens.size == 0 or not self.terminals.issuperset(tokens.tolist()):
            return False
        starts = np.arange(tokens.size + 1)
        symbols, ends = tokens, np.arange(1, tokens.size + 1)
        for heads, sizes, children in self._arrays:
            starts, symbols, ends = _level(starts, symbols, ends, heads, sizes, children)
            if symbols.size == 0:
                return False
        here = slice(starts[0], starts[1])
        return bool(np.any((symbols[here] == self.root) & (ends[here] == tokens.size)))


@kernel
def _level(starts, symbols, ends, heads, sizes, children):
    """Return the spans of one level, given those of the level below.

    Span i of the level below is symbols[i] over [p, ends[i]) for the p with starts[p] <= i < starts[p + 1].
    """
    positions = starts.size - 1
    widest = children.shape[1]
    room = 4 * symbols.size + 64
    out_starts = np.zeros(positions + 1, np.int64)
    out_symbols, out_ends = np.empty(room, np.int64), np.empty(room, np.int64)
    count = 0
    at = np.empty(widest + 1, np.int64)  # where the next candidate for child k stands
    reach = np.empty(widest + 1, np.int64)  # where child k starts
    for p in range(positions):
        out_starts[p] = count
        for rule in range(heads.size):
            k = 0
            reach[0] = p
            at[0] = starts[p]
            while k >= 0:
                if k == sizes[rule]:
                    known = False
                    for i in range(out_starts[p], count):
                        if out_symbols[i] == heads[rule] and out_ends[i] == reach[k]:
                            known = True
                    if not known:
                        if count == out_symbols.size:
                            out_symbols = np.concatenate((out_symbols, np.empty_like(out_symbols)))
                            out_ends = np.concatenate((out_ends, np.empty_like(out_ends)))
                        out_symbols[count] = heads[rule]
                        out_ends[count] = reach[k]
                        count += 1
                    k -= 1
                    continue
                here = reach[k]
                i = at[k]
                last = starts[here + 1] if here < positions else i
                while i < last and symbols[i] != children[rule, k]:
                    i += 1
                if i < last:
                    at[k] = i + 1
                    k += 1
                    reach[k] = ends[i]
                    at[k] = starts[min(ends[i], positions)]
                else:
                    k -= 1
    out_starts[positions] = count
    return out_starts, out_symbols[:count], out_ends[:count]
