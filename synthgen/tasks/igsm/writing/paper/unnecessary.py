"""What no answer needs, in the paper's sampler: every instance parameter that is left gets a sentence too."""

from __future__ import annotations

from numba.extending import register_jitable

from synthgen.exact.draw import below
from synthgen.tasks.igsm.writing.paper.necessary import enlist, sign
from synthgen.tasks.igsm.writing.problem import ADDED
from synthgen.tasks.igsm.writing.sets import pick, size_of


@register_jitable
def fill(p, w):
    """Count as known the abstract parameters whose parts are all chosen; one pass, with the released code's gaps."""
    for i in range(p.layers - 1):
        for number in range(p.first[i], p.first[i + 1]):
            item = w.numbered[number]
            x = p.abstract[item, i + 1]
            if not w.chosen >> x & 1 and w.instances[item] & ~w.described == 0:
                enlist(w, p, 1 << x)
    for i in range(p.layers - 1):
        _fill_layer(p, w, i, i + 2)


@register_jitable
def _fill_layer(p, w, i, lowest):
    """Fill one layer's parameters for the layers from `lowest` on; one that misses a part stops all that follow."""
    stamped = False
    for layer in range(lowest, p.layers):
        for number in range(p.first[i], p.first[i + 1]):
            item = w.numbered[number]
            if not w.chosen >> p.abstract[item, i + 1] & 1:
                continue
            for c in range(p.children[item]):
                if not w.chosen >> p.abstract[p.target[p.child[item, c]], layer] & 1:
                    stamped = True
            if stamped:
                break
            x = p.abstract[item, layer]
            if not w.chosen >> x & 1:
                enlist(w, p, 1 << x)


@register_jitable
def fill_above(p, w, x):
    """Do the same after instance parameter x got its sentence, for its item and for the layers above it."""
    item = p.owner[x]
    i = p.layer[item]
    if w.instances[item] & ~w.described:
        return
    enlist(w, p, 1 << p.abstract[item, i + 1])
    for layer in range(i + 2, p.layers):
        known = True
        for c in range(p.children[item]):
            if not w.chosen >> p.abstract[p.target[p.child[item, c]], layer] & 1:
                known = False
        if not known:
            break
        if not w.chosen >> p.abstract[item, layer] & 1:
            enlist(w, p, 1 << p.abstract[item, layer])
    for above in range(i - 1, -1, -1):
        _fill_layer(p, w, above, i + 1)


@register_jitable
def describe_rest(state, p, w):
    """Give every instance parameter that is not necessary a sentence too, in random order."""
    w.aparts = 0
    instances = (1 << p.edges) - 1
    remain = instances & ~w.described
    sentences = size_of(w.described)
    while remain:
        x = pick(state, remain)
        remain &= ~(1 << x)
        apart = below(state, 2) == 0
        source = w.aparts if apart else w.listed
        count = 1
        while count < min(source + 1, 4) and below(state, 2) == 0:
            count += 1
        p.refs[x] = 0
        if count == source + 1:
            p.literal[x] = ADDED
            for i in range(source):
                p.ref[x, i] = w.apart[i] if apart else w.list[i]
            p.refs[x] = source
        else:
            if below(state, 2) == 0:
                p.literal[x] = ADDED
                count -= 1
            _sample_list(state, p, w, x, apart, source, count)
        for r in range(p.refs[x]):
            y = p.ref[x, r]
            if y >= p.edges:
                w.mentioned |= w.closure[y] & ~instances
        w.described |= 1 << x
        p.made[sentences] = x
        sentences += 1
        enlist(w, p, 1 << x)
        if apart:
            w.apart[w.aparts] = x
            w.aparts += 1
        fill_above(p, w, x)
        units = state.ledger
        sign(state, p, x)
        w.operator_units += state.ledger - units


@register_jitable
def _sample_list(state, p, w, x, apart, source, count):
    """Cite `count` different members of a list, in the order they are drawn."""
    while p.refs[x] < count:
        which = below(state, source - p.refs[x])
        for r in range(p.refs[x]):  # the which-th place not taken yet; those taken stand in w.extra, rising
            if which >= w.extra[r]:
                which += 1
        place = p.refs[x]
        while place > 0 and w.extra[place - 1] > which:
            w.extra[place] = w.extra[place - 1]
            place -= 1
        w.extra[place] = which
        p.ref[x, p.refs[x]] = w.apart[which] if apart else w.list[which]
        p.refs[x] += 1
