"""Pictures: every task has one, nothing of it overlaps or runs out of its box, and the same row gives the same bytes."""

import io
import itertools
import random
from xml.etree import ElementTree

import numpy as np
import pytest
from colours import SIGHTS, contrast, seen
from helpers import SPECS, run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import synthgen
from synthgen.publish.drawing.charts import books_scene, ridges_scene
from synthgen.publish.drawing.curves import loss_scene, shares_scene, ticks_of
from synthgen.publish.drawing.graphs import WIDER, graph_shapes
from synthgen.publish.drawing.layers import GAP, layered
from synthgen.publish.drawing.raster import rasterised
from synthgen.publish.drawing.scene import Box, Path, Scene, Words
from synthgen.publish.drawing.sheet import drawn
from synthgen.publish.drawing.style import INK, PAGE, QUIET, SIZE, TONES, balanced, width_of, wrapped
from synthgen.publish.drawing.svg import rules, svg
from synthgen.publish.drawing.texts import CELL, WIDEST_CELL, parse_shapes
from synthgen.task.contract import Task
from synthgen.task.picture import (
    ANSWER,
    ASKED,
    BACK,
    BACK_MARK,
    Bar,
    Cell,
    Graph,
    Kind,
    Link,
    Node,
    Parse,
    Passage,
    Picture,
    Span,
    Table,
    backs_of,
    backs_told,
    passage_of,
)
from synthgen.task.picture import TONES as EVERY_TONE

NAMES = {"light", "dark"}
BADGE = 15.0


def picture(spec, row=1):
    source = synthgen.load(spec)
    return source.task().picture(source.row(row))


def inside(words, box):
    start = words.x - {"start": 0, "middle": words.width / 2, "end": words.width}[words.anchor]
    across = box.x <= start + 0.5 and start + words.width <= box.x + box.width + 0.5
    return across and box.y <= words.y - words.size * 0.6 and words.y <= box.y + box.height


def overlap(a, b):
    return (
        min(a.x + a.width, b.x + b.width) - max(a.x, b.x) > 0.5
        and min(a.y + a.height, b.y + b.height) - max(a.y, b.y) > 0.5
    )


@pytest.mark.parametrize("task", sorted(SPECS))
def test_the_picture_of_a_task(task):
    shown = picture(SPECS[task])
    assert len(shown.caption) > 30
    scene = drawn(shown)
    assert svg(scene) == svg(drawn(picture(SPECS[task]))), "the same row gives the same bytes"
    root = ElementTree.fromstring(svg(scene))
    assert root.get("aria-label") == shown.told
    for shape in scene.shapes:
        if isinstance(shape, Words):
            left = shape.x - {"start": 0, "middle": shape.width / 2, "end": shape.width}[shape.anchor]
            assert -1 <= left <= left + shape.width <= scene.width + 1, shape.text
    used = {part.kind for panel in shown.panels for part in parts_of(panel)} - {""}
    assert used <= set(shown.kinds), "every kind is in the legend"
    for name, tone in (("asked", ASKED), ("answer", ANSWER)):
        assert shown.kinds.get(name, Kind("", tone)).tone == tone, "one colour in all tasks"
    legend = {kind.words for name, kind in shown.kinds.items() if name in used}
    assert legend <= {shape.text for shape in scene.shapes if isinstance(shape, Words)}


def parts_of(panel):
    if isinstance(panel, Graph):
        return [*panel.nodes, *panel.links]
    if isinstance(panel, Table):
        return [cell for row in panel.rows for cell in row]
    return panel.bars if isinstance(panel, Parse) else panel.spans


@pytest.mark.parametrize(
    "task", ["brevo", "chain", "copy", "depo", "hops", "igsm", "mano", "recall", "relations", "stories"]
)
@pytest.mark.parametrize("row", [0, 1])
def test_nodes_hold_their_text_and_do_not_overlap(task, row):
    shown = picture(SPECS[task], row)
    for panel in (panel for panel in shown.panels if isinstance(panel, Graph)):
        scene = drawn(Picture("", [panel], shown.kinds))
        boxes = [box for box in scene.shapes if isinstance(box, Box) and box.title]
        assert len(boxes) == len(panel.nodes)
        assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
        parts = [part for node in panel.nodes for part in node.text.split("\n")]
        texts = {line for part in parts for wide in WIDER for line in balanced(part, wide)}
        for words in scene.shapes:
            if isinstance(words, Words) and words.text in texts and words.size == SIZE:
                assert any(inside(words, box) for box in boxes), words.text


def test_orders_are_those_of_the_solution():
    source = synthgen.load(SPECS["igsm"])
    row = source.row(1)
    shown = source.task().picture(row)
    question, _, depend = shown.panels
    answer = question.text[question.spans[1].start :]
    assert (question.spans[1].kind, int(answer)) == ("answer", row["latent"]["answer"])
    order = sorted(node.number for node in depend.nodes if node.number)
    assert order == list(range(1, row["latent"]["necessary"] + 1))
    asked = [node for node in depend.nodes if node.kind == "asked"]
    assert len(asked) == 1
    assert asked[0].text.endswith(f"= {row['latent']['answer']}")
    assert len([node for node in depend.nodes if node.kind == "other"]) == 0
    listed = picture(SPECS["brevo"])
    assert sorted(node.number for node in listed.panels[0].nodes if node.number) == [1, 2, 3]


def test_a_chain_leads_from_the_question_to_the_answer():
    source = synthgen.load(SPECS["hops"])
    row = source.row(0, "test_3hop")
    passage, chain = source.task("test_3hop").picture(row).panels
    spans = {kind: passage.text[span["start"] : span["end"]] for kind, (span,) in row["latent"]["spans"].items()}
    assert chain.nodes[0].text == spans["name"]
    assert chain.nodes[-1].text == spans["answer"]
    assert [node.kind for node in chain.nodes] == ["name", "passed", "passed", "answer"]
    assert len(chain.links) == row["difficulty"] == 3
    assert [(link.start, link.end) for link in chain.links] == [(0, 1), (1, 2), (2, 3)]


def test_arrows_are_called_as_the_relations():
    source = synthgen.load(SPECS["relations"])
    row = source.row(1)
    words = source.decode(row)["relatives"]
    passage, graph = source.task().picture(row).panels
    said = {link.kind: (link.text, graph.nodes[link.end].text) for link in graph.links}
    assert {kind: name for kind, (_, name) in said.items()} == words
    assert {text for text, _ in said.values()} == {"best friend", "mentor", "boss"}
    assert {span.kind for span in passage.spans} == {"name", "fact", *words}
    single = synthgen.load("relations")
    row = single.row(0)
    (_, graph), words = single.task().picture(row).panels, single.decode(row)
    assert [node.text for node in graph.nodes] == [words["person"], words["other"]]


def test_a_table_marks_who_is_asked_for():
    source = synthgen.load(SPECS["birthyear"])
    row = source.row(1)
    (table,) = source.task().picture(row).panels
    words = source.decode(row)
    marked = [cell for cells in table.rows for cell in cells if cell.kind]
    assert [cell.kind for cell in marked] == ["asked", "passed", "answer"]
    assert marked[0].text == words["asked"]
    assert marked[-1].text == str(words["answer"])
    assert [[cell.text for cell in cells][:2] for cells in table.rows] == [
        [name, other] for name, other in zip(words["names"][3:], words["links"], strict=True)
    ]
    crowd = synthgen.load("birthyear-5-1", params={"people": 60, "asked": "any", "years": 60})
    asked = [crowd.task().picture(crowd.row(number)).panels[0].rows for number in range(8)]
    assert all(len(rows) == 20 and any(row[0].kind == "asked" for row in rows) for rows in asked)


@pytest.mark.parametrize("most", [200, 880])
def test_a_long_chain_takes_several_lines(most):
    nodes = [Node(f"person {i} of a long chain", "a") for i in range(9)]
    links = [Link(i, i + 1, text=f"relation {i}") for i in range(8)]
    shapes, wide, high = graph_shapes(Graph("", nodes, links, "chain"), {"a": Kind("a", "blue")}, most)
    boxes = [shape for shape in shapes if isinstance(shape, Box)]
    words = [shape for shape in shapes if isinstance(shape, Words) and shape.text.startswith("relation")]
    assert (len(boxes), len(words)) == (9, 8)
    assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
    assert len({box.y for box in boxes}) > 1
    assert max(box.x + box.width for box in boxes) <= wide <= most + 200
    assert max(box.y + box.height for box in boxes) <= high + 0.5
    for said in words:
        left = said.x - said.width / 2
        assert not any(overlap(Box(left, said.y - 9, said.width, 9, "plain"), box) for box in boxes), said.text


def test_cells_of_a_table_hold_their_text():
    cells = [[Cell("a long text of several words that is broken", "k"), Cell("b")], [Cell("c"), Cell("d" * 60, "k")]]
    table = Table("", ["a head that is long, too, and broken", "e"], cells)
    scene = drawn(Picture("", [table], {"k": Kind("marked", "blue")}))
    boxes = [box for box in scene.shapes if isinstance(box, Box) and box.title]
    assert len(boxes) == 2
    lines = wrapped(cells[0][0].text, WIDEST_CELL - 2 * CELL)
    texts = [words for words in scene.shapes if isinstance(words, Words) and words.text in lines]
    assert len(texts) == len(lines) > 1
    assert all(inside(words, boxes[0]) for words in texts)
    for box in boxes:
        inner = [words.y for words in scene.shapes if isinstance(words, Words) and inside(words, box)]
        letters = (min(inner) - 0.73 * SIZE + max(inner)) / 2
        assert abs(letters - box.y - box.height / 2) < 0.5, "text stands in the middle of its cell"


def test_a_tree_is_over_its_string():
    source = synthgen.load("cfg3f")
    row = source.row(0)
    (parse,) = source.task().picture(row).panels
    assert [int(leaf) for leaf in parse.leaves] == row["input_ids"]
    assert len(parse.bars) == len(row["latent"]["derivation"]), "a bar for every choice of a rule"
    for level in range(1, 7):
        covered = [place for bar in parse.bars if bar.level == level for place in range(bar.start, bar.end)]
        assert sorted(covered) == list(range(len(parse.leaves))), "every level is over all of it"
    with pytest.raises(ValueError, match="does not fit"):
        source.task().picture({"latent": {"derivation": [0, 0]}})


def test_every_piece_of_a_broken_bar_has_its_name_and_open_ends():
    parse = Parse("", list("ab") * 60, [Bar(0, 120, 2, "S"), *(Bar(i, i + 1, 1, "T") for i in range(120))])
    shapes, wide, _ = parse_shapes(parse, {}, 500)
    boxes = [box for box in shapes if isinstance(box, Box) and box.title.startswith("S")]
    assert len(boxes) > 2
    for box in boxes:
        assert [words.text for words in shapes if isinstance(words, Words) and inside(words, box)] == ["S"]
        ends = [shape.points for shape in shapes if isinstance(shape, Path) and abs(shape.points[0][1] - box.y) < 1]
        upright = {a[0] for points in ends for a, b in itertools.pairwise(points) if a[0] == b[0]}
        left, right = box.x, box.x + box.width
        assert (left in upright, right in upright) == (box is boxes[0], box is boxes[-1])
        assert not box.outline and right <= wide


def test_a_task_without_a_picture_of_its_own_shows_its_text():
    source = synthgen.load("recall-tiny")
    row = source.row(0)
    shown = Task.picture(source.task(), row)
    assert shown.panels[0].text == source.task().readable(row)
    assert shown.panels[0].text[shown.panels[0].given :].split()[0] == shown.panels[0].text.split()[17]
    text = passage_of({"prompt": "a b", "completion": " c d", "latent": {"spans": {"x": [{"start": 4, "end": 5}]}}}, {})
    assert (text.text, text.given, text.spans) == ("a b c d", 3, [Span(4, 5, "x")])


# -- layers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_layers(seed):
    draw = random.Random(seed)
    n = draw.randint(1, 40)
    widths = [draw.uniform(24, 140) for _ in range(n)]
    links = sorted({(a, b) for a, b in (sorted(draw.sample(range(n), 2)) for _ in range(2 * n))} if n > 1 else set())
    layout = layered(widths, links, 600)
    assert all(layout.layer[a] < layout.layer[b] for a, b in links), "what is pointed at stands below"
    for a, b in itertools.combinations(range(n), 2):
        if layout.layer[a] == layout.layer[b]:
            assert abs(layout.x[a] - layout.x[b]) >= (widths[a] + widths[b]) / 2 + GAP - 1e-6
    for (a, b), way in zip(links, layout.ways, strict=True):
        assert [level for _, level in way] == list(range(layout.layer[a], layout.layer[b] + 1))
        for x, level in way[1:-1]:
            for node in range(n):
                if layout.layer[node] == level:
                    assert abs(x - layout.x[node]) >= widths[node] / 2, "no link runs through a node"
    assert layered(widths, links, 600) == layout


def test_a_circle_is_no_graph_of_layers():
    with pytest.raises(ValueError, match="circle"):
        layered([10, 10], [(0, 1), (1, 0)], 100)


# -- style -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", sorted(NAMES))
def test_colours_can_be_read(theme):
    assert contrast(INK[theme], PAGE[theme]) >= 7
    assert contrast(QUIET[theme], PAGE[theme]) >= 7
    for tone, colours in TONES[theme].items():
        assert contrast(colours.ink, colours.fill) >= 7, tone
        assert contrast(colours.line, PAGE[theme]) >= 3, tone


@pytest.mark.parametrize("sight", sorted(SIGHTS))
@pytest.mark.parametrize("theme", sorted(NAMES))
def test_no_two_colours_are_alike(theme, sight):
    """Whoever looks: names and company cities, the first and the seventh of a biography's spans, were both light blue."""
    fills = {tone: seen(TONES[theme][tone].fill, sight) for tone in EVERY_TONE}
    apart = {(a, b): np.linalg.norm(fills[a] - fills[b]) for a, b in itertools.combinations(fills, 2)}
    assert min(apart.values()) > 0.05, min(apart, key=apart.__getitem__)


@pytest.mark.parametrize("theme", sorted(NAMES))
def test_colours_differ_in_lightness(theme):
    """Brown and olive were equally dark, and looked alike in a legend: neighbours, and what is asked and needed."""
    light = {tone: seen(TONES[theme][tone].fill, "usual")[0] for tone in EVERY_TONE}
    pairs = [*itertools.pairwise(EVERY_TONE), ("orange", "yellow"), ("green", "yellow")]
    apart = {pair: abs(light[pair[0]] - light[pair[1]]) for pair in pairs}
    assert min(apart.values()) > 0.055, min(apart, key=apart.__getitem__)


@pytest.mark.parametrize("within", ["", "svg"])
def test_a_fill_without_outline_has_none(within):
    """Of two rules alike in weight the later one holds, in every browser."""
    style = rules("light", within)
    assert style.rindex(".n{stroke:none}") > style.rindex("stroke:#")


def test_widths_are_those_of_the_font():
    axes_renderer = FigureCanvasAgg(Figure(dpi=72)).get_renderer()
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family="DejaVu Sans", size=120)
    for text in ("Wine Palm's Fulmar = 4", "x43 := x24 * 7", "(level 1: 7, 8, 9)", "Iljfi WMmw@%"):
        width, _, _ = axes_renderer.get_text_width_height_descent(text, font, ismath=False)
        assert abs(width_of(text, 120) / width - 1) < 0.02, text


@pytest.mark.parametrize("text", ["Wine Palm's Fulmar", "Iljfi.", "costs $5 and $6_x", "WMmw@%"])
@pytest.mark.parametrize("bold", [False, True])
def test_text_in_a_png_is_as_wide_as_its_highlight(text, bold):
    words = Words(20, 30, text, bold=bold)
    box = Box(20, 15, words.width, 22, "blue", 0, outline=False)
    with Image.open(io.BytesIO(rasterised(Scene(40 + words.width, 50, [box, words])))) as image:
        dark = np.flatnonzero((np.asarray(image.convert("L")) < 90).any(axis=0)) / 2  # two pixels for one
    assert 20 - 0.5 <= dark[0] < 20 + 3
    assert 20 + words.width - 3 < dark[-1] <= 20 + words.width + 0.5


def test_a_small_picture_is_small():
    """And its sentence and legend are broken to fit: a canvas of 920 pixels was half empty."""
    kinds = {
        "a": Kind("what is asked for", "orange"),
        "b": Kind("what it needs, and the rest of a long legend", "green"),
    }
    graph = Graph("", [Node("a", "a"), Node("b", "b")], [Link(0, 1)])
    scene = drawn(
        Picture("A sentence about two nodes that is longer than they are wide, by far and more.", [graph], kinds)
    )
    assert scene.width < 460
    words = [shape for shape in scene.shapes if isinstance(shape, Words)]
    assert max(one.x + one.width for one in words) <= scene.width - 15


def test_what_is_taken_back_is_told_in_words():
    steps = [("x", True), ("y", True), ("a", False), ("x", True), ("x", True), ("b", False), ("x", True), ("x", False)]
    backs = backs_of(steps)
    assert backs == {"x": [1, 2, 3], "y": [1]}
    assert backs_told(backs, {"x": "the owl", "y": "the fox"}, {"x"}) == (
        "Begun too early and taken back: the owl (before steps 1, 2 and 3).\n"
        "Begun and taken back, and never needed: the fox (before step 1)."
    )
    assert backs_told({}, {}, {}) == ""
    many = backs_told({i: [1] for i in range(9)}, {i: f"x{i}" for i in range(9)}, range(9))
    assert many.endswith("x5 (before step 1) and 3 more.")


def test_what_is_taken_back_is_marked():
    node = Node("x17 := x9 - 14", "k", 12, mark=BACK_MARK, mark_kind="back")
    shown = Picture("A retry.", [Graph("", [node, Node("v", "k")])], {"k": Kind("needed", "green"), "back": BACK})
    shapes = drawn(shown).shapes
    (mark,) = [shape for shape in shapes if isinstance(shape, Words) and shape.text == BACK_MARK]
    assert BACK.words in {shape.text for shape in shapes if isinstance(shape, Words)}, "the legend tells what it means"
    (pill,) = [box for box in shapes if isinstance(box, Box) and box.tone == "red" and inside(mark, box)]
    (number,) = [shape for shape in shapes if isinstance(shape, Words) and shape.text == "12"]
    assert number.x + number.width / 2 < pill.x, "the number of the node's step is not hidden"
    (text,) = [shape for shape in shapes if isinstance(shape, Words) and shape.text == "x17 := x9 - 14"]
    assert pill.y + pill.height < text.y - text.size * 0.75, "nor is its text"


@pytest.mark.parametrize("spec", ["igsm-med-retry50", "chain-retry50"])
def test_retries_are_in_the_picture(spec):
    source = synthgen.load(spec)
    shown = next(shown for row in range(20) if "taken back" in (shown := source.task().picture(source.row(row))).note)
    marks = {node.mark for node in shown.panels[-1].nodes if node.mark_kind == "back"}
    assert marks == {BACK_MARK}
    assert "taken back: " in shown.note and "(before step" in shown.note
    assert "modulo 23" in shown.caption


def test_formulas_of_a_problem_are_in_its_nodes():
    source = synthgen.load(SPECS["igsm"])
    seen_signs = set()
    for number in range(12):
        row = source.row(number)
        for node in source.task().picture(row).panels[2].nodes:
            formula, value = node.text.split("\n")[1].rsplit("= ", 1)
            if formula:
                seen_signs |= {*"×+−("} & {*formula}
                worked = eval(formula.replace("×", "*").replace("−", "-"))
                assert worked % source.task().params.counted == int(value), node.text
    assert seen_signs == {*"×+−("}


def test_text_is_text():
    hostile = "</text></svg><script>alert(1)</script>&\"'"
    kinds = {"k": Kind(hostile, "blue")}
    graph = Graph(hostile, [Node(hostile, "k"), Node("b")], [Link(0, 1)])
    parse = Parse(hostile, [hostile, "a"], [Bar(0, 2, 1, hostile, "k")])
    passage = Passage("", hostile * 9, [Span(3, 40, "k")], 5)
    chain = Graph(hostile, [Node(hostile, "k"), Node("b")], [Link(0, 1, text=hostile)], "chain")
    table = Table(hostile, [hostile], [[Cell(hostile, "k")]])
    root = ElementTree.fromstring(svg(drawn(Picture(hostile, [graph, parse, passage, chain, table], kinds))))
    assert {element.tag.split("}")[1] for element in root.iter()} <= {
        "svg", "title", "style", "rect", "text", "path", "polygon",
    }  # fmt: skip


def test_text_is_broken_to_fit():
    assert wrapped("a bc def", width_of("bc def")) == ["a bc", "def"]
    assert wrapped("", 50) == [""]
    long = wrapped("x" * 50 + " y", 60)
    assert "".join(long).replace(" ", "") == "x" * 50 + "y"
    assert all(width_of(line) <= 60 for line in long)
    said = "A string of words that is a little longer than one line of it."
    assert wrapped(said, width_of(said) - 1)[-1] == "it."
    first, last = balanced(said, width_of(said) - 1)
    assert f"{first} {last}" == said
    assert abs(width_of(first) - width_of(last)) < width_of("longer")
    assert balanced("one", 500) == ["one"] and balanced("x" * 50, 60) == wrapped("x" * 50, 60)
    scene = drawn(Picture("", [Passage("", "w" * 500 + "\n\n" + "short words " * 200)]))
    assert all(shape.x + shape.width <= scene.width for shape in scene.shapes if isinstance(shape, Words))


# -- charts ------------------------------------------------------------------------------------------------------------


def test_charts():
    books = books_scene({"wording": 33.593, "order": 9.4919, "query": 0.0}, "A row")
    assert "43.08 bits" in books.caption
    assert any("Nothing is drawn for query" in shape.text for shape in books.shapes if isinstance(shape, Words))
    assert "no bits" in "".join(s.text for s in books_scene({"a": 0.0}, "A row").shapes if isinstance(s, Words))
    beside = books_scene({"order": 9.4919}, "A row of another split", ["wording", "order"])
    (tone,) = {s.tone for s in beside.shapes if isinstance(s, Box)}
    assert tone in {s.tone for s in books.shapes if isinstance(s, Box) and s.title.startswith("order")}
    ridges = ridges_scene({"train": {3: 5, 4: 1}, "test": {9: 2}}, "Length")
    assert "train 3 to 4, test 9 to 9" in ridges.caption
    assert ticks_of(0, 7.3) == [0, 2, 4, 6, 8]
    assert "to 1.200; the floor of fresh rows is 1.000" in loss_scene([(1, 3.0), (50, 1.2)], [(50, 1.0)]).caption
    assert "0.500 (0.200 to 0.800)" in shares_scene("Accuracy", [("2", 0.5, 0.2, 0.8)]).caption


# -- files -------------------------------------------------------------------------------------------------------------


def test_the_command_draws_a_row(tmp_path):
    for name in ("row.svg", "row.png", "row.pdf"):
        done = run("show", "recall-tiny", "--picture", tmp_path / name, "--theme", "dark")
        assert done.returncode == 0, done.stderr
    text = (tmp_path / "row.svg").read_text()
    assert PAGE["dark"] in text
    assert "prefers-color-scheme" not in text
    with Image.open(tmp_path / "row.png") as image:
        assert image.convert("RGB").getpixel((2, 2)) == tuple(bytes.fromhex(PAGE["dark"][1:]))
    assert (tmp_path / "row.pdf").read_bytes().startswith(b"%PDF")
    for option, message in ((("--picture", tmp_path / "x.gif"), "pictures end with"), (("--theme", "drak"), "drak")):
        arguments = ("--picture", tmp_path / "y.svg") if option[0] == "--theme" else ()
        done = run("show", "recall-tiny", *arguments, *option)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_a_png_is_the_same_every_time():
    scene = drawn(picture("recall-tiny"))
    assert rasterised(scene) == rasterised(scene)
    with Image.open(io.BytesIO(rasterised(scene))) as image:
        assert abs(image.width - 2 * scene.width) < 2
