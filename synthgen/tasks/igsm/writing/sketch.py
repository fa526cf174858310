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

from synthgen.tasks.igsm.writing.problem import LAYERS, NUMBER, PARAMS, WIDTH, compile_solution

BINS = 23
BYTES = 1 << 15

SCRATCH = np.dtype(
    [
        ("bytes", "u1", BYTES),
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


_DEFINE, _INST, _INTER, _AS, _SO = _text(" Define "), _text("Inst"), _text("Inter"), _text(" as "), _text("so ")
_EQUALS, _END, _ZERO, _ALL_ZERO = _text(" = "), _text(". "), _text("0"), _text("0 = 0")
_SIGNS = np.array([_text(" + "), _text(" - "), _text(" * ")])


@register_jitable
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
        at = _put(scratch, at, _DEFINE)
        at = _put(scratch, at, _INST if x < p.edges else _INTER)
        at = _put(scratch, at, _AS)
        at = _put_symbol(scratch, at, result)
        at = _put(scratch, at, _END)
        for k in range(result + 1, last + 1):
            symbol = result if k == last else k
            if symbol == result:
                at = _put(scratch, at, _SO)
            at = _put_symbol(scratch, at, symbol)
            at = _put(scratch, at, _EQUALS)
            if p.operands[symbol] > 0:
                for side in range(p.operands[symbol]):
                    if side == 1:
                        at = _put(scratch, at, _SIGNS[p.sign[symbol]])
                    operand = p.left[symbol] if side == 0 else p.right[symbol]
                    at = _put(scratch, at, _ZERO) if operand == NUMBER else _put_symbol(scratch, at, operand)
                at = _put(scratch, at, _EQUALS)
                if p.operands[symbol] == 2:
                    at = _put(scratch, at, _ZERO)
                    at = _put(scratch, at, _SIGNS[p.sign[symbol]])
                    at = _put(scratch, at, _ZERO)
                    at = _put(scratch, at, _EQUALS)
            at = _put(scratch, at, _ZERO)
            at = _put(scratch, at, _END)
        at -= 1  # steps are apart by a full stop and the space that the next one begins with
    return at


@register_jitable
def bin_of_solution(p, scratch):
    """Return the bin, 0 to 22, of the solution that p.order gives; compiles it, though its values may be missing."""
    compile_solution(p, BINS)
    sha256(scratch, write_sketch(p, scratch))
    rest = np.int64(0)
    for i in range(8):
        rest = (rest * 4294967296 + np.int64(scratch.digest[i])) % BINS
    return rest


def _primes(count: int) -> list[int]:
    primes: list[int] = []
    number = 2
    while len(primes) < count:
        if all(number % prime for prime in primes):
            primes.append(number)
        number += 1
    return primes


def _fraction(prime: int, root: int) -> int:
    """Return the first 32 bits of the fraction of prime^(1/root), as FIPS 180-4 derives its constants."""
    low, high = 0, prime << 32
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**root <= prime << 32 * root else (low, middle)
    return low & 0xFFFFFFFF


_START = np.array([_fraction(prime, 2) for prime in _primes(8)], np.uint32)
_ROUND = np.array([_fraction(prime, 3) for prime in _primes(64)], np.uint32)
_LOW = np.uint64(0xFFFFFFFF)


@register_jitable(forceinline=True)
def _word(x):
    """Return the low 32 bits of a sum of 64, which the processor then need not compute."""
    return np.uint32(x & _LOW)


@register_jitable(forceinline=True)
def _rotate(x, n):
    return _word(x >> np.uint32(n) | x << np.uint32(32 - n))


@register_jitable
def sha256(scratch, length):
    """Write the SHA-256 of scratch.bytes[:length] to scratch.digest, eight 32-bit words."""
    blocks = (length + 8) // 64 + 1
    for i in range(length, blocks * 64):
        scratch.bytes[i] = 0
    scratch.bytes[length] = 128
    for i in range(8):
        scratch.bytes[blocks * 64 - 1 - i] = (length * 8) >> (8 * i) & 255
        scratch.digest[i] = _START[i]
    for block in range(blocks):
        for t in range(16):
            word = np.uint32(0)
            for i in range(4):
                word = _word(word << np.uint32(8) | np.uint32(scratch.bytes[block * 64 + t * 4 + i]))
            scratch.words[t] = word
        for t in range(16, 64):
            x, y = scratch.words[t - 15], scratch.words[t - 2]
            small = _rotate(x, 7) ^ _rotate(x, 18) ^ x >> np.uint32(3)
            large = _rotate(y, 17) ^ _rotate(y, 19) ^ y >> np.uint32(10)
            scratch.words[t] = _word(np.uint64(scratch.words[t - 16]) + small + scratch.words[t - 7] + large)
        a, b, c, d = scratch.digest[0], scratch.digest[1], scratch.digest[2], scratch.digest[3]
        e, f, g, h = scratch.digest[4], scratch.digest[5], scratch.digest[6], scratch.digest[7]
        for t in range(64):
            mixed = _rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)
            one = np.uint64(h) + mixed + (g ^ e & (f ^ g)) + _ROUND[t] + scratch.words[t]
            two = np.uint64(_rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)) + (a & b ^ a & c ^ b & c)
            h, g, f, e = g, f, e, _word(d + one)
            d, c, b, a = c, b, a, _word(one + two)
        state = (a, b, c, d, e, f, g, h)
        for i in range(8):
            scratch.digest[i] = _word(np.uint64(scratch.digest[i]) + state[i])
