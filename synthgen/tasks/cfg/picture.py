"""A string of a grammar as a picture: its derivation, level by level above it."""

from __future__ import annotations

from collections.abc import Sequence

from synthgen.task.picture import TONES, Bar, Kind, Parse, Picture
from synthgen.tasks.cfg.rules import Rules

MOST_NAMED = 4
"""Symbols of a level that the legend names."""


def picture_of(grammar: Rules, choices: Sequence[int]) -> Picture:
    """Return the tree of a leftmost derivation above its string. Raises ValueError where choices are missing.

    Symbols that a variant of a grammar has for itself, for its noise, are left out.
    """
    leaves: list[str] = []
    bars: list[Bar] = []
    steps = iter(choices)
    stack: list[tuple[int, bool, int]] = [(grammar.root, False, 0)]  # symbol, whether it is closed, where it began
    heights: list[int] = []  # of the symbols that are closed and have no parent yet, and the marks of those open
    while stack:
        symbol, closed, began = stack.pop()
        if closed:
            height = 0
            while (below := heights.pop()) >= 0:
                height = max(height, below)
            named = grammar.origin.get(symbol, symbol)
            if named and began < len(leaves):
                height += 1
                bars.append(Bar(began, len(leaves), height, grammar.symbol(named), str(height)))
            heights.append(height)
        elif symbol not in grammar.rules:
            leaves.append(grammar.symbol(symbol))
            heights.append(0)
        else:
            choice = next(steps, None)
            if choice is None or choice >= len(grammar.rules[symbol]):
                raise ValueError("the derivation does not fit the grammar")
            stack.append((symbol, True, len(leaves)))
            heights.append(-1)
            stack += [(child, False, 0) for child in reversed(grammar.rules[symbol][choice].children)]
    levels = max((bar.level for bar in bars), default=0)
    kinds = {str(level): Kind(_words(bars, level), TONES[(level - 1) % len(TONES)]) for level in range(1, levels + 1)}
    caption = (
        f"CFG: a string of {len(leaves)} tokens of the grammar {grammar.name} and the tree that makes it, "
        f"{levels} levels high. A bar is a symbol, above all that comes of it."
    )
    return Picture(caption, [Parse("", leaves, bars)], kinds)


def _words(bars: Sequence[Bar], level: int) -> str:
    names = sorted({bar.text for bar in bars if bar.level == level}, key=lambda name: (len(name), name))
    few = f": {', '.join(names)}" if len(names) <= MOST_NAMED else ""
    return f"level {level}{few}"
