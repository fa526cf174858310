"""The sampler of Brevo rows: a graph, names, statements in random order, a query and its listing; in compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import begin, below, shuffle
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units
from synthgen.task.kit.sizes import draw_size
from synthgen.task.kit.words import draw_words, write_flags, write_word
from synthgen.tasks.brevo.writing.graphs import (
    depth_of,
    draw_greedy,
    draw_open,
    draw_released,
    list_sorted,
    mark_needed,
)

SIZE, GRAPH, NAMES, ORDER, QUERY, ANSWER = range(6)
STAGES = ("size", "graph", "names", "order", "query", "answer")


class Layout(NamedTuple):
    """The settings and symbol numbers that the kernel needs, all whole numbers."""

    low: int  # the smallest size
    degree: int  # most parents of a node; released: most children too
    open: int  # whether the law is `open`
    round_up: int  # whether the most leaves are rounded up
    quarter: int  # whether the query is one of the last quarter of the nodes
    sorted: int  # whether the listing is the sorted one
    leaf: int  # the number of the mark that states a leaf
    query: int
    answer: int
    end: int


NODE = 0xFFFFFFFF
"""The bits of a statement that hold its node; its parent, or -1 for a leaf, stands above them."""


NODES, LEAVES, DEPTH, LISTED, STATEMENTS, NAMED, N_FIGURES = range(7)
"""The columns of a row's figures: nodes, leaves, depth of the query, nodes of the listing, and statements."""


class Drawn(NamedTuple):
    """What the kernel fills; rows stand behind one another."""

    ids: np.ndarray  # (room,) uint16; there must be room for the longest rows
    trained: np.ndarray  # (room,) bool
    ends: np.ndarray  # (rows,) int64: where each row's ids end
    figures: np.ndarray  # (rows, N_FIGURES) int64
    created: np.ndarray  # uint16: nodes behind the leaves in order of creation, by the place of their first appearance
    created_ends: np.ndarray  # (rows,) int64
    steps: np.ndarray  # (listed, 2) int32: where the listing's names stand in the row
    step_ends: np.ndarray  # (rows,) int64
    units: np.ndarray  # (rows, stages) int64: ledger units


@kernel
def write_rows(state, keys, start, stop, layout, cumulative, naming, symbols, drawn):
    """Write the rows [start, stop); symbols[number] is a symbol's id."""
    ids, trained, ends, figures, created, created_ends, steps, step_ends, units = drawn
    most = layout.low + cumulative.size
    degree = layout.degree
    parents = np.zeros((most, degree), np.uint32)  # what is a place in an array is unsigned: see `write_word`
    arity = np.zeros(most, np.int64)
    room = np.zeros((2, most), np.uint32)
    needed = np.zeros(most, np.bool_)
    waiting = np.zeros(most, np.int64)
    ready = np.zeros(most, np.uint32)
    listing = np.zeros(most, np.uint32)
    names = np.zeros(most, np.uint32)
    word = np.zeros(most, np.uint32)
    places = np.zeros((2, most), np.uint32)
    appeared = np.zeros(most, np.int64)
    statements = np.zeros((most + 1) * (degree + 1), np.int64)
    token = 0
    creations = 0
    step = 0
    for row in range(start, stop):
        out = row - start
        first = token
        begin(state, keys[SIZE], row, 0)
        n = draw_size(state, layout.low, cumulative)
        units[out, SIZE] = state.ledger

        begin(state, keys[GRAPH], row, 0)
        most_leaves = (n - 1 + (degree - 1 if layout.round_up else 0)) // degree + 1
        last = 1
        if layout.open:
            leaves, last = draw_open(state, n, degree, most_leaves, parents, arity)
        else:
            leaves = draw_released(state, n, degree, most_leaves, parents, arity, room)
        units[out, GRAPH] = state.ledger

        begin(state, keys[QUERY], row, 0)
        if layout.open:
            query = n - 1 - below(state, last)
        else:
            query = n - 1 - (below(state, max(1, n // 4)) if layout.quarter else 0)
        units[out, QUERY] = state.ledger
        total = mark_needed(query, parents, needed)
        depth = depth_of(query, parents, arity, waiting)

        # Released: nodes that no statement names have no name. Open: every leaf is stated, so all nodes have one.
        edges = 0
        for v in range(n):
            appeared[v] = 0 if layout.open else -1
        for v in range(n):
            if arity[v] == 0:
                if layout.open:
                    statements[edges] = -1 << 32 | v
                    edges += 1
                continue
            appeared[v] = 0
            for i in range(degree):
                statements[edges + i] = np.int64(parents[v, i]) << 32 | v
                appeared[parents[v, i]] = 0
            edges += arity[v]
        begin(state, keys[NAMES], row, 0)
        named = 0
        for v in range(n):
            if appeared[v] == 0:
                named += 1
        draw_words(state, naming, named, places, names)
        shuffle(state, names, named)
        number = 0
        for v in range(n):
            if appeared[v] == 0:
                word[v] = names[number]
                number += 1
            appeared[v] = -1
        if layout.open:
            state.ledger -= _layer_units(n, parents, arity, waiting, ready)  # places in a layer are not in the graph
        units[out, NAMES] = state.ledger

        begin(state, keys[ORDER], row, 0)
        shuffle(state, statements, edges)
        units[out, ORDER] = state.ledger

        begin(state, keys[ANSWER], row, 0)
        if layout.sorted:
            list_sorted(query, parents, arity, needed, word, waiting, listing)
        else:
            draw_greedy(state, query, total, parents, arity, needed, waiting, ready, listing)
        units[out, ANSWER] = state.ledger

        number = 0
        for i in range(edges):
            for side in range(2):
                v = statements[i] & NODE if side else statements[i] >> 32
                if v < 0:
                    ids[token] = symbols[layout.leaf]
                    token += 1
                    continue
                new = appeared[v] < 0
                appeared[v] = number if new else appeared[v]
                number += new
                token = write_word(ids, token, naming, word[v])
        ids[token] = symbols[layout.query]
        token += 1
        token = write_word(ids, token, naming, word[query])
        write_flags(trained, first, token, False)
        untrained = token
        ids[token] = symbols[layout.answer]
        token += 1
        for place in range(total):
            steps[step, 0] = token - first
            token = write_word(ids, token, naming, word[listing[place]])
            steps[step, 1] = token - first
            step += 1
        ids[token] = symbols[layout.end]
        token += 1
        write_flags(trained, untrained, token, True)
        if not layout.open:
            for v in range(leaves, n):
                created[creations] = appeared[v]
                creations += 1
        figures[out, NODES] = n
        figures[out, LEAVES] = leaves
        figures[out, DEPTH] = depth
        figures[out, LISTED] = total
        figures[out, STATEMENTS] = edges
        figures[out, NAMED] = named
        ends[out] = token
        created_ends[out] = creations
        step_ends[out] = step


@register_jitable
def _layer_units(n, parents, arity, layer, size):
    """Return the sum over layers of log2 (nodes of the layer)!, in ledger units."""
    for v in range(n):
        size[v] = 0
    total = 0
    for v in range(n):
        layer[v] = 0
        for i in range(arity[v]):
            layer[v] = max(layer[v], layer[parents[v, i]] + 1)
        size[layer[v]] += 1
        total += log2_units(size[layer[v]])
    return total
