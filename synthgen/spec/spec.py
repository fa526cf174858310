"""Specs: a dataset in one TOML file, validated, and its identity.

A spec names a task and its params, the row format, `seed` and `world`, and the splits with their rows and overrides:

    task = "cfg"
    [params]
    grammar = "cfg3f"
    [splits.train]
    rows = 100_000

The *content id* hashes what decides the rows (task, its version, params, files they name, row format, seed, world) and
nothing else: not row counts, shards, container or workers.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from synthgen.errors import SynthgenError, nearest
from synthgen.exact.draw import Keys
from synthgen.exact.notebook import html_table
from synthgen.spec.recipe import Recipe
from synthgen.task.assets import asset_digests, read_asset
from synthgen.task.contract import Task
from synthgen.task.files import is_file, shipped
from synthgen.task.foreign import Unreadable, read_toml, short, toml_of
from synthgen.task.written import IDENTITY, Written
from synthgen.tasks import task_class, task_names
from synthgen.tokens.saved import file_in
from synthgen.tokens.tokenized import Tokenized
from synthgen.tokens.tokenizer import BYTES
from synthgen.tokens.tokenizer import WORDS as WORDS

TOKENIZER = "tokenizer"
SPLIT_NAME = re.compile(r"[A-Za-z0-9_]+([.-][A-Za-z0-9_]+)*")
SHARDS_MAX = 99_999
"""Shards of a split, since their names count with five digits."""

FRESH = "fresh:"
"""What stands before the name of a split that is in no spec."""

MOST_OF_A_VALUE = 300
"""Characters of a wrong value that an error shows."""

ROW_FORMATS = ("document", "prompt-completion", "tokens")


class UnfitSplit(SynthgenError):
    """A split whose own params do not go with params that were changed from outside; told when its rows are wanted."""


class SplitSpec(Written):
    """One split of a spec."""

    rows: int | None = Field(None, gt=0, lt=2**62, description="rows; may be left out for a finite corpus: all of it")
    shards: int | None = Field(None, gt=0, le=SHARDS_MAX, description="files; by default about 64 MiB each")
    params: dict[str, Any] = Field(default_factory=dict, description="params that differ from the spec's in this split")


class Spec(Written):
    """A dataset's definition. `params` here is as written; `params_of(split)` gives the task's validated model."""

    task: str = Field(description="name of the task that makes the rows")
    title: str = Field("", description="one line for people: what the dataset is")
    paper: str = Field("", description="arXiv number of the paper it follows; by default the task's")
    suite: str = Field("", description="the collection it belongs to: `list` shows one together")
    deviations: tuple[str, ...] = Field(
        (), description="where it differs from its paper beyond what the card says of its task, one sentence each"
    )
    row_format: str = Field("", description="document, prompt-completion or tokens; by default the task's first")
    text_format: str = Field("", description="with a tokenizer: which text it is for; by default the task's first")
    tokenizer: str = Field("", description="tokens from text: words, bytes, or a tokenizer's JSON file or folder")
    end_token: str = Field("<|endoftext|>", description="the end-of-text token of the tokenizer")
    seed: int = Field(0, ge=0, lt=2**63, description="seeds the rows, orders and wording of every split")
    world: int | None = Field(None, ge=0, lt=2**63, description="seeds what splits and specs share; by default `seed`")
    params: dict[str, Any] = Field(default_factory=dict, description="the task's params")
    windows: Recipe = Field(default_factory=Recipe, description="how the rows become training windows; changes no row")
    splits: dict[str, SplitSpec] = Field(default_factory=dict, description="the splits, by name")

    _name: str = PrivateAttr("")
    _origin: str = PrivateAttr("")
    _files: Path = PrivateAttr(Path())
    _digests: dict[str, dict[str, str]] | None = PrivateAttr(None)
    _changed: tuple[str, ...] = PrivateAttr(())

    def __repr__(self) -> str:
        splits = ", ".join(self.splits) or "none"
        return f"<Spec {self.name}: task {self.task}, {self.row_format} rows, splits {splits}; seed {self.seed}>"

    def _repr_html_(self) -> str:
        rows = [(f"params.{name}", repr(value)) for name, value in self.params.items()]
        rows += [(f"splits.{name}", repr(split.model_dump(exclude_none=True))) for name, split in self.splits.items()]
        about = [("task", self.task), ("row_format", self.row_format), ("seed", str(self.seed))]
        return html_table(f"{self.name}: {self.title}", ("field", "value"), about + rows)

    @property
    def name(self) -> str:
        """The spec's name: its file's, without the ending."""
        return self._name

    def named(self, name: str) -> Spec:
        """Return the same spec under another name, where the file it was read from is not called by its own."""
        spec = self.model_copy()
        spec._name = name
        return spec

    @property
    def task_class(self) -> type[Task]:
        """The class of its task."""
        return task_class(self.task)

    def params_of(self, split: str) -> Any:
        """Return the task's validated params for a split; a split the spec does not name has the base params.

        Raises SynthgenError, as `task_of` does.
        """
        return self._told(split, self._params_of)

    def _params_of(self, split: str) -> Any:
        split_params = self.splits[split].params if split in self.splits else {}
        field = f"splits.{split}.params" if split_params else "params"
        return validated(self.task_class.Params, self.params | split_params, self._origin, field)

    @property
    def base_params(self) -> Any:
        """The task's validated params without any split's overrides."""
        return validated(self.task_class.Params, self.params, self._origin, "params")

    @property
    def assets(self) -> Mapping[str, Path]:
        """The files that params name, by param, and the tokenizer's."""
        keys = Keys(self.seed, self.world)
        assets = self.task_class(self.base_params, keys, self._files, self.text_format or self.row_format).assets
        return {**assets, TOKENIZER: self._tokenizer_file} if self._tokenizer_file else assets

    @functools.cached_property
    def _tokenizer_file(self) -> Path | None:
        if self.tokenizer in ("", BYTES, WORDS):
            return None
        return read_asset(self._files, self.tokenizer, TOKENIZER)

    def task_of(self, split: str) -> Task:
        """Return the task that makes the rows of `split`. Raises SynthgenError for a bad split name or params.

        That is an UnfitSplit where the split's own params do not go with what was changed of the spec's.
        """
        check_split_name(split)
        task: Task = self._told(split, self._task_of)
        return task

    def _told(self, split: str, make: Callable[[str], Any]) -> Any:
        """Return what is made for a split; where that fails for what was changed of the spec, say what to do."""
        try:
            return make(split)
        except SynthgenError as error:
            if not (self._changed and split in self.splits and self.splits[split].params):
                raise
            raise UnfitSplit(f"{error}; {self._way_out(split)}") from None

    def _way_out(self, split: str) -> str:
        """Return what to do about a split that does not go with changed params, in words."""
        flags = " ".join(f"--set splits.{split}.params.{name}=..." for name in self.splits[split].params)
        others = " ".join(f"--split {name}" for name in self.splits if name != split and self._fits(name))
        changed = ", ".join(self._changed)
        return (
            f"split {split!r} has params of its own, which do not go with the changed {changed}: change them too "
            f"({flags})" + (f", or leave the split out ({others})" if others else "")
        )

    def _fits(self, split: str) -> bool:
        try:
            self._task_of(split)
        except SynthgenError:
            return False
        return True

    def _task_of(self, split: str) -> Task:
        keys = Keys(self.seed, self.world, split)
        self.refuse_edited_files()
        if not self.tokenizer:
            return self.task_class(self._params_of(split), keys, self._files, self.row_format)
        text = self.task_class(self._params_of(split), keys, self._files, self.text_format)
        return Tokenized(text, self.tokenizer, self.end_token, self._tokenizer_file)

    def _read_digests(self) -> dict[str, dict[str, str]]:
        return {field: asset_digests(path) for field, path in self.assets.items()}

    def refuse_edited_files(self) -> None:
        """Raise SynthgenError if a file that the spec names is no longer the one that it was read with.

        The content id is of that one, so rows of another would stand under a wrong name.
        """
        if not self._digests:
            return
        now = self._read_digests()
        for field, digests in self._digests.items():
            if now[field] != digests:
                raise SynthgenError(
                    f"{self._origin}: {self.assets[field]} ({field}) was edited after the spec was read: load it again"
                )

    @functools.cached_property
    def content_id(self) -> str:
        """A hash (SHA-256, hex) of all that decides the rows."""
        return self.content_id_in(self.task_class.version)

    def content_id_in(self, task_version: int) -> str:
        """Return the content id that the same spec has, or had, in another version of its task."""
        identity = self.identity | {"task_version": task_version}
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    @property
    def identity(self) -> dict[str, Any]:
        """What the content id hashes, by field, so that a difference can be named."""
        params = self.base_params.model_dump(mode="json", context=IDENTITY)
        tokenizer: dict[str, Any] = {}
        if self.tokenizer:
            tokenizer = {name: getattr(self, name) for name in (TOKENIZER, "text_format", "end_token")}
        for field, digests in (self._read_digests() if self._digests is None else self._digests).items():
            (tokenizer if field == TOKENIZER else params)[field] = digests
        return {
            "task": self.task,
            "task_version": self.task_class.version,
            "params": params,
            "row_format": self.row_format,
            "seed": self.seed,
            "world": self.world,
            **tokenizer,
        }

    def resolved(self, splits: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """Return the spec with every default written out, as `spec.toml` beside the data holds it.

        Files that params name are given as `assets/NAME`, where a build copies them. `splits` (rows, shards and params
        of each) takes the place of the spec's own: generating the result makes the same shards again.
        """
        table = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True, exclude={"params", "splits"})
        table |= {"task": self.task, "row_format": self.row_format, "seed": self.seed, "world": self.world}
        table["params"] = self.base_params.model_dump(mode="json", exclude_none=True)
        for field, path in self.assets.items():
            (table if field == TOKENIZER else table["params"])[field] = f"assets/{path.name}"
        stated = {name: split.model_dump(exclude_none=True) for name, split in self.splits.items()}
        table["splits"] = {
            name: {key: split[key] for key in ("rows", "shards", "params") if split.get(key)}
            for name, split in (stated if splits is None else splits).items()
        }
        return table

    def to_toml(self) -> str:
        """Return the resolved spec as TOML."""
        return tomli_w.dumps(self.resolved())


def load_spec(
    spec: str | Path | Spec,
    *,
    seed: int | None = None,
    world: int | None = None,
    params: Mapping[str, Any] | None = None,
    sets: Mapping[str, Any] | None = None,
) -> Spec:
    """Read and validate a shipped spec (by name) or a TOML file (by path), with overrides.

    `sets` maps dotted fields to values, as `--set` does: `people` or `params.people`, `splits.train.rows`, `seed`, and
    in lists of tables `component.1.weight` or `component.minority.weight`.
    Raises SynthgenError that names the file, the field, the value and the fix.
    """
    changed = (*(params or ()), *(sets or ()))
    if isinstance(spec, Spec):
        changed = (*spec._changed, *changed)
        name, origin, files, table = spec.name, spec._origin, spec._files, spec.model_dump(exclude_defaults=True)
    else:
        path, name = _find(spec)
        origin, table = str(spec), read_toml(path)
        files = Path() if origin == name else path.parent
    for field, value in (("seed", seed), ("world", world)):
        if value is not None:
            table[field] = value
    for field, value in (params or {}).items():
        table.setdefault("params", {})[field] = value
    for field, value in (sets or {}).items():
        _set(table, field, value)
    return _make(table, name, origin, files, changed)


def spec_of_table(table: Mapping[str, Any], name: str, files: Path) -> Spec:
    """Return the spec that a table holds, as a TOML file would. Raises SynthgenError as `load_spec` does."""
    return _make(copy.deepcopy(dict(table)), name, name, files)


def _make(table: dict[str, Any], name: str, origin: str, files: Path, changed: tuple[str, ...] = ()) -> Spec:
    spec = validated(Spec, table, origin, "")
    if spec.task not in task_names():
        raise SynthgenError(
            f"{origin}: task = {spec.task!r} is no task{nearest(spec.task, task_names())}, nor is it of a "
            "plug-in that is installed here"
        )
    if (files / spec.tokenizer).is_dir() and spec.tokenizer not in ("", BYTES, WORDS):
        file, end = file_in(spec.tokenizer, spec.end_token, files)
        spec = spec.model_copy(update={"tokenizer": file, "end_token": end})
    formats = spec.task_class.row_formats
    spec, row_format = _formats(spec, formats, origin)
    if not spec.tokenizer and row_format not in formats:
        raise SynthgenError(f"{origin}: row_format = {row_format!r}: task {spec.task!r} makes {', '.join(formats)}")
    for split in spec.splits:
        check_split_name(split, origin)
    check_split_labels(spec.splits, origin)
    world = spec.seed if spec.world is None else spec.world
    params = dict(spec.task_class.resolve(spec.params, files))
    spec = spec.model_copy(update={"row_format": row_format, "world": world, "params": params})
    spec._name, spec._origin, spec._files, spec._changed = name, origin, files, changed
    base = _columns(spec.task_of("base-params")) if any(split.params for split in spec.splits.values()) else []
    for split in spec.splits:
        try:
            task = spec.task_of(split)
        except UnfitSplit:
            continue  # others may be wanted; whoever asks for this one is told then
        for field, path in task.assets.items():
            if spec.assets.get(field) != path:
                raise SynthgenError(f"{origin}: splits.{split}.params.{field}: a split cannot have a file of its own")
        columns = _columns(task) if spec.splits[split].params else base
        if columns != base:
            different = ", ".join(sorted(set(columns) ^ set(base))) or "in another order"
            raise SynthgenError(
                f"{origin}: splits.{split}.params: its rows would have other columns than the rest ({different}); "
                "say in [params] what adds or removes them"
            )
    spec._digests = spec._read_digests()  # bad params are told at once, in a spec without splits too
    return spec


def _columns(task: Task) -> list[str]:
    """Return what decides a task's columns."""
    fields = [f"latent.{field.name}: {field.type}" for field in (*task.latent_fields, *task.extra_fields)]
    return [*(f"bits.{book}" for book in task.books), *fields, *(f"spans.{kind}" for kind in task.span_kinds)]


def _formats(spec: Spec, formats: tuple[str, ...], origin: str) -> tuple[Spec, str]:
    """Return the spec and its row format: tokens, where a tokenizer makes them of the text format."""
    if not spec.tokenizer:
        if spec.text_format:
            raise SynthgenError(f"{origin}: text_format = {spec.text_format!r}: goes with a tokenizer; set row_format")
        return spec, spec.row_format or formats[0]
    texts = [row_format for row_format in formats if row_format != "tokens"]
    wanted = spec.text_format or (spec.row_format if spec.row_format != "tokens" else "") or (texts or [""])[0]
    if wanted not in texts:
        raise SynthgenError(
            f"{origin}: tokenizer = {spec.tokenizer!r}: task {spec.task!r} makes {', '.join(formats)}, no "
            f"{wanted or 'text'}"
        )
    return spec.model_copy(update={"text_format": wanted}), "tokens"


def check_split_name(split: str, origin: str = "--split") -> None:
    """Raise SynthgenError unless `split` can name files and a `datasets` split."""
    if not SPLIT_NAME.fullmatch(split):
        raise SynthgenError(f"{origin}: split {split!r}: use letters, digits and _, joined by single '-' or '.'")


def split_label(split: str) -> str:
    """Return a split's name for `datasets`, which allows no hyphens."""
    return split.replace("-", "_")


def check_split_labels(splits: Iterable[str], origin: str = "--split") -> None:
    """Raise SynthgenError for two splits that `datasets` would call the same."""
    first: dict[str, str] = {}
    for split in splits:
        other = first.setdefault(split_label(split), split)
        if other != split:
            raise SynthgenError(
                f"{origin}: splits {other!r} and {split!r}: both are {split_label(split)!r} for load_dataset; "
                "rename one of them"
            )


def with_splits(spec: Spec, names: Sequence[str]) -> tuple[Spec, list[str]]:
    """Return a spec with the fresh splits that are asked for among its own, and the names of the splits asked for.

    `fresh:NAME` is an independent stream of the base params, and is called NAME everywhere. Raises SynthgenError for
    any other name that is no split, and for a NAME that is one. A spec that names no splits takes every name.
    """
    chosen = [name.removeprefix(FRESH) for name in names]
    fresh: dict[str, SplitSpec] = {}
    labels = {split_label(split): split for split in spec.splits}
    for name, asked in zip(chosen, names, strict=True):
        check_split_name(name)
        known = labels.get(split_label(name))
        if asked != name and known is not None:
            raise SynthgenError(f"--split {asked}: {spec.name} has a split {known!r}: leave {FRESH} out, or rename it")
        if asked == name and known != name and spec.splits:
            check_split_labels([*spec.splits, name])
            raise SynthgenError(
                f"--split {asked}: {spec.name} has no split {asked!r}{nearest(asked, spec.splits)}; a new, independent "
                f"stream of that name is --split {FRESH}{asked}"
            )
        if name not in spec.splits:
            fresh[name] = SplitSpec()
    check_split_labels([*spec.splits, *fresh])
    if not fresh:
        return spec, chosen
    extended = spec.model_copy(update={"splits": {**spec.splits, **fresh}})
    return extended, chosen


def set_arguments(arguments: list[str]) -> dict[str, Any]:
    """Parse `--set field=value` arguments; a value is TOML (5, true, [1, 2]) or else a bare string."""
    sets: dict[str, Any] = {}
    for argument in arguments:
        field, equals, text = argument.partition("=")
        if not equals or not field:
            raise SynthgenError(f"--set {argument}: write field=value, for example --set people=1000")
        if "\n" in text.strip() or "\r" in text.strip():  # whatever stands behind the value would be dropped
            raise SynthgenError(f"--set {field}: the value {short(text)} has several lines; write it in one")
        try:
            sets[field.strip()] = toml_of(f"value = {text}", f"--set {field}")["value"]
        except Unreadable as error:
            if re.fullmatch(r"[+-]?[0-9_]{19,}", text):  # no word, but a number that is too large
                raise error from None
            sets[field.strip()] = text
    return sets


def _set(table: dict[str, Any], field: str, value: Any) -> None:
    path = field.split(".")
    if path[0] not in Spec.model_fields:
        path = ["params", *path]
    place: Any = table
    for key in path[:-1]:
        place = place[_entry(place, key, field)] if isinstance(place, list) else place.setdefault(key, {})
        if not isinstance(place, dict | list):
            raise SynthgenError(f"--set {field}: {key!r} is no table")
    place[_entry(place, path[-1], field) if isinstance(place, list) else path[-1]] = value


def _entry(entries: list[Any], key: str, field: str) -> int:
    """Return the place of an entry of a list, told by its number from 0 or, of tables, by its name (or its spec's)."""
    names = [one.get("name") or one.get("spec") if isinstance(one, dict) else None for one in entries]
    if key.isdecimal() and int(key) < len(entries):
        return int(key)
    if names.count(key) == 1:
        return names.index(key)
    known = ", ".join(f"{i} ({name})" if isinstance(name, str) else str(i) for i, name in enumerate(names))
    raise SynthgenError(f"--set {field}: {key!r} is no entry of the list; it has {known or 'none'}")


def validated(model: Any, table: Mapping[str, Any], origin: str, field: str) -> Any:
    """Return `table` as a model. Raises SynthgenError that names the file, the field, the value and the fix."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise SynthgenError("\n".join(_sentence(model, e, origin, field) for e in error.errors())) from None


def _sentence(model: type[BaseModel], error: Any, origin: str, field: str) -> str:
    """Return one validation error as: file: field = value: what would be right."""
    named = [part for part in error["loc"] if "[" not in str(part)]  # not pydantic's words for how it validates
    where = ".".join(str(part) for part in ([field] if field else []) + named)
    if error["type"] == "extra_forbidden":
        owner = SplitSpec if model is Spec and len(error["loc"]) > 1 else model
        return f"{origin}: unknown key {where!r}{nearest(str(error['loc'][-1]), owner.model_fields)}"
    if error["type"] == "missing":
        return f"{origin}: {where!r} is missing; add it"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{origin}: {where} = {short(error['input'])}: {message}"


# ---------------------------------------------------------------------------------------------------------------------
# Where specs are.


def specs_folder() -> Path:
    """Return the folder of the shipped specs, in a checkout and in an installed wheel alike."""
    return shipped("specs")


def shipped_specs() -> list[str]:
    """Return the names of the shipped specs."""
    return sorted(path.stem for path in specs_folder().glob("*.toml"))


def _find(spec: str | Path) -> tuple[Path, str]:
    """Return the file of a spec and the spec's name."""
    path = Path(spec)
    if path.suffix == ".toml" or len(path.parts) > 1:
        if not is_file(path):
            raise SynthgenError(f"{spec}: no such spec file")
        return path, path.stem
    file = specs_folder() / f"{spec}.toml"
    if not is_file(file):
        names = shipped_specs()
        begun = [name for name in names if name.startswith(str(spec)) and str(spec)]
        if len(begun) > 1:
            raise SynthgenError(
                f"no spec named {str(spec)!r}, but {spec}*: {len(begun)} specs, such as {begun[0]!r} and {begun[1]!r}; "
                f"see `synthgen list {spec}`"
            )
        known = f" (did you mean {begun[0]!r}?)" if begun else nearest(str(spec), names)
        raise SynthgenError(f"no spec named {str(spec)!r}{known}; see `synthgen list`, or give a path to a .toml file")
    return file, str(spec)


def spec_schema() -> dict[str, Any]:
    """Return the JSON schema of spec files, for editors."""
    schema = Spec.model_json_schema()
    schema["title"] = "synthgen spec"
    schema["properties"]["task"]["enum"] = task_names()
    schema["properties"]["row_format"]["enum"] = list(ROW_FORMATS)
    conditions = []
    for name in task_names():
        params = task_class(name).Params.model_json_schema(ref_template=f"#/$defs/{name}-{{model}}")
        schema["$defs"] |= {f"{name}-{key}": value for key, value in params.pop("$defs", {}).items()}
        schema["$defs"][f"{name}-params"] = params
        when = {"properties": {"task": {"const": name}}}
        conditions.append({"if": when, "then": {"properties": {"params": {"$ref": f"#/$defs/{name}-params"}}}})
    return schema | {"allOf": conditions}
