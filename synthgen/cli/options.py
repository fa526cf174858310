"""What several commands take: arguments and options, and what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from synthgen.spec.spec import Spec

SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="A shipped spec's name (cfg3f) or the path of a TOML file.")
]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Override a field (people=1000).")]
Seed = Annotated[int | None, typer.Option(help="Seed of rows, orders and wording.")]
World = Annotated[int | None, typer.Option(help="Seed of the world: people, tables, grammars.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Sample = Annotated[
    float | None, typer.Option(help="Share of rows re-derived and made anew; by default 10,000 and 65,536 a split.")
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder.")]


def spec_with(spec: str, seed: int | None, world: int | None, sets: list[str] | None) -> Spec:
    """Return a spec with what the options override. Raises SynthgenError as `load_spec` does."""
    from synthgen.spec.spec import load_spec, set_arguments

    return load_spec(spec, seed=seed, world=world, sets=set_arguments(sets or []))


def columns_of(columns: str | None) -> list[str] | None:
    """Return the names in `--columns A,B`; None for all. Raises SynthgenError where it names none."""
    from synthgen.errors import SynthgenError

    if columns is None:
        return None
    names = [column.strip() for column in columns.split(",") if column.strip()]
    if not names:
        raise SynthgenError(f"--columns {columns!r}: names no column; leave it out for all of them")
    return names
