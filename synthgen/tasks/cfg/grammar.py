"""Grammars: rules, and what is known of the strings they make: entropy, lengths, membership, probabilities.

grammar = Grammar.load("cfg3f")
grammar.contains([1, 2, 3]), grammar.log2_probability(ids), grammar.next_token(ids)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.errors import SynthgenError, nearest
from synthgen.exact.draw import Keys, new_state
from synthgen.task.foreign import read_json
from synthgen.tasks.cfg import ambiguity, formats, moments
from synthgen.tasks.cfg.reading.chart import Chart, chart_rules
from synthgen.tasks.cfg.reading.inside import InsideRules, inside_rules, log2_inside
from synthgen.tasks.cfg.reading.recognizer import Recognizer
from synthgen.tasks.cfg.recursion import MOST_SYMBOLS
from synthgen.tasks.cfg.rules import CORRUPTION, Rule, Rules
from synthgen.tasks.cfg.writing.even import EvenRules
from synthgen.tasks.cfg.writing.sampler import Drawn, Tables, sample_rows

PUBLISHED = Path(__file__).with_name("published.json")
"""The nine published grammars: cfg3b to cfg3e2 of Part 1 (2305.13673), cfg3j and cfg3k of Part 4.1 (2512.17351)."""


OWN = ("english",)
"""Grammars of the package's own, in TOML files beside this one."""

WITNESSES = 200
"""Strings looked at for a second derivation before a proof of unambiguity is tried."""


@dataclass(frozen=True)
class Grammar(Rules):
    """A context-free grammar: its rules, and the answers that its chart, its sampler and its closed forms give."""

    # -- making one ---------------------------------------------------------------------------------------------------

    @classmethod
    def load(cls, name: str | Path) -> Grammar:
        """Return a published grammar (`cfg3f`) or read a TOML file. Raises SynthgenError with what is wrong."""
        if str(name) in _published():
            return _of_paper(str(name))
        if str(name) in OWN:
            name = Path(__file__).with_name(f"{name}.toml")
        elif Path(name).suffix != ".toml":
            known = nearest(str(name), [*_published(), *OWN])
            raise SynthgenError(f"no grammar named {str(name)!r}{known}; give a published one's name or a .toml file")
        return cls.checked(formats.read_toml(Path(name)), str(name))

    @classmethod
    def from_nltk(cls, grammar: Any, drop_unreachable: bool = False) -> Grammar:
        """Read a grammar in nltk's PCFG format (`S -> NP VP [1.0]`), or an `nltk.PCFG`, whose probabilities are exact.

        With `drop_unreachable`, rules that the start symbol does not lead to are left out. Raises SynthgenError with
        what is wrong.
        """
        return cls.checked(formats.read_nltk(grammar, drop_unreachable), "nltk grammar")

    def to_nltk(self) -> Any:
        """Return the grammar as an `nltk.PCFG`; symbols are called by their names, terminals are strings."""
        return formats.to_nltk(self)

    @classmethod
    def from_names(
        cls,
        name: str,
        root: str,
        rules: Mapping[str, Sequence[tuple[Sequence[str], int]]],
        terminals: Sequence[str] | None = None,
        origin: str = "",
        drop_unreachable: bool = False,
    ) -> Grammar:
        """Number a grammar given by symbol names, and check it: `rules` maps a symbol to (children, weight) pairs.

        Without `terminals`, every symbol that has no rules is one. With `drop_unreachable`, symbols that the root does
        not lead to are left out.
        """
        numbered = Rules.from_names(name, root, rules, terminals, origin, drop_unreachable)
        return cls.checked(numbered, origin or name)

    @classmethod
    def checked(cls, rules: Rules, origin: str) -> Grammar:
        """Return the grammar of some rules. Raises SynthgenError as `check` does; `origin` says where they are from."""
        grammar = cls(**{field.name: getattr(rules, field.name) for field in fields(Rules)})
        grammar.check(origin)
        return grammar

    def check(self, origin: str) -> None:
        """Raise SynthgenError for too many or useless symbols, equal rules, unit cycles and endless strings."""
        if len(self.rules) > MOST_SYMBOLS:
            raise SynthgenError(
                f"{origin}: {len(self.rules):,} symbols have rules; at most {MOST_SYMBOLS:,} are handled"
            )
        unreachable = set(self.rules) - self.reachable
        if unreachable:
            raise SynthgenError(
                f"{origin}: {self.listed(unreachable)} cannot be reached from the root; remove the rules, or say "
                "drop_unreachable = true"
            )
        unproductive = set(self.rules) - self.productive
        if unproductive:
            raise SynthgenError(f"{origin}: {self.listed(unproductive)} never ends in terminals; add a rule that does")
        for symbol, rules in self.rules.items():
            if len({rule.children for rule in rules}) < len(rules):
                raise SynthgenError(f"{origin}: {self.symbol(symbol)} has the same right-hand side twice; use a weight")
        try:
            _ = self.unit_order
        except SynthgenError as error:
            raise SynthgenError(f"{origin}: {error}") from None
        if self.recursive:
            moments.mean_matrix(self)
        if not math.isfinite(self.expected_length):
            raise SynthgenError(f"{origin}: strings are expected to have more than 10^308 tokens; take rules out")
        _ = self.chart

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
    def long_tail(self) -> tuple[int, float, float]:
        """What the long strings of a recursive grammar hold, at most: see `moments.long_tail`."""
        return moments.long_tail(self, self.length_law)

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
        if self.proof is not None or self.levels is None:
            return bool(self.proof)  # no proof is sought without levels, and noise's chart would take half a minute
        drawn = self.sampled(new_state(), Keys(0).split("witnesses"), WITNESSES)
        return not any(self.parses(ids) > 1 for ids, _ in drawn) and ambiguity.proved_unambiguous(self)

    @property
    def perturbed(self) -> bool:
        """Whether it is a grammar of noisy rows."""
        return CORRUPTION in self.books.values()

    # -- its strings --------------------------------------------------------------------------------------------------

    @functools.cached_property
    def tables(self) -> Tables:
        """The grammar as arrays for the sampler."""
        return Tables.of(self)

    @functools.cached_property
    def _even(self) -> EvenRules | None:
        return EvenRules.of(self)

    def drawn(self, state: np.record, key: np.ndarray, start: int, stop: int) -> Drawn:
        """Return the strings [start, stop) under `key`, with their derivations."""
        return sample_rows(state, key, start, stop, self, self.tables, self.expected_length, self._even)

    def sample(self, n: int, seed: int = 0) -> list[list[int]]:
        """Return n strings."""
        return [ids.tolist() for ids, _ in self.sampled(new_state(), Keys(seed).split("sample"), n)]

    def sampled(self, state: np.record, key: np.ndarray, stop: int, first: int = 0) -> Iterator[tuple[np.ndarray, int]]:
        """Yield the strings [first, stop) under `key`, each with the bits of its derivation in ledger units."""
        for start in range(first, stop, 1000):
            drawn = self.drawn(state, key, start, min(start + 1000, stop))
            edges = [0, *drawn.id_ends.tolist()]
            for i, units in enumerate(drawn.units.sum(axis=1).tolist()):
                yield drawn.ids[edges[i] : edges[i + 1]], units

    @functools.cached_property
    def _recognizer(self) -> Recognizer:
        return Recognizer(self.chart.rules)

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
    def _inside(self) -> InsideRules | None:
        """What reads whole strings of noisy rows ten times as fast as the chart; None where the chart is the faster."""
        if not self.perturbed or self.recursive:
            return None
        order = [a for a in self.order if a in self.reachable]
        expansions = {a: [(p, rule.children) for p, rule in self.expand(a)] for a in order}
        a_token = self.derivation_entropy / self.expected_length
        return inside_rules(self.root, order, expansions, self.terminals, a_token)

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
            return self.first_error(ids) is None
        except ValueError:
            return False

    def parses(self, ids: Any) -> int:
        """Return how many derivations make these tokens; exact."""
        return self.chart.parses(self._read(ids))

    def log2_probability(self, ids: Any) -> float:
        """Return log2 of the probability of a string, all its derivations together; -inf outside the language."""
        tokens, longest = self._read(ids), self.lengths[1]
        if longest is not None and tokens.size > longest:
            return -math.inf
        if self._inside is not None and tokens.size and (tokens >= 0).all():
            bits = log2_inside(self._inside, tokens)
            if not math.isnan(bits):
                return bits
        given, _ = self.chart.conditionals(tokens)
        return float(np.log2(given).sum()) if given[-1] > 0 else -math.inf

    def surprisals(self, ids: Any) -> np.ndarray:
        """Return the bits of each token behind those before it, and of the end of the string, (len + 1,).

        All derivations together; inf from the first token on that no string has there.
        """
        given, _ = self.chart.conditionals(self._read(ids))
        with np.errstate(divide="ignore"):
            return np.maximum(-np.log2(given), 0.0)

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
        tokens, longest = self._read(ids), self.lengths[1]
        if longest is not None:
            tokens = tokens[: longest + 1]  # behind the longest string stands an error, whatever is read further on
        if not self.proof and self._recognizer.fits(tokens.size):  # else the chart holds less, and is faster
            reached, whole = self._recognizer.read(tokens)
            return None if whole else reached
        given, reached = self.chart.conditionals(tokens)
        return None if given[-1] > 0 else reached


@functools.cache
def _published() -> dict[str, Any]:
    return read_json(PUBLISHED)


@functools.cache
def _of_paper(name: str) -> Grammar:
    """Return a published grammar; one for all, as it never changes and knows much when it was asked for much."""
    table = _published()[name]
    rules = {int(s): tuple(Rule(tuple(c)) for c in children) for s, children in table["rules"].items()}
    return Grammar(name, table["root"], rules, proof=table["unambiguous"])
