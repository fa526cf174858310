"""Latents for people: what `Source.decode` says of a row, each by its name and as a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from synthgen.exact.keys import worded


def told(latents: Mapping[str, Any], glossary: Mapping[str, str], inside: str = "") -> Iterator[tuple[str, str]]:
    """Yield (name in words, value as text) of latents, those of a mapping each by itself."""
    for key, value in latents.items():
        name = inside + worded(key, glossary)
        if isinstance(value, Mapping):
            yield from told(value, glossary, f"{name}: ")
        else:
            yield name, "none" if value is None or value == [] else _in_words(value)


SIGN = re.compile(r"<[^<> ]+>")


def signs_of(tokens: Iterable[str], glossary: Mapping[str, str]) -> dict[str, str]:
    """Return the signs in angle brackets among tokens that a glossary tells, each with what it means; `<aN>` once."""
    signs = (
        re.sub(r"\d+", "N", sign) if sign not in glossary else sign for token in tokens for sign in SIGN.findall(token)
    )
    return {sign: glossary[sign] for sign in dict.fromkeys(signs) if sign in glossary}


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return (" " if all(isinstance(item, int) for item in value) else ", ").join(map(_in_words, value))
    return f"{value:,.4f}" if isinstance(value, float) else str(value)
