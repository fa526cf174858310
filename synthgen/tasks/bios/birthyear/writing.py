"""What writes: the kernel that draws people, years and links, and hides them among sentences of other biographies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import Keys, begin, below, shuffle, subset, uniform
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units
from synthgen.task.phrases import PhraseTable, closing, opening
from synthgen.tasks.bios.biographies.writing.sentences import BY_NAME, NAME, VALUE, render
from synthgen.tasks.bios.birthyear.wording import ASKED, BREAK, JUNK, SHARED, TOLD, junk_templates, junk_values
from synthgen.tasks.bios.world.lists import Lists

SPAN_KINDS = ("fact", "answer")
FACT, ANSWER = range(len(SPAN_KINDS))

BOOKS = ("names", "years", "links", "question", "places", "junk")
NAMES_BOOK, YEARS_BOOK, LINKS_BOOK, QUESTION_BOOK, PLACES_BOOK, JUNK_BOOK = range(len(BOOKS))


class Layout(NamedTuple):
    """The size of a problem."""

    people: int  # of each group
    groups: int  # the first is told its years, each further one whose year of the group before it shares
    junk: int  # sentences
    years: int
    any: int  # whether anybody of the last group is asked about, or its first


class Phrases(NamedTuple):
    """Where phrases are."""

    names: np.ndarray  # (3,) int64: the first phrase of first, middle and last names
    sizes: np.ndarray  # (3,) int64: how many there are of each
    years: int  # the phrase of the first year
    around: np.ndarray  # int64: see `AROUND`
    pieces: np.ndarray  # int32: those of all sentences of junk
    starts: np.ndarray  # (sentences + 1,) int64
    first: np.ndarray  # (attributes,) int64: an attribute's first sentence
    counts: np.ndarray  # (attributes,) int64: its sentences
    values: np.ndarray  # (attributes,) int64: the phrase of its first value
    choices: np.ndarray  # (attributes,) int64: its values

    @classmethod
    def of(cls, table: PhraseTable, lists: Lists, instruction: str, first_year: int, years: int) -> Phrases:
        """Add all phrases to `table`."""
        names = [
            table.extend(f"{name} " for name in lists.first_names),
            table.extend(f"{name} " for name in lists.middle_names),
            table.extend(lists.last_names),
        ]
        year = table.extend(str(first_year + number) for number in range(years))
        _, told, stop = TOLD.split("{}")
        ask, end = ASKED.split("{}")
        lead = f"{instruction}{BREAK}" if instruction else ""
        texts = (lead, told, stop, SHARED.split("{}")[1], " ", BREAK + ask, end)
        around = np.array([table.add(text) for text in texts], np.int64)
        templates, stated = junk_templates(lists), junk_values(lists)
        forms = [render(text, "he", BY_NAME) for attribute in JUNK for text in templates[attribute]]
        pieces = [[piece if isinstance(piece, int) else table.add(piece) for piece in form] for form in forms]
        counts = np.array([len(templates[attribute]) for attribute in JUNK], np.int64)
        return cls(
            np.array(names, np.int64),
            np.array([len(lists.first_names), len(lists.middle_names), len(lists.last_names)], np.int64),
            year,
            around,
            np.array([piece for form in pieces for piece in form], np.int32),
            np.cumsum([0, *map(len, pieces)]).astype(np.int64),
            np.cumsum([0, *counts[:-1]]).astype(np.int64),
            counts,
            np.array([table.extend(stated[attribute]) for attribute in JUNK], np.int64),
            np.array([len(stated[attribute]) for attribute in JUNK], np.int64),
        )

    def longest(self, layout: Layout) -> int:
        """Return the most codes of a row."""
        junk = int(np.diff(self.starts).max()) + 8
        return 16 * (layout.people * layout.groups + 1) + layout.junk * junk


LEAD, SAYS, STOP, SHARES, SPACE, ASK, END = range(7)
"""What `Phrases.around` holds: the instruction, what stands between a name and its year, a full stop, what stands
between two names, a space, and what is around the name in the question."""


class Problems(NamedTuple):
    """What `write_problems` fills."""

    codes: np.ndarray  # int32
    ends: np.ndarray  # (2 rows,) int64: of each prompt, then of its completion
    names: np.ndarray  # (rows, groups people) int64: full names by number, group by group
    years: np.ndarray  # (rows, people) int64: of the first group, from 0
    links: np.ndarray  # (rows, (groups - 1) people) int64: whose year in the group before each of the others shares
    asked: np.ndarray  # (rows, 2) int64: who of the last group, and the answer, from 0
    units: np.ndarray  # (rows, books) int64

    @classmethod
    def new(cls, rows: int, layout: Layout, longest: int) -> Problems:
        """Return room for some rows."""
        n, groups = layout.people, layout.groups
        columns = [np.empty((rows, width), np.int64) for width in (groups * n, n, (groups - 1) * n, 2, len(BOOKS))]
        return cls(np.empty(rows * longest, np.int32), np.empty(2 * rows, np.int64), *columns)


class Stages(NamedTuple):
    """The keys of what is drawn for a row."""

    problem: np.ndarray
    places: np.ndarray
    junk: np.ndarray

    @classmethod
    def of(cls, keys: Keys) -> Stages:
        """Return the keys of a split."""
        return cls(keys.split("birth-years"), keys.split("birth-year-places"), keys.split("birth-year-junk"))


@kernel
def write_problems(state, start, stop, stages, layout, phrases, out):
    """Write the rows [start, stop); return the number of codes."""
    # Out of the tuples before the loop: numba counts a reference to every array that is taken out of one.
    parts, sizes, first_year, around, pieces, starts, first, counts, values, choices = phrases
    codes, ends, all_names, all_years, all_links, asked, units = out
    n, facts = layout.people, layout.people * layout.groups
    every = sizes[0] * sizes[1] * sizes[2]
    # Taken once: the logarithm of a great number takes longer than all else of a sentence.
    name_units = np.zeros(facts + 1, np.int64)
    for k in range(min(facts + 1, every)):
        name_units[k] = log2_units(every - k)
    year_units = np.empty(n, np.int64)
    for k in range(n):
        year_units[k] = log2_units(layout.years - k)
    sentence_units = np.empty(counts.size, np.int64)
    for a in range(counts.size):
        sentence_units[a] = log2_units(counts.size) + log2_units(counts[a]) + log2_units(choices[a]) + name_units[facts]
    taken = np.empty(facts, np.int64)
    link = np.empty(n, np.int64)
    places = np.empty(facts, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        names, years, links = all_names[i], all_years[i], all_links[i]
        begin(state, stages.problem, row, 0)
        for k in range(n):
            years[k] = draw_other(state, layout.years, taken, k, year_units)
        units[i, YEARS_BOOK] = state.ledger
        paid = state.ledger
        for k in range(facts):
            names[k] = draw_other(state, every, taken, k, name_units)
        units[i, NAMES_BOOK] = state.ledger - paid
        paid = state.ledger
        for group in range(layout.groups - 1):
            for k in range(n):
                link[k] = k
            shuffle(state, link, n)
            for k in range(n):
                links[group * n + k] = link[k]
        units[i, LINKS_BOOK] = state.ledger - paid
        paid = state.ledger
        who = below(state, n) if layout.any else 0
        units[i, QUESTION_BOOK] = state.ledger - paid
        source = who
        for group in range(layout.groups - 2, -1, -1):
            source = links[group * n + source]
        asked[i, 0] = who
        asked[i, 1] = years[source]
        begin(state, stages.places, row, 0)
        if layout.junk:
            subset(state, facts + layout.junk, facts, places)
        else:
            places[:] = np.arange(facts)
        units[i, PLACES_BOOK] = state.ledger

        codes[at] = around[LEAD]
        at += 1
        begin(state, stages.junk, row, 0)
        fact = 0
        for place in range(facts + layout.junk):
            if place > 0:
                codes[at] = around[SPACE]
                at += 1
            if fact < facts and places[fact] == place:
                codes[at] = opening(FACT)
                at = write_full_name(codes, at + 1, names[fact], parts, sizes)
                if fact < n:
                    codes[at] = around[SAYS]
                    codes[at + 1] = first_year + years[fact]
                    at += 2
                else:
                    codes[at] = around[SHARES]
                    other = (fact // n - 1) * n + links[fact - n]
                    at = write_full_name(codes, at + 1, names[other], parts, sizes)
                codes[at] = around[STOP]
                codes[at + 1] = closing(FACT)
                at += 2
                fact += 1
                continue
            attribute = uniform(state, counts.size)
            form = first[attribute] + uniform(state, counts[attribute])
            value = values[attribute] + uniform(state, choices[attribute])
            name = uniform(state, every - facts)
            state.ledger += sentence_units[attribute]
            for k in range(facts):  # `taken` is in rising order
                name += name >= taken[k]
            for p in range(starts[form], starts[form + 1]):
                piece = pieces[p]
                if piece == NAME:
                    at = write_full_name(codes, at, name, parts, sizes)
                else:
                    codes[at] = value if piece == VALUE else piece
                    at += 1
        units[i, JUNK_BOOK] = state.ledger
        codes[at] = around[ASK]
        at = write_full_name(codes, at + 1, names[facts - n + who], parts, sizes)
        codes[at] = around[END]
        at += 1
        ends[2 * i] = at
        codes[at] = around[SPACE]
        codes[at + 1] = opening(ANSWER)
        codes[at + 2] = first_year + asked[i, 1]
        codes[at + 3] = closing(ANSWER)
        codes[at + 4] = around[STOP]
        at += 5
        ends[2 * i + 1] = at
    return at


@register_jitable(forceinline=True)
def draw_other(state, n, taken, count, units):
    """Draw a number below n that is not among taken[:count], which is in rising order and then holds it too.

    units: the logarithm of n - count, in ledger units, by count.
    """
    number = uniform(state, n - count)
    state.ledger += units[count]
    place = 0
    while place < count and number >= taken[place]:
        number += 1
        place += 1
    for k in range(count, place, -1):
        taken[k] = taken[k - 1]
    taken[place] = number
    return number


@register_jitable(forceinline=True)
def write_full_name(codes, at, number, parts, sizes):
    """Write a full name by its number among all; return the new end."""
    rest = np.uint64(number) // np.uint64(sizes[2])  # unsigned: no sign to look at
    first = rest // np.uint64(sizes[1])
    codes[at] = parts[0] + np.int64(first)
    codes[at + 1] = parts[1] + np.int64(rest) - np.int64(first) * sizes[1]
    codes[at + 2] = parts[2] + number - np.int64(rest) * sizes[2]
    return at + 3
