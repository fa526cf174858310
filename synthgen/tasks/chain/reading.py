"""Reading and judging chains, from their tokens alone. Shares nothing with what wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from synthgen.tasks.chain.symbols import ADD, AS, ASK, BACK, DEFINE, FIRST_VALUE, IS, SENTENCE, SIGNS, STOP, SUBTRACT

MAX_TOKENS = 1_000_000


@dataclass
class ParsedChain:
    """What tokens say: each line's (needed name or None, sign, number), the query, the sentences of the solution."""

    lines: dict[int, tuple[int | None, int, int]] = field(default_factory=dict)
    query: int = 0
    prompt: int = 0  # tokens
    sentences: list[tuple[int, int | None]] = field(default_factory=list)  # name, value (None: taken back)

    def chain(self) -> list[int]:
        """Return the names that the query needs, in the order they can be computed. Raises ValueError for a circle."""
        names = [self.query]
        while (other := self.lines[names[-1]][0]) is not None:
            if other not in self.lines or other in names:
                raise ValueError("a line needs what no line defines, or itself")
            names.append(other)
        return names[::-1]

    def value(self, name: int, known: dict[int, int], modulus: int) -> int:
        """Return the value of a name whose need is known."""
        other, sign, number = self.lines[name]
        if other is None:
            return number
        a = known[other]
        return (a + number if sign == ADD else a - number if sign == SUBTRACT else a * number) % modulus

    def mistakes(self, kind: str, next_counts: bool) -> list[tuple[list[int], set[int]]]:
        """Return, for each right sentence, the names taken back before it, and all that would be mistakes there."""
        right = [name for name, value in self.sentences if value is not None]
        defined: set[int] = set()
        wrong: list[int] = []
        places: list[tuple[list[int], set[int]]] = []
        for name, value in self.sentences:
            if value is None:
                wrong.append(name)
                continue
            if kind == "perfect":
                needs = {x: need for x, (need, _, _) in self.lines.items() if need is not None}
                candidates = {x for x, need in needs.items() if x not in defined and need not in defined}
            elif kind == "weak":
                candidates = set(right[len(places) + (not next_counts) :])
            else:
                candidates = set(self.lines) - defined
            places.append((wrong, candidates))
            defined.add(name)
            wrong = []
        return places


def read(ids: Any, modulus: int, names: int) -> ParsedChain:
    """Return what a row of token ids says. Raises ValueError for anything that is no chain with a solution."""
    if isinstance(ids, str | bytes) or not isinstance(ids, Sequence) or len(ids) > MAX_TOKENS:
        raise ValueError("not a list of token ids")
    border, size = FIRST_VALUE + modulus, FIRST_VALUE + modulus + names
    if not all(type(token_id) is int and 0 <= token_id < size for token_id in ids):
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
    expect(len(ids) > at, "a solution")
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
