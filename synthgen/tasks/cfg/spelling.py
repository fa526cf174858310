"""Strings as texts, character by character: what may come next where tokens are names with spaces between them."""

from __future__ import annotations

import math

import numpy as np

from synthgen.tasks.cfg.grammar import Grammar


def spelt_surprisals(grammar: Grammar, text: str) -> np.ndarray:
    """Return the bits of each character of a text of token names, and of its end, (characters + 1,).

    A name is told from the others that begin like it where they part, and one that others go on from by the space, or
    the end, behind it. From the first character on that no text has there, bits are inf.
    """
    bits, at, words = np.full(len(text) + 1, np.inf), 0, text.split(" ")
    number = {grammar.symbol(t): t for t in grammar.terminals}
    known = next((k for k, word in enumerate(words) if word not in number), len(words))
    laws = grammar.next_token([number[word] for word in words[:known]])
    for k, word in enumerate(words):
        left = {name: laws[k, t] for name, t in number.items() if laws[k, t] > 0}
        for end in range(1, len(word) + 1):
            before = math.fsum(left.values())
            left = {name: p for name, p in left.items() if name.startswith(word[:end])}
            if not left:
                return bits
            bits[at] = max(0.0, math.log2(before / math.fsum(left.values())))
            at += 1
        if word not in left:
            return bits
        ends = laws[k + 1, -1]
        share = ends if k + 1 == len(words) else 1 - ends
        if share <= 0:
            return bits
        bits[at] = max(0.0, math.log2(math.fsum(left.values()) / left[word] / share))
        at += 1
    return bits
