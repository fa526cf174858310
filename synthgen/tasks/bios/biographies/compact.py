"""Compact biographies: the same plans, one token for each template, part of a name and value. For small models.

A sentence is its template's token and then its value's; the name's three tokens stand where a text first has the name
(before that sentence, or at the end of a reversed biography). A birth date is one token, or three (month, day, year)
where one would make the vocabulary larger than 65,536. Pronouns and references are not shown, so they are not booked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthgen.exact.jit import kernel
from synthgen.task.contract import Vocab
from synthgen.tasks.bios.biographies.writing.plan import CITY, N_ATTRIBUTES, draw_plan
from synthgen.tasks.bios.world.lists import ATTRIBUTES, FIRST_YEAR, MONTHS, Lists
from synthgen.tasks.bios.world.writing.people import DAY, EMPLOYER, FIELDS, MONTH, YEAR

BOS, EOS, PAD = 0, 1, 2
SPECIALS = 3
MOST_TOKENS = 2**16
NAME_PARTS = 3


@dataclass(frozen=True)
class CompactVocab:
    """The blocks of ids: specials, templates by attribute, three parts of a name, the date, and the other values."""

    templates: tuple[int, ...]  # the first id of each attribute's templates
    names: tuple[int, ...]  # of the first, middle and last names
    date: tuple[int, ...]  # of the dates, or of the months, days and years
    values: tuple[int, ...]  # of birth city, university, major, employer, company city
    size: int

    @classmethod
    def of(cls, lists: Lists) -> CompactVocab:
        """Lay out the ids of `lists`."""
        at = SPECIALS

        def block(size: int) -> int:
            nonlocal at
            at += size
            return at - size

        templates = tuple(block(len(lists.templates[attribute])) for attribute in ATTRIBUTES)
        names = tuple(block(len(part)) for part in (lists.first_names, lists.middle_names, lists.last_names))
        tables = (lists.birth_city, lists.university, lists.major, lists.employer, lists.cities)
        values = tuple(block(len(table)) for table in tables)
        months, days, years = lists.dates
        if at + months * days * years <= MOST_TOKENS:
            date: tuple[int, ...] = (block(months * days * years),)
        else:
            date = (block(months), block(days), block(years))
        return cls(templates, names, date, values, at)

    @property
    def date_tokens(self) -> int:
        """Tokens of a birth date: 1 or 3."""
        return len(self.date)

    def vocab(self, lists: Lists) -> Vocab:
        """Return the vocabulary, with a name for every id."""
        names = {BOS: "<bos>", EOS: "<eos>", PAD: "<pad>"}
        for attribute, first in zip(ATTRIBUTES, self.templates, strict=True):
            names |= {first + i: f"<{attribute} {i}>" for i in range(len(lists.templates[attribute]))}
        tables: list[tuple[int, Sequence[str]]] = list(
            zip(self.names, (lists.first_names, lists.middle_names, lists.last_names), strict=True)
        )
        tables += zip(
            self.values,
            (lists.birth_city, lists.university, lists.major, lists.employer, lists.cities),
            strict=True,
        )
        months, days, years = lists.dates
        if self.date_tokens == 1:
            tables += [(self.date[0], [lists.date(i) for i in range(months * days * years)])]
        else:
            parts = (MONTHS[:months], range(1, days + 1), range(FIRST_YEAR, FIRST_YEAR + years))
            tables += [(first, [str(x) for x in part]) for first, part in zip(self.date, parts, strict=True)]
        for first, table in tables:
            names |= {first + i: text for i, text in enumerate(table)}
        return Vocab(self.size, BOS, EOS, PAD, names)


def tokens_per_row(vocab: CompactVocab, full_name: bool) -> int:
    """Return the tokens of every row: all rows are equally long."""
    return NAME_PARTS * (N_ATTRIBUTES if full_name else 1) + 2 * N_ATTRIBUTES + vocab.date_tokens - 1


@kernel
def write_tokens(
    state, keys, start, stop, first_person, people, sizes, homes, blocks, counts, style, ids, edges, facts, plans, units
):
    """Write the rows [start, stop) as tokens.

    blocks: the first ids of templates (6), names (3), values (5) and date (1 or 3). Fills ids (rows, tokens), edges
    (rows, mentions + 6): where each mention of the name, then each attribute's value, begins; the rest as
    `write_documents`.
    """
    names, values, date = blocks[6:9], blocks[9:14], blocks[14:]
    name_at, full_name = style[3], style[4]
    fields = np.empty(FIELDS, np.int64)
    mentions = edges.shape[1] - N_ATTRIBUTES
    for row in range(start, stop):
        i = row - start
        draw_plan(state, keys, row, first_person, people, sizes, counts, style, fields, facts, plans, units, i)
        at = 0
        mention = 0
        for place in range(N_ATTRIBUTES + 1):
            if place == name_at or (full_name and place < N_ATTRIBUTES):
                edges[i, mention] = at
                mention += 1
                for part in range(NAME_PARTS):
                    ids[i, at + part] = names[part] + fields[part]
                at += NAME_PARTS
            if place == N_ATTRIBUTES:
                break
            attribute = plans[i, N_ATTRIBUTES + place]
            ids[i, at] = blocks[attribute] + plans[i, attribute]
            at += 1
            edges[i, mentions + attribute] = at
            if attribute > 0:
                value = homes[fields[EMPLOYER]] if attribute == CITY else fields[YEAR + attribute]
                ids[i, at] = values[attribute - 1] + value
                at += 1
            elif date.size == 1:
                ids[i, at] = date[0] + (fields[MONTH] * sizes[DAY] + fields[DAY]) * sizes[YEAR] + fields[YEAR]
                at += 1
            else:
                for part in range(date.size):
                    ids[i, at + part] = date[part] + fields[MONTH + part]
                at += date.size


class CompactReader:
    """Reads compact rows back, from the vocabulary alone: each id says what it is."""

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
        kinds = [self._kind(int(token)) for token in ids]
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
            found = kinds[at + 1 : at + 1 + width]
            expected = [f"date{part}" for part in range(width)] if width > 1 else [what]
            if [part[:2] for part in found] != [("value", name) for name in expected]:
                raise ValueError(f"no {what} behind its template")
            values[what] = found[0][2] if width == 1 else (found[0][2] * days + found[1][2]) * years + found[2][2]
            spans[what].append((at + 1, at + 1 + width))
            at += 1 + width
        if len(order) != N_ATTRIBUTES or len(names) != 1 or len(spans["name"]) != (N_ATTRIBUTES if full_name else 1):
            raise ValueError("a biography has one name and six facts")
        return {
            "pronoun": None,
            "name": dict(zip(("first", "middle", "last"), names.pop(), strict=True)),
            "values": {a: values[a] for a in ATTRIBUTES},
            "templates": {a: templates[a] for a in ATTRIBUTES},
            "order": order,
            "spans": spans,
        }
