"""Files that others wrote: whatever they hold or are, a sentence, soon, and with little memory."""

import ast
import contextlib
import io
import json
import os
import random
import resource
import shutil
import time

import pytest
from helpers import run
from test_house import TREES

import synthgen
from synthgen.cli.display import print_manifest
from synthgen.dataset.check import check_folder
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.readme import short_readme
from synthgen.errors import SynthgenError
from synthgen.publish.card import read_front_matter
from synthgen.publish.hub import push_journal, staging
from synthgen.publish.hub.pull import _refuse_other
from synthgen.spec.source import load
from synthgen.spec.spec import load_spec, set_arguments
from synthgen.task import certificates, foreign
from synthgen.train import reproduce, runs
from synthgen.train.score import score_completions
from synthgen.windowing.token_files import write_bins

READERS = {"read_text", "read_bytes", "open", "memmap", "fromfile", "connect", "memory_map", "safe_load"}
READERS |= {"ParquetFile", "read_table", "loadtxt", "copyfile", "copytree"}
PARSERS = {f"{library}.{call}" for library in ("json", "yaml", "np", "torch", "pickle") for call in ("load", "loads")}
OURS = {"data.open", "self.open"}
"""Methods of ours by such a name."""

ELSEWHERE = {
    "synthgen/task/foreign.py": "the one place",
    "synthgen/task/files.py": {"temporary.open": "written", "os.open": "a folder", "path.open": "bytes for a hash"},
    "synthgen/exact/jit.py": {"source.read_bytes": "Python's sources", "file.read_text": "Python's sources",
                              "file.read_bytes": "Python's sources"},
    "synthgen/dataset/containers.py": {"pa.memory_map": "shards, bounded there",
                                       "pq.ParquetFile": "shards, bounded there"},
    "synthgen/mixture/text/sources.py": {"pa.memory_map": "a user's texts, each value looked at",
                                         "pq.ParquetFile": "a user's texts, each value looked at"},
    "synthgen/mixture/text/store.py": {"pa.memory_map": "texts that were taken in, held against their digest"},
    "synthgen/dataset/parquet_bounds.py": {"path.open": "headers of 64 bytes"},
    "synthgen/dataset/folder.py": {"(work / 'lock').open": "a lock, never read"},
    "synthgen/dataset/estimate.py": {"status.read_text": "what the kernel says of this process"},
    "synthgen/publish/card.py": {"(shipped('cards') / 'template.md').read_text": "the package's template",
                                 "json.loads": "text that was just made"},
    "synthgen/publish/gallery.py": None,  # the maintainers' script, over files of this repository
    "synthgen/tasks/bios/rewrites/endpoint.py": {"sqlite3.connect": "a database, checked there"},
    "synthgen/tokens/tokenizer.py": {"json.loads": "text that the library made"},
    "synthgen/windowing/token_files.py": {"temporary['tokens'].open": "written", "temporary['mask'].open": "written",
                                          "(folder / name).open": "bytes for a hash"},
    "synthgen/cli/entropies.py": {"ENTROPIES.read_text": "the package's table", "json.loads": "the package's table",
                                 "users_file().read_bytes": "searched for digests, and not parsed"},
    "synthgen/cli/listing.py": {"LISTING.read_text": "the package's table", "json.loads": "the package's table"},
    "synthgen/train/loop.py": {"self.file.open": "appended to", "torch.load": "weights only, damage told"},
    "synthgen/train/runs.py": {"json.loads": "text that was just made", "torch.load": "weights only, damage told"},
    "synthgen/train/reproduce.py": {"json.loads": "text that was just made"},
    "synthgen/cli/train_commands.py": {"file.open": "written"},
    "synthgen/cli/terminal.py": {"open": "the null device"},
    "synthgen/task/markup.py": {"json.loads": "an answer, bounded, whose keys may stand twice"},
    "synthgen/cli/reading.py": {"webbrowser.open": "a page that was just made"},
    "synthgen/bench/disk.py": {"Path(place, 'zeros').open": "written"},
    "synthgen/publish/drawing/raster.py": {"Image.open": "an image that was just made"},
    "synthgen/publish/hub/staging.py": {"shutil.copyfile": "shards, checked after"},
}  # fmt: skip


def readers_in(path, tree):
    """Yield (line, call) of whatever may read a file or parse a text, but for what ELSEWHERE allows."""
    allowed = ELSEWHERE.get(path, {})
    if allowed is None or isinstance(allowed, str):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            yield from ((node.lineno, name) for name in names & {"tomllib"})
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            name = called.split(".")[-1]
            by_name = name in READERS and (isinstance(node.func, ast.Attribute) or name == "open")
            if (by_name or called in PARSERS) and called not in allowed and called not in OURS:
                yield node.lineno, called


def test_nobody_else_reads_what_others_wrote():
    assert {path: calls for path, tree in TREES.items() if (calls := list(readers_in(path, tree)))} == {}
    used = {path: {ast.unparse(n.func) for n in ast.walk(TREES[path]) if isinstance(n, ast.Call)} for path in ELSEWHERE}
    stale = {p: set(v) - used[p] for p, v in ELSEWHERE.items() if isinstance(v, dict) and set(v) - used[p]}
    assert stale == {}, "allowed, and not needed any more"


@pytest.mark.parametrize(
    "planted", ["json.loads(text)", "path.read_text()", "open(path)", "import tomllib", "yaml.safe_load(t)", "torch.load(f)"]
)  # fmt: skip
def test_a_planted_reader_is_told(planted):
    assert list(readers_in("synthgen/dataset/check.py", ast.parse(planted)))


# -- the reader -------------------------------------------------------------------------------------------------------

DEEP = 100_000


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfe{\0}\0", "UTF-16"),
        (b'{"a": 1}\n\xe4', "line 2: byte 0xe4 is not UTF-8"),
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"[" * DEEP, "nested too deeply"),
        (b"[" * 900 + b"]" * 900, "nested too deeply"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "a number of 5,000 digits"),
        (b"[" + b"9" * 400 + b"]", "a number of 400 digits"),
        (b'["\\ud800"]', "stands alone"),
        (b"[" + b"1," * (foreign.MAX_VALUES + 1), "more than 10,000,000 values"),
    ],
)
def test_what_is_no_json_is_told(tmp_path, data, message):
    file = tmp_path / "a.json"
    file.write_bytes(data)
    with pytest.raises(foreign.Unreadable, match=message) as told:
        foreign.read_json(file)
    assert str(told.value).startswith(str(file))
    assert len(str(told.value)) < 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = ", "not valid TOML"),
        ("a = " + "[" * DEEP, "nested too deeply"),
        ("a = " + "[" * 70 + "]" * 70, "nested too deeply"),
        ("a" + ".a" * DEEP + " = 1", "nested too deeply"),
        ("a = " + "9" * 5000, "thousands of digits"),
        ("a = 0x" + "f" * 5000, "beyond 64 bits"),
        ("a = [{b = 9223372036854775808}]", "beyond 64 bits"),
        ("a = 2001-99-99", "not valid TOML"),
    ],
)
def test_what_is_no_toml_is_told(tmp_path, text, message):
    file = tmp_path / "a.toml"
    file.write_text(text)
    with pytest.raises(foreign.Unreadable, match=message) as told:
        foreign.read_toml(file)
    assert len(str(told.value)) < 500


@pytest.mark.parametrize(
    "text", ["a: 2001-99-99", "a: &x [1]\nb: [*x, *x]", 'a: "', "a: " + "[" * DEEP, "? {a: 1}\n: 2", "a: " + "9" * 5000]
)
def test_metadata_of_a_card_that_is_none_is_told(text):
    with pytest.raises(SynthgenError, match="its metadata"):
        read_front_matter(f"---\n{text}\n---\n# Card\n", "README.md")
    assert read_front_matter("---\na: 1\n---\n", "README.md") == {"a": 1}


def test_byte_order_marks_and_line_ends_of_windows_are_read(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    assert foreign.read_toml(tmp_path / "a.toml") == {"a": 1, "b": 2}
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": "x"}\r\n')
    assert foreign.read_json(tmp_path / "a.json") == {"a": "x"}
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}')
    assert list(foreign.read_json_lines(tmp_path / "a.jsonl")) == [(1, {"a": 1}), (3, {"a": 2})]


def test_a_line_of_json_ends_at_a_line_feed_alone(tmp_path):
    values = [{"t": f"a{mark}b"} for mark in "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"]
    raw = [json.dumps(value, ensure_ascii=False) for value in values]  # control characters are escaped, as they must be
    (tmp_path / "a.jsonl").write_text("\n".join(raw) + "\n", encoding="utf-8")
    assert [value for _, value in foreign.read_json_lines(tmp_path / "a.jsonl")] == values


def pipe(path):
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (pipe, "is a pipe or a device"),
        (lambda path: path.symlink_to("/dev/zero"), "is a pipe or a device"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (lambda path: None, "No such file"),
    ],
)
def test_only_files_are_read(tmp_path, make, message):
    make(tmp_path / "a")
    begun = time.monotonic()
    for read in (foreign.read_text, foreign.read_json, foreign.read_toml, lambda p: list(foreign.read_json_lines(p))):
        with pytest.raises(foreign.Unreadable, match=message):
            read(tmp_path / "a")
    assert time.monotonic() - begun < 2


def test_five_gigabytes_of_nothing_are_not_read(tmp_path):
    """As a manifest, a spec, a list, answers: none takes them into memory."""
    synthgen.generate("copy-tiny", tmp_path / "data", splits=["test"], rows=3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read, name in (
        (foreign.read_toml, "a.toml"),
        (foreign.read_json, "a.json"),
        (Manifest.read, "data/manifest.json"),
    ):
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, 5 << 30)
        with pytest.raises(SynthgenError, match="larger than"):
            read((tmp_path / name).parent if read == Manifest.read else tmp_path / name)
    with pytest.raises(SynthgenError, match="longer than"):
        list(foreign.read_json_lines(tmp_path / "a.json"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20, "kilobytes"


# -- a manifest, with any value anywhere ------------------------------------------------------------------------------

VALUES = [
    None,
    True,
    -1,
    2**80,
    1e999,
    "x\x1b[2J",
    [],
    {},
    ["x"],
    {"bits": "x", "status": 3},
    "../../etc/passwd",
    "9" * 400,
]


def places(value, path=()):
    """Yield the path of everything inside a JSON value."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(item, (*path, key))


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    synthgen.generate("copy-tiny", folder / "tokens", splits=["test"], rows=12, shards=2)
    return folder / "tokens"


def test_any_value_in_a_manifest_gives_a_sentence(sound, tmp_path):
    folder = shutil.copytree(sound, tmp_path / "data")
    file, source = folder / "manifest.json", load("copy-tiny")
    stated = json.loads(file.read_text())
    everywhere = list(places(stated))
    assert len(everywhere) > 80
    order = random.Random(1)
    read = told = 0
    for number, path in enumerate(everywhere * 3):
        changed = json.loads(json.dumps(stated))
        *above, last = path
        inside = changed
        for key in above:
            inside = inside[key]
        if number < len(everywhere):
            del inside[last]
        else:
            inside[last] = order.choice(VALUES)
        file.write_text(json.dumps(changed))
        try:
            manifest = Manifest.read(folder)
            short_readme(manifest, source.schema, source.task())
            with contextlib.redirect_stdout(io.StringIO()):
                print_manifest(manifest, folder, None)
            if number % 7 == 0:
                check_folder(folder, 0)
            read += 1
        except SynthgenError as error:
            assert "\n" not in str(error), error
            told += 1
    assert read > 20, "what is not looked at does no harm"
    assert told > 100


def test_a_key_that_is_missing_is_named(sound, tmp_path):
    folder = shutil.copytree(sound, tmp_path / "data")
    stated = json.loads((folder / "manifest.json").read_text())
    for path, said in ((("splits", "test", "rows"), "'splits.test.rows' is missing"), (("shards", 1, "sha256"), "'shards.1.sha256' is missing"),
                       (("vocab", "eos"), "vocab: 'eos' is missing")):  # fmt: skip
        changed = json.loads(json.dumps(stated))
        inside = changed
        for key in path[:-1]:
            inside = inside[key]
        del inside[path[-1]]
        (folder / "manifest.json").write_text(json.dumps(changed))
        with pytest.raises(SynthgenError, match=said) as told:
            Manifest.read(folder)
        assert "--verify" in str(told.value)
        assert str(folder / "manifest.json") in str(told.value)


# -- everything else that is read again -------------------------------------------------------------------------------

JUNK = [b"", b"{", b"[]", b"null", b"7", b'{"a": 1}', b"\xff\xfe\xfa", b"[" * 5000, b'{"seal": 1, "entry": []}', None]
"""None stands for a pipe."""


def put(path, junk):
    path.unlink(missing_ok=True)
    os.mkfifo(path) if junk is None else path.write_bytes(junk)


@pytest.mark.parametrize("junk", JUNK)
def test_damaged_work_files_are_told_or_made_anew(sound, tmp_path, junk, monkeypatch):
    file = tmp_path / "x.json"
    put(file, junk)
    for read in (push_journal.PushJournal.load, certificates.runs_in):
        with contextlib.suppress(SynthgenError):
            assert read(file) == {}
    assert reproduce._saved(file) is None
    (tmp_path / ".pull").mkdir()
    put(tmp_path / ".pull/pull.json", junk)
    with pytest.raises(SynthgenError, match="pull again"):
        _refuse_other(tmp_path, {"repo": "a/b", "commit": "0", "config": "default"})
    put(tmp_path / "settings.json", junk)
    put(tmp_path / "model.pt", junk)
    put(tmp_path / "metrics.jsonl", junk)
    with pytest.raises(SynthgenError, match="is no run"):
        runs.read_settings(tmp_path)
    with pytest.raises(SynthgenError, match="take another --out"):
        runs.write_settings(tmp_path, {"settings": {}})
    with pytest.raises(SynthgenError, match=r"model\.pt"):
        runs.load_model(tmp_path)
    assert not runs.holds_run(tmp_path, {"settings": {}})
    with contextlib.suppress(SynthgenError):
        assert all(isinstance(line, dict) for line in runs.read_metrics(tmp_path))
    put(tmp_path / "test.json", junk)
    with pytest.raises(SynthgenError, match=r"test\.json"):
        write_bins(load_spec("copy-tiny"), tmp_path, splits=["test"], rows=2)


@pytest.mark.parametrize("junk", [b"{", b"[]", b'{"path": 1}', b"\xff", None])
def test_a_damaged_staging_is_made_anew(sound, tmp_path, junk):
    folder = shutil.copytree(sound, tmp_path / "data")
    arguments = (folder, "default", "parquet", "org/name", "v1", "cc0-1.0", False, None)
    (folder / ".push").mkdir()
    staged = staging.stage(*arguments)
    for record in (staged.folder / "staged.json", *sorted((staged.folder / "shards").iterdir())):
        put(record, junk)
    again = staging.stage(*arguments)
    assert again.manifest == staged.manifest
    assert {file.path for file in again.other_files()} == {
        *("README.md", "croissant.json", "manifest.json", "spec.toml"),
    }


@pytest.mark.parametrize("junk", JUNK)
def test_a_damaged_journal_of_a_build_costs_no_more_than_its_shards(tmp_path, junk):
    want = {"splits": ["test"], "rows": 12, "shards": 2}
    out = tmp_path / "data"
    synthgen.generate("copy-tiny", out, rank=0, world_size=2, **want)
    for entry in (out / ".synthgen/shards").iterdir():
        put(entry, junk)
    put(out / ".synthgen/build.json", junk)
    assert synthgen.generate("copy-tiny", out, **want).totals["rows"] == 12


def test_answers_with_line_separators_are_whole_and_bad_lines_are_named(tmp_path):
    source, file = load("copy-tiny"), tmp_path / "answers.jsonl"
    lines = [json.dumps({"id": i, "completion": f"a\u2028b\x85{i}"}, ensure_ascii=False) for i in range(3)]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert score_completions(source, "test", file).rows.of == 3
    for line, message in (('{"id": 3}', "line 4: 'completion' is missing"), ('{"id": "3", "completion": ""}', "line 4: id = '3'"),
                          ("[" * 5000, "line 4: nested too deeply"), ('{"id": ' + "9" * 5000 + "}", "line 4: not JSON"),
                          ("[]", "line 4"), ('{"id": true, "completion": ""}', "line 4: id = True")):  # fmt: skip
        file.write_text("\n".join([*lines, line]), encoding="utf-8")
        with pytest.raises(SynthgenError, match=message) as told:
            score_completions(source, "test", file)
        assert '{"id": 17' in str(told.value)


@pytest.mark.parametrize("digits", ["9" * 20, "9" * 400, "9" * 5000, "-" + "9" * 5000])
def test_numbers_that_nothing_holds_are_told(digits):
    with pytest.raises(SynthgenError, match=r"--set tokens: .*(64 bits|digits)") as told:
        set_arguments([f"tokens={digits}"])
    assert len(str(told.value)) < 200
    with pytest.raises(SynthgenError, match="tokens") as told:
        load_spec("copy-tiny", params={"tokens": int(digits[:4000]) ** 2})
    assert len(str(told.value)) < 400


def test_a_word_of_digits_stays_a_word():
    assert set_arguments(["a=007", "b=12", "c=x"]) == {"a": "007", "b": 12, "c": "x"}


def test_the_command_line_tells_of_a_pipe_in_the_place_of_a_spec(tmp_path):
    os.mkfifo(tmp_path / "s.toml")
    done = run("show", tmp_path / "s.toml")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
