"""Templates and their ranks: a number below `Counts.count(op)` for every template, and the template of every number.

The rank is a mixed-radix number along the walk through the table of counts: at every step the moves stand in a fixed
order, each as wide as the number of templates that go on with it; what is left of the rank chooses among the ways of
the move (the form, which waiting parameters, which others) and the rest numbers what follows. Sampling a uniform rank
samples uniform templates, without rejection. Some 3 microseconds a template of 15 operations.

    template = np.zeros(1, TEMPLATE)[0]
    unrank(tables, op, below_wide(state, load(counts, op), units[op]), template)
"""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from synthgen.errors import DrawError, SynthgenError
from synthgen.exact.jit import kernel
from synthgen.exact.wide import ZERO, add, divide, less, load, store, subtract, times, to_int, to_words
from synthgen.tasks.igsm.writing.open.counts import (
    ABSTRACT,
    ARRANGEMENTS,
    CONSTANT,
    COST,
    ENDS,
    INSTANCE,
    KIND,
    LITERAL,
    MAX_NODES,
    MAX_REFS,
    MEMBER,
    MINUS,
    ORDER,
    PLAIN,
    REFS,
    START,
    USED,
    Counts,
    Tables,
)

STATED, SUMMED = range(2)
"""Kinds of nodes: an instance parameter, which a sentence states; an abstract one of level 1, the sum of members."""

TEMPLATE = np.dtype(
    [
        ("nodes", "i8"),  # parameters, in the order of computation; the last is the query
        ("op", "i8"),
        ("kind", "i8", MAX_NODES),  # STATED or SUMMED
        ("refs", "i8", MAX_NODES),
        ("ref", "i8", (MAX_NODES, MAX_REFS)),  # places of the cited ones, in order; of an abstract's members, rising
        ("literal", "i8", MAX_NODES),  # PLAIN, PLUS, TIMES or CONSTANT
        ("minus", "i8", MAX_NODES),  # 1: the first minus the second
        ("under", "i8", MAX_NODES),  # of a member, the place of its sum; else -1
    ]
)


def new_template() -> np.record:
    """Return an empty template for `unrank`."""
    return np.zeros(1, np.dtype((np.record, TEMPLATE)))[0]


@register_jitable(forceinline=True)
def _state(tables, left, placed, waiting, members, abstracts, constants):
    """Return the row of a state in the table, or -1 where the table ends (there are no ways to go on)."""
    sizes = tables.sizes
    if waiting >= tables.widths[left] or members >= sizes[0] or abstracts < 0 or constants >= sizes[2]:
        return -1
    row = (placed * tables.widths[left] + waiting) * sizes[0] + members
    return tables.first[left] + (row * sizes[1] + abstracts) * sizes[2] + constants


@register_jitable(forceinline=True)
def _step(tables, move, left, placed, waiting, members, abstracts, constants):
    """Return in how many ways a move can be made, and what it makes of the four numbers after `placed`."""
    kind, cost, refs, used = (
        tables.moves[move, KIND],
        tables.moves[move, COST],
        tables.moves[move, REFS],
        tables.moves[move, USED],
    )
    others = placed - waiting
    if cost > left - 1 + tables.moves[move, ENDS] or used > waiting or (kind != ABSTRACT and refs - used > others):
        return 0, 0, 0, 0, 0
    if kind == ABSTRACT:
        if refs > members:
            return 0, 0, 0, 0, 0
        return tables.binomial[members, refs], waiting + 1, members - refs, abstracts - 1, constants
    ways = tables.moves[move, ARRANGEMENTS] * tables.binomial[waiting, used] * tables.binomial[others, refs - used]
    if refs == 0 and tables.sizes[2] > 1:
        constants += 1
    if kind == MEMBER:
        return ways, waiting - used, members + 1, abstracts, constants
    return ways, waiting - used + 1, members, abstracts, constants


@register_jitable
def _choose(mask, top, size, k, rank, binomial):
    """Return the k-subset number `rank` of the `size` members of the bit mask below 2^top, as a mask (colex order)."""
    chosen = 0
    for place in range(top - 1, -1, -1):
        if k == 0:
            break
        if mask >> place & 1:
            size -= 1
            if rank >= binomial[size, k]:
                rank -= binomial[size, k]
                chosen |= 1 << place
                k -= 1
    return chosen


@register_jitable
def _number(mask, chosen, top, binomial):
    """Return (number, k) of a chosen k-subset of the mask: the inverse of `_choose`."""
    number = 0
    size = 0
    k = 0
    for place in range(top):
        if mask >> place & 1:
            if chosen >> place & 1:
                k += 1
                number += binomial[size, k]
            size += 1
    return number, k


@register_jitable
def unrank(tables, op, rank, template):
    """Fill `template` with the template of `op` operations numbered `rank`, a wide number below the count."""
    # Arrays as locals: numba counts references to a tuple's arrays at every use.
    values, moves, binomial = tables.values, tables.moves, tables.binomial
    first, widths, sizes = tables.first, tables.widths, tables.sizes
    most_members, most_abstracts, most_constants = sizes[0], sizes[1], sizes[2]
    left, placed, waiting, members, abstracts, constants = op, 0, 0, 0, most_abstracts - 1, 0
    queue, loose = 0, 0  # bit masks of the waiting ones and of the members not summed yet
    while left > 0:
        others = placed - waiting
        ways, row, chosen = 0, 0, -1
        w, x, q, k = 0, 0, 0, 0
        for move in range(len(moves)):
            kind, cost, refs, used = moves[move, KIND], moves[move, COST], moves[move, REFS], moves[move, USED]
            w, x, q, k = waiting - used + 1, members, abstracts, constants
            if cost > left - 1 + moves[move, ENDS]:
                continue
            if kind == ABSTRACT:
                ways = binomial[members, refs]
                x, q = members - refs, abstracts - 1
            else:
                if used > waiting or refs - used > others:
                    continue
                ways = moves[move, ARRANGEMENTS] * binomial[waiting, used] * binomial[others, refs - used]
                if kind == MEMBER:
                    w, x = w - 1, members + 1
                if refs == 0 and most_constants > 1:
                    k = constants + 1
            if ways == 0 or w >= widths[left - cost] or x >= most_members or q < 0 or k >= most_constants:
                continue
            row = (((placed + 1) * widths[left - cost] + w) * most_members + x) * most_abstracts + q
            row = first[left - cost] + row * most_constants + k
            width = times(load(values, row), ways)
            if less(rank, width):
                chosen = move
                break
            rank = subtract(rank, width)
        if chosen < 0:
            raise DrawError("a rank lies beyond the number of templates")
        number, rank = divide(rank, load(values, row))
        kind, refs, used = moves[chosen, KIND], moves[chosen, REFS], moves[chosen, USED]
        arrangement = 0
        if kind == ABSTRACT:
            cited = _choose(loose, placed, members, refs, number, binomial)
            loose &= ~cited
        else:
            arrangement = moves[chosen, START] + number % moves[chosen, ARRANGEMENTS]
            number = number // moves[chosen, ARRANGEMENTS]
            some = binomial[waiting, used]
            cited = _choose(queue, placed, waiting, used, number % some, binomial)
            cited |= _choose(((1 << placed) - 1) & ~queue, placed, others, refs - used, number // some, binomial)
            queue &= ~cited
        _write(tables, template, placed, kind, refs, cited, arrangement)
        if kind == MEMBER:
            loose |= 1 << placed
        else:
            queue |= 1 << placed
        left -= moves[chosen, COST]
        placed += 1
        waiting, members, abstracts, constants = w, x, q, k
    template.nodes = placed
    template.op = op


@register_jitable(forceinline=True)
def _write(tables, template, place, kind, refs, cited, arrangement):
    """Write one parameter: `cited` is a bit mask, `arrangement` says the form and the order."""
    template.kind[place] = SUMMED if kind == ABSTRACT else STATED
    template.refs[place] = refs
    template.under[place] = -1
    template.literal[place] = PLAIN if kind == ABSTRACT else tables.arrangements[arrangement, LITERAL]
    template.minus[place] = 0 if kind == ABSTRACT else tables.arrangements[arrangement, MINUS]
    rising = 0
    for earlier in range(place):
        if cited >> earlier & 1:
            if kind == ABSTRACT:
                template.ref[place, rising] = earlier
                template.under[earlier] = place
            else:
                for operand in range(refs):
                    if tables.arrangements[arrangement, ORDER + operand] == rising:
                        template.ref[place, operand] = earlier
            rising += 1


@register_jitable
def rank_of(tables, template):
    """Return the rank of a template among those of its `op`, a wide number: the inverse of `unrank`.

    Raises DrawError if the template is not one of the tables' shape.
    """
    left, waiting, members, constants = template.op, 0, 0, 0
    abstracts = tables.sizes[1] - 1
    queue, loose = 0, 0
    rank = ZERO
    for placed in range(template.nodes):
        refs = template.refs[placed]
        cited = 0
        for operand in range(refs):
            cited |= 1 << template.ref[placed, operand]
        kind = INSTANCE if template.under[placed] < 0 else MEMBER
        if template.kind[placed] == SUMMED:
            kind = ABSTRACT
        used = 0
        for earlier in range(placed):
            if kind != ABSTRACT and (cited & queue) >> earlier & 1:
                used += 1
        arrangement = _arrangement(tables, template, placed, cited)
        skipped = ZERO
        matched = False
        w, x, q, k = 0, 0, 0, 0
        for move in range(len(tables.moves)):
            ways, w, x, q, k = _step(tables, move, left, placed, waiting, members, abstracts, constants)
            if ways == 0:
                continue
            row = _state(tables, left - tables.moves[move, COST], placed + 1, w, x, q, k)
            if row < 0:
                continue
            start = tables.moves[move, START]
            inside = kind == ABSTRACT or start <= arrangement < start + tables.moves[move, ARRANGEMENTS]
            if (
                tables.moves[move, KIND] == kind
                and tables.moves[move, REFS] == refs
                and tables.moves[move, USED] == used
                and inside
            ):
                number = 0
                if kind == ABSTRACT:
                    number = _number(loose, cited, placed, tables.binomial)[0]
                    loose &= ~cited
                else:
                    others = ((1 << placed) - 1) & ~queue
                    number = _number(others, cited & others, placed, tables.binomial)[0]
                    number = number * tables.binomial[waiting, used]
                    number += _number(queue, cited & queue, placed, tables.binomial)[0]
                    number = number * tables.moves[move, ARRANGEMENTS] + arrangement - start
                    queue &= ~cited
                # What follows is numbered below values[row]; all of it lies beyond the moves passed over.
                rank = add(rank, add(skipped, times(load(tables.values, row), number)))
                left -= tables.moves[move, COST]
                matched = True
                break
            skipped = add(skipped, times(load(tables.values, row), ways))
        if not matched:
            raise DrawError("this template is none of the shape that is ranked")
        if kind == MEMBER:
            loose |= 1 << placed
        else:
            queue |= 1 << placed
        waiting, members, abstracts, constants = w, x, q, k
    if left != 0:
        raise DrawError("this template is none of the shape that is ranked")
    return rank


@register_jitable
def _arrangement(tables, template, place, cited):
    """Return the row of `Tables.arrangements` that a parameter's form and order are; -1 if there is none."""
    refs = template.refs[place]
    for row in range(len(tables.arrangements)):
        literal, minus = tables.arrangements[row, LITERAL], tables.arrangements[row, MINUS]
        if literal != template.literal[place] or minus != template.minus[place] or (literal == CONSTANT) != (refs == 0):
            continue
        same = True
        rising = 0
        for earlier in range(place):
            if cited >> earlier & 1:
                for operand in range(refs):
                    stands = template.ref[place, operand] == earlier
                    if (tables.arrangements[row, ORDER + operand] == rising) != stands:
                        same = False
                rising += 1
        if same and rising == refs:
            return row
    return -1


# ---------------------------------------------------------------------------------------------------------------------


@kernel
def _unrank_one(tables, op, rank, template):
    unrank(tables, op, load(rank, 0), template)


@kernel
def _rank_one(tables, template, out):
    store(out, 0, rank_of(tables, template))


def template_of(counts: Counts, op: int, rank: int) -> np.record:
    """Return the template of `op` operations with this rank, a record of `TEMPLATE`.

    Raises IndexError for a rank outside [0, count(op)), SynthgenError for an op outside the counts.
    """
    if not 0 <= rank < counts.count(op):
        raise IndexError(f"rank {rank}: there are {counts.count(op)} templates of {op} operations")
    template = new_template()
    _unrank_one(counts.tables, op, np.array([to_words(rank)], np.uint64), template)
    return template


def rank(counts: Counts, template: np.record) -> int:
    """Return the rank of a template; raises SynthgenError if it is none of this shape."""
    if not (0 < template.nodes <= template.op <= counts.shape.op):
        raise SynthgenError(
            f"a template of {template.nodes} parameters and {template.op} operations: none of this shape"
        )
    out = np.zeros((1, 4), np.uint64)
    _rank_one(counts.tables, template, out)
    return to_int(out[0])


def listed(template: np.record) -> tuple[tuple[int, int, int, tuple[int, ...]], ...]:
    """Return a template as tuples (kind, literal, minus, cited), one for each parameter: equal iff it is the same."""
    return tuple(
        (
            int(template.kind[i]),
            int(template.literal[i]),
            int(template.minus[i]),
            tuple(int(p) for p in template.ref[i, : template.refs[i]]),
        )
        for i in range(template.nodes)
    )


__all__ = ["TEMPLATE", "Tables", "listed", "new_template", "rank", "rank_of", "template_of", "unrank"]
