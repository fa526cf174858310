"""Reading and judging chains, from their tokens alone. Shares nothing with what wrote them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synthgen.task.ids import WrongKind, ids_of
from synthgen.task.judging import NUMBER, Final
from synthgen.task.kit.equations import FIELD, Quantities, judged_equations, point
from synthgen.task.verdict import Verdict
from synthgen.tasks.chain.symbols import ADD, AS, ASK, BACK, DEFINE, FIRST_VALUE, IS, SENTENCE, SIGNS, STOP, SUBTRACT


@dataclass
class ParsedChain:
    """What tokens say: each line's (needed name or None, sign, number), the query, the sentences of the solution."""

    lines: dict[int, tuple[int | None, int, int]] = field(default_factory=dict)
    query: int = 0
    prompt: int = 0  # tokens
    sentences: list[tuple[int, int | None]] = field(default_factory=list)  # name, value (None: taken back)

    def chain(self) -> list[int]:
        """Return the names that the query needs, in the order they can be computed. Raises ValueError for a circle."""
        names = {self.query: None}
        name = self.query
        while (other := self.lines[name][0]) is not None:
            if other not in self.lines or other in names:
                raise ValueError("a line needs what no line defines, or itself")
            names[other], name = None, other
        return list(names)[::-1]

    def value(self, name: int, known: dict[int, int], modulus: int) -> int:
        """Return the value of a name whose need is known."""
        other, sign, number = self.lines[name]
        if other is None:
            return number
        a = known[other]
        return (a + number if sign == ADD else a - number if sign == SUBTRACT else a * number) % modulus

    def places(self) -> list[list[int]]:
        """Return, for each right sentence, the names taken back before it; behind them those taken back at the end."""
        places: list[list[int]] = [[]]
        for name, value in self.sentences:
            if value is None:
                places[-1].append(name)
            else:
                places.append([])
        return places

    def mistakes(self, kind: str, next_counts: bool) -> Mistakes:
        """Return what would be a mistake before the first right sentence; tell it of each right one that follows."""
        return Mistakes(self, kind, next_counts)


class Mistakes:
    """Which names would be a mistake at one place of a solution, asked one by one, so that long answers cost little."""

    def __init__(self, reading: ParsedChain, kind: str, next_counts: bool) -> None:
        self._lines, self._kind, self._next_counts = reading.lines, kind, next_counts
        self._right = [name for name, value in reading.sentences if value is not None]
        self._last = {name: place for place, name in enumerate(self._right)}
        self._defined: set[int] = set()
        self._place = 0

    def __contains__(self, name: int) -> bool:
        if self._kind == "weak":
            return self._last.get(name, -1) >= self._place + (not self._next_counts)
        if name not in self._lines or name in self._defined:
            return False
        need = self._lines[name][0]
        return self._kind == "miss" or (need is not None and need not in self._defined)

    def all(self) -> set[int]:
        """Return all names that would be mistakes here."""
        return {name for name in (self._right if self._kind == "weak" else self._lines) if name in self}

    def go_on(self) -> None:
        """Pass the right sentence behind this place."""
        self._defined.add(self._right[self._place])
        self._place += 1


def read(ids: Any, modulus: int, names: int, solved: bool = True) -> ParsedChain:
    """Return what a row of token ids says. Raises ValueError for what is no chain, with a solution if `solved`."""
    try:
        ids = ids_of(ids)
    except WrongKind as error:
        raise ValueError(f"not a list of token ids: {error}") from None
    border, size = FIRST_VALUE + modulus, FIRST_VALUE + modulus + names
    if not all(0 <= token_id < size for token_id in ids):
        raise ValueError("a token is not in the vocabulary")
    reading, at = ParsedChain(), 0

    def expect(good: bool, what: str) -> None:
        if not good:
            raise ValueError(f"token {at}: {what} should stand here")

    def is_name(k: int) -> bool:
        return k < len(ids) and ids[k] >= border

    def is_value(k: int) -> bool:
        return k < len(ids) and FIRST_VALUE <= ids[k] < border

    while is_name(at):
        name = ids[at]
        expect(name not in reading.lines and at + 3 < len(ids) and ids[at + 1] == IS, "a new name and :=")
        need, sign = None, 0
        at += 2
        if is_name(at):
            need, sign = ids[at], ids[at + 1] if at + 1 < len(ids) else 0
            expect(sign in SIGNS, "a name and a sign")
            at += 2
        expect(is_value(at) and at + 1 < len(ids) and ids[at + 1] == STOP, "a value and ;")
        reading.lines[name] = (need, sign, ids[at] - FIRST_VALUE)
        at += 2
    expect(at + 1 < len(ids) and ids[at] == ASK and ids[at + 1] in reading.lines, "? and a name that is defined")
    reading.query, reading.prompt = ids[at + 1], at + 2
    at += 2
    expect(len(ids) > at or not solved, "a solution")
    while at < len(ids):
        sentence = ids[at : at + SENTENCE]
        expect(
            len(sentence) == SENTENCE and (sentence[0], sentence[2], sentence[4]) == (DEFINE, AS, STOP),
            "define NAME as VALUE ;",
        )
        expect(is_name(at + 1) and (sentence[3] == BACK or is_value(at + 3)), "define NAME as VALUE ;")
        reading.sentences.append((sentence[1], None if sentence[3] == BACK else sentence[3] - FIRST_VALUE))
        at += SENTENCE
    return reading


def fault_of(reading: ParsedChain, modulus: int) -> tuple[int, str] | None:
    """Return the first wrong sentence of a solution and why; None where what is not taken back is right."""
    reading.chain()
    known: dict[int, int] = {}
    last = None
    for place, (name, value) in enumerate(reading.sentences):
        last = None
        if value is None:
            continue
        if name not in reading.lines:
            return place, "unknown: no line defines this name"
        if name in known:
            return place, "redefinition: this name is known already"
        need = reading.lines[name][0]
        if need is not None and need not in known:
            return place, "not ready: what this name needs is not known yet"
        if value != (right := reading.value(name, known, modulus)):
            return place, f"wrong arithmetic: {value}, but it is {right}"
        known[name] = value
        last = name
    if last != reading.query:
        return len(reading.sentences) - 1, "wrong target: the last sentence does not define what is asked"
    return None


def final_of(prompt: Any, modulus: int, names: int, symbols: Mapping[int, str]) -> Final:
    """Return what answers a prompt: the value of its query. Raises ValueError for what is no prompt."""
    reading = read(prompt, modulus, names, solved=False)
    chain, values = reading.chain(), dict[int, int]()
    waiting = dict(reading.lines)
    while ready := [name for name, (need, _, _) in waiting.items() if need is None or need in values]:
        for name in ready:
            values[name] = reading.value(name, values, modulus)
            del waiting[name]
    right = values[reading.query]
    numbers = {symbols[name]: name for name in reading.lines}

    def calculation(name: Any) -> int:
        need, sign, number = reading.lines[numbers[name]]
        if need is None:
            return number
        a = point(symbols[need])
        return (a + number if sign == ADD else a - number if sign == SUBTRACT else a * number) % FIELD

    named = {symbols[name]: value for name, value in values.items()}
    facts = Quantities(re.compile(r"\bx[0-9]{1,6}\b"), lambda match: match[0], named, calculation, modulus)
    needed = {symbols[name] for name in chain}

    def judge(said: str) -> Verdict:
        if int(said) == right:
            return Verdict.right()
        return Verdict.wrong(f"wrong answer: {said[:40]}, it is {right}", 0)

    return Final(NUMBER, judge, steps=lambda text: judged_equations(text, facts, needed))
