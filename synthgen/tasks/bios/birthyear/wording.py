"""How a problem is worded: its two kinds of facts and its question, and the sentences of other biographies as junk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from synthgen.tasks.bios.world.lists import ATTRIBUTES, Lists

TOLD = "{}'s birth year is {}."
SHARED = "{} has the same birth year as {}."
ASKED = "What is the birth year of {}? Answer:"
BREAK = "\n\n"
"""What stands behind the instruction, and in front of the question."""

JUNK = ATTRIBUTES[1:]
"""What junk is about: anything but dates of birth."""

BY_PRONOUN = re.compile(r"\{(he|his|him|himself)\}")


def junk_templates(lists: Lists) -> Mapping[str, Sequence[str]]:
    """Return the biographies' sentences that call a person by name alone, by attribute."""
    return {a: [text for text in lists.templates[a] if not BY_PRONOUN.search(text)] for a in JUNK}


def junk_values(lists: Lists) -> Mapping[str, Sequence[str]]:
    """Return the values that junk may state, by attribute; a company's city stands for itself."""
    return {a: lists.cities if a == "company_city" else getattr(lists, a) for a in JUNK}
