"""Row sources: token rows by range, from a spec's generator or from a dataset folder's shards, the same either way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec, with_splits
from synthgen.windowing.folder_rows import ComponentRows, FolderRows
from synthgen.windowing.phrases import PHRASES, Vocabulary
from synthgen.windowing.spec_rows import SpecRows
from synthgen.windowing.token_rows import RowSource


def row_sources_of(
    data: Any, split: str, rows: int | None, overrides: Mapping[str, Any], phrases: Vocabulary | None = None
) -> list[tuple[RowSource, Fraction]]:
    """Return the row sources, by share, of a dataset folder (it holds a manifest) or of a spec (by name, file, loaded).

    There is one, but where components have windows of their own: then one for each. `phrases` is what text is numbered
    by where the overrides name the tokenizer PHRASES.
    """
    if isinstance(data, str | Path) and Path(data).is_dir():
        given = [name for name, value in overrides.items() if value]
        if given:
            raise SynthgenError(f"{data}: is a dataset folder: {', '.join(given)} cannot change it; name its spec")
        folder = FolderRows(Path(data), split, rows)
        numbered = enumerate(folder.task.window_components())
        return [(ComponentRows(folder, one, number), one.share) for number, one in numbered] or [(folder, Fraction(1))]
    vocabulary = phrases if overrides.get("tokenizer") == PHRASES else None
    if isinstance(data, Source):
        source = data
    else:
        sets = {f"params.{name}": value for name, value in (overrides.get("params") or {}).items()}
        if overrides.get("tokenizer") and vocabulary is None:
            sets |= {"tokenizer": overrides["tokenizer"]}  # of the text that the spec's rows are, if they are one
        source = Source(load_spec(data, seed=overrides.get("seed"), world=overrides.get("world"), sets=sets))
    if split != "train":  # what nobody has chosen
        spec, (split,) = with_splits(source.spec, [split])
        source = source if spec is source.spec else Source(spec)
    components = source.task(split).window_components()
    return [(SpecRows(source, split, rows, vocabulary, one), one.share) for one in components] or [
        (SpecRows(source, split, rows, vocabulary), Fraction(1))
    ]


def members_of(data: Any) -> Sequence[tuple[Any, int]]:
    """Return `data` as a list of (one data, weight)."""
    if not isinstance(data, list | tuple):
        return [(data, 1)]
    pairs: list[tuple[Any, int]] = [
        (pair[0], pair[1]) if isinstance(pair, list | tuple) else (pair, 1) for pair in data
    ]
    if not pairs:
        raise SynthgenError("windows of nothing: give a spec, a dataset folder, or a list of (data, weight)")
    for one, weight in pairs:
        if not isinstance(weight, int) or not 1 <= weight <= 10**6:
            raise SynthgenError(f"weight {weight!r} of {one}: give an integer from 1 to 1,000,000")
    return pairs
