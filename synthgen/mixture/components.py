"""Components of a mixture: each a spec by name, file or table, written out so that the mixture stands for itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from synthgen.errors import SynthgenError
from synthgen.spec.spec import Spec, load_spec, spec_of_table
from synthgen.task.written import Written


class ComponentParams(Written):
    """One component of a mixture."""

    spec: str | dict[str, Any] = Field(
        description="a shipped spec's name, a file beside this one, or a spec as a table"
    )
    name: str = Field("", description="what it is called in `latent` and facts; by default the spec's name")
    split: str = Field(
        "",
        description="the split its rows are of; by default the mixture's own. In another, the same people have "
        "another order",
    )
    weight: float | int | None = Field(
        None,
        ge=0,
        le=10**12,
        description="its share, against the other weights; by default all rows of a finite corpus",
    )
    domain: str = Field("", description="control text before each of its rows; in token rows, one new token")
    params: dict[str, Any] = Field(default_factory=dict, description="params that differ from the spec's")
    version: int | None = Field(None, description="the version of its task, written by synthgen")


def identifier(name: str) -> str:
    return re.sub(r"\W", "_", name.lower()) or "component"


def written_out(component: Any, files: Path) -> Any:
    """Return a component whose spec is a table, resolved, with its name and its task's version beside it."""
    if not isinstance(component, Mapping) or not isinstance(component.get("spec"), str | dict):
        return component  # validation will tell
    named = component["spec"]
    params = component.get("params") or {}
    if isinstance(named, str):
        path = files / named if named.endswith(".toml") else named
        spec = load_spec(path, params=params if isinstance(params, Mapping) else None)
    else:
        spec = _inline(named, files, params)
    table = spec.resolved()
    for key in ("seed", "world", "windows", "title"):
        table.pop(key, None)
    if spec.assets:
        field = next(iter(spec.assets))
        raise SynthgenError(f"params.component: {spec.name}: a component cannot have files of its own (params.{field})")
    version = component.get("version")
    if version is not None and version != spec.task_class.version:
        raise SynthgenError(
            f"params.component: {spec.name} is of version {version} of task {spec.task!r}, "
            f"and this is version {spec.task_class.version}"
        )
    name = component.get("name") or identifier(spec.name)
    out = {key: value for key, value in component.items() if key != "params"}
    return out | {"spec": table, "name": name, "version": spec.task_class.version}


def _inline(table: Mapping[str, Any], files: Path, params: Mapping[str, Any]) -> Spec:
    """Return the spec that a table in a mixture is."""
    return spec_of_table({**table, "params": {**table.get("params", {}), **params}}, "component", files)


def component_spec(component: ComponentParams, files: Path, row_format: str, seed: int, world: int) -> Spec:
    """Return a component's spec with the mixture's seed and world, in a row format that goes into the mixture's."""
    written = written_out(component.model_dump(exclude_none=True), files)
    table = dict(written["spec"]) | {"seed": seed, "world": world}
    spec = spec_of_table(table, written["name"], files)
    fits = {"prompt-completion": ("prompt-completion", "document")}.get(row_format, (row_format,))
    if spec.row_format not in fits:
        able = [row_format for row_format in fits if row_format in spec.task_class.row_formats]
        if not able:
            raise SynthgenError(
                f"params.component: {written['name']} makes {', '.join(spec.task_class.row_formats)}, "
                f"which does not go into a mixture of row_format {row_format!r}"
            )
        spec = spec_of_table(table | {"row_format": able[0]}, written["name"], files)
    return spec
