"""Chances of a problem's shape in one attempt of the paper's sampler: sizes, structure graph, necessary parameters.

A text shows neither the budgets (s, n, m), nor the least and the most width, nor the order in which layers grew, nor
which edge an item got first, nor the order in which parameters were chosen. Here all of that is summed out, exactly.
Chances are of the first turn, whose urn is empty.
"""

from __future__ import annotations

import math

import numpy as np
from numba.extending import register_jitable

from synthgen.tasks.igsm.writing.paper.necessary import cost_of_set
from synthgen.tasks.igsm.writing.problem import ITEMS
from synthgen.tasks.igsm.writing.sets import member, size_of

MOST_STATES = 4096
"""States of choosing that are kept apart: sets of abstract parameters, with what they need, and two levels."""

GROWN, HITS = 81, 10
"""Ways to be wider than the least width, by up to 2 in each of four layers; hits of the urn, one more than growths."""

CHOICE = np.dtype(
    [
        ("set", "i8", MOST_STATES),
        ("lowest", "i8", MOST_STATES),
        ("highest", "i8", MOST_STATES),
        ("code", "i8", MOST_STATES),  # the order of the set, where it matters
        ("left", "i8", MOST_STATES),
        ("done", "i8", MOST_STATES),
        ("chance", "f8", MOST_STATES),
        ("states", "i8"),
        ("grown", "f8", (GROWN, HITS)),
        ("parents", "i8", ITEMS),
        ("spent", "f8", 128),  # by budget n: the chance of the set of abstract parameters
    ]
)

EMPTY = -1
"""No code: the order of the chosen parameters does not matter."""


@register_jitable
def falling(n, k):
    """Return n (n - 1) ... (n - k + 1)."""
    product = 1.0
    for i in range(k):
        product *= n - i
    return product


@register_jitable
def choices(n, k):
    """Return the number of k-subsets of n."""
    return falling(n, k) / falling(k, k)


@register_jitable
def lesser_chance(x, low, high):
    """Return the chance of x as the lesser of two uniform numbers of [low, high]."""
    n = high - low + 1
    return (2 * (high - x) + 1) / (n * n) if low <= x <= high else 0.0


@register_jitable
def at_least_chance(x, low, high):
    """Return the chance that the lesser of two uniform numbers of [low, high] is x or more."""
    n = high - low + 1
    rest = min(n, high - x + 1)
    return rest * rest / (n * n) if rest > 0 else 0.0


@register_jitable
def growth_chance(p, least, most, c):
    """Return the chance that layers of `least` items grow to the widths there are, `most` at most."""
    goal = 0
    for i in range(p.layers):
        if p.width[i] < least or p.width[i] > most:
            return 0.0
        goal = 3 * goal + p.width[i] - least
    c.grown[:] = 0
    c.grown[0, 0] = 1
    reached = 0.0
    for code in range(goal + 1):  # a layer that grows has the greater code
        room, need, free, before, within, rest = 0, 0, 0, 0, True, code
        for i in range(p.layers - 1, -1, -1):
            width = least + rest % 3
            rest //= 3
            within &= width <= p.width[i]
            if i < p.layers - 1:
                room += width * before
                need += before
            free += 1 if width < most else 0
            before = width
        if not within:
            continue
        for hits in range(HITS):
            chance = c.grown[code, hits]
            if chance == 0:
                continue
            more = hits
            if room >= p.edges:
                stop = 1.0 if need == p.edges else 1 / (hits + 2)
                if need != p.edges and free == 0:
                    stop = 1.0
                if code == goal:
                    reached += chance * stop
                chance *= 1 - stop
                more = hits + 1
            if chance == 0 or free == 0:
                continue
            rest, power = code, 1
            for i in range(p.layers - 1, -1, -1):
                width = least + rest % 3
                if width < p.width[i] and width < most and more < HITS:
                    c.grown[code + power, more] += chance / free
                rest //= 3
                power *= 3
    return reached


@register_jitable
def edges_bits(p, c):
    """Return -log2 of the chance of these edges given the widths, whichever parent each inner item got first."""
    c.parents[:] = 0
    for x in range(p.edges):
        c.parents[p.target[x]] += 1
    bits, need, missing = 0.0, 0, 0
    for i in range(1, p.layers):
        for item in range(p.first[i], p.first[i + 1]):
            bits += math.log2(p.width[i - 1] / c.parents[item])
        need += p.width[i]
        missing += (p.width[i - 1] - 1) * p.width[i]
    return bits + math.log2(choices(missing, p.edges - need))


@register_jitable
def _reach(c, chosen, lowest, highest, code, left, chance):
    """Add the chance of a state of choosing; False where there are too many."""
    for i in range(c.states):
        same = c.set[i] == chosen and c.lowest[i] == lowest and c.highest[i] == highest and c.code[i] == code
        if same and not c.done[i]:
            c.chance[i] += chance
            return True
    if c.states == MOST_STATES:
        return False
    i = c.states
    c.set[i], c.lowest[i], c.highest[i], c.code[i], c.left[i] = chosen, lowest, highest, code, left
    c.done[i], c.chance[i] = 0, chance
    c.states += 1
    return True


@register_jitable
def coded(p, code, new):
    """Return the code of a list with a set behind it, abstract parameters first; EMPTY stays."""
    if code == EMPTY:
        return code
    for part in range(2):
        rest = new >> p.edges << p.edges if part == 0 else new & ((1 << p.edges) - 1)
        while rest:
            code = 128 * code + member(rest, 0) + 1
            rest &= rest - 1
    return code


@register_jitable
def _enlisted(p, w, c, state, goal, x, lowest, highest, chance):
    """Go on from a state by choosing x and all it needs."""
    new = w.closure[x] & ~c.set[state]
    if new & ~goal:
        return True
    left = c.left[state] - cost_of_set(p, w, new)
    return _reach(c, c.set[state] | new, lowest, highest, coded(p, c.code[state], new), left, chance)


@register_jitable
def choice_chance(p, w, c, goal, code, n):
    """Return the chance that a budget of n goes to `goal`, all that some abstract parameters need; -1: too many states.

    With a `code`, that it is chosen in this order (at most nine parameters); EMPTY: in any.
    """
    c.states = 0
    _reach(c, 0, 1, p.layers - 1, EMPTY if code == EMPTY else 0, n, 1.0)
    reached = 0.0
    while True:
        state = -1
        for i in range(c.states):
            if not c.done[i] and (state < 0 or c.left[i] > c.left[state]):
                state = i
        if state < 0:
            return reached
        c.done[state] = 1
        here = c.set[state] == goal and c.code[state] == code
        left, chance = c.left[state], c.chance[state]
        if left == 0:
            reached += chance if here else 0.0
            continue
        lowest, highest, fallback, ended = c.lowest[state], c.highest[state], 0, False
        for level in range(1, p.layers):
            candidates = w.level[level] & ~c.set[state]
            if candidates == 0:
                if level == lowest:
                    lowest += 1
                elif level == highest:
                    highest -= 1
                continue
            each, affordable = chance / size_of(candidates), 0
            rest = candidates
            while rest:
                x = member(rest, 0)
                rest &= rest - 1
                if cost_of_set(p, w, w.closure[x] & ~c.set[state]) <= left:
                    affordable |= 1 << x
            beyond = size_of(candidates & ~affordable)
            if beyond and level == lowest:
                reached += each * beyond if here else 0.0
            elif beyond:
                rest = fallback
                while rest:
                    x = member(rest, 0)
                    rest &= rest - 1
                    if not _enlisted(p, w, c, state, goal, x, lowest, highest, each * beyond / size_of(fallback)):
                        return -1.0
            if level >= highest:
                rest = affordable
                while rest:
                    x = member(rest, 0)
                    rest &= rest - 1
                    if not _enlisted(p, w, c, state, goal, x, lowest, highest, each):
                        return -1.0
                ended = True
                break
            chance = each * size_of(affordable)
            fallback = affordable
            if chance == 0:
                ended = True
                break
        moved = lowest != c.lowest[state] or highest != c.highest[state]
        if not ended and moved and not _reach(c, c.set[state], lowest, highest, c.code[state], left, chance):
            return -1.0


@register_jitable
def shape_chance(p, w, c, law, op, sizes, chosen, code, extra, room):
    """Return the chance of layers, widths and chosen parameters, and of as many operations; -1: too many states.

    All but which edges there are. `extra` of `room` operations were spent on further references.
    """
    instances = (1 << p.edges) - 1
    goal = 0
    rest = chosen >> p.edges << p.edges
    while rest:
        goal |= w.closure[member(rest, 0)]
        rest &= rest - 1
    if goal & ~chosen:
        return 0.0
    spent, free, single = cost_of_set(p, w, goal), size_of(instances & ~goal), size_of(chosen & ~goal)
    most_n = p.edges
    for item in range(p.first[p.layers - 1]):
        count = p.children[item]
        most_n += max(2 * count - 1, 0) * (p.layers - p.layer[item] - 2) + (count - 1 if count > 1 else count)
    last = op if law.fixed else law.max_op
    for n in range(1, min(last, most_n) + 1):
        c.spent[n] = choice_chance(p, w, c, goal, code, n)
        if c.spent[n] < 0:
            return -1.0
    whole = 0.0
    for s in range(op, last + 1):
        if min(max(s - spent - single, 0), room) != extra:
            continue
        budgets = 0.0
        for n in range(1, s + 1):
            for m in range(n, s + 1):
                others = m - spent
                if min(m, p.edges) > op or others < single or (others > single and single < free):
                    continue
                budgets += (2 * n - 1) / (s * s) / (s - n + 1) * c.spent[min(n, most_n)]
        if budgets == 0:
            continue
        graphs = 0.0
        for a in range(2, 5):
            for b in range(2, 5):
                least, most = min(a, b), max(a, b)
                low = (p.layers - 1) * least
                high, cut = max(law.max_edge, low), (p.layers - 1) * most * most
                drawn = 0.0
                if p.edges < cut:
                    drawn = lesser_chance(p.edges, low, high)
                elif p.edges == cut:
                    drawn = at_least_chance(cut, low, high)
                if drawn > 0:
                    both = _size_chance(sizes, s, a) * _size_chance(sizes, s, b)
                    graphs += both * drawn * growth_chance(p, least, most, c)
        target = 1.0 if law.fixed else lesser_chance(s, op, law.max_op)
        whole += target * _size_chance(sizes, s, p.layers) * graphs * budgets
    return whole / choices(free, single)


@register_jitable
def _size_chance(sizes, s, size):
    """Return the chance of a depth, or of a width, of 2, 3 or 4."""
    before = sizes[s, size - 3] if size > 2 else 0
    return (sizes[s, size - 2] - before) / sizes[s, 2]
