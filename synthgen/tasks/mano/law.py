"""Exact laws of Mano: how likely a random expression is defined, what its value is, and how many bits it has.

A tree of s > 0 operations takes one of the operations, all alike, gives 0 .. s - 1 operations to its left side, all
alike, and the rest to its right; a leaf is uniform. All sums run over the values of both sides.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from synthgen.exact.ledger import log2_of_double
from synthgen.tasks.mano.writing import ADD, DIVIDE, MULTIPLY, SUBTRACT


@dataclass(frozen=True)
class ExpressionLaw:
    """For expressions of 0 .. L operations."""

    value: np.ndarray  # (L + 1, modulus): the chance of being defined with this value
    defined: np.ndarray  # (L + 1,): the chance of dividing by no zero
    bits: np.ndarray  # (L + 1,): entropy of a defined expression
    collision_bits: np.ndarray  # (L + 1,): minus log2 of the chance that two defined expressions are the same

    @classmethod
    @functools.cache
    def of(cls, most: int, modulus: int, operations: tuple[int, ...]) -> ExpressionLaw:
        """Return the laws up to `most` operations."""
        value = np.zeros((most + 1, modulus))
        weighted_bits = np.zeros((most + 1, modulus))  # sum over expressions of probability times its bits, by value
        same = np.zeros((most + 1, modulus))  # sum of squared probabilities, by value
        value[0], weighted_bits[0], same[0] = 1 / modulus, math.log2(modulus) / modulus, 1 / modulus**2
        for size in range(1, most + 1):
            bits, choices = math.log2(len(operations) * size), len(operations) * size
            for left in range(size):
                right = size - 1 - left
                for operation in operations:
                    for into, a, b in (
                        (value, value[left], value[right]),
                        (weighted_bits, weighted_bits[left], value[right]),
                        (weighted_bits, value[left], weighted_bits[right]),
                    ):
                        into[size] += _combined(operation, a, b, modulus) / choices
                    weighted_bits[size] += bits * _combined(operation, value[left], value[right], modulus) / choices
                    same[size] += _combined(operation, same[left], same[right], modulus) / choices**2
        # Sums of floats are correctly rounded, so that every machine books the same bits.
        defined = np.array([math.fsum(row) if DIVIDE in operations else 1.0 for row in value])
        entropy = weighted_bits.sum(axis=1) / defined + np.log2(defined)
        return cls(value, defined, entropy, -np.log2(same.sum(axis=1) / defined**2))

    @functools.cached_property
    def saved(self) -> np.ndarray:
        """log2 of `defined` in ledger units, (L + 1,) int64: what a defined expression has less than its draws."""
        return np.array([log2_of_double(float(share)) for share in self.defined], np.int64)


def _combined(operation: int, a: np.ndarray, b: np.ndarray, modulus: int) -> np.ndarray:
    """Return, by the value of `x operation y`, the sum of a[x] b[y] over all x and y where it is defined."""
    x, y = np.divmod(np.arange(modulus * modulus), modulus)
    mass = np.outer(a, b).reshape(-1)
    if operation == DIVIDE:
        inverse = np.array([0, *(pow(k, -1, modulus) for k in range(1, modulus))])
        y, mass = inverse[y], np.where(y > 0, mass, 0.0)
    result = {ADD: x + y, SUBTRACT: x - y, MULTIPLY: x * y, DIVIDE: x * y}[operation] % modulus
    return np.bincount(result, mass, minlength=modulus)
