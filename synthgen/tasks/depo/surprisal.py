"""What may come next in a row of Depo: edges of a cycle of unknown size whose nodes have unknown names, then queries.

How many nodes there are shows only when the cycle closes. Until then a reader weighs every size, and how many names of
each length it has; the next edge leaves any node that none has left yet, and leads to any that none leads to yet, but
for the head of its own path, which is reached last. Names are told symbol by symbol.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthgen.task.kit.words import Words
from synthgen.tasks.depo.reading import Marks, Name


class Prefixes(Counter[Name]):
    """How many of some names begin with each sequence of symbols; no name is the beginning of another."""

    def put(self, name: Name, times: int = 1) -> None:
        """Add a name, or take it away."""
        for end in range(len(name) + 1):
            self[name[:end]] += times


@dataclass
class Paths:
    """The edges so far, as paths: which nodes none has left, and which none leads to."""

    after: dict[Name, Name] = field(default_factory=dict)
    head: dict[Name, Name] = field(default_factory=dict)  # by the node that a path ends in, the one it begins in
    tail: dict[Name, Name] = field(default_factory=dict)  # and the other way
    unleft: Prefixes = field(default_factory=Prefixes)
    unreached: Prefixes = field(default_factory=Prefixes)

    def put(self, node: Name) -> None:
        """Take in a node that was not named before."""
        self.head[node] = self.tail[node] = node
        self.unleft.put(node)
        self.unreached.put(node)

    def join(self, one: Name, other: Name) -> bool:
        """Take in an edge between two nodes; say whether it closes the cycle."""
        self.after[one] = other
        self.unleft.put(one, -1)
        self.unreached.put(other, -1)
        head, tail = self.head.pop(one), self.tail.pop(other)
        if head == other:
            return True
        self.head[tail], self.tail[head] = head, tail
        return False


class Reading:
    """A row, read symbol by symbol, with the bits of what it says."""

    def __init__(self, row: Sequence[int], marks: Marks, words: Words, sizes: Mapping[int, float]) -> None:
        """row: numbers of symbols; sizes: how likely each number of nodes is."""
        self.row, self.at, self.bits = row, 0, np.full(len(row) + 1, np.inf)
        self._marks, self._words, self._paths = marks, words, Paths()
        # Cases: a size, and how many names of each length there are; how likely each is, given all that was read.
        laws = [words.count_law(n) for n in sizes]
        self._sizes = np.array(list(sizes))
        self._size = np.repeat(np.arange(self._sizes.size), [law.size for _, law in laws])
        self._counts = np.concatenate([counts for counts, _ in laws])
        self._likely = np.concatenate([p * law for p, (_, law) in zip(sizes.values(), laws, strict=True)])
        self._named = [Prefixes() for _ in range(self._counts.shape[1])]  # the names read, by length

    def mark(self, numbers: Collection[int]) -> int:
        """Read one of some marks that are alike; return its number, 0 where none of them stands there."""
        if self.at == len(self.row) or self.row[self.at] not in numbers:
            return 0
        self.bits[self.at] = math.log2(len(numbers))
        self.at += 1
        return self.row[self.at - 1]

    def cycle(self) -> dict[Name, Name] | None:
        """Read edges until they are a cycle; return what follows each node, None where they become none."""
        paths, closed = self._paths, False
        while not closed:
            edges = len(paths.after)
            if self._marks.separator and not self.mark([self._marks.separator]):
                return None
            one = self._node(paths.unleft, _one_of(self._sizes - edges))
            if not one:
                return None
            # The head of its own path comes last: where one edge is missing, and then it alone.
            last = self._sizes == edges + 1
            other = self._node(paths.unreached, _one_of(self._sizes - edges - 1), paths.head[one], last)
            if not other:
                return None
            closed = paths.join(one, other)
        return paths.after

    def name(self, names: Prefixes) -> Name:
        """Read a name that is one of some, all alike; return () where none of them stands there."""
        return self._spelt(lambda said: float(names[said]))

    def end(self) -> np.ndarray:
        """Return the bits, if the row ends here."""
        self.bits[-1] = 0.0 if self.at == len(self.row) else np.inf
        return self.bits

    def _node(self, free: Prefixes, share: np.ndarray, last: Name = (), is_last: np.ndarray | None = None) -> Name:
        """Read the name of a node; return () where none stands there.

        It is one of the `free` but `last`, or one not named before, `share` (sizes,) each; or `last`, for the sizes for
        which it `is_last`.
        """
        named = np.array([names[()] for names in self._named])
        left = np.array([self._words.symbols**length for length in self._lengths]) - named
        sizes = self._sizes.size
        likely = np.bincount(self._size, self._likely, sizes)
        fresh = self._likely[:, None] * (self._counts - named) / np.maximum(left, 1)  # of each word that is left
        of_fresh = np.array([np.bincount(self._size, fresh[:, k], sizes) @ share for k in range(named.size)])
        of_free, of_last = likely @ share, 0.0 if is_last is None else float(likely @ is_last)

        def chance(said: Name) -> float:
            is_beginning = bool(last) and last[: len(said)] == said
            known = (free[said] - is_beginning) * of_free + is_beginning * of_last
            return float(known + of_fresh @ [self._unnamed(said, k) for k in range(named.size)])

        name = self._spelt(chance)
        if not name:
            return name
        if free[name]:
            self._likely *= (is_last if is_last is not None and name == last else share)[self._size]
        else:
            k = self._lengths.index(len(name))
            self._likely = fresh[:, k] * share[self._size]
            self._named[k].put(name)
            self._paths.put(name)
        self._likely /= self._likely.sum()
        return name

    @property
    def _lengths(self) -> range:
        return range(self._words.shortest, self._words.longest + 1)

    def _unnamed(self, said: Name, k: int) -> int:
        """Return how many words of the k-th length begin so, but for those that were read."""
        more, whole = self._lengths[k] - len(said), bool(said) and said[-1] >= self._words.symbols
        if more < 0 or whole != (more == 0):
            return 0
        return self._words.symbols**more - self._named[k][said]

    def _spelt(self, chance: Callable[[Name], float]) -> Name:
        """Read a name; return () where none stands there. `chance` tells how likely it begins so, on any scale."""
        said: Name = ()
        before = chance(said)
        while self.at < len(self.row):
            symbol = self.row[self.at] - self._marks.base
            said = (*said, symbol)
            now = chance(said) if 0 <= symbol < 2 * self._words.symbols else 0.0
            if now <= 0:
                return ()
            self.bits[self.at], before = max(0.0, math.log2(before / now)), now
            self.at += 1
            if symbol >= self._words.symbols:
                return said
        return ()


def _one_of(many: np.ndarray) -> np.ndarray:
    """Return 1 / many, 0 where there are none."""
    return np.where(many > 0, 1 / np.maximum(many, 1), 0.0)


def row_surprisals(reading: Reading, marks: Marks, steps: Collection[int], queries: int, distinct: bool) -> np.ndarray:
    """Return the bits of each symbol of a row and of its end, (symbols + 1,); inf from the first impossible one on.

    steps: what queries ask for; queries: how many there are, or as many as nodes; distinct: whether their starts are.
    """
    after = reading.cycle()
    if after is None:
        return reading.bits
    starts, hops = Prefixes(), [number for number, k in marks.hops.items() if k in steps]
    for node in after:
        starts.put(node)
    for _ in range(min(queries, len(after))):
        asked = reading.mark(hops)
        node = reading.name(starts) if asked else ()
        if not node or not reading.mark([marks.answer]):
            return reading.bits
        if distinct:
            starts.put(node, -1)
        for _ in range(marks.hops[asked]):
            node = after[node]
        answer = Prefixes()
        answer.put(node)
        if not reading.name(answer):
            return reading.bits
    if marks.end and not reading.mark([marks.end]):
        return reading.bits
    return reading.end()
