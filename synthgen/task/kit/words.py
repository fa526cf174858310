"""Words: distinct names of several tokens that say themselves where they end (Part 4.1, Depo and Brevo).

A word has a length drawn uniformly and symbols drawn uniformly from 0 .. V - 1; its last token comes from a second set
of V symbols. Words are drawn until n are distinct, so short words are taken more often than long ones. Nobody sees in
which order a set was drawn: its exact bits come from the law of how many words of each length it holds, by dynamic
programming.

    words = Words.of(symbols=50, shortest=1, longest=2, most=375)
    words.set_bits[375]                       # 1388.902 bits for the set of 375 words
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import uniform
from synthgen.exact.entropy import log2_sum
from synthgen.exact.ledger import UNITS_PER_BIT, log2_of_doubles, log2_units

MAX_WORDS = 1 << 20
"""Words a vocabulary may hold."""

MAX_TABLE = 1 << 24
"""Entries the table of set bits may have: (names + 1)^(lengths), about."""


class WordTables(NamedTuple):
    """What the kernel reads. Lengths are classes 0, 1, ...: class c has the words first[c] .. first[c + 1] - 1."""

    first: np.ndarray  # (classes + 1,) int64
    weight: np.ndarray  # (classes,) int64: how likely a word of the class is, V^(longest - length)
    units: np.ndarray  # the bits of a set, by its size and counts: see `set_units`
    offset: np.ndarray  # (most + 1,) int64: where a size's entries begin
    spelling: np.ndarray  # (words, longest) int32: symbols, the last one shifted by V
    size: np.ndarray  # (words,) int64: tokens of a word


class Naming(NamedTuple):
    """What kernels draw words from, and write them with."""

    words: WordTables
    scratch: np.ndarray  # (words,) uint32: see `draw_words`
    spelled: np.ndarray  # (words, longest) uint16: ids of every word, and behind a shorter one some that are no part


@dataclass(frozen=True)
class Words:
    """All words of one vocabulary, and the law of sets of them, up to `most` words."""

    symbols: int
    shortest: int
    longest: int
    most: int
    tables: WordTables
    set_bits: np.ndarray  # (most + 1,): bits of the set of n words
    mean_tokens: np.ndarray  # (most + 1,): expected tokens of n words
    collision_bits: np.ndarray  # (most + 1,): minus log2 of the chance that two sets of n words are the same
    laws: Sequence[np.ndarray]  # for n = 0 .. most: how likely each number of words of each length but the last is

    @classmethod
    @functools.lru_cache(maxsize=64)
    def of(cls, symbols: int, shortest: int, longest: int, most: int) -> Words:
        """Return the words of `shortest` to `longest` tokens. Raises ValueError, with the limit, for bad sizes."""
        lengths = range(shortest, longest + 1)
        counts = [symbols**length for length in lengths]
        if sum(counts) > MAX_WORDS:
            raise ValueError(f"there are {sum(counts):,} words; at most {MAX_WORDS:,} are handled")
        if sum(counts) < most:
            raise ValueError(f"{most:,} names are asked for, but there are only {sum(counts):,} words")
        if (most + 1) ** len(lengths) // len(lengths) > MAX_TABLE:
            raise ValueError(f"{most:,} names of {len(lengths)} lengths: take fewer names or fewer lengths")
        spelling = np.zeros((sum(counts), longest), np.int32)
        size = np.repeat(list(lengths), counts).astype(np.int64)
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        for length, begin, count in zip(lengths, first, counts, strict=False):
            for place in range(length):
                spelling[begin : begin + count, place] = np.arange(count) // symbols ** (length - 1 - place) % symbols
            spelling[begin : begin + count, length - 1] += symbols
        weight = np.array([symbols ** (longest - length) for length in lengths], np.int64)
        laws = _count_laws(counts, weight, most)
        choices = [_binomial_units(count, most) for count in counts]
        units = [_set_units(law, choices, n) for n, law in enumerate(laws)]
        offset = np.concatenate([[0], np.cumsum([table.size for table in units])])[:-1].astype(np.int64)
        bits = [float((law * table).sum()) / UNITS_PER_BIT for law, table in zip(laws, units, strict=True)]
        tokens = [float((law * _tokens(law.shape, n, shortest)).sum()) for n, law in enumerate(laws)]
        same = [_collision_bits(law, table / UNITS_PER_BIT) for law, table in zip(laws, units, strict=True)]
        flat = np.concatenate([table.reshape(-1) for table in units])
        tables = WordTables(first, weight, flat, offset, spelling, size)
        return cls(symbols, shortest, longest, most, tables, np.array(bits), np.array(tokens), np.array(same), laws)

    def naming(self, ids: np.ndarray, base: int) -> Naming:
        """Return what kernels need, where ids[base + s] is the id of symbol s, (symbols,) uint16."""
        return Naming(self.tables, np.arange(self.tables.size.size, dtype=np.uint32), ids[self.tables.spelling + base])

    def count_law(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return how many of n words may be of each length, (cases, lengths), and how likely each case is, (cases,)."""
        law = self.laws[n]
        possible = law > 0
        return np.column_stack([count[possible] for count in _counts(law.shape, n)]), law[possible]

    def set_units(self, counts: Sequence[int]) -> int:
        """Return the bits of any set with counts[c] words of the c-th length, in ledger units."""
        n, place = sum(counts), 0
        for count in counts[:-1]:
            place = place * (n + 1) + count
        return int(self.tables.units[self.tables.offset[n] + place])


def _counts(shape: tuple[int, ...], n: int) -> list[np.ndarray]:
    """Return, for every entry of a table over the counts of all lengths but the last, the counts of all lengths."""
    counts = list(np.indices(shape)) if shape else []
    return [*counts, np.asarray(n - sum(counts, np.zeros(shape, np.int64)))]


def _tokens(shape: tuple[int, ...], n: int, shortest: int) -> np.ndarray:
    return np.asarray(sum((shortest + c) * count for c, count in enumerate(_counts(shape, n))))


def _collision_bits(law: np.ndarray, bits: np.ndarray) -> float:
    possible = law > 0
    return -log2_sum(np.log2(law[possible]) - bits[possible])


def _count_laws(words: list[int], weight: np.ndarray, most: int) -> list[np.ndarray]:
    """Return, for n = 0 .. most, the law of how many of n distinct words are of each length.

    An entry [c0, c1, ...] is the probability of c0 words of the first length, c1 of the second, ...; the last length
    has the rest. Each further word is of a length with the probability of that length's words that are left.
    """
    classes = len(words)
    law = np.ones((1,) * (classes - 1))
    laws = [law]
    for n in range(most):
        left = [np.maximum(words[c] - count, 0) * float(weight[c]) for c, count in enumerate(_counts(law.shape, n))]
        total = sum(left, np.zeros(law.shape))
        step = np.divide(law, total, out=np.zeros_like(law), where=(law > 0) & (total > 0))
        bigger = np.zeros((n + 2,) * (classes - 1))
        for c in range(classes):
            into = tuple(slice(1, n + 2) if c == axis else slice(0, n + 1) for axis in range(classes - 1))
            bigger[into] += step * left[c]
        laws.append(bigger)
        law = bigger
    return laws


def _binomial_units(n: int, most: int) -> np.ndarray:
    """Return log2 C(n, k) in ledger units for k = 0 .. most; 0 beyond n, where no set is."""
    steps = [int(log2_units(n - k)) - int(log2_units(k + 1)) for k in range(min(n, most))]
    return np.concatenate([[0], np.cumsum(steps), np.zeros(most - len(steps))]).astype(np.int64)


def _set_units(law: np.ndarray, choices: list[np.ndarray], n: int) -> np.ndarray:
    """Return minus log2 of the probability of one set, by its counts.

    Counts whose probability underflows (below 2^-1074) keep the bits of their choices alone: no row will show them.
    """
    counts = _counts(law.shape, n)
    sets = sum(
        (choice_units[np.clip(c, 0, choice_units.size - 1)] for c, choice_units in zip(counts, choices, strict=True)),
        np.zeros_like(law),
    )
    units, possible = np.zeros(law.shape, np.int64), law > 0
    units[possible] = -log2_of_doubles(law[possible])
    return units + np.asarray(sets).astype(np.int64)


@register_jitable
def draw_words(state, naming, n, places, out):
    """Write a set of n distinct words to out[:n], in the order of drawing; books the bits of the set.

    One draw a word, without rejection: in `scratch`, where every number stands at its place, words taken are moved
    behind those left of their length. `places` (2, n) is room to remember the moves, which are undone at the end.
    """
    words, scratch = naming.words, naming.scratch
    first, weight = words.first, words.weight
    classes = weight.size
    taken = np.zeros(classes, np.int64)
    mass = 0
    for c in range(classes):
        mass += (first[c + 1] - first[c]) * weight[c]
    for i in range(n):
        u = uniform(state, mass)
        c = 0
        left = first[1] - first[0] - taken[0]
        while u >= left * weight[c]:
            u -= left * weight[c]
            c += 1
            left = first[c + 1] - first[c] - taken[c]
        place = np.uintp(first[c] + (u if weight[c] == 1 else u // weight[c]))  # a division takes longer than the rest
        last = np.uintp(first[c] + left - 1)
        out[i] = scratch[place]
        scratch[place], scratch[last] = scratch[last], scratch[place]
        places[0, i] = place
        places[1, i] = last
        taken[c] += 1
        mass -= weight[c]
    for i in range(n):
        scratch[places[0, i]] = places[0, i]
        scratch[places[1, i]] = places[1, i]
    entry = 0
    for c in range(classes - 1):
        entry = entry * (n + 1) + taken[c]
    state.ledger += words.units[words.offset[n] + entry]


@register_jitable(forceinline=True)
def write_word(ids, token, naming, word):
    """Write a word to ids[token:], where the longest has room; return where it ends.

    As many ids are copied as the longest word has, since a loop of ever the same length is foreseen by the processor;
    those behind the word's end are written over by what comes next. Of unsigned places nobody asks whether they count
    from the end.
    """
    place, number = np.uintp(token), np.uintp(word)
    for k in range(naming.spelled.shape[1]):
        ids[place + np.uintp(k)] = naming.spelled[number, k]
    return token + naming.words.size[number]


@register_jitable(forceinline=True)
def write_flags(flags, start, stop, value):
    """Write `value` to flags[start:stop]."""
    first = np.uintp(start)
    for i in range(stop - start):
        flags[first + np.uintp(i)] = value


def read_words(
    numbers: Sequence[int], at: int, base: int, symbols: int, shortest: int, longest: int
) -> tuple[tuple[int, ...], int]:
    """Read one word from numbers[at:]: return it, and where it ends. Raises ValueError if none stands there.

    Symbols have the numbers base .. base + symbols - 1 inside a word and base + symbols .. at its end.
    """
    for end in range(at, min(at + longest, len(numbers))):
        symbol = numbers[end] - base
        if symbols <= symbol < 2 * symbols:
            if end + 1 - at < shortest:
                raise ValueError(f"the name at token {at} has {end + 1 - at} tokens; names have at least {shortest}")
            return tuple(numbers[at : end + 1]), end + 1
        if not 0 <= symbol < symbols:
            break
    raise ValueError(f"no name stands at token {at}")
