"""What goes to the Hub beside datasets: collections, the gallery as a Space, and Croissant files."""

import hashlib
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from conformance.server import Hub
from helpers import HubClient, run

import synthgen
from synthgen.errors import SynthgenError
from synthgen.publish.card import write_card
from synthgen.publish.collection import PAPERS, collection_of, read_collection, shipped_collection_file
from synthgen.publish.space import space_files, write_space
from synthgen.spec.spec import load_spec, shipped_specs

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with Hub(tmp_path_factory.mktemp("hub"), xet_on=False) as hub:
        yield hub


@pytest.fixture(scope="module")
def client(hub, tmp_path_factory):
    client = HubClient(hub, tmp_path_factory.mktemp("home") / "lfs")
    yield client
    client.stop()


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space") / "gallery"
    write_space(folder, ["mano-tiny", "copy-tiny"], rows=2)
    return folder


# -- collections ------------------------------------------------------------------------------------------------------


def test_the_shipped_collection_has_every_spec_by_its_title():
    collection = read_collection(shipped_collection_file())
    assert collection == collection_of(shipped_specs()), "stale: run `make pages`"
    names = [item.repo for item in collection.item if item.kind == "dataset"]
    assert names == shipped_specs()
    notes = {item.repo: item.note for item in collection.item}
    assert notes["cfg3f"] == load_spec("cfg3f").title
    assert [item.repo for item in collection.item if item.kind == "paper"] == list(PAPERS)
    assert all(item.note for item in collection.item)
    assert tomllib.loads(collection.to_toml())["item"][0]["kind"] == "paper"


def test_a_collection_goes_up_item_by_item_and_comes_down_the_same(hub, client, tmp_path):
    for name, kind in (("org/cfg3f", "dataset"), ("org/other", "dataset"), ("org/gallery", "space")):
        hub.store.create(name, False, kind)
    file = tmp_path / "mine.toml"
    items = [
        {"repo": "2305.13673", "kind": "paper", "note": "Part 1"},
        {"repo": "cfg3f", "note": "Strings of a grammar"},
        {"repo": "gallery", "kind": "space", "note": "To look at"},
        {"repo": "missing"},
    ]
    import tomli_w

    file.write_text(tomli_w.dumps({"title": "Mine", "description": "What I made", "item": items}))
    assert client("push_collection", str(file), "org", dry_run=True)["done"]["absent"] == ["org/missing"]
    assert not hub.store.collections, "a dry run makes nothing"
    hub.faults.plan("POST /api/collections$", "lost")
    hub.faults.plan("POST .*/items$", "lost", skip=1)
    hub.faults.plan("POST .*/items$", status=503)
    done = client("push_collection", str(file), "org")["done"]
    assert done["added"] == ["2305.13673", "org/cfg3f", "org/gallery"]
    assert done["absent"] == ["org/missing"]
    (there,) = hub.store.collections.values()
    assert [(one["type"], one["id"], one["note"]["text"]) for one in there["items"]] == [
        ("paper", "2305.13673", "Part 1"), ("dataset", "org/cfg3f", "Strings of a grammar"),
        ("space", "org/gallery", "To look at"),
    ]  # fmt: skip
    assert (there["description"], there["private"]) == ("What I made", False)
    items[1]["note"], items[3] = "Another note", {"repo": "org/other"}
    items.pop(2)
    file.write_text(tomli_w.dumps({"title": "Mine", "item": items}))
    again = client("push_collection", str(file), "org")["done"]
    assert (again["changed"], again["added"]) == (["org/cfg3f"], ["org/other"])
    assert (again["kept"], again["others"]) == (["2305.13673"], ["org/gallery"])
    assert len(hub.store.collections) == 1 and not there["description"]
    down = tmp_path / "down.toml"
    text = client("pull_collection", done["slug"], str(down))["done"]
    assert down.read_text() == text
    assert [(i.kind, i.repo, i.note) for i in read_collection(down).item] == [
        ("paper", "2305.13673", "Part 1"), ("dataset", "org/cfg3f", "Another note"),
        ("space", "org/gallery", "To look at"), ("dataset", "org/other", ""),
    ]  # fmt: skip
    up = client("push_collection", str(down), "org")["done"]
    assert not up["added"] + up["changed"] + up["others"], "what came down goes up as it is"
    assert "holds another collection" in client("pull_collection", done["slug"], str(file))["error"]
    assert "no such collection" in client("pull_collection", "org/none-1", str(tmp_path / "x.toml"))["error"]
    assert not (tmp_path / "x.toml").exists()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "'title' is missing"),
        ({"title": "x" * 60, "item": [{"repo": "a"}]}, "title"),
        ({"title": "x", "item": [{"repo": "a b"}]}, "repo"),
        ({"title": "x", "item": [{"repo": "a", "kind": "bucket"}]}, "kind"),
        ({"title": "x", "item": []}, "item"),
    ],
)
def test_a_bad_collection_file_is_told_before_anything_is_sent(tmp_path, table, said):
    import tomli_w

    (tmp_path / "bad.toml").write_text(tomli_w.dumps(table))
    done = run("push", tmp_path / "bad.toml", "org")
    assert done.returncode == 2
    assert "bad.toml" in done.stderr and said in done.stderr


# -- the Space --------------------------------------------------------------------------------------------------------


def test_a_space_is_static_pages_that_an_index_leads_to(space):
    files = space_files(space)
    assert [str(f) for f in files] == ["README.md", "index.html", "pages/copy-tiny.html", "pages/mano-tiny.html"]
    matter = yaml.safe_load((space / "README.md").read_text().split("---")[1])
    assert (matter["sdk"], matter["app_file"]) == ("static", "index.html")
    assert len(matter["short_description"]) <= 60
    index = (space / "index.html").read_text()
    assert re.findall(r'href="([^"]+)"', index) == ["pages/mano-tiny.html", "pages/copy-tiny.html"]
    assert "<script" not in index and "http" not in index.split("<body>")[1]
    assert load_spec("mano-tiny").title in index
    before = {file: (space / file).read_bytes() for file in files}
    write_space(space, ["mano-tiny", "copy-tiny"], rows=2)
    assert {file: (space / file).read_bytes() for file in files} == before, "the same files from the same specs"


def test_the_shipped_gallery_names_a_dozen_specs_of_every_family():
    table = tomllib.loads((ROOT / "cards/space.toml").read_text())
    names = [name for group in table["group"] for name in group["specs"]]
    assert len(names) == len(set(names)) >= 12
    assert set(names) <= set(shipped_specs())
    tasks = {tomllib.loads((ROOT / f"specs/{name}.toml").read_text())["task"] for name in names}
    assert {"bios", "qa", "igsm", "cfg", "depo", "brevo", "mano"} <= tasks


def test_a_space_goes_up_whole_and_a_second_push_sends_what_changed(hub, client, space, tmp_path):
    plan = client("push_space", str(space), "org/look", dry_run=True)["done"]
    assert (plan["files"], plan["done"]) == (4, "dry run")
    assert "spaces/org/look" not in hub.store.repos
    hub.faults.plan("POST /api/spaces/.*/commit/", "lost")
    done = client("push_space", str(space), "org/look")["done"]
    assert (done["done"], len(done["sent"])) == ("published", 4)
    repo = hub.repo("spaces/org/look")
    tree = repo.tree("main")
    assert {path for path in tree if path != ".gitattributes"} == {str(file) for file in space_files(space)}
    for file in space_files(space):
        assert hub.store.read(tree[str(file)]) == (space / file).read_bytes()
    assert len(repo.commits) == 2, "all of it in one commit, and once"
    assert client("push_space", str(space), "org/look")["done"]["done"] == "already published"
    write_space(space, ["copy-tiny"], rows=2)
    again = client("push_space", str(space), "org/look")
    assert "done" in again, again
    again = again["done"]
    assert again["sent"] == ["index.html"]
    assert "pages/mano-tiny.html" not in repo.tree("main")
    write_space(space, ["mano-tiny", "copy-tiny"], rows=2)
    with pytest.raises(SynthgenError, match="holds other files and no Space"):
        write_space(tmp_path_with(tmp_path), ["copy-tiny"])


def tmp_path_with(folder):
    (folder / "thesis.tex").write_text("mine")
    return folder


def test_the_commands(space, tmp_path):
    done = run("space", tmp_path / "new", "--spec", "copy-tiny", "--rows", 2)
    assert done.returncode == 0, done.stderr
    assert "3 files" in done.stdout and "index.html" in done.stdout
    done = run("push", tmp_path / "new", "org/look", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "pages/copy-tiny.html" in done.stdout and "1 commit would be sent" in done.stdout
    done = run("space", tmp_path / "new", "--spec", "copy-tinny")
    assert done.returncode == 2 and "copy-tiny" in done.stderr


# -- Croissant --------------------------------------------------------------------------------------------------------


def test_a_croissant_file_says_what_the_hub_cannot_know(tmp_path):
    out = tmp_path / "data"
    synthgen.generate("know-compare-month", out, splits=["train"], rows=64, params={"people": 100}, format="parquet")
    write_card(out, pictures=False, licence="mit")
    text = (out / "croissant.json").read_text(encoding="utf-8")
    table = json.loads(text)
    assert table["conformsTo"] == ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
    manifest = table["distribution"][0]
    assert manifest["sha256"] == hashlib.sha256((out / "manifest.json").read_bytes()).hexdigest()
    assert table["distribution"][1]["includes"] == "data/train-*.parquet"
    assert table["license"] == "mit"
    (records,) = table["recordSet"]
    named = [field["@id"].removeprefix("train/") for field in records["field"]]
    assert named == ["id", "prompt", "completion", "difficulty", "bits", "latent"]
    inner = {part["@id"]: part for part in records["field"][4]["subField"]}
    assert inner["train/bits/total"]["source"]["transform"] == {"jsonPath": "total"}
    limits = " ".join(table["rai:dataLimitations"])
    assert "says nothing about the world" in limits
    for deviation in synthgen.load(out / "spec.toml").task().stated_deviations():
        assert deviation in table["rai:dataLimitations"]
    assert "none by a person" in table["rai:dataCollection"]
    assert "No row that a program made tells of a real person" in table["rai:personalSensitiveInformation"][0]
    write_card(out, pictures=False, licence="mit")
    assert (out / "croissant.json").read_text(encoding="utf-8") == text
