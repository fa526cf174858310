"""What the text of a problem of the paper's law shows, in bits: two figures a row, on average too low and too high.

The law of a text given its op, P, is that of the attempts that are accepted, A being their share. Of a row, the bits
that its first turn would have made it with are -log2 M: a sum over all that its text hides (`shapes`, `citations`,
`descriptions`), and what names, values and order have.

- Too high: a law that accepts first turns alone, of the share A1, gives a text M / A1. No law makes a text shorter on
  average than its true one does.
- Too low: of a row's whole history f of turns that failed, k of them, and what else is hidden, any conditional law r
  gives E log2 P(f, row) / r(f, hidden | text) >= E log2 P(text). Here r draws f as the sampler would, with a weight
  w(k), and the rest as a first turn would: P / r = M / (A w(k)) times what the urn that f left makes of the growth.

A itself is met by the row: of N attempts the last was accepted, and 1 + 1/2 + ... + 1/(N - 1) is -ln A on average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import Keys, begin, new_state
from synthgen.exact.jit import kernel
from synthgen.tasks.igsm.worlds import CATEGORIES
from synthgen.tasks.igsm.writing.paper.citations import (
    CITING,
    extra_at,
    extra_bits,
    order_bits,
    room_at,
    sentence_chances,
)
from synthgen.tasks.igsm.writing.paper.descriptions import (
    SHORT,
    SWARM,
    description_log2,
    find_followers,
    true_log2,
)
from synthgen.tasks.igsm.writing.paper.numberings import NUMBERING, count_numberings, keep_enlisted, keep_shown
from synthgen.tasks.igsm.writing.paper.sampler import draw_problem, first_turn_after
from synthgen.tasks.igsm.writing.paper.shapes import CHOICE, EMPTY, edges_bits, falling, shape_chance
from synthgen.tasks.igsm.writing.problem import BARE, TIMES, new_problem
from synthgen.tasks.igsm.writing.sets import member, size_of
from synthgen.tasks.igsm.writing.sketch import new_scratch

MOST_BITS = 2400.0
"""More than a row's text needs in a plain code: sizes, 48 possible edges, 38 sentences of 4 of 62 parameters, the order
of a solution and of the problem, names, and values below 1009 have 2,310 bits."""

DEFENSIVE = 2.0**-10
"""Share that such a code has in the law that a text's bits are bounded by."""

TRUE_SHARE = 2.0**-8
"""Share that the true way of description has in either estimate, which bounds it on its bad side."""

FAILED_SHARE = 0.2
"""The weight w(k) of k failed turns: 0.8 of none, else 0.2 / (k (k + 1)); they sum to 1."""

UNSEEN = 0.25
"""The weight of i outer items that a text does not mention: in proportion to 0.25^i."""


class Work(NamedTuple):
    """Scratch for a row's figures."""

    choice: Any
    citing: Any
    numbering: Any
    swarm: Any

    @classmethod
    def new(cls) -> Work:
        """Return fresh scratch."""
        return cls(*(np.zeros(1, np.dtype((np.record, kind)))[0] for kind in (CHOICE, CITING, NUMBERING, SWARM)))


@register_jitable
def surface_bits(p, law, sizes, unseen):
    """Return the bits of what a text shows beside its structure: names, values, order, signs."""
    bits = math.log2(sizes[0]) + math.log2(CATEGORIES - p.layers + 1)
    for i in range(p.layers):
        shown = p.width[i] - (unseen if i == 0 else 0)
        bits += math.log2(sizes[1]) + math.log2(falling(sizes[2], shown))
    bits += math.log2(falling(p.edges, p.edges))
    for x in range(p.edges):
        if p.literal[x] == TIMES:
            bits += math.log2(law.modulus - 1)
        elif p.literal[x] != BARE:
            bits += math.log2(law.modulus)
        if p.literal[x] != BARE and p.refs[x] > 0:
            bits += 1
        if p.refs[x] == 2:
            bits += 1
    return bits


@register_jitable
def unseen_items(p):
    """Return how many outer items the text does not mention: without children, and not cited."""
    count = 0
    for item in range(p.width[0]):
        seen = p.children[item] > 0
        for x in range(p.edges):
            for r in range(p.refs[x]):
                seen |= p.owner[p.ref[x, r]] == item
        for i in range(p.steps):
            seen |= p.owner[p.order[i]] == item
        count += 0 if seen else 1
    return count


@register_jitable
def unseen_log2(unseen, shown):
    """Return log2 of the weight of so many items that are not mentioned, beside so many that are."""
    total = 0.0
    for i in range(5 - shown):
        total += UNSEEN**i
    return math.log2(UNSEEN**unseen / total)


@register_jitable
def urn_log2(w):
    """Return log2 of how much likelier the growth was with the urn that failed turns left than with an empty one."""
    hits, misses = w.hits - w.hits_before, w.misses - w.misses_before
    ratio, h, m = 0.0, w.hits_before, w.misses_before
    for i in range(hits):
        ratio += math.log2((h + i + 1) / (h + i + m + 2)) - math.log2((i + 1) / (i + 2))
    for i in range(misses):
        ratio += math.log2((m + i + 1) / (h + hits + m + i + 2)) - math.log2((i + 1) / (hits + i + 2))
    return ratio


@register_jitable
def log2_mean(share, a, b):
    """Return log2((1 - share) 2^a + share 2^b)."""
    a, b = a + math.log2(1 - share), b + math.log2(share)
    top = max(a, b)
    return top + math.log2(2.0 ** (a - top) + 2.0 ** (b - top))


@register_jitable
def structure_log2(state, p, w, k, law, op, sizes, table):
    """Return log2 M of a row's structure, once too low and once too high on average: the first may be minus infinity.

    w holds what the sampler left, and is scratch afterwards.
    """
    choice, citing, g, f = k.choice, k.citing, k.numbering, k.swarm
    chosen, goal, extra, room = 0, 0, 0, 0
    for i in range(p.steps):
        chosen |= 1 << p.order[i]
        extra += extra_at(p, i)
        room += room_at(p, i)
    rest = chosen >> p.edges << p.edges
    while rest:
        goal |= w.closure[member(rest, 0)]
        rest &= rest - 1
    unseen, instances = unseen_items(p), (1 << p.edges) - 1
    remain, short = instances & ~chosen, p.steps <= SHORT
    f.fixed, f.true_apart = size_of(goal), 0
    for i in range(w.aparts):
        f.true_apart |= 1 << w.apart[i]
    before = size_of(chosen & instances)
    for i in range(before, p.edges):
        f.true_order[i - before] = p.made[i]
    code = EMPTY
    if short:
        code = 0
        for i in range(p.steps):
            f.chosen_list[i] = w.list[i]
            if i < f.fixed:
                code = 128 * code + w.list[i] + 1
    find_followers(p, w, f, remain)
    sentence_chances(p, citing)
    fixed_bits = edges_bits(p, choice) + extra_bits(p, citing)
    fixed_bits += order_bits(p, w, citing, chosen, table, law.favour_wanted)
    shape = shape_chance(p, w, choice, law, op, sizes, chosen, EMPTY, extra, room)
    ordered = shape_chance(p, w, choice, law, op, sizes, chosen, code, extra, room) if short else shape
    keep_shown(p, g)
    all_numberings = count_numberings(p, g) / falling(unseen, unseen)
    if short:
        keep_enlisted(p, g, goal)
    numberings = count_numberings(p, g) / falling(unseen, unseen)
    true = true_log2(state, p, w, f, g, chosen)
    picked = math.log2(falling(p.steps - f.fixed, p.steps - f.fixed)) if short else 0.0
    steps = size_of(remain)
    least = description_log2(state, p, w, f, g, chosen, False) + math.log2(numberings)
    least = log2_mean(TRUE_SHARE, least, true - picked)
    most = description_log2(state, p, w, f, g, chosen, True) + math.log2(numberings)
    plain = true + math.log2(falling(steps, steps)) + steps + math.log2(numberings)
    most = -log2_mean(TRUE_SHARE, -most, -plain)
    if shape <= 0 or ordered <= 0 or fixed_bits == math.inf:
        return -math.inf, math.inf
    least += math.log2(ordered) - fixed_bits
    most += math.log2(shape) - fixed_bits + math.log2(all_numberings / numberings)
    return least, most - unseen_log2(unseen, p.width[0] - unseen)


LEAST, MOST, URN, ATTEMPTS, FIRST_TURNS, FAILED, OP, N_COLUMNS = range(8)
"""What is written of a row: log2 of the chance that a first turn makes it (estimated too low, too high), log2 of what
the urn did to its growth, the attempts until it, and until one without a failed turn, its failed turns, its op."""


@kernel
def write_chances(state, keys, first, stop, p, w, k, law, op_sums, sizes, table, shares, scratch, used, out):
    """Write the columns of the problems [first, stop) of a stream to out, (rows, N_COLUMNS) float64.

    `keys` are those of the problems and of the particles, `used` how much of the world is used; `shares` is `table` as
    floats.
    """
    for row in range(first, stop):
        op = draw_problem(state, keys[0], row, p, w, law, op_sums, sizes, table, scratch)
        columns = out[row - first]
        columns[URN] = urn_log2(w)
        columns[ATTEMPTS] = columns[FIRST_TURNS] = w.attempts
        columns[FAILED] = w.failed
        columns[OP] = op
        surface = surface_bits(p, law, used, unseen_items(p))
        begin(state, keys[1], row, 0)
        columns[LEAST], columns[MOST] = structure_log2(state, p, w, k, law, op, sizes, shares)
        columns[LEAST] -= surface
        columns[MOST] -= surface
        if columns[FAILED] > 0:
            number = np.int64(columns[ATTEMPTS])
            columns[FIRST_TURNS] = first_turn_after(state, keys[0], row, number, p, w, law, sizes, table, op, scratch)


def chances(tables: Any, stream: Keys, first: int, stop: int, used: Sequence[int]) -> np.ndarray:
    """Return the columns of the problems [first, stop) of a stream, of the law with these tables of the sampler."""
    keys = np.array([stream.split(stage) for stage in ("structure", "particles")])
    out = np.zeros((stop - first, N_COLUMNS))
    write_chances(
        new_state(), keys, first, stop, new_problem(), tables.work, Work.new(), tables.law, tables.op_sums,
        tables.depth_sums, tables.bonus, tables.bonus.astype(float), new_scratch(), np.array(used), out,
    )  # fmt: skip
    return out


def two_ends(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the two figures of each row, bits of its text given its op, on average too low and too high."""
    harmonic = np.concatenate([[0.0, 0.0], np.cumsum(1 / np.arange(1, columns[:, [ATTEMPTS, FIRST_TURNS]].max() + 1))])
    accepted, at_once = (-harmonic[columns[:, k].astype(np.int64)] / math.log(2) for k in (ATTEMPTS, FIRST_TURNS))
    failed = columns[:, FAILED]
    some = math.log2(FAILED_SHARE) - np.log2(np.maximum(1, failed) * (failed + 1))
    turns = np.where(failed == 0, math.log2(1 - FAILED_SHARE), some)
    low = np.where(columns[:, MOST] < np.inf, -columns[:, MOST] + accepted - columns[:, URN] + turns, 0.0)
    code = math.log2(DEFENSIVE) - MOST_BITS
    high = -np.logaddexp2(columns[:, LEAST] + math.log2(1 - DEFENSIVE), code) + at_once
    return np.minimum(low, MOST_BITS), np.maximum(high, 0.0)
