"""The sampler of Mano rows: a random binary tree in prefix order, its value, and twin ids; in compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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

    numbers: np.ndarray  # (room,) uint16: symbols
    ends: np.ndarray  # (rows,) int64: where each row's symbols end
    answers: np.ndarray  # (rows,) int64
    units: np.ndarray  # (rows, stages) int64: ledger units


@kernel
def write_rows(state, keys, start, stop, layout, arithmetic, drawn):
    """Write the rows [start, stop)."""
    operations, inverse, saved = arithmetic
    ids, ends, answers, units = drawn
    stack = np.empty(layout.most + 2, np.int64)
    prefix = np.empty(2 * layout.most + 1, np.int64)  # a value, or -1 - operation
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
                    left, right = stack[depth - 1], stack[depth - 2]
                    depth -= 1
                    if item == -1 - ADD:
                        item = (left + right) % layout.modulus
                    elif item == -1 - SUBTRACT:
                        item = (left - right + layout.modulus) % layout.modulus
                    elif item == -1 - MULTIPLY:
                        item = left * right % layout.modulus
                    elif right > 0:
                        item = left * inverse[right] % layout.modulus
                    else:
                        break
                    depth -= 1
                stack[depth] = item
                depth += 1
            else:
                value = stack[0]
                break
        if value < 0:
            raise DrawError("64 expressions in a row divide by zero: the state was not begun or is corrupt")
        units[out, EXPRESSION] = state.ledger + saved[size]
        begin(state, keys[TWINS], row, 0)
        twins = layout.twins
        ids[token] = layout.length + 2 * size + (below(state, 2) if twins else 0)
        token += 1
        for place in range(written):
            item = prefix[place]
            if item >= 0:
                ids[token] = layout.value + item
            else:
                ids[token] = layout.operation - 2 - 2 * item + (below(state, 2) if twins else 0)
            token += 1
        ids[token] = layout.answer + 2 * size + (below(state, 2) if twins else 0)
        ids[token + 1] = layout.value + value
        token += 2
        units[out, TWINS] = state.ledger
        ends[out] = token
        answers[out] = value
