"""The gallery as a static Space of the Hub: a page of the explorer for a dozen specs, and one that leads to them.

synthgen space DIR                   # pages, README with the front matter that Spaces want
synthgen push DIR ORG/NAME           # as a Space: plain files, nothing runs there
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import jinja2
import yaml
from pydantic import Field

from synthgen.dataset.plain_text import in_markdown
from synthgen.errors import SynthgenError
from synthgen.publish.explorer.page import write_explorer
from synthgen.spec.source import Source, load
from synthgen.spec.spec import load_spec
from synthgen.task.files import shipped, write_whole
from synthgen.task.foreign import read_toml, shaped
from synthgen.task.written import Written
from synthgen.version import __version__

ROWS = 24
"""Rows of a page's first split: some 300 kB a page."""

FRONT = ("README.md", "index.html")
PAGES = "pages"

STYLE = (
    ":root{color-scheme:light dark}body{margin:0 auto;max-width:50rem;padding:1rem 20px 3rem;"
    "font:16px/1.5 'DejaVu Sans',Verdana,system-ui,sans-serif}h1{font-size:1.7rem}h2{font-size:1.2rem;margin-top:2rem}"
    "ul{list-style:none;padding:0}li{margin:.7rem 0}li span{display:block;opacity:.8;font-size:.9rem}"
    "footer{margin-top:3rem;opacity:.8;font-size:.85rem}"
)

INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>{{ style }}</style>
</head>
<body>
<main>
<h1>{{ title }}</h1>
<p>{{ about }}</p>
{% for group in groups %}
<h2>{{ group.name }}</h2>
<ul>
{% for name, what in group.pages %}
<li><a href="{{ folder }}/{{ name }}.html">{{ name }}</a><span>{{ what }}</span></li>
{% endfor %}
</ul>
{% endfor %}
</main>
<footer>Made by synthgen {{ version }}: rows are a pure function of (spec, split, index), and the same for everybody.
</footer>
</body>
</html>
"""


class Group(Written):
    """Specs that stand together."""

    name: str = Field(min_length=1, description="their heading")
    specs: list[str] = Field(min_length=1, description="names of shipped specs, or files")


class SpaceFile(Written):
    """What `cards/space.toml` holds."""

    title: str = Field(min_length=1, description="of the Space")
    about: str = Field("", description="what stands below the title")
    group: list[Group] = Field(min_length=1, description="the pages, in groups")


def write_space(
    folder: str | Path, specs: Sequence[str] = (), rows: int = ROWS, say: Callable[[str], None] = lambda text: None
) -> list[Path]:
    """Write the files of the Space into a new or empty folder, or over those of an earlier one; return them.

    `specs` take the place of those in `cards/space.toml`. Raises SynthgenError for a folder of other things, an unknown
    spec, and what cannot be written.
    """
    folder = Path(folder)
    file = shipped("cards") / "space.toml"
    wanted: SpaceFile = shaped(SpaceFile, read_toml(file), str(file))
    if specs:
        wanted = wanted.model_copy(update={"group": [Group(name="Specs", specs=list(specs))]})
    names = [spec for group in wanted.group for spec in group.specs]
    sources = {name: load(name) if name not in specs else Source(load_spec(name)) for name in names}
    if folder.is_dir() and any(folder.iterdir()) and not is_space(folder):
        raise SynthgenError(f"{folder}: holds other files and no Space; name a new or empty folder")
    try:
        (folder / PAGES).mkdir(parents=True, exist_ok=True)
        for stale in {path.name for path in (folder / PAGES).glob("*.html")} - {_file(s) for s in sources.values()}:
            (folder / PAGES / stale).unlink()
    except OSError as error:
        raise SynthgenError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
    for number, source in enumerate(sources.values(), 1):
        say(f"page {number} of {len(sources)}: {source.spec.name}")
        write_explorer(source, folder / PAGES / _file(source), rows)
    templates = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    index = templates.from_string(INDEX).render(
        title=wanted.title,
        about=wanted.about,
        style=STYLE,
        folder=PAGES,
        version=__version__,
        groups=[
            {"name": group.name, "pages": [(sources[n].spec.name, sources[n].spec.title) for n in group.specs]}
            for group in wanted.group
        ],
    )
    write_whole(folder / "index.html", index)
    write_whole(folder / "README.md", _readme(wanted))
    return space_files(folder)


def is_space(folder: Path) -> bool:
    """Return whether a folder is one that `write_space` wrote."""
    return all((folder / name).is_file() for name in FRONT) and (folder / PAGES).is_dir()


def space_files(folder: Path) -> list[Path]:
    """Return the files of a Space, relative to its folder: those that are pushed."""
    pages = sorted(path.relative_to(folder) for path in (folder / PAGES).glob("*.html"))
    return [*map(Path, FRONT), *pages]


def _file(source: Source) -> str:
    return f"{source.spec.name}.html"


def _readme(wanted: SpaceFile) -> str:
    """Return the README, whose front matter says that the Space is static."""
    matter = {
        "title": wanted.title,
        "colorFrom": "blue",
        "colorTo": "green",
        "sdk": "static",
        "app_file": "index.html",
        "pinned": False,
        "license": "cc0-1.0",
        "short_description": "Rows of synthetic data, with their bits and spans",
        "tags": ["synthetic", "synthgen", "physics-of-language-models"],
    }
    return (
        f"---\n{yaml.safe_dump(matter, sort_keys=False, allow_unicode=True)}---\n# {in_markdown(wanted.title)}\n\n"
        f"{in_markdown(wanted.about)}\n\nWritten by `synthgen space` of synthgen {__version__}; `index.html` leads to "
        "the pages, each of which is one file that asks nobody for anything.\n"
    )
