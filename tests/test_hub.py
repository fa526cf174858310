"""Publishing through the conformance Hub, with the unmodified clients: whole or absent, resumable, and never a secret."""

import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest
from conformance.server import READER, WRITER, Hub
from helpers import HubClient, process

import synthgen
from synthgen.dataset.shards import read_batches

SHARDS = 4
TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Datasets of four shards, and one of two splits."""
    folder = tmp_path_factory.mktemp("data")
    synthgen.generate("bios-multi5", folder / "bios", params={"people": 48}, shards=SHARDS)
    synthgen.generate("bios-multi5", folder / "other", params={"people": 48}, seed=1, shards=3)
    synthgen.generate("cfg3b", folder / "cfg", splits=["train", "test"], rows=300, shards=2)
    return folder


@pytest.fixture
def folder(data, tmp_path):
    return shutil.copytree(data / "bios", tmp_path / "bios")


@pytest.fixture(scope="module", params=["lfs", pytest.param("xet", marks=pytest.mark.slow)])
def hub(request, tmp_path_factory):
    with Hub(tmp_path_factory.mktemp(request.param), xet_on=request.param == "xet", page=7) as hub:
        hub.kind = request.param
        yield hub
        for one in hub.log:
            if one.host == "127.0.0.2":
                assert "hf_" not in one.carried, one
                assert WRITER not in one.path, one


@pytest.fixture(scope="module")
def client(hub, tmp_path_factory):
    home = tmp_path_factory.mktemp("home") / hub.kind
    client = HubClient(hub, home)
    yield client
    client.stop()
    for path in home.rglob("*"):
        assert not path.is_file() or WRITER.encode() not in path.read_bytes(), path


@pytest.fixture
def repo(request, hub):
    hub.faults.planned.clear()
    return "org/" + re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")[:60].rstrip("-")


def rows_of(folder, split="train"):
    stated = json.loads((Path(folder) / "manifest.json").read_text())
    paths = [Path(folder) / shard["path"] for shard in stated["shards"] if shard["split"] == split]
    return pa.Table.from_batches([batch for path in paths for batch in read_batches(path)]).to_pylist()


def published(hub, repo, shards=SHARDS):
    """Say what main holds: "whole", "absent", or what is wrong with it; as an observer sees it over HTTP."""
    connection = http.client.HTTPConnection(*hub.api.server_address, timeout=10)

    def get(path):
        connection.request("GET", path, headers={"Authorization": f"Bearer {WRITER}"})
        reply = connection.getresponse()
        body = reply.read()
        return body if reply.status == 200 else None

    info = get(f"/api/datasets/{repo}/revision/main")
    if info is None:
        return "absent"
    commit = json.loads(info)["sha"]
    tree, page = {}, hub.repo(repo).commits[commit].tree
    tree = {path: blob.sha256 for path, blob in page.items()}
    text = get(f"/datasets/{repo}/resolve/{commit}/manifest.json")
    connection.close()
    if text is None:
        return "absent" if not any(path.startswith("data/") for path in tree) else "data without a manifest"
    stated = json.loads(text)["shards"]
    if len(stated) != shards or any(tree.get(shard["path"]) != shard["sha256"] for shard in stated):
        return "in part"
    return "whole" if "README.md" in tree else "no card"


def load(hub, home, code):
    """Run Python in a fresh process with the unmodified `datasets`; return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, datasets\n{code}"],
        env=hub.env(home), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


# -- the whole way ---------------------------------------------------------------------------------------------------


def test_push_then_load_stream_and_pull_give_back_the_rows(hub, client, folder, repo, tmp_path):
    done = client.push(folder, repo, pictures=True)["done"]
    assert done["done"] == "published"
    assert hub.repo(repo).tags == {done["tag"]: done["commit"]} == {done["tag"]: hub.repo(repo).branches["main"]}
    assert published(hub, repo) == "whole"
    assert not (folder / ".push").exists(), "nothing is left behind"
    rows = rows_of(folder)
    assert client.pull(repo, tmp_path / "down", revision=done["tag"])["done"]
    assert rows_of(tmp_path / "down") == rows
    found = client("check_remote", str(folder), repo)["done"]
    assert [f["check"] for f in found] == ["published files", "published content id", "published values"]
    assert all(f["ok"] for f in found)
    code = f"""
mapped = datasets.load_dataset("{repo}", split="train", revision="{done["tag"]}")
streamed = datasets.load_dataset("{repo}", split="train", streaming=True)
print(json.dumps([list(mapped), list(streamed), str(mapped.features), str(streamed.features)]))"""
    mapped, streamed, features, same = load(hub, tmp_path / "home", code)
    assert mapped == streamed == json.loads(json.dumps(rows))
    import datasets

    schema = next(iter(read_batches(folder / "data" / sorted(os.listdir(folder / "data"))[0]))).schema
    assert features == same == str(datasets.Features.from_arrow_schema(schema))
    again = client.push(folder, repo)["done"]
    assert (again["done"], again["sent"], again["commit"]) == ("already published", [], done["commit"])


def test_the_command_line(hub, folder, repo, tmp_path):
    env = hub.env(tmp_path / "home")
    plan = process("push", folder, repo, "--dry-run", env=env)
    assert plan.returncode == 0, plan.stderr
    assert "data/train-00003-of-00004.parquet" in plan.stdout
    assert re.search(rf"{SHARDS + 6} files, [\d,]+ bytes, 2 commits would be sent", plan.stdout)
    assert repo not in hub.store.repos, "a dry run sends nothing"
    pushed = process("push", folder, repo, "--tag", "v1", "--private", env=env)
    assert pushed.returncode == 0, pushed.stderr
    assert f"{repo}: published as v1" in pushed.stdout
    assert hub.repo(repo).private
    pulled = process("pull", repo, tmp_path / "down", "--revision", "v1", env=env)
    assert pulled.returncode == 0, pulled.stderr
    assert "all checks passed" in pulled.stdout
    card = (tmp_path / "down/README.md").read_text()
    assert f'load_dataset("{repo}", revision="v1"' in card
    checked = process("check", folder, "--remote", repo, "--revision", "v1", env=env)
    assert checked.returncode == 0, checked.stdout
    assert f"published values: {SHARDS} shards alike" in checked.stdout
    for done in (plan, pushed, pulled, checked):
        assert WRITER not in done.stdout + done.stderr


@pytest.mark.slow
def test_two_configs_then_a_third(hub, client, data, repo, tmp_path):
    folders = [str(shutil.copytree(data / name, tmp_path / name)) for name in ("bios", "cfg", "other")]
    first = client("push", folders[:2], repo, configs=["people", "strings"], pictures=False)["done"]
    assert first["done"] == "published"
    client("push", folders[2:], repo, configs=["more"], pictures=False)
    tree = hub.repo(repo).tree("main")
    assert {path.split("/")[0] for path in tree if path.endswith("manifest.json")} == {"people", "strings", "more"}
    code = f"""
names = datasets.get_dataset_config_names("{repo}")
sizes = {{n: {{k: len(v) for k, v in datasets.load_dataset("{repo}", n).items()}} for n in names}}
first = next(iter(datasets.load_dataset("{repo}", "strings", split="test", streaming=True)))
print(json.dumps([sizes, first]))"""
    sizes, row = load(hub, tmp_path / "home", code)
    assert sizes == {"people": {"train": 240}, "strings": {"train": 300, "test": 300}, "more": {"train": 240}}
    assert row == json.loads(json.dumps(rows_of(folders[1], "test")[0]))
    assert client.pull(repo, tmp_path / "down", config="strings")["done"]
    assert rows_of(tmp_path / "down", "test") == rows_of(folders[1], "test")
    refused = client.pull(repo, tmp_path / "down2")["error"]
    assert "its configs are more, people, strings: name one with --config" in refused
    assert "name one for this dataset with --config" in client.push(folders[0], repo)["error"]


@pytest.mark.slow
def test_arrow_shards_can_be_published_as_they_are(hub, client, folder, repo, tmp_path):
    assert client.push(folder, repo, container="arrow")["done"]["done"] == "published"
    assert client.pull(repo, tmp_path / "down")["done"]
    name = "data/train-00003-of-00004.arrow"
    assert (tmp_path / "down" / name).read_bytes() == (folder / name).read_bytes()


def test_with_xet_storage_too(folder, repo_name="org/xet"):
    with Hub(folder / "../hub", xet_on=True) as hub:
        client = HubClient(hub, folder.parent / "home")
        assert client.push(folder, repo_name)["done"]["done"] == "published"
        assert [one for one in hub.log if one.path.startswith("/cas/v1/shards") and one.status == 200]
        assert client.pull(repo_name, folder.parent / "down")["done"]
        assert [one for one in hub.log if one.path.startswith("/xorb/") and one.status == 206]
        assert not [one for one in hub.log if one.host == "127.0.0.2" and "hf_" in one.carried]
        assert rows_of(folder.parent / "down") == rows_of(folder)
        client.stop()


# -- killed, watched, raced -------------------------------------------------------------------------------------------


def test_killed_after_a_third_it_resumes_without_sending_again(hub, folder, repo, tmp_path):
    command = [sys.executable, "-m", "synthgen", "push", str(folder), repo, "--batch-bytes", "1", "--no-pictures"]
    env = hub.env(tmp_path / "home")
    running = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    hub.faults.plan(
        f"POST /api/datasets/{repo}/commit",
        "call",
        skip=SHARDS // 3,
        action=lambda: os.kill(running.pid, signal.SIGKILL),
    )
    running.communicate(timeout=120)
    assert running.returncode == -signal.SIGKILL
    assert published(hub, repo) == "absent"
    before = len(hub.log)
    done = {path for path in hub.repo(repo).tree("refs/pr/1") if path.startswith("data/")}
    assert SHARDS // 3 <= len(done) <= SHARDS // 3 + 1
    journal = json.loads(next((folder / ".push").glob("*.json")).read_text())
    assert set(journal["done"]) <= done
    second = process("push", folder, repo, "--batch-bytes", 1, "--no-pictures", "--json", env=env)
    assert second.returncode == 0, second.stderr
    sent = json.loads(second.stdout)["sent"]
    assert not done & set(sent), "finished batches are not sent again"
    assert len([path for path in sent if path.startswith("data/")]) == SHARDS - len(done)
    assert published(hub, repo) == "whole"
    if hub.kind == "lfs":
        names = [one.path for one in hub.log if repo and one.method == "PUT"]
        assert len(set(names[-40:])) == len(names[-40:]), "no blob went up twice"
    assert len([one for one in hub.log[before:] if "/commit/" in one.path]) == SHARDS - len(done) + 1
    assert len(hub.repo(repo).discussions) == 1, "it went on in the same pull request"


def forget_uploads(hub, client):
    """Make the storage and the client forget all bytes, so that the next push sends them again."""
    for part in ("large", "xorbs"):
        for path in (hub.store.folder / part).iterdir():
            path.unlink()
    shutil.rmtree(Path(client.env["HF_HOME"]) / "xet", ignore_errors=True)


def test_it_goes_on_in_the_same_pull_request_with_another_card(hub, client, folder, repo, tmp_path):
    hub.faults.plan("POST .*/merge$", status=403)
    assert "not allowed" in client.push(folder, repo)["error"]
    assert published(hub, repo) == "absent"
    done = client.push(folder, repo, licence="mit")["done"]
    assert sorted(done["sent"]) == ["README.md", "croissant.json"], "what tells the licence alone differs"
    assert len(hub.repo(repo).discussions) == 1
    assert client.pull(repo, tmp_path / "down")["done"]
    assert "license: mit" in (tmp_path / "down/README.md").read_text()


SENDING = (
    ("POST /api/datasets/[^/]*/[^/]*/preupload", "status", {"status": 503, "times": 2}),
    ("POST /api/datasets/[^/]*/[^/]*/preupload", "status", {"status": 429, "headers": {"Retry-After": "1"}}),
    ("POST /api/datasets/[^/]*/[^/]*/preupload", "status", {"status": 429, "headers": {"RateLimit": '"api";r=0;t=1'}}),
    ("POST .*/commit/", "status", {"status": 503}),
    ("POST .*/commit/", "reset", {}),
    ("POST .*/commit/", "cut", {}),
    ("POST .*/commit/", "lost", {}),
    ("POST .*/commit/", "lost", {"skip": 1}),
    ("POST .*/commit/", "delay", {"seconds": 1.0}),
    ("POST /api/repos/create", "status", {"status": 503}),
    ("POST /api/repos/create", "lost", {}),
    ("POST .*/discussions$", "status", {"status": 500}),
    ("POST .*/discussions$", "lost", {}),
    ("POST .*/status$", "lost", {}),
    ("POST .*/merge$", "status", {"status": 502}),
    ("POST .*/merge$", "reset", {}),
    ("POST .*/merge$", "lost", {}),
    ("POST .*/tag/", "status", {"status": 504}),
    ("POST .*/tag/", "lost", {}),
    ("GET .*/tree/", "status", {"status": 500, "times": 2}),
    ("GET .*/tree/", "truncate", {}),
    ("GET .*/refs", "reset", {}),
    ("GET .*/discussions/1", "status", {"status": 503}),
)  # fmt: skip
UPLOADING = {
    "lfs": (
        ("POST .*/info/lfs/objects/batch", "status", {"status": 503}),
        ("PUT /upload/", "status", {"status": 503, "times": 2}),
        ("PUT /upload/", "status", {"status": 429}),
        ("PUT /upload/", "status", {"status": 403}),
        ("PUT /upload/", "cut", {}),
        ("PUT /upload/", "lost", {}),
        ("POST /verify", "status", {"status": 500}),
    ),
    "xet": (
        ("GET .*/xet-write-token/", "status", {"status": 503}),
        ("POST /cas/v1/xorbs/", "status", {"status": 503}),
        ("POST /cas/v1/xorbs/", "status", {"status": 403}),
        ("POST /cas/v1/xorbs/", "cut", {}),
        ("POST /cas/v1/shards", "status", {"status": 500}),
        ("POST /cas/v1/shards", "lost", {}),
    ),
}


@pytest.mark.parametrize("which", ["lost", pytest.param("all", marks=pytest.mark.slow)])
def test_every_fault_of_sending_ends_in_success(hub, client, folder, repo, which):
    faults = [fault for fault in (*SENDING, *UPLOADING[hub.kind]) if which == "all" or fault[1] == "lost"]
    for number, (pattern, kind, options) in enumerate(faults):
        hub.faults.planned.clear()
        forget_uploads(hub, client)
        fault = hub.faults.plan(pattern, kind, **options)
        name = f"{repo}-{number}"
        answer = client.push(folder, name, batch_bytes=10**6)
        assert fault.done == fault.times, (pattern, kind, "was not reached")
        assert answer.get("done", answer)["done"] == "published", (pattern, kind, options, answer)
        assert published(hub, name) == "whole", (pattern, kind)
        repository = hub.repo(name)
        assert list(repository.tags.values()) == [repository.branches["main"]]
        assert len(repository.commits) == 4, (pattern, kind, "no commit twice")
        assert len(repository.discussions) == 1, (pattern, kind, "no pull request twice")


FINAL = (
    ("POST .*/commit/", {"status": 412, "times": 99}, "somebody else changed the repository"),
    ("POST .*/commit/", {"status": 409, "times": 99}, "somebody else changed the repository"),
    ("POST .*/commit/", {"status": 503, "times": 99}, "run the same command again later"),
    ("POST .*/merge$", {"status": 409, "times": 99}, "somebody else changed the repository"),
    ("POST .*/merge$", {"status": 403, "times": 99}, "not allowed (status 403, fault on order); use a token that may"),
    ("POST .*/preupload/", {"status": 400, "times": 99}, "status 400, fault on order"),
)


@pytest.mark.slow
def test_faults_that_last_end_in_one_clear_error_and_can_be_mended(hub, client, folder, repo):
    """Every call fails until its tries are used up, which takes some 16 seconds each."""
    blob = "POST /cas/v1/xorbs/" if hub.kind == "xet" else "PUT /upload/"
    lasting = (*FINAL, (blob, {"status": 403, "times": 999}, "run the same command again later"))
    for number, (pattern, options, message) in enumerate(lasting):
        hub.faults.planned.clear()
        forget_uploads(hub, client)
        hub.faults.plan(pattern, **options)
        name = f"{repo}-{number}"
        answer = client.push(folder, name)
        assert message in answer["error"], (pattern, options, answer)
        assert "\n" not in answer["error"]
        assert published(hub, name) == "absent"
        hub.faults.planned.clear()
        assert client.push(folder, name)["done"]["done"] == "published"
        assert published(hub, name) == "whole"


DOWNLOADING = {
    "lfs": (("GET /blob/", "truncate"), ("GET /blob/", "status"), ("GET /blob/", "reset")),
    "xet": (("GET /xorb/", "truncate"), ("GET /cas/v2/reconstructions", "status"), ("GET /xorb/", "reset")),
}


@pytest.mark.slow
def test_every_fault_of_fetching_ends_in_success(hub, client, folder, repo, tmp_path):
    client.push(folder, repo)
    faults = (
        *DOWNLOADING[hub.kind],
        ("HEAD .*/resolve/", "status"),
        ("GET .*/tree/", "reset"),
        ("GET .*/tree/", "truncate"),
    )
    for number, (pattern, kind) in enumerate(faults):
        hub.faults.planned.clear()
        shutil.rmtree(Path(client.env["HF_HOME"]) / "xet", ignore_errors=True)
        fault = hub.faults.plan(pattern, kind)
        answer = client.pull(repo, tmp_path / f"down-{number}")
        assert fault.done == 1, (pattern, kind, "was not reached")
        assert answer.get("done"), (pattern, kind, answer)
        assert rows_of(tmp_path / f"down-{number}") == rows_of(folder)


@pytest.mark.parametrize("pushes", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_an_observer_never_sees_a_part(hub, client, folder, repo, pushes):
    chance = random.Random(9)
    faults = [fault for fault in (*SENDING, *UPLOADING[hub.kind]) if fault[2].get("status") != 403]
    seen, over = {}, threading.Event()
    names = [f"{repo}-{number}" for number in range(pushes)]

    def look():
        while not over.is_set():
            for name in names:
                state = published(hub, name)
                seen[state] = seen.get(state, 0) + 1

    observer = threading.Thread(target=look)
    observer.start()
    try:
        for name in names:
            hub.faults.planned.clear()
            for pattern, kind, options in chance.sample(faults, 3):
                hub.faults.plan(pattern, kind, **options)
            for _ in range(5):
                if "done" in client.push(folder, name, batch_bytes=1):
                    break
            assert published(hub, name) == "whole"
    finally:
        over.set()
        observer.join()
    assert set(seen) <= {"whole", "absent"}, seen
    assert min(seen.values()) > 10, seen


def _write_to_main(hub, name, path="notes.txt", data=b"mine"):
    repository = hub.repo(name)
    tree = {**repository.tree("main"), path: hub.store.put_regular(data)}
    repository.move("main", repository.add(repository.branches["main"], "by someone else", tree))


def test_somebody_else_writes_to_main_meanwhile(hub, client, folder, repo):
    hub.faults.plan(f"POST .*{repo}/commit/", "call", skip=1, action=lambda: _write_to_main(hub, repo))
    answer = client.push(folder, repo)
    assert "somebody else changed main during this push; nothing was published or overwritten" in answer["error"]
    assert published(hub, repo) == "absent"
    before = hub.uploads()
    again = client.push(folder, repo)["done"]
    assert again["done"] == "published"
    assert hub.store.read(hub.repo(repo).tree("main")["notes.txt"]) == b"mine", "their file is still there"
    assert hub.repo(repo).discussions[0].status == "closed"
    assert hub.uploads() == before, "no byte went up again"


def test_somebody_else_writes_into_the_pull_request(hub, client, folder, repo):
    def intrude():
        repository = hub.repo(repo)
        tree = {**repository.tree("refs/pr/1"), "data/evil.parquet": hub.store.put_regular(b"x")}
        repository.move("refs/pr/1", repository.add(repository.pulls[1], "intruder", tree))

    hub.faults.plan(f"POST .*{repo}/commit/", "call", skip=1, action=intrude)
    assert "somebody else wrote to refs/pr/1" in client.push(folder, repo)["error"]
    assert "has data/evil.parquet, which this push did not send" in client.push(folder, repo)["error"]
    assert published(hub, repo) == "absent"
    hub.repo(repo).discussions[0].status = "closed"
    assert client.push(folder, repo)["done"]["done"] == "published"


@pytest.mark.slow
def test_two_pushes_at_once_leave_one_whole_dataset(hub, data, repo, tmp_path):
    started = []
    for name in ("bios", "other"):
        copy = shutil.copytree(data / name, tmp_path / name)
        command = [sys.executable, "-m", "synthgen", "push", str(copy), repo, "--no-pictures", "--batch-bytes", "1"]
        started.append(subprocess.Popen(command, env=hub.env(tmp_path / f"home-{name}"), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True))  # fmt: skip
    errors = [process.communicate(timeout=120)[1] for process in started]
    codes = [process.returncode for process in started]
    assert sorted(codes) == [0, 2], errors
    loser = errors[codes.index(2)]
    assert "somebody else changed" in loser or "holds another dataset" in loser
    assert "Traceback" not in loser
    assert published(hub, repo, SHARDS if codes[0] == 0 else 3) == "whole"


@pytest.mark.slow
def test_the_place_of_another_dataset_is_taken_only_on_request(hub, client, data, folder, repo, tmp_path):
    first = client.push(folder, repo, tag="v1")["done"]
    other = shutil.copytree(data / "other", tmp_path / "other")
    refused = client.push(other, repo)["error"]
    assert "holds another dataset or version" in refused
    assert "--replace" in refused
    assert published(hub, repo) == "whole"
    assert "has a tag v1 already" in client.push(other, repo, replace=True, tag="v1")["error"]
    assert client.push(other, repo, replace=True, tag="v2")["done"]["done"] == "published"
    assert published(hub, repo, 3) == "whole"
    assert client.pull(repo, tmp_path / "old", revision="v1")["done"], "the old one stays under its tag"
    assert hub.repo(repo).tags["v1"] == first["commit"]
    synthgen.generate("bios-multi5", other, params={"people": 48}, seed=1, splits=["fresh:late"], rows=40)
    assert client.push(other, repo, tag="v3")["done"]["done"] == "published", "a further split needs no --replace"


# -- tampered with, or not allowed ------------------------------------------------------------------------------------


def test_a_shard_that_was_tampered_with_is_named(hub, client, folder, repo, tmp_path):
    client.push(folder, repo)
    repository = hub.repo(repo)
    tree = dict(repository.tree("main"))
    victim, donor = "data/train-00001-of-00004.parquet", "data/train-00003-of-00004.parquet"
    repository.move("main", repository.add(repository.branches["main"], "evil", {**tree, victim: tree[donor]}))
    answer = client.pull(repo, tmp_path / "down")
    assert answer["exit"] == 1
    assert victim in answer["error"]
    assert not (tmp_path / "down/manifest.json").exists()
    found = client("check_remote", str(folder), repo)["done"]
    assert victim in next(f for f in found if not f["ok"])["detail"]


def change(hub, repo, **files):
    """Put files into main as somebody with write access could, by their paths; None removes one."""
    repository = hub.repo(repo)
    tree = dict(repository.tree("main"))
    for path, data in files.items():
        if data is None:
            del tree[path]
        else:
            tree[path] = hub.store.put_regular(data)
    repository.move("main", repository.add(repository.branches["main"], "evil", tree))


def test_a_pull_that_dies_while_it_checks_leaves_no_dataset(hub, client, folder, repo, tmp_path):
    """The manifest, by which a folder is one, comes last; and the next pull goes on, without what is there already."""
    client.push(folder, repo)
    code = f"""
import os, signal
from synthgen.publish.hub import pull
pull({repo!r}, "down", on_rows=lambda rows: os.kill(os.getpid(), signal.SIGKILL))"""
    died = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=hub.env(tmp_path / "home"), timeout=120)
    assert died.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path / "down") == [".pull"]
    for moved in ("data", "spec.toml"):  # as if it had died a little later, while it moves what has passed
        (tmp_path / "down/.pull/dataset" / moved).rename(tmp_path / "down" / moved)
    again = client.pull(repo, tmp_path / "down")
    assert not [text for text in again["said"] if ".parquet" in text], "shards that are there do not come again"
    assert all(finding["ok"] for finding in again["done"])
    assert sorted(os.listdir(tmp_path / "down")) == [
        "README.md",
        "croissant.json",
        "data",
        "manifest.json",
        "spec.toml",
    ]
    assert rows_of(tmp_path / "down") == rows_of(folder)


def test_a_pull_that_does_not_pass_its_check_is_no_dataset(hub, client, folder, repo, tmp_path):
    client.push(folder, repo)
    spec = hub.store.read(hub.repo(repo).tree("main")["spec.toml"])
    change(hub, repo, **{"spec.toml": spec.replace(b"seed = 0", b"seed = 7")})
    found = client.pull(repo, tmp_path / "down")["done"]
    assert [finding["check"] for finding in found if not finding["ok"]]
    assert os.listdir(tmp_path / "down") == [".pull"]
    change(hub, repo, **{"spec.toml": b"C" + spec})
    assert "'task' is missing" in client.pull(repo, tmp_path / "other")["error"]
    assert os.listdir(tmp_path / "other") == [".pull"]


def test_files_that_no_manifest_names_are_seen(hub, client, folder, repo, tmp_path):
    client.push(folder, repo)
    change(hub, repo, **{"assets/notes.txt": b"hello"})
    assert "assets/notes.txt is not in the manifest" in client.pull(repo, tmp_path / "down")["error"]
    found = client("check_remote", str(folder), repo)["done"]
    assert "assets/notes.txt" in next(f for f in found if not f["ok"])["detail"]


@pytest.mark.parametrize("path", ["assets/../../evil", "assets/\x1b[2J", "assets//x", "assets\\..\\x"])
def test_a_path_that_leads_out_of_the_folder_is_refused(hub, client, folder, repo, tmp_path, path):
    client.push(folder, repo)
    change(hub, repo, **{path: b"evil"})
    assert "no path of a dataset" in client.pull(repo, tmp_path / "down")["error"]
    assert sorted(os.listdir(tmp_path)) == ["bios"]


@pytest.mark.slow
def test_bytes_that_were_tampered_with_behind_the_listing_are_named(data, folder, repo, tmp_path):
    with Hub(tmp_path / "hub", xet_on=False) as hub:
        client = HubClient(hub, tmp_path / "home")
        client.push(folder, repo)
        victim = "data/train-00001-of-00004.parquet"
        path = hub.store.large_path(hub.repo(repo).tree("main")[victim].sha256)
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
        answer = client.pull(repo, tmp_path / "down")
        assert answer["exit"] == 1
        assert f"{victim} came down with another SHA-256" in answer["error"]
        assert not (tmp_path / "down/manifest.json").exists()
        client.stop()


@pytest.mark.slow
def test_large_files_go_up_in_parts(data, folder, repo, tmp_path):
    with Hub(tmp_path / "hub", xet_on=False, multipart_bytes=5000) as hub:
        client = HubClient(hub, tmp_path / "home")
        assert client.push(folder, repo)["done"]["done"] == "published"
        assert [one for one in hub.log if one.path.startswith("/part/")]
        assert client.pull(repo, tmp_path / "down")["done"]
        client.stop()


def test_what_is_not_allowed_is_told_in_one_sentence(hub, folder, tmp_path):
    client = HubClient(hub, tmp_path / "home")
    unknown = "hf_nobodyKnowsThisToken"
    for token, name, message in (
        (READER, "org/denied", "not allowed (status 403, you must use a write token"),
        (WRITER, "elsewhere/denied", "not allowed (status 403, You don't have the rights to create a dataset"),
        (unknown, "org/denied", "the Hub does not know the token"),
        ("", "org/denied", "the Hub does not know the token"),
    ):
        answer = client.push(folder, name, env={"HF_TOKEN": token})
        assert answer["exit"] == 2
        assert message in answer["error"]
        assert not token or token not in json.dumps(answer)
    client.stop()


def test_files_of_another_kind_are_not_put_out_of_sight(hub, client, folder, repo):
    hub.store.create(repo, False)
    _write_to_main(hub, repo, "tables/train.csv")
    assert "holds other files (tables/train.csv)" in client.push(folder, repo)["error"]
    assert client.push(folder, repo, replace=True)["done"]["done"] == "published"
    assert "tables/train.csv" in hub.repo(repo).tree("main")


def test_what_is_not_there_is_told(hub, client, folder, repo, tmp_path):
    assert "no such dataset repository" in client.pull(f"{repo}-none", tmp_path / "a")["error"]
    assert "write ORG/NAME" in client.pull("nothing", tmp_path / "a")["error"]
    client.push(folder, repo)
    assert "there is no such revision" in client.pull(repo, tmp_path / "a", revision="v9")["error"]
    assert "has no strange/manifest.json" in client.pull(repo, tmp_path / "a", config="strange")["error"]
    (tmp_path / "b").mkdir()
    (tmp_path / "b/file").write_text("x")
    assert "holds other files" in client.pull(repo, tmp_path / "b")["error"]
    _write_to_main(hub, repo, "manifest.json", b"{}")
    assert "truncated or no manifest" in client.pull(repo, tmp_path / "c")["error"]


def test_data_that_is_not_what_it_says_is_not_sent(hub, client, folder, repo):
    path = folder / "data/train-00002-of-00004.arrow"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    answer = client.push(folder, repo)
    assert answer["exit"] == 1 or "not a whole shard" in answer["error"]
    assert path.name in answer["error"]
    assert repo not in hub.store.repos


@pytest.mark.skipif(
    "SYNTHGEN_HUB_REPO" not in os.environ, reason="set SYNTHGEN_HUB_REPO=ORG/NAME and log in to the Hub"
)
def test_the_true_hub(folder, tmp_path):
    """Opt-in: push to a new private repository of one's own, pull it back. The repository is left for a look."""
    env = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    name = os.environ["SYNTHGEN_HUB_REPO"]
    for arguments in (
        ("push", folder, name, "--private", "--tag", f"t{int(time.time())}"),
        ("pull", name, tmp_path / "down"),
    ):
        command = [sys.executable, "-m", "synthgen", *map(str, arguments)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path / "down") == rows_of(folder)
