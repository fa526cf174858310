"""Grammars from files: our TOML, and nltk's PCFG text, both ways."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from synthgen.errors import SynthgenError, nearest
from synthgen.exact.ratios import whole
from synthgen.task import foreign
from synthgen.tasks.cfg.rules import MAX_WEIGHT, Rules

MAX_DENOMINATOR = 10**9
"""A probability of an nltk grammar is a fraction with at most this denominator, if there is one of the same double."""

ROUNDING = 1e-5
"""How far from 1 the sum of a symbol's probabilities may be: nltk prints six digits, which is off by up to 5e-6."""

MAX_PRINTED = 1000
"""Six digits show which fraction is meant, up to this denominator: two such are 1e-6 apart or more."""

PRINTED = re.compile(r"\s*Grammar with \d+ productions \(start state = (.+)\)\s*\n")
"""The line that nltk prints before a grammar's rules, and does not read."""

SCIENTIFIC = re.compile(r"""("[^"]*"|'[^']*')|\[\s*([0-9.]+e[+-]?[0-9]{1,3})\s*\]""", re.IGNORECASE)
"""A word in quotes, or else a probability that nltk prints so (8.5e-06) and does not read."""


def read_toml(path: Path) -> Rules:
    """Read a grammar file: `root`, and under `[rules]` each symbol's right-hand sides.

        root = "S"
        terminals = ["x", "y"]              # optional: then any other symbol without rules is an error
        drop_unreachable = true             # optional: rules that the root does not lead to are left out, no error
        [rules]
        S = [["A", "B"], ["B", "A", "B"]]
        A = [{ to = ["x", "y"], weight = 3 }, { to = ["y"], weight = 1 }]
        B = [["x"]]

    Terminals are numbered 1, 2, ... in order of appearance; where all symbols are integers, the numbers stay.
    """
    table = foreign.read_toml(path)
    known = ("root", "terminals", "drop_unreachable", "rules")
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
    if terminals is not None and not (isinstance(terminals, list) and all(map(_is_symbol, terminals))):
        raise SynthgenError(f"{path}: terminals = {terminals!r}: give a list of symbols")
    if not _is_symbol(table["root"]):
        raise SynthgenError(f"{path}: root = {table['root']!r}: name the start symbol")
    drop = table.get("drop_unreachable", False)
    if not isinstance(drop, bool):
        raise SynthgenError(f"{path}: drop_unreachable = {drop!r}: say true or false")
    named = None if terminals is None else [str(t) for t in terminals]
    return Rules.from_names(path.stem, str(table["root"]), rules, named, str(path), drop)


def _is_symbol(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _read_rule(rule: Any, where: str) -> tuple[list[str], int]:
    children, weight = rule, 1
    if isinstance(rule, dict):
        unknown = [key for key in rule if key not in ("to", "weight")]
        if unknown:
            raise SynthgenError(f"{where}: unknown key {unknown[0]!r}{nearest(unknown[0], ['to', 'weight'])}")
        children, weight = rule.get("to"), rule.get("weight", 1)
    if not isinstance(children, list) or not children or not all(map(_is_symbol, children)):
        raise SynthgenError(f'{where}: a right-hand side is a list of symbols, like ["A", "B"]; not {children!r}')
    if not isinstance(weight, int) or isinstance(weight, bool) or not 0 < weight < 2**31:
        raise SynthgenError(f"{where}: weight = {weight!r}: weights are integers from 1 to 2^31")
    return [str(child) for child in children], weight


def read_nltk(grammar: Any, drop_unreachable: bool = False) -> Rules:
    """Read an `nltk.PCFG`, or its text as people write it and as nltk prints it.

    A symbol's probabilities become whole weights. They may be any doubles that sum to 1 (to 1e-5); what rounding has
    taken from them or added is evened out.
    """
    nltk = _nltk()
    if isinstance(grammar, str):
        grammar = grammar.removeprefix("\ufeff")
    elif not isinstance(grammar, nltk.PCFG):
        raise SynthgenError(f"a grammar of nltk is an nltk.PCFG or its text, not {type(grammar).__name__}")
    parsed = _parsed(grammar) if isinstance(grammar, str) else grammar
    head = PRINTED.match(grammar) if isinstance(grammar, str) else None
    start = head[1] if head else str(parsed.start())
    shares: dict[str, list[tuple[list[str], float]]] = {}
    for production in parsed.productions():
        if not production.rhs():
            raise SynthgenError(f"rule {production}: empty right-hand sides are not allowed")
        if not production.prob() > 0:
            raise SynthgenError(f"rule {production}: a probability must be above 0")
        strange = [child for child in production.rhs() if not isinstance(child, str | nltk.Nonterminal)]
        if strange:
            raise SynthgenError(f"rule {production}: the word {strange[0]!r} is no text; write it as one")
        children = [str(child) for child in production.rhs()]
        shares.setdefault(str(production.lhs()), []).append((children, float(production.prob())))
    rules = {}
    for symbol, options in shares.items():
        try:
            weights = _weights([share for _, share in options])
        except ValueError as error:
            raise SynthgenError(f"the probabilities of {symbol} {error}") from None
        rules[symbol] = [(children, weight) for (children, _), weight in zip(options, weights, strict=True)]
    words = {str(child) for production in parsed.productions() for child in production.rhs() if isinstance(child, str)}
    clash = sorted(words & set(rules))
    if clash:
        raise SynthgenError(f"{clash[0]!r} is both a symbol and a word; name one of them otherwise")
    return Rules.from_names("nltk", start, rules, sorted(words), "nltk grammar", drop_unreachable)


def _nltk() -> Any:
    try:
        import nltk
    except ModuleNotFoundError:
        raise SynthgenError("grammars of nltk need nltk: pip install nltk; or write them as a .toml file") from None
    return nltk


def _parsed(text: str) -> Any:
    """Return a grammar's text as an `nltk.PCFG`."""

    def decimal(match: re.Match[str]) -> str:
        return match[1] or f"[{Decimal(match[2]):f}]"

    try:
        return _nltk().PCFG.fromstring(SCIENTIFIC.sub(decimal, PRINTED.sub("", text, count=1)))
    except (ValueError, ArithmeticError) as error:
        raise SynthgenError(f"not a grammar in nltk's PCFG format: {error}") from None


def _weights(shares: Sequence[float]) -> Sequence[int]:
    """Return probabilities as whole weights. Raises ValueError that says what is wrong with them."""
    total = sum(map(Fraction, shares), Fraction(0))
    if abs(float(total) - 1) > ROUNDING:
        raise ValueError(f"sum to {float(total)}, not to 1")
    printed = [f"{share:.6g}" for share in shares]
    if all(float(text) == share for text, share in zip(printed, shares, strict=True)) and any(
        len(text.partition("e")[0].lstrip("0.").replace(".", "")) == 6 for text in printed
    ):
        for of in range(1, MAX_PRINTED + 1):
            counts = [round(share * of) for share in shares]
            if sum(counts) == of and all(f"{n / of:.6g}" == text for n, text in zip(counts, printed, strict=True)):
                return whole(counts)
    ratios = [Fraction(share).limit_denominator(MAX_DENOMINATOR) for share in shares]
    common = 1
    for ratio in ratios:
        common = math.lcm(common, ratio.denominator) if common <= MAX_WEIGHT else common  # else thousands of digits
    if common <= MAX_WEIGHT and all(float(ratio) == share for ratio, share in zip(ratios, shares, strict=True)):
        return whole(ratios)
    weights = tuple(round(Fraction(share) / total * MAX_WEIGHT) for share in shares)
    if not all(weights):
        raise ValueError(f"reach down to {min(shares)}; at least 2^-62 can be drawn: leave that rule out")
    return weights


def to_nltk(grammar: Rules) -> Any:
    """Return a grammar as an `nltk.PCFG` with the same probabilities; the root's rules come first, as nltk wants it."""
    nltk = _nltk()
    from nltk.grammar import Nonterminal, ProbabilisticProduction

    def symbol(number: int) -> Any:
        name = grammar.symbol(number)
        return Nonterminal(name) if number in grammar.rules else name

    productions = [
        ProbabilisticProduction(symbol(a), [symbol(c) for c in rule.children], prob=p)
        for a in sorted(grammar.rules, key=lambda a: a != grammar.root)
        for p, rule in grammar.expand(a)
    ]
    return nltk.PCFG(symbol(grammar.root), productions)
