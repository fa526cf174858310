"""Documents: the kernels that state relations, one a row, or all of a person's behind their biography."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import begin, below
from synthgen.exact.jit import kernel
from synthgen.task.phrases import PhraseTable, closing, opening
from synthgen.tasks.bios.biographies.writing.documents import CODES_PER_NAME, value_phrases, write_name
from synthgen.tasks.bios.biographies.writing.sentences import BY_NAME, BY_PRONOUN, NAME, VALUE, render
from synthgen.tasks.bios.relations.society import Society
from synthgen.tasks.bios.relations.wordings import SENTENCE
from synthgen.tasks.bios.relations.writing.relatives import relative
from synthgen.tasks.bios.world.writing.people import ENTRY as ENTRY_OF_SUBJECT
from synthgen.tasks.bios.world.writing.people import (
    FACTS,
    FIELDS,
    FIRST,
    LAST,
    MIDDLE,
    PRONOUN,
    SUBJECT,
    draw_name,
    person_at,
)

PERSON, ENTRY, RELATION, STYLE, WORDING, ROW_FIELDS = range(6)
"""The columns of the facts of a row that states one relation."""


class Statements(NamedTuple):
    """The forms of all statements; form f is pieces[starts[f] : starts[f + 1]]: phrases, NAME and VALUE.

    Sentence t of relation r, with pronoun p, is form (r * paraphrases + t) * pronouns + p, by name where there is but
    one; behind all sentences, the triple and the JSON of r are 2 r and 2 r + 1.
    """

    values: np.ndarray  # (FIELDS + 1,) int64: see `value_phrases`
    pieces: np.ndarray  # int32
    starts: np.ndarray  # (forms + 1,) int64
    paraphrases: int
    pronouns: int
    space: int  # the phrase between two sentences

    @classmethod
    def of(
        cls,
        table: PhraseTable,
        society: Society,
        paraphrases: int,
        pronouns: Sequence[str] = (),
    ) -> Statements:
        """Add the phrases to `table`; pronouns: those of the sentences, none where they have the name."""
        relations, reference = society.relations, BY_PRONOUN if pronouns else BY_NAME
        forms: list[list[str | int]] = [
            render(statement, pronoun, reference)
            for relation in relations
            for statement in relation.statements[:paraphrases]
            for pronoun in pronouns or ("he",)
        ]
        for relation in relations:
            forms.append([NAME, f" | {relation.name} | ", VALUE])
            forms.append(['{"person": "', NAME, f'", "{relation.name}": "', VALUE, '"}'])
        pieces = [[piece if isinstance(piece, int) else table.add(piece) for piece in form] for form in forms]
        starts = np.cumsum([0, *map(len, pieces)]).astype(np.int64)
        values = value_phrases(society.lists, table)
        flat = np.array([piece for form in pieces for piece in form], np.int32)
        return cls(values, flat, starts, paraphrases, len(pronouns) or 1, table.add(" "))

    def forms(self, relation: int, style: int, relations: int) -> range:
        """Return the forms of a relation by name in a style: sentences, or the one triple or JSON."""
        first = relation * self.paraphrases
        if style == SENTENCE:
            return range(first, first + self.paraphrases)
        first = relations * self.paraphrases + 2 * relation + style - 1
        return range(first, first + 1)

    @property
    def longest(self) -> int:
        """The most codes of a statement."""
        return int(np.diff(self.starts).max()) + 2 * CODES_PER_NAME


class Stated(NamedTuple):
    """What the kernels fill."""

    codes: np.ndarray  # int32
    ends: np.ndarray  # (rows,) int64
    others: np.ndarray  # (rows, relations of a row) int64: whom they lead to
    units: np.ndarray  # (rows, 1) int64

    @classmethod
    def new(cls, rows: int, codes: int, relations: int) -> Stated:
        """Return room for some rows of so many codes in all."""
        others, units = np.empty((rows, relations), np.int64), np.zeros((rows, 1), np.int64)
        return cls(np.empty(codes, np.int32), np.empty(rows, np.int64), others, units)


@kernel
def write_statements(state, start, stop, order_key, wording_key, names, sizes, bonds, styles, statements, facts, out):
    """State one relation in each of the rows [start, stop), facts (rows, ROW_FIELDS); return the number of codes."""
    values, pieces, starts, paraphrases, _, _ = statements
    codes, ends, others, units = out
    keys, laws = bonds.keys, bonds.laws
    fields, other_fields = np.empty(FIELDS, np.int64), np.empty(FIELDS, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        place, entry = person_at(state, order_key, bonds.people * laws.size, row)
        person, relation = place // laws.size, place % laws.size
        begin(state, wording_key, place, entry)
        style = below(state, styles.size)
        wording = below(state, paraphrases) if styles[style] == SENTENCE else 0
        units[i, 0] = state.ledger
        form = relation * paraphrases + wording
        if styles[style] != SENTENCE:
            form = laws.size * paraphrases + 2 * relation + styles[style] - 1
        other = bonds.first + relative(state, keys[relation], laws[relation], bonds.bosses, bonds.people, person)
        draw_name(state, names, bonds.first + person, sizes, fields)
        draw_name(state, names, other, sizes, other_fields)
        at = write_statement(codes, at, pieces, starts, form, fields, other_fields, values, 1 + relation)
        ends[i] = at
        facts[i, PERSON] = bonds.first + person
        facts[i, ENTRY] = entry
        facts[i, RELATION] = relation
        facts[i, STYLE] = style
        facts[i, WORDING] = wording
        others[i, 0] = other
    return at


@kernel
def add_statements(state, wording_key, names, sizes, bonds, statements, kind, biographies, wordings, out):
    """Put every relation of a person behind their biography; return the number of codes.

    biographies: codes, the rows' ends, and facts (rows, FACTS + FIELDS) as `draw_subject` writes them; kind: the span
    kind of the first relation. Adds to the units of `out`, fills the rest of it, and wordings (rows, relations) int64.
    """
    values, pieces, starts, paraphrases, pronouns, space = statements
    codes, ends, others, units = out
    keys, laws = bonds.keys, bonds.laws
    told, limits, facts = biographies
    other_fields = np.empty(FIELDS, np.int64)
    at = 0
    begun = 0
    for i in range(limits.size):
        for place in range(begun, limits[i]):
            codes[at] = told[place]
            at += 1
        begun = limits[i]
        fields = facts[i, FACTS:]
        person = facts[i, SUBJECT] - bonds.first
        begin(state, wording_key, facts[i, SUBJECT], facts[i, ENTRY_OF_SUBJECT])
        for relation in range(laws.size):
            wordings[i, relation] = below(state, paraphrases)
        units[i, 0] += state.ledger
        for relation in range(laws.size):
            other = bonds.first + relative(state, keys[relation], laws[relation], bonds.bosses, bonds.people, person)
            others[i, relation] = other
            draw_name(state, names, other, sizes, other_fields)
            codes[at] = space
            form = (relation * paraphrases + wordings[i, relation]) * pronouns + fields[PRONOUN]
            at = write_statement(codes, at + 1, pieces, starts, form, fields, other_fields, values, kind + relation)
        ends[i] = at
    return at


@register_jitable(forceinline=True)
def write_statement(codes, at, pieces, starts, form, fields, other_fields, values, kind):
    """Write the codes of a statement, the other's name in a span of `kind`; return the new end."""
    for p in range(starts[form], starts[form + 1]):
        piece = pieces[p]
        if piece == NAME:
            at = write_name(codes, at, fields, values)
        elif piece == VALUE:
            codes[at] = opening(kind)
            for part in (FIRST, MIDDLE, LAST):
                codes[at + 1 + part] = values[part] + other_fields[part]
            codes[at + 4] = closing(kind)
            at += CODES_PER_NAME
        else:
            codes[at] = piece
            at += 1
    return at
