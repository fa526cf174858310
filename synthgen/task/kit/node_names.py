"""Names of nodes as texts have them: the symbols of one, "s2 s0.", the last with its full stop."""

from __future__ import annotations

import re

_SYMBOL = "s[0-9]{1,4}"


def node_of(longest: int) -> re.Pattern[str]:
    """Return what a name of up to `longest` symbols looks like, with its full stop or without."""
    before = "" if longest == 1 else f"(?:{_SYMBOL} )*"
    return re.compile(rf"(?<!\w){before}{_SYMBOL}(?!\w)\.?")


def ended(name: str) -> str:
    """Return a name with a full stop behind its last symbol, which a sentence may have taken for its own."""
    return name if name.endswith(".") else f"{name}."
