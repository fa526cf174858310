"""Ids: token ids as plain integers, from whatever holds them, and the error that names what does not."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any


class WrongKind(TypeError):
    """Raised for what is neither text, token ids nor a list of messages: a fault of the program, not of the answer."""


def ids_of(ids: Any, what: str = "this") -> list[int]:
    """Return token ids as plain integers, from a sequence, an array or a tensor of whole numbers.

    Raises WrongKind, naming the kind, for anything else: booleans and floats are no ids.
    """
    numbers = ids.tolist() if hasattr(ids, "tolist") and not isinstance(ids, memoryview) else ids
    if isinstance(numbers, str | bytes | bytearray | memoryview) or not isinstance(numbers, Sequence):
        raise wrong_kind(what, kind_of(ids))
    if set(map(type, numbers)) <= {int}:
        return list(numbers)
    return [_whole(number, place, what) for place, number in enumerate(numbers)]


def _whole(number: Any, place: int, what: str) -> int:
    wrong = wrong_kind(what, f"a list with {kind_of(number)} at place {place}")
    if isinstance(number, bool) or str(getattr(number, "dtype", "")).endswith("bool"):
        raise wrong
    try:
        return operator.index(number)
    except (TypeError, ValueError, RuntimeError):  # the last two of arrays and tensors that hold more than one
        raise wrong from None


def kind_of(value: Any) -> str:
    """Return what a value is, for a message: its type, with an article."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def wrong_kind(what: str, kind: str) -> WrongKind:
    """Return the error that says what is of a wrong kind, which one, and what would be right."""
    return WrongKind(f"{what} is {kind}: give a text, token ids or a list of messages")
