"""Components of a mixture: each a spec by name, file or table, or real text; written out, to stand for itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys
from synthgen.mixture.gather import Component
from synthgen.mixture.text.fields import TextFields, component_name
from synthgen.mixture.text.preparing import prepared
from synthgen.mixture.text.rows import RealText
from synthgen.spec.spec import Spec, load_spec, spec_of_table, validated
from synthgen.task.written import NEWER

TEXT_FIELDS = tuple(name for name in TextFields.model_fields if name != "text")
"""What goes with `text`."""


class ComponentParams(TextFields):
    """One component of a mixture: rows of a spec, or of a dataset of real text."""

    spec: Annotated[str | dict[str, Any], NEWER] = Field(
        "", description="a shipped spec's name, a file beside this one, or a spec as a table"
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

    @model_validator(mode="after")
    def _one_kind(self) -> ComponentParams:
        if bool(self.spec) == bool(self.text):
            raise ValueError("give a component a spec, or real text (text = 'corpus.parquet'), and not both")
        stray = [name for name in TEXT_FIELDS if getattr(self, name) != type(self).model_fields[name].default]
        if self.spec and stray:
            raise ValueError(f"{stray[0]} goes with text, and this component has a spec")
        if self.text and self.params:
            raise ValueError("params go with a spec, and this component is real text")
        return self


def identifier(name: str) -> str:
    return re.sub(r"\W", "_", name.lower()) or "component"


def written_out(component: Any, files: Path) -> Any:
    """Return a component whose spec is a table, resolved, with its name and its task's version beside it.

    Of real text, its rows are prepared, and their digest is what is written out.
    """
    if isinstance(component, Mapping) and component.get("text"):
        fields = validated(ComponentParams, component, "params.component", "")
        name = fields.name or identifier(component_name(fields.text))
        return {**component, **prepared(fields, files), "name": name, "version": RealText.version}
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


def component_of(one: ComponentParams, files: Path, row_format: str, keys: Keys) -> Component:
    """Return a component, ready to make rows for a mixture of this row format with these keys."""
    seed, world, split = keys.address
    if not one.text:
        spec = component_spec(one, files, row_format, seed, world)
        task = spec.task_of(one.split or split)
        ends = False if task.ending else None  # real text within: it is not to go round unasked
        return Component(one.name or identifier(spec.name), task, spec.row_format, one.domain, None, ends)
    if row_format == "tokens":
        raise SynthgenError(
            f"params.component: text = {one.text!r}: is no tokens by itself: set tokenizer, and row_format to what the "
            "texts are (text_format)"
        )
    fields = TextFields(**{name: getattr(one, name) for name in TextFields.model_fields})
    text = RealText(fields, Keys(seed, world, one.split or split), files)
    sizes = (one.bytes, one.rows or 1)
    return Component(one.name or identifier(component_name(one.text)), text, "document", one.domain, sizes, one.repeat)
