"""The words of people in editions (`synthgen.task.kit.editions`): what the first one has for those of today.

Only words that stand in the place of others differ, one for one: lists are as long, and numbers and bits are the same.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from synthgen.task.foreign import read_toml
from synthgen.task.kit.editions import LATEST, Edition

FILE = Path(__file__).with_name("first_edition.toml")


def as_in(edition: Edition, file: str, texts: Any) -> Any:
    """Return what one of our files holds, a text or lists and tables of them, in the words of an edition."""
    return texts if edition == LATEST else _replaced(texts, first_words().get(file, {}))


@functools.cache
def first_words() -> dict[str, dict[str, str]]:
    """Return what stood in the place of words of today, by file: read once, for lists ask for every entry."""
    return read_toml(FILE)


def _replaced(texts: Any, words: dict[str, str]) -> Any:
    if isinstance(texts, str):
        return words.get(texts, texts)
    if isinstance(texts, dict):
        return {key: _replaced(value, words) for key, value in texts.items()}
    return type(texts)(_replaced(text, words) for text in texts)
