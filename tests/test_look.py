"""The explorer in a real browser: pages, searches, hovers, asks nobody, and axe-core finds nothing to complain of.

`make look` installs what this needs (chromium, playwright, axe-core) and fails without it; elsewhere it is skipped.
Screenshots go to build/look/.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
from helpers import run

BUILD = Path(__file__).parents[1] / "build" / "look"
AXE = BUILD / "node_modules" / "axe-core" / "axe.min.js"
SUBJECTS = ["cfg3f", "igsm-med-pq", "bios-multi5-permute", "know-retrieve-dual", "relations-3hop", "depo1-tiny", "run"]
ROWS = 8

pytestmark = pytest.mark.slow


def refuse(why):
    if os.environ.get("SYNTHGEN_LOOK"):
        pytest.fail(why)
    pytest.skip(f"{why}; `make look` installs it")


@pytest.fixture(scope="module")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        refuse("there is no playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        refuse("there is no chromium")
    if not AXE.is_file():
        refuse("there is no axe-core")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory, browser):
    folder = tmp_path_factory.mktemp("look")
    trained = run("train", "mano-tiny", "--out", folder / "run", "--set", "train.steps=30")
    assert trained.returncode == 0, trained.stderr
    for subject in SUBJECTS:
        what = folder / "run" if subject == "run" else subject
        done = run("view", what, "--out", folder / f"{subject}.html", "--no-open", "--rows", ROWS, "--scored", 40)
        assert done.returncode == 0, done.stderr
        assert (folder / f"{subject}.html").stat().st_size < 3_000_000
    return folder


def opened(browser, file, scheme="light", width=1100):
    """Return a page that is open, and what it asked for and complained of."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    shown, asked, said = context.new_page(), [], []
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.goto(file.resolve().as_uri())
    return shown, asked, said


@pytest.mark.parametrize("subject", SUBJECTS)
def test_rows_are_paged_searched_and_walked_through(browser, pages, subject):
    shown, asked, said = opened(browser, pages / f"{subject}.html")
    where, title, told = (shown.locator(f"#{name}") for name in ("where", "row-title", "told"))
    assert re.fullmatch(r"row 1 of \d+ shown, of ([\d,]+|endlessly many) in (\d+ splits|[\w-]+)", where.inner_text())
    if subject == "cfg3f":
        assert "0.05–0.5" in shown.locator("#row .scale").inner_text(), "shades have a scale"
    first = title.inner_text()
    shown.get_by_role("button", name="Next").click()
    assert where.inner_text().startswith("row 2 of")
    assert title.inner_text() != first
    shown.keyboard.press("p")
    assert title.inner_text() == first
    assert shown.get_by_role("button", name="Previous").is_disabled()
    assert shown.locator("#row svg[role=img]").get_attribute("aria-label")
    if subject == "relations-3hop":
        assert "people on the way\n" in shown.locator("#row").inner_text(), "latents are told"
        assert not re.search(r"people\s+\d", shown.locator("#row").inner_text()), "in words"

    shown.locator("#text .t").nth(2).hover()
    assert " 3 of " in told.inner_text()
    shown.locator("#text").focus()
    shown.keyboard.press("ArrowRight")
    assert " 1 of " in told.inner_text()
    shown.keyboard.press("End")
    last = re.search(r" ([\d,]+) of ([\d,]+)", told.inner_text())
    assert last[1] == last[2]
    if subject in ("run", "cfg3f", "depo1-tiny", "bios-multi5-permute"):
        assert re.search(r"[\d.]+ bits", told.inner_text())
    if subject == "run":
        assert "this model pays" in told.inner_text()

    shown.keyboard.press("/")
    shown.keyboard.type(first.split(", row ")[0] + " 3")
    assert re.fullmatch(r"row 1 of \d+ that have this, of \d+ shown", where.inner_text())
    assert title.inner_text().endswith(", row 3")
    shown.locator("#search").fill("no row says this")
    assert where.inner_text() == "no row has that"
    assert title.inner_text() == "No row"
    shown.locator("#search").fill("")
    assert title.inner_text() == first
    assert asked == [(pages / f"{subject}.html").resolve().as_uri()], "it asks for nothing but itself"
    assert said == []


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("dark", 1100), ("light", 390), ("dark", 390)])
def test_axe_finds_no_violation(browser, pages, subject, scheme, width):
    shown, _, said = opened(browser, pages / f"{subject}.html", scheme, width)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width, "nothing is wider than the screen"
    BUILD.mkdir(parents=True, exist_ok=True)
    shown.screenshot(path=BUILD / f"{subject}-{scheme}-{width}.png", full_page=True)
    shown.evaluate(AXE.read_text(encoding="utf-8"))  # by the tools of a developer: the page's policy allows no script
    shown.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    result = shown.evaluate("axe.run()")
    assert len(result["passes"]) > 15
    faults = [(fault["id"], node["html"][:120]) for fault in result["violations"] for node in fault["nodes"][:3]]
    assert faults == []
    assert said == []


def test_what_would_break_out_of_the_page_does_not(browser, pages, tmp_path):
    """The policy stops what no escaping should let through, should it ever."""
    text = (pages / "depo1-tiny.html").read_text()
    planted = text.replace("<main>", '<main><script>document.title = "broken"</script><img src="http://127.0.0.1/x">')
    file = tmp_path / "planted.html"
    file.write_text(planted)
    shown, _, said = opened(browser, file)
    assert shown.title() != "broken"
    assert any("Content Security Policy" in message for message in said)
