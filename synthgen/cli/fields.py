"""The fields of a task's params for people, from the JSON schema of its model: `synthgen params TASK`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from synthgen.cli.console import print_lines, stdout
from synthgen.errors import SynthgenError, nearest
from synthgen.tasks import task_class, task_names

KINDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "none"}
"""Types of JSON, as people say them."""


def fields_of(task: str) -> list[dict[str, Any]]:
    """Return the params of a task, nested ones by dotted names: field, meaning, kind, range, default.

    `range` is "" where every value of the kind is allowed; `default` is None, too, where there is none, which
    `required` says. Raises SynthgenError for a task that there is not.
    """
    if task not in task_names():
        raise SynthgenError(f"{task}: no task is called so{nearest(task, task_names(), most=40)}")
    schema = task_class(task).Params.model_json_schema()
    return list(_fields(schema, schema.get("$defs", {}), ""))


def _fields(schema: Mapping[str, Any], models: Mapping[str, Any], prefix: str) -> Iterator[dict[str, Any]]:
    for name, field in schema.get("properties", {}).items():
        options = [_resolved(option, models) for option in field.get("anyOf", [field])]
        yield {
            "field": f"{prefix}{name}",
            "meaning": field.get("description") or _resolved(field, models).get("description", ""),
            "kind": " or ".join(dict.fromkeys(_kind(option, models) for option in options)),
            "range": "; ".join(dict.fromkeys(filter(None, map(_range, options)))),
            "default": field.get("default"),
            "required": name in schema.get("required", ()),
        }
        for option in options:
            if option.get("properties"):
                yield from _fields(option, models, f"{prefix}{name}.")


def _resolved(field: Mapping[str, Any], models: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference refers to; anything else as it is."""
    reference = field.get("$ref") or next((part["$ref"] for part in field.get("allOf", ()) if "$ref" in part), "")
    return models[reference.rpartition("/")[2]] if reference else field


def _kind(field: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    """Return of which kind a value is."""
    if field.get("enum") or "const" in field:
        return "one of " + ", ".join(map(str, field.get("enum") or [field["const"]]))
    if field.get("type") == "array":
        parts = field.get("prefixItems") or [field.get("items") or {}]
        inner = " and ".join(dict.fromkeys(_kind(_resolved(part, models), models) for part in parts))
        return f"list of {inner}" if inner != "anything" else "list"
    if field.get("anyOf"):
        return " or ".join(dict.fromkeys(_kind(_resolved(option, models), models) for option in field["anyOf"]))
    return "table" if field.get("type") == "object" else KINDS.get(field.get("type", ""), "anything")


def _range(field: Mapping[str, Any]) -> str:
    """Return which values are allowed, where not all of them are."""
    low, high = field.get("minimum"), field.get("maximum")
    over, under = field.get("exclusiveMinimum"), field.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{low:,} to {high:,}"
    ends = {"at least": low, "above": over, "at most": high, "below": under}
    said = [f"{words} {end:,}" for words, end in ends.items() if end is not None]
    items = {"at least": field.get("minItems"), "at most": field.get("maxItems")}
    return " and ".join([*said, *(f"{words} {number} items" for words, number in items.items() if number is not None)])


def print_fields(task: str) -> None:
    """Print the params of a task: each with its kind, range and default, and below what it means."""
    console = stdout()
    about = task_class(task)
    print_lines(console, Text(f"{task}: {(about.__doc__ or '').split(chr(10))[0]}", style="bold"), 0)
    for field in fields_of(task):
        default = (
            "must be given" if field["required"] else f"default {json.dumps(field['default'], ensure_ascii=False)}"
        )
        said = "; ".join(filter(None, (field["kind"], field["range"], default)))
        console.print(Text(field["field"], style="cyan"), soft_wrap=True)
        print_lines(console, Text(said, style="dim"), 2)
        if field["meaning"]:
            print_lines(console, Text(field["meaning"]), 2)
