"""A story as read: its lines, its question, the sentences of its solution; what is needed, and what is wrong."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from synthgen.tasks.stories.params import Mistakes


@dataclass(frozen=True)
class Line:
    """What a story says of a thing: what it is computed from or comes after, as told, and its constant or value."""

    parents: tuple[int, ...]
    constant: int


@dataclass(frozen=True)
class Sentence:
    """A sentence of a solution: a thing, its value (0 in stories about order), and whether it is taken back."""

    name: int
    value: int
    back: bool


@dataclass
class ParsedStory:
    """A story taken apart. Things are their names' numbers; lines stand in the order told."""

    pack: str = ""
    lines: dict[int, Line] = field(default_factory=dict)
    query: int = 0
    sentences: list[Sentence] = field(default_factory=list)
    spans: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  # places in prompt and completion together

    @functools.cached_property
    def needed(self) -> set[int]:
        """The things that the question needs, itself one."""
        seen, stack = {self.query}, [self.query]
        while stack:
            for parent in self.lines[stack.pop()].parents:
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
        return seen

    def values(self, modulus: int) -> dict[int, int]:
        """Return every thing's value, parents first. Raises ValueError where things need each other in a circle."""
        values: dict[int, int] = {}
        lacking = {name: len(line.parents) for name, line in self.lines.items()}
        children: dict[int, list[int]] = {name: [] for name in self.lines}
        for name, line in self.lines.items():
            for parent in line.parents:
                children[parent].append(name)
        ready = [name for name, number in lacking.items() if not number]
        while ready:
            name = ready.pop()
            line = self.lines[name]
            values[name] = (line.constant + sum(values[parent] for parent in line.parents)) % modulus
            for child in children[name]:
                lacking[child] -= 1
                if not lacking[child]:
                    ready.append(child)
        if len(values) < len(self.lines):
            raise ValueError("things need each other in a circle")
        return values

    def lacking(self, name: int, known: set[int]) -> int:
        """Return how many parents of a thing are not known."""
        return sum(parent not in known for parent in self.lines[name].parents)

    def ready(self, known: set[int]) -> list[int]:
        """Return the needed things that can be the next step, in the order told."""
        return [n for n in self.lines if n in self.needed and n not in known and not self.lacking(n, known)]

    def mistakes(self, known: set[int], kind: Mistakes, step: int | None = None) -> list[int]:
        """Return the things that can be begun too early, before a `step`: those that lack a parent, or exactly one.

        Weak ones are those that a later step takes; without a `step`, those that any step may take.
        """
        if kind == "weak":
            return [name for name in self.lines if name in self.needed and name not in known and name != step]
        lacking = {name: self.lacking(name, known) for name in self.lines if name not in known}
        return [name for name, number in lacking.items() if number == 1 or (number > 1 and kind == "any")]

    def orders(self) -> int:
        """Return in how many orders the steps to the answer can be taken."""
        bit = {name: 1 << i for i, name in enumerate(sorted(self.needed))}
        above = {name: sum(bit[parent] for parent in self.lines[name].parents) for name in bit}
        ways = {0: 1}  # what is known -> the orders that lead there
        for _ in bit:
            further: dict[int, int] = {}
            for known, number in ways.items():
                for name, its_bit in bit.items():
                    if not known & its_bit and above[name] & known == above[name]:
                        further[known | its_bit] = further.get(known | its_bit, 0) + number
            ways = further
        return sum(ways.values())

    def places(self) -> Iterable[tuple[list[int], int]]:
        """Give, for each right sentence, what is taken back before it, and its thing."""
        back: list[int] = []
        for sentence in self.sentences:
            if sentence.back:
                back.append(sentence.name)
            else:
                yield back, sentence.name
                back = []

    def fault(self, modulus: int) -> tuple[int, str] | None:
        """Return the first wrong sentence of the solution and why; None where what is not taken back is right."""
        values, known = self.values(modulus), set[int]()
        last: Sentence | None = None
        for place, sentence in enumerate(self.sentences):
            last = sentence
            if sentence.back:
                continue
            name = sentence.name
            if name not in self.lines:
                return place, "unknown: no line speaks of this thing"
            if name in known:
                return place, "repeated: this step was taken before"
            if self.lacking(name, known):
                return place, "not ready: what it needs is not known yet"
            if name not in self.needed:
                return place, "needless: the question does not need it"
            if sentence.value != values[name]:
                return place, f"wrong arithmetic: {sentence.value}, but it is {values[name]}"
            known.add(name)
        if last is None or last.back or last.name != self.query:
            return max(0, len(self.sentences) - 1), "wrong target: the last step is not what is asked for"
        return None


def layers_of(parents: Mapping[int, Sequence[int]], things: set[int]) -> list[list[int]]:
    """Return some things in layers: first those that none of them needs, and so on below; each rising by name.

    Raises ValueError where things need each other in a circle.
    """
    left, layers = set(things), []
    while left:
        needs = {parent for name in left for parent in parents[name]}
        layer = sorted(left - needs)
        if not layer:
            raise ValueError("things need each other in a circle")
        layers.append(layer)
        left -= set(layer)
    return layers
