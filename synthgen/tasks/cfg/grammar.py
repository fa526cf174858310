"""Grammars: symbols, rules with integer weights, and everything that has a closed form.

A rule's probability is its weight over the sum of its symbol's weights. Symbols are numbered as the papers do it:
terminals 1..T, then T+1 <eos>, T+2 <mask>, T+3 <sep>, and non-terminals above, the root last. In a *layered* grammar
every rule of a symbol of one level is a string over the next level, so no string is longer than a stated maximum.
"""

from __future__ import annotations

import functools
import graphlib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.entropy import entropy_of
from synthgen.errors import SynthgenError, nearest

PUBLISHED = Path(__file__).with_name("published.json")
"""The nine published grammars: cfg3b to cfg3e2 of Part 1 (2305.13673), cfg3j and cfg3k of Part 4.1 (2512.17351)."""


@dataclass(frozen=True)
class Rule:
    """symbol -> children, drawn with probability weight / (sum of the symbol's weights)."""

    children: tuple[int, ...]
    weight: int = 1


@dataclass(frozen=True)
class Grammar:
    """A context-free grammar without recursion: `rules` maps each non-terminal to its rules, in order."""

    name: str
    root: int
    rules: Mapping[int, tuple[Rule, ...]]
    names: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def load(cls, name: str | Path) -> Grammar:
        """Return a published grammar (`cfg3f`) or read a TOML file. Raises SynthgenError with what is wrong."""
        tables = _published()
        if str(name) in tables:
            return cls._numbered(str(name), tables[str(name)])
        if Path(name).suffix != ".toml":
            known = nearest(str(name), tables)
            raise SynthgenError(f"no grammar named {str(name)!r}{known}; give a published one's name or a .toml file")
        return cls.from_toml(Path(name))

    @classmethod
    def _numbered(cls, name: str, table: Mapping[str, Any]) -> Grammar:
        rules = {int(s): tuple(Rule(tuple(c)) for c in children) for s, children in table["rules"].items()}
        return cls(name, table["root"], rules)

    @classmethod
    def from_toml(cls, path: Path) -> Grammar:
        """Read a grammar file: `root`, and under `[rules]` each symbol's right-hand sides.

            root = "S"
            [rules]
            S = [["A", "B"], ["B", "A", "B"]]
            A = [{ to = ["x", "y"], weight = 3 }, { to = ["y"], weight = 1 }]

        Symbols that have no rules are terminals, numbered 1, 2, ... in the order in which they appear; where all
        symbols are integers, the numbers stay.
        """
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise SynthgenError(f"{path}: cannot be read: {error}") from None
        except tomllib.TOMLDecodeError as error:
            raise SynthgenError(f"{path}: not valid TOML: {error}") from None
        for key in table:
            if key not in ("root", "rules"):
                raise SynthgenError(f"{path}: unknown key {key!r}{nearest(key, ['root', 'rules'])}")
        if not isinstance(table.get("rules"), dict) or not table["rules"]:
            raise SynthgenError(f"{path}: [rules] is missing; give each symbol its right-hand sides")
        named: dict[str, list[tuple[list[str], int]]] = {}
        for symbol, rules in table["rules"].items():
            if not isinstance(rules, list) or not rules:
                raise SynthgenError(f"{path}: rules.{symbol}: give a list of right-hand sides")
            named[symbol] = [_read_rule(rule, f"{path}: rules.{symbol}[{i}]") for i, rule in enumerate(rules)]
        if "root" not in table:
            raise SynthgenError(f"{path}: 'root' is missing; name the start symbol")
        return cls.from_names(path.stem, str(table["root"]), named, str(path))

    @classmethod
    def from_names(
        cls, name: str, root: str, rules: Mapping[str, Sequence[tuple[Sequence[str], int]]], origin: str = ""
    ) -> Grammar:
        """Number a grammar given by symbol names, and check it: `rules` maps a symbol to (children, weight) pairs."""
        origin = origin or name
        if root not in rules:
            raise SynthgenError(f"{origin}: root {root!r} has no rules{nearest(root, rules)}")
        used = dict.fromkeys(child for options in rules.values() for children, _ in options for child in children)
        terminals = [symbol for symbol in used if symbol not in rules]
        symbols = [*rules, *terminals]
        if all(symbol.isdecimal() for symbol in symbols):
            number = {symbol: int(symbol) for symbol in symbols}
            if min(number.values()) < 1 or len(set(number.values())) < len(number):
                raise SynthgenError(f"{origin}: symbol numbers must be distinct and at least 1")
        else:
            number = {symbol: 1 + i for i, symbol in enumerate(terminals)}
            lowest_last = sorted(rules, key=lambda s: s == root)
            number |= {symbol: len(terminals) + 4 + i for i, symbol in enumerate(lowest_last)}
        numbered = {
            number[s]: tuple(Rule(tuple(number[c] for c in children), weight) for children, weight in options)
            for s, options in rules.items()
        }
        grammar = cls(name, number[root], numbered, {i: symbol for symbol, i in number.items()})
        grammar.check(origin)
        return grammar

    def check(self, origin: str) -> None:
        """Raise SynthgenError for a symbol that nothing reaches, for recursion, and for two equal rules."""
        unreachable = set(self.rules) - self.reachable
        if unreachable:
            raise SynthgenError(
                f"{origin}: {self._list(unreachable)} cannot be reached from the root; remove the rules"
            )
        _ = self.order
        for symbol, rules in self.rules.items():
            if len({rule.children for rule in rules}) < len(rules):
                raise SynthgenError(f"{origin}: {self.symbol(symbol)} has the same right-hand side twice; use a weight")

    def symbol(self, number: int) -> str:
        """Return a symbol's name; a number where it has none."""
        return self.names.get(number, str(number))

    def _list(self, symbols: set[int]) -> str:
        return "symbol " + ", ".join(repr(self.symbol(s)) for s in sorted(symbols)[:5])

    @functools.cached_property
    def terminals(self) -> tuple[int, ...]:
        """The terminals, in rising order."""
        return tuple(sorted({c for rules in self.rules.values() for r in rules for c in r.children} - set(self.rules)))

    @functools.cached_property
    def reachable(self) -> frozenset[int]:
        """The symbols that some derivation holds."""
        seen, todo = {self.root}, [self.root]
        while todo:
            for rule in self.rules.get(todo.pop(), ()):
                for child in rule.children:
                    if child not in seen:
                        seen.add(child)
                        todo.append(child)
        return frozenset(seen)

    @functools.cached_property
    def order(self) -> tuple[int, ...]:
        """The reachable non-terminals, children before parents. Raises SynthgenError for recursion."""
        children = {
            a: {child for rule in self.rules[a] for child in rule.children if child in self.rules}
            for a in sorted(self.reachable & set(self.rules))
        }
        try:
            return tuple(graphlib.TopologicalSorter(children).static_order())
        except graphlib.CycleError as error:
            cycle = " -> ".join(self.symbol(s) for s in reversed(error.args[1]))
            raise SynthgenError(
                f"grammar {self.name}: {cycle} leads back to itself; recursion is not allowed"
            ) from None

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
        if any(level.get(t, depth) != depth for t in self.terminals):
            return None
        return tuple(tuple(sorted(s for s, at in level.items() if at == d)) for d in range(depth + 1))

    # -- closed forms -------------------------------------------------------------------------------------------------

    def law(self, symbol: int) -> list[float]:
        """Return the probabilities of a symbol's rules."""
        weights = [rule.weight for rule in self.rules[symbol]]
        return [w / sum(weights) for w in weights]

    def _expectation(self, own: Mapping[int, float], leaf: float) -> dict[int, float]:
        """Return, by symbol, the expected sum over a derivation of own[non-terminal] and `leaf` a terminal."""
        value = dict.fromkeys(self.terminals, leaf)
        for a in self.order:
            below = (p * sum(value[c] for c in r.children) for p, r in zip(self.law(a), self.rules[a], strict=True))
            value[a] = own[a] + math.fsum(below)
        return value

    @functools.cached_property
    def derivation_entropy(self) -> float:
        """Bits of a derivation: the rule law's entropy at every node, in expectation."""
        own = {a: entropy_of(rule.weight for rule in self.rules[a]) for a in self.order}
        return self._expectation(own, 0.0)[self.root]

    @functools.cached_property
    def expected_length(self) -> float:
        """Expected number of tokens of a string."""
        return self._expectation(dict.fromkeys(self.order, 0.0), 1.0)[self.root]

    @functools.cached_property
    def length_law(self) -> np.ndarray:
        """The exact law of a string's length: law[n] is the probability of n tokens."""
        law: dict[int, np.ndarray] = {t: np.array([0.0, 1.0]) for t in self.terminals}
        for a in self.order:
            parts = []
            for p, rule in zip(self.law(a), self.rules[a], strict=True):
                part = np.array([p])
                for child in rule.children:
                    part = np.convolve(part, law[child])
                parts.append(part)
            law[a] = np.zeros(max(part.size for part in parts))
            for part in parts:
                law[a][: part.size] += part
        return law[self.root]

    @functools.cached_property
    def lengths(self) -> tuple[int, int]:
        """The shortest and the longest string, in tokens."""
        shortest, longest = dict.fromkeys(self.terminals, 1), dict.fromkeys(self.terminals, 1)
        for a in self.order:
            shortest[a] = min(sum(shortest[c] for c in rule.children) for rule in self.rules[a])
            longest[a] = max(sum(longest[c] for c in rule.children) for rule in self.rules[a])
        return shortest[self.root], longest[self.root]

    @functools.cached_property
    def derivations(self) -> int:
        """The exact number of derivations."""
        count = dict.fromkeys(self.terminals, 1)
        for a in self.order:
            count[a] = sum(math.prod(count[c] for c in rule.children) for rule in self.rules[a])
        return count[self.root]


def _read_rule(rule: Any, where: str) -> tuple[list[str], int]:
    children, weight = rule, 1
    if isinstance(rule, dict):
        unknown = [key for key in rule if key not in ("to", "weight")]
        if unknown:
            raise SynthgenError(f"{where}: unknown key {unknown[0]!r}{nearest(unknown[0], ['to', 'weight'])}")
        children, weight = rule.get("to"), rule.get("weight", 1)
    if not isinstance(children, list) or not children or not all(isinstance(c, str | int) for c in children):
        raise SynthgenError(f'{where}: a right-hand side is a list of symbols, like ["A", "B"]; not {children!r}')
    if not isinstance(weight, int) or not 0 < weight < 2**31:
        raise SynthgenError(f"{where}: weight = {weight!r}: weights are integers from 1 to 2^31")
    return [str(child) for child in children], weight


@functools.cache
def _published() -> dict[str, Any]:
    return json.loads(PUBLISHED.read_text())
