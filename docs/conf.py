"""The documentation site, made by Sphinx: `make docs` builds the repository's own pages into build/site.

The source folder is the root of the repository, so that links between pages, cards and files hold there and here.
Pictures of rows are those of the cards: SVG, which follows the reader's choice of light or dark.
"""

import re

from sphinx.application import Sphinx

from synthgen.version import __version__

CARD = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
"""The metadata at the head of a card, which are the Hub's."""

project = "synthgen"
release = __version__
root_doc = "docs/index"
include_patterns = ["docs/**", "cards/gallery/README.md", "cards/gallery/*/README.md", "CHANGELOG.md"]
include_patterns += ["CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = [".*", "build", "dist", "docs/site", "examples", "specs", "synthgen", "tests"]

extensions = ["myst_nb"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 900
nb_merge_streams = True
nb_output_stderr = "remove"  # kernels that are compiled, on a first run

html_theme = "furo"
html_title = f"synthgen {__version__}"
html_static_path = ["site/static"]
html_extra_path = ["site/root"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_use_index = False
html_show_search_summary = False  # it would fetch pages, which browsers refuse from a disk
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5c8a", "color-brand-content": "#0b5c8a"},
    "dark_css_variables": {"color-brand-primary": "#7cc4ee", "color-brand-content": "#7cc4ee"},
}


def setup(app: Sphinx) -> None:
    """Have every page pass `made_ready` before it is parsed."""
    app.connect("source-read", made_ready)


def made_ready(app: Sphinx, page: str, source: list[str]) -> None:
    """Change a page's text, the one entry of `source`: cards lose their metadata."""
    if page.startswith("cards/"):
        source[0] = CARD.sub("---\norphan: true\n---\n", source[0])
