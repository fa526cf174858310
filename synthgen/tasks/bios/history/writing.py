"""Questions: the kernel that draws what is asked of whom, and works the answer out of two times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from synthgen.exact.bijection import permuted
from synthgen.exact.draw import begin, below, new_state
from synthgen.exact.jit import kernel
from synthgen.task.phrases import PhraseTable, closing, opening
from synthgen.tasks.bios.biographies.writing.documents import value_phrases, write_name
from synthgen.tasks.bios.history.wordings import AFTER, ASKS, BEFORE, NO, TARGETS, WHETHER, YES
from synthgen.tasks.bios.world.lists import Lists
from synthgen.tasks.bios.world.writing.changes import Changes, change_person
from synthgen.tasks.bios.world.writing.people import EMPLOYER, FIELDS, UNIVERSITY, draw_person

SPAN_KINDS = ("name", "answer")
QUESTION_BOOK, PERSON_BOOK, WORDING_BOOK, N_BOOKS = range(4)

ASK, TARGET, PERSON, WORDING, OLD, NEW, ROW_FIELDS = range(7)
"""The columns of a row: what is asked and of which fact (numbers in the spec), of whom, how it is worded, and the value
before the change and after it.
"""

CODES = 16
"""Codes of a row, at most."""

CITY = len(TARGETS) - 1


class Wordings(NamedTuple):
    """Where the phrases of questions are, by what is asked and of which fact."""

    values: np.ndarray  # (FIELDS + 1,) int64: see `value_phrases`
    before: np.ndarray  # (asks, targets, wordings) int64
    after: np.ndarray  # the same, behind the name
    around: np.ndarray  # (2,) int64: what stands before and behind an answer
    verdicts: np.ndarray  # (2,) int64: No and Yes
    asks: np.ndarray  # (asks,) int64: which of ASKS
    targets: np.ndarray  # (targets,) int64: which of TARGETS

    @classmethod
    def of(
        cls,
        table: PhraseTable,
        lists: Lists,
        wordings: Mapping[str, Mapping[str, Sequence[str]]],
        asks: Sequence[str],
        targets: Sequence[str],
        paraphrases: int,
        cue: str,
    ) -> Wordings:
        """Add the phrases to `table`, and return where they are."""
        shape = (len(asks), len(targets), paraphrases)
        before, after = np.empty(shape, np.int64), np.empty(shape, np.int64)
        ask = cue and f" {cue}"
        for a, one in enumerate(asks):
            for t, target in enumerate(targets):
                for w, wording in enumerate(wordings[one][target][:paraphrases]):
                    head, tail = wording.split("{A}")
                    before[a, t, w], after[a, t, w] = table.add(head), table.add(tail + ask)
        around = np.array([table.add(mark) for mark in (" ", ".")], np.int64)
        verdicts = np.array([table.add(word) for word in (NO, YES)], np.int64)
        kinds = np.array([ASKS.index(one) for one in asks], np.int64)
        facts = np.array([TARGETS.index(target) for target in targets], np.int64)
        return cls(value_phrases(lists, table), before, after, around, verdicts, kinds, facts)


class Asked(NamedTuple):
    """What `write_questions` fills: prompts and completions by turns, and what they are about."""

    codes: np.ndarray  # int32
    ends: np.ndarray  # (2 rows,) int64: of each prompt, then of its completion
    rows: np.ndarray  # (rows, ROW_FIELDS) int64
    units: np.ndarray  # (rows, N_BOOKS) int64

    @classmethod
    def new(cls, rows: int) -> Asked:
        """Return room for some rows."""
        columns, units = np.empty((rows, ROW_FIELDS), np.int64), np.empty((rows, N_BOOKS), np.int64)
        return cls(np.empty(rows * CODES, np.int32), np.empty(2 * rows, np.int64), columns, units)


def members_of(
    changes: Changes, everybody: range, asked: range, about: str, targets: Sequence[int]
) -> list[np.ndarray]:
    """Return who is asked about each target, where not all are: those of `asked` for whom it has changed, or not."""
    by_field: dict[int, np.ndarray] = {}
    members = []
    for target in targets:
        field = EMPLOYER if target == CITY else UNIVERSITY + target
        if field not in by_field:
            changed = np.zeros(len(asked), np.bool_)
            first = asked.start - everybody.start
            _find(new_state(), changes.key, field - UNIVERSITY, changes.number, len(everybody), first, changed)
            by_field[field] = asked.start + np.flatnonzero(changed == (about == "changed"))
        members.append(by_field[field])
    return members


@kernel
def _find(state, key, fact, number, people, first, changed):
    for i in range(changed.size):
        changed[i] = permuted(state, key, fact, people, first + i) < number


@kernel
def write_questions(state, start, stop, key, world, changes, group, asked, members, limits, wordings, out):
    """Word the rows [start, stop); return the number of codes.

    group, asked: (first, number) of everybody, and of those asked about; members, limits: for each target, the people
    members[limits[target] : limits[target + 1]]; no members: all of `asked`.
    """
    # Out of the tuples before the loop: numba counts a reference to every array that is taken out of one.
    values, before, after, around, verdicts, asks, targets = wordings
    codes, ends, rows, units = out
    names, facts, sizes, homes = world
    first, number = asked
    fields, then = np.empty(FIELDS, np.int64), np.empty(FIELDS, np.int64)
    at = 0
    for row in range(start, stop):
        i = row - start
        begin(state, key, row, 0)
        ask = below(state, asks.size)
        target = below(state, targets.size)
        paid = state.ledger
        units[i, QUESTION_BOOK] = paid
        if members.size:
            person = members[limits[target] + below(state, limits[target + 1] - limits[target])]
        else:
            person = first + below(state, number)
        units[i, PERSON_BOOK] = state.ledger - paid
        paid = state.ledger
        wording = below(state, before.shape[2])
        units[i, WORDING_BOOK] = state.ledger - paid

        draw_person(state, names, facts, person, sizes, fields)
        then[:] = fields
        change_person(state, changes, group[1], person - group[0], person, sizes, fields)
        if targets[target] == CITY:
            old, new, phrase = homes[then[EMPLOYER]], homes[fields[EMPLOYER]], values[FIELDS]
        else:
            field = UNIVERSITY + targets[target]
            old, new, phrase = then[field], fields[field], values[field]
        rows[i, ASK] = ask
        rows[i, TARGET] = target
        rows[i, PERSON] = person
        rows[i, WORDING] = wording
        rows[i, OLD] = old
        rows[i, NEW] = new

        codes[at] = before[ask, target, wording]
        at = write_name(codes, at + 1, fields, values)
        codes[at] = after[ask, target, wording]
        ends[2 * i] = at + 1
        codes[at + 1] = around[0]
        codes[at + 2] = opening(1)
        if asks[ask] == WHETHER:
            codes[at + 3] = verdicts[1 if old != new else 0]
        else:
            codes[at + 3] = phrase + (old if asks[ask] == BEFORE else new)
        codes[at + 4] = closing(1)
        codes[at + 5] = around[1]
        at += 6
        ends[2 * i + 1] = at
    return at


assert (BEFORE, AFTER, WHETHER) == (0, 1, 2)
