"""Where the people of the papers (Parts 3.1 to 3.3), of the released lists and these differ: shared by the family."""

from __future__ import annotations

from typing import Any

from synthgen.task.fidelity import Deviation

MEASURED = {1: (68.9, 50.0), 3: (68.6, 49.7)}
"""By edition: GPT-2's tokens and words of a biography of `bios-single`, on average (`tests/spot_checks.py`)."""


def _pronouns(params: Any) -> str:
    first = ", whatever the first name is" * (len(params.pronouns) > 1)
    return f"one of {', '.join(params.pronouns)}{first}, and every sentence agrees with it"


def _length(params: Any) -> str:
    tokens, words = MEASURED[params.edition]
    return "" if params.lists else f"{tokens}, in {words} words: our sentences are shorter"


LISTS = Deviation(
    "names, values and sentences",
    "400, 400 and 1,000 names, 200 cities, 300 universities, 100 majors, 263 employers, 46 to 52 sentences a fact",
    lambda params: "words of the folder `lists`" if params.lists else "words of our own, in those numbers",
    "lists of those numbers",
    ("lists", "sizes"),
)
CITIES = Deviation(
    "birth cities and the cities of employers",
    "two lists",
    lambda params: "" if params.lists else "two lists without a city in common",
    "lists that share 44 cities",
    ("lists",),
)
LENGTH = Deviation(
    "tokens of a biography, by GPT-2's tokenizer",
    "73.0 on average",
    _length,
    "72.96, in 58.2 words",
    ("lists", "edition"),
)
PRONOUNS = Deviation(
    "pronouns",
    "drawn for each person, from he, she and they in Part 3.1, from two in Part 3.3",
    _pronouns,
    'by the parity of a person\'s number, with "their" beside "she"',
    ("pronouns",),
)
WORLD = (LISTS, CITIES)
DOCUMENTS = (*WORLD, LENGTH, PRONOUNS)
