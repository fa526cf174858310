"""Tokens: compact rows read back, from the vocabulary alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthgen.task.ids import ids_of
from synthgen.tasks.bios.biographies.compact import NAME_PARTS, CompactVocab
from synthgen.tasks.bios.world.lists import ATTRIBUTES, Lists


class CompactReader:
    """Reads a row of ids, each of which says what it is."""

    def __init__(self, vocab: CompactVocab, lists: Lists) -> None:
        self.lists, self.vocab = lists, vocab
        blocks = [(first, ("template", a)) for first, a in zip(vocab.templates, ATTRIBUTES, strict=True)]
        blocks += [
            (first, ("name", part)) for first, part in zip(vocab.names, ("first", "middle", "last"), strict=True)
        ]
        blocks += [(first, ("value", a)) for first, a in zip(vocab.values, ATTRIBUTES[1:], strict=True)]
        blocks += [
            (first, ("value", f"date{i}" if vocab.date_tokens > 1 else "birth_date"))
            for i, first in enumerate(vocab.date)
        ]
        self._blocks = sorted(blocks, reverse=True)

    def _kind(self, token: int) -> tuple[str, str, int]:
        for first, (kind, what) in self._blocks:
            if first <= token < self.vocab.size:
                return kind, what, token - first
        raise ValueError(f"id {token} is not of a biography")

    def read(self, ids: Sequence[int], name_at: int, full_name: bool) -> dict[str, Any]:
        """Return name, values, templates, order and spans of a row. Raises ValueError on anything else."""
        kinds = [self._kind(token) for token in ids_of(ids)]
        spans: dict[str, list[tuple[int, int]]] = {kind: [] for kind in ("name", *ATTRIBUTES)}
        values: dict[str, int] = {}
        templates: dict[str, int] = {}
        order: list[int] = []
        names = set()
        at = 0
        _, days, years = self.lists.dates
        while at < len(kinds):
            kind, what, number = kinds[at]
            if kind == "name":
                parts = kinds[at : at + NAME_PARTS]
                if [part[1] for part in parts] != ["first", "middle", "last"]:
                    raise ValueError("a name is a first, a middle and a last name")
                if not full_name and len(order) != name_at:
                    raise ValueError(f"the name stands before sentence {len(order) + 1}")
                names.add(tuple(part[2] for part in parts))
                spans["name"].append((at, at + NAME_PARTS))
                at += NAME_PARTS
                continue
            if kind != "template" or what in templates:
                raise ValueError(f"token {at} begins no new sentence")
            templates[what] = number
            order.append(ATTRIBUTES.index(what))
            width = self.vocab.date_tokens if what == "birth_date" else 1
            value_tokens = kinds[at + 1 : at + 1 + width]
            expected = [f"date{part}" for part in range(width)] if width > 1 else [what]
            if [part[:2] for part in value_tokens] != [("value", name) for name in expected]:
                raise ValueError(f"no {what} behind its template")
            values[what] = (
                value_tokens[0][2]
                if width == 1
                else (value_tokens[0][2] * days + value_tokens[1][2]) * years + value_tokens[2][2]
            )
            spans[what].append((at + 1, at + 1 + width))
            at += 1 + width
        if (
            len(order) != len(ATTRIBUTES)
            or len(names) != 1
            or len(spans["name"]) != (len(ATTRIBUTES) if full_name else 1)
        ):
            raise ValueError("a biography has one name and six facts")
        return {
            "pronoun": None,
            "name": dict(zip(("first", "middle", "last"), names.pop(), strict=True)),
            "values": {a: values[a] for a in ATTRIBUTES},
            "templates": {a: templates[a] for a in ATTRIBUTES},
            "order": order,
            "spans": spans,
        }
