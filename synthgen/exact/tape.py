"""Tapes: record every choice of a sampler, replay it, and walk all of them.

A tape takes the place of a draw state. It remembers each draw by its address, so a draw that is asked for twice (the
same person in two rows) gives the same answer twice, and a new one takes the prescribed choice, or 0. `enumerate_tapes`
steps through every sequence of choices of a small sampler with its exact probability: the ground truth that formulas
and ledgers are tested against.

    for outcome, probability in enumerate_tapes(lambda tape: sampler(tape)):
        ...                                    # the probabilities, fractions, sum to exactly 1
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload, register_jitable

from synthgen.errors import DrawError
from synthgen.exact.state import MAX_DRAWS, STATE, new_state

ADDRESS, CHOICE, CHOICES, ANSWER = 6, 6, 7, 8  # an entry of a state: six words of address, then these

CHOOSE, PERMUTE, UNPERMUTE = 0, 1, 2  # what a tape is asked for

FULL, CHANGED, NOT_OFFERED = -1, -2, -3  # what it says if it has no answer

PERMUTED = np.uint64(2**63)
"""Joins the part of an address in permutations, which so have addresses of their own: no drawn part is as great."""

T = TypeVar("T")


def new_tape(choices: Sequence[int] = ()) -> np.record:
    """Return a tape that answers with `choices` first and with 0 afterwards."""
    tape = new_state()
    tape.tape = _compiled_answer().address
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
# What the primitives of `synthgen.exact.draw` do when their state is a tape. Kernels call the one function `_answer` at
# the address that the tape holds: compiled into each of them, it would make all take half as long again to compile.


@register_jitable
def choice(state, n):
    """Return the choice among n at the current address: what it was before, or else what is prescribed, or 0."""
    return _heard(ask(state, CHOOSE, n, 0))


@register_jitable
def permuted(state, key, entity, n, i):
    """Draw without replacement where a permutation of [0, n) sends i, once for each i that is asked for."""
    _begin_permutation(state, key, entity, n)
    return _heard(ask(state, PERMUTE, n, i))


@register_jitable
def unpermuted(state, key, entity, n, i):
    """Draw what a permutation of [0, n) sends to i: one of the numbers whose image was not asked for yet."""
    _begin_permutation(state, key, entity, n)  # the address of `permuted`: the two speak of one permutation
    return _heard(ask(state, UNPERMUTE, n, i))


@register_jitable
def _begin_permutation(state, key, entity, n):
    """Move to the address of the permutation of [0, n) numbered `entity`, and open an empty ledger."""
    state.key0 = key[0]
    state.key1 = key[1]
    state.entity = np.uint64(entity)
    state.part = PERMUTED + np.uint64(n)
    state.attempt = np.uint64(0)
    state.number = np.uint64(0)
    state.ledger = 0


@register_jitable
def _heard(answer):
    if answer == FULL:
        raise DrawError("the tape is full: a tape is for small configurations")
    if answer == CHANGED:
        raise DrawError("one address was drawn with two different numbers of choices")
    if answer == NOT_OFFERED:
        raise DrawError("the tape prescribes a choice that this sampler does not offer")
    return answer


def ask(state, kind, n, i):
    """Ask a tape for a choice among n, or about a permutation of [0, n); a negative number if it has no answer."""
    return _answer(state, kind, n, i)


overload(ask)(lambda state, kind, n, i: lambda state, kind, n, i: _call(state.tape, state, kind, n, i))


@intrinsic
def _call(typing_context, address, state, kind, n, i):
    """Call the compiled `_answer` at an address."""
    numbers = [types.int64] * 3

    def generate(context, builder, signature, args):
        pointer, word = ir.IntType(8).as_pointer(), ir.IntType(64)
        function = builder.inttoptr(args[0], ir.FunctionType(word, [pointer, word, word, word]).as_pointer())
        return builder.call(function, [builder.bitcast(args[1], pointer), *args[2:]])

    return types.int64(types.uint64, state, *numbers), generate


@functools.cache
def _compiled_answer() -> Any:
    """Compile `_answer`, once in a process that has a tape."""
    answer = numba.njit(_answer)

    @numba.cfunc(types.int64(types.voidptr, types.int64, types.int64, types.int64))
    def at_pointer(pointer, kind, n, i):
        return answer(numba.carray(pointer, 1, STATE)[0], kind, n, i)

    return at_pointer


def _answer(state, kind, n, i):
    if kind == CHOOSE:
        return _choose(state, n)
    return _permute(state, n, i) if kind == PERMUTE else _unpermute(state, n, i)


@register_jitable
def _choose(state, n):
    place = _find(state)
    if place < 0:
        place = _append(state, n)
        if place < 0:
            return place
        state.entries[place, ANSWER] = state.entries[place, CHOICE]
    state.number += np.uint64(1)
    return state.entries[place, ANSWER] if state.entries[place, CHOICES] == n else CHANGED


@register_jitable
def _permute(state, n, i):
    state.number = np.uint64(i)
    place = _find(state)
    if place >= 0:
        return state.entries[place, ANSWER]
    taken = 0
    for other in range(state.length):
        if _same_address(state, other, 4):
            taken += 1
    place = _append(state, n - taken)
    if place < 0:
        return place
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


@register_jitable
def _unpermute(state, n, i):
    taken = 0
    for other in range(state.length):
        if _same_address(state, other, 4):
            if state.entries[other, ANSWER] == i:
                return state.entries[other, ADDRESS - 1]
            taken += 1
    place = _append(state, n - taken)
    if place < 0:
        return place
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
def _address(state):
    """Return where the sampler stands: key (two words), entity, part, attempt, number."""
    return (
        np.int64(state.key0),
        np.int64(state.key1),
        np.int64(state.entity),
        np.int64(state.part),
        np.int64(state.attempt),
        np.int64(state.number),
    )


@register_jitable
def _same_address(state, entry, words):
    """Say whether the draw `entry` agrees with the current address in its first `words` words."""
    address = _address(state)
    for word in range(words):
        if state.entries[entry, word] != address[word]:
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
    """Write down a new draw among `choices` at the current address, prescribed or 0; return its place, or a refusal."""
    place = state.length
    if place == MAX_DRAWS:
        return FULL
    address = _address(state)
    for word in range(ADDRESS):
        state.entries[place, word] = address[word]
    if place >= state.prescribed:
        state.entries[place, CHOICE] = 0
    if not 0 <= state.entries[place, CHOICE] < choices:
        return NOT_OFFERED
    state.entries[place, CHOICES] = choices
    state.length = place + 1
    return place
