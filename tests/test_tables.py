"""Containers: the same rows in every one, whole or told not to be, and what other people's readers make of them."""

import re
from dataclasses import replace

import datasets
import numpy as np
import pyarrow as pa
import pytest
from helpers import SPECS, files, run

import clients
import synthgen
from synthgen.dataset.build import finish
from synthgen.dataset.check import check_folder
from synthgen.dataset.containers import BLOCK, CONTAINERS, container_of
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.shards import read_batches
from synthgen.errors import SynthgenError
from synthgen.publish.card import write_card
from synthgen.publish.hub.staging import stage
from synthgen.windowing.folder_rows import FolderRows

BUILD = {"spec": "copy-tiny", "splits": ["train"], "rows": 9000, "shards": 2, "workers": 1}
"""Shards of two batches, so that a footer has something to say."""

SMALL = BUILD | {"rows": 200}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A dataset in every container, by its name."""
    home = tmp_path_factory.mktemp("tables")
    for container in CONTAINERS:
        synthgen.generate(**BUILD, out=home / container, format=container)
    return {container: home / container for container in CONTAINERS}


@pytest.fixture(scope="module")
def rows(folders):
    """Its rows, as mappings."""
    return [row for shard in shards(folders["arrow"]) for batch in read_batches(shard) for row in batch.to_pylist()]


def shards(folder):
    return [folder / shard.path for shard in Manifest.read(folder).shards]


def test_content_is_the_same_in_every_container(folders):
    stated = {container: Manifest.read(folder) for container, folder in folders.items()}
    first = stated["arrow"]
    for container, manifest in stated.items():
        assert manifest.container == container
        assert manifest.content_id == first.content_id
        assert [shard.content for shard in manifest.shards] == [shard.content for shard in first.shards]
        assert [shard.bits for shard in manifest.shards] == [shard.bits for shard in first.shards]
        assert {container_of(path).name for path in shards(folders[container])} == {container}
        assert all(finding.ok for finding in check_folder(folders[container], sample=0.01))
    assert len({shard.sha256 for manifest in stated.values() for shard in manifest.shards}) == 2 * len(CONTAINERS)


@pytest.mark.parametrize("container", CONTAINERS)
def test_datasets_reads_every_container_both_ways(container, folders, rows, tmp_path):
    loaded = datasets.load_dataset(str(folders[container]), split="train", cache_dir=str(tmp_path))
    assert loaded.features == synthgen.open(folders["arrow"])["train"].features
    assert [loaded[i] for i in range(0, 9000, 500)] == rows[::500]
    streamed = datasets.load_dataset(str(folders[container]), split="train", streaming=True)
    assert list(streamed.take(5)) == rows[:5]


def test_arrow_files_are_mapped_and_opened_without_reading(folders, rows):
    before = pa.total_allocated_bytes()
    opened = synthgen.open(folders["arrow-file"])["train"]
    assert pa.total_allocated_bytes() - before < 50_000 < opened.data.nbytes
    assert opened.features == synthgen.open(folders["arrow"])["train"].features
    assert [opened[i] for i in (0, 4499, 4500, 8999)] == [rows[i] for i in (0, 4499, 4500, 8999)]
    assert opened._fingerprint == synthgen.open(folders["arrow-file"])["train"]._fingerprint


def test_windows_find_the_same_tokens_in_every_container(folders, rows):
    for folder in folders.values():  # over the edges of a batch and of a shard
        assert FolderRows(folder, "train", None).read(4000, 9000).ids.tolist() == [
            token for row in rows[4000:] for token in row["input_ids"]
        ]


def test_ranks_and_a_second_run_make_the_same_arrow_files(folders, tmp_path):
    out = tmp_path / "data"
    for rank in (1, 0):
        synthgen.generate(**BUILD, out=out, format="arrow-file", rank=rank, world_size=2)
    with pytest.raises(SynthgenError, match="container is 'arrow-file' there and 'arrow' here"):
        synthgen.generate(**BUILD, out=out)
    finish(out)
    assert files(out) == files(folders["arrow-file"])
    with pytest.raises(SynthgenError, match="container is 'arrow-file' there and 'parquet' here"):
        synthgen.generate(**BUILD, out=out, format="parquet")


@pytest.mark.parametrize("container", CONTAINERS)
def test_what_is_there_is_read_again_as_it_was_written(container, tmp_path):
    """A lost manifest is made of the shards alone, content hashes too; a cut one is made anew."""
    out = tmp_path / "data"
    synthgen.generate(**SMALL, out=out, format=container)
    whole = files(out)
    (out / "manifest.json").unlink()
    first = sorted((out / "data").iterdir())[0]
    first.write_bytes(first.read_bytes()[:-9])
    synthgen.generate(**SMALL, out=out, format=container, verify=True)
    assert files(out) == whole


def test_the_command_line_takes_every_container(folders, tmp_path):
    command = ("generate", "copy-tiny", "--split", "train", "--rows", 9000, "--shards", 2, "--workers", 1)
    done = run(*command, "--out", tmp_path / "data", "--format", "arrow-file")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "data") == files(folders["arrow-file"])
    assert run("check", tmp_path / "data").returncode == 0
    refused = run(*command, "--out", tmp_path / "other", "--format", "feather")
    assert refused.returncode == 2
    assert "--format 'feather': choose one of arrow, arrow-file, parquet" in refused.stderr


def test_a_push_stages_arrow_files_as_they_are_or_as_parquet(folders, tmp_path):
    out = tmp_path / "data"
    synthgen.generate(**SMALL, out=out, format="arrow-file")
    for container in ("arrow-file", "parquet"):
        staged = stage(out, "default", container, "org/name", "v1", "cc0-1.0", False, None)
        assert staged.manifest.container == container
        assert all(finding.ok for finding in check_folder(staged.folder, sample=0))
        assert [s.content for s in staged.manifest.shards] == [s.content for s in Manifest.read(out).shards]
    with pytest.raises(SynthgenError, match="shards are arrow-file; push it with --format arrow-file or parquet"):
        stage(out, "default", "arrow", "org/name", "v1", "cc0-1.0", False, None)
    write_card(out, pictures=False, sample=0)
    assert "Arrow IPC file" in (out / "README.md").read_text()


# -- files that are not what they seem ----------------------------------------------------------------------------------


def blocks_of(data):
    """Return where an Arrow file's footer has its two batches, and what it says of them: one follows the other."""
    for place in range(len(data) - 2 * BLOCK.itemsize, 4, -1):
        one, two = np.frombuffer(data[place : place + 2 * BLOCK.itemsize], BLOCK)
        if data[place - 4 : place] == b"\2\0\0\0" and one["offset"] + one["metadata"] + one["body"] == two["offset"]:
            return place, np.array([one, two])
    raise AssertionError("no footer of two batches")


@pytest.mark.parametrize("damage", ["swapped", "one twice", "one hidden", "beside", "longer"])
def test_a_footer_that_says_other_than_the_batches_is_refused(folders, tmp_path, damage):
    """Other readers go by the footer: what it says must be what was hashed."""
    data = bytearray(shards(folders["arrow-file"])[0].read_bytes())
    place, blocks = blocks_of(bytes(data))
    if damage == "swapped":
        blocks = blocks[::-1].copy()
    elif damage == "one twice":
        blocks[1] = blocks[0]
    elif damage == "one hidden":
        data[place - 4] = 1
    elif damage == "beside":
        blocks["offset"][1] += 8
    else:
        blocks["body"][0] += 8
    data[place : place + blocks.nbytes] = blocks.tobytes()
    (tmp_path / "a.arrow").write_bytes(data)
    with pytest.raises(SynthgenError, match="not a whole shard: its footer has"):
        list(read_batches(tmp_path / "a.arrow"))


@pytest.mark.parametrize("foreign", ["compressed", "dictionary", "other columns", "no batch"])
def test_arrow_files_that_synthgen_does_not_write_are_refused(tmp_path, foreign):
    table = pa.table({"id": pa.array(np.zeros(10_000, np.int64))})
    options = pa.ipc.IpcWriteOptions(compression="zstd" if foreign == "compressed" else None)
    if foreign == "dictionary":
        table = pa.table({"id": pa.array(["a", "b"]).dictionary_encode()})
    with (
        pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file,
        pa.ipc.new_file(file, table.schema, options=options) as out,
    ):
        if foreign != "no batch":
            out.write_table(table)
    if foreign == "other columns":
        data = (tmp_path / "a.arrow").read_bytes()
        head, tail = data[:1000], data[1000:]
        (tmp_path / "a.arrow").write_bytes(head + tail.replace(b"id\0", b"di\0"))
    with pytest.raises(SynthgenError, match="not a whole shard"):
        list(read_batches(tmp_path / "a.arrow"))


@pytest.mark.parametrize("container", ["arrow", "arrow-file"])
def test_a_file_that_does_not_begin_with_its_schema_is_refused(folders, tmp_path, container):
    """pyarrow reads any message as a schema when it is told to, where its memory may be: junk could end the process."""
    data = shards(folders[container])[0].read_bytes()
    begin = 8 * (container == "arrow-file")
    stream = pa.BufferReader(data[begin:])
    next(iter(pa.ipc.MessageReader.open_stream(stream)))
    (tmp_path / "a.arrow").write_bytes(data[:begin] + data[begin + stream.tell() :])
    with pytest.raises(SynthgenError, match="begins with a record batch and not with a schema"):
        list(read_batches(tmp_path / "a.arrow"))


@pytest.mark.parametrize(("stated", "there"), [("arrow-file", "arrow"), ("arrow", "arrow-file")])
def test_the_container_that_a_manifest_states_is_the_one_of_its_shards(folders, tmp_path, stated, there):
    """Both end in .arrow, and both are read; yet who reads by the manifest would not get far."""
    out = tmp_path / "data"
    manifest = synthgen.generate(**SMALL, out=out, format=there)
    replace(manifest, container=stated).write(out)
    found = [finding.detail for finding in check_folder(out) if not finding.ok]
    assert f"it is {there}, and the manifest says {stated}" in found


# -- other people's readers ----------------------------------------------------------------------------------------------

LINES = clients.one_liners()


def test_the_page_has_a_line_for_every_reader_in_every_container():
    named = {path.stem for path in (clients.ROOT / "clients").glob("*.txt")} - {*clients.scripted()}
    assert named == {client for client, _ in LINES} - {"synthgen"}
    assert LINES.keys() == {(c, k) for c in named for k in CONTAINERS} | {
        ("synthgen", "arrow"),
        ("synthgen", "arrow-file"),
    }
    assert tuple(CONTAINERS) == clients.CONTAINERS


@pytest.mark.parametrize(("client", "container"), [key for key in LINES if key[0] in ("synthgen", "pyarrow", "pandas")])
def test_one_liners_of_what_is_installed_here(client, container, folders, rows):
    outcome = clients.read(LINES[client, container], str(folders[container]), times=1)
    assert (outcome["rows"], outcome["digest"]) == (len(rows), clients.digest_of(rows[: clients.COMPARED]))


@pytest.mark.slow
@pytest.mark.parametrize(("client", "container"), LINES, ids=map("-".join, LINES))
def test_every_one_liner_reads_every_nested_value(client, container, tmp_path):
    """With the real package: of `make clients`, or of this environment; texts with spans, and latents in latents."""
    python = clients.python_of(client)
    if python is None:
        pytest.skip(f"{client} is not installed: `make clients`")
    out = tmp_path / "data"
    synthgen.generate("bios-multi5", out, splits=["train"], rows=5000, shards=2, workers=1, format=container)
    outcome = clients.read_by(python, LINES[client, container], out)
    assert {key: outcome[key] for key in ("rows", "digest")} == clients.expected(out)


# -- latents ---------------------------------------------------------------------------------------------------------------


(LATENTS,) = re.findall(r"```python\n(.*?)```", (clients.ROOT / "docs/tables.md").read_text("utf-8"), flags=re.S)


@pytest.mark.parametrize(
    "spec", [name if name == "copy-tiny" else pytest.param(name, marks=pytest.mark.slow) for name in SPECS.values()]
)
def test_latents_in_words_are_columns(spec, tmp_path):
    """What the page says, as it says it; a struct has every field, and where a row has it not, nothing."""
    if not synthgen.load(spec).task().latent_fields:
        pytest.skip(f"{spec}: its rows have no latents")
    names = {"folder": tmp_path / "data"}
    synthgen.generate(spec, names["folder"], splits=["train"], rows=20, workers=1)
    exec(LATENTS, names)
    assert len(names["table"]) == 20
    for number, row in enumerate(names["words"]):
        stated = names["source"].decode(number)
        assert stated
        assert row["id"] == number
        assert without_nothing({name: row[name] for name in stated}) == without_nothing(stated)


def without_nothing(value):
    """Return a value without fields that are None, at any depth, and with lists for tuples."""
    if isinstance(value, dict):
        return {name: without_nothing(item) for name, item in value.items() if item is not None}
    return [without_nothing(item) for item in value] if isinstance(value, list | tuple) else value
