"""The same sampler as one would write it in plain Python: the baseline of the benchmark, and a second opinion."""

from __future__ import annotations

import random

from synthgen.tasks.cfg.grammar import Grammar


def sample_plainly(grammar: Grammar, generator: random.Random) -> list[int]:
    """Return one string, by naive recursion."""
    out: list[int] = []

    def expand(symbol: int) -> None:
        if symbol in grammar.rules:
            rules = grammar.rules[symbol]
            for child in rules[generator.randrange(len(rules))].children:
                expand(child)
        else:
            out.append(symbol)

    expand(grammar.root)
    return out
