"""Rows: the kernel that draws problems one after another, and writes their text, books and latents."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.jit import kernel
from synthgen.tasks.igsm.writing.mistakes import draw_mistakes
from synthgen.tasks.igsm.writing.open.sampler import draw_open
from synthgen.tasks.igsm.writing.paper.sampler import draw_problem
from synthgen.tasks.igsm.writing.problem import PARAMS, WIDTH, compile_solution, depth_of, evaluate, predecessors
from synthgen.tasks.igsm.writing.sketch import bin_of_solution, write_sketch
from synthgen.tasks.igsm.writing.surface import draw_letters, draw_names, draw_sentence_order, draw_values
from synthgen.tasks.igsm.writing.text import CODES, write_prompt, write_solution

BOOKS = ("op", "structure", "names", "values", "operators", "sentence_order", "solution_order", "letters")
OP, STRUCTURE, NAME_BOOK, VALUES, OPERATORS, SENTENCE_ORDER, SOLUTION_ORDER, LETTER_BOOK = range(len(BOOKS))
RETRY_BOOK = len(BOOKS)
"""The books of a row, in the order of its ledger; the last one, `retries`, only of data that has them."""

STAGES = ("structure", "names", "values", "order", "letters", "retries")
"""The stages whose keys the kernels take, in this order."""

FIGURES: tuple[str, ...] = ("op", "layers", "edges", "necessary", "necessary_abstract", "unnecessary")
FIGURES += ("solution_depth", "query_abstract", "answer", "bin")
"""The whole-number latents that the kernels write, in this order; four widths follow."""

SKETCH_BYTES = 1 << 14
"""Bytes of a sketch, at most."""


@register_jitable
def write_row(state, keys, row, p, page, mistakes, modulus, used, named_as_sets, units):
    """Draw names, values, orders and letters of a drawn problem, and put its prompt and solution on the page.

    Returns the code at which the solution begins. Fills the books that are about the surface.
    """
    units[NAME_BOOK] = draw_names(state, keys[1], row, p, used, named_as_sets)
    units[VALUES] = draw_values(state, keys[2], row, p, modulus)
    units[SENTENCE_ORDER] = draw_sentence_order(state, keys[3], row, p)
    evaluate(p, modulus)
    compile_solution(p, modulus)
    units[LETTER_BOOK] = draw_letters(state, keys[4], row, p, used[3], page.detail0 == 2)
    if mistakes.on:
        units[RETRY_BOOK] = draw_mistakes(state, keys[5], row, p, mistakes)
    page.at = 0
    write_prompt(page, p)
    middle = page.at
    write_solution(page, p, mistakes)
    return middle


@register_jitable
def write_figures(p, scratch, which_bin, figures):
    """Write the whole-number latents of a solved problem."""
    query = p.order[p.necessary - 1]
    abstract = 0
    for i in range(p.necessary):
        if p.order[i] >= p.edges:
            abstract += 1
    figures[0] = p.op
    figures[1] = p.layers
    figures[2] = p.edges
    figures[3] = p.necessary
    figures[4] = abstract
    figures[5] = p.edges - p.necessary + abstract
    figures[6] = depth_of(p, scratch.depth, scratch.around)
    figures[7] = 1 if query >= p.edges else 0
    figures[8] = p.value[query]
    figures[9] = which_bin
    for i in range(4):
        figures[10 + i] = p.width[i] if i < p.layers else 0


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
def write_out(p, page, mistakes, scratch, which_bin, middle, i, out):
    """Write row i of a batch, all but its books: codes, figures, orders, graph, sketch, behind those of row i - 1."""
    at = out.ends[2 * i - 1] if i > 0 else 0
    listed = out.order_ends[i - 1] if i > 0 else 0
    paired = out.pair_ends[i - 1] if i > 0 else 0
    sketched = out.sketch_ends[i - 1] if i > 0 else 0
    out.ends[2 * i] = at + middle
    out.ends[2 * i + 1] = copy_page(page, out.codes, at)
    write_figures(p, scratch, which_bin, out.figures[i])
    for k in range(p.necessary):
        out.orders[listed + k] = p.order[k]
        out.candidates[listed + k] = mistakes.candidates[k]
    out.order_ends[i] = listed + p.necessary
    out.pair_ends[i] = write_graph(p, scratch, paired, out.pairs)
    length = write_sketch(p, scratch)
    for k in range(length):
        out.sketches[sketched + k] = scratch.bytes[k]
    out.sketch_ends[i] = sketched + length
    out.retries[i] = mistakes.ends[p.necessary - 1] if mistakes.on else 0


class Out(NamedTuple):
    """What kernels write for a batch; the ends are those of each row (two a row for `ends`: prompt, completion)."""

    codes: np.ndarray  # (some,) int32
    ends: np.ndarray  # (2 rows,) int64
    units: np.ndarray  # (rows, books) int64
    floors: np.ndarray  # (rows,) int64: units of what a perfect model pays for the order; -1 unknown
    figures: np.ndarray  # (rows, figures + 4) int64
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
            np.zeros((rows, len(FIGURES) + 4), np.int64),
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
def write_paper_rows(
    state, keys, start, first, stop, used, p, w, law, op_sums, sizes, table, scratch, page, mistakes, out
):
    """Write the rows [first, stop) of a batch that begins at `start`; return the first row there is no room for."""
    for row in range(first, stop):
        i = row - start
        if i > 0 and not _has_room(out.ends[2 * i - 1], out.sketch_ends[i - 1], out):
            return row
        draw_problem(state, keys[0], row, p, w, law, op_sums, sizes, table, scratch)
        units = out.units[i]
        units[OP] = w.op_units
        joint = law.reask or law.bins != (1 << 23) - 1  # the bin looks at the operators: one joint book
        units[STRUCTURE] = w.structure_units + (w.operator_units if joint else 0)
        units[OPERATORS] = 0 if joint else w.operator_units
        units[SOLUTION_ORDER] = w.order_units
        middle = write_row(state, keys, row, p, page, mistakes, law.modulus, used, False, units)
        write_out(p, page, mistakes, scratch, w.bin, middle, i, out)
    return stop


@kernel
def write_open_rows(state, keys, start, first, stop, used, p, tables, modulus, scratch, page, mistakes, out):
    """The same of the open sampler."""
    for row in range(first, stop):
        i = row - start
        if i > 0 and not _has_room(out.ends[2 * i - 1], out.sketch_ends[i - 1], out):
            return row
        draw_open(state, keys[0], row, p, tables, out.units[i])
        out.floors[i] = tables.settings.floor
        middle = write_row(state, keys, row, p, page, mistakes, modulus, used, True, out.units[i])
        write_out(p, page, mistakes, scratch, bin_of_solution(p, scratch), middle, i, out)
    return stop
