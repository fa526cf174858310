"""The families of tasks, by which specs are listed, told of on cards, and have a page under `docs/families`."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """What a task's rows are about, in the order in which families are listed."""

    GRAMMARS = "Grammars"
    BIOGRAPHIES = "Biographies"
    QUESTIONS = "Questions on the same people"
    MATHEMATICS = "Grade-school mathematics"
    PLAYGROUND = "Canon playground"
    FURTHER = "Further tasks"


def place_of(family: str) -> tuple[bool, int, str]:
    """Return by what families are ordered: as they stand here, then those of other packages, then what has none."""
    known = [str(one) for one in Family]
    return family == Family.FURTHER, known.index(family) if family in known else len(known), family
