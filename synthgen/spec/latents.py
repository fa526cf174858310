"""Latents for people: what `Source.decode` says of a row, each by its name and as a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def told(latents: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, str]]:
    """Yield (name, value as text) of latents, those of a mapping each by itself."""
    for name, value in latents.items():
        if isinstance(value, Mapping):
            yield from told(value, f"{inside}{name}: ")
        elif value is None or value == []:
            yield inside + name, "none"
        else:
            yield inside + name, _in_words(value)


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return (" " if all(isinstance(item, int) for item in value) else ", ").join(map(_in_words, value))
    return f"{value:,.4f}" if isinstance(value, float) else str(value)
