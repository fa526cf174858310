"""Where the people of the papers (Parts 3.1 to 3.3), of the released lists and these differ: shared by the family."""

from __future__ import annotations

from typing import Any

from synthgen.task.fidelity import Deviation


def _pronouns(params: Any) -> str:
    return f"one of {', '.join(params.pronouns)}, and every sentence agrees with it"


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
    lambda params: "" if params.lists else "68.9, in 50.0 words: our sentences are shorter",
    "72.96, in 58.2 words",
    ("lists",),
)
PRONOUNS = Deviation(
    "pronouns",
    "drawn from he, she and they in Part 3.1, from two in Part 3.3",
    _pronouns,
    'by the parity of a person\'s number, with "their" beside "she"',
    ("pronouns",),
)
WORLD = (LISTS, CITIES)
DOCUMENTS = (*WORLD, LENGTH, PRONOUNS)
