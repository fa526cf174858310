"""People as Arrow columns: what `draw_person` wrote, as the latents of a row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from synthgen.task.columns import struct_column
from synthgen.tasks.bios.world.lists import ATTRIBUTES, Lists
from synthgen.tasks.bios.world.writing.people import DAY, EMPLOYER, MONTH, YEAR

NAME_FIELD = pa.field("name", pa.struct([pa.field(part, pa.int16()) for part in ("first", "middle", "last")]))
VALUES_FIELD = pa.field("values", pa.struct([pa.field(attribute, pa.int32()) for attribute in ATTRIBUTES]))


def person_columns(fields: np.ndarray, lists: Lists, homes: np.ndarray) -> Mapping[str, pa.Array]:
    """Return the columns `name` and `values` of people; fields: (rows, FIELDS) as `draw_person` writes them."""
    _, days, years = lists.dates
    values = [(fields[:, MONTH] * days + fields[:, DAY]) * years + fields[:, YEAR]]
    values += [fields[:, field] for field in range(YEAR + 1, EMPLOYER + 1)] + [homes[fields[:, EMPLOYER]]]
    return {
        "name": struct_column(NAME_FIELD.type, [fields[:, part] for part in range(3)]),
        "values": struct_column(VALUES_FIELD.type, values),
    }
