"""Recursion: which symbols lead to which, and whether expansions die out, read off a matrix over the symbols.

Matrices here have no entry below 0. Everything takes a few products of matrices: a grammar that was read off a treebank
has a thousand symbols, and the eigenvalues of so large a matrix take minutes.
"""

from __future__ import annotations

import numpy as np

MOST_SYMBOLS = 2000
"""Symbols with rules; a matrix of so many rows and columns is inverted in seconds."""

MARGIN = 1e-6
"""How far from 1 the spectral radius must be: of sums over strings so many digits are lost, of sixteen."""

NEGLIGIBLE = 1e-9
"""How far below 0 rounding may take an entry of an inverse, as a share of the greatest."""

SQUARINGS = 16
"""Of a matrix, to state its spectral radius in a message."""


def dies_out(matrix: np.ndarray) -> bool:
    """Say whether a matrix has a spectral radius below 1, so that its powers sum to a matrix of finite numbers.

    It has exactly if I - M has an inverse without entries below 0, which is that sum.
    """
    try:
        inverse = np.linalg.inv(np.eye(len(matrix)) - matrix / (1 - MARGIN))
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(inverse).all() and inverse.min() > -NEGLIGIBLE * max(1.0, inverse.max()))


def spectral_radius(matrix: np.ndarray) -> float:
    """Return the spectral radius to four digits or so: the growth of the matrix's powers, by squaring it."""
    radius = 1.0
    for k in range(SQUARINGS):
        norm = float(matrix.sum(axis=1).max())
        if norm == 0:
            return 0.0
        radius *= norm ** (0.5**k)
        matrix = matrix / norm
        matrix = matrix @ matrix
    return radius


def closure(matrix: np.ndarray) -> np.ndarray:
    """Return which symbols each leads to in any number of steps, itself among them; a step is an entry above 0."""
    leads = (matrix > 0) | np.eye(len(matrix), dtype=bool)
    for k in range(len(matrix)):
        leads[leads[:, k]] |= leads[k]
    return leads
