"""Ambiguity: a proof that a layered grammar has none.

If two derivations make one string, then at some level two different strings of rules spell the same
string of the next level. For one level that is unique decodability of a code (Sardinas and Patterson 1953), sharpened
by what can stand where: a symbol is taken with its ancestors some levels up, and which symbols of that level can stand
side by side. We walk pairs of decodings that spell the same and differ, keeping the part by which one is ahead and the
place of each; if none ever comes to its end with both even, no two derivations make one string. More is allowed than
can occur, so a proof found is a proof; the more ancestors, the finer, up to the root, where it is exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from synthgen.tasks.cfg.rules import Rules

MAX_STATES = 40_000
"""Pairs of places that one step of a proof may take, a second or two; beyond, none is found."""

START, END = 0, -1
"""Stand for the beginning and the end of a string in adjacency; no symbol has these numbers."""

Place = tuple[int, tuple[tuple[int, int], ...]]
"""Where a symbol stands: an ancestor, and the (rule, child) taken at each level below it."""


def proved_unambiguous(grammar: Rules, max_states: int = MAX_STATES) -> bool:
    """Say whether a layered grammar is proved to have one derivation a string; False means that no proof was found."""
    levels = grammar.levels
    if levels is None:
        return False
    follows = [{START: {grammar.root}, grammar.root: {END}}]
    for level in levels[:-1]:
        follows.append(_follows_below(grammar, level, follows[-1]))
    return all(
        any(_Code(grammar, depth, max(0, depth - memory), follows).decodable(max_states) for memory in range(depth + 1))
        for depth in range(len(levels) - 1)
    )


def _follows_below(grammar: Rules, level: tuple[int, ...], follows: dict[int, set[int]]) -> dict[int, set[int]]:
    """Return which symbols of the next level can stand right behind which, given so for `level`."""
    below: dict[int, set[int]] = {START: set()}
    first = {a: {rule.children[0] for rule in grammar.rules[a]} for a in level}
    last = {a: {rule.children[-1] for rule in grammar.rules[a]} for a in level}
    for a in level:
        for rule in grammar.rules[a]:
            for left, right in itertools.pairwise(rule.children):
                below.setdefault(left, set()).add(right)
    for a, behind in follows.items():
        for b in behind:
            for left in [START] if a == START else last[a]:
                below.setdefault(left, set()).update([END] if b == END else first[b])
    return below


class _Code:
    """The rules at one level as a code, with each symbol's ancestors up to the level `top`."""

    def __init__(self, grammar: Rules, depth: int, top: int, follows: list[dict[int, set[int]]]) -> None:
        self.grammar, self.steps, self.follows = grammar, depth - top, follows[top]
        self._next: dict[Place | None, list[tuple[Place, int]]] = {}

    def next(self, place: Place | None) -> list[tuple[Place, int]]:
        """Return what can stand right behind a place (None: at the beginning): places with their symbols."""
        if place not in self._next:
            self._next[place] = list(self._behind(place))
        return self._next[place]

    def _behind(self, place: Place | None) -> Iterator[tuple[Place, int]]:
        if place is not None:
            ancestor, path = place
            for step in reversed(range(len(path))):
                rule, child = path[step]
                head = self._symbol(ancestor, path[:step])
                if child + 1 < len(self.grammar.rules[head][rule].children):
                    yield from self._down(ancestor, (*path[:step], (rule, child + 1)))
                    return
        for ancestor in sorted(self.follows.get(place[0] if place else START, ())):
            if ancestor == END:
                yield (END, ()), END
            else:
                yield from self._down(ancestor, ())

    def _down(self, ancestor: int, path: tuple[tuple[int, int], ...]) -> Iterator[tuple[Place, int]]:
        symbol = self._symbol(ancestor, path)
        if len(path) == self.steps:
            yield (ancestor, path), symbol
        else:
            for rule in range(len(self.grammar.rules[symbol])):
                yield from self._down(ancestor, (*path, (rule, 0)))

    def _symbol(self, ancestor: int, path: tuple[tuple[int, int], ...]) -> int:
        for rule, child in path:
            ancestor = self.grammar.rules[ancestor][rule].children[child]
        return ancestor

    def decodable(self, max_states: int) -> bool:
        """Say whether no two different strings of rules spell the same; False also if that would take too long."""
        rules = {a: [rule.children for rule in options] for a, options in self.grammar.rules.items()} | {END: []}
        alike: set[tuple[Place | None, Place | None]] = {(None, None)}  # places after the same symbols
        apart: set[tuple[tuple[int, ...], Place, Place]] = set()  # what one spells ahead of the other, and the places
        todo: list[tuple[tuple[int, ...], Place, Place]] = []
        waiting: list[tuple[Place | None, Place | None]] = [(None, None)]

        def differ(ahead: tuple[int, ...], leader: Place, follower: Place) -> None:
            if (ahead, leader, follower) not in apart:
                apart.add((ahead, leader, follower))
                todo.append((ahead, leader, follower))

        while waiting:
            one, other = waiting.pop()
            for (left, a), (right, b) in itertools.product(self.next(one), self.next(other)):
                if a == b != END and (left, right) not in alike:
                    alike.add((left, right))
                    waiting.append((left, right))
                for i, first in enumerate(rules[a]):
                    for j, second in enumerate(rules[b]):
                        if (a, i) < (b, j) or (one != other and (a, i) != (b, j)):
                            if first[: len(second)] == second:
                                differ(first[len(second) :], left, right)
                            elif second[: len(first)] == first:
                                differ(second[len(first) :], right, left)
            if len(alike) + len(apart) > max_states:
                return False
        while todo:
            ahead, leader, follower = todo.pop()
            for place, symbol in self.next(follower):
                if symbol == END and not ahead and any(last == END for _, last in self.next(leader)):
                    return False
                for children in rules[symbol]:
                    if ahead[: len(children)] == children:
                        differ(ahead[len(children) :], leader, place)
                    elif children[: len(ahead)] == ahead:
                        differ(children[len(ahead) :], place, leader)
            if len(apart) > max_states:
                return False
        return True
