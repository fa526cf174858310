"""Facts and stated bits as people read them: on a screen, or on a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from synthgen.exact.entropy import SIGNS

Style = Literal["screen", "card"]

MOST_ITEMS = 12
"""Items of a list that a card shows."""

LONG = 24
"""Digits of a whole number that a card writes out."""


def formatted(value: Any, style: Style) -> str:
    """Return a fact as text. A card shortens lists and great numbers, which the manifest beside it has in full.

    >>> formatted({"share": 0.25, "rows": 12_000}, "card")
    'share 0.2500, rows 12,000'
    """
    card = style == "card"
    if card and isinstance(value, Mapping) and {"bits", "status"} <= set(value):
        return f"{stated_bits(value)} bits ({stated_status(value)})"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {formatted(item, style)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        shown = value[:MOST_ITEMS] if card else value
        return ", ".join(formatted(item, style) for item in shown) + (" ..." if len(value) > len(shown) else "")
    if isinstance(value, bool) or value is None:
        return str(value).lower() if card else str(value)
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 1e6 else f"{value:,.4f}" if card else f"{value:,.6g}"
    if card and isinstance(value, int | str) and str(value).isdigit():
        return _whole(str(value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _whole(digits: str) -> str:
    if len(digits) > LONG:
        most = f"{digits[0]}.{digits[1:5]}e{len(digits) - 1}"
        return f"{most} (a whole number of {len(digits)} digits; the manifest has it)"
    return f"{int(digits):,}"


def stated_bits(entry: Mapping[str, Any]) -> str:
    """Return the bits of an entry {bits, status, se?} with the sign of its status and its error."""
    sign = SIGNS[entry["status"]]
    error = f" ± {entry['se']:.2g}" if entry.get("se") else ""
    return f"{'' if sign == '=' else sign + ' '}{entry['bits']:,.4f}{error}"


def stated_status(entry: Mapping[str, Any]) -> str:
    """Return the status of an entry, and its reason."""
    return entry["status"] + (f": {entry['reason']}" if entry.get("reason") else "")
