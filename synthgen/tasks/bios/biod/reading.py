"""What reads: the ids of a row back to a name, values and an order, from the params and the diversity sets alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthgen.tasks.bios.biod.english import ID, IS, STOP, THEIR, TOKEN, WHOSE
from synthgen.tasks.bios.biod.params import BiodParams
from synthgen.tasks.bios.biod.symbols import PRONOUN, SPECIALS


def read(ids: Sequence[int], params: BiodParams, strings: np.ndarray) -> dict[str, Any]:
    """Return name, values (numbers of chunks in `strings`, (K, D, L)) and order. Raises ValueError on anything else."""
    blocks = np.cumsum([SPECIALS, params.K, *params.names, params.T]).tolist()

    def number(token: int, block: int) -> int:
        if not blocks[block] <= token < blocks[block + 1]:
            raise ValueError(f"id {token} where one from {blocks[block]} to {blocks[block + 1] - 1} belongs")
        return token - blocks[block]

    width = params.C * params.L
    if len(ids) != 3 + (params.K - 1) + params.K * (1 + width):
        raise ValueError(f"{len(ids)} ids")
    name = [number(token, 1 + part) for part, token in enumerate(ids[:3])]
    order, values, at = [], [-1] * (params.K * params.C), 3
    for place in range(params.K):
        if place:
            if ids[at] != PRONOUN:
                raise ValueError("a sentence after the first begins with the pronoun")
            at += 1
        attribute = number(ids[at], 0)
        order.append(attribute)
        for chunk in range(params.C):
            begins = at + 1 + chunk * params.L
            string = [number(token, 4) for token in ids[begins : begins + params.L]]
            matches = np.flatnonzero((strings[attribute] == string).all(axis=1))
            if not len(matches):
                raise ValueError(f"{string} is no chunk of attribute {attribute}")
            values[attribute * params.C + chunk] = int(matches[0])
        at += 1 + width
    if sorted(order) != list(range(params.K)):
        raise ValueError("every attribute stands there once")
    return {"name": dict(zip(("first", "middle", "last"), name, strict=True)), "values": values, "order": order}


NUMBER = r"(?:0|[1-9][0-9]{0,6})"
SENTENCE = re.compile(rf"{re.escape(ID)}([1-9][0-9]{{0,6}}){re.escape(IS)}({TOKEN}{NUMBER}(?: {TOKEN}{NUMBER})*)")
NAMED = re.compile(r"(\S+) (\S+) (\S+)")


def ids_of_english(
    text: str, names: Sequence[Mapping[str, int]], params: BiodParams
) -> tuple[list[int], dict[str, list[tuple[int, int]]]]:
    """Return the ids of an English row, and its spans in characters. Raises ValueError on anything else.

    names: the numbers of first, middle and last names.
    """
    whole, whose, _ = text.partition(WHOSE + ID)
    name = NAMED.fullmatch(whole)
    if name is None or not whose or not text.endswith(STOP):
        raise ValueError("a row begins with a full name's ID and ends with a full stop")
    blocks = np.cumsum([SPECIALS, params.K, *params.names]).tolist()
    numbers = [known.get(part, -1) for known, part in zip(names, name.groups(), strict=True)]
    if min(numbers) < 0:
        raise ValueError(f"{whole[:60]!r} is no full name")
    ids = [block + number for block, number in zip(blocks[1:4], numbers, strict=True)]
    spans: dict[str, list[tuple[int, int]]] = {"name": [(0, len(whole))], "value": []}
    at = len(whole) + len(WHOSE)
    while at < len(text) - len(STOP):
        if len(ids) > 3:
            if not text.startswith(THEIR, at):
                raise ValueError(f"{text[at : at + 20]!r} where {THEIR!r} belongs")
            ids.append(PRONOUN)
            at += len(THEIR)
        sentence = SENTENCE.match(text, at)
        if sentence is None or int(sentence[1]) > params.K:
            raise ValueError(f"{text[at : at + 40]!r} is no sentence")
        value = [int(token.removeprefix(TOKEN)) for token in sentence[2].split(" ")]
        if max(value) >= params.T:
            raise ValueError(f"v{max(value)}: values are of {params.T:,} tokens")
        ids += [SPECIALS + int(sentence[1]) - 1, *(blocks[4] + token for token in value)]
        spans["value"].append((sentence.start(2), sentence.end(2)))
        at = sentence.end()
    return ids, spans
