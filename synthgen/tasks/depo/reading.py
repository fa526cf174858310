"""Reading Depo rows back, from the tokens alone; shares nothing with the sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from synthgen.task.kit.words import read_words

Name = tuple[int, ...]


@dataclass(frozen=True)
class Marks:
    """What a reader of Depo must know: symbol numbers, and the shape of names."""

    hops: dict[int, int]  # the mark's number -> k
    answer: int
    end: int  # 0: rows have no end mark
    separator: int  # 0: edges stand without one
    base: int  # the first symbol's number
    symbols: int
    shortest: int
    longest: int


@dataclass
class Query:
    """One query as it stands in the tokens; `start`:`end` are the tokens of the answer's name."""

    hops: int
    node: Name
    answer: Name
    start: int
    end: int


@dataclass
class ParsedDepo:
    """A row taken apart."""

    edges: list[tuple[Name, Name]] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    ended: bool = False

    def successors(self) -> dict[Name, Name]:
        """Return the next node of every node. Raises ValueError unless the edges are one cycle through all."""
        after = dict(self.edges)
        if len(after) < len(self.edges):
            raise ValueError("two edges leave one node")
        node, seen = self.edges[0][0], 0
        while seen < len(after):
            node, seen = after.get(node, ()), seen + 1
            if node == self.edges[0][0]:
                break
        if node != self.edges[0][0] or seen < len(self.edges):
            raise ValueError("the edges are not one cycle")
        return after

    def judge(self) -> list[str]:
        """Return, for every query, what is wrong with its answer: nothing, or a sentence."""
        after, faults = self.successors(), []
        for query in self.queries:
            node = query.node
            if node not in after:
                faults.append("asks for a node that is not on the cycle")
                continue
            for _ in range(query.hops % len(after)):
                node = after[node]
            faults.append("" if node == query.answer else f"is not the node {query.hops} steps on")
        return faults


def read(numbers: Sequence[int], marks: Marks) -> ParsedDepo:
    """Take a row apart. Raises ValueError, naming the token, where it is no Depo row."""

    def name(at: int) -> tuple[Name, int]:
        return read_words(numbers, at, marks.base, marks.symbols, marks.shortest, marks.longest)

    reading, at = ParsedDepo(), 0
    while at < len(numbers) and numbers[at] not in marks.hops:
        if marks.separator:
            if numbers[at] != marks.separator:
                raise ValueError(f"token {at} should be the mark before an edge")
            at += 1
        tail, at = name(at)
        head, at = name(at)
        reading.edges.append((tail, head))
    if not reading.edges:
        raise ValueError("there are no edges")
    while at < len(numbers) and numbers[at] in marks.hops:
        hops = marks.hops[numbers[at]]
        node, at = name(at + 1)
        if at >= len(numbers) or numbers[at] != marks.answer:
            raise ValueError(f"token {at} should be the answer mark")
        answer, end = name(at + 1)
        reading.queries.append(Query(hops, node, answer, at + 1, end))
        at = end
    if marks.end and at == len(numbers) - 1 and numbers[at] == marks.end:
        reading.ended, at = True, at + 1
    if at < len(numbers):
        raise ValueError(f"token {at} stands after the end of an answer")
    return reading
