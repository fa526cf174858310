"""What may come next in a biography, for a model that knows the world: who it is, in which order, and how it is worded.

A reader holds what is said so far to be about some people, and to stand somewhere in the sentences about an attribute.
Sentences that begin alike are one way until they part, and so are people: by a first name, or by a value that many
share. Texts and compact tokens differ in what is said, not in the law.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from synthgen.task.kit.surprisal import Phrase, Piece, Way, walked, ways_of
from synthgen.task.phrases import PhraseTable
from synthgen.tasks.bios.biographies.compact import CompactVocab
from synthgen.tasks.bios.biographies.writing.documents import CITY_SLOT, SLOT, Wording
from synthgen.tasks.bios.biographies.writing.plan import (
    BY_ENTRY,
    CITY,
    COUPLE,
    EMPLOYER_PLACE,
    N_ATTRIBUTES,
    ONCE,
    Style,
)
from synthgen.tasks.bios.biographies.writing.sentences import (
    BY_NAME,
    BY_PERSON,
    BY_PRONOUN,
    REFERENCES,
)
from synthgen.tasks.bios.world.crowd import Crowd
from synthgen.tasks.bios.world.writing.people import (
    DAY,
    EMPLOYER,
    FIELDS,
    FIRST,
    LAST,
    MIDDLE,
    MONTH,
    PRONOUN,
    YEAR,
    World,
)

DATE, BIRTHDAY, HOME = range(FIELDS, FIELDS + 3)
"""Fields beside those of a person: month and day as one, the whole date as one, and the employer's city."""

FILLED = {DAY: DATE, CITY_SLOT: HOME}
"""What texts say in slots that are no field of a person: the day with its month, and the company city."""

NAMES = (FIRST, MIDDLE, LAST)


@dataclass(frozen=True)
class Reading:
    """What is known of a row so far: some people, the attributes told, and the ways on in the sentence at hand."""

    people: np.ndarray
    told: tuple[int, ...] = ()
    ways: tuple[Way, ...] = ()
    closing: bool = False  # whether the sentence behind those about attributes has begun


class Saying(NamedTuple):
    """How biographies are worded: as texts, or as compact tokens."""

    words: Mapping[int, Sequence[Phrase]]  # by field: how its values are said
    ways: Mapping[tuple[int, int, int], tuple[Way, ...]]  # sentences by attribute, pronoun and reference
    closing: tuple[Way, ...]  # the sentence that names a person behind all others
    between: Phrase  # what stands between two sentences


def value_words(table: PhraseTable, phrases: np.ndarray, cities: int, sizes: np.ndarray) -> dict[int, list[Phrase]]:
    """Return how texts say names and values, by field; phrases, cities, sizes: as `value_phrases` has them, how many
    company cities there are, and how many values each field can take.
    """

    def words(block: int, number: int) -> list[Phrase]:
        return [table[int(phrases[block]) + value] for value in range(number)]

    fields = {field: words(field, int(sizes[field])) for field in (*NAMES, *range(YEAR, EMPLOYER + 1))}
    return fields | {DATE: words(DAY, int(sizes[MONTH] * sizes[DAY])), HOME: words(FIELDS, cities)}


def facts_of(people: np.ndarray, world: World) -> np.ndarray:
    """Return everybody's fields, (people, FIELDS), with DATE, BIRTHDAY and HOME behind them."""
    date = people[:, MONTH] * world.sizes[DAY] + people[:, DAY]
    return np.column_stack([people, date, date * world.sizes[YEAR] + people[:, YEAR], world.homes[people[:, EMPLOYER]]])


def text_saying(table: PhraseTable, wording: Wording, sizes: np.ndarray, cities: int) -> Saying:
    """Return how texts are worded; sizes: how many values each field can take; cities: how many company cities."""
    phrases, space, forms, starts, first, counts, pronouns = wording

    def sentence(form: int) -> list[Piece]:
        codes = forms[starts[form] : starts[form + 1]].tolist()
        return [FILLED.get(code - SLOT, code - SLOT) if code >= SLOT else table[code] for code in codes if code >= 0]

    fields = value_words(table, phrases, cities, sizes) | {PRONOUN: [""] * pronouns}
    ways = {
        (attribute, pronoun, reference): ways_of(
            [
                sentence((int(first[attribute] + t) * pronouns + pronoun) * REFERENCES + reference)
                for t in range(counts[attribute])
            ]
        )
        for attribute in range(N_ATTRIBUTES)
        for pronoun in range(pronouns)
        for reference in range(REFERENCES)
    }
    return Saying(fields, ways, ways_of([sentence(starts.size - 2)]), table[space])


def token_saying(vocab: CompactVocab, counts: Sequence[int], sizes: np.ndarray, homes: int) -> Saying:
    """Return how compact tokens say the same; counts: templates by attribute; homes: how many company cities."""

    def words(first: int, number: int) -> list[Phrase]:
        return [(first + value,) for value in range(number)]

    dates = {BIRTHDAY: (vocab.date[0], sizes[MONTH] * sizes[DAY] * sizes[YEAR])}
    if vocab.date_tokens > 1:
        dates = {field: (first, sizes[field]) for field, first in zip((MONTH, DAY, YEAR), vocab.date, strict=True)}
    values = {YEAR + 1 + k: (vocab.values[k], sizes[YEAR + 1 + k]) for k in range(EMPLOYER - YEAR)}
    names = {field: (vocab.names[part], sizes[field]) for part, field in enumerate(NAMES)}
    blocks = {**names, **dates, **values, HOME: (vocab.values[-1], homes)}
    fields = {field: words(first, int(number)) for field, (first, number) in blocks.items()}
    ways = {}
    for attribute in range(N_ATTRIBUTES):
        value = list(dates) if attribute == 0 else value_fields(attribute)
        for reference in range(REFERENCES):
            name = NAMES if reference == BY_NAME else ()
            templates = [(vocab.templates[attribute] + t,) for t in range(counts[attribute])]
            ways[attribute, 0, reference] = ways_of([[*name, template, *value] for template in templates])
    return Saying({**fields, PRONOUN: [()]}, ways, ways_of([NAMES]), ())


def value_fields(attribute: int) -> list[Piece]:
    """Return the fields that a text says of an attribute."""
    return [DATE, YEAR] if attribute == 0 else [HOME if attribute == CITY else YEAR + attribute]


class BiographyLaw:
    """The law of biographies, for readers who know the world."""

    def __init__(
        self, style: Style, people: np.ndarray, world: World, saying: Saying, entries: np.ndarray | None = None
    ) -> None:
        """people: everybody's fields, (people, FIELDS); entries: (people,), how many each has, where not as many."""
        self._style, self._saying = style, saying
        self._crowd = Crowd(facts_of(people, world), saying.words, entries)

    def surprisals(self, said: Phrase) -> np.ndarray:
        """Return the bits of each token of a row and of its end, (tokens + 1,)."""
        return walked(said, Reading(self._crowd.all), self._follow)

    def _follow(self, reading: Reading, ahead: Phrase) -> Iterator[tuple[float, Phrase, Reading | None]]:
        """Give the next pieces of the sentence at hand, or the sentences about what may be told next."""
        if not reading.ways:
            yield from self._sentences(reading)
        told, closing = reading.told, reading.closing
        complete = len(told) == N_ATTRIBUTES and (closing or self._style.name_at < N_ATTRIBUTES)
        for way in reading.ways:
            last = complete and not way.onward
            if isinstance(way.piece, int):
                for share, phrase, people in self._crowd.apart(reading.people, way.piece).get(ahead, ()):
                    behind = None if last else Reading(people, told, way.onward, closing)
                    yield way.share * share, phrase, behind
            else:
                yield way.share, way.piece, None if last else Reading(reading.people, told, way.onward, closing)

    def _sentences(self, reading: Reading) -> Iterator[tuple[float, Phrase, Reading]]:
        place, saying = len(reading.told), self._saying
        between = saying.between if place else saying.between[:0]
        if place == N_ATTRIBUTES:
            yield 1.0, between, Reading(reading.people, reading.told, saying.closing, True)
            return
        reference = BY_PRONOUN if place > 0 else BY_PERSON
        if place == self._style.name_at or self._style.full_name:
            reference = BY_NAME
        attributes = self._next_attributes(reading.told)
        for share, _, people in self._crowd.apart(reading.people, PRONOUN)[saying.between[:0]]:
            pronoun = int(self._crowd.fields[people[0], PRONOUN])
            for attribute in attributes:
                ways = saying.ways[attribute, pronoun, reference]
                yield share / len(attributes), between, Reading(people, (*reading.told, attribute), ways)

    def _next_attributes(self, told: tuple[int, ...]) -> list[int]:
        """Return the attributes that may come next, each equally likely."""
        if self._style.order in (BY_ENTRY, ONCE):
            return [attribute for attribute in range(N_ATTRIBUTES) if attribute not in told]
        if self._style.order == COUPLE:
            if len(told) % 2:
                return [told[-1] + 1]
            return [attribute for attribute in range(0, N_ATTRIBUTES, 2) if attribute not in told]
        order = list(range(N_ATTRIBUTES))
        if self._style.city_first:
            order[EMPLOYER_PLACE], order[CITY] = CITY, EMPLOYER_PLACE
        return [order[len(told)]]
