"""What writes: the kernels that draw the diversity sets and the rows, and rows of tokens put into English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthgen.exact.draw import Keys, begin, below, shuffle
from synthgen.exact.jit import kernel
from synthgen.task.phrases import Codes, PhraseTable, closing, opening
from synthgen.tasks.bios.biod.english import ID, IS, NAME, SPAN_KINDS, STOP, THEIR, TOKEN, VALUE, WHOSE
from synthgen.tasks.bios.biod.symbols import PRONOUN, SPECIALS
from synthgen.tasks.bios.world.writing.people import ENTRY, FACTS, FIELDS, SUBJECT, draw_name, person_at


class Stages(NamedTuple):
    """The keys of what is drawn for a row: those of the world, then those of the split."""

    names: np.ndarray
    values: np.ndarray
    rows: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, keys: Keys) -> Stages:
        """Return the keys of a world and a split."""
        return cls(keys.world("names"), keys.world("values"), keys.split("rows"), keys.split("order"))


class Out(NamedTuple):
    """What `write_biod` fills."""

    ids: np.ndarray  # (rows, length) int32
    facts: np.ndarray  # (rows, FACTS + 3) int64: person, entry, and from FACTS on the three parts of the name
    values: np.ndarray  # (rows, K C) int32
    orders: np.ndarray  # (rows, K) int16
    units: np.ndarray  # (rows, 1) int64


@kernel
def draw_strings(state, key, attribute, round_, tokens, which, table):
    """Draw the strings `which` of an attribute's table (D, L) anew."""
    for i in which:
        begin(state, key, attribute, round_ * table.shape[0] + i)
        for k in range(table.shape[1]):
            table[i, k] = below(state, tokens)


@kernel
def write_biod(state, start, stop, stages, people, names, strings, out):
    """Write the rows [start, stop); names: (3,) how many first, middle and last ones; strings: (K, D, L)."""
    ids, facts, values = out.ids, out.facts, out.values
    attributes, different, length = strings.shape
    chunks = values.shape[1] // attributes
    first_name = SPECIALS + attributes
    first_token = first_name + names.sum()
    name = np.empty(FIELDS, np.int64)
    order = np.empty(attributes, np.int64)
    for row in range(start, stop):
        i = row - start
        person, entry = person_at(state, stages.rows, people, row)
        draw_name(state, stages.names, person, names, name)
        facts[i, SUBJECT] = person
        facts[i, ENTRY] = entry
        begin(state, stages.values, person, 0)
        for k in range(values.shape[1]):
            values[i, k] = below(state, different)
        begin(state, stages.order, person, entry)
        for attribute in range(attributes):
            order[attribute] = attribute
        shuffle(state, order, attributes)
        out.units[i, 0] = state.ledger
        at = 3
        block = first_name
        for part in range(3):
            facts[i, FACTS + part] = name[part]
            ids[i, part] = block + name[part]
            block += names[part]
        for place in range(attributes):
            if place > 0:
                ids[i, at] = PRONOUN
                at += 1
            attribute = order[place]
            out.orders[i, place] = attribute
            ids[i, at] = SPECIALS + attribute
            at += 1
            for chunk in range(chunks):
                value = values[i, attribute * chunks + chunk]
                for k in range(length):
                    ids[i, at] = first_token + strings[attribute, value, k]
                    at += 1


class English:
    """Puts rows of tokens into English: every id is a phrase, but for what stands around values."""

    def __init__(self, attributes: int, names: Sequence[Sequence[str]], tokens: int) -> None:
        """names: the first, middle and last ones; tokens: of which values are made."""
        first, middle, last = names
        self.table = PhraseTable([""] * PRONOUN + [THEIR])
        self.table.extend(f"{ID}{i + 1}{IS}" for i in range(attributes))
        self.table.extend(f"{name} " for name in (*first, *middle))
        self.table.extend(last)
        self._spaced = -self.table.extend(f"{TOKEN}{i}" for i in range(tokens))
        self._spaced += self.table.extend(f" {TOKEN}{i}" for i in range(tokens))  # behind the first of a value
        self._attributes, self._whose, self._stop = attributes, self.table.extend([WHOSE]), self.table.extend([STOP])

    def codes(self, ids: np.ndarray) -> Codes:
        """Return the text of rows, (rows, length) ids: a name, then attributes and values behind pronouns."""
        rows, length = ids.shape
        width = (length - 2) // self._attributes  # of a sentence with its pronoun; the first has a name instead
        name = [np.full(rows, opening(NAME)), *ids[:, :3].T, np.full(rows, closing(NAME))]
        columns, at = [*name, np.full(rows, self._whose)], 3
        for sentence in range(self._attributes):
            said = ids[:, at : at + width - (sentence == 0)].T
            at += len(said)
            start = 1 + (sentence > 0)  # of the value, behind the attribute
            value = [said[start], *(said[start + 1 :] + self._spaced)]
            columns += [*said[:start], np.full(rows, opening(VALUE)), *value, np.full(rows, closing(VALUE))]
        codes = np.stack([*columns, np.full(rows, self._stop)], axis=1).astype(np.int32)
        return Codes(self.table, codes.reshape(-1), np.arange(1, rows + 1) * codes.shape[1], SPAN_KINDS)
