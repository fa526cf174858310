"""SHA-256 in kernels: by the processor's instructions, and without them."""

import hashlib

import numba
import numpy as np
import pytest

from synthgen.exact.sha256 import compress, sha256


@numba.njit
def _compiled(data, length, digest, words):
    sha256(data, length, digest, words)


@numba.njit
def _one_block(data, digest, words):
    compress(data, 0, digest, words)


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000])
def test_it_is_sha256_compiled_and_not(length):
    bytes_ = np.random.default_rng(length).integers(0, 256, length, dtype=np.uint8)
    for hashed in (sha256, _compiled):
        data, digest = np.full(length + 72, 255, np.uint8), np.zeros(8, np.uint32)
        data[:length] = bytes_
        hashed(data, length, digest, np.zeros(64, np.uint32))
        assert "".join(f"{int(word):08x}" for word in digest) == hashlib.sha256(bytes_.tobytes()).hexdigest()


def test_a_block_is_the_same_with_instructions_and_without():
    generator, without, words = np.random.default_rng(0), numba.njit(compress), np.zeros(64, np.uint32)
    for _ in range(100):
        data, before = generator.integers(0, 256, 64, dtype=np.uint8), generator.integers(0, 2**32, 8, dtype=np.uint32)
        one, other = before.copy(), before.copy()
        _one_block(data, one, words)
        without(data, 0, other, words)
        assert (one == other).all()
        assert (one != before).any()
