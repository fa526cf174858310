"""What writes: the kernels that draw the diversity sets and the rows."""

from __future__ import annotations

import numpy as np

from synthgen.exact.draw import begin, below, shuffle
from synthgen.exact.jit import kernel
from synthgen.tasks.bios.biod.symbols import PRONOUN, SPECIALS
from synthgen.tasks.bios.world.writing.people import FIELDS, draw_name, person_at


@kernel
def draw_strings(state, key, attribute, round_, tokens, which, table):
    """Draw the strings `which` of an attribute's table (D, L) anew."""
    for i in which:
        begin(state, key, attribute, round_ * table.shape[0] + i)
        for k in range(table.shape[1]):
            table[i, k] = below(state, tokens)


@kernel
def write_biod(state, keys, start, stop, people, names, strings, tokens, ids, facts, values, orders, units):
    """Write the rows [start, stop): ids (rows, length), facts (rows, 5: person, entry, name), values, orders, units."""
    attributes, different, length = strings.shape
    chunks = values.shape[1] // attributes
    first_name = SPECIALS + attributes
    first_token = first_name + names.sum()
    name = np.empty(FIELDS, np.int64)
    order = np.empty(attributes, np.int64)
    for row in range(start, stop):
        i = row - start
        person, entry = person_at(state, keys[2], people, row)
        draw_name(state, keys[0], person, names, name)
        facts[i, 0] = person
        facts[i, 1] = entry
        begin(state, keys[1], person, 0)
        for k in range(values.shape[1]):
            values[i, k] = below(state, different)
        begin(state, keys[3], person, entry)
        for attribute in range(attributes):
            order[attribute] = attribute
        shuffle(state, order, attributes)
        units[i, 0] = state.ledger
        at = 3
        block = first_name
        for part in range(3):
            facts[i, 2 + part] = name[part]
            ids[i, part] = block + name[part]
            block += names[part]
        for place in range(attributes):
            if place > 0:
                ids[i, at] = PRONOUN
                at += 1
            attribute = order[place]
            orders[i, place] = attribute
            ids[i, at] = SPECIALS + attribute
            at += 1
            for chunk in range(chunks):
                value = values[i, attribute * chunks + chunk]
                for k in range(length):
                    ids[i, at] = first_token + strings[attribute, value, k]
                    at += 1
