"""Dataset cards and the published form: what a card says is so, the Hub can read it, and Parquet keeps every value."""

import json
import re
import shutil

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from helpers import loaded, run
from huggingface_hub import DatasetCard

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.plain_text import in_markdown
from synthgen.dataset.shards import read_batches, write_shard
from synthgen.errors import CheckFailed, SynthgenError
from synthgen.publish import gallery
from synthgen.publish.card import Address, read_front_matter, template, write_card
from synthgen.publish.drawing.svg import svg
from synthgen.publish.papers import PAPERS, papers_of
from synthgen.publish.parquet import to_parquet
from synthgen.publish.pictures import EARLIER, PICTURES, SplitLengths, constant, read_folder, scenes
from synthgen.spec.spec import shipped_specs

GALLERY = gallery.gallery_folder()
ROOT = GALLERY.parents[1]
FRESH = json.loads((GALLERY / gallery.FRESH).read_text())
ONE_A_TASK = {loaded(name).spec.task: name for name in shipped_specs() if not name.startswith("igsm")}.values()
"""For the fast suite; one of iGSM has a snapshot."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    synthgen.generate("bios-multi5", folder / "bios", params={"people": 60}, shards=3)
    synthgen.generate("cfg3b", folder / "cfg", splits=["train", "test"], rows=300, shards=2)
    return folder


@pytest.fixture(params=["bios", "cfg"])
def folder(request, sound, tmp_path):
    return shutil.copytree(sound / request.param, tmp_path / request.param)


# -- the gallery -------------------------------------------------------------------------------------------------------


def test_the_gallery_has_a_fresh_card_of_every_spec():
    stale = [name for name in shipped_specs() if FRESH.get(name) != gallery.digest(name)]
    assert not stale, f"the gallery is stale: run `make gallery` ({', '.join(stale[:5])})"
    assert sorted(path.name for path in GALLERY.iterdir() if path.is_dir()) == shipped_specs()


@pytest.mark.parametrize("name", shipped_specs())
def test_the_hub_reads_every_card(name):
    text = (GALLERY / name / "README.md").read_text()
    card = DatasetCard(text)
    data = card.data.to_dict()
    source = loaded(name)
    assert data["license"] == "cc0-1.0"
    assert {"synthetic", "synthgen", f"synthgen-{source.spec.task}"} < set(data["tags"])
    numbers = re.findall(r"\d{4}\.\d{5}", source.spec.paper or source.task().paper)
    assert [f"arxiv:{number}" for number in numbers] == [tag for tag in data["tags"] if tag.startswith("arxiv:")]
    assert data["pretty_name"] == (source.spec.title.rstrip(".") or name)
    assert {"text-generation"} <= set(data["task_categories"]) <= {"text-generation", "question-answering"}
    assert data["annotations_creators"] == data["language_creators"] == ["machine-generated"]
    assert data["size_categories"][0] in text
    features = datasets.Features._from_yaml_list(data["dataset_info"]["features"])
    assert data.get("language") == (
        ["en"] if {"text", "prompt"} & set(features) and source.task().natural_language else None
    )
    assert features == datasets.Features.from_arrow_schema(source.schema)
    assert source.spec.content_id in text
    for paper in papers_of(source.spec.paper or source.task().paper):
        assert paper.bibtex() in text
    assert "{{" not in re.sub(r"\{\{.*?\}\},", "", text), "an unfilled place"


@pytest.mark.parametrize(
    "name", [name if name in ONE_A_TASK else pytest.param(name, marks=pytest.mark.slow) for name in shipped_specs()]
)
def test_a_card_rendered_anew_is_the_one_in_the_gallery(name, tmp_path):
    gallery.render_card(name, tmp_path, with_pictures=False)
    fresh = (tmp_path / "README.md").read_text()
    there = (GALLERY / name / "README.md").read_text()
    assert without_pictures(fresh) == without_pictures(there)


def without_pictures(card):
    """Return a card's lines without its pictures and empty lines."""
    return [line for line in card.splitlines() if line and not re.fullmatch(r"!\[.*\]\(pictures/\w+\.svg\)", line)]


# -- cards -------------------------------------------------------------------------------------------------------------


def test_the_card_of_a_folder(folder):
    for path in EARLIER:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(b"a picture of an earlier card")
    write_card(folder)
    manifest = Manifest.read(folder)
    text = (folder / "README.md").read_text()
    for name, split in manifest.splits.items():
        assert f"| {name} | {split['rows']:,}" in text
        for book, own in split["entropy"]["books"].items():
            assert f"| {book} | {own['scope']} | {own['bits']:,.4f} | {own['status']} |" in text
    (row,) = re.findall(r"```json\n(.*?)\n```", text, flags=re.S)
    lengths, split = read_folder(folder, manifest), next(iter(manifest.splits))
    rows = [
        row
        for shard in manifest.shards
        if shard.split == split
        for batch in read_batches(folder / shard.path)
        for row in batch.to_pylist()
    ]
    number = int(re.search(rf"^(?:The first row|Row (\d+),?) of `{split}`", text, re.M)[1] or 0)
    stated, first, middle = json.loads(row), rows[number], lengths[0].quantiles("difficulty")[2]
    assert [row["difficulty"] == middle for row in rows[: number + 1]] == [False] * number + [True]
    assert stated.keys() == first.keys()
    assert stated["bits"].keys() == first["bits"].keys()
    assert stated.get("text") == first.get("text")
    loaded = datasets.load_dataset(str(folder))
    assert {name: len(rows) for name, rows in loaded.items()} == {n: s["rows"] for n, s in manifest.splits.items()}
    drawn = scenes(manifest, synthgen.load(folder / "spec.toml").task(), lengths, split, first)
    assert {path.name for path in (folder / "pictures").iterdir()} == {f"{name}.svg" for name in drawn}
    for name, scene in drawn.items():
        picture = (folder / PICTURES[name]).read_text()
        assert picture == svg(scene), "light, or dark where that is preferred"
        assert f"![{in_markdown(scene.caption)}]({PICTURES[name]})" in text
    assert ("difficulty" in drawn) is False, "six facts in every biography; the length of every string"
    assert text.index("](pictures/row.svg)") < text.index("```"), "the first row stands before any code"
    assert text.index("## Bits") < text.index("## Train on it"), "what is in it stands before what to do with it"
    assert text.count("<details><summary>") == text.count("</details>") > 5, "what few read is folded"
    assert all(finding.ok for finding in check_folder(folder)), "a card changes nothing of the data"
    before = text
    write_card(folder)
    assert (folder / "README.md").read_text() == before, "the same folder gives the same card"


def test_what_is_the_same_in_all_rows_is_a_sentence(folder):
    lengths = read_folder(folder, Manifest.read(folder))
    people = "6" in str(constant(lengths, "difficulty"))
    write_card(folder, pictures=False)
    text = (folder / "README.md").read_text()
    assert ("Every row has difficulty 6 (facts)." in text) is people
    assert ("difficulty (least, mean, most)" in text) is not people
    assert (
        constant([SplitLengths("a", 2, {}, {3: 2}, "tokens"), SplitLengths("b", 1, {}, {3: 1}, "tokens")], "length")
        == 3
    )
    assert (
        constant([SplitLengths("a", 2, {}, {3: 2}, "tokens"), SplitLengths("b", 1, {}, {4: 1}, "tokens")], "length")
        is None
    )
    assert constant([SplitLengths("a", 2, {}, {3: 2}, "tokens")], "difficulty") is None, "the column is not there"


def test_the_code_of_a_card_runs(folder, monkeypatch):
    write_card(folder, pictures=False)
    load, train = (folder / "README.md").read_text().split("## Train on it")
    assert train.count("```python") >= 5, "these are run by the tests of `synthgen.howto`"
    blocks = re.findall(r"```python\n(.*?)```", load, flags=re.S)
    scope: dict = {}
    for block in blocks:
        exec(block.replace('"DIR"', repr(str(folder))), scope)
    batch = next(iter(scope["loader"]))
    assert len(batch) == 32
    assert batch[0] == next(iter(scope["rows"])).get("text", batch[0])


def test_a_published_card_pins_its_revision_and_names_its_config(folder):
    write_card(folder, licence="mit", address=Address("org/name", "v7", "part"), pictures=False)
    text = (folder / "README.md").read_text()
    assert 'datasets.load_dataset("org/name", "part", revision="v7", split=' in text
    assert "synthgen pull org/name DIR --revision v7 --config part" in text
    assert read_front_matter(text, "card")["license"] == "mit"
    assert "`mit`" in text


def test_no_card_without_a_passed_check(folder):
    path = next((folder / "data").iterdir())
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    before = (folder / "README.md").read_text()
    with pytest.raises(CheckFailed, match=path.name):
        write_card(folder)
    done = run("card", folder)
    assert done.returncode == 1
    assert path.name in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "README.md").read_text() == before


def test_the_command_line(sound, tmp_path):
    folder = shutil.copytree(sound / "bios", tmp_path / "bios")
    done = run("card", folder, "--license", "cc-by-4.0")
    assert done.returncode == 0, done.stderr
    assert "checks passed" in done.stdout
    assert read_front_matter((folder / "README.md").read_text(), "card")["license"] == "cc-by-4.0"
    assert run("card", tmp_path / "nothing").returncode == 2


def test_the_template_and_the_citation_file():
    assert template() == (ROOT / "cards/template.md").read_text()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == synthgen.__version__
    assert citation["license"] == "Apache-2.0"
    assert len(PAPERS) == 7
    assert [paper.part for paper in papers_of("2309.14316, 2404.05405 and 9999.99999")] == ["3.1", "3.3"]
    with pytest.raises(SynthgenError, match="no YAML"):
        read_front_matter("---\na: [\n---\n", "card")


# -- Parquet -----------------------------------------------------------------------------------------------------------


def test_parquet_keeps_every_value_and_passes_its_check(folder, tmp_path):
    source, copy = Manifest.read(folder), to_parquet(folder, tmp_path / "copy")
    assert Manifest.read(tmp_path / "copy") == copy
    assert copy.container == "parquet"
    assert [shard.content for shard in copy.shards] == [shard.content for shard in source.shards]
    assert [shard.bits for shard in copy.shards] == [shard.bits for shard in source.shards]
    assert all(finding.ok for finding in check_folder(tmp_path / "copy", sample=1.0))
    for shard, twin in zip(source.shards, copy.shards, strict=True):
        ours = pa.Table.from_batches(read_batches(folder / shard.path))
        theirs = pa.Table.from_batches(read_batches(tmp_path / "copy" / twin.path))
        assert theirs.schema.equals(ours.schema)
        assert theirs.schema.metadata == ours.schema.metadata, "typed features are kept"
        assert theirs.to_pylist() == ours.to_pylist()
        metadata = pq.ParquetFile(tmp_path / "copy" / twin.path).metadata
        column = metadata.row_group(0).column(0)
        assert column.has_offset_index
        assert column.has_column_index
        assert column.compression == "ZSTD"
    again = datasets.load_dataset(str(tmp_path / "copy"))
    for name in source.splits:
        assert again[name].features == datasets.Features.from_arrow_schema(ours.schema)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "copy/data").iterdir()}
    to_parquet(folder, tmp_path / "copy")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "copy/data").iterdir()}, "made once"


def test_row_groups_stay_below_100_mb(tmp_path):
    source = synthgen.load("bios-single")
    batch = source.batch(0, 4096)
    count = 250_000_000 // batch.nbytes
    batches = (batch for _ in range(count))
    shard = write_shard(batches, batch.schema, tmp_path / "a.parquet", "data/a", "train")
    metadata = pq.ParquetFile(tmp_path / "a.parquet").metadata
    assert metadata.num_row_groups == 3
    assert all(metadata.row_group(i).total_byte_size < 100_000_000 for i in range(3))
    assert shard.rows == metadata.num_rows == 4096 * count
    assert sum(1 for _ in read_batches(tmp_path / "a.parquet")) == count


def test_changed_values_are_not_copied(folder, tmp_path):
    path = folder / Manifest.read(folder).shards[1].path
    other = folder / Manifest.read(folder).shards[0].path
    shutil.copyfile(other, path)
    with pytest.raises(CheckFailed, match=path.name):
        to_parquet(folder, tmp_path / "copy")
    assert not (tmp_path / "copy/manifest.json").exists()
