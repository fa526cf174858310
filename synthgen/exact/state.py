"""The record that stands in for a generator: where a sampler is in its draws, and what it has booked.

One type serves for rows and for tapes (`synthgen.exact.tape`), so that what tests walk through choice by choice is the
same machine code that makes rows.
"""

from __future__ import annotations

import numpy as np

MAX_DRAWS = 1024
"""Draws a tape can hold: tapes are for small configurations."""

BIJECTIONS = 64
"""Bijections a state remembers, a power of two: rows about people ask for two or three of them over and over."""

STATE = np.dtype(
    [
        ("key0", "u8"),
        ("key1", "u8"),
        ("number", "u8"),  # the counter: number, attempt, entity, part
        ("attempt", "u8"),
        ("entity", "u8"),
        ("part", "u8"),
        ("used", "u8"),  # how many of the block's eight halves are used up
        ("ledger", "i8"),  # units of 2^-40 bit booked since `begin`
        ("block", "u8", 4),  # the words the counter gave
        ("bijections", "u8", (BIJECTIONS, 14)),  # what was computed for the last ones (`synthgen.exact.bijection`)
        ("tape", "u8"),  # 0, or where the compiled function stands that answers from the entries
        ("length", "i8"),  # draws made on the tape
        ("prescribed", "i8"),  # draws whose choice was given beforehand
        ("entries", "i8", (MAX_DRAWS, 9)),
    ]
)


def new_state() -> np.record:
    """Return a state for kernels; `begin` must come before the first draw."""
    return np.zeros(1, np.dtype((np.record, STATE)))[0]
