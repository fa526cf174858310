"""Marks: the symbols of Brevo's rows that are no names, and their published ids (2512.17351 and its code)."""

from __future__ import annotations

from dataclasses import dataclass

from synthgen.task.kit.alphabet import FIRST, Alphabet
from synthgen.tasks.brevo.params import BrevoParams

BOS, EOS, PAD = 9999, 9995, 0
QUERY, ANSWER, END, LEAF = 9997, 9998, 9996, 9994
"""Published ids of query and answer marks. The released code ends a listing with its answer mark; this end is ours."""


@dataclass(frozen=True)
class Marks:
    """What reader and writer of Brevo must know: symbol numbers, and the shape of names."""

    leaf: int  # 0: leaves are not stated
    query: int
    answer: int
    end: int
    base: int  # the first symbol's number
    symbols: int
    shortest: int
    longest: int


def alphabet_of(params: BrevoParams) -> tuple[Alphabet, Marks]:
    """Return the symbols and their marks: names of one token are 1 .. V, longer ones end with V + 1 .. 2 V."""
    v, inner = params.symbols, params.symbols if params.name_tokens[1] > 1 else 0
    symbols = [(f"s{i + 1}", i + 1) for i in range(inner)] + [(f"s{i + 1}.", inner + i + 1) for i in range(v)]
    mark = FIRST + len(symbols)
    symbols += [("<leaf>", LEAF), ("<query>", QUERY), ("<ans>", ANSWER), ("<end>", END)]
    leaf = mark if params.law == "open" else 0
    marks = Marks(leaf, mark + 1, mark + 2, mark + 3, FIRST - v + inner, v, *params.name_tokens)
    return Alphabet.of(symbols, BOS, EOS, PAD, params.numbering), marks
