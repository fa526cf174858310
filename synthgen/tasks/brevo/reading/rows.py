"""Reading Brevo rows back, from the tokens alone; shares nothing with the sampler.

A `ParsedBrevo` is also the row as a stepwise problem: `parents` is what is known, `answer` the steps taken, `can_next`
what may come next, so that other tasks can judge, or spoil, a listing step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from synthgen.task.kit.words import read_words
from synthgen.tasks.brevo.marks import Marks

Name = tuple[int, ...]


@dataclass
class ParsedBrevo:
    """A row taken apart. `parents` holds every node the text names."""

    parents: dict[Name, set[Name]] = field(default_factory=dict)
    statements: list[tuple[Name, Name]] = field(default_factory=list)  # (parent, or () for a leaf, and node), as stated
    leaves: list[Name] = field(default_factory=list)  # as stated
    query: Name = ()
    prompt: int = 0  # tokens up to and with the query
    answer: list[Name] = field(default_factory=list)
    steps: list[tuple[int, int]] = field(default_factory=list)  # where the names of the answer stand

    def needed(self) -> set[Name]:
        """Return the query and all it needs. Raises ValueError if the graph has a cycle above the query."""
        done: set[Name] = set()
        stack: list[tuple[Name, bool]] = [(self.query, False)]
        open_: set[Name] = set()
        while stack:
            node, left = stack.pop()
            if left:
                open_.discard(node)
                done.add(node)
            elif node not in done:
                open_.add(node)
                stack.append((node, True))
                for parent in self.parents.get(node, ()):
                    if parent in open_:
                        raise ValueError("the graph has a cycle")
                    stack.append((parent, False))
        return done

    def can_next(self, listed: Sequence[Name]) -> set[Name]:
        """Return the nodes that may stand next in a listing that begins with `listed`."""
        before = set(listed)
        return {node for node in self.needed() - before if self.parents.get(node, set()) <= before}

    def first_fault(self) -> tuple[int, str] | None:
        """Return the first wrong step of the answer and why, or None for a faultless listing."""
        needed, before = self.needed(), set[Name]()
        for step, node in enumerate(self.answer):
            if node in before:
                return step, "stands there already"
            if node not in needed:
                return step, "is not needed"
            if not self.parents.get(node, set()) <= before:
                return step, "comes before something it needs"
            before.add(node)
        return None if before == needed else (len(self.answer), "is missing: the listing ends too early")

    def depth(self) -> int:
        """Return the shortest way from the query to a node that needs nothing."""
        level, seen, depth = {self.query}, {self.query}, 0
        while all(self.parents.get(node) for node in level):
            level, depth = {parent for node in level for parent in self.parents[node]} - seen, depth + 1
            seen |= level
        return depth

    def layers(self) -> dict[Name, int]:
        """Return every node's longest way from a node that needs nothing. Raises ValueError on a cycle."""
        waiting = {node: len(needs) for node, needs in self.parents.items()}
        below: dict[Name, list[Name]] = {node: [] for node in self.parents}
        for node, needs in self.parents.items():
            for parent in needs:
                below[parent].append(node)
        layer = {node: 0 for node, number in waiting.items() if number == 0}
        ready = list(layer)
        while ready:
            node = ready.pop()
            for child in below[node]:
                layer[child] = max(layer.get(child, 0), layer[node] + 1)
                waiting[child] -= 1
                if waiting[child] == 0:
                    ready.append(child)
        if any(waiting.values()):
            raise ValueError("the graph has a cycle")
        return layer


def read(numbers: Sequence[int], marks: Marks) -> ParsedBrevo:
    """Take a row apart. Raises ValueError, naming the token, where it is no Brevo row."""

    def name(at: int) -> tuple[Name, int]:
        return read_words(numbers, at, marks.base, marks.symbols, marks.shortest, marks.longest)

    def mark(at: int, wanted: int, what: str) -> None:
        if at >= len(numbers) or numbers[at] != wanted:
            raise ValueError(f"token {at} should be the {what} mark")

    reading, at = ParsedBrevo(), 0
    while at < len(numbers) and numbers[at] != marks.query:
        if marks.leaf and numbers[at] == marks.leaf:
            node, at = name(at + 1)
            reading.leaves.append(node)
            reading.statements.append(((), node))
            reading.parents.setdefault(node, set())
        else:
            parent, at = name(at)
            node, at = name(at)
            reading.parents.setdefault(parent, set())
            if parent in reading.parents.setdefault(node, set()):
                raise ValueError(f"one edge stands twice, again before token {at}")
            reading.parents[node].add(parent)
            reading.statements.append((parent, node))
    mark(at, marks.query, "query")
    reading.query, at = name(at + 1)
    reading.prompt = at
    mark(at, marks.answer, "answer")
    at += 1
    while at < len(numbers) and numbers[at] != marks.end:
        node, end = name(at)
        reading.answer.append(node)
        reading.steps.append((at, end))
        at = end
    mark(at, marks.end, "end")
    if at + 1 < len(numbers):
        raise ValueError(f"token {at + 1} stands after the end mark")
    return reading
