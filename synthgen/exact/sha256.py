"""SHA-256 (FIPS 180-4) in kernels: by the instructions that processors have for it, where they have them.

These take 40 ns a block of 64 bytes; without them it is some 200.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, overload, register_jitable


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


@register_jitable
def sha256(data, length, digest, words):
    """Write the SHA-256 of data[:length], bytes with room for 72 more, to `digest`: eight 32-bit words.

    The bytes behind the first `length` are written over; `words` is scratch, (64,) uint32.
    """
    blocks = (length + 8) // 64 + 1
    data[length] = 128
    for i in range(length + 1, blocks * 64 - 8):
        data[i] = 0
    for i in range(8):
        data[blocks * 64 - 1 - i] = (length * 8) >> (8 * i) & 255
        digest[i] = _START[i]
    for block in range(blocks):
        compress(data, block * 64, digest, words)


@register_jitable(forceinline=True)
def _word(x):
    """Return the low 32 bits of a sum of 64, which the processor then need not compute."""
    return np.uint32(x & _LOW)


@register_jitable(forceinline=True)
def _rotate(x, n):
    return _word(x >> np.uint32(n) | x << np.uint32(32 - n))


def compress(data, at, digest, words):
    """Take the block data[at:at + 64] into a digest."""
    for t in range(16):
        word = np.uint32(0)
        for i in range(4):
            word = _word(word << np.uint32(8) | np.uint32(data[at + t * 4 + i]))
        words[t] = word
    for t in range(16, 64):
        x, y = words[t - 15], words[t - 2]
        small = _rotate(x, 7) ^ _rotate(x, 18) ^ x >> np.uint32(3)
        large = _rotate(y, 17) ^ _rotate(y, 19) ^ y >> np.uint32(10)
        words[t] = _word(np.uint64(words[t - 16]) + small + words[t - 7] + large)
    a, b, c, d = digest[0], digest[1], digest[2], digest[3]
    e, f, g, h = digest[4], digest[5], digest[6], digest[7]
    for t in range(64):
        mixed = _rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)
        one = np.uint64(h) + mixed + (g ^ e & (f ^ g)) + _ROUND[t] + words[t]
        two = np.uint64(_rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)) + (a & b ^ a & c ^ b & c)
        h, g, f, e = g, f, e, _word(d + one)
        d, c, b, a = c, b, a, _word(one + two)
    state = (a, b, c, d, e, f, g, h)
    for i in range(8):
        digest[i] = _word(np.uint64(digest[i]) + state[i])


def has_instructions() -> bool:
    """Say whether numba compiles for a processor with SHA-256 among its instructions (x86: SHA-NI)."""
    features = numba.config.CPU_FEATURES  # None: those of this machine
    if features is None:
        return bool(llvmlite.binding.get_host_cpu_features().get("sha", False))
    return "+sha" in features.split(",")


@overload(compress, jit_options={"forceinline": True})
def _compress_compiled(data, at, digest, words):
    if has_instructions():
        return lambda data, at, digest, words: _compress_block(data.ctypes.data + np.uintp(at), digest.ctypes.data)
    return compress


@intrinsic
def _compress_block(context, block, digest):
    """Take the block at an address into the digest at another."""

    def generate(context, builder, signature, arguments):
        from llvmlite import ir

        four = ir.VectorType(ir.IntType(32), 4)
        block, digest = (builder.inttoptr(address, four.as_pointer()) for address in arguments)

        def instruction(name: str, *operands: Any) -> Any:
            kind = ir.FunctionType(four, [four] * len(operands))
            return builder.call(context_function(builder.module, kind, name), operands)

        def context_function(module: Any, kind: Any, name: str) -> Any:
            return module.globals.get(name) or ir.Function(module, kind, name)

        def constant(numbers: Any) -> Any:
            return ir.Constant(four, [ir.Constant(ir.IntType(32), int(number)) for number in numbers])

        def load(pointer: Any, i: int) -> Any:
            vector = builder.load(builder.gep(pointer, [ir.Constant(ir.IntType(64), i)]), typ=four)
            vector.align = 1
            return vector

        def join(a: Any, b: Any, *places: int) -> Any:
            return builder.shuffle_vector(a, b, constant(places))

        first, second = load(digest, 0), load(digest, 1)
        abef, cdgh = join(first, second, 5, 4, 1, 0), join(first, second, 7, 6, 3, 2)
        before = abef, cdgh
        words = [instruction("llvm.bswap.v4i32", load(block, i)) for i in range(4)]
        for i in range(16):
            if i > 3:
                a, b, c, d = words[-4:]
                mixed = builder.add(instruction("llvm.x86.sha256msg1", a, b), join(c, d, 1, 2, 3, 4))
                words.append(instruction("llvm.x86.sha256msg2", mixed, d))
            rounds = builder.add(words[i], constant(_ROUND[4 * i : 4 * i + 4]))
            cdgh = instruction("llvm.x86.sha256rnds2", cdgh, abef, rounds)
            abef = instruction("llvm.x86.sha256rnds2", abef, cdgh, join(rounds, rounds, 2, 3, 2, 3))
        abef, cdgh = builder.add(abef, before[0]), builder.add(cdgh, before[1])
        for i, half in enumerate((join(abef, cdgh, 3, 2, 7, 6), join(abef, cdgh, 1, 0, 5, 4))):
            builder.store(half, builder.gep(digest, [ir.Constant(ir.IntType(64), i)])).align = 1
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp), generate
