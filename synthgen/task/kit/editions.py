"""Editions of the package's own words: data with the words as they were is made and read again."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from synthgen.task.written import NEWER

Edition = Literal[1, 3]
LATEST: Final = 3
"""The words of today. A second edition was amended before any release had it; its number is not given again, so that
no content id stands for two sets of words."""


def _released(edition: Any) -> Any:
    if edition == 2:
        raise ValueError("2 was in no release, and some of its words have been mended since: say 3")
    return edition


EditionField = Annotated[
    Edition,
    NEWER,
    BeforeValidator(_released),
    Field(
        description="of the package's own words: 3 has mended names and sentences; 1 is as in 0.1.0, and what data "
        "that does not say has"
    ),
]
