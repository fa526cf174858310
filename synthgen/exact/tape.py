"""Tapes: record every choice of a sampler, replay it, and walk all of them.

A tape takes the place of a draw state. It remembers each draw by its address, so a draw that is asked for twice (the
same person in two rows) gives the same answer twice, and a new one takes the prescribed choice, or 0. `enumerate_tapes`
steps through every sequence of choices of a small sampler with its exact probability: the ground truth that formulas
and ledgers are tested against.

    for outcome, probability in enumerate_tapes(lambda tape: sampler(tape)):
        ...                                    # the probabilities, fractions, sum to exactly 1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import TypeVar

import numpy as np
from numba.extending import register_jitable

from synthgen.errors import DrawError

MAX_DRAWS = 1024
"""Draws a tape can hold: tapes are for small configurations."""

ADDRESS, CHOICE, CHOICES, ANSWER = 6, 6, 7, 8  # an entry: six words of address, then these

TAPE = np.dtype(
    [
        ("address", "i8", ADDRESS),  # where the sampler stands: key (2), entity, part, attempt, number
        ("ledger", "i8"),  # units of 2^-40 bit booked since `begin`
        ("length", "i8"),  # draws made
        ("prescribed", "i8"),  # draws whose choice was given beforehand
        ("entries", "i8", (MAX_DRAWS, 9)),
    ]
)

T = TypeVar("T")


def new_tape(choices: Sequence[int] = ()) -> np.record:
    """Return a tape that answers with `choices` first and with 0 afterwards."""
    tape = np.zeros(1, np.dtype((np.record, TAPE)))[0]
    tape.entries[: len(choices), CHOICE] = choices
    tape.prescribed = len(choices)
    return tape


def recorded(tape: np.record) -> list[tuple[int, int]]:
    """Return the (choice, number of choices) of every draw made, in order."""
    return [(int(entry[CHOICE]), int(entry[CHOICES])) for entry in tape.entries[: tape.length]]


def enumerate_tapes(run: Callable[[np.record], T], limit: int = 1_000_000) -> Iterator[tuple[T, Fraction]]:
    """Call `run` with a tape for every possible sequence of choices; yield its result and exact probability.

    Raises DrawError after `limit` sequences.
    """
    choices: list[int] = []
    for _ in range(limit):
        tape = new_tape(choices)
        result = run(tape)
        draws = recorded(tape)
        probability = Fraction(1)
        for _, number in draws:
            probability /= number
        yield result, probability
        while draws and draws[-1][0] + 1 == draws[-1][1]:
            draws.pop()
        if not draws:
            return
        choices = [choice for choice, _ in draws[:-1]] + [draws[-1][0] + 1]
    raise DrawError(f"more than {limit:,} choice sequences: enumerate a smaller configuration")


# ---------------------------------------------------------------------------------------------------------------------
# What the primitives of `synthgen.exact.draw` do when their state is a tape; compiled with the kernel that calls them.


@register_jitable
def begin(state, key, entity, part):
    state.address[0] = np.int64(key[0])
    state.address[1] = np.int64(key[1])
    state.address[2] = np.int64(entity)
    state.address[3] = np.int64(part)
    state.address[4] = 0
    state.address[5] = 0
    state.ledger = 0


def attempt(state, number):
    state.address[4] = number
    state.address[5] = 0
    state.ledger = 0


def uniform(state, n):
    place = _find(state)
    if place < 0:
        place = _append(state, n)
        state.entries[place, ANSWER] = state.entries[place, CHOICE]
    state.address[5] += 1
    if state.entries[place, CHOICES] != n:
        raise DrawError("one address was drawn with two different numbers of choices")
    return state.entries[place, ANSWER]


def permuted(state, key, entity, n, i):
    """Draw without replacement where a permutation of [0, n) sends i, once for each i that is asked for."""
    begin(state, key, entity, -1 - n)  # no drawn part is negative: permutations have addresses of their own
    state.address[5] = i
    place = _find(state)
    if place >= 0:
        return state.entries[place, ANSWER]
    taken = 0
    for other in range(state.length):
        if _same_address(state, other, 4):
            taken += 1
    place = _append(state, n - taken)
    answer = -1
    free = -1
    while free < state.entries[place, CHOICE]:  # the answer is the choice-th number that no other i was sent to
        answer += 1
        used = False
        for other in range(place):
            if _same_address(state, other, 4) and state.entries[other, ANSWER] == answer:
                used = True
        if not used:
            free += 1
    state.entries[place, ANSWER] = answer
    return answer


def unpermuted(state, key, entity, n, i):
    """Draw what a permutation of [0, n) sends to i: one of the numbers whose image was not asked for yet."""
    begin(state, key, entity, -1 - n)  # the address of `permuted`: the two speak of one permutation
    taken = 0
    for other in range(state.length):
        if _same_address(state, other, 4):
            if state.entries[other, ANSWER] == i:
                return state.entries[other, ADDRESS - 1]
            taken += 1
    place = _append(state, n - taken)
    source = -1
    free = -1
    while free < state.entries[place, CHOICE]:
        source += 1
        used = False
        for other in range(place):
            if _same_address(state, other, 4) and state.entries[other, ADDRESS - 1] == source:
                used = True
        if not used:
            free += 1
    state.entries[place, ADDRESS - 1] = source
    state.entries[place, ANSWER] = i
    return source


@register_jitable
def _same_address(state, entry, words):
    """Say whether the draw `entry` agrees with the current address in its first `words` words."""
    for word in range(words):
        if state.entries[entry, word] != state.address[word]:
            return False
    return True


@register_jitable
def _find(state):
    """Return which draw has the current address, or -1."""
    for entry in range(state.length):
        if _same_address(state, entry, ADDRESS):
            return entry
    return -1


@register_jitable
def _append(state, choices):
    """Write down a new draw among `choices` at the current address; its choice is the prescribed one, or 0."""
    place = state.length
    if place == MAX_DRAWS:
        raise DrawError("the tape is full: a tape is for small configurations")
    for word in range(ADDRESS):
        state.entries[place, word] = state.address[word]
    if place >= state.prescribed:
        state.entries[place, CHOICE] = 0
    if not 0 <= state.entries[place, CHOICE] < choices:
        raise DrawError("the tape prescribes a choice that this sampler does not offer")
    state.entries[place, CHOICES] = choices
    state.length = place + 1
    return place
