"""The page: template, style sheet, script and data in one file, that runs nothing else and asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from synthgen.dataset.manifest import Manifest
from synthgen.errors import SynthgenError
from synthgen.publish.drawing.style import INK, PAGE, QUIET, TONES, Theme
from synthgen.publish.drawing.svg import rules
from synthgen.publish.explorer.figures import WORDS, books_of, guarantees_of, run_of, splits_of, totals_of
from synthgen.publish.explorer.rows import rows_of_folder, rows_of_spec, shown_row, within
from synthgen.spec.latents import signs_of
from synthgen.spec.source import Source
from synthgen.task.files import write_whole
from synthgen.task.foreign import read_text
from synthgen.version import __version__

HERE = Path(__file__).parent
MOST_BYTES = 2_000_000
"""Bytes of rows in a page: with all else it stays below 3 MB."""
OTHERS = 4
"""How many rows of the first split are shown for one of each other."""


def write_explorer(
    source: Source, out: Path, rows: int, folder: Path | None = None, run: Mapping[str, Any] | None = None
) -> int:
    """Write the explorer of a spec, of a dataset folder's files, or of a run; return how many rows it shows.

    Of the first split so many rows are shown, of others fewer, and fewer of all where they are large. Raises
    SynthgenError for an unreadable folder, or a file that cannot be written.
    """
    shown = list(_rows_of_run(source, run) if run else _rows(source, rows, folder))
    html = page(source, shown, folder, run)
    try:
        write_whole(out, html)
    except OSError as error:
        raise SynthgenError(f"{out}: cannot be written: {error.strerror or error}") from None
    return len(shown)


def _rows_of_run(source: Source, run: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a run's rows: its own tokens and bits, with the latents and pictures that the rows have anyway."""
    every = ((row, shown_row(source, row["split"], source.row(row["id"], row["split"]))) for row in run["rows"])
    yield from within(
        (row | {name: more[name] for name in ("latent", "picture", "tones")} for row, more in every), MOST_BYTES
    )


def _rows(source: Source, rows: int, folder: Path | None) -> Iterator[dict[str, Any]]:
    manifest = Manifest.read(folder) if folder else None
    splits = list(manifest.splits) if manifest else source.splits or ["train"]
    share = MOST_BYTES // (1 + len(splits))
    for number, split in enumerate(splits):
        wanted = rows if number == 0 else max(1, rows // OTHERS)
        if folder and manifest:
            every = rows_of_folder(folder, manifest, source, split, wanted)
        else:
            every = rows_of_spec(source, split, wanted)
        yield from within(every, share * (2 if number == 0 else 1))


def page(
    source: Source,
    rows: list[dict[str, Any]],
    folder: Path | None = None,
    run: Mapping[str, Any] | None = None,
) -> str:
    """Return the page as HTML."""
    spec, task = source.spec, source.task()
    style = read_text(HERE / "page.css") + _colours("light") + rules("light", "svg")
    style += f"@media (prefers-color-scheme: dark){{{_colours('dark')}{rules('dark', 'svg')}}}"
    script = read_text(HERE / "page.js")
    unit = "token" if run or spec.row_format == "tokens" else "character"
    policy = (
        f"default-src 'none'; script-src {_allowed(script)}; style-src {_allowed(style)}; base-uri 'none'; "
        "form-action 'none'"
    )
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return templates.get_template("page.html").render(
        policy=policy,
        style=Markup(style),
        script=Markup(script),
        signs=signs_of((piece for row in rows for piece in row.get("pieces", ())), task.glossary),
        data=_embedded(
            {"rows": rows, "unit": unit, "totals": totals_of(source, {row["split"]: 0 for row in rows}, folder)}
        ),
        unit=unit,
        name=spec.name,
        title=spec.title,
        what="run" if run else "dataset folder" if folder else "spec",
        facts=[
            ("task", f"{spec.task}, version {task.version}"),
            ("paper", spec.paper or task.paper or "none"),
            ("row format", spec.row_format),
            ("seed", str(spec.seed)),
            ("difficulty counts", task.difficulty),
            ("content id", spec.content_id[:16]),
        ],
        without=task.without_surprisals,
        books=books_of(source),
        splits=splits_of(source),
        guarantees=guarantees_of(source),
        words=WORDS,
        run=run_of(run) if run else None,
        version=__version__,
    )


def _colours(theme: Theme) -> str:
    """Return the page's colours that its pictures have too: of the page, its text, and of marks of spans."""
    page = f"--page:{PAGE[theme]};--ink:{INK[theme]};--quiet:{QUIET[theme]};--edge:{TONES[theme]['plain'].line}"
    kinds = (f".k-{tone}{{border-bottom-color:{colours.line}}}" for tone, colours in TONES[theme].items())
    return f":root{{{page}}}{''.join(kinds)}"


def _allowed(text: str) -> str:
    """Return how a policy allows a script or style sheet: by its hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(value: Any) -> Markup:
    """Return a value as JSON that can stand in a script element: it holds no character that HTML knows."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
