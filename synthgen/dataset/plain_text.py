"""Text of others where people see it, on a terminal or in a card's Markdown: as it is, and never as a command.

And values of ours as JSON that every reader of JSON takes.
"""

from __future__ import annotations

import math
import re
from typing import Any

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and line feed, marks that turn the order of what follows, and halves of characters."""


def shown(text: str) -> str:
    r"""Return a text whose control characters are escapes: a terminal would obey them, and a person not see them.

    >>> shown("row\x1b[2J \u202etxt")
    'row\\x1b[2J \\u202etxt'
    """
    return UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def in_json(text: str) -> str:
    """Return JSON whose strings have escapes for what `shown` escapes; its value is the same."""
    return UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def finite(value: Any) -> Any:
    """Return a value as JSON can hold it: None for NaN and what is infinite, which only Python reads.

    >>> finite({"low": 0.5, "high": math.inf, "of": (math.nan, 1)})
    {'low': 0.5, 'high': None, 'of': [None, 1]}
    """
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def in_markdown(text: str) -> str:
    r"""Return a text as one line of Markdown that shows it: no link, picture, table, code or HTML begins in it.

    >>> in_markdown("a|b <img src=x> [c](d)")
    'a\\|b &lt;img src=x> \\[c\\](d)'
    """
    line = " ".join(shown(text).split("\n")).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`|\[\]])", r"\\\1", line)


def fence_of(text: str) -> str:
    """Return the fence of a code block that no line of the text ends."""
    return "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
