"""One problem, as arrays: the structure graph, every parameter that exists, and the solution as binary operations.

Items are numbered through the layers, from outside to inside. Parameters are numbered too: first the `edges` instance
parameters ("how many of item k are in each item j"; one problem sentence each), then all abstract ones ("how many
things of category L are in each item j"). Everything that may be asked of a problem (what depends on what, what can
come next, its text in any wording) follows from the record, whoever filled it: the paper's sampler or the open one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from synthgen.tasks.igsm.writing.sets import member

LAYERS, WIDTH = 4, 8
ITEMS, PARAMS, REFS = LAYERS * WIDTH, 128, 4
SYMBOLS, GROUPS_OF_DIGITS = 512, 333
"""Limits of a problem: layers, items of a layer, items, parameters, references of a sentence, operations, and thousands
of a whole number."""

BARE, ADDED, TIMES, CONSTANT = 0, 1, 2, 3
"""What number a sentence holds: none, "c more than", "c times as much as", or nothing but the number."""

NUMBER = -1
"""An operand that is the sentence's number; others are symbols."""

PROBLEM = np.dtype(
    [
        # the structure graph: width of each layer, the first item of each, the layer of each item
        ("layers", "i8"),
        ("width", "i8", LAYERS),
        ("first", "i8", LAYERS + 1),
        ("layer", "i8", ITEMS),
        # names: a chain, its first category, a group of each layer, a name of each item
        ("chain", "i8"),
        ("start", "i8"),
        ("group", "i8", LAYERS),
        ("name", "i8", ITEMS),
        # parameters; instance: owner item and target item, abstract: owner item and target layer
        ("edges", "i8"),
        ("params", "i8"),
        ("owner", "i8", PARAMS),
        ("target", "i8", PARAMS),
        ("abstract", "i8", (ITEMS, LAYERS)),  # number of an item's abstract parameter for a layer
        ("child", "i8", (ITEMS, WIDTH)),  # instance parameters of an item, rising
        ("children", "i8", ITEMS),
        # the sentence of each instance parameter
        ("refs", "i8", PARAMS),
        ("ref", "i8", (PARAMS, REFS)),
        ("literal", "i8", PARAMS),
        ("minus", "i8", PARAMS),
        ("number", "i8", PARAMS),
        # orders: of the solution (the last one is the query), of the problem's sentences, of creation
        ("steps", "i8"),
        ("order", "i8", PARAMS),
        ("sentence", "i8", PARAMS),
        ("made", "i8", PARAMS),  # instance parameters, each after all it cites
        ("mentioned", "i8"),  # abstract parameters that are necessary or cited, as bits (the paper's sampler)
        ("sorted", "i8", PARAMS),  # scratch: an order of sentences before it is shuffled
        ("place", "i8", PARAMS),
        # the solution: one symbol an operation, numbered as the text shows them
        ("op", "i8"),
        ("symbol", "i8", PARAMS),  # of each solved parameter
        ("meaning", "i8", SYMBOLS),  # parameter of a symbol; -1 for a partial result
        ("operands", "i8", SYMBOLS),  # 0: a number; 1: a copy; 2: left sign right
        ("sign", "i8", SYMBOLS),  # 0 +, 1 -, 2 *
        ("left", "i8", SYMBOLS),
        ("right", "i8", SYMBOLS),
        ("result", "i8", SYMBOLS),
        ("spelling", "i8", SYMBOLS),  # which letter a symbol has
        ("taken", "i8", SYMBOLS),  # scratch: the letters given so far
        ("solved", "i8", PARAMS),  # whether a parameter is in the solution
        ("needed", "i8", PARAMS),  # whether what is asked is computed from it
        # results as whole numbers, where nothing is counted modulo a prime; the last one is a sentence's number
        ("length", "i8", SYMBOLS + 1),  # thousands of a symbol's result: 0 of nought
        ("negative", "i8", SYMBOLS + 1),
        ("thousand", "i4", (SYMBOLS + 1, GROUPS_OF_DIGITS)),  # of its digits, the lowest first
    ]
)

PLUS, MINUS, STAR = 0, 1, 2


def new_problem() -> Any:
    """Return an empty record for a sampler to fill."""
    return np.zeros(1, np.dtype((np.record, PROBLEM)))[0]


@register_jitable
def number_parameters(p, edge):
    """Number items and parameters, given layers, widths and `edge`: edge[i, j] has bit k for a child k of item (i, j).

    Sets first, layer, edges, params, owner, target, abstract, child and children.
    """
    item = 0
    for i in range(p.layers):
        p.first[i] = item
        for _ in range(p.width[i]):
            p.layer[item] = i
            item += 1
    p.first[p.layers] = item
    count = 0
    for i in range(p.layers - 1):
        for j in range(p.width[i]):
            parent = p.first[i] + j
            rest, inside = edge[i, j], 0
            while rest:
                p.owner[count] = parent
                p.target[count] = p.first[i + 1] + member(rest, 0)
                p.child[parent, inside] = count
                rest &= rest - 1
                inside += 1
                count += 1
            p.children[parent] = inside
    p.edges = count
    for i in range(p.layers - 1):
        for j in range(p.width[i]):
            parent = p.first[i] + j
            for layer in range(i + 1, p.layers):
                p.owner[count] = parent
                p.target[count] = layer
                p.abstract[parent, layer] = count
                count += 1
    p.params = count
    for x in range(count):
        p.refs[x] = 0
        p.literal[x] = BARE
        p.minus[x] = 0
        p.number[x] = 0
        p.solved[x] = 0


@register_jitable
def is_abstract(p, x):
    """Say whether parameter x is abstract."""
    return x >= p.edges


@register_jitable
def level_of(p, x):
    """Return how many layers an abstract parameter looks down."""
    return p.target[x] - p.layer[p.owner[x]]


@register_jitable
def predecessors(p, x, out):
    """Write what parameter x is computed from, in the order of its text; return how many there are."""
    if x < p.edges:
        for i in range(p.refs[x]):
            out[i] = p.ref[x, i]
        return p.refs[x]
    parent, layer, count = p.owner[x], p.target[x], 0
    for i in range(p.children[parent]):
        edge = p.child[parent, i]
        out[count] = edge
        count += 1
        if layer - p.layer[parent] > 1:
            out[count] = p.abstract[p.target[edge], layer]
            count += 1
    return count


@register_jitable
def cost_of(p, x):
    """Return how many operations parameter x takes."""
    if x < p.edges:
        operands = p.refs[x] + (1 if p.literal[x] != BARE else 0)
    elif level_of(p, x) == 1:
        operands = p.children[p.owner[x]]
    else:
        operands = 2 * p.children[p.owner[x]]
    return max(1, operands - 1)


@register_jitable
def find_needed(p, around):
    """Mark what is asked and all it is computed from, among the steps of the solution; return how many these are."""
    count = 0
    for x in range(p.params):
        p.needed[x] = 0
    p.needed[p.order[p.steps - 1]] = 1
    for i in range(p.steps - 1, -1, -1):
        x = p.order[i]
        if p.needed[x]:
            count += 1
            for r in range(predecessors(p, x, around)):
                p.needed[around[r]] = 1
    return count


@register_jitable
def depth_of(p, depth, around):
    """Return the number of parameters on the longest chain to what is asked; `depth`, `around` are scratch."""
    for i in range(p.steps):
        x = p.order[i]
        depth[x] = 1
        for r in range(predecessors(p, x, around)):
            depth[x] = max(depth[x], depth[around[r]] + 1)
    return depth[p.order[p.steps - 1]]


# ---------------------------------------------------------------------------------------------------------------------
# The solution as operations.


@register_jitable
def compile_solution(p):
    """Write the solution as operations with one symbol each, and set `op` to their number. Needs `order`.

    A step's own symbol is numbered before those of its partial results, as its text shows them. Several operands are
    added from left to right; the sentence's number comes first; an abstract parameter multiplies, then adds at once.
    """
    count = 0
    for x in range(p.params):
        p.solved[x] = 0
    for i in range(p.steps):
        x = p.order[i]
        p.solved[x] = 1
        result = count
        p.symbol[x] = result
        p.meaning[result] = x
        count += 1
        count = _compile_sentence(p, x, result, count) if x < p.edges else _compile_abstract(p, x, result, count)
    p.op = count


@register_jitable
def _operation(p, symbol, operands, sign, left, right):
    """Write one operation."""
    p.operands[symbol] = operands
    p.sign[symbol] = sign
    p.left[symbol] = left
    p.right[symbol] = right


@register_jitable
def _compile_sentence(p, x, result, count):
    refs, literal = p.refs[x], p.literal[x]
    if refs == 0:
        _operation(p, result, 0, PLUS, NUMBER, NUMBER)
        return count
    left = p.symbol[p.ref[x, 0]]
    last = refs if literal != BARE else refs - 1  # operand at which a partial result is needed no more
    for r in range(1, refs):
        sign = MINUS if refs == 2 and p.minus[x] else PLUS
        symbol = result
        if r < last:
            symbol = count
            p.meaning[symbol] = -1
            count += 1
        _operation(p, symbol, 2, sign, left, p.symbol[p.ref[x, r]])
        left = symbol
    if literal != BARE:
        _operation(p, result, 2, STAR if literal == TIMES else PLUS, NUMBER, left)
    elif refs == 1:
        _operation(p, result, 1, PLUS, left, NUMBER)
    return count


@register_jitable
def _compile_abstract(p, x, result, count):
    item, layer = p.owner[x], p.target[x]
    children = p.children[item]
    deep = layer - p.layer[item] > 1
    if children == 0:
        _operation(p, result, 0, PLUS, NUMBER, NUMBER)
        return count
    left = 0
    for i in range(children):
        edge = p.child[item, i]
        term = p.symbol[edge]
        if deep:
            symbol = result
            if children > 1:
                symbol = count
                p.meaning[symbol] = -1
                count += 1
            below = p.symbol[p.abstract[p.target[edge], layer]]
            _operation(p, symbol, 2, STAR, term, below)
            term = symbol
        elif children == 1:
            _operation(p, result, 1, PLUS, term, NUMBER)
        if i == 0:
            left = term
            continue
        symbol = result
        if i < children - 1:
            symbol = count
            p.meaning[symbol] = -1
            count += 1
        _operation(p, symbol, 2, PLUS, left, term)
        left = symbol
    return count


@register_jitable
def compute_results(p, modulus):
    """Compute the result of every operation of a compiled solution, modulo a prime. Needs numbers."""
    for i in range(p.steps):
        x = p.order[i]
        result = p.symbol[x]
        last = p.op if i + 1 == p.steps else p.symbol[p.order[i + 1]]
        number = p.number[x] if x < p.edges else 0
        for k in range(result + 1, last + 1):
            symbol = result if k == last else k  # what a step defines comes after its partial results
            left, right, sign = p.left[symbol], p.right[symbol], p.sign[symbol]
            value = number if left == NUMBER else p.result[left]
            if p.operands[symbol] == 2:
                other = p.result[right]
                value = value + other if sign == PLUS else value - other if sign == MINUS else value * other
            p.result[symbol] = value % modulus
