"""Licences: the names that a card may state."""

from __future__ import annotations

import re

from synthgen.errors import SynthgenError


def check_licence(licence: str) -> None:
    """Raise SynthgenError for what is no name of a licence on the Hub, which cards state as it is."""
    if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", licence):
        raise SynthgenError(f"--license {licence!r}: name a licence as the Hub does, for example cc0-1.0 or apache-2.0")
