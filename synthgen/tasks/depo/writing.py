"""The sampler of Depo rows: a cycle of named nodes, its edges shuffled, and queries; in compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthgen.exact.draw import begin, below, shuffle
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units
from synthgen.task.kit.sizes import draw_size
from synthgen.task.kit.words import draw_words, write_flags, write_word

SIZE, NAMES, CYCLE, ORDER, QUERIES = range(5)
STAGES = ("size", "names", "cycle", "order", "queries")


class Layout(NamedTuple):
    """The settings and symbol numbers that the kernel needs, all whole numbers."""

    low: int  # the smallest size
    queries: int
    distinct: int  # whether the starts of one row's queries differ
    separator: int  # the number of the mark before an edge, 0 for none
    end: int  # the number of the mark at the row's end, 0 for none
    answer: int
    hop: int  # k is added to it: the number of the mark that asks for k steps


class Drawn(NamedTuple):
    """What the kernel fills; rows and queries stand behind one another."""

    ids: np.ndarray  # (room,) uint16; there must be room for the longest rows
    trained: np.ndarray  # (room,) bool
    ends: np.ndarray  # (rows,) int64: where each row's ids end
    nodes: np.ndarray  # (rows,) int64
    hops: np.ndarray  # (queries,) uint16: the k of each query
    hop_ends: np.ndarray  # (rows,) int64: where each row's queries end
    spans: np.ndarray  # (queries, 2) int32: where the answer's name stands in the row
    units: np.ndarray  # (rows, stages) int64: ledger units


@kernel
def write_rows(state, keys, start, stop, layout, cumulative, asked, naming, symbols, drawn):
    """Write the rows [start, stop). `asked` are the k that queries ask for; symbols[number] is a symbol's id."""
    ids, trained, ends, nodes, hops, hop_ends, spans, units = drawn
    most = cumulative.size + layout.low
    cycle = np.empty(most, np.uint32)  # its first word stands behind the last again
    edges = np.empty(most, np.uint32)
    starts = np.empty(most, np.uint32)
    places = np.empty((2, most), np.uint32)
    token = 0
    query = 0
    for row in range(start, stop):
        out = row - start
        begin(state, keys[SIZE], row, 0)
        n = draw_size(state, layout.low, cumulative)
        units[out, SIZE] = state.ledger
        begin(state, keys[NAMES], row, 0)
        draw_words(state, naming, n, places, cycle)
        units[out, NAMES] = state.ledger
        begin(state, keys[CYCLE], row, 0)
        shuffle(state, cycle[1:], n - 1)  # with the first word fixed, each cycle comes about in one way
        cycle[n] = cycle[0]
        units[out, CYCLE] = state.ledger
        begin(state, keys[ORDER], row, 0)
        for i in range(n):
            edges[i] = i
        shuffle(state, edges, n)
        units[out, ORDER] = state.ledger
        first = token
        for i in range(n):
            if layout.separator:
                ids[token] = symbols[layout.separator]
                token += 1
            token = write_word(ids, token, naming, cycle[edges[i]])
            token = write_word(ids, token, naming, cycle[edges[i] + 1])
        write_flags(trained, first, token, False)
        begin(state, keys[QUERIES], row, 0)
        for i in range(n):
            starts[i] = i
        for i in range(min(n, layout.queries)):
            if layout.distinct:
                j = i + below(state, n - i)
                starts[i], starts[j] = starts[j], starts[i]
                node = starts[i]
            else:
                node = below(state, n)
            k = below(state, asked.size)
            hops[query] = asked[k]
            untrained = token
            ids[token] = symbols[layout.hop + asked[k]]
            token += 1
            token = write_word(ids, token, naming, cycle[node])
            write_flags(trained, untrained, token, False)
            untrained = token
            ids[token] = symbols[layout.answer]
            token += 1
            spans[query, 0] = token - first
            token = write_word(ids, token, naming, cycle[(node + asked[k]) % n])
            spans[query, 1] = token - first
            write_flags(trained, untrained, token, True)
            query += 1
        units[out, QUERIES] = state.ledger
        if layout.end:
            ids[token] = symbols[layout.end]
            trained[token] = True
            token += 1
        ends[out] = token
        nodes[out] = n
        hop_ends[out] = query


def recount(n: int, names: int, size: int, queries: int, distinct: bool, asked: int) -> list[int]:
    """Return the bits by book, in ledger units, of a row of n nodes, given those of its size and its names."""
    cycle = sum(int(log2_units(i)) for i in range(2, n))
    order = cycle + int(log2_units(n))
    starts = sum(int(log2_units(n - i if distinct else n)) for i in range(queries))
    return [size, names, cycle, order, starts + queries * int(log2_units(asked))]
