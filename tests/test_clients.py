"""The table of other people's packages, and what each of them is: a script, its pins, its page. They run elsewhere."""

import datetime
import re

import pytest

import clients

PAGE = clients.TABLE.read_text("utf-8")
MOST_GLUE = 3
"""Lines that a user may have to write to bring a client and our rows together."""


def test_a_client_is_a_script_its_pins_and_its_page():
    pinned = {path.stem for path in (clients.ROOT / "clients").glob("*.txt")}
    readers = {client for client, _ in clients.one_liners()} - {"synthgen"}
    assert pinned == {*clients.scripted(), *readers}
    for client in pinned:
        lines = (clients.ROOT / f"clients/{client}.txt").read_text().split()
        assert lines and all(re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.+]+", line) for line in lines), client
    pages = {path.stem for path in clients.TABLE.parent.glob("*.md")} - {"index"}
    assert pages == {*clients.scripted()}


def test_every_client_has_its_line_in_the_table():
    lines = clients.lines_of(PAGE)
    assert sorted(lines) == sorted({path.stem for path in (clients.ROOT / "clients").glob("*.txt")})
    for client, line in lines.items():
        _, name, versions, date, glue, did, _ = (cell.strip() for cell in line.split("|"))
        assert name.startswith(f"[{client}](") and datetime.date.fromisoformat(date)
        assert did.startswith("cannot be installed") or (1 <= int(glue) <= MOST_GLUE and versions), line


def test_a_run_of_some_clients_leaves_the_lines_of_others():
    page = f"Before.\n\n{clients.HEAD}| [a](a.md) | a 1 | 2026-01-01 | 1 | x |\n\nBehind.\n"
    outcomes = [
        {"client": "c", "versions": {"c": "2", "torch": "3"}, "glue": 2, "did": "y"},
        {"client": "b", "fault": "cannot be installed: no | such version"},
    ]
    new = clients.with_outcomes(page, outcomes, "2026-02-02")
    assert new == page.replace(
        " x |\n",
        " x |\n| [b](../tables.md) | - | 2026-02-02 | - | cannot be installed: no / such version |\n"
        "| [c](../tables.md) | c 2, torch 3 | 2026-02-02 | 2 | y |\n",
    )
    assert clients.with_outcomes(new, outcomes[:1], "2026-02-02") == new


def test_what_is_no_client_is_told_before_any_is_run():
    with pytest.raises(SystemExit, match="no such client: pandsa"):
        clients.main(10, ["pandas", "pandsa"])


@pytest.mark.slow
@pytest.mark.parametrize("client", clients.scripted())
def test_a_client_that_is_installed_does_what_its_page_says(client):
    if not (clients.HOME / client / "pins.txt").is_file():
        pytest.skip(f"{client} is not installed: `make clients NAMES={client}`")
    outcome = clients.run_script(client)
    assert outcome["client"] == client and "fault" not in outcome, outcome
    assert 1 <= outcome["glue"] <= MOST_GLUE
