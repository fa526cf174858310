"""Keys as people read them: of books, latents, spans and facts."""

from __future__ import annotations

from collections.abc import Mapping


def worded(key: str, glossary: Mapping[str, str] | None = None) -> str:
    """Return what a glossary calls a key, or else the key with spaces; an address (`retrieve.birth_city`) as it is.

    >>> worded("company_city")
    'company city'
    """
    if glossary and key in glossary:
        return glossary[key]
    return key if "." in key else key.replace("_", " ")
