"""Chances of the sentences that no answer needs, in the paper's sampler, in whatever order they were described.

A text shows neither that order, nor which parameters were kept apart, nor the numbers of items, which decide when an
abstract parameter counts as known. There are too many ways to add them all up. So the sum is estimated by particles,
each a way that is drawn step by step, with the others in sight (sequential Monte Carlo): an estimate that is right on
average. One with the true way among its particles is so for the inverse (Andrieu, Doucet and Holenstein 2010, particle
Gibbs). Of the logarithm the one is too low on average, and the other too high.
"""

from __future__ import annotations

import math

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import uniform
from synthgen.tasks.igsm.writing.paper.numberings import draw_numbering, drawn_numbering
from synthgen.tasks.igsm.writing.paper.shapes import falling
from synthgen.tasks.igsm.writing.paper.unnecessary import fill, fill_above
from synthgen.tasks.igsm.writing.problem import BARE, ITEMS, PARAMS
from synthgen.tasks.igsm.writing.sets import member, size_of

PARTICLES = 256
"""Particles of an estimate."""

SHORT = 3
"""A sentence may cite a whole list of up to three, in its order; that of longer lists never matters."""

SWARM = np.dtype(
    [
        ("chosen", "i8", (2, PARTICLES)),  # what is known, as bits
        ("described", "i8", (2, PARTICLES)),
        ("listed", "i8", (2, PARTICLES)),
        ("list", "i8", (2, PARTICLES, SHORT)),
        ("apart", "i8", (2, PARTICLES)),
        ("aparts", "i8", (2, PARTICLES)),
        ("apart_list", "i8", (2, PARTICLES, SHORT)),
        ("numbered", "i8", (2, PARTICLES, ITEMS)),
        ("weight", "f8", PARTICLES),
        ("after", "i8", PARAMS),  # of a parameter: itself and the sentences that need it, as bits
        ("citers", "i8", PARAMS),  # the sentences that cite it, as bits
        ("in_list", "f8", PARAMS),  # what its sentence's chance will be, roughly, citing from the list of all
        ("in_apart", "f8", PARAMS),  # or from what is apart; 0 where it cannot
        ("running", "f8", 2 * PARAMS),
        ("pull", "f8", 2 * PARAMS),
        ("kind", "i8", 2 * PARAMS),
        ("true_order", "i8", PARAMS),
        ("true_apart", "i8"),
        ("fixed", "i8"),  # how many of the chosen are enlisted in a given order, before those picked one by one
        ("chosen_list", "i8", SHORT),
    ]
)


@register_jitable
def sentence_chance(p, x, source, first, second, third):
    """Return the chance of a sentence that cites from a list of `source` parameters; its first three are given."""
    refs, number = p.refs[x], 1 if p.literal[x] != BARE else 0
    count, most = refs + number, min(source + 1, 4)
    if count < 1 or count > most:
        return 0.0
    counted = 0.5**count if count < most else 0.5 ** (count - 1)
    if count < source + 1:
        return counted * 0.5 / falling(source, refs)
    if not number:
        return 0.0
    for r in range(refs):
        if p.ref[x, r] != (first if r == 0 else second if r == 1 else third):
            return 0.0
    return counted


@register_jitable
def cited_by(p, x):
    """Return what the sentence of x cites, as bits."""
    cited = 0
    for r in range(p.refs[x]):
        cited |= 1 << p.ref[x, r]
    return cited


@register_jitable
def find_followers(p, w, f, remain):
    """Find, for each of the parameters to describe, which others can only come after it."""
    instances = (1 << p.edges) - 1
    for x in range(p.edges):
        f.after[x] = 1 << x
    for _ in range(p.edges):
        changed = False
        rest = remain
        while rest:
            x = member(rest, 0)
            rest &= rest - 1
            needed = cited_by(p, x)
            abstract = needed >> p.edges << p.edges
            while abstract:
                needed |= w.closure[member(abstract, 0)]
                abstract &= abstract - 1
            needed &= instances & remain
            while needed:
                y = member(needed, 0)
                needed &= needed - 1
                if f.after[x] & ~f.after[y]:
                    f.after[y] |= f.after[x]
                    changed = True
        if not changed:
            break


@register_jitable
def foretell(p, f, remain, listed):
    """Foretell what the chance of each sentence will be, by how long the lists are halfway; return log2 of all.

    Of orders too there are, in a forest, as many as 1 over the product of the numbers of followers says.
    """
    steps = size_of(remain)
    for x in range(p.edges):
        f.citers[x] = 0
    rest = remain
    while rest:
        x = member(rest, 0)
        rest &= rest - 1
        cited, refs = cited_by(p, x), p.refs[x]
        f.in_list[x] = sentence_chance(p, x, max(refs + 2, listed + steps // 2), -1, -1, -1)
        f.in_apart[x] = 0 if cited & ~remain else sentence_chance(p, x, max(refs + 2, steps // 3), -1, -1, -1)
        cited &= remain
        while cited:
            f.citers[member(cited, 0)] |= 1 << x
            cited &= cited - 1
    foretold = 0.0
    rest = remain
    while rest:
        x = member(rest, 0)
        rest &= rest - 1
        either = f.in_list[x] + f.in_apart[x] * 0.5 ** size_of(cited_by(p, x))
        foretold += math.log2(either / size_of(f.after[x]))
    return foretold


@register_jitable
def _outlook(p, f, i, x, apart):
    """Return by what factor it changes what is foretold of the others if x is described now, apart or not.

    A sentence that cites nothing but what is apart can be apart itself, whose list is short: so its chance is that of
    either, the latter if all it cites, of which each other one will be with a half, is apart.
    """
    described, kept_apart, factor = f.described[0, i], f.apart[0, i], 1.0
    rest = f.citers[x]
    while rest:
        y = member(rest, 0)
        rest &= rest - 1
        if f.in_apart[y] == 0:
            continue
        cited = cited_by(p, y)
        if cited & described & ~kept_apart:
            continue
        either = f.in_apart[y] * 0.5 ** size_of(cited & ~described)
        factor *= (f.in_list[y] + (2 * either if apart else 0.0)) / (f.in_list[y] + either)
    return factor


@register_jitable
def _start(state, p, w, f, g, i, chosen, true):
    """Begin a particle: with a numbering, the necessary parameters enlisted, and what they make known."""
    if true:
        drawn_numbering(p, w)
    else:
        draw_numbering(state, p, w, g)
    w.chosen = chosen
    w.described = chosen & ((1 << p.edges) - 1)
    w.listed = size_of(chosen)
    if w.listed <= SHORT:
        for k in range(w.listed):
            w.list[k] = f.chosen_list[k]
        if not true:
            for k in range(w.listed - 1, f.fixed, -1):
                j = f.fixed + uniform(state, k - f.fixed + 1)
                w.list[k], w.list[j] = w.list[j], w.list[k]
    fill(p, w)
    f.aparts[0, i] = 0
    f.apart[0, i] = 0
    _keep(w, f, i)


@register_jitable
def _keep(w, f, i):
    """Write what was done at the work back to a particle."""
    f.chosen[0, i] = w.chosen
    f.described[0, i] = w.described
    f.listed[0, i] = w.listed
    for k in range(SHORT):
        f.list[0, i, k] = w.list[k]
    for k in range(ITEMS):
        f.numbered[0, i, k] = w.numbered[k]


@register_jitable
def _describe(p, w, f, i, x, apart):
    """Describe x in particle i."""
    w.chosen = f.chosen[0, i] | 1 << x
    w.described = f.described[0, i] | 1 << x
    w.listed = f.listed[0, i] + 1
    for k in range(SHORT):
        w.list[k] = f.list[0, i, k]
    w.list[w.listed - 1] = x
    for k in range(ITEMS):
        w.numbered[k] = f.numbered[0, i, k]
    if apart:
        if f.aparts[0, i] < SHORT:
            f.apart_list[0, i, f.aparts[0, i]] = x
        f.aparts[0, i] += 1
        f.apart[0, i] |= 1 << x
    fill_above(p, w, x)
    _keep(w, f, i)


@register_jitable
def _step(state, p, w, f, i, instances, step, true):
    """Let a particle describe one more parameter; return what its weight is multiplied with.

    The weights are of what is described, and of what is foretold of the rest.
    """
    options, whole = 0, 0.0
    rest = instances & ~f.described[0, i]
    while rest:
        x = member(rest, 0)
        rest &= rest - 1
        cited, followers = cited_by(p, x), size_of(f.after[x])
        for apart in range(2):
            if cited & ~(f.apart[0, i] if apart else f.chosen[0, i]):
                continue
            if apart:
                first, second, third = f.apart_list[0, i, 0], f.apart_list[0, i, 1], f.apart_list[0, i, 2]
            else:
                first, second, third = f.list[0, i, 0], f.list[0, i, 1], f.list[0, i, 2]
            source = f.aparts[0, i] if apart else f.listed[0, i]
            chance = sentence_chance(p, x, source, first, second, third)
            if chance > 0:
                foretold = f.in_list[x] + (0.0 if cited & ~f.apart[0, i] else f.in_apart[x])
                f.pull[options] = followers * _outlook(p, f, i, x, apart) / foretold
                whole += chance * f.pull[options]
                f.running[options] = whole
                f.kind[options] = 2 * x + apart
                options += 1
    if whole == 0:
        return 0.0
    at, k = whole * (uniform(state, 1 << 30) + 0.5) / (1 << 30), 0
    if true:
        x = f.true_order[step]
        while f.kind[k] != 2 * x + (f.true_apart >> x & 1):
            k += 1
    else:
        while k < options - 1 and f.running[k] <= at:
            k += 1
    _describe(p, w, f, i, f.kind[k] >> 1, f.kind[k] & 1)
    return whole


@register_jitable
def _resample(state, f, with_true):
    """Draw the particles anew by their weights; the true one stays."""
    total = 0.0
    for i in range(PARTICLES):
        total += f.weight[i]
    f.chosen[1] = f.chosen[0]
    f.described[1] = f.described[0]
    f.listed[1] = f.listed[0]
    f.list[1] = f.list[0]
    f.apart[1] = f.apart[0]
    f.aparts[1] = f.aparts[0]
    f.apart_list[1] = f.apart_list[0]
    f.numbered[1] = f.numbered[0]
    for i in range(1 if with_true else 0, PARTICLES):
        at, k = total * (uniform(state, 1 << 30) + 0.5) / (1 << 30), 0
        at -= f.weight[0]
        while k < PARTICLES - 1 and at >= 0:
            k += 1
            at -= f.weight[k]
        f.chosen[0, i] = f.chosen[1, k]
        f.described[0, i] = f.described[1, k]
        f.listed[0, i] = f.listed[1, k]
        f.list[0, i] = f.list[1, k]
        f.apart[0, i] = f.apart[1, k]
        f.aparts[0, i] = f.aparts[1, k]
        f.apart_list[0, i] = f.apart_list[1, k]
        f.numbered[0, i] = f.numbered[1, k]


@register_jitable
def description_log2(state, p, w, f, g, chosen, with_true):
    """Return log2 of an estimate of the mean chance, over numberings, of describing what is there beyond `chosen`.

    Summed over orders and over what is apart. The true way is particle 0, or none is. The work is scratch afterwards.
    """
    instances = (1 << p.edges) - 1
    steps = size_of(instances & ~chosen)
    estimate = foretell(p, f, instances & ~chosen, size_of(chosen)) - math.log2(falling(steps, steps)) - steps
    for i in range(PARTICLES):
        _start(state, p, w, f, g, i, chosen, with_true and i == 0)
        f.weight[i] = 1.0
    for step in range(steps):
        total, squares = 0.0, 0.0
        for i in range(PARTICLES):
            if f.weight[i] > 0:
                f.weight[i] *= _step(state, p, w, f, i, instances, step, with_true and i == 0)
            total += f.weight[i]
        if total == 0:
            drawn_numbering(p, w)
            return -math.inf
        for i in range(PARTICLES):
            f.weight[i] *= PARTICLES / total
            squares += f.weight[i] ** 2
        estimate += math.log2(total / PARTICLES)
        if squares > 2 * PARTICLES and step < steps - 1:  # fewer than half of them count
            _resample(state, f, with_true)
            f.weight[:] = 1.0
    drawn_numbering(p, w)
    return estimate


@register_jitable
def true_log2(state, p, w, f, g, chosen):
    """Return log2 of the chance of the way in which these sentences were described indeed."""
    instances = (1 << p.edges) - 1
    steps = size_of(instances & ~chosen)
    _start(state, p, w, f, g, 0, chosen, True)
    whole = -math.log2(falling(steps, steps)) - steps
    for step in range(steps):
        x = f.true_order[step]
        apart = f.true_apart >> x & 1
        if apart:
            first, second, third = f.apart_list[0, 0, 0], f.apart_list[0, 0, 1], f.apart_list[0, 0, 2]
        else:
            first, second, third = f.list[0, 0, 0], f.list[0, 0, 1], f.list[0, 0, 2]
        source = f.aparts[0, 0] if apart else f.listed[0, 0]
        whole += math.log2(sentence_chance(p, x, source, first, second, third))
        _describe(p, w, f, 0, x, apart)
    return whole
