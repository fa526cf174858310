"""Mistakes: which parameters a solution may wrongly begin to define, before each of its steps (Part 2.2, section 4).

perfect   what cannot be computed yet, necessary or not
weak      what a later step defines, whether or not it could be computed now
miss      anything the problem speaks of that is not defined yet
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import begin
from synthgen.task.kit.retries import RetryParams, draw_wrong, odds
from synthgen.tasks.igsm.writing.problem import PARAMS, WIDTH, predecessors

PERFECT, WEAK, MISS = range(3)
MISTAKE_KINDS = {"perfect": PERFECT, "weak": WEAK, "miss": MISS}

MISTAKES = np.dtype(
    [
        ("on", "i8"),
        ("kind", "i8"),
        ("next_counts", "i8"),
        ("odds", "i8", 2),
        ("ends", "i8", PARAMS),  # of each step's part of `wrong`
        ("candidates", "i8", PARAMS),
        ("wrong", "i8", PARAMS * PARAMS),
        ("pool", "i8", PARAMS),
        ("known", "i8", PARAMS),
        ("spoken", "i8", PARAMS),
        ("around", "i8", 2 * WIDTH),
    ]
)


def new_mistakes(params: RetryParams | None) -> Any:
    """Return the record that kernels draw mistakes with; for None they draw none."""
    mistakes = np.zeros(1, np.dtype((np.record, MISTAKES)))[0]
    mistakes.odds[:] = odds(params.rate if params else 0.0)
    mistakes.on = params is not None
    if params:
        mistakes.kind, mistakes.next_counts = MISTAKE_KINDS[params.kind], params.next_counts
    return mistakes


@register_jitable
def draw_mistakes(state, key, row, p, mistakes):
    """Draw the mistakes before every step of a solution; return their ledger units."""
    begin(state, key, row, 0)
    mistakes.known[:] = 0
    if mistakes.kind == MISS:
        _find_spoken(p, mistakes)
    at = 0
    for step in range(p.steps):
        size = _candidates(p, mistakes, step)
        mistakes.candidates[step] = size
        at = draw_wrong(state, mistakes.odds, mistakes.pool, size, mistakes.wrong, at)
        mistakes.ends[step] = at
        mistakes.known[p.order[step]] = 1
    return state.ledger


@register_jitable
def _find_spoken(p, mistakes):
    """Mark what the problem speaks of: what it states, what it cites, and what it asks for."""
    mistakes.spoken[:] = 0
    for x in range(p.edges):
        mistakes.spoken[x] = 1
        for r in range(p.refs[x]):
            mistakes.spoken[p.ref[x, r]] = 1
    mistakes.spoken[p.order[p.steps - 1]] = 1


@register_jitable
def _candidates(p, mistakes, step):
    """Fill the pool for the place before a step; return how many there are."""
    size = 0
    if mistakes.kind == WEAK:
        for later in range(step if mistakes.next_counts else step + 1, p.steps):
            mistakes.pool[size] = p.order[later]
            size += 1
        return size
    for x in range(p.params):
        if mistakes.known[x]:
            continue
        fits = mistakes.kind == MISS and mistakes.spoken[x] == 1
        if mistakes.kind == PERFECT:
            for r in range(predecessors(p, x, mistakes.around)):
                if not mistakes.known[mistakes.around[r]]:
                    fits = True
                    break
        if fits:
            mistakes.pool[size] = x
            size += 1
    return size
