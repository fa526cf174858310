"""What people see of objects in Python and in notebooks: short, true, and every text as text."""

import rlcompleter
from html.parser import HTMLParser
from pathlib import Path

import nbclient
import nbformat
import networkx as nx
import nltk
import pytest
from helpers import SPECS
from IPython.core.completer import IPCompleter

import synthgen
from synthgen.dataset.manifest import Manifest
from synthgen.errors import SynthgenError
from synthgen.exact.notebook import html_table
from synthgen.exact.progress import in_notebook
from synthgen.spec.spec import load_spec
from synthgen.task.verdict import Verdict

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
    elif task == "history":
        assert words["person"] in text
        assert words["wording"].replace("{A}", words["person"]) in text
        assert text.endswith((f" {words['before']}.", f" {words['after']}.", " Yes.", " No."))
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
        (Verdict.right(), "<Verdict: right; score 1>"),
        (source.verify({"input_ids": [1]}), "<Verdict: wrong: the row cannot be read: "),
        (Verdict.wrong("x" * 999, 3, 0.5, [{"correct": True}, {}]), "<Verdict: wrong at step 3: xxx"),
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
    """Python's own completer, and IPython's, which notebooks ask."""
    offered = rlcompleter.Completer({"synthgen": synthgen}).attr_matches("synthgen.")
    assert {name.removeprefix("synthgen.").rstrip("()") for name in offered} >= set(synthgen.__all__)
    assert not {"importlib", "install", "TYPE_CHECKING"} & set(dir(synthgen))
    names = {"synthgen": synthgen, "source": synthgen.load("copy-tiny")}
    completer = IPCompleter(namespace=names, use_jedi=False)
    offered = {name.rpartition(".")[2] for name in completer.all_completions("synthgen.")}
    assert offered >= set(synthgen.__all__)
    assert not {"importlib", "install", "TYPE_CHECKING"} & offered
    offered = {name.rpartition(".")[2] for name in completer.all_completions("source.r")}
    assert offered >= {"rank", "readable", "reward", "row"}


# -- ranks -------------------------------------------------------------------------------------------------------------


def every_row(source, many):
    """Return all rows by rank, each of which says its own."""
    rows = [source.unrank(number) for number in range(many)]
    assert [source.rank(row) for row in rows] == list(range(many))
    with pytest.raises(SynthgenError, match="numbered from 0"):
        source.unrank(many)
    with pytest.raises(SynthgenError, match="numbered from 0"):
        source.unrank(-1)
    return [row["input_ids"] for row in rows]


@pytest.mark.parametrize(
    ("spec", "params", "many"),
    [("copy-tiny", {"tokens": 4}, 24), ("recall-tiny", {"pairs": 2, "keys": 4, "values": 3}, 12 * 9 * 2)],
)
def test_ranks_number_all_rows(spec, params, many):
    source = synthgen.load(spec, params=params)
    rows = every_row(source, many)
    assert len(set(map(tuple, rows))) == many
    assert all(source.task().judge(row, []).correct for row in rows)
    for row in source[:20]:
        assert rows[source.rank(row)] == row["input_ids"]


def test_ranks_number_all_derivations_of_a_grammar():
    source = synthgen.load("cfg3f", params={"grammar": {"sizes": [1, 2, 2, 3], "degree": [2, 3], "length": [1, 2]}})
    many = source.task().grammar.derivations
    rows = every_row(source, many)
    assert {tuple(row["input_ids"]) for row in source[:200]} <= set(map(tuple, rows))
    published = synthgen.load("cfg3f")
    row = published.row(4)
    again = published.unrank(published.rank(row))
    assert again["input_ids"] == row["input_ids"]
    assert again["latent"]["derivation"] == row["latent"]["derivation"]
    assert published.tree(again) == published.tree(row)
    cut = synthgen.load("cfg3f-cut50")
    row = cut.row(1)
    again = cut.unrank(cut.rank(row))
    assert {name: row[name] for name in again if name != "latent"} == {
        name: value for name, value in again.items() if name != "latent"
    }


def test_what_has_no_rank_is_told():
    for source, message in (
        (synthgen.load("mano-tiny"), "task 'mano': its rows have no rank"),
        (synthgen.load("cfg3f-perturb-t"), "params.noise"),
        (synthgen.load("cfg-curriculum"), "its rows have no rank"),
    ):
        with pytest.raises(SynthgenError, match=message):
            source.rank(0)
        with pytest.raises(SynthgenError, match=message):
            source.unrank(0)
    rewrites = synthgen.load("bios-rewrite5", params={"people": 30})
    assert rewrites.rank(3) == rewrites.row(3)["latent"]["rank"]
    with pytest.raises(SynthgenError, match="a row is of a person, too"):
        rewrites.unrank(5)
    with pytest.raises(SynthgenError, match="the row cannot be read"):
        synthgen.load("copy-tiny").rank({"input_ids": [3, 3]})


# -- progress, and a notebook itself -----------------------------------------------------------------------------------


def test_there_is_no_bar_outside_notebooks(tmp_path, capsys):
    synthgen.generate("mano-tiny", tmp_path / "data", splits=["fresh:test"], rows=20, workers=1)
    assert not in_notebook()
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_notebook_is_executed(tmp_path):
    """Real kernel, real cells: tables in HTML, and bars of builds and training."""
    cells = [
        "import synthgen\nfrom pathlib import Path\nsource = synthgen.load('mano-tiny')\nsource",
        "source.entropy()",
        "source.verify({'input_ids': [1]})",
        "manifest = synthgen.generate('mano-tiny', 'data', splits=['fresh:test'], rows=300, workers=1)\nmanifest",
        "from synthgen.train.loop import train\nfrom synthgen.train.presets import preset_of, settings_of\n"
        "settings = settings_of('mano-tiny', preset_of('tiny', 'mano-tiny'), {}, {'train.steps': 3})\n"
        "loop = train(settings)",
        "print(sorted(get_ipython().Completer.all_completions('synthgen.')))",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell["outputs"] for cell in notebook["cells"]]
    for shown, wanted in zip(outputs[:4], ("train", "expression", "wrong", "300"), strict=True):
        (html,) = [output["data"]["text/html"] for output in shown if output["output_type"] == "execute_result"]
        assert wanted in html
    said = ["".join(output.get("text", "") for output in shown) for shown in outputs]
    assert "300" in said[3]
    assert "rows" in said[3], "the bar of the build"
    assert "3/3" in said[4].replace("3.00/3.00", "3/3"), "the bar of the training"
    assert all(name in said[5] for name in synthgen.__all__)
