"""Grammars from files: our TOML, and nltk's PCFG text, both ways."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

from synthgen.errors import SynthgenError, nearest
from synthgen.task import foreign
from synthgen.tasks.cfg.rules import Rules

MAX_DENOMINATOR = 10**9
"""Decimal probabilities of an nltk grammar are taken as fractions with at most this denominator."""


def read_toml(path: Path) -> Rules:
    """Read a grammar file: `root`, and under `[rules]` each symbol's right-hand sides.

        root = "S"
        terminals = ["x", "y"]              # optional: then any other symbol without rules is an error
        [rules]
        S = [["A", "B"], ["B", "A", "B"]]
        A = [{ to = ["x", "y"], weight = 3 }, { to = ["y"], weight = 1 }]
        B = [["x"]]

    Terminals are numbered 1, 2, ... in order of appearance; where all symbols are integers, the numbers stay.
    """
    table = foreign.read_toml(path)
    known = ("root", "terminals", "rules")
    for key in table:
        if key not in known:
            raise SynthgenError(f"{path}: unknown key {key!r}{nearest(key, known)}")
    if not isinstance(table.get("rules"), dict) or not table["rules"]:
        raise SynthgenError(f"{path}: [rules] is missing; give each symbol its right-hand sides")
    rules: dict[str, list[tuple[list[str], int]]] = {}
    for symbol, options in table["rules"].items():
        if not isinstance(options, list) or not options:
            raise SynthgenError(f"{path}: rules.{symbol}: give a list of right-hand sides")
        rules[symbol] = [_read_rule(rule, f"{path}: rules.{symbol}[{i}]") for i, rule in enumerate(options)]
    if "root" not in table:
        raise SynthgenError(f"{path}: 'root' is missing; name the start symbol")
    terminals = table.get("terminals")
    if terminals is not None and not (isinstance(terminals, list) and all(isinstance(t, str | int) for t in terminals)):
        raise SynthgenError(f"{path}: terminals = {terminals!r}: give a list of symbols")
    named = None if terminals is None else [str(t) for t in terminals]
    return Rules.from_names(path.stem, str(table["root"]), rules, named, str(path))


def _read_rule(rule: Any, where: str) -> tuple[list[str], int]:
    children, weight = rule, 1
    if isinstance(rule, dict):
        unknown = [key for key in rule if key not in ("to", "weight")]
        if unknown:
            raise SynthgenError(f"{where}: unknown key {unknown[0]!r}{nearest(unknown[0], ['to', 'weight'])}")
        children, weight = rule.get("to"), rule.get("weight", 1)
    if not isinstance(children, list) or not children or not all(isinstance(c, str | int) for c in children):
        raise SynthgenError(f'{where}: a right-hand side is a list of symbols, like ["A", "B"]; not {children!r}')
    if not isinstance(weight, int) or isinstance(weight, bool) or not 0 < weight < 2**31:
        raise SynthgenError(f"{where}: weight = {weight!r}: weights are integers from 1 to 2^31")
    return [str(child) for child in children], weight


def read_nltk(text: str) -> Rules:
    """Read nltk's PCFG format. A symbol's probabilities must sum to 1 (to 1e-6, for decimals); they become weights."""
    import nltk

    try:
        parsed = nltk.PCFG.fromstring(text)
    except ValueError as error:
        raise SynthgenError(f"not a grammar in nltk's PCFG format: {error}") from None
    shares: dict[str, list[tuple[list[str], Fraction]]] = {}
    for production in parsed.productions():
        if not production.rhs():
            raise SynthgenError(f"rule {production}: empty right-hand sides are not allowed")
        children = [str(child) for child in production.rhs()]
        share = Fraction(production.prob()).limit_denominator(MAX_DENOMINATOR)
        if share <= 0:
            raise SynthgenError(f"rule {production}: a probability must be above 0")
        shares.setdefault(str(production.lhs()), []).append((children, share))
    rules = {}
    for symbol, options in shares.items():
        total = sum((share for _, share in options), Fraction(0))
        if abs(total - 1) > Fraction(1, 10**6):
            raise SynthgenError(f"the probabilities of {symbol} sum to {float(total)}, not to 1")
        common = math.lcm(*(share.denominator for _, share in options))
        rules[symbol] = [(children, int(share * common)) for children, share in options]
    words = {str(child) for production in parsed.productions() for child in production.rhs() if isinstance(child, str)}
    clash = sorted(words & set(rules))
    if clash:
        raise SynthgenError(f"{clash[0]!r} is both a symbol and a word; name one of them otherwise")
    return Rules.from_names("nltk", str(parsed.start()), rules, sorted(words), "nltk grammar")


def to_nltk(grammar: Rules) -> Any:
    """Return a grammar as an `nltk.PCFG` with the same probabilities."""
    import nltk
    from nltk.grammar import Nonterminal, ProbabilisticProduction

    def symbol(number: int) -> Any:
        name = grammar.symbol(number)
        return Nonterminal(name) if number in grammar.rules else name

    productions = [
        ProbabilisticProduction(symbol(a), [symbol(c) for c in rule.children], prob=p)
        for a in grammar.rules
        for p, rule in grammar.expand(a)
    ]
    return nltk.PCFG(symbol(grammar.root), productions)
