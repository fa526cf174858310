"""The explorer's page: one file that runs nothing but its own script, and shows what the rows are."""

import base64
import hashlib
import itertools
import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from colours import contrast, seen
from helpers import replant, run

import synthgen
from synthgen.publish.drawing.style import INK, PAGE
from synthgen.publish.explorer.figures import splits_of
from synthgen.publish.explorer.page import HERE as EXPLORER
from synthgen.publish.explorer.page import page
from synthgen.publish.explorer.rows import shown_row, tones_of, within
from synthgen.task.picture import ANSWER, ASKED, Kind, Passage, Picture, Span

HOSTILE = "</script><script>alert(1)</script><!-- \u2028 & \" ' \\u003c"


class Page(HTMLParser):
    """A page taken apart: its elements, and what scripts and style sheets hold."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.said, self._open = [], {}, "", None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._open = (tag, dict(attributes).get("type", "")) if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        if self._open:
            self.texts[self._open] = self.texts.get(self._open, "") + data
        else:
            self.said += data

    @property
    def data(self):
        return json.loads(self.texts[("script", "application/json")])


@pytest.fixture(scope="module")
def source():
    return synthgen.load("recall-tiny")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("explorer") / "data"
    synthgen.generate("recall-tiny", out, rows=30, shards=2)
    return out


def test_the_policy_allows_this_script_and_this_style_and_nothing_else(source):
    text = page(source, [shown_row(source, "train", source.row(0))])
    taken_apart = Page(text)
    (policy,) = [a["content"] for tag, a in taken_apart.elements if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for kind, name in ((("script", ""), "script-src"), (("style", ""), "style-src")):
        digest = base64.b64encode(hashlib.sha256(taken_apart.texts[kind].encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert set(rules) == {"default-src", "script-src", "style-src", "base-uri", "form-action"}
    for tag, attributes in taken_apart.elements:
        assert not {"src", "style", "onclick", "onload"} & set(attributes), tag
        assert attributes.get("href", "#").startswith("#")
    without_namespace = text.replace("http://www.w3.org/2000/svg", "").replace("image/svg+xml", "")
    assert "http" not in re.sub(r'http-equiv="', "", without_namespace), "no address of anything"


def test_text_in_rows_and_specs_is_text(source):
    row = shown_row(source, "train", source.row(0))
    row["pieces"][0] = HOSTILE
    row["latent"] = [[HOSTILE, HOSTILE]]
    text = page(source, [row], run={
        "name": HOSTILE, "facts": [(HOSTILE, HOSTILE)], "loss": [(1, 2.0)], "floor": [], "scores": None,
        "noted": HOSTILE, "answers": [{"correct": False, "reason": HOSTILE, "parts": [HOSTILE], "exchanges": [
            {"asked": HOSTILE, "expected": HOSTILE, "said": HOSTILE, "correct": False}
        ]}],
    })  # fmt: skip
    taken_apart = Page(text)
    assert taken_apart.data["rows"][0]["pieces"][0] == HOSTILE
    assert [a.get("type", "") for tag, a in taken_apart.elements if tag == "script"] == ["application/json", ""]
    assert "alert(1)</script>" not in text


def test_what_is_shown_of_a_row(source):
    row = source.row(3)
    shown = shown_row(source, "train", row)
    assert " ".join(shown["pieces"]) == source.task().readable(row)
    assert shown["given"] == 17
    assert len(shown["bits"]) == len(row["input_ids"]) + 1
    assert sum(shown["bits"]) == pytest.approx(row["bits"]["total"], abs=0.01)
    assert shown["picture"].startswith("<svg ")
    text = synthgen.load("know-retrieve-dual", params={"people": 200})
    row = text.row(0)
    shown = shown_row(text, "train", row)
    assert shown["text"] == row["prompt"] + row["completion"]
    said = [shown["text"][a:b] for a, b, kind in shown["spans"] if kind == "answer"]
    assert said[0] in row["completion"]
    assert (shown["tones"]["name"], shown["tones"]["answer"]) == (ASKED, ANSWER), "as in the picture"
    words = text.decode(row)
    assert dict(shown["latent"])["person"] == words["person"], "latents are in words"
    assert words["person"] in row["prompt"]
    del row["latent"], row["bits"]
    assert shown_row(text, "train", row)["books"] == {}, "a folder of some columns is shown, too"


def test_what_cannot_be_is_shown_or_told(source, folder, tmp_path):
    row = source.row(0)
    row["input_ids"] = [row["input_ids"][0]] * len(row["input_ids"])
    row["bits"]["pairs"] = float("nan")
    shown = shown_row(source, "train", row)
    assert None in shown["bits"]
    assert shown_row(source, "train", row | {"input_ids": []})["picture"] == "", "there is nothing to draw"
    assert Page(page(source, [shown])).data["rows"][0]["books"]["pairs"] is None
    copy = shutil.copytree(folder, tmp_path / "copy")
    replant(copy, lambda rows: rows[0].update(input_ids=[]))
    done = run("view", copy, "--out", tmp_path / "x.html", "--no-open")
    assert (done.returncode, "Traceback" in done.stderr) in {(0, False), (2, False)}


def test_the_command_shows_a_spec_and_its_folder_alike(folder, tmp_path):
    for subject, name in (("recall-tiny", "spec.html"), (folder, "folder.html")):
        done = run("view", subject, "--out", tmp_path / name, "--no-open", "--rows", 12)
        assert done.returncode == 0, done.stderr
        assert "15 rows" in done.stdout
    one, other = (Page((tmp_path / name).read_text()).data["rows"] for name in ("spec.html", "folder.html"))
    assert one == other
    assert [row["split"] for row in one] == ["train"] * 12 + ["test"] * 3
    run("view", "recall-tiny", "--out", tmp_path / "again.html", "--no-open", "--rows", 12)
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "spec.html").read_bytes()


def test_what_cannot_be_viewed_is_told(folder, tmp_path):
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "manifest.json").write_text("{")
    for arguments, message in (
        (("nonsense",), "nonsense"),
        ((tmp_path,), "neither a dataset folder"),
        ((broken,), "manifest.json"),
        ((folder, "--seed", "3"), "leave them out"),
        (("recall-tiny", "--out", tmp_path), "name a file"),
    ):
        done = run("view", *arguments, "--no-open")
        assert done.returncode == 2, arguments
        assert message in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("spec", "wanted"), [
    ("igsm-med-pq", {"question": "asked", "step": "needed"}),
    ("know-retrieve-dual", {"name": "name", "answer": "answer"}),
    ("relations-3hop", {"name": "name", "answer": "answer"}),
    ("depo1-tiny", {"answer": "to"}),
    ("chain-retry50", {"step": "needed"}),
])  # fmt: skip
def test_a_row_and_its_picture_have_one_colour_for_one_thing(spec, wanted):
    source = synthgen.load(spec)
    row, picture = shown_row(source, "train", source.row(0)), source.task().picture(source.row(0))
    assert {kind: row["tones"][kind] for kind in wanted} == {
        kind: picture.kinds[of].tone for kind, of in wanted.items()
    }
    others = {kind: tone for kind, tone in row["tones"].items() if kind not in picture.kinds}
    assert not {*others.values()} & {kind.tone for kind in picture.kinds.values()}, "no colour means two things"


def test_spans_have_the_colour_of_the_passage_where_it_calls_them_otherwise():
    kinds = {"name": Kind("who", "orange"), "fact": Kind("what is told", "grey")}
    picture = Picture("", [Passage("", "Ada, 1815", [Span(0, 3, "name"), Span(5, 9, "fact")])], kinds)
    spans = {"name": [{"start": 0, "end": 3}], "birth_date": [{"start": 5, "end": 9}], "city": [{"start": 3, "end": 4}]}
    tones = tones_of(["name", "birth_date", "city"], spans, picture)
    assert (tones["name"], tones["birth_date"]) == ("orange", "grey")
    assert tones["city"] not in ("orange", "grey"), "a colour that the picture leaves"


def test_latents_are_whole():
    source = synthgen.load("cfg3f")
    row = source.row(0)
    (derivation,) = (text for name, text in shown_row(source, "train", row)["latent"] if name == "derivation")
    assert len(derivation) > 600
    assert derivation.count("(") == derivation.count(")") == len(row["latent"]["derivation"])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ramp", ["s", "m"])
def test_shades_are_seen_and_can_be_read_on(theme, ramp):
    light, dark = (EXPLORER / "page.css").read_text().split("@media (prefers-color-scheme: dark)", 1)
    colours = re.findall(rf"--{ramp}\d:(#\w{{6}})", light if theme == "light" else dark)
    assert len(colours) == len(json.loads(re.search(r"EDGES = (\[.*?\])", (EXPLORER / "page.js").read_text())[1]))
    steps = [seen(colour, "usual")[0] for colour in (PAGE[theme], *colours)]
    assert min(abs(b - a) for a, b in itertools.pairwise(steps)) > 0.045
    assert steps in (sorted(steps), sorted(steps, reverse=True))
    assert min(contrast(INK[theme], colour) for colour in colours) >= 4.5


def test_bits_drawn_and_bits_of_the_text_are_told_apart():
    source = synthgen.load("brevo1-tiny")
    said = Page(page(source, [shown_row(source, "train", source.row(0))])).said
    assert "different draws can make the\nsame text" in said
    assert "bracket" not in said
    single = synthgen.load("recall-tiny")
    assert "different draws" not in Page(page(single, [shown_row(single, "train", single.row(0))])).said


def test_what_is_held_out_is_told():
    rows = {row["name"]: row for row in splits_of(synthgen.load("know-retrieve-dual"))}
    assert [row["held_out"] for row in rows.values()][:2] == [False, True]
    assert rows["test"]["apart"] == [("person", "train")]
    assert all(row["apart"] == [] and not row["held_out"] for row in splits_of(synthgen.load("recall-tiny")))
    halves = {row["name"]: row for row in splits_of(synthgen.load("igsm-med-pq"))}
    assert halves["op20"]["held_out"] and ("template", "train") in halves["op20"]["apart"]


def test_a_page_stays_small():
    rows = [{"text": "x" * 1000}] * 10
    assert len(list(within(iter(rows), 5000))) == 4
    assert len(list(within(iter(rows), 10))) == 1, "the first is there in any case"
