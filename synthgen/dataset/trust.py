"""What readers take on trust: fields of a row in which a planted change goes unnoticed by the task's own `verify`.

It is found out and not declared, so it holds of mixtures, tokenizers and plug-ins alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from synthgen.spec.source import Source


def trusted_fields(source: Source, split: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the fields of some sound rows of which no change is noticed, in the order of the schema.

    `id` is none of them: whether rows stand in order is seen without reading them.
    """
    trusted: dict[str, bool] = {}
    for row in rows:
        for field, changed in changed_rows(row, source.schema):
            if field != "id" and trusted.get(field, True):
                trusted[field] = source.verify(changed, split=split).correct
    return [field for field, unnoticed in trusted.items() if unnoticed]


def changed_rows(row: Mapping[str, Any], schema: pa.Schema) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (field, row) with one change in each field that holds anything; lists are changed in their first item.

    A book's change is in the total as well, so that the two still agree.
    """
    for field in schema:
        for path, changed in _changes(field.type, row.get(field.name), field.name):
            fault = {**row, field.name: changed}
            if field.name == "bits" and path != "bits.total" and None not in changed.values():
                fault["bits"] = changed | {"total": sum(changed.values()) - changed["total"]}
            yield path, fault


def _changes(kind: pa.DataType, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if value is None:
        return
    if pa.types.is_struct(kind):
        for field in kind:
            for part, changed in _changes(field.type, value.get(field.name), f"{path}.{field.name}"):
                yield part, {**value, field.name: changed}
    elif pa.types.is_list(kind):
        if value:
            for part, changed in _changes(kind.value_type, value[0], f"{path}[]"):
                yield part, [changed, *value[1:]]
    elif pa.types.is_boolean(kind):
        yield path, not value
    elif pa.types.is_floating(kind):
        yield path, value + 0.5
    elif pa.types.is_integer(kind):
        yield path, value ^ 1
    else:
        yield path, value[:-1] + ("1" if value[-1:] != "1" else "0")
