"""Names of nodes as texts have them: the symbols of one, "s2 s0.", the last with its full stop."""

from __future__ import annotations

import re

NODE = re.compile(r"(?<!\w)(?:s[0-9]{1,4} )*s[0-9]{1,4}(?!\w)\.?")


def ended(names: str) -> str:
    """Return names with a full stop behind the last symbol, which a sentence may have taken for its own."""
    return names if names.endswith(".") else f"{names}."
