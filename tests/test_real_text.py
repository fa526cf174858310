"""Real text in mixtures: a dataset's own rows, in exact quotas, by digest, with bits that nobody knows."""

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conformance.server import Hub
from helpers import HubClient, run

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.dataset.manifest import Manifest
from synthgen.errors import SynthgenError
from synthgen.publish.card import write_card
from synthgen.publish.hub.push import push
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec, spec_of_table
from synthgen.train.floor import measure
from synthgen.train.runs import load_run
from synthgen.train.trace import trace

ROWS = 1500
TEXTS = [f"Row {i}: naïve 東京 😀\t\0 line\r\n\n  end{'.' * (i % 7)}" for i in range(ROWS)]
TEXTS[3] = ""
PEOPLE = {"spec": "bios-online", "params": {"people": 60}, "weight": 3, "name": "people"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the same texts in every format, and a store of its own."""
    folder = tmp_path_factory.mktemp("texts")
    table = pa.table({"n": range(ROWS), "text": TEXTS})
    pq.write_table(table, folder / "corpus.parquet", row_group_size=400)
    with pa.ipc.new_stream(folder / "stream.arrow", table.schema) as writer:
        writer.write_table(table, 700)
    with pa.ipc.new_file(folder / "file.arrow", table.schema) as writer:
        writer.write_table(table, 700)
    lines = (json.dumps({"text": text, "n": n}, ensure_ascii=n % 2 == 0) for n, text in enumerate(TEXTS))
    (folder / "corpus.jsonl").write_text("\n".join(lines), encoding="utf-8", newline="\n")
    import datasets

    datasets.Dataset.from_dict({"text": TEXTS}).save_to_disk(folder / "saved", num_shards=2)
    return folder


@pytest.fixture(autouse=True)
def store(home, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_TEXTS", str(home / "store"))
    return home / "store"


def mixed(folder, *others, table=None, more=None, **text):
    """A source of real text (weight 1) beside other components."""
    fields = {"text": "corpus.parquet", "name": "web", "weight": 1, **text}
    table = {"task": "mixture", "row_format": "document", "splits": {"train": {"rows": 400}}, **(table or {})}
    table["params"] = {"block": 8, "component": [fields, *(others or (PEOPLE,))], **(more or {})}
    return Source(spec_of_table(table, "mixed", folder))


def written(source, path):
    path.write_text(source.spec.to_toml(), encoding="utf-8")
    return path


# -- rows -------------------------------------------------------------------------------------------------------------


def test_every_row_of_the_dataset_once_in_exact_quotas_with_unknown_bits(home):
    source = mixed(home, repeat=True)
    rows = source.batch(0, 8 * 200).to_pylist()
    kinds = [row["latent"]["kind"] for row in rows]
    assert all(Counter(kinds[b : b + 8]) == {0: 2, 1: 6} for b in range(0, len(kinds), 8))
    real = [row for row in rows if row["latent"]["kind"] == 0]
    places = [row["latent"]["web"]["source_row"] for row in real]
    assert len(set(places)) == len(places) == 400
    assert places != sorted(places), "an order is drawn"
    for row, place in zip(real, places, strict=True):
        assert row["text"] == TEXTS[place], "character by character"
        assert row["difficulty"] == len(TEXTS[place])
        assert row["bits"]["text"] is None and row["bits"]["total"] is None
        assert row["bits"]["kind"] is not None
    assert all(row["bits"]["total"] > 0 and row["bits"]["text"] == 0 for row in rows if row["latent"]["kind"] == 1)
    assert all(source.verify(row).correct for row in rows)
    whole = mixed(home, PEOPLE | {"weight": 0}, repeat=True).batch(0, ROWS)
    assert sorted(whole.column("latent").field("web").field("source_row").to_pylist()) == list(range(ROWS))


def test_a_row_depends_on_its_address_alone(home):
    source = mixed(home, repeat=True)
    whole = source.batch(0, 600)
    for start, stop in ((0, 1), (17, 18), (255, 517), (599, 600)):
        assert mixed(home, repeat=True).batch(start, stop).equals(whole.slice(start, stop - start))
    texts = source.batch(0, 600).column("text")
    assert mixed(home, repeat=True, table={"seed": 5}).batch(0, 600).column("text") != texts
    assert source.batch(0, 600, split="fresh:other").column("text") != texts


def test_the_same_rows_in_any_container_have_one_digest_and_one_content_id(home):
    sources = {name: mixed(home, text=name) for name in
               ("corpus.parquet", "corpus.jsonl", "stream.arrow", "file.arrow", "saved")}  # fmt: skip
    blocks = [TEXTS[k : k + 1024] for k in range(0, ROWS, 1024)]
    hashed = [hashlib.sha256(b"".join(len(t.encode()).to_bytes(8, "little") + t.encode() for t in b)) for b in blocks]
    digest = hashlib.sha256("".join(one.hexdigest() for one in hashed).encode()).hexdigest()
    for source in sources.values():
        stated = source.spec.params["component"][0]
        assert (stated["digest"], stated["rows"]) == (digest, ROWS)
        assert stated["bytes"] == sum(len(text.encode()) for text in TEXTS)
    assert len({source.spec.content_id for source in sources.values()}) == 1
    assert json.dumps(sources["corpus.parquet"].spec.identity).count(digest) == 1
    other = mixed(home, text="corpus.jsonl", licence="cc-by-4.0")
    assert other.spec.content_id == sources["saved"].spec.content_id, "a licence is told, and decides no row"
    for change in ({"rows": 1499}, {"start": 1}, {"column": "n2"}, {"repeat": True}):
        if change != {"column": "n2"}:
            assert mixed(home, **change).spec.content_id != other.spec.content_id, change
    part = mixed(home, start=100, rows=40)
    assert part.task().components[0].task.params.rows == 40
    assert set(part.batch(0, 8).column("text").to_pylist()) & set(TEXTS[100:140])


def test_it_ends_with_the_dataset_unless_it_may_go_round(home):
    source = mixed(home, rows=40)
    assert source.rows_max() == 160, "40 of 160 rows, though the others have no end"
    assert sorted(r["latent"]["web"]["source_row"] for r in source.batch(0, 160).to_pylist() if r["latent"]["web"]) == [
        *range(40)
    ]
    with pytest.raises(IndexError):
        source.row(160)
    with pytest.raises(SynthgenError, match=r"has 160 rows in all; 161 were asked for; .* repeat = true"):
        synthgen.generate(source.spec, home / "never", rows=161)
    assert not (home / "never").exists()
    round_ = mixed(home, rows=40, repeat=True)
    assert round_.rows_max() is None
    rows = [row for row in round_.batch(0, 320).to_pylist() if row["latent"]["web"]]
    assert [r["text"] for r in rows[:40]] == [r["text"] for r in rows[40:]]


def test_a_mixture_within_a_mixture_ends_with_its_text_too(home):
    inner = mixed(home, rows=40, licence="mit").spec.resolved()
    outer = mixed(home, {"spec": {"task": "mixture", "row_format": "document", "params": inner["params"]},
                         "name": "inner", "weight": 1}, start=200, rows=500)  # fmt: skip
    assert outer.rows_max() == 320, "160 rows of the inner one, at half of all"
    assert [(s.component, s.licence) for s in outer.task().text_sources()] == [("web", ""), ("inner.web", "mit")]


def test_shares_of_tokens_go_by_the_bytes_of_the_rows_used(home):
    source = mixed(home, PEOPLE | {"weight": 1}, more={"unit": "tokens", "block": 64}, repeat=True)
    sizes = source.task().sizes
    assert sizes[0] == pytest.approx(np.mean([len(text.encode()) for text in TEXTS]))
    quotas = source.task().slots.stages[0].quotas
    assert quotas[0] / quotas[1] == pytest.approx(float(sizes[1] / sizes[0]), rel=0.1)


# -- bits and tokens --------------------------------------------------------------------------------------------------


def test_nothing_is_known_of_the_sum(home):
    entropy = mixed(home).entropy()
    assert entropy.status == entropy.booked.status == entropy.books["text"].bits.status == "unknown"
    assert entropy.floor == (None, None, None)
    assert entropy.to_json()["floor"] == {"row": None, "document": None, "token": None}
    assert entropy.books["kind"].bits.status == "exact"
    assert "nobody knows the law" in entropy.text.reason
    source = mixed(home)
    assert "nobody knows" in source.task().without_surprisals
    with pytest.raises(SynthgenError, match="nobody can count what is booked as text"):
        source.row_text_bits(0)
    assert source.task().row_floor_status == "unknown"
    floor = source.task().row_floor(source.task().rows(0, 8, source._state))
    assert [np.isnan(bits) for bits in floor] == [
        row["bits"]["total"] is None for row in source.batch(0, 8).to_pylist()
    ]


def test_tokens_are_of_the_mixtures_tokenizer(home):
    text = mixed(home, table={"row_format": "prompt-completion"}, domain="<web> ")
    source = mixed(home, table={"tokenizer": "bytes", "text_format": "prompt-completion"}, domain="<web> ")
    for tokens, row in zip(source.batch(0, 64).to_pylist(), text.batch(0, 64).to_pylist(), strict=True):
        assert bytes(tokens["input_ids"]).decode() == row["prompt"] + row["completion"]
        assert tokens["bits"] == row["bits"]
        assert source.verify(tokens).correct
        if tokens["latent"]["kind"] == 0:
            assert row["completion"].startswith("<web> ") and not row["prompt"]
            assert all(tokens["completion_mask"])
    with pytest.raises(SynthgenError, match=r"no list of the words of real text; take 'bytes'"):
        mixed(home, table={"tokenizer": "words", "text_format": "document"}).row(0)
    with pytest.raises(SynthgenError, match="set tokenizer"):
        mixed(home, {"spec": "cfg3b", "weight": 1}, table={"row_format": "tokens"})
    windows = synthgen.windows(source, 128, batch_size=2)
    assert next(iter(windows))["input_ids"].shape == (2, 128)


def test_a_run_trains_on_real_text_in_its_quota(tmp_path):
    """From a local folder, by the command: what it saw are those rows, and no floor is stated of what nobody knows."""
    (tmp_path / "web").mkdir()
    said = [[f"The lamp of house {i} is lit before dusk." for i in range(k, 40, 2)] for k in (0, 1)]
    for name, texts in zip(("a", "b"), said, strict=True):
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        (tmp_path / f"web/{name}.jsonl").write_text(lines, "utf-8")
    source = mixed(tmp_path, text="web", repeat=True, table={"tokenizer": "bytes", "text_format": "document"})
    spec, out = written(source, tmp_path / "mixed.toml"), tmp_path / "run"
    sets = {"data.rows": 4, "model.width": 16, "model.layers": 1, "model.heads": 2, "model.context": 64,
            "packing": "chop", "train.warmup": 2, "train.eval_every": 20, "train.eval_rows": 4, "train.lr": 0.01}  # fmt: skip
    options = [word for name, value in sets.items() for word in ("--set", f"{name}={value}")]
    done = run("train", spec, "--steps", 40, "--out", out, *options, "--json")
    assert done.returncode == 0, done.stderr
    first, last = (json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines())
    assert last["loss_bits"] < first["loss_bits"] < 8
    assert not {"floor_bits", "held_out"} & {*first, *last}

    model, data = load_run(out)
    batch, pieces = [data.batch(step, 0) for step in range(3)][-1], trace(out, 3)
    kinds = Counter()
    for piece in pieces:
        row = source.row(piece.row)
        tokens = [data.start_of(0), *row["input_ids"], data.vocabulary.specials[1]]
        shown = batch.ids[piece.window, piece.first : piece.last].tolist()
        assert shown == tokens[piece.place : piece.place + len(shown)]
        if row["latent"]["web"]:
            assert bytes(row["input_ids"]).decode() in {text for texts in said for text in texts}
        kinds[bool(row["latent"]["web"])] += 1
    assert kinds[True] and kinds[False]
    corpus = data.sources[0]
    with pytest.raises(SynthgenError, match="has no floor"):
        measure(model, corpus, 4)


# -- changed and absent data ------------------------------------------------------------------------------------------


def test_changed_data_are_refused(home, tmp_path):
    shutil.copy(home / "corpus.jsonl", tmp_path)
    first = mixed(tmp_path, text="corpus.jsonl")
    digest = first.spec.params["component"][0]["digest"]
    manifest = synthgen.generate(first.spec, tmp_path / "out", rows=80)
    pinned = mixed(tmp_path, text="corpus.jsonl", digest=digest)
    assert pinned.spec.content_id == manifest.content_id
    lines = (tmp_path / "corpus.jsonl").read_text(encoding="utf-8").split("\n")
    lines[700] = json.dumps({"text": "another", "n": 700})
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(SynthgenError, match=rf"the spec states {digest[:16]}.*the data were changed"):
        mixed(tmp_path, text="corpus.jsonl", digest=digest)
    changed = mixed(tmp_path, text="corpus.jsonl")
    with pytest.raises(SynthgenError, match=r"holds another dataset: params.component"):
        synthgen.generate(changed.spec, tmp_path / "out", rows=80)
    (tmp_path / "corpus.jsonl").unlink()
    gone = mixed(tmp_path, text="corpus.jsonl", digest=digest)
    assert gone.batch(0, 8).equals(first.batch(0, 8)), "the store has the rows"


def test_a_damaged_store_gives_no_row(home, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_TEXTS", str(tmp_path))
    mixed(home)
    path = next(tmp_path.glob("*.arrow"))
    data = path.read_bytes()
    place = data.index(TEXTS[1400].encode())
    path.write_bytes(data[:place] + b"P" + data[place + 1 :])
    with pytest.raises(SynthgenError, match="block 1 was changed"):
        mixed(home).batch(0, 64)
    index = path.with_suffix(".json")
    index.write_text(index.read_text().replace('"blocks": ["', '"blocks": ["0', 1))
    with pytest.raises(SynthgenError, match="its index was changed"):
        mixed(home)


def test_check_says_what_is_taken_on_trust(home, tmp_path, monkeypatch):
    source = mixed(home, licence="cc-by-4.0")
    out = tmp_path / "out"
    assert run("generate", written(source, tmp_path / "mine.toml"), "--out", out, "--rows", 160).returncode == 0
    done = run("check", out)
    assert done.returncode == 0, done.stdout
    assert "web: 40 of 160 rows: texts of corpus.parquet, and their bits; held against its digest above" in done.stdout
    assert "/" not in Manifest.read(out).spec["params"]["component"][0]["text"]
    assert Manifest.read(out).totals["bits"]["total"] is None
    again = synthgen.generate(out / "spec.toml", tmp_path / "again")
    assert [s.sha256 for s in again.shards] == [s.sha256 for s in Manifest.read(out).shards]
    packed = synthgen.generate(out / "spec.toml", tmp_path / "packed", format="parquet")
    assert [s.content for s in packed.shards] == [s.content for s in again.shards]
    import datasets

    rows = source.batch(0, 160).to_pylist()
    for folder in (out, tmp_path / "packed"):
        loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"), split="train")
        assert list(loaded) == rows, "the README that generate writes loads, nulls and all"
    monkeypatch.setenv("SYNTHGEN_TEXTS", str(tmp_path / "empty"))
    done = run("check", out)
    assert done.returncode == 0, done.stdout
    assert "no row: web: the rows of corpus.parquet" in done.stdout
    assert "and not held against its digest" in done.stdout
    with pytest.raises(SynthgenError, match="no such file or folder"):
        synthgen.generate(out / "spec.toml", tmp_path / "absent")
    with pytest.raises(SynthgenError, match="are not here; `synthgen generate` takes them in"):
        synthgen.load(out / "spec.toml").batch(0, 8)
    shutil.copy(home / "corpus.parquet", out)
    assert synthgen.generate(out / "spec.toml", tmp_path / "absent").content_id == again.content_id


def test_check_finds_what_was_changed_in_a_folder(home, tmp_path):
    source = mixed(home)
    good = source.batch(0, 160)
    synthgen.generate(source.spec, tmp_path / "out", rows=160)
    path = tmp_path / "out" / Manifest.read(tmp_path / "out").shards[0].path
    rows = good.to_pylist()
    real = next(i for i, row in enumerate(rows) if row["bits"]["total"] is None)
    other = next(i for i, row in enumerate(rows) if row["bits"]["total"] is not None)
    cases = (
        (real, {"text": rows[real]["text"].replace("Row", "row")}, "made anew"),
        (real, {"bits": rows[real]["bits"] | {"total": 1.0}}, "other places"),
        (real, {"bits": rows[real]["bits"] | {"text": 1.0, "total": 1.0}}, "nobody knows the law"),
        (other, {"bits": rows[other]["bits"] | {"kind": None, "total": None}}, "bits.kind is empty"),
    )
    for place, change, said in cases:
        changed = pa.RecordBatch.from_pylist(
            [row | change if i == place else row for i, row in enumerate(rows)], schema=good.schema
        )
        with pa.ipc.new_stream(path, good.schema) as writer:
            writer.write_batch(changed)
        reseal(tmp_path / "out")
        faults = [f"{f.check}: {f.detail}" for f in check_folder(tmp_path / "out") if not f.ok]
        assert any(said in fault for fault in faults), (said, faults)
    with pa.ipc.new_stream(path, good.schema) as writer:
        writer.write_batch(good)
    reseal(tmp_path / "out")
    assert all(f.ok for f in check_folder(tmp_path / "out"))


def reseal(folder):
    """State size and hash of the one shard as they are now, so that its rows are looked at."""
    manifest = Manifest.read(folder)
    shard = manifest.shards[0]
    data = (folder / shard.path).read_bytes()
    changed = type(shard)(**{**vars(shard), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    manifest.shards[0] = changed
    manifest.write(folder)


# -- licences, cards, the Hub -----------------------------------------------------------------------------------------


def test_without_a_licence_nothing_is_pushed_and_the_fix_makes_no_row_anew(home, tmp_path):
    out = tmp_path / "out"
    synthgen.generate(mixed(home).spec, out, rows=80)
    with pytest.raises(SynthgenError, match=r"web is text of corpus.parquet, and its licence is not stated.*licence ="):
        push([out], "org/never")
    before = [path.stat().st_mtime_ns for path in (out / "data").iterdir()]
    synthgen.generate(mixed(home, licence="cc-by-4.0").spec, out, rows=80)
    assert [path.stat().st_mtime_ns for path in (out / "data").iterdir()] == before
    assert 'licence = "cc-by-4.0"' in (out / "spec.toml").read_text()
    short = (out / "README.md").read_text()
    assert "license:\n- cc0-1.0\n- cc-by-4.0\n" in short and "- found\n" in short
    write_card(out, pictures=False)
    card = (out / "README.md").read_text()
    assert "but rows of web are texts of corpus.parquet, as people wrote them" in card
    assert "component `web`, which are of `corpus.parquet`: their licence is `cc-by-4.0`" in card
    assert "license:\n- cc0-1.0\n- cc-by-4.0\n" in card
    assert "unknown" in card and "nan" not in card.lower().split()


def test_rows_of_the_hub_are_fetched_before_and_pinned(home, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_TEXTS", str(tmp_path / "store"))
    with Hub(tmp_path / "hub", xet_on=False) as hub:
        repo = hub.store.create("org/corpus", False)
        files = {"data/train-00000.parquet": home / "corpus.parquet", "data/test-00000.parquet": home / "file.arrow"}
        blobs = {}
        for name, path in files.items():
            data = path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            assert hub.store.put_large(data, digest)
            blobs[name] = hub.store.large_blob(digest, len(data))
        commit = repo.add(repo.branches["main"], "data", repo.tree("main") | blobs)
        repo.branches["main"] = commit
        where = f"hub:org/corpus@{commit}"
        client = HubClient(hub, tmp_path / "home")
        spec = tmp_path / "mine.toml"

        def generate(out, pinned="", **fields):
            stated = {"text": where, "files": "data/train-*", "name": "web", "weight": 1, **fields}
            table = {"task": "mixture", "row_format": "document",
                     "params": {"block": 8, "component": [stated, PEOPLE]}, "splits": {"train": {"rows": 80}}}  # fmt: skip
            import tomli_w

            spec.write_text(tomli_w.dumps(table))
            return client("generate", str(spec), str(tmp_path / out), workers=1)

        refused = generate("none", text="hub:org/corpus@main")["error"]
        assert "40 hex digits of a commit" in refused
        assert "say which are meant" in generate("none", files="")["error"]
        assert (
            "cannot be fetched: no such repository or commit"
            in generate("none", text=f"hub:org/corpus@{'0' * 40}")["error"]
        )
        done = generate("out")["done"]
        stated = done["spec"]["params"]["component"][0]
        assert (stated["commit"], stated["text"], stated["rows"]) == (commit, where, ROWS)
        local = mixed(home).spec.params["component"][0]["digest"]
        assert stated["digest"] == local, "the same rows, wherever they come from"
        asked = len(hub.log)
        again = generate("again", digest=local)["done"]
        assert [s["content"] for s in again["shards"]] == [s["content"] for s in done["shards"]]
        assert client("generate", str(tmp_path / "out/spec.toml"), str(tmp_path / "third"), workers=1)["done"]
        assert len(hub.log) == asked, "nothing is asked of the Hub when the rows are here"
        assert "the data were changed" in generate("other", digest="0" * 64)["error"]
        client.stop()
    assert all(finding.ok for finding in check_folder(tmp_path / "out"))
    assert load_spec(tmp_path / "out/spec.toml").content_id == done["content_id"]
    assert commit in json.dumps(done["identity"])


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": "none.parquet"}, "no such file or folder"),
        ({"text": "broken.jsonl"}, "broken.jsonl, line 2: 'text' is empty, no text; leave such rows out"),
        ({"text": "half.jsonl"}, "half.jsonl"),
        ({"text": "numbers.jsonl"}, "line 1: 'text' holds a int"),
        ({"text": "noise.parquet"}, "noise.parquet: cannot be read"),
        ({"text": "page.txt"}, "ends in none of .parquet"),
        ({"column": "body"}, "has no column 'body'; it has n, text"),
        ({"rows": ROWS + 1}, "1,501 rows from row 0 on are wanted, and there are 1,500"),
        ({"start": ROWS}, "a row from row 1,500 on are wanted, and there are 0"),
        ({"text": "."}, "has files of .arrow and .jsonl and .parquet: say which are meant"),
        ({"text": ".", "files": "*.csv"}, "files = '\\*.csv': none of the folder fits; there is 'broken.jsonl'"),
        ({"text": "hub:corpus"}, "write hub:OWNER/NAME@COMMIT"),
        ({"licence": "My Licence"}, "licence"),
        ({"spec": "bios-single"}, "a spec, or real text"),
        ({"text": ""}, "a spec, or real text"),
        ({"params": {"people": 3}}, "params go with a spec"),
        ({"digest": "12"}, "digest"),
    ],
)
def test_errors_for_people(home, fields, said):
    for name, data in {
        "broken.jsonl": '{"text": "a"}\n{"text": null}\n',
        "half.jsonl": '{"text": "\\ud800"}\n',
        "numbers.jsonl": '{"text": 3}\n',
        "noise.parquet": "PAR1 no",
        "page.txt": "text",
    }.items():
        (home / name).write_text(data)
    try:
        with pytest.raises(SynthgenError, match=said):
            mixed(home, **fields)
    finally:
        for name in ("broken.jsonl", "half.jsonl", "numbers.jsonl", "noise.parquet", "page.txt"):
            Path(home / name).unlink()
    with pytest.raises(SynthgenError, match="column goes with text"):
        mixed(home, PEOPLE | {"column": "body"})
