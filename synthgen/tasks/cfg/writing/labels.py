"""Probing labels (Part 1): each token's ancestor at every level, where nodes end, and where noise struck.

Read off the derivation that made the row. A string with two derivations has the labels of the one that was drawn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from synthgen.exact.jit import kernel
from synthgen.task.columns import list_column, struct_column
from synthgen.tasks.cfg.rules import CORRUPTION, Rules
from synthgen.tasks.cfg.writing.sampler import Drawn, Tables


class Levels(NamedTuple):
    """Where symbols stand in the layered grammar."""

    level: np.ndarray  # (symbols,) int64: -1 for a symbol that is none of it
    base: np.ndarray  # (symbols,) int64: the symbol there


class Labels(NamedTuple):
    """What a derivation says of its tokens."""

    above: np.ndarray  # (levels, tokens) uint16: the ancestor at each level
    number: np.ndarray  # (levels, tokens) uint16: which of the row's nodes of the level it is
    struck: np.ndarray  # int32: the tokens at which noise struck, counted within the row
    struck_ends: np.ndarray  # (rows,) int64: how many of them there are up to each row's end


def label_fields(levels: int) -> list[pa.Field]:
    """Return the label columns of a grammar with this many levels of non-terminals; the root's level is 1.

    ancestor.levelK and index.levelK: the symbol above each token at level K, and which of the row's nodes of that level
    it is, from 0. boundary.levelK: whether the token is the last of that node. deepest: the most root-ward level at
    which a node ends with the token; `levels` + 1 if none does.
    """
    names = [f"level{k}" for k in range(1, levels + 1)]

    def of(item: pa.DataType) -> pa.DataType:
        return pa.struct([pa.field(name, pa.list_(item)) for name in names])

    return [
        pa.field("ancestor", of(pa.uint16())),
        pa.field("index", of(pa.uint16())),
        pa.field("boundary", of(pa.bool_())),
        pa.field("deepest", pa.list_(pa.int8())),
    ]


def label_columns(grammar: Rules, tables: Tables, before: Rules, drawn: Drawn) -> dict[str, pa.Array]:
    """Return the label columns of drawn rows; `grammar` is `before`, which must be layered, or a variant of it."""
    levels = len(before.levels or ()) - 1
    above, index, _, _ = walk(grammar, tables, before, drawn)
    boundary = np.ones(index.shape, np.bool_)
    boundary[:, :-1] = index[:, 1:] != index[:, :-1]
    boundary[:, drawn.id_ends - 1] = True
    deepest = np.where(boundary.any(axis=0), boundary.argmax(axis=0), levels) + 1
    types = {field.name: field.type for field in label_fields(levels)}
    columns = {
        name: struct_column(kind, [list_column(drawn.id_ends, row, kind[0].type.value_type) for row in values])
        for name, kind, values in (
            ("ancestor", types["ancestor"], above),
            ("index", types["index"], index),
            ("boundary", types["boundary"], boundary),
        )
    }
    return columns | {"deepest": list_column(drawn.id_ends, deepest.astype(np.int8), pa.int8())}


def walk(grammar: Rules, tables: Tables, before: Rules, drawn: Drawn) -> Labels:
    """Replay the derivations of some rows."""
    symbols = tables.first.size
    level, base = np.full(symbols, -1, np.int64), np.zeros(symbols, np.int64)
    place = {s: d for d, members in enumerate((before.levels or ())[:-1]) for s in members}
    for symbol in grammar.rules:
        origin = grammar.origin.get(symbol, symbol)
        if origin in place:
            level[symbol], base[symbol] = place[origin], origin
    levels = max(place.values(), default=-1) + 1
    tokens, rows = drawn.ids.size, drawn.id_ends.size
    labels = Labels(
        above=np.zeros((levels, tokens), np.uint16),
        number=np.zeros((levels, tokens), np.uint16),
        struck=np.empty(tokens + rows, np.int32),
        struck_ends=np.empty(rows, np.int64),
    )
    _walk(grammar.root, tables, drawn, Levels(level, base), len(grammar.rules[grammar.root]) == 1, labels)
    return labels._replace(struck=labels.struck[: labels.struck_ends[-1]])


@kernel
def _walk(root, tables, drawn, levels_of, all_noisy, labels):
    """Fill `labels`; `all_noisy`: there are no clean rows among the noisy ones."""
    first, degree, _, _, size, children, emits, book, _ = tables
    choices, choice_ends = drawn.choices, drawn.choice_ends
    level, base = levels_of
    above, index, struck, struck_ends = labels
    stack = np.empty(choices.size + above.shape[1] + children.shape[1] + 2, np.int64)
    levels = above.shape[0]
    current, count = np.zeros(levels, np.int64), np.zeros(levels, np.int64)
    token, choice, strikes = 0, 0, 0
    for row in range(choice_ends.size):
        row_start = token
        count[:] = 0
        stack[0] = root
        depth = 1
        while depth > 0:
            depth -= 1
            symbol = stack[depth]
            if level[symbol] >= 0:
                current[level[symbol]] = base[symbol]
                count[level[symbol]] += 1
            if degree[symbol] == 0:
                for d in range(levels):
                    above[d, token] = current[d]
                    index[d, token] = count[d] - 1
                token += 1
                continue
            chosen = choices[choice]
            choice += 1
            if book[symbol] == CORRUPTION and chosen > 0 and symbol != root:
                struck[strikes] = token - row_start
                strikes += 1
            rule = first[symbol] + chosen
            for k in range(size[rule]):
                at = k if not emits[rule] else size[rule] - 1 - k
                stack[depth + k] = children[rule, at]
            depth += size[rule]
        struck_ends[row] = strikes
