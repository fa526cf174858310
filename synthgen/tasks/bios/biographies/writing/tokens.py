"""Tokens: the kernel that writes a plan in compact ids, as `compact` lays them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthgen.exact.jit import kernel
from synthgen.tasks.bios.biographies.compact import NAME_PARTS, CompactVocab
from synthgen.tasks.bios.biographies.writing.plan import CITY, N_ATTRIBUTES, draw_plan
from synthgen.tasks.bios.world.writing.people import DAY, EMPLOYER, FIELDS, MONTH, YEAR


def tokens_per_row(vocab: CompactVocab, full_name: bool) -> int:
    """Return the tokens of every row: all rows are equally long."""
    return NAME_PARTS * (N_ATTRIBUTES if full_name else 1) + 2 * N_ATTRIBUTES + vocab.date_tokens - 1


class Blocks(NamedTuple):
    """The first ids of what a row is made of, each an int64 array."""

    templates: np.ndarray  # (6,)
    counts: np.ndarray  # (6,): not ids, but how many templates an attribute has
    names: np.ndarray  # (3,)
    values: np.ndarray  # (5,): of all attributes but the date
    date: np.ndarray  # (1,), or (3,) where month, day and year are three tokens

    @classmethod
    def of(cls, vocab: CompactVocab, counts: Sequence[int]) -> Blocks:
        """Return the blocks of a vocabulary, with the numbers of templates."""
        blocks = (vocab.templates, counts, vocab.names, vocab.values, vocab.date)
        return cls(*(np.array(block, np.int64) for block in blocks))


@kernel
def write_tokens(state, start, stop, world, group, changes, stages, style, blocks, ids, edges, plans):
    """Write the rows [start, stop) as tokens.

    Fills ids (rows, tokens), edges (rows, mentions + 6): where each mention of the name, then each attribute's value,
    begins; and plans.
    """
    # Out of the tuples before the loop: numba counts a reference to every array that is taken out of one.
    templates, counts, names, values, date = blocks
    name_at, full_name = style.name_at, style.full_name
    fields = np.empty(FIELDS, np.int64)
    mentions = edges.shape[1] - N_ATTRIBUTES
    for row in range(start, stop):
        i = row - start
        draw_plan(state, world, group, changes, stages, style, counts, row, i, fields, plans)
        at = 0
        mention = 0
        for place in range(N_ATTRIBUTES + 1):
            if place == name_at or (full_name and place < N_ATTRIBUTES):
                edges[i, mention] = at
                mention += 1
                for part in range(NAME_PARTS):
                    ids[i, at + part] = names[part] + fields[part]
                at += NAME_PARTS
            if place == N_ATTRIBUTES:
                break
            attribute = plans.order[i, place]
            ids[i, at] = templates[attribute] + plans.templates[i, attribute]
            at += 1
            edges[i, mentions + attribute] = at
            if attribute > 0:
                value = world.homes[fields[EMPLOYER]] if attribute == CITY else fields[YEAR + attribute]
                ids[i, at] = values[attribute - 1] + value
                at += 1
            elif date.size == 1:
                day = fields[MONTH] * world.sizes[DAY] + fields[DAY]
                ids[i, at] = date[0] + day * world.sizes[YEAR] + fields[YEAR]
                at += 1
            else:
                for part in range(date.size):
                    ids[i, at + part] = date[part] + fields[MONTH + part]
                at += date.size
