"""Questions: the kernel that draws a path and words it, as a sentence, a triple or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from synthgen.exact.draw import begin, below
from synthgen.exact.jit import kernel
from synthgen.task.phrases import PhraseTable, closing, opening
from synthgen.tasks.bios.biographies.writing.documents import value_phrases, write_name
from synthgen.tasks.bios.relations.laws import PAIRS
from synthgen.tasks.bios.relations.society import Society
from synthgen.tasks.bios.relations.wordings import FACT_NAMES, PERSON, SENTENCE, STYLES
from synthgen.tasks.bios.relations.writing.relatives import relative
from synthgen.tasks.bios.world.lists import ATTRIBUTES
from synthgen.tasks.bios.world.writing.people import (
    DAY,
    EMPLOYER,
    FIELDS,
    FIRST,
    LAST,
    MIDDLE,
    MONTH,
    YEAR,
    draw_name,
    draw_person,
)

SPAN_KINDS = ("name", "answer")
QUESTION_BOOK, PERSON_BOOK, WORDING_BOOK, N_BOOKS = range(4)

TARGET, STYLE, WORDING, STEPS, ROW_FIELDS = range(5)
"""The columns of a row: what is asked for, the style and the wording (numbers in the spec), and relations followed."""

ASKS_PERSON = len(ATTRIBUTES)
"""The number of the target that is a person."""

CODES = 24
"""Codes of a row, but for the relations of its path: at most so many."""


class Wordings(NamedTuple):
    """Where the phrases of questions begin, by style and what is asked for."""

    values: np.ndarray  # (FIELDS + 1,) int64: see `value_phrases`
    before: np.ndarray  # (styles, targets, wordings) int64
    links: np.ndarray  # (styles, 2, relations) int64: a relation behind the name, and behind a relation
    after: np.ndarray  # (styles, targets, wordings, 2) int64: where no relation is followed, and where one is
    around: np.ndarray  # (styles, 2) int64: what stands before and behind an answer
    styles: np.ndarray  # (styles,) int64: which of STYLES
    targets: np.ndarray  # (targets,) int64: which of TARGETS

    @classmethod
    def of(
        cls,
        table: PhraseTable,
        society: Society,
        styles: Sequence[str],
        targets: Sequence[str],
        paraphrases: int,
        cue: str,
    ) -> Wordings:
        """Add the phrases to `table`, and return where they are."""
        relations = society.relations
        shape = (len(styles), len(targets), paraphrases)
        before, after = np.empty(shape, np.int64), np.empty((*shape, 2), np.int64)
        links = np.empty((len(styles), 2, len(relations)), np.int64)
        around = np.empty((len(styles), 2), np.int64)
        ask = cue and f" {cue}"
        for s, style in enumerate(styles):
            marks = {"sentence": (" ", "."), "triple": (" ", ""), "json": (' "', '"}')}[style]
            around[s] = [table.add(mark) for mark in marks]
            for r, relation in enumerate(relations):
                for later in range(2):
                    json = f', "{relation.name}"' if later else f'", "path": ["{relation.name}"'
                    texts = {"sentence": f"'s {relation.name}", "triple": f" | {relation.name}", "json": json}
                    links[s, later, r] = table.add(texts[style])
            for t, target in enumerate(targets):
                fact = FACT_NAMES.get(target, "")
                for w, wording in enumerate(society.wordings.questions(target)[:paraphrases]):
                    head, tail = wording.split("{A}")
                    json = f'"{fact}"' if fact else ""
                    starts = {"sentence": head, "triple": "", "json": '{"person": "'}
                    before[s, t, w] = table.add(starts[style])
                    for linked in range(2):
                        path = (f", {json}" if linked else f'", "path": [{json}') if json else ""
                        triple = f" | {fact} |" if fact else " |"
                        ends = {"sentence": tail + ask, "triple": triple, "json": f'{path}], "answer":'}
                        after[s, t, w, linked] = table.add(ends[style])
        kinds = np.array([STYLES.index(style) for style in styles], np.int64)
        asked = [ATTRIBUTES.index(target) if target != PERSON else ASKS_PERSON for target in targets]
        return cls(value_phrases(society.lists, table), before, links, after, around, kinds, np.array(asked, np.int64))


class Asked(NamedTuple):
    """What `write_questions` fills: prompts and completions by turns, and what they are about."""

    codes: np.ndarray  # int32
    ends: np.ndarray  # (2 rows,) int64: of each prompt, then of its completion
    rows: np.ndarray  # (rows, ROW_FIELDS) int64
    path: np.ndarray  # (rows, most steps) int64: numbers of relations; the first STEPS of them count
    people: np.ndarray  # (rows, most steps + 1) int64: who is named, and who is met on the way
    units: np.ndarray  # (rows, N_BOOKS) int64

    @classmethod
    def new(cls, rows: int, steps: int) -> Asked:
        """Return room for some rows of at most so many steps."""
        columns = [np.zeros((rows, width), np.int64) for width in (ROW_FIELDS, steps, steps + 1, N_BOOKS)]
        return cls(np.empty(rows * (CODES + steps), np.int32), np.empty(2 * rows, np.int64), *columns)


@kernel
def write_questions(state, start, stop, key, world, bonds, asked, hops, wordings, out):
    """Word the rows [start, stop) about people `asked` = (first, number); return the number of codes."""
    # Out of the tuples before the loop: numba counts a reference to every array that is taken out of one.
    values, before, links, after, around, styles, targets = wordings
    codes, ends, rows, paths, people, units = out
    keys, laws = bonds.keys, bonds.laws
    names, facts, sizes, homes = world
    first, number = asked
    fields = np.empty(FIELDS, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        begin(state, key, row, 0)
        steps = hops[below(state, hops.size)]
        target = below(state, targets.size)
        steps -= targets[target] != ASKS_PERSON
        for step in range(steps):
            paths[i, step] = draw_relation(state, laws, paths[i, step - 1] if step else -1)
        paid = state.ledger
        units[i, QUESTION_BOOK] = paid
        person = first + below(state, number)
        units[i, PERSON_BOOK] = state.ledger - paid
        paid = state.ledger
        style = below(state, styles.size)
        wording = below(state, before.shape[2]) if styles[style] == SENTENCE else 0
        units[i, WORDING_BOOK] = state.ledger - paid
        rows[i, TARGET] = target
        rows[i, STYLE] = style
        rows[i, WORDING] = wording
        rows[i, STEPS] = steps

        people[i, 0] = person
        draw_name(state, names, person, sizes, fields)
        codes[at] = before[style, target, wording]
        at = write_name(codes, at + 1, fields, values)
        for step in range(steps):
            relation = paths[i, step]
            place = person - bonds.first
            place = relative(state, keys[relation], laws[relation], bonds.bosses, bonds.people, place)
            person = bonds.first + place
            people[i, step + 1] = person
            codes[at] = links[style, 1 if step else 0, relation]
            at += 1
        codes[at] = after[style, target, wording, 1 if steps else 0]
        at += 1
        ends[2 * i] = at
        codes[at] = around[style, 0]
        codes[at + 1] = opening(1)
        at += 2
        if targets[target] == ASKS_PERSON:
            draw_name(state, names, person, sizes, fields)
            for part in (FIRST, MIDDLE, LAST):
                codes[at] = values[part] + fields[part]
                at += 1
        else:
            draw_person(state, names, facts, person, sizes, fields)
            at = write_fact(codes, at, targets[target], fields, sizes, homes, values)
        codes[at] = closing(1)
        codes[at + 1] = around[style, 1]
        at += 2
        ends[2 * i + 1] = at
    return at


@register_jitable(forceinline=True)
def draw_relation(state, laws, before):
    """Draw the next relation of a path: any, but pairs never twice in a row, since that leads back."""
    back = before >= 0 and laws[before] == PAIRS
    relation = below(state, laws.size - back)
    return relation + (back and relation >= before)


@register_jitable(forceinline=True)
def write_fact(codes, at, attribute, fields, sizes, homes, values):
    """Write the codes of a fact, one phrase (a date's are two); return the new end."""
    if attribute == 0:
        codes[at] = values[DAY] + fields[MONTH] * sizes[DAY] + fields[DAY]
        codes[at + 1] = values[YEAR] + fields[YEAR]
        return at + 2
    if attribute == ASKS_PERSON - 1:
        codes[at] = values[FIELDS] + homes[fields[EMPLOYER]]
    else:
        codes[at] = values[YEAR + attribute] + fields[YEAR + attribute]
    return at + 1
