"""What answers about people look like: any value of a fact, as an expression that finds one within other words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from synthgen.tasks.bios.world.lists import MONTHS, Lists

ONE_OR_OTHER = "(?:Yes|No)"
WHOLE = r"-?[0-9]{1,9}"
UNCLAIMED = ("first", "birth_date", "month", "day", "year", "yes", "number")
"""What no longer name begins with."""


def any_value(lists: Lists, fact: str, more: bool = False) -> str:
    """Return an expression of any value of a fact, or of a name ("full", "first"), where words begin and end.

    "Ann Lee's" and "of Ann Lee" are about somebody, and name nobody; "Ashfield Hotels and Spas" is a value of its own.
    `more` says that another fact's value may follow.
    """
    before, behind = (r"(?<!\bof )", r"(?!'s\b)") if fact in ("full", "first") else ("", "")
    if not more and fact not in UNCLAIMED:
        behind += r"(?! (?:(?:and|&) )?[A-Z])"
    return rf"(?<![\w.,+-]){before}{_values(lists, fact)}(?!\w|[.,][0-9]){behind}"


def _values(lists: Lists, fact: str) -> str:
    year, day = r"[0-9]{4}", r"[1-9][0-9]?"
    written = {
        "full": " ".join(map(_any, (lists.first_names, lists.middle_names, lists.last_names))),
        "first": _any(lists.first_names),
        "birth_date": f"{_any(MONTHS)} {day}, {year}",
        "month": _any(MONTHS),
        "day": day,
        "year": year,
        "yes": ONE_OR_OTHER,
        "number": WHOLE,
    }
    if fact in written:
        return written[fact]
    return _any(lists.cities if fact == "company_city" else getattr(lists, fact))


def _any(texts: Iterable[str]) -> str:
    """Return an expression of any of some texts, of two that begin alike the longer one."""
    return f"(?:{'|'.join(map(re.escape, sorted(set(texts), key=len, reverse=True)))})"
