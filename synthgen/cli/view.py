"""The command view: what is it that is to be looked at, and where does the page go?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthgen.dataset.manifest import FILE as MANIFEST
from synthgen.errors import SynthgenError
from synthgen.publish.explorer.page import write_explorer
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec, set_arguments

RUN = "settings.json"
"""The file that a run's folder has (`synthgen.train.runs`), told without importing torch."""


def view_page(
    subject: str, out: Path | None, rows: int, scored: int, seed: int | None, world: int | None, sets: list[str]
) -> tuple[Path, int]:
    """Write the page of a spec, a dataset folder or a run; return its file, and how many rows it shows.

    Raises SynthgenError for what is none of them, and for overrides of what is made already.
    """
    folder = Path(subject)
    is_folder = folder.is_dir()
    if is_folder and (sets or seed is not None or world is not None):
        raise SynthgenError(
            f"{subject}: --set, --seed and --world change a spec; here the rows are made: leave them out"
        )
    run: dict[str, Any] | None = None
    if is_folder and (folder / RUN).is_file():
        from synthgen.cli.train_commands import run_shown

        source, run = run_shown(folder, rows, scored)
    elif is_folder and (folder / MANIFEST).is_file():
        source = Source(load_spec(folder / "spec.toml"))
    elif is_folder:
        raise SynthgenError(f"{subject}: neither a dataset folder ({MANIFEST}) nor a run ({RUN})")
    else:
        source = Source(load_spec(subject, seed=seed, world=world, sets=set_arguments(sets)))
    page = out or Path(f"{folder.resolve().name if is_folder else source.spec.name}.html")
    if page.is_dir() or not page.parent.is_dir():
        raise SynthgenError(f"--out {page}: is a folder, or its folder is not there; name a file")
    data = folder if is_folder and run is None else None
    return page, write_explorer(source, page, rows, data, run)
