"""Rows: arrays for the kernel to fill, and what stands in them."""

from __future__ import annotations

import numpy as np

from synthgen.task.kit.sizes import SizeLaw
from synthgen.task.kit.words import Naming
from synthgen.tasks.brevo.marks import Marks
from synthgen.tasks.brevo.params import BrevoParams
from synthgen.tasks.brevo.writing.sampler import N_FIGURES, STAGES, Drawn, Layout, write_rows


def draw_rows(
    state: np.record,
    keys: np.ndarray,
    start: int,
    stop: int,
    params: BrevoParams,
    marks: Marks,
    sizes: SizeLaw,
    naming: Naming,
    symbols: np.ndarray,
) -> Drawn:
    """Return the rows [start, stop) as the kernel writes them; keys: one a stage; symbols: the id of each symbol."""
    rows = stop - start
    layout = Layout(
        sizes.low, params.degree, int(params.law == "open"), int(params.round_up), int(params.quarter),
        int(params.sorted), marks.leaf, marks.query, marks.answer, marks.end,
    )  # fmt: skip
    most, name = sizes.high, params.name_tokens[1]
    room = rows * (most * (2 * params.degree + 3) * name + most + 3)
    drawn = Drawn(
        ids=np.empty(room, np.uint16),
        trained=np.empty(room, np.bool_),
        ends=np.empty(rows, np.int64),
        figures=np.empty((rows, N_FIGURES), np.int64),
        created=np.empty(rows * most, np.uint16),
        created_ends=np.empty(rows, np.int64),
        steps=np.empty((rows * most, 2), np.int32),
        step_ends=np.empty(rows, np.int64),
        units=np.empty((rows, len(STAGES)), np.int64),
    )
    write_rows(state, keys, start, stop, layout, sizes.cumulative, naming, symbols, drawn)
    return drawn
