"""Tokens: the kernel that writes a plan in compact ids, as `compact` lays them out."""

from __future__ import annotations

import numpy as np

from synthgen.exact.jit import kernel
from synthgen.tasks.bios.biographies.compact import NAME_PARTS, CompactVocab
from synthgen.tasks.bios.biographies.writing.plan import CITY, N_ATTRIBUTES, draw_plan
from synthgen.tasks.bios.world.writing.people import DAY, EMPLOYER, FIELDS, MONTH, YEAR


def tokens_per_row(vocab: CompactVocab, full_name: bool) -> int:
    """Return the tokens of every row: all rows are equally long."""
    return NAME_PARTS * (N_ATTRIBUTES if full_name else 1) + 2 * N_ATTRIBUTES + vocab.date_tokens - 1


@kernel
def write_tokens(
    state, keys, start, stop, first_person, people, sizes, homes, blocks, counts, style, ids, edges, facts, plans, units
):
    """Write the rows [start, stop) as tokens.

    blocks: the first ids of templates (6), names (3), values (5) and date (1 or 3). Fills ids (rows, tokens), edges
    (rows, mentions + 6): where each mention of the name, then each attribute's value, begins; the rest as
    `write_documents`.
    """
    names, values, date = blocks[6:9], blocks[9:14], blocks[14:]
    name_at, full_name = style[3], style[4]
    fields = np.empty(FIELDS, np.int64)
    mentions = edges.shape[1] - N_ATTRIBUTES
    for row in range(start, stop):
        i = row - start
        draw_plan(state, keys, row, first_person, people, sizes, counts, style, fields, facts, plans, units, i)
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
            attribute = plans[i, N_ATTRIBUTES + place]
            ids[i, at] = blocks[attribute] + plans[i, attribute]
            at += 1
            edges[i, mentions + attribute] = at
            if attribute > 0:
                value = homes[fields[EMPLOYER]] if attribute == CITY else fields[YEAR + attribute]
                ids[i, at] = values[attribute - 1] + value
                at += 1
            elif date.size == 1:
                ids[i, at] = date[0] + (fields[MONTH] * sizes[DAY] + fields[DAY]) * sizes[YEAR] + fields[YEAR]
                at += 1
            else:
                for part in range(date.size):
                    ids[i, at + part] = date[part] + fields[MONTH + part]
                at += date.size
