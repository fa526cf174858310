"""What earlier versions wrote goes on: folders, builds, runs, cards and published data, kept as bytes in `old/`."""

import json
import re
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import datasets
import pytest
import torch
from conformance.server import Hub
from helpers import HubClient, files, manifest, run
from old.write import digest

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.shards import read_batches
from synthgen.errors import DISTRIBUTION, SynthgenError
from synthgen.publish.card import read_front_matter, write_card
from synthgen.tasks import task_class
from synthgen.train.loop import train
from synthgen.train.presets import PRESETS, settings_of
from synthgen.train.runs import load_run, read_metrics, read_settings

OLD = Path(__file__).with_name("old")
VERSIONS = sorted(folder for folder in OLD.iterdir() if re.fullmatch(r"\d+\.\d+\.\d+", folder.name))
FOLDERS = [path.parent for version in VERSIONS for path in sorted(version.glob("*/manifest.json"))]
torch.set_num_threads(1)

versions = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
folders = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")


def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / folder.name)


def rows_of(folder):
    return [
        row
        for shard in manifest(folder)["shards"]
        for b in read_batches(folder / shard["path"])
        for row in b.to_pylist()
    ]


def test_there_is_a_folder_of_every_task():
    tasks = {manifest(folder)["spec"]["task"] for folder in FOLDERS}
    assert tasks >= {"bios", "biod", "brevo", "cfg", "chain", "copy", "depo", "igsm", "mano", "mixture", "qa"}
    assert tasks >= {"recall", "rewrites"}


@folders
def test_a_folder_opens_loads_and_checks(folder, tmp_path):
    found = check_folder(folder)
    assert all(finding.ok for finding in found), [finding for finding in found if not finding.ok]
    copy, rows = copied(folder, tmp_path), rows_of(folder)
    if manifest(folder)["container"] == "arrow":
        opened = synthgen.open(copy)
        assert [row for split in opened.values() for row in split.to_list()] == rows
    loaded = datasets.load_dataset(str(copy), cache_dir=str(tmp_path / "cache"))
    assert sorted(row["id"] for split in loaded.values() for row in split.to_list() if "id" in row) == sorted(
        row["id"] for row in rows if "id" in row
    )
    assert files(folder) == files(copy)


@pytest.mark.parametrize(
    "version, identity, said",
    [
        (1, 1, ""),
        (0, 0, "versions.task is 0, and versions begin at 1"),
        (1, 2, "identity.task_version is 2, and versions.task 1"),
        (2, 2, "spec.toml gives .*, the manifest 74daec9101f63df6"),
        (3, 3, "version 3 of task 'copy' made the rows, and this is version 2: install a later synthgen"),
    ],
)
def test_rows_of_an_earlier_version_of_a_task_are_sound_and_not_made_anew(
    tmp_path, monkeypatch, version, identity, said
):
    monkeypatch.setattr(task_class("copy"), "version", 2)
    copy = copied(OLD / "0.1.0" / "copy", tmp_path)
    stated = Manifest.read(copy)
    versions, named = {**stated.versions, "task": version}, {**stated.identity, "task_version": identity}
    replace(stated, versions=versions, identity=named).write(copy)
    by_check = {finding.check: finding for finding in check_folder(copy)}
    assert by_check["content id"].ok == (not said) and re.search(said, by_check["content id"].detail)
    anew = by_check["made anew"]
    assert (version == 2) != anew.detail.startswith(f"no row: they are of version {version} of task 'copy'")
    assert anew.ok


@folders
def test_a_folder_gets_a_card_of_today(folder, tmp_path):
    copy = copied(folder, tmp_path)
    write_card(copy, pictures=False)
    title = Manifest.read(copy).spec.get("title", Manifest.read(copy).name)
    assert read_front_matter((copy / "README.md").read_text("utf-8"), "card")["pretty_name"] == title.rstrip(".")


@folders
def test_a_folder_is_the_one_that_its_spec_makes_today(folder, tmp_path):
    """Generating into it finds nothing to do, where the task's version is still the same."""
    stated = manifest(folder)
    source = synthgen.load(folder / "spec.toml")
    if stated["versions"]["task"] != source.spec.task_class.version:
        pytest.skip(f"task {source.spec.task} has another version now")
    copy = copied(folder, tmp_path)
    columns = stated["columns"] if stated["columns"] != source.schema.names else None
    again = synthgen.generate(
        copy / "spec.toml", copy, columns=columns, format=stated["container"], splits=list(stated["splits"])
    )
    assert again.to_json()["shards"] == stated["shards"]
    now, then = files(copy), files(folder)
    assert {name: now[name] for name in then} == then
    assert now.keys() - then.keys() <= {"tokenizer_config.json"}, "transformers reads it beside what 0.1.0 wrote"


@versions
def test_an_interrupted_build_goes_on(version, tmp_path):
    copy = copied(version / "interrupted", tmp_path)
    before = files(copy / "data")
    assert 0 < len(before) < 4
    synthgen.generate(version / "interrupted.toml", copy, rows=40, shards=4)
    after = files(copy / "data")
    assert {name: after[name] for name in before} == before
    assert all(finding.ok for finding in check_folder(copy))
    whole = synthgen.generate(version / "interrupted.toml", tmp_path / "whole", rows=40, shards=4)
    assert [shard.sha256 for shard in whole.shards] == [shard["sha256"] for shard in manifest(copy)["shards"]]


@versions
def test_windows_go_on_where_they_stood(version):
    for name, table in json.loads((version / "windows.json").read_text()).items():
        data = str(version / "grammar") if name == "folder" else table["data"]
        made = synthgen.windows(data, batch_size=2, lanes=4, **table["arguments"])
        made.load(table["state"])
        assert [digest(batch) for batch, _ in zip(made, range(4), strict=False)] == table["next"], name


@versions
def test_a_stopped_run_goes_on_as_if_it_had_not_been(version, tmp_path):
    copy = copied(version / "run-stopped", tmp_path)
    settings, _ = read_settings(copy)
    train(settings, copy, specs=version)
    whole = [json.loads(line) for line in (copy / "whole.jsonl").read_text().splitlines()]
    lines = read_metrics(copy)
    assert [line["step"] for line in lines] == [line["step"] for line in whole]
    for line, wanted in zip(lines, whole, strict=True):
        assert line["loss_bits"] == pytest.approx(wanted["loss_bits"], rel=1e-6)


@versions
def test_a_finished_run_is_scored_and_trained_on(version, tmp_path):
    copy = copied(version / "run-finished", tmp_path)
    model, feed = load_run(copy)
    assert model.vocabulary == feed.size
    scored = run("score", copy, "--rows", "3", "--json")
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["rows"]["n"] == 3
    settings, _ = read_settings(copy)
    short = settings.model_copy(update={"train": settings.train.model_copy(update={"steps": 2, "save_every": 0})})
    loop = train(short, tmp_path / "more", init=copy)
    assert loop.step == 2


@versions
def test_a_folder_is_trained_on(version, tmp_path):
    for name in ("grammar", "tokenized", "mixed-tokens"):
        spec = str((version / name / "spec.toml").resolve())
        changes = {"train.steps": 2, "model.width": 16, "model.context": 400, "data.rows": 2}
        settings = settings_of(spec, PRESETS["tiny"], {}, changes)
        assert train(settings, tmp_path / name).step == 2


@versions
def test_published_data_is_pulled_and_pushed_again(version, tmp_path):
    with Hub(tmp_path / "hub", xet_on=False) as hub:
        client, store = HubClient(hub, tmp_path / "home"), hub.store
        for name in ("mixture", "questions"):
            repo, tree = store.create(f"org/{name}", private=False), {}
            for path, hashed in files(version / "published" / name).items():
                data = (version / "published" / name / path).read_bytes()
                large = path.endswith((".parquet", ".png"))
                tree[path] = store.large_blob(hashed, len(data)) if large else store.put_regular(data)
                assert not large or store.put_large(data, hashed)
            repo.branches["main"] = repo.add(repo.branches["main"], "published", repo.tree("main") | tree)
            pulled = client.pull(f"org/{name}", tmp_path / f"pulled-{name}")
            assert all(finding["ok"] for finding in pulled["done"]), pulled
            again = copied(version / name, tmp_path)
            remote = client("check_remote", str(again), f"org/{name}")
            assert all(finding["ok"] for finding in remote["done"]), remote
            assert client.push(again, f"org/{name}")["done"]["done"] == "already published"
            assert client.push(again, f"org/{name}-again")["done"]["done"] == "published"
        client.stop()


def imports(card):
    """The import lines of a card's Python, but for packages that are not installed with synthgen."""
    blocks = re.findall(r"```python\n(.*?)```", card, flags=re.S)
    return sorted(
        {line for block in blocks for line in block.splitlines() if re.match(r"(from|import) synthgen", line)}
    )


@versions
def test_what_a_card_imports_still_is_there(version):
    cards = [version / "grammar" / "README.md", *(version / "published").glob("*/README.md")]
    lines = sorted({line for card in cards for line in imports(card.read_text("utf-8"))})
    assert len(lines) >= 4
    for line in lines:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            exec(line, {})


@versions
def test_the_lessons_of_a_card_run(version, tmp_path):
    copy = copied(version / "grammar", tmp_path)
    text = (copy / "README.md").read_text("utf-8")
    lessons = re.findall(
        r"```python\n(.*?)```", text[text.index("## Train on it") : text.index("## Make it again")], flags=re.S
    )
    assert len(lessons) == 5
    code = "\n\n".join(lessons).replace('"DIR', f'"{copy}')
    guarded = "if __name__ == '__main__':\n" + "".join(f"    {line}\n" for line in code.splitlines())
    (tmp_path / "lessons.py").write_text(guarded)
    done = subprocess.run([sys.executable, str(tmp_path / "lessons.py")], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_newer_format_is_refused_with_the_version_that_reads_it(tmp_path):
    copy = copied(VERSIONS[-1] / "grammar", tmp_path)
    table = manifest(copy)
    table["format"] += 1
    table["versions"]["synthgen"] = "7.3.1"
    table["a field of that format"] = {}
    (copy / "manifest.json").write_text(json.dumps(table))
    with pytest.raises(SynthgenError) as refused:
        Manifest.read(copy)
    assert "7.3.1" in str(refused.value)
    assert f"pip install -U '{DISTRIBUTION}>=7.3.1'" in str(refused.value)
    for command in ("check", "card"):
        done = run(command, copy)
        assert done.returncode == 2
        assert "7.3.1" in done.stderr
        assert "Traceback" not in done.stderr
