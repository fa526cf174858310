"""People as Arrow columns: what `draw_person` wrote, as the latents of a row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from synthgen.task.columns import struct_column
from synthgen.tasks.bios.world.lists import ATTRIBUTES, Lists
from synthgen.tasks.bios.world.writing.people import DAY, EMPLOYER, ENTRY, FACTS, MONTH, PRONOUN, SUBJECT, YEAR

NAME_FIELD = pa.field("name", pa.struct([pa.field(part, pa.int16()) for part in ("first", "middle", "last")]))
VALUES_FIELD = pa.field("values", pa.struct([pa.field(attribute, pa.int32()) for attribute in ATTRIBUTES]))


def person_fields() -> list[pa.Field]:
    """Return the latent fields of a row about one person: `person_columns` has their columns."""
    numbers = [pa.field("person", pa.int64()), pa.field("entry", pa.int64()), pa.field("pronoun", pa.int8())]
    return [*numbers, NAME_FIELD, VALUES_FIELD]


def person_columns(facts: np.ndarray, lists: Lists) -> Mapping[str, pa.Array]:
    """Return the columns of `person_fields`; facts: (rows, FACTS + FIELDS) as `draw_subject` writes them."""
    fields = facts[:, FACTS:]
    return {
        "person": pa.array(np.ascontiguousarray(facts[:, SUBJECT])),
        "entry": pa.array(np.ascontiguousarray(facts[:, ENTRY])),
        "pronoun": pa.array(fields[:, PRONOUN].astype(np.int8)),
        "name": struct_column(NAME_FIELD.type, [fields[:, part] for part in range(3)]),
        "values": values_column(fields, lists),
    }


def values_column(fields: np.ndarray, lists: Lists) -> pa.StructArray:
    """Return the values of people by attribute, of type `VALUES_FIELD`; fields: (rows, FIELDS)."""
    homes = np.array(lists.company_city, np.int64)
    _, days, years = lists.dates
    values = [(fields[:, MONTH] * days + fields[:, DAY]) * years + fields[:, YEAR]]
    values += [fields[:, field] for field in range(YEAR + 1, EMPLOYER + 1)] + [homes[fields[:, EMPLOYER]]]
    return struct_column(VALUES_FIELD.type, values)
