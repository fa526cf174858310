"""The published sketch of a solution and its bin: what decides whether a problem is for training or for testing.

The sketch is the solution with "Inst" and "Inter" for names, 0 for numbers, letters in order of first appearance, and
full stops for semicolons (Part 2.1, appendix E, in the form the released generator hashes); the bin is its SHA-256
modulo 23. The released code replaces names in the text, so a name inside another may leak into its sketch; here it is
built from the graph, and equal templates always share their bin.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.sha256 import sha256
from synthgen.tasks.igsm.writing.problem import LAYERS, NUMBER, PARAMS, WIDTH, compile_solution

BINS = 23
BYTES = 1 << 15

SCRATCH = np.dtype(
    [
        ("bytes", "u1", BYTES),  # the sketch of the last solution, and how long it is
        ("sketched", "i8"),
        ("words", "u4", 64),
        ("digest", "u4", 8),
        ("depth", "i8", PARAMS),
        ("around", "i8", 2 * WIDTH * LAYERS),
    ]
)


def new_scratch() -> Any:
    """Return scratch for sketches, hashes and depths."""
    return np.zeros(1, np.dtype((np.record, SCRATCH)))[0]


def _text(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


_INST, _INTER, _SO, _EQUALS, _ZERO = map(_text, (" Define Inst as ", " Define Inter as ", "so ", " = ", "0"))
_END, _RESULT = _text(". "), _text(" = 0. ")
_SIGNS = np.array([_text(" + "), _text(" - "), _text(" * ")])
_NUMBERS = np.array([_text(f" = 0 {sign} 0") for sign in "+-*"])


@register_jitable(forceinline=True)
def _put(scratch, at, text):
    for i in range(text.size):
        scratch.bytes[at + i] = text[i]
    return at + text.size


@register_jitable
def _put_symbol(scratch, at, number):
    """Write symbol `number`: a to z, A to Z, then two letters."""
    if number >= 52:
        number -= 52
        at = _put_symbol_letter(scratch, at, 26 + number // 26)
        number %= 26
    return _put_symbol_letter(scratch, at, number)


@register_jitable
def _put_symbol_letter(scratch, at, number):
    scratch.bytes[at] = 97 + number if number < 26 else 65 + number - 26
    return at + 1


@register_jitable
def write_sketch(p, scratch):
    """Write the sketch of a compiled solution to scratch.bytes; return its length."""
    at = 0
    symbol = 0
    for i in range(p.steps):
        x = p.order[i]
        result = p.symbol[x]
        last = p.op if i + 1 == p.steps else p.symbol[p.order[i + 1]]
        at = _put(scratch, at, _INST) if x < p.edges else _put(scratch, at, _INTER)
        at = _put_symbol(scratch, at, result)
        at = _put(scratch, at, _END)
        for k in range(result + 1, last + 1):
            symbol = result if k == last else k
            operands, sign, left = p.operands[symbol], p.sign[symbol], p.left[symbol]
            if symbol == result:
                at = _put(scratch, at, _SO)
            at = _put_symbol(scratch, at, symbol)
            if operands > 0:
                at = _put(scratch, at, _EQUALS)
                at = _put(scratch, at, _ZERO) if left == NUMBER else _put_symbol(scratch, at, left)
            if operands == 2:
                at = _put(scratch, at, _SIGNS[sign])
                at = _put_symbol(scratch, at, p.right[symbol])
                at = _put(scratch, at, _NUMBERS[sign])
            at = _put(scratch, at, _RESULT)
        at -= 1  # steps are apart by a full stop and the space that the next one begins with
    return at


@register_jitable
def bin_of_solution(p, scratch):
    """Return the bin, 0 to 22, of the solution that p.order gives; compiles it, and leaves its sketch in scratch."""
    compile_solution(p)
    scratch.sketched = write_sketch(p, scratch)
    sha256(scratch.bytes, scratch.sketched, scratch.digest, scratch.words)
    rest = np.int64(0)
    for i in range(8):
        rest = (rest * 4294967296 + np.int64(scratch.digest[i])) % BINS
    return rest
