"""Rules: the data of a grammar, and the shape that can be read off it: what is reachable, in order, in levels.

A rule's probability is its weight over the sum of its symbol's weights. Symbols are numbered as the papers do it:
terminals 1..T, then T+1 <eos>, T+2 <mask>, T+3 <sep>, and non-terminals above, the root last. In a *layered* grammar
every rule of a symbol of one level is a string over the next level; other grammars may have unit rules and recursion.
"""

from __future__ import annotations

import functools
import graphlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from synthgen.errors import SynthgenError, nearest

DERIVATION, CORRUPTION, TOKENS = 0, 1, 2
"""The books of choices: rules; whether and how a row is corrupted; which token of its bag a terminal shows as."""

MAX_WEIGHT = 2**62
"""What a symbol's weights may sum to, about: draws are below 2^63."""

MAX_SYMBOL = 1_000_000
"""The largest number a symbol may be called by: tables have a place for each up to it."""

Symbol = TypeVar("Symbol", bound=Hashable)


@dataclass(frozen=True)
class Rule:
    """symbol -> children, drawn with probability weight / (sum of the symbol's weights)."""

    children: tuple[int, ...]
    weight: int = 1


@dataclass(frozen=True)
class Rules:
    """The rules of a grammar: `rules` maps each non-terminal to its rules, in order.

    `names` gives symbols names. In a variant of a grammar (`synthgen.tasks.cfg.variants`), `books` numbers the book
    that a symbol's choices are booked in, where it is not 0, the derivation's; `origin` gives the symbol it stands for
    in the grammar before, where that is another one, and 0 for a symbol that is noise's own. `proof` says whether the
    grammar is known to be unambiguous, where that need not be found out.
    """

    name: str
    root: int
    rules: Mapping[int, tuple[Rule, ...]]
    names: Mapping[int, str] = field(default_factory=dict)
    books: Mapping[int, int] = field(default_factory=dict)
    origin: Mapping[int, int] = field(default_factory=dict)
    proof: bool | None = None

    @classmethod
    def from_names(
        cls,
        name: str,
        root: str,
        rules: Mapping[str, Sequence[tuple[Sequence[str], int]]],
        terminals: Sequence[str] | None = None,
        origin: str = "",
        drop_unreachable: bool = False,
    ) -> Rules:
        """Number rules given by symbol names: `rules` maps a symbol to (children, weight) pairs.

        Without `terminals`, every symbol that has no rules is one. With `drop_unreachable`, symbols that the root does
        not lead to are left out.
        """
        origin = origin or name
        if root not in rules:
            raise SynthgenError(f"{origin}: root {root!r} has no rules{nearest(root, rules)}")
        if drop_unreachable:
            kept = reached(root, {symbol: [children for children, _ in rules[symbol]] for symbol in rules})
            rules = {symbol: options for symbol, options in rules.items() if symbol in kept}
        used = dict.fromkeys(child for options in rules.values() for children, _ in options for child in children)
        leaves = [symbol for symbol in used if symbol not in rules]
        allowed = None if terminals is None else set(terminals)
        undefined = [symbol for symbol in leaves if allowed is not None and symbol not in allowed]
        if undefined:
            hint = nearest(undefined[0], [*rules, *(terminals or ())])
            raise SynthgenError(f"{origin}: symbol {undefined[0]!r} has no rules and is no terminal{hint}")
        symbols = [*rules, *leaves]
        if all(symbol.isascii() and symbol.isdecimal() for symbol in symbols):
            long = [symbol for symbol in symbols if len(symbol) > 7 or int(symbol) > MAX_SYMBOL]
            if long:
                raise SynthgenError(f"{origin}: symbol {long[0][:40]}: numbers of symbols go to {MAX_SYMBOL:,}")
            number = {symbol: int(symbol) for symbol in symbols}
            if min(number.values()) < 1 or len(set(number.values())) < len(number):
                raise SynthgenError(f"{origin}: symbol numbers must be distinct and at least 1")
        else:
            number = {symbol: 1 + i for i, symbol in enumerate(leaves)}
            root_last = sorted(rules, key=lambda s: s == root)
            number |= {symbol: len(leaves) + 4 + i for i, symbol in enumerate(root_last)}
        numbered = {
            number[s]: tuple(Rule(tuple(number[c] for c in children), weight) for children, weight in options)
            for s, options in rules.items()
        }
        return cls(name, number[root], numbered, {i: symbol for symbol, i in number.items()})

    # -- its shape ----------------------------------------------------------------------------------------------------

    def symbol(self, number: int) -> str:
        """Return a symbol's name; a number where it has none."""
        return self.names.get(number, str(number))

    def listed(self, symbols: set[int]) -> str:
        """Return some symbols by name, for a message."""
        return "symbol " + ", ".join(repr(self.symbol(s)) for s in sorted(symbols)[:5])

    def expand(self, symbol: int) -> list[tuple[float, Rule]]:
        """Return a symbol's rules with their probabilities."""
        total = sum(rule.weight for rule in self.rules[symbol])
        return [(rule.weight / total, rule) for rule in self.rules[symbol]]

    @functools.cached_property
    def terminals(self) -> tuple[int, ...]:
        """The terminals, in rising order."""
        return tuple(sorted({c for rules in self.rules.values() for r in rules for c in r.children} - set(self.rules)))

    @property
    def vocabulary(self) -> int:
        """Token ids run from 0 to this, exclusive: the largest terminal and one."""
        return self.terminals[-1] + 1

    @functools.cached_property
    def reachable(self) -> frozenset[int]:
        """The symbols that some derivation holds."""
        return reached(self.root, {a: [rule.children for rule in rules] for a, rules in self.rules.items()})

    @functools.cached_property
    def productive(self) -> frozenset[int]:
        """The symbols that some string of terminals comes from."""
        waiting: dict[int, list[tuple[int, set[int]]]] = {}  # by symbol: heads, and what their rules still wait for
        for a, rules in self.rules.items():
            for rule in rules:
                missing = set(rule.children)
                for child in rule.children:
                    waiting.setdefault(child, []).append((a, missing))
        done, todo = set(self.terminals), list(self.terminals)
        while todo:
            symbol = todo.pop()
            for a, missing in waiting.pop(symbol, ()):
                missing.discard(symbol)
                if not missing and a not in done:
                    done.add(a)
                    todo.append(a)
        return frozenset(done)

    @functools.cached_property
    def unit_order(self) -> tuple[int, ...]:
        """The non-terminals, each behind those that a rule of one child makes of it.

        Raises SynthgenError that names the symbols of a circle of such rules.
        """
        units = {
            a: {rule.children[0] for rule in rules if len(rule.children) == 1 and rule.children[0] in self.rules}
            for a, rules in self.rules.items()
        }
        try:
            return tuple(graphlib.TopologicalSorter(units).static_order())
        except graphlib.CycleError as error:
            circle = " -> ".join(self.symbol(a) for a in reversed(error.args[1]))
            raise SynthgenError(f"unit rules lead in a circle: {circle}; remove one of them") from None

    @functools.cached_property
    def order(self) -> tuple[int, ...]:
        """The reachable non-terminals, children before parents; empty for a recursive grammar."""
        children = {
            a: {child for rule in self.rules[a] for child in rule.children if child in self.rules}
            for a in sorted(self.reachable & set(self.rules))
        }
        try:
            return tuple(graphlib.TopologicalSorter(children).static_order())
        except graphlib.CycleError:
            return ()

    @property
    def recursive(self) -> bool:
        """Whether a symbol can hold itself."""
        return not self.order

    @functools.cached_property
    def levels(self) -> tuple[tuple[int, ...], ...] | None:
        """The symbols by level, root first, terminals last; None if the grammar is not layered."""
        level = {self.root: 0}
        for symbol in reversed(self.order):
            for rule in self.rules[symbol]:
                for child in rule.children:
                    if level.setdefault(child, level[symbol] + 1) != level[symbol] + 1:
                        return None
        depth = max(level.values())
        if self.recursive or any(level.get(t, depth) != depth for t in self.terminals):
            return None
        return tuple(tuple(sorted(s for s, at in level.items() if at == d)) for d in range(depth + 1))


def reached(root: Symbol, rules: Mapping[Symbol, Iterable[Iterable[Symbol]]]) -> frozenset[Symbol]:
    """Return the symbols that `root` leads to, itself among them; `rules` has the right-hand sides of each."""
    seen, todo = {root}, [root]
    while todo:
        for children in rules.get(todo.pop(), ()):
            for child in children:
                if child not in seen:
                    seen.add(child)
                    todo.append(child)
    return frozenset(seen)
