"""The documentation site: it builds without a warning, its links lead somewhere, and it asks the network for nothing.

`make docs` installs what builds it (Sphinx, furo, MyST-NB) and `make look` the browser; without them these are skipped.
"""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
LOADED = {"src", "srcset", "poster", "data"}
"""Attributes whose addresses a browser fetches by itself."""
OPENED = ["docs/index", "docs/ideas", "docs/families/mathematics", "docs/notebooks/bits", "docs/api", "docs/specs"]
SHOTS = ROOT / "build" / "look" / "site"

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.loads = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors |= {attrs[name] for name in ("id", "name") if attrs.get(name)}
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        if tag == "link" and attrs.get("rel") not in ("next", "prev", "search", "canonical"):
            self.loads.append(attrs["href"])
        self.loads += [attrs[name] for name in LOADED if attrs.get(name)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for module in ("sphinx", "furo", "myst_nb"):
        pytest.importorskip(module, reason="`make docs` installs what builds the site")
    folder = tmp_path_factory.mktemp("site")
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-E", "-n", "-W", "--keep-going", "-c", ROOT / "docs"]
    done = subprocess.run(
        [*sphinx, "-d", folder / "doctrees", ROOT, folder / "site"], capture_output=True, text=True, timeout=1500
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path.read_text("utf-8")) for path in site.rglob("*.html")}


def test_every_page_and_card_is_there(pages, site):
    there = {path.relative_to(site).with_suffix("").as_posix() for path in pages}
    written = {path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    written |= {path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "cards/gallery").rglob("*.md")}
    assert written | {"index", "CONTRIBUTING", "CHANGELOG", "SECURITY"} <= there


def test_links_lead_somewhere(pages):
    """To a file of the site, and to a place in it that is there."""
    broken = []
    for path, page in pages.items():
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto", "data"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            fragment = unquote(parts.fragment)
            lost = fragment and target in pages and fragment not in pages[target].anchors
            if not target.is_file() or lost:
                broken.append(f"{path.name}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(pages, site):
    for path, page in pages.items():
        assert [one for one in page.loads if urlsplit(one).scheme not in ("", "data")] == [], path
    for path in site.rglob("*.css"):
        text = path.read_text("utf-8")
        assert re.findall(r"url\(\s*[\"']?(?:https?:)?//[^)]*|@import\s[^;]*//[^;]*", text) == [], path


def test_notebooks_have_been_run(site):
    for name in ("bits", "floor", "rewards"):
        text = (site / f"docs/notebooks/{name}.html").read_text("utf-8")
        assert text.count("cell_output") >= 5, name
        assert "<img" in text
        assert "Traceback" not in text


def test_drawn_rows_follow_light_and_dark(site):
    text = (site / "docs/gallery.html").read_text("utf-8")
    pictures = re.findall(r'src="([^"]+\.svg)"', text)
    assert len(pictures) >= 13
    for picture in pictures:
        assert "prefers-color-scheme" in (site / "docs" / picture).read_text("utf-8"), picture


@pytest.fixture(scope="module")
def browser(site):
    sync_api = pytest.importorskip("playwright.sync_api", reason="`make look` installs it")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no chromium; `make look` installs it")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


def opened(browser, file, scheme="light", width=1100):
    """Return a page that is open, and what it asked for and complained of."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    shown, asked, said = context.new_page(), [], []
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.goto(file.resolve().as_uri())
    return shown, asked, said


@pytest.mark.parametrize("page", OPENED)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("dark", 1100), ("light", 390), ("dark", 390)])
def test_a_page_opens_from_the_disk(browser, site, page, scheme, width):
    shown, asked, said = opened(browser, site / f"{page}.html", scheme, width)
    assert shown.locator("h1").inner_text()
    assert shown.evaluate("document.documentElement.scrollWidth") <= width, "nothing is wider than the screen"
    SHOTS.mkdir(parents=True, exist_ok=True)
    shown.screenshot(path=SHOTS / f"{page.replace('/', '-')}-{scheme}-{width}.png", full_page=True)
    assert {urlsplit(url).scheme for url in asked} <= {"file", "data"}
    assert said == []


def test_the_search_works_from_the_disk(browser, site):
    shown, asked, said = opened(browser, site / "index.html")
    shown.wait_for_url("**/docs/index.html")
    shown.locator("input[name=q]").first.fill("surprisals")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("#search-results li a", timeout=20_000)
    assert any("bits" in link.get_attribute("href") for link in shown.locator("#search-results li a").all())
    assert {urlsplit(url).scheme for url in asked} <= {"file", "data"}
    assert said == []
