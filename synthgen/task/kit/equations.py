"""Solutions in any layout, read as equations: "Oak's Jay = 3 + Elm's Owl = 3 + 5 = 8", one to a line or to a clause.

Every equation is held against what the problem says of its quantity: each side must have its value, and a calculation
with names in it must be the problem's own, whatever its order and brackets. Where only numbers stand, they must come
out right. Talk without equations is passed over; an equation that cannot be read, or is denied, is a fault.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Hashable, Mapping, Set
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from synthgen.task.verdict import Verdict

FIELD = 2**61 - 1
"""Calculations are compared as polynomials, at one place modulo this prime: others that agree there are not met."""

Key = Hashable


@functools.lru_cache(maxsize=4096)
def point(key: Key) -> int:
    """Return the place of a quantity: a number that depends on nothing but the quantity."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest()) % FIELD


@dataclass(frozen=True)
class Quantities:
    """What a problem has: how texts name its quantities, and their values and calculations."""

    name: re.Pattern[str]
    key: Callable[[re.Match[str]], Key]
    """Of a name as it stands there; of a stranger whatever `values` has not."""
    values: Mapping[Any, int]
    calculation: Callable[[Key], int]
    """The calculation that the problem states, with every quantity at its `point`, modulo `FIELD`."""
    modulus: int
    letters: bool = False
    """Whether single letters may stand for quantities: "Define Oak's Jay as m", "Let m be ..."."""


class Term(NamedTuple):
    """A side of an equation: its value, what it is at the places of its quantities, and whether it has any."""

    value: int
    place: int
    named: bool


_CLAUSE = re.compile(r"[;\n]|,(?=\s|$)|[.!](?=\s|$)")
_STATED = re.compile(r"(?i)\s*(?:-+|(?:(?:directly|given|stated|known|in|by|from|the|problem|text)\b\s*)+)\s*")
_GIVEN = re.compile(r"\([^()=0-9]*\)")
_BULLET = re.compile(r"^[\s\-+#]*(?:\(?[0-9a-zA-Z]{1,4}[.)]\s+)?")
_TOKEN = re.compile(
    r"\s*(?:(?P<name>\ue000[0-9]+\ue001)|(?P<number>[0-9]+)|(?P<letter>[A-Z]?[a-z]\b|[A-Z]\b)|([-+*()]))"
)
_NAMED = re.compile("\ue000([0-9]+)\ue001")
_AFTER = re.compile(r"\s*(?:=|:|⇒|\bis\b|\bare\b|\bequals?\b|\bhas\b|\bto be\b)\s*")
_AS = re.compile(r"\s*as ([A-Z]?[a-z]|[A-Z])\s*$")
_LET = re.compile(r"(?i)\blet ([A-Z]?[a-z]|[A-Z]) (?:be|=|denote|stand for)(?: the number of)?(?: each)?\s*$")
_LETTER = re.compile(r"(?:(?:so|hence|then|thus|and|therefore|with)\s+)*([A-Z]?[a-z]|[A-Z])\s*=\s*", re.I)
_DENIED = re.compile(r"(?i)\b(?:not|never|no|neither|false|wrong)\b|n't\b")
_LEVEL = {"+": 1, "-": 1, "*": 2}
MOST_DIGITS = 1001


class Fault(Exception):
    """An equation that is wrong, or cannot be read; says why."""


@dataclass
class _Reading:
    """The state of reading one solution."""

    facts: Quantities
    keys: list[Key] = field(default_factory=list)  # of the names, by the number that stands for each in the text
    letters: dict[str, Key] = field(default_factory=dict)
    partial: dict[str, Term] = field(default_factory=dict)
    shown: set[Key] = field(default_factory=set)
    parts: list[dict[str, Any]] = field(default_factory=list)

    def clauses(self, text: str) -> list[str]:
        """Return the clauses of a text, with numbers between signs of our own in the place of names."""

        def numbered(match: re.Match[str]) -> str:
            self.keys.append(self.facts.key(match))
            return f"\ue000{len(self.keys) - 1}\ue001"

        lines: list[str] = []
        for line in self.facts.name.sub(numbered, text.replace('"', " ")).split("\n"):
            if lines and line.lstrip().startswith("="):
                lines[-1] += f" {line}"
            else:
                lines.append(line)
        return [_BULLET.sub("", _GIVEN.sub(" ", clause)).strip() for clause in _CLAUSE.split("\n".join(lines))]

    def define(self, clauses: list[str]) -> list[str]:
        """Note which letters stand for which quantities, and return the clauses without that."""
        if not self.facts.letters:
            return clauses
        rest = []
        for clause in clauses:
            name = _NAMED.search(clause)
            if name and (letter := _LET.search(clause[: name.start()]) or _AS.match(clause, name.end())):
                self.letters[letter[1]] = self.keys[int(name[1])]
                tail = clause[name.end() :]
                clause = f"{name[0]}{tail}" if "=" in tail else ""
            rest.append(clause)
        return rest

    def read(self, clause: str) -> None:
        """Hold a clause against the facts, if it is an equation. Raises Fault."""
        name, letter = _NAMED.search(clause), _LETTER.match(clause) if self.facts.letters else None
        if letter:
            self._equation(letter[1], self.letters.get(letter[1]), clause[letter.end() :], False)
        elif name and not re.search("[=+*]", clause[: name.start()]):
            after = _AFTER.match(clause, name.end())
            if after and _DENIED.search(clause):
                raise Fault(f"format: {self._said(clause)} denies what it says")
            if after:
                self._equation("", self.keys[int(name[1])], clause[after.end() :], "=" in after[0])
        elif "=" in clause and (sides := self._sides(clause)) is not None:
            self._check_equal(sides, clause)

    def _check_equal(self, sides: list[tuple[Term, int | None]], clause: str) -> None:
        if len({side.value for side, _ in sides}) > 1:
            raise Fault(f"wrong arithmetic: {self._said(clause)}")

    def _equation(self, letter: str, key: Key | None, text: str, certain: bool) -> None:
        """Hold what is said of a quantity, or of a letter, against the facts; `certain`: it is meant as an equation."""
        sides = self._sides(text)
        if sides is None:
            if certain and re.search("[0-9]", _NAMED.sub("", text)):
                raise Fault(f"format: {self._said(text)} cannot be read")
            return
        if key is None:
            self._check_equal(sides, text)
            self.partial[letter] = next((side for side, _ in sides if side.named), sides[0][0])
            return
        if key not in self.facts.values:
            raise Fault(f"unknown: the problem has no {_words(key)}")
        value, at = self.facts.values[key], point(key)
        for side, number in sides:
            if side.value != value % self._ring:
                raise Fault(f"wrong arithmetic: {_words(key)} is {value}, not what {self._said(text)} says")
            if side.named and side.place not in (at, self.facts.calculation(key)):
                raise Fault(f"wrong operand: {_words(key)} is computed otherwise")
            if number is not None:
                self.shown.add(key)
        self.parts.append({"step": len(self.parts), "parameter": key, "verdict": "ok"})

    @property
    def _ring(self) -> int:
        return self.facts.modulus or FIELD

    def _said(self, text: str) -> str:
        return repr(_NAMED.sub(lambda match: _words(self.keys[int(match[1])]), text)[:80])

    def _sides(self, text: str) -> list[tuple[Term, int | None]] | None:
        """Return the sides of an equation, each with its number if it is but one; None for what is no calculation.

        That something is given, as tables say, is no side.
        """
        sides = []
        for part in re.split("[=⇒]", text):
            if _STATED.fullmatch(part):
                continue
            tokens = self._tokens(part)
            if not tokens or (term := _term(tokens, self._ring)) is None:
                return None
            sides.append((term, int(part) if part.strip().isdecimal() else None))
        return sides or None

    def _quantity(self, key: Key) -> Term:
        return Term(self.facts.values[key] % self._ring, point(key), True)

    def _tokens(self, text: str) -> list[Term | str] | None:
        tokens: list[Term | str] = []
        at, text = 0, text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                return None
            at = match.end()
            if match["name"]:
                key = self.keys[int(match["name"][1:-1])]
                if key not in self.facts.values:
                    raise Fault(f"unknown: the problem has no {_words(key)}")
                tokens.append(self._quantity(key))
            elif match["number"]:
                if len(match["number"]) > MOST_DIGITS:
                    return None
                number = int(match["number"])
                tokens.append(Term(number % self._ring, number % FIELD, False))
            elif letter := match["letter"]:
                key = self.letters.get(letter)
                if key is not None and key in self.facts.values:
                    tokens.append(self._quantity(key))
                elif letter in self.partial:
                    tokens.append(self.partial[letter])
                else:
                    return None
            else:
                tokens.append(match[4])
        return tokens


def _term(tokens: list[Term | str], ring: int) -> Term | None:
    """Return what a calculation is, by the rules of precedence, its value modulo `ring`; None for what is none."""
    values: list[Term] = []
    signs: list[str] = []
    expected = True  # a value, not a sign

    def apply(level: int) -> None:
        while signs and signs[-1] != "(" and _LEVEL[signs[-1]] >= level:
            sign, b, a = signs.pop(), values.pop(), values.pop()
            value, place = (
                x + y if sign == "+" else x - y if sign == "-" else x * y
                for x, y in ((a.value, b.value), (a.place, b.place))
            )
            values.append(Term(value % ring, place % FIELD, a.named or b.named))

    for token in tokens:
        if isinstance(token, Term) or token == "(":
            if not expected:
                return None
            if isinstance(token, Term):
                values.append(token)
                expected = False
            else:
                signs.append(token)
        elif token == ")":
            apply(0)
            if expected or not signs:
                return None
            signs.pop()
        else:
            if expected:
                if token != "-" or (signs and signs[-1] != "("):
                    return None
                values.append(Term(0, 0, False))  # a sign before a number
            apply(_LEVEL[token])
            signs.append(token)
            expected = True
    if expected:
        return None
    apply(0)
    return None if signs else values[0]


def _words(key: Key) -> str:
    return "'s ".join(key) if isinstance(key, tuple) else str(key)


def judged_equations(text: str, facts: Quantities, needed: Set[Key]) -> Verdict:
    """Judge all equations of a text without markup: right if none is wrong, and every needed quantity has its value.

    `step` is the number of the first clause that is wrong. Takes steps by the text's length.
    """
    reading = _Reading(facts)
    for number, clause in enumerate(reading.define(reading.clauses(text))):
        try:
            reading.read(clause)
        except Fault as error:
            return Verdict.wrong(str(error), number, parts=reading.parts)
    if missing := needed - reading.shown:
        first = min(missing, key=repr)
        return Verdict.wrong(f"not ready: {_words(first)} is needed, and no step finds it", 0, parts=reading.parts)
    return Verdict.right(reading.parts)
