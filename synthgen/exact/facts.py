"""Facts and stated bits as people read them: on a screen, or on a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from synthgen.exact.bits import stated_bits, stated_status
from synthgen.exact.keys import worded

Style = Literal["screen", "card"]

MOST_ITEMS = 12
"""Items of a list that a card shows."""

LONG = 15
"""Digits of a whole number that are written out."""


def formatted(value: Any, style: Style) -> str:
    """Return a fact as text. A card shortens lists and great numbers, which the manifest beside it has in full.

    >>> formatted({"share": 0.25, "rows": 12_000}, "card")
    'share 0.2500, rows 12,000'
    """
    card = style == "card"
    if isinstance(value, Mapping) and {"bits", "status"} <= set(value):
        if not card and value["status"] == "bracket" and "low" not in value:  # what is booked: the ends are elsewhere
            return f"{value['bits']:,.4f} bits booked"
        return f"{stated_bits(value)} bits" + (f" ({stated_status(value)})" if card else "")
    if not card and isinstance(value, Mapping) and set(value) == {"mean", "se"}:
        return f"{value['mean']:,.6g} ± {value['se']:.2g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{worded(key)} {formatted(item, style)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        shown = value[:MOST_ITEMS] if card else value
        said = (worded(item) if isinstance(item, str) else formatted(item, style) for item in shown)
        return ", ".join(said) + (" ..." if len(value) > len(shown) else "")
    if isinstance(value, bool) or value is None:
        return str(value).lower() if card else str(value)
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 1e6 else f"{value:,.4f}" if card else f"{value:,.6g}"
    if isinstance(value, int | str) and not isinstance(value, bool) and str(value).isdigit():
        return _whole(str(value), "the manifest has it" if card else "--json has them all")
    return f"{value:,}" if isinstance(value, int) else str(value)


def rough(number: int | str) -> str:
    """Return a whole number, or its digits, as text: a long one by its first five digits.

    >>> rough(371_605_367_249_352_192), rough(1_234)
    ('3.7160e17', '1,234')
    """
    digits = str(number)
    return f"{digits[0]}.{digits[1:5]}e{len(digits) - 1}" if len(digits) > LONG else f"{int(digits):,}"


def _whole(digits: str, where: str) -> str:
    if len(digits) > LONG:
        return f"{rough(digits)} (a whole number of {len(digits)} digits; {where})"
    return f"{int(digits):,}"
