"""The sampler of Mano rows: a random binary tree in prefix order, its value, and twin ids; in compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.errors import DrawError
from synthgen.exact.draw import attempt, begin, below
from synthgen.exact.jit import kernel

SIZE, EXPRESSION, TWINS = range(3)
STAGES = ("size", "expression", "twins")

ADD, SUBTRACT, MULTIPLY, DIVIDE = range(4)
OPERATIONS = ("+", "-", "*", "/")

MAX_ATTEMPTS = 64
"""Expressions drawn for one row until one divides by no zero; each is defined with more than 3 chances in 5."""


class Layout(NamedTuple):
    """The settings and symbol numbers that the kernel needs, all whole numbers."""

    most: int  # L
    exactly: int  # operations of every row; 0: 1 to L, all alike
    modulus: int
    twins: int  # whether a symbol is one of two, by a fair coin
    value: int  # the number of the value 0
    operation: int  # the number of the operation 0; every operation has two, as have the marks below
    length: int  # the number of the mark that says: 0 operations follow
    answer: int  # the number of the mark that says: the value of 0 operations is


class Arithmetic(NamedTuple):
    """What the kernel calculates with."""

    operations: np.ndarray  # the numbers of those in use
    inverse: np.ndarray  # (modulus,) int64: 0 where there is none
    saved: np.ndarray  # (L + 1,) int64: log2 of the chance that so many operations divide by no zero, in ledger units


class Drawn(NamedTuple):
    """What the kernel fills; rows stand behind one another."""

    ids: np.ndarray  # (room,) uint16
    ends: np.ndarray  # (rows,) int64: where each row's ids end
    answers: np.ndarray  # (rows,) int64
    units: np.ndarray  # (rows, stages) int64: ledger units


@register_jitable(forceinline=True)
def _result(operation, left, right, layout, inverse):
    """Return the value of an operation, -1 where it divides by zero; what is not asked for costs less than a branch."""
    total, difference, product = left + right, left - right + layout.modulus, left * right
    value = total if operation == ADD else difference if operation == SUBTRACT else product
    if operation == DIVIDE:
        if right == 0:
            return -1
        value = left * inverse[right]
    return np.int64(np.uint32(value) % np.uint32(layout.modulus))


@kernel
def write_rows(state, keys, start, stop, layout, arithmetic, symbols, drawn):
    """Write the rows [start, stop); symbols[number] is a symbol's id."""
    operations, inverse, saved = arithmetic
    ids, ends, answers, units = drawn
    stack = np.empty(layout.most + 2, np.int64)
    prefix = np.empty(2 * layout.most + 1, np.int64)  # a value, or -1 - operation
    twin = np.zeros(layout.most + 2, np.int64)  # which id of two, by the marks and operations in their order
    token = 0
    for row in range(start, stop):
        out = row - start
        begin(state, keys[SIZE], row, 0)
        size = layout.exactly if layout.exactly else 1 + below(state, layout.most)
        units[out, SIZE] = state.ledger
        begin(state, keys[EXPRESSION], row, 0)
        value = -1
        for trial in range(MAX_ATTEMPTS):
            if trial > 0:
                attempt(state, trial)
            stack[0] = size
            depth = 1
            written = 0
            while depth > 0:
                depth -= 1
                below_here = stack[depth]
                if below_here == 0:
                    prefix[written] = below(state, layout.modulus)
                else:
                    prefix[written] = -1 - operations[below(state, operations.size)]
                    left = below(state, below_here)
                    stack[depth] = below_here - 1 - left
                    stack[depth + 1] = left
                    depth += 2
                written += 1
            for place in range(written - 1, -1, -1):  # from its end, a prefix expression is a stack machine's program
                item = prefix[place]
                if item < 0:
                    depth -= 2
                    item = _result(-1 - item, stack[depth + 1], stack[depth], layout, inverse)
                    if item < 0:
                        break
                stack[depth] = item
                depth += 1
            else:
                value = stack[0]
                break
        if value < 0:
            raise DrawError("64 expressions in a row divide by zero: the state was not begun or is corrupt")
        units[out, EXPRESSION] = state.ledger + saved[size]
        begin(state, keys[TWINS], row, 0)
        if layout.twins:
            for i in range(size + 2):
                twin[i] = below(state, 2)
        ids[token] = symbols[layout.length + 2 * size + twin[0]]
        token += 1
        twins = 1
        for place in range(written):
            item = prefix[place]
            operates = item < 0
            which = layout.operation - 2 - 2 * item + twin[twins]
            ids[token] = symbols[which if operates else layout.value + item]
            twins += operates
            token += 1
        ids[token] = symbols[layout.answer + 2 * size + twin[size + 1]]
        ids[token + 1] = symbols[layout.value + value]
        token += 2
        units[out, TWINS] = state.ledger
        ends[out] = token
        answers[out] = value
