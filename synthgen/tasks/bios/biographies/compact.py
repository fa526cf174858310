"""Compact biographies: the same plans, one token for each template, part of a name and value. For small models.

A sentence is its template's token and then its value's; the name's three tokens stand where a text first has the name
(before that sentence, or at the end of a reversed biography). A birth date is one token, or three (month, day, year)
where one would make the vocabulary larger than 65,536. Pronouns and references are not shown, so they are not booked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synthgen.task.rows import Vocab
from synthgen.tasks.bios.world.lists import ATTRIBUTES, FIRST_YEAR, MONTHS, Lists

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
