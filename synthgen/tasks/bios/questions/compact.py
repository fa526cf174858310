"""Compact questions: the same plans as tokens, in the vocabulary of the compact biographies with more behind it.

A prompt is one token for the wording (behind the name, where the wording begins with it), three for a name, one for a
value, and a control token where the spec has some; a completion is the hint's and the answer's tokens. The ids do not
depend on which forms a spec asks for, so all tasks on one set of lists share them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthgen.task.rows import Vocab
from synthgen.tasks.bios.biographies.compact import BOS, EOS, PAD, CompactVocab
from synthgen.tasks.bios.questions.forms import largest_number
from synthgen.tasks.bios.world.lists import FIRST_YEAR, MONTHS, Lists

CONTROLS = ("<direct>", "<recall>")
"""The tokens that stand for `direct_token` and `hint_token`."""


@dataclass(frozen=True)
class QuestionVocab:
    """The ids of compact questions, by what they say; `blocks` maps a kind to (first id, its texts)."""

    blocks: Mapping[str, tuple[int, Sequence[str]]]
    date: tuple[str, ...]  # the kinds of a birth date's tokens
    size: int

    @classmethod
    def of(cls, lists: Lists, questions: Mapping[str, Sequence[str]]) -> QuestionVocab:
        """Lay out the ids behind those of the biographies."""
        compact = CompactVocab.of(lists)
        months, days, years = lists.dates
        parts = {
            "month": MONTHS[:months],
            "day": [str(day + 1) for day in range(days)],
            "year": [str(FIRST_YEAR + year) for year in range(years)],
        }
        names = (lists.first_names, lists.middle_names, lists.last_names)
        values = (lists.birth_city, lists.university, lists.major, lists.employer, lists.cities)
        kinds = ("first_", "middle_", "last", "birth_city", "university", "major", "employer", "company_city")
        firsts = (*compact.names, *compact.values)
        blocks: dict[str, tuple[int, Sequence[str]]] = {
            kind: (first, texts) for kind, first, texts in zip(kinds, firsts, (*names, *values), strict=True)
        }
        at = compact.size
        date = tuple(parts)
        if compact.date_tokens == 1:
            date = ("date",)
            blocks["date"] = compact.date[0], [lists.date(i) for i in range(months * days * years)]
        else:
            blocks |= {kind: (first, parts[kind]) for kind, first in zip(parts, compact.date, strict=True)}
        largest = largest_number(lists)
        more: dict[str, Sequence[str]] = {
            **(parts if compact.date_tokens == 1 else {}),
            "verdict": ("No", "Yes"),
            "number": [str(number) for number in range(-largest, largest + 1)],
            "control": CONTROLS,
            "question": [f"<{key} {place}>" for key, wordings in questions.items() for place in range(len(wordings))],
        }
        for kind, texts in more.items():
            blocks[kind] = at, texts
            at += len(texts)
        return cls(blocks, date, at)

    def vocab(self, lists: Lists) -> Vocab:
        """Return the vocabulary, with a name for every id."""
        names = dict(CompactVocab.of(lists).vocab(lists).names)
        for first, texts in self.blocks.values():
            names |= {first + i: text for i, text in enumerate(texts)}
        return Vocab(self.size, BOS, EOS, PAD, names)

    def id(self, kind: str, text: str) -> int:
        """Return the id of a text of a kind."""
        first, texts = self.blocks[kind]
        return first + list(texts).index(text)
