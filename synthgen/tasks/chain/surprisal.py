"""What may come next in a row of chains: lines of two chains of unknown lengths in mixed order, then the steps of one.

Lines that have been stated hang together in *pieces*, each a part of one chain: one that begins with a bare value is
the beginning of its chain, any other begins with a name whose own line is still to come. A reader weighs the lengths of
both chains by the number of ways to place the pieces there; names, numbers and signs that are new are all alike. In the
solution all is known but what is taken back.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from synthgen.tasks.chain.reading import ParsedChain
from synthgen.tasks.chain.symbols import AS, ASK, BACK, DEFINE, FIRST_VALUE, IS, SIGNS, STOP

MOST_LINES = 40
"""Lines of both chains together, at most, whose lengths are weighed."""

Lengths = tuple[int, ...]


@dataclass(frozen=True)
class ChainLaw:
    """The law of rows: how long both chains may be, how many names and values there are, and what is taken back."""

    steps: tuple[int, int]
    others: tuple[int, int]
    names: int
    modulus: int
    rate: float
    kind: str
    next_counts: bool

    @functools.cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """The lengths that both chains may have, all alike."""
        (least, most), (fewest, greatest) = self.steps, self.others
        return [(a, b) for a in range(least, most + 1) for b in range(fewest, greatest + 1)]

    @functools.lru_cache(maxsize=1 << 16)  # noqa: B019
    def chance(self, begun: Lengths, loose: Lengths, whole: bool = False, asked: int = -1) -> Fraction:
        """Return the chance that the first lines of a row are some that hang together so, in their order.

        begun, loose: names in pieces that begin with a bare value, and in those that do not; whole: whether no line is
        to follow; asked: which of the `begun` is the whole chain that is asked for (-1: any). Numbers and signs, which
        are all alike, are left out.
        """
        named = sum(begun) + sum(loose)
        lines = named - len(loose)  # the first name of a loose piece has no line yet
        parts = {
            (0, 0): 1
        }  # ways to take some of the loose pieces for the first chain, by their number and their names
        for length in loose:
            for (number, size), ways in list(parts.items()):
                key = number + 1, size + length
                parts[key] = parts.get(key, 0) + ways
        total = Fraction(0)
        for a, b in self.shapes:
            n = a + b
            if n < named or (whole and n > lines):
                continue
            ways = 0
            for first, second in _two_chains(begun, asked):
                for (number, size), taken in parts.items():
                    here = _placings(number, a - first - size)
                    there = _placings(len(loose) - number, b - second - sum(loose) + size)
                    ways += taken * here * there
            total += Fraction(ways, math.perm(n, lines))
        return total / (len(self.shapes) * math.perm(self.names, named))


def _two_chains(begun: Lengths, asked: int) -> list[tuple[int, int]]:
    """Return the lengths of the pieces that may begin the first chain, which is asked for, and the other."""
    if len(begun) > 2:
        return []
    first, second = [*begun, 0, 0][:2]
    ways = [(first, second), (second, first)] if begun else [(0, 0)]
    return ways if asked < 0 else ways[asked : asked + 1]


def _placings(pieces: int, free: int) -> int:
    """Return in how many ways different pieces can stand in a line with so many places of no piece between them."""
    return math.perm(pieces + free, pieces) if free >= 0 else 0


class Pieces:
    """The lines so far: which names hang together, in order."""

    def __init__(self, law: ChainLaw) -> None:
        self._law = law
        self.lines: dict[int, int | None] = {}  # what each line needs
        self._pieces: list[list[int]] = []

    def _with(self, name: int, need: int | None) -> list[list[int]] | None:
        """Return the pieces with one line more; None where that cannot be."""
        behind = next((piece for piece in self._pieces if name in piece), [name])
        if name in self.lines or name == need or behind[0] != name:
            return None
        before = next((piece for piece in self._pieces if need in piece), [] if need is None else [need])
        if before is behind or (before and before[-1] != need):
            return None
        return [piece for piece in self._pieces if piece is not behind and piece is not before] + [before + behind]

    def _chance(self, pieces: list[list[int]], lines: Mapping[int, int | None], query: int | None = None) -> Fraction:
        begun = [piece for piece in pieces if piece[0] in lines]
        loose = sorted(len(piece) for piece in pieces if piece[0] not in lines)
        if query is None:
            return self._law.chance(tuple(sorted(map(len, begun))), tuple(loose))
        asked = next((i for i, piece in enumerate(begun) if piece[-1] == query), -1)
        return self._law.chance(tuple(map(len, begun)), (), True, asked) if asked >= 0 and not loose else Fraction(0)

    def chance(self) -> Fraction:
        """Return the chance of the lines so far."""
        return self._chance(self._pieces, self.lines)

    def chance_with(self, name: int, need: int | None) -> Fraction:
        """Return the chance of the lines so far and one more."""
        pieces = self._with(name, need)
        return self._chance(pieces, {**self.lines, name: need}) if pieces else Fraction(0)

    def chance_of(self, name: int) -> Fraction:
        """Return the chance of the lines so far and one more about `name`, whatever it needs."""
        known = {piece[-1] for piece in self._pieces}
        fresh = self._law.names - len({other for piece in self._pieces for other in piece} | {name})
        total = self.chance_with(name, None) + sum(self.chance_with(name, need) for need in known)
        return total + (fresh * self.chance_with(name, -1) if fresh else 0)

    def chance_asked(self, query: int | None = None) -> Fraction:
        """Return the chance that these are all lines, and that the last name of one chain is asked for, or any."""
        whole = [piece for piece in self._pieces if piece[0] in self.lines]
        ends = [piece[-1] for piece in whole] if query is None else [query]
        return sum((self._chance(self._pieces, self.lines, end) for end in ends), Fraction(0))

    def add(self, name: int, need: int | None) -> None:
        """Take in a line that can be."""
        self._pieces = self._with(name, need) or []
        self.lines[name] = need


class Row:
    """A row, read token by token, with the bits of what it says."""

    def __init__(self, said: Sequence[int]) -> None:
        self.said, self.at, self.bits = said, 0, np.full(len(said) + 1, np.inf)

    @property
    def ahead(self) -> int:
        """The next token; -1 at the end."""
        return self.said[self.at] if self.at < len(self.said) else -1

    def say(self, chance: Fraction | float, given: Fraction | float = 1.0) -> bool:
        """Book the next token by the chance of all that ends with it, where all before it has `given`."""
        if self.ahead < 0 or not chance:
            return False
        self.bits[self.at] = max(0.0, _log2(given) - _log2(chance))
        self.at += 1
        return True

    def mark(self, symbols: Collection[int]) -> int:
        """Book the next token if it is one of some that are all alike; return it, -1 where it is none of them."""
        token = self.ahead
        return token if token in symbols and self.say(1 / len(symbols)) else -1

    def end(self) -> None:
        """Say that the row ends here."""
        self.bits[-1] = 0.0 if self.at == len(self.said) else np.inf


def _log2(chance: Fraction | float) -> float:
    if isinstance(chance, Fraction):
        return math.log2(chance.numerator) - math.log2(chance.denominator)
    return math.log2(chance)


def row_surprisals(said: Sequence[int], law: ChainLaw) -> np.ndarray:
    """Return the bits of each token of a row and of its end, (tokens + 1,); inf from the first impossible one on."""
    row = Row(said)
    problem = _read_problem(row, law)
    if problem and all(_read_step(row, law, *step) for step in _steps(problem, law)):
        row.end()
    return row.bits


def _read_problem(row: Row, law: ChainLaw) -> ParsedChain | None:
    """Read the lines and what is asked; return None where they become none."""
    problem, pieces, before = ParsedChain(), Pieces(law), Fraction(1)
    values, border = range(FIRST_VALUE, FIRST_VALUE + law.modulus), FIRST_VALUE + law.modulus
    names = range(border, border + law.names)
    while row.ahead in names:
        name = row.ahead
        of_name = pieces.chance_of(name)
        if not row.say(of_name, before) or row.mark([IS]) < 0:
            return None
        need, sign = (row.ahead, 0) if row.ahead in names else (None, 0)
        before = pieces.chance_with(name, need)
        if need is None:
            number = row.ahead
            if number not in values or not row.say(before, of_name * law.modulus):
                return None
        else:
            if not row.say(before, of_name):
                return None
            sign, number = row.mark(SIGNS), row.mark(values)
        if sign < 0 or number < 0 or row.mark([STOP]) < 0:
            return None
        problem.lines[name] = need, sign, number - FIRST_VALUE
        pieces.add(name, need)
    whole = pieces.chance_asked()
    if row.ahead != ASK or not row.say(whole, before):
        return None
    problem.query = row.ahead
    return problem if row.say(pieces.chance_asked(problem.query), whole) else None


def _steps(problem: ParsedChain, law: ChainLaw) -> Iterator[tuple[int, int, set[int]]]:
    """Give the name and the value of each step, and the names that are a mistake before it."""
    chain, known = problem.chain(), dict[int, int]()
    problem.sentences = [(name, 0) for name in chain]  # what is a mistake does not depend on values
    mistakes = problem.mistakes(law.kind, law.next_counts)
    for name in chain:
        known[name] = problem.value(name, known, law.modulus)
        yield name, FIRST_VALUE + known[name], mistakes.all()
        mistakes.go_on()


def _read_step(row: Row, law: ChainLaw, right: int, value: int, wrong: set[int]) -> bool:
    """Read what is taken back before a step, and the step; say whether there is one."""
    while True:
        retry = law.rate if wrong else 0.0
        if row.mark([DEFINE]) < 0:
            return False
        name = row.ahead
        back, on = retry / len(wrong) if name in wrong else 0.0, (1 - retry) * (name == right)
        if not row.say(back + on) or row.mark([AS]) < 0:
            return False
        if row.ahead != BACK or not back:
            return row.say(on * (row.ahead == value), back + on) and row.mark([STOP]) >= 0
        row.say(back, back + on)
        if row.mark([STOP]) < 0:
            return False
        wrong = wrong - {name}
