"""Rows: the kernel that draws problems one after another, and writes their text, books and latents."""

from __future__ import annotations

from numba.extending import register_jitable

from synthgen.jit import kernel
from synthgen.tasks.igsm.paper import draw_problem
from synthgen.tasks.igsm.problem import compile_solution, depth_of, evaluate, predecessors
from synthgen.tasks.igsm.sketch import write_sketch
from synthgen.tasks.igsm.surface import draw_letters, draw_names, draw_sentence_order, draw_values
from synthgen.tasks.igsm.text import CODES, write_prompt, write_solution

BOOKS = ("op", "structure", "names", "values", "operators", "sentence_order", "solution_order", "letters")
OP, STRUCTURE, NAME_BOOK, VALUES, OPERATORS, SENTENCE_ORDER, SOLUTION_ORDER, LETTER_BOOK = range(len(BOOKS))
"""The books of a row, in the order of its ledger."""

STAGES = ("structure", "names", "values", "order", "letters")
"""The stages whose keys the kernels take, in this order."""

FIGURES = ("op", "layers", "edges", "necessary", "necessary_abstract", "unnecessary", "solution_depth")
FIGURES += ("query_abstract", "answer", "bin")
"""The whole-number latents that the kernels write, in this order; four widths follow."""

SKETCH_BYTES = 1 << 14
"""Bytes of a sketch, at most."""


@register_jitable
def write_row(state, keys, row, p, page, scratch, modulus, named_as_sets, units):
    """Draw names, values, orders and letters of a drawn problem, and put its prompt and solution on the page.

    Returns the code at which the solution begins. Fills the books that are about the surface.
    """
    units[NAME_BOOK] = draw_names(state, keys[1], row, p, named_as_sets)
    units[VALUES] = draw_values(state, keys[2], row, p, modulus)
    units[SENTENCE_ORDER] = draw_sentence_order(state, keys[3], row, p)
    evaluate(p, modulus)
    compile_solution(p, modulus)
    units[LETTER_BOOK] = draw_letters(state, keys[4], row, p, page.detail0 == 2)
    page.at = 0
    write_prompt(page, p)
    middle = page.at
    write_solution(page, p)
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


@kernel
def write_paper_rows(
    state, keys, start, first, stop, p, w, law, op_sums, sizes, table, scratch, page,
    codes, ends, units, figures, orders, order_ends, pairs, pair_ends, sketches, sketch_ends,
):  # fmt: skip
    """Write the rows [first, stop) of a batch that begins at `start`; return the first row for which there is no room."""
    at = ends[2 * (first - start) - 1] if first > start else 0
    listed = order_ends[first - start - 1] if first > start else 0
    paired = pair_ends[first - start - 1] if first > start else 0
    sketched = sketch_ends[first - start - 1] if first > start else 0
    for row in range(first, stop):
        if at + CODES > codes.size or sketched + SKETCH_BYTES > sketches.size:
            return row
        i = row - start
        draw_problem(state, keys[0], row, p, w, law, op_sums, sizes, table, scratch)
        units[i, OP] = w.op_units
        joint = law.reask or law.bins != (1 << 23) - 1  # the bin looks at the operators: one joint book
        units[i, STRUCTURE] = w.structure_units + (w.operator_units if joint else 0)
        units[i, OPERATORS] = 0 if joint else w.operator_units
        units[i, SOLUTION_ORDER] = w.order_units
        middle = write_row(state, keys, row, p, page, scratch, law.modulus, False, units[i])
        ends[2 * i] = at + middle
        at = copy_page(page, codes, at)
        ends[2 * i + 1] = at
        write_figures(p, scratch, w.bin, figures[i])
        for k in range(p.necessary):
            orders[listed] = p.order[k]
            listed += 1
        order_ends[i] = listed
        paired = write_graph(p, scratch, paired, pairs)
        pair_ends[i] = paired
        length = write_sketch(p, scratch)
        for k in range(length):
            sketches[sketched + k] = scratch.bytes[k]
        sketched += length
        sketch_ends[i] = sketched
    return stop
