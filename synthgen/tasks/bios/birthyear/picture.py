"""Birth years in context as a picture: a table of whose year is whose, with the one that is asked for."""

from __future__ import annotations

from synthgen.task.picture import ANSWER, ASKED, PASSED, Cell, Kind, Picture, Table
from synthgen.tasks.bios.birthyear.reading import ParsedProblem

KINDS = {
    "asked": Kind("who is asked about", ASKED),
    "passed": Kind("passed on the way", PASSED),
    "answer": Kind("the answer", ANSWER),
    "fact": Kind("a fact", "grey"),
}
"""The legend; the last is of spans of the row alone."""
MOST_SHOWN = 20
"""People of the last group who are shown, with whoever is asked about among them."""


def picture_of(problem: ParsedProblem, people: int) -> Picture:
    """Return the last group, a person a line, and to the right whose year each shares, up to the year that is told.

    Raises ValueError for a year that is told nowhere.
    """
    last = [name for name, *_ in problem.facts[-people:]]
    shown = last[:MOST_SHOWN] if problem.asked in last[:MOST_SHOWN] else [*last[: MOST_SHOWN - 1], problem.asked]
    rows = []
    for name in shown:
        chain = problem.chain(name)
        kinds = ["asked", *["passed"] * (len(chain) - 2), "answer"] if name == problem.asked else [""] * len(chain)
        rows.append([Cell(text, kind) for text, kind in zip(chain, kinds, strict=True)])
    chain = problem.chain(problem.asked)
    hops = len(chain) - 1
    heads = [
        "person",
        *["has the same birth year as"] * (hops - 1),
        "whose birth year is" if hops > 1 else "birth year",
    ]
    among = f", among {len(problem.junk):,} sentences about others" if problem.junk else ""
    left = f" {len(shown)} of {people} are shown." if len(shown) < people else ""
    looks = "one look" if hops == 1 else f"{hops} looks"
    caption = (
        f"Birth years in context: {len(problem.facts):,} facts are told one by one{among}. When was {problem.asked} "
        f"born? It takes {looks} at the text to see that it was {chain[-1]}.{left}"
    )
    return Picture(caption, [Table("What the text tells, each line from left to right", heads, rows)], KINDS)
