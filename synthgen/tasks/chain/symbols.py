"""The symbols of chains by id: three marks for packers, nine words, the values, the names."""

from __future__ import annotations

BOS, EOS, PAD = range(3)
IS, ADD, SUBTRACT, MULTIPLY, STOP, ASK, DEFINE, AS, BACK = range(3, 12)
WORDS = (":=", "+", "-", "*", ";", "?", "define", "as", "BACK")
SIGNS = (ADD, SUBTRACT, MULTIPLY)
FIRST_VALUE = 12
SENTENCE = 5
"""Tokens of a sentence of the solution: define, a name, as, a value or BACK, a stop."""
LINE = 4
"""Tokens of the shortest line of a problem: a name, :=, a value, a stop."""
