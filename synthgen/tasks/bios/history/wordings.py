"""Wordings of questions about then and now (`lists/changes.toml`), linted when they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from synthgen.errors import SynthgenError
from synthgen.task.assets import cached_by_contents
from synthgen.task.entries import unseen
from synthgen.task.foreign import read_toml
from synthgen.tasks.bios.world.changes import CHANGING, FOLLOWS
from synthgen.tasks.bios.world.lists import path_of

FILE = "changes.toml"

Ask = Literal["before", "after", "whether"]
ASKS: tuple[Ask, ...] = ("before", "after", "whether")
"""What may be asked of a fact: what it was before the change, what it is after, and whether it is another one."""
BEFORE, AFTER, WHETHER = range(len(ASKS))

Target = Literal["university", "major", "employer", "company_city"]
TARGETS: tuple[Target, ...] = (*CHANGING, "company_city")
"""The facts that may be asked for: those that may change, and what changes with one."""

NO, YES = "No", "Yes"


def source_of(target: str) -> str:
    """Return the fact whose change a target follows."""
    return FOLLOWS.get(target, target)


@cached_by_contents(32)
def read_wordings(folder: Path | None) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Read the wordings, by what is asked and the fact, of a folder of lists, or else ours.

    Raises SynthgenError that names the file, the field and the wording.
    """
    path = path_of(folder, FILE)
    table = read_toml(path)
    if set(table) != set(ASKS):
        raise SynthgenError(f"{path}: need the tables {', '.join(ASKS)}, and nothing else")
    seen: set[str] = set()
    wordings: dict[str, dict[str, tuple[str, ...]]] = {}
    for ask in ASKS:
        if not isinstance(table[ask], dict) or set(table[ask]) != set(TARGETS):
            raise SynthgenError(f"{path}: {ask}: need lists for {', '.join(TARGETS)}, and nothing else")
        wordings[ask] = {target: _linted(path, f"{ask}.{target}", table[ask][target], seen) for target in TARGETS}
    return wordings


def _linted(path: Path, field: str, texts: Any, seen: set[str]) -> tuple[str, ...]:
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise SynthgenError(f"{path}: {field}: need a list of at least one question")
    for text in texts:
        fault = unseen(text)
        if re.findall(r"\{[^}]*\}", text) != ["{A}"]:
            fault = "a wording holds {A} once, and no other marker"
        elif text != text.strip() or not text.endswith("?"):
            fault = "a wording ends with ? and has no space around it"
        elif text in seen:
            fault = "it stands there twice, so that nobody could tell what is asked"
        if fault:
            raise SynthgenError(f"{path}: {field}: {text!r}: {fault}")
        seen.add(text)
    return tuple(texts)
