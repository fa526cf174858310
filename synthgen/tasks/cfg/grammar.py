"""Grammars: symbols and rules with integer weights, and what is known of the strings they make.

A rule's probability is its weight over the sum of its symbol's weights. Symbols are numbered as the papers do it:
terminals 1..T, then T+1 <eos>, T+2 <mask>, T+3 <sep>, and non-terminals above, the root last. In a *layered* grammar
every rule of a symbol of one level is a string over the next level; other grammars may have unit rules and recursion.

    grammar = Grammar.load("cfg3f")
    grammar.contains([1, 2, 3]), grammar.log2_probability(ids), grammar.next_token(ids)
"""

from __future__ import annotations

import functools
import graphlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.errors import SynthgenError, nearest
from synthgen.exact.draw import Keys, new_state
from synthgen.tasks.cfg import ambiguity, moments
from synthgen.tasks.cfg.reading import Chart, chart_rules
from synthgen.tasks.cfg.writing.sampler import Tables, sample_rows

PUBLISHED = Path(__file__).with_name("published.json")
"""The nine published grammars: cfg3b to cfg3e2 of Part 1 (2305.13673), cfg3j and cfg3k of Part 4.1 (2512.17351)."""


OWN = ("english",)
"""Grammars of the package's own, in TOML files beside this one."""


@dataclass(frozen=True)
class Rule:
    """symbol -> children, drawn with probability weight / (sum of the symbol's weights)."""

    children: tuple[int, ...]
    weight: int = 1


@dataclass(frozen=True)
class Grammar:
    """A context-free grammar: `rules` maps each non-terminal to its rules, in order.

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

    # -- making one ---------------------------------------------------------------------------------------------------

    @classmethod
    def load(cls, name: str | Path) -> Grammar:
        """Return a published grammar (`cfg3f`) or read a TOML file. Raises SynthgenError with what is wrong."""
        tables = _published()
        if str(name) in tables:
            table = tables[str(name)]
            rules = {int(s): tuple(Rule(tuple(c)) for c in children) for s, children in table["rules"].items()}
            return cls(str(name), table["root"], rules, proof=table["unambiguous"])
        if str(name) in OWN:
            name = Path(__file__).with_name(f"{name}.toml")
        elif Path(name).suffix != ".toml":
            known = nearest(str(name), [*tables, *OWN])
            raise SynthgenError(f"no grammar named {str(name)!r}{known}; give a published one's name or a .toml file")
        from synthgen.tasks.cfg.formats import read_toml

        return read_toml(Path(name))

    @classmethod
    def from_nltk(cls, text: str) -> Grammar:
        """Read a grammar in nltk's PCFG format (`S -> NP VP [1.0]`). Raises SynthgenError with what is wrong."""
        from synthgen.tasks.cfg.formats import read_nltk

        return read_nltk(text)

    def to_nltk(self) -> Any:
        """Return the grammar as an `nltk.PCFG`; symbols are called by their names, terminals are strings."""
        from synthgen.tasks.cfg.formats import to_nltk

        return to_nltk(self)

    @classmethod
    def from_names(
        cls,
        name: str,
        root: str,
        rules: Mapping[str, Sequence[tuple[Sequence[str], int]]],
        terminals: Sequence[str] | None = None,
        origin: str = "",
    ) -> Grammar:
        """Number a grammar given by symbol names, and check it: `rules` maps a symbol to (children, weight) pairs.

        Without `terminals`, every symbol that has no rules is one.
        """
        origin = origin or name
        if root not in rules:
            raise SynthgenError(f"{origin}: root {root!r} has no rules{nearest(root, rules)}")
        used = dict.fromkeys(child for options in rules.values() for children, _ in options for child in children)
        found = [symbol for symbol in used if symbol not in rules]
        undefined = [symbol for symbol in found if terminals is not None and symbol not in terminals]
        if undefined:
            hint = nearest(undefined[0], [*rules, *(terminals or ())])
            raise SynthgenError(f"{origin}: symbol {undefined[0]!r} has no rules and is no terminal{hint}")
        symbols = [*rules, *found]
        if all(symbol.isdecimal() for symbol in symbols):
            number = {symbol: int(symbol) for symbol in symbols}
            if min(number.values()) < 1 or len(set(number.values())) < len(number):
                raise SynthgenError(f"{origin}: symbol numbers must be distinct and at least 1")
        else:
            number = {symbol: 1 + i for i, symbol in enumerate(found)}
            root_last = sorted(rules, key=lambda s: s == root)
            number |= {symbol: len(found) + 4 + i for i, symbol in enumerate(root_last)}
        numbered = {
            number[s]: tuple(Rule(tuple(number[c] for c in children), weight) for children, weight in options)
            for s, options in rules.items()
        }
        grammar = cls(name, number[root], numbered, {i: symbol for symbol, i in number.items()})
        grammar.check(origin)
        return grammar

    def check(self, origin: str) -> None:
        """Raise SynthgenError for useless symbols, equal rules, unit cycles and strings that would be endless."""
        unreachable = set(self.rules) - self.reachable
        if unreachable:
            raise SynthgenError(
                f"{origin}: {self._list(unreachable)} cannot be reached from the root; remove the rules"
            )
        unproductive = set(self.rules) - self.productive
        if unproductive:
            raise SynthgenError(f"{origin}: {self._list(unproductive)} never ends in terminals; add a rule that does")
        for symbol, rules in self.rules.items():
            if len({rule.children for rule in rules}) < len(rules):
                raise SynthgenError(f"{origin}: {self.symbol(symbol)} has the same right-hand side twice; use a weight")
        moments.mean_matrix(self)
        _ = self.chart

    # -- its shape ----------------------------------------------------------------------------------------------------

    def symbol(self, number: int) -> str:
        """Return a symbol's name; a number where it has none."""
        return self.names.get(number, str(number))

    def _list(self, symbols: set[int]) -> str:
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
        seen, todo = {self.root}, [self.root]
        while todo:
            for rule in self.rules.get(todo.pop(), ()):
                for child in rule.children:
                    if child not in seen:
                        seen.add(child)
                        todo.append(child)
        return frozenset(seen)

    @functools.cached_property
    def productive(self) -> frozenset[int]:
        """The symbols that some string of terminals comes from."""
        done = set(self.terminals)
        while True:
            more = {
                a for a, rules in self.rules.items() if any(done.issuperset(rule.children) for rule in rules)
            } - done
            if not more:
                return frozenset(done)
            done |= more

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

    # -- its law ------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def derivation_entropy(self) -> float:
        """Bits of a derivation."""
        return moments.derivation_entropy(self)

    @functools.cached_property
    def expected_length(self) -> float:
        """Expected number of tokens of a string."""
        return moments.expected_length(self)

    @functools.cached_property
    def length_law(self) -> np.ndarray:
        """The law of a string's length: length_law[n] is the probability of n tokens."""
        return moments.length_law(self)

    @functools.cached_property
    def lengths(self) -> tuple[int, int | None]:
        """The tokens of the shortest and of the longest string; None if there is no longest."""
        return moments.shortest(self), moments.longest(self)

    @functools.cached_property
    def derivations(self) -> int:
        """The exact number of derivations. Raises SynthgenError for a recursive grammar."""
        return moments.derivation_counts(self)[self.root]

    @functools.cached_property
    def unambiguous(self) -> bool:
        """Whether it is proved that no string has two derivations (`synthgen.tasks.cfg.ambiguity`).

        Of the published grammars, cfg3b and cfg3e1 are proved to have none; cfg3e2 has some, though samples show none.
        """
        return ambiguity.proved_unambiguous(self) if self.proof is None else self.proof

    # -- its strings --------------------------------------------------------------------------------------------------

    @functools.cached_property
    def tables(self) -> Tables:
        """The grammar as arrays for the sampler."""
        return Tables.of(self)

    def sample(self, n: int, seed: int = 0) -> list[list[int]]:
        """Return n strings."""
        return [ids.tolist() for ids, _ in self.draw(new_state(), Keys(seed).split("sample"), n)]

    def draw(self, state: np.record, key: np.ndarray, n: int) -> Iterator[tuple[np.ndarray, int]]:
        """Yield n strings drawn under `key`, each with the bits of its derivation in ledger units."""
        for start in range(0, n, 1000):
            drawn = sample_rows(state, key, start, min(start + 1000, n), self)
            edges = [0, *drawn.id_ends.tolist()]
            for i, units in enumerate(drawn.units.sum(axis=1).tolist()):
                yield drawn.ids[edges[i] : edges[i + 1]], units

    @functools.cached_property
    def chart(self) -> Chart:
        """The parser. Raises SynthgenError for a cycle of unit rules."""
        heads = sorted(a for a in self.rules if a in self.reachable)
        number = {symbol: i for i, symbol in enumerate([*heads, *self.terminals])}
        rules = [(number[a], [number[c] for c in rule.children], p) for a in heads for p, rule in self.expand(a)]
        try:
            return Chart(chart_rules(number[self.root], rules, len(heads), len(self.terminals)))
        except ValueError as error:
            raise SynthgenError(f"grammar {self.name}: {error}") from None

    @functools.cached_property
    def places(self) -> np.ndarray:
        """By token id: which terminal it is, counted from 0, or -1."""
        places = np.full(self.vocabulary, -1, np.int64)
        places[list(self.terminals)] = np.arange(len(self.terminals))
        return places

    def _read(self, ids: Any) -> np.ndarray:
        """Return token ids as terminals counted from 0, -1 for what is none. Raises ValueError for no list of ids."""
        try:
            tokens = np.asarray(ids)
        except (ValueError, OverflowError):
            raise ValueError("not a list of token ids") from None
        if tokens.dtype.kind in "Of" and isinstance(ids, Sequence) and all(type(i) is int for i in ids):
            tokens = np.array([i if 0 <= i < self.vocabulary else -1 for i in ids], np.int64)  # none, or endless ones
        if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
            raise ValueError("not a list of token ids")
        inside = (tokens >= 0) & (tokens < self.vocabulary)
        return np.where(inside, self.places[np.where(inside, tokens, 0).astype(np.int64)], -1)

    def contains(self, ids: Any) -> bool:
        """Say whether the grammar makes exactly these tokens; False for junk."""
        try:
            given, _ = self.chart.conditionals(self._read(ids))
        except ValueError:
            return False
        return bool(given[-1] > 0)

    def parses(self, ids: Any) -> int:
        """Return how many derivations make these tokens; exact."""
        return self.chart.parses(self._read(ids))

    def log2_probability(self, ids: Any) -> float:
        """Return log2 of the probability of a string, all its derivations together; -inf outside the language."""
        given, _ = self.chart.conditionals(self._read(ids))
        return float(np.log2(given).sum()) if given[-1] > 0 else -math.inf

    def next_token(self, ids: Any) -> np.ndarray:
        """Return the exact law of the next token after each prefix, (len + 1, vocabulary + 1).

        Columns are token ids; the last one is the end of the string. Rows behind the first impossible token are 0.
        """
        tokens = self._read(ids)
        table = np.zeros((tokens.size + 1, len(self.terminals) + 1))
        self.chart.conditionals(tokens, table)
        law = np.zeros((tokens.size + 1, self.vocabulary + 1))
        law[:, [*self.terminals, self.vocabulary]] = table
        return law

    def first_error(self, ids: Any) -> int | None:
        """Return the first position that no string has; len(ids) if the string must go on; None if it is one."""
        tokens = self._read(ids)
        given, reached = self.chart.conditionals(tokens)
        return None if given[-1] > 0 else reached


@functools.cache
def _published() -> dict[str, Any]:
    return json.loads(PUBLISHED.read_text())
