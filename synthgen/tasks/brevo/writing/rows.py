"""Rows: arrays for the kernel to fill, and what stands in them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from synthgen.task.kit.sizes import SizeLaw
from synthgen.task.kit.words import Words
from synthgen.tasks.brevo.marks import Marks
from synthgen.tasks.brevo.params import BrevoParams
from synthgen.tasks.brevo.writing.sampler import STAGES, Layout, sample


@dataclass(frozen=True)
class Drawn:
    """What the kernel wrote."""

    numbers: np.ndarray
    trained: np.ndarray
    ends: np.ndarray
    figures: np.ndarray  # (rows, 5): nodes, leaves, depth, listed, statements
    created: np.ndarray
    created_ends: np.ndarray
    steps: np.ndarray  # (listed, 2)
    step_ends: np.ndarray
    units: np.ndarray


def draw_rows(
    state: np.record,
    keys: np.ndarray,
    start: int,
    stop: int,
    params: BrevoParams,
    sizes: SizeLaw,
    marks: Marks,
    words: Words,
    pool: np.ndarray,
) -> Drawn:
    """Return the rows [start, stop) as the kernel writes them, with sizes by the law `sizes`; keys: one a stage."""
    rows = stop - start
    layout = Layout(
        sizes.low, params.degree, int(params.law == "open"), int(params.round_up), int(params.quarter),
        int(params.sorted), marks.leaf, marks.query, marks.answer, marks.end, marks.base,
    )  # fmt: skip
    most, name = sizes.high, params.name_tokens[1]
    room = rows * (most * (2 * params.degree + 3) * name + most + 3)
    drawn = Drawn(
        numbers=np.empty(room, np.uint16),
        trained=np.empty(room, np.bool_),
        ends=np.empty(rows, np.int64),
        figures=np.empty((rows, 5), np.int64),
        created=np.empty(rows * most, np.uint16),
        created_ends=np.empty(rows, np.int64),
        steps=np.empty((rows * most, 2), np.int32),
        step_ends=np.empty(rows, np.int64),
        units=np.empty((rows, len(STAGES)), np.int64),
    )
    arrays = (getattr(drawn, field.name) for field in fields(drawn))
    sample(state, keys, start, stop, layout, sizes.cumulative, words.tables, pool, *arrays)
    return drawn
