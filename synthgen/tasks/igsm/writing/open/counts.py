"""Exact counts of dependency templates, by dynamic programming.

A *template* is a solution without names and numbers: its parameters in the order in which they are computed, each with
its form (constant, copy, sum, difference, with a number added or multiplied) and what it cites, in order. The last one
is the query; every other one is used by a later one. An instance parameter cites up to four earlier ones. An abstract
parameter (of level 1) is the sum over the instance parameters of its item, its *members*, which stand before it; a
member is of one item. This contains every template of instance parameters in the papers (2407.20311), counted for
n = 5 operations as 8,521, for 15 as 1.92e23, for 21 as 9.25e37; the released generator reaches only those in which
each sentence cites the one before it.

How many ways there are to go on depends on six numbers only, so a table over them counts all, and gives each template
a number, its *rank* (`templates.py`):

    left        operations still to spend             placed   parameters placed so far
    waiting     placed ones that nothing uses yet     members  members whose item has not been summed yet
    abstracts   abstract parameters that may follow   constants  bare constants so far (where they are bounded)
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from math import comb
from typing import NamedTuple

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.ledger import log2_big

INSTANCE, MEMBER, ABSTRACT = 0, 1, 2
"""Kinds of moves: an instance parameter of no summed item, one of an item that is summed later, the sum."""

PLAIN, PLUS, TIMES, CONSTANT = 0, 1, 2, 3
"""`literal` of an instance: no number; "c more than"; "c times as much as"; the sentence is the number."""

MAX_REFS, MAX_CHILDREN, MAX_ABSTRACT, MAX_NODES = 4, 4, 4, 40
"""Parameters a sentence cites (2407.20311, D.1), items below an item, abstract parameters, parameters of a template."""


@dataclass(frozen=True)
class Shape:
    """What is asked of templates; every field narrows the language. Raises SynthgenError for bounds that make no sense.

    op           operations, at most (1 to 35)
    abstract     number of abstract parameters, from and to (0 to 4)
    necessary    number of necessary instance parameters, from and to
    references   parameters a sentence cites, at most (1 to 4)
    open_ends    branching: parameters that wait for their use at any time, at most (1: chains; None: free)
    constants    number of bare constants, from and to; None: free
    uniform_answer   whether the query's sentence adds a number of its own (or is one): whatever the rest, the answer
                 is then exactly uniform; else it is 0 somewhat more often (a difference of equals)
    merged       whether the terms of a sum stand in the order of computation: counts "a + b" and "b + a" once
    """

    op: int
    abstract: tuple[int, int] = (0, 2)
    necessary: tuple[int, int] = (1, MAX_NODES)
    references: int = MAX_REFS
    open_ends: int | None = None
    constants: tuple[int, int] | None = None
    uniform_answer: bool = False
    merged: bool = False

    def __post_init__(self) -> None:
        ranges = {"abstract": (0, self.abstract, MAX_ABSTRACT), "necessary": (0, self.necessary, MAX_NODES)}
        if self.constants is not None:
            ranges["constants"] = (0, self.constants, MAX_NODES)
        for field, (lowest, (low, high), highest) in ranges.items():
            if not lowest <= low <= high <= highest:
                raise SynthgenError(f"{field} = [{low}, {high}]: want two rising numbers in {lowest} to {highest}")
        for field, value, highest in (("op", self.op, 35), ("references", self.references, MAX_REFS)):
            if not 1 <= value <= highest:
                raise SynthgenError(f"{field} = {value}: want a number in 1 to {highest}")
        if self.open_ends is not None and self.open_ends < 1:
            raise SynthgenError(
                f"open_ends = {self.open_ends}: the parameter just computed waits already; want 1 or more"
            )


KIND, COST, REFS, USED, START, ARRANGEMENTS, ENDS = range(7)
"""The columns of a move: its kind, its operations, how many it cites, how many of these have waited, its first
arrangement, how many arrangements it has, and whether a template may end with it."""

LITERAL, MINUS, ORDER = range(3)
"""The columns of an arrangement; from ORDER on, the order of the cited ones."""


class Tables(NamedTuple):
    """The arrays that kernels walk. A state's row in `values` is
    first[left] + (((placed W + waiting) X + members) Q + abstracts) K + constants, W = widths[left]."""

    values: np.ndarray  # (states, 4) uint64: the number of ways to go on
    first: np.ndarray  # (op + 1,) int64
    widths: np.ndarray  # (op + 1,) int64
    sizes: np.ndarray  # (3,) int64: X, Q, K
    moves: np.ndarray  # (moves, 7) int64
    arrangements: np.ndarray  # (arrangements, ORDER + MAX_REFS) int64
    binomial: np.ndarray  # (41, 5) int64


def forms(shape: Shape) -> dict[tuple[int, int], list[tuple[int, int, tuple[int, ...]]]]:
    """Return what a sentence may look like by (operations, cited): literal, minus, and the order of the cited ones."""
    by_cost: dict[tuple[int, int], list[tuple[int, int, tuple[int, ...]]]] = {(1, 0): [(CONSTANT, 0, ())]}
    for refs in range(1, shape.references + 1):
        for literal, minus in itertools.product((PLAIN, PLUS, TIMES), (0, 1) if refs == 2 else (0,)):
            cost = max(1, refs - 1 + (literal != PLAIN))
            orders = itertools.permutations(range(refs))
            kept = itertools.islice(orders, 1) if shape.merged and not minus else orders
            by_cost.setdefault((cost, refs), []).extend((literal, minus, order) for order in kept)
    # Four terms leave no room for a number: a sentence has at most four inputs, the number among them.
    by_cost.pop((MAX_REFS, MAX_REFS), None)
    return by_cost


def _moves(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Return `Tables.moves` and `Tables.arrangements`."""
    moves: list[tuple[int, ...]] = []
    rows: list[tuple[int, ...]] = []
    for (cost, refs), every in sorted(forms(shape).items()):
        groups = [every]
        if shape.uniform_answer:  # forms that may end a template, and forms that may not, are moves of their own
            groups = [[form for form in every if (form[0] in (PLUS, CONSTANT)) == ends] for ends in (True, False)]
        for kinds in filter(None, groups):
            ends = int(not shape.uniform_answer or kinds[0][0] in (PLUS, CONSTANT))
            start = len(rows)
            rows += [(literal, minus, *order, *(0,) * (MAX_REFS - refs)) for literal, minus, order in kinds]
            for waiting in range(refs, -1, -1):
                moves.append((INSTANCE, cost, refs, waiting, start, len(kinds), ends))
                if shape.abstract[1]:
                    moves.append((MEMBER, cost, refs, waiting, start, len(kinds), 0))
    if shape.abstract[1]:
        ends = int(not shape.uniform_answer)
        moves += [(ABSTRACT, max(1, c - 1), c, 0, 0, 1, ends) for c in range(1, MAX_CHILDREN + 1)]
    return np.array(moves, np.int64), np.array(rows, np.int64)


class Counts:
    """The counts of one shape, for 1 <= op <= shape.op; made in some 30 ms for 15 operations, 0.2 s for 32.

    `boxes[left]` is the table by (placed, waiting, members, abstracts, constants), Python's integers; `moves` and
    `arrangements` are those of `Tables`.

    >>> counts = counts_of(Shape(op=15, abstract=(0, 0)))
    >>> counts.count(3), counts.count(5), counts.count(10)
    (25, 8521, 3644188120683)
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.moves, self.arrangements = _moves(shape)
        self._sizes = (
            min(MAX_CHILDREN * shape.abstract[1], shape.op) + 1,
            shape.abstract[1] + 1,
            shape.constants[1] + 1 if shape.constants else 1,
        )
        self.boxes: list[np.ndarray] = []
        for left in range(shape.op + 1):
            self.boxes.append(self._box(left))

    def _box(self, left: int) -> np.ndarray:
        """Return the ways to go on with `left` operations: object (placed, waiting, members, abstracts, constants)."""
        shape, (most_members, most_abstracts, most_constants) = self.shape, self._sizes
        most_placed = shape.op - left + 1
        # A sentence takes at most one operation more than it shortens the queue by, so longer queues can't end.
        placed, waiting = np.arange(most_placed), np.arange(min(most_placed, left + 2))
        box = np.zeros((most_placed, len(waiting), *self._sizes), object)
        if left == 0:
            self._end(box)
            return box
        grid = np.ix_(placed, waiting)
        for kind, cost, refs, used, _, arrangements, ends in self.moves.tolist():
            if cost > left - 1 + ends:
                continue
            after = self.boxes[left - cost]
            queue = waiting - used + (kind != MEMBER)
            inside = (queue >= 0) & (queue < after.shape[1])
            following = after[np.ix_(placed + 1, np.where(inside, queue, 0))]
            ways = np.zeros((most_placed, len(waiting)), object)
            for p, w in itertools.product(range(most_placed), range(len(waiting))):
                if w <= p and inside[w]:
                    ways[p, w] = 1 if kind == ABSTRACT else arrangements * comb(w, used) * comb(p - w, refs - used)
            ways = ways[grid][:, :, None, None, None]
            if kind == ABSTRACT:
                groups = np.array([comb(x, refs) for x in range(refs, most_members)], object)[:, None, None]
                box[:, :, refs:, 1:] += ways * groups * following[:, :, : most_members - refs, : most_abstracts - 1]
                continue
            if kind == MEMBER:
                target, following = box[:, :, : most_members - 1], following[:, :, 1:]
            else:
                target = box
            if refs == 0 and shape.constants:
                target[..., : most_constants - 1] += ways * following[..., 1:]
            else:
                target += ways * following
        if shape.open_ends is not None:
            queue = np.add.outer(waiting, np.arange(most_members))
            box[:, queue > shape.open_ends] = 0
        return box

    def _end(self, box: np.ndarray) -> None:
        """Write 1 where a template may end: the query alone waits, and every bound of the shape holds."""
        shape = self.shape
        for placed, abstracts, constants in itertools.product(range(len(box)), *map(range, self._sizes[1:])):
            sums = shape.abstract[1] - abstracts
            enough = shape.constants is None or constants >= shape.constants[0]
            if sums >= shape.abstract[0] and shape.necessary[0] <= placed - sums <= shape.necessary[1] and enough:
                box[placed, 1, 0, abstracts, constants] = 1

    def count(self, op: int) -> int:
        """Return the number of templates with exactly `op` operations. Raises SynthgenError outside 1 to shape.op."""
        if not 1 <= op <= self.shape.op:
            raise SynthgenError(f"op = {op}: these counts go from 1 to {self.shape.op}")
        return int(self.boxes[op][0, 0, 0, self.shape.abstract[1], 0])

    def units(self, op: int) -> int:
        """Return log2 of the count, in ledger units of 2^-40 bit. Raises SynthgenError where there is no template."""
        if self.count(op) == 0:
            raise SynthgenError(f"op = {op}: no template has this number of operations and the shape {self.shape}")
        return log2_big(self.count(op))

    @functools.cached_property
    def tables(self) -> Tables:
        """The arrays for kernels. Raises SynthgenError where a count reaches 2^256."""
        most = max(self.count(op) for op in range(1, self.shape.op + 1))
        if most >= 1 << 256:
            raise SynthgenError(
                f"op = {self.shape.op}: {most:.3g} templates; ranks end at 2^256: lower op, or narrow the shape"
            )
        # Rows that no template reaches may be larger; they are never read.
        flat = b"".join((int(n) & (1 << 256) - 1).to_bytes(32, "little") for box in self.boxes for n in box.flat)
        first = np.cumsum([0] + [box.size for box in self.boxes])[:-1]
        return Tables(
            np.frombuffer(flat, "<u8").astype(np.uint64).reshape(-1, 4),
            first.astype(np.int64),
            np.array([box.shape[1] for box in self.boxes], np.int64),
            np.array(self._sizes, np.int64),
            self.moves,
            self.arrangements,
            np.array([[comb(n, k) for k in range(MAX_REFS + 1)] for n in range(MAX_NODES + 1)], np.int64),
        )


@functools.lru_cache(maxsize=32)
def counts_of(shape: Shape) -> Counts:
    """Return the counts of a shape, made once a process."""
    return Counts(shape)


def released_count(op: int) -> int:
    """Return how many templates of instance parameters alone the released generator can make with `op` operations.

    There each sentence cites the one before it, first.

    >>> [released_count(op) for op in (3, 5, 10)]
    [15, 1179, 1485209817]
    """
    ways = [1] + [0] * op  # by operations spent; the first sentence is a constant
    total = 0
    for place in range(op):
        others = place - 1
        if place == 0:
            weights = {1: 1}
        else:
            weights = {
                1: 3 + 2 * others,
                2: 4 * others + others * (others - 1),
                3: 2 * others * (others - 1) + others * (others - 1) * (others - 2),
            }
        ways = [
            sum(ways[spent - cost] * weight for cost, weight in weights.items() if cost <= spent)
            for spent in range(op + 1)
        ]
        total += ways[op]
    return total
