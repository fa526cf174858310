"""What several commands take: arguments and options, and what is made of them."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from synthgen.spec.spec import Spec

SpecArgument = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help="A shipped spec's name (cfg3f) or the path of a TOML file.",
        autocompletion=lambda incomplete: _specs(incomplete),
    ),
]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Override a field (people=1000).")]
Seed = Annotated[int | None, typer.Option(help="Seed of rows, orders and wording.")]
World = Annotated[int | None, typer.Option(help="Seed of the world: people, tables, grammars.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Sample = Annotated[
    float | None, typer.Option(help="Share of rows re-derived and made anew; by default 10,000 and 65,536 a split.")
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder.")]


def folder_there(folder: Path | None) -> Path | None:
    """Return a folder that somebody named, if any. Raises SynthgenError for one that is not there.

    A callback of arguments: who errs in a path is told so before what reads it is imported, which need not be
    installed.
    """
    from synthgen.errors import SynthgenError

    if folder is not None and not folder.is_dir():
        raise SynthgenError(f"{folder}: there is no such folder; name one that `synthgen train` or transformers wrote")
    return folder


def spec_there(subject: str) -> str:
    """Return the name of a spec, its file or a dataset folder. Raises SynthgenError, likewise early, for none."""
    from synthgen.spec.spec import load_spec

    load_spec(spec_of(subject))
    return subject


def experiment_there(name: str | None) -> str | None:
    """Return an experiment's name or file. Raises SynthgenError, likewise early, for a file that is not there."""
    from synthgen.errors import SynthgenError

    if name is not None and name.endswith(".toml") and not Path(name).is_file():
        raise SynthgenError(f"{name}: there is no such file; `synthgen reproduce --list` shows what is shipped")
    return name


def spec_of(subject: str) -> str:
    """Return the spec behind a spec's name, its file, or a dataset folder (its `spec.toml`)."""
    from synthgen.errors import SynthgenError

    folder = Path(subject)
    if folder.is_dir():
        file = folder / "spec.toml"
        if not file.is_file():
            raise SynthgenError(f"{subject}: neither a spec nor a dataset folder (it has no spec.toml)")
        return str(file.resolve())
    return str(folder.resolve()) if subject.endswith(".toml") else subject


def _specs(incomplete: str) -> list[str]:
    """Return the names of shipped specs that begin so, for the shell."""
    from synthgen.cli.listing import all_shipped

    return [entry["name"] for entry in all_shipped() if entry["name"].startswith(incomplete)]


COUNT = re.compile(r"([0-9][0-9_]*)(\.[0-9]+)?(?:e([0-9]{1,2})|(k|M|G|T))?", re.ASCII)
POWERS = {"k": 3, "M": 6, "G": 9, "T": 12}


def count_of(text: str) -> int:
    """Return the whole number that people write as 5000, 5_000, 1e6, 10k or 2.5M. Raises SynthgenError for others."""
    from synthgen.errors import SynthgenError

    match = COUNT.fullmatch(text)
    if match is None:
        raise SynthgenError(f"{text!r}: write a whole number, like 5000, 1e6, 10k or 2.5M (k, M, G, T)")
    power = int(match[3] or 0) + POWERS.get(match[4], 0)
    number = Fraction(match[1].replace("_", "") + (match[2] or "")) * 10**power
    if number.denominator != 1:
        raise SynthgenError(f"{text!r}: is {float(number):g}, which is no whole number")
    return int(number)


def rows_of(text: str) -> int:
    """Return what `--rows` says. Raises SynthgenError as `count_of` does, and for none."""
    return _from_one("--rows", text)


def shards_of(text: str) -> int:
    """Return what `--shards` says, likewise."""
    return _from_one("--shards", text)


def steps_of(text: str) -> int:
    """Return what `--steps` says, likewise."""
    return _from_one("--steps", text)


def _from_one(option: str, text: str) -> int:
    from synthgen.errors import SynthgenError

    try:
        number = count_of(text)
    except SynthgenError as error:
        raise SynthgenError(f"{option} {error}") from None
    if number < 1:
        raise SynthgenError(f"{option} {text}: must be at least 1")
    return number


Rows = Annotated[int | None, typer.Option(parser=rows_of, metavar="N", help="Rows of each split (5000, 1e6, 10k).")]
Shards = Annotated[int | None, typer.Option(parser=shards_of, metavar="N", help="Shards of each split.")]
OneSplit = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="A split of the spec, by default train; fresh:NAME is a new, independent one."),
]
Splits = Annotated[
    list[str] | None,
    typer.Option(
        "--split", metavar="NAME", help="A split, or fresh:NAME for a new one; may be given again. By default all."
    ),
]


def split_with(spec: Spec, split: str | None) -> tuple[Spec, str]:
    """Return a spec with the split that is asked for, and its name: by default `train`, or the spec's first.

    Raises SynthgenError as `with_splits` does.
    """
    from synthgen.spec.spec import with_splits

    if split is None:
        return spec, "train" if "train" in spec.splits or not spec.splits else next(iter(spec.splits))
    spec, (name,) = with_splits(spec, [split])
    return spec, name


def spec_with(spec: str, seed: int | None, world: int | None, sets: list[str] | None) -> Spec:
    """Return a spec with what the options override. Raises SynthgenError as `load_spec` does."""
    from synthgen.dataset.pandas_later import put_pandas_off
    from synthgen.spec.spec import load_spec, set_arguments

    put_pandas_off()
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
