"""Rows: the kernel that draws problems one after another, and writes their text, books and latents."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import Keys
from synthgen.exact.jit import kernel
from synthgen.tasks.igsm.worlds import WorldSizes
from synthgen.tasks.igsm.writing.integers import compute_integers
from synthgen.tasks.igsm.writing.mistakes import draw_mistakes
from synthgen.tasks.igsm.writing.open.sampler import draw_open
from synthgen.tasks.igsm.writing.paper.sampler import ALL_BINS, draw_problem
from synthgen.tasks.igsm.writing.problem import (
    LAYERS,
    PARAMS,
    WIDTH,
    compute_results,
    cost_of,
    depth_of,
    find_needed,
    predecessors,
)
from synthgen.tasks.igsm.writing.sketch import bin_of_solution
from synthgen.tasks.igsm.writing.surface import draw_letters, draw_names, draw_sentence_order, draw_values
from synthgen.tasks.igsm.writing.text import CODES, write_prompt, write_solution

BOOKS = ("op", "structure", "names", "values", "operators", "sentence_order", "solution_order", "letters")
OP, STRUCTURE, NAME_BOOK, VALUES, OPERATORS, SENTENCE_ORDER, SOLUTION_ORDER, LETTER_BOOK = range(len(BOOKS))
RETRY_BOOK = len(BOOKS)
"""The books of a row, in the order of its ledger; the last one, `retries`, only of data that has them."""

FIGURES: tuple[str, ...] = ("op", "layers", "edges", "necessary", "necessary_abstract", "unnecessary")
FIGURES += ("solution_depth", "query_abstract", "answer", "bin")
"""The whole-number latents that the kernels write, in this order; four widths follow."""

OPERATIONS, LAYER_COUNT, EDGES, NECESSARY, ABSTRACT, UNNECESSARY, DEPTH, QUERY_ABSTRACT, ANSWER, BIN = range(10)
WIDTHS = len(FIGURES)
"""The columns of figures, by name; the widths of the layers begin at the last."""

SKETCH_BYTES = 1 << 14
"""Bytes of a sketch, at most."""


class StageKeys(NamedTuple):
    """The keys of the stages; each (4,) uint64."""

    structure: np.ndarray
    names: np.ndarray
    values: np.ndarray
    order: np.ndarray
    letters: np.ndarray
    retries: np.ndarray

    @classmethod
    def of(cls, keys: Keys) -> StageKeys:
        """Return the keys of a split."""
        return cls(*(keys.split(stage) for stage in cls._fields))


class Desk(NamedTuple):
    """What kernels work with at every row, of whatever law: how much of the world is used, a record each to work in."""

    sizes: WorldSizes
    modulus: int
    order: int  # the level of shuffling of the problem's sentences
    problem: Any
    scratch: Any
    page: Any
    mistakes: Any


class PaperTables(NamedTuple):
    """What the paper's sampler takes: its law, running sums of op weights and of depths, the bonus table, scratch."""

    law: Any
    op_sums: np.ndarray
    depth_sums: np.ndarray
    bonus: np.ndarray
    work: Any


@register_jitable
def write_row(state, keys, row, desk, named_as_sets, units):
    """Draw names, values, orders and letters of a drawn problem whose solution is compiled, and put both on the page.

    Returns the code at which the solution begins. Fills the books that are about the surface.
    """
    p, page, mistakes = desk.problem, desk.page, desk.mistakes
    units[NAME_BOOK] = draw_names(state, keys.names, row, p, desk.sizes, named_as_sets)
    units[VALUES] = draw_values(state, keys.values, row, p, desk.modulus)
    units[SENTENCE_ORDER] = draw_sentence_order(state, keys.order, row, p, desk.order)
    compute_results(p, desk.modulus)
    if page.whole:
        compute_integers(p)
    units[LETTER_BOOK] = draw_letters(state, keys.letters, row, p, desk.sizes.letters, page.detail0 == 2)
    if mistakes.on:
        units[RETRY_BOOK] = draw_mistakes(state, keys.retries, row, p, mistakes)
    page.at = 0
    write_prompt(page, p)
    middle = page.at
    write_solution(page, p, mistakes)
    return middle


@register_jitable
def write_figures(p, scratch, which_bin, figures):
    """Write the whole-number latents of a solved problem."""
    query = p.order[p.steps - 1]
    necessary, abstract, operations = find_needed(p, scratch.around), 0, 0
    for x in range(p.params):
        if p.needed[x]:
            operations += cost_of(p, x)
            abstract += 1 if x >= p.edges else 0
    figures[OPERATIONS] = operations
    figures[LAYER_COUNT] = p.layers
    figures[EDGES] = p.edges
    figures[NECESSARY] = necessary
    figures[ABSTRACT] = abstract
    figures[UNNECESSARY] = p.edges - necessary + abstract
    figures[DEPTH] = depth_of(p, scratch.depth, scratch.around)
    figures[QUERY_ABSTRACT] = 1 if query >= p.edges else 0
    figures[ANSWER] = p.result[p.symbol[query]]
    figures[BIN] = which_bin
    for i in range(LAYERS):
        figures[WIDTHS + i] = p.width[i] if i < p.layers else 0


@register_jitable
def write_graph(p, scratch, at, pairs):
    """Write (parameter, what it is computed from) for all parameters; return the place behind them."""
    for x in range(p.params):
        for r in range(predecessors(p, x, scratch.around)):
            pairs[at, 0] = x
            pairs[at, 1] = scratch.around[r]
            at += 1
    return at


@register_jitable
def copy_page(page, codes, at):
    """Copy the page's codes to `codes[at:]`; return the place behind them."""
    for i in range(page.at):
        codes[at + i] = page.codes[i]
    return at + page.at


@register_jitable
def _has_room(at, sketched, out):
    return at + CODES <= out.codes.size and sketched + SKETCH_BYTES <= out.sketches.size


@register_jitable
def write_out(desk, which_bin, middle, i, out):
    """Write row i of a batch, all but its books: codes, figures, orders, graph, sketch, behind those of row i - 1."""
    p, scratch, mistakes = desk.problem, desk.scratch, desk.mistakes
    at = out.ends[2 * i - 1] if i > 0 else 0
    listed = out.order_ends[i - 1] if i > 0 else 0
    paired = out.pair_ends[i - 1] if i > 0 else 0
    sketched = out.sketch_ends[i - 1] if i > 0 else 0
    out.ends[2 * i] = at + middle
    out.ends[2 * i + 1] = copy_page(desk.page, out.codes, at)
    write_figures(p, scratch, which_bin, out.figures[i])
    for k in range(p.steps):
        out.orders[listed + k] = p.order[k]
        out.candidates[listed + k] = mistakes.candidates[k]
    out.order_ends[i] = listed + p.steps
    out.pair_ends[i] = write_graph(p, scratch, paired, out.pairs)
    for k in range(scratch.sketched):
        out.sketches[sketched + k] = scratch.bytes[k]
    out.sketch_ends[i] = sketched + scratch.sketched
    out.retries[i] = mistakes.ends[p.steps - 1] if mistakes.on else 0


class Out(NamedTuple):
    """What kernels write for a batch; the ends are those of each row (two a row for `ends`: prompt, completion)."""

    codes: np.ndarray  # (some,) int32
    ends: np.ndarray  # (2 rows,) int64
    units: np.ndarray  # (rows, books) int64
    floors: np.ndarray  # (rows,) int64: units of what a perfect model pays for the order; -1 unknown
    figures: np.ndarray  # (rows, WIDTHS + LAYERS) int64
    orders: np.ndarray  # (some,) int16
    candidates: np.ndarray  # (some,) int16: for a mistake before each step
    retries: np.ndarray  # (rows,) int64
    order_ends: np.ndarray
    pairs: np.ndarray  # (some, 2) int16
    pair_ends: np.ndarray
    sketches: np.ndarray  # (some,) uint8
    sketch_ends: np.ndarray

    @classmethod
    def of(cls, rows: int) -> Out:
        """Return room for a batch; codes and sketches may turn out too small, and are then enlarged."""
        ends = [np.empty(rows, np.int64) for _ in range(3)]
        return cls(
            np.empty(rows * 500 + CODES, np.int32),
            np.empty(2 * rows, np.int64),
            np.zeros((rows, len(BOOKS) + 1), np.int64),
            np.zeros(rows, np.int64),
            np.zeros((rows, WIDTHS + LAYERS), np.int64),
            np.empty(rows * PARAMS, np.int16),
            np.empty(rows * PARAMS, np.int16),
            np.empty(rows, np.int64),
            ends[0],
            np.empty((rows * PARAMS * WIDTH, 2), np.int16),
            ends[1],
            np.empty(rows * 600 + SKETCH_BYTES, np.uint8),
            ends[2],
        )

    def larger(self) -> Out:
        """Return the same with twice the room for codes and sketches."""
        codes, sketches = np.resize(self.codes, 2 * self.codes.size), np.resize(self.sketches, 2 * self.sketches.size)
        return self._replace(codes=codes, sketches=sketches)


@kernel
def write_paper_rows(state, keys, start, first, stop, tables, desk, out):
    """Write the rows [first, stop) of a batch that begins at `start`; return the first row there is no room for."""
    law, work, p, scratch = tables.law, tables.work, desk.problem, desk.scratch
    for row in range(first, stop):
        i = row - start
        if i > 0 and not _has_room(out.ends[2 * i - 1], out.sketch_ends[i - 1], out):
            return row
        draw_problem(state, keys.structure, row, p, work, law, tables.op_sums, tables.depth_sums, tables.bonus, scratch)
        units = out.units[i]
        units[OP] = work.op_units
        joint = law.reask or law.bins != ALL_BINS  # the bin looks at the operators: one joint book
        units[STRUCTURE] = work.structure_units + (work.operator_units if joint else 0)
        units[OPERATORS] = 0 if joint else work.operator_units
        units[SOLUTION_ORDER] = work.order_units
        middle = write_row(state, keys, row, desk, False, units)
        write_out(desk, work.bin, middle, i, out)
    return stop


@kernel
def write_open_rows(state, keys, start, first, stop, tables, desk, out):
    """The same of the open sampler."""
    p = desk.problem
    for row in range(first, stop):
        i = row - start
        if i > 0 and not _has_room(out.ends[2 * i - 1], out.sketch_ends[i - 1], out):
            return row
        draw_open(state, keys.structure, row, p, tables, out.units[i])
        out.floors[i] = tables.settings.floor
        which_bin = bin_of_solution(p, desk.scratch)
        middle = write_row(state, keys, row, desk, True, out.units[i])
        write_out(desk, which_bin, middle, i, out)
    return stop
