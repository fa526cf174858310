"""What people see of objects in Python and in notebooks: short, true, and every text as text."""

import importlib.util
import rlcompleter
from html.parser import HTMLParser
from pathlib import Path

import networkx as nx
import nltk
import pytest
from helpers import SPECS

import synthgen
from synthgen.dataset.manifest import Manifest
from synthgen.errors import SynthgenError
from synthgen.exact.notebook import html_table
from synthgen.spec.spec import load_spec

EVIL = "<script>alert(1)</script>&"


class Cells(HTMLParser):
    """The texts of a table's cells, and every tag there is."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.cells = set(), []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, text):
        if self.cells:
            self.cells[-1] += text


def test_a_source_is_a_sequence_of_its_rows():
    source = synthgen.load("copy-tiny")
    assert len(source) == source.spec.splits["train"].rows
    assert source[17] == source.row(17)
    assert source[-1] == source.row(len(source) - 1)
    assert source[3:6] == [source.row(i) for i in (3, 4, 5)]
    assert source[10:2:-4] == [source.row(10), source.row(6)]
    assert source[5:5] == []
    assert source[10**12] == source.row(10**12), "endless tasks go on behind what the spec asks for"
    with pytest.raises(IndexError, match="row -"):
        source[-len(source) - 1]
    finite = synthgen.load("bios-single", params={"people": 30})
    assert list(finite) == finite.batch(0, 30).to_pylist()
    assert len(finite) == 30
    assert bool(finite)
    with pytest.raises(IndexError):
        finite[30]


def test_an_endless_source_without_rows_has_no_length(tmp_path):
    (tmp_path / "s.toml").write_text('task = "mano"\n[splits.train]\n')
    source = synthgen.load(tmp_path / "s.toml")
    with pytest.raises(TypeError, match="is endless"):
        len(source)
    assert source[10**9] == source.row(10**9)
    assert source
    assert "train endless" in repr(source)


def test_rows_are_readable_for_people():
    source = synthgen.load("mano-tiny")
    assert "=" in source.readable(3) == source.task().readable(source.row(3))
    text = synthgen.load("cfg3f-cut50")
    assert text.readable(text.row(2)) == text.row(2)["prompt"] + text.row(2)["completion"]


@pytest.mark.parametrize("task", SPECS)
def test_latents_are_decoded_to_words(task):
    """Every latent by its name and in its order, and nothing that only a table of numbers explains."""
    source = synthgen.load(SPECS[task])
    row = source.row(3)
    words = source.decode(row)
    if task == "mixture":
        assert words.pop("kind") == "cfg3b"
        words["cfg3b"], words["cfg3f"] = {"derivation": words.pop("derivation")}, None
        words = {"kind": 0, **words}
    assert list(words) == [name for name in row.get("latent") or {} if name != "spans"]
    text = source.readable(row)
    if task in ("bios", "rewrites"):
        assert words["name"].split()[0] in text
        assert all(value in text for value in words["values"].values())
        assert words["order"] == sorted(words["values"], key=lambda name: text.index(words["values"][name]))
    elif task == "relations":
        assert all(name in text for name in words["relatives"].values())
        assert list(words["relatives"]) == ["friend", "mentor", "boss"]
    elif task == "hops":
        assert words["people"][0] == words["person"]
        assert words["person"] in text
    elif task == "biod":
        assert [f"<{token}>" for token in words["name"].split()] == text.split()[:3]
        assert all(f"<{name}> <{value}>" in text for name, value in words["values"].items())
    elif task == "qa":
        assert words["person"] in text
        assert words["wording"].replace("{A}", words["person"]) in text
    elif task == "igsm":
        assert all(parameter in row["completion"] for parameter in words["solution"])
        assert set(words["solution"]) <= set(words["graph"])


@pytest.mark.parametrize(("task", "spec"), [("cfg", "cfg3f"), ("mano", "mano-tiny"), ("mixture", "cfg-curriculum")])
def test_trees_are_nltk_trees_over_the_row(task, spec):
    source = synthgen.load(spec)
    row = source.row(5)
    tree = source.tree(row)
    assert isinstance(tree, nltk.Tree)
    if task == "mano":
        signs = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}
        value = lambda node: int(node) if isinstance(node, str) else signs[node.label()](*map(value, node))  # noqa: E731
        assert value(tree) % source.task().params.modulus == row["latent"]["answer"]
    else:
        assert tree.leaves() == source.readable(row).split()
    with pytest.raises(SynthgenError, match="its rows have no graph"):
        source.graph(row)


@pytest.mark.parametrize("task", ["igsm", "brevo", "chain", "depo"])
def test_graphs_have_the_names_and_the_order_of_the_text(task):
    source = synthgen.load(SPECS[task])
    row = source.row(6)
    graph, latent = source.graph(row), row["latent"]
    assert isinstance(graph, nx.DiGraph)
    if task == "depo":
        assert graph.number_of_nodes() == graph.number_of_edges() == latent["nodes"]
        return
    assert nx.is_directed_acyclic_graph(graph)
    (query,) = (node for node, about in graph.nodes.items() if about["query"])
    place = {node: about.get("solved", about.get("listed")) for node, about in graph.nodes.items()}
    needed = nx.ancestors(graph, query) | {query}
    assert {node for node, at in place.items() if at is not None} == needed
    assert all(place[a] < place[b] for a, b in graph.edges if {a, b} <= needed), "what is needed comes first"
    if task == "igsm":
        assert graph.nodes[query]["value"] == latent["answer"]
        assert sum(about["necessary"] for about in graph.nodes.values()) == latent["necessary"]


def test_what_cannot_be_read_or_is_not_there_is_a_sentence():
    source = synthgen.load("brevo1-tiny")
    with pytest.raises(SynthgenError, match="task 'brevo': its rows have no tree"):
        source.tree(0)
    with pytest.raises(SynthgenError, match="brevo1-tiny: the row cannot be read"):
        source.graph({"input_ids": [1, 2, 3]})


def test_objects_are_short_in_python(tmp_path):
    source = synthgen.load("mano-tiny")
    manifest = synthgen.generate("mano-tiny", tmp_path / "data", splits=["fresh:test"], rows=20, workers=1)
    for thing, said in (
        (source, f"<Source mano-tiny: train {len(source):,}, "),
        (source.entropy(), f"<Entropy mano-tiny/train: {source.entropy().text} bits of a row's text; booked "),
        (manifest, "<Manifest of mano-tiny: test 20 rows in 1 shards; "),
        (source.spec, "<Spec mano-tiny: task mano, tokens rows, splits train, "),
        (synthgen.windows("mano-tiny", 64, batch_size=4), "<Windows of mano-tiny/train: 4 x 64 tokens; input_ids, "),
    ):
        assert repr(thing).startswith(said)
        assert len(repr(thing)) < 300


def test_objects_are_tables_in_a_notebook(tmp_path):
    source = synthgen.load("igsm-med-pq")
    synthgen.generate("mano-tiny", tmp_path / "data", splits=["fresh:test"], rows=20, workers=1)
    for thing, wanted in (
        (source, "train"),
        (source.entropy(), "structure"),
        (Manifest.read(tmp_path / "data"), "20"),
        (source.spec, "splits.train"),
        (synthgen.load("copy-tiny").verify([1, 2], [3]), None),
        (synthgen.windows("mano-tiny", 64, batch_size=4), "mano-tiny/train"),
    ):
        cells = Cells(thing._repr_html_())
        assert cells.tags <= {"div", "strong", "table", "thead", "tbody", "tr", "th", "td"}
        assert wanted is None or wanted in cells.cells


def test_every_text_of_a_table_is_text(tmp_path):
    cells = Cells(html_table(EVIL, (EVIL,), [(EVIL,), (1234567,), (0.5,)], EVIL))
    assert "script" not in cells.tags
    assert cells.cells[:3] == [EVIL, EVIL, "1,234,567"]
    (tmp_path / "s.toml").write_text(f'task = "mano"\ntitle = "{EVIL}"\n[splits.train]\nrows = 5\n')
    for thing in (synthgen.load(tmp_path / "s.toml"), load_spec(Path(tmp_path / "s.toml"))):
        assert "<script" not in thing._repr_html_()
        assert "&lt;script&gt;" in thing._repr_html_()


def test_completion_offers_the_public_names():
    """Python's own, and IPython's where it is installed: it looks through `dir2`."""
    offered = rlcompleter.Completer({"synthgen": synthgen}).attr_matches("synthgen.")
    assert {name.removeprefix("synthgen.").rstrip("()") for name in offered} >= set(synthgen.__all__)
    assert not {"importlib", "install", "TYPE_CHECKING"} & set(dir(synthgen))
    if importlib.util.find_spec("IPython"):
        from IPython.utils.dir2 import dir2

        assert set(dir2(synthgen)) >= set(synthgen.__all__)
