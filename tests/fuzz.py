"""Junk for everything that reads: specs, grammars, word lists, manifests, journals, shards, completions.

    python tests/fuzz.py 10        # ten minutes, shared out between the targets; new junk at every run

Whatever comes in, only a SynthgenError may come out, within `SECONDS` an example (an answer: `ANSWER_SECONDS`, at the
best of three) and `MEMORY` bytes more than at the start; no verifier may accept what a second evaluator refuses; nothing outside the folder at hand may change, and no string in a data file may run. Every target runs in a
forked child, so that a crash of a library's C code is a finding as well.
"""

import contextlib
import copy
import functools
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import evaluators
import hypothesis
import pyarrow as pa
import tomli_w
from hypothesis import strategies as st
from test_words import list_cases, read_list_or_refuse, read_terminals_or_refuse, terminal_cases

import synthgen
from synthgen.dataset.build import finish
from synthgen.dataset.build_journal import _sealed
from synthgen.dataset.check import check_folder
from synthgen.dataset.folder import read_manifest
from synthgen.dataset.manifest import Manifest, open_folder
from synthgen.errors import SynthgenError
from synthgen.spec.spec import shipped_specs, specs_folder
from synthgen.task.ids import WrongKind
from synthgen.task.verdict import Verdict
from synthgen.tasks.cfg.grammar import Grammar

SECONDS = 60
"""An example may take this long, the first use of a kernel (compiled then) included."""

ANSWER_SECONDS = 0.1
"""A verdict on an answer may take this long."""

MEMORY = 2 << 30
"""A target may take this much more memory than at its start."""

CANARY = Path(tempfile.gettempdir()) / f"synthgen-canary-{os.getpid()}"
EVIL = (
    f"__import__('pathlib').Path({str(CANARY)!r}).touch()",
    f"$(touch {CANARY})",
    f"!!python/object/apply:os.system ['touch {CANARY}']",
    "cos\nsystem\n(S'touch " + str(CANARY) + "'\ntR.",
    "{{ 7 * 7 }}",
    "{0.__class__.__init__.__globals__}",
    "../evil",
    "../../../../tmp/evil",
    "/etc/passwd",
    "data/../../evil.arrow",
    "a/./b",
    "~/evil",
    "C:\\evil",
    "nul\0byte",
    "a" * 5000,
    "",
    ".",
    "..",
    "-",
    "\ud7ff\U0010ffff\u202e",
    "%s%n{}{v}",
)
BOMBS = (
    b"x = " + b"[" * 20_000,
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"x = " + b"9" * 10_000,
    b"x = {a = " * 5_000,
    b"a." * 20_000 + b"b = 1",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf",
    b"",
)

numbers = st.integers(-(2**70), 2**70) | st.sampled_from([0, 1, 2, -1, 2**31, 2**62, 2**63, 2**64, 10**18])
scalars = numbers | st.floats() | st.booleans() | st.text(max_size=20) | st.sampled_from(EVIL)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=8), v, max_size=4))


@st.composite
def mutated(draw, data, most=6):
    """Return bytes that were changed in a few places: flipped, cut, doubled, cut short, or filled with junk."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, most))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        upto = min(len(data), at + draw(st.integers(1, 40)))
        match draw(st.integers(0, 5)):
            case 0 if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case 1:
                del data[at:upto]
            case 2:
                data[at:at] = data[at:upto] * draw(st.sampled_from([1, 2, 50]))
            case 3:
                del data[at:]
            case 4:
                data[at:upto] = draw(st.binary(max_size=8))
            case 5:
                data[at:at] = draw(st.sampled_from(EVIL)).encode("utf-8", "replace")
    return bytes(data)


@st.composite
def changed(draw, table, most=3):
    """Return a copy of a JSON-like table with junk in the place of a few of its values, or of its keys."""
    table = copy.deepcopy(table)
    for _ in range(draw(st.integers(1, most))):
        node = table
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(node[key], dict | list) and node[key] and draw(st.integers(0, 3)):
                node = node[key]
                continue
            match draw(st.integers(0, 3)) if isinstance(node, dict) else 0:
                case 0 | 1:
                    node[key] = draw(values)
                case 2:
                    del node[key]
                case 3:
                    node[draw(st.sampled_from(EVIL) | st.text(max_size=8))] = node.pop(key)
            break
    return table


def toml(table):
    """Return a table as TOML, or junk where TOML cannot hold it."""
    try:
        return tomli_w.dumps(table).encode("utf-8", "replace")
    except (TypeError, ValueError, AttributeError):
        return repr(table).encode("utf-8", "replace")


# ---------------------------------------------------------------------------------------------------------------------
# What is around an example.


class Slow(BaseException):
    """An example took longer than `SECONDS`; no `Exception`, lest it be taken for one of the reader's."""


@contextlib.contextmanager
def bounded():
    """Let only SynthgenErrors through, quietly; see to time, memory, the canary."""

    def ring(number, frame):
        raise Slow("".join(traceback.format_stack(frame)[-4:]))

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        with contextlib.suppress(SynthgenError):
            yield
    except Slow as slow:
        raise AssertionError(f"took more than {SECONDS} s in {slow}") from None
    finally:
        signal.alarm(0)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < MEMORY, f"took {grown / 1e9:.1f} GB"
    assert not CANARY.exists(), "a string from a data file was run"


@contextlib.contextmanager
def place(files=()):
    """Give a new folder with files, inside of another one in which nothing may appear."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as outer:
        folder = Path(outer, "inner")
        folder.mkdir()
        for name, content in dict(files).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        yield folder
        assert os.listdir(outer) == ["inner"], "something was written outside of the folder"


def use(path):
    """Load a spec and make a few rows of it, as far as that is possible."""
    source = synthgen.load(path)
    for split in [*source.splits[:2], "fresh"]:
        batch = source.batch(0, min(2, source.rows_max(split) or 2), split)
        batch.validate(full=True)


# ---------------------------------------------------------------------------------------------------------------------
# The targets: name -> (strategy, function).

TARGETS = {}


def target(strategy):
    """Register a function of one piece of junk."""

    def register(function):
        TARGETS[function.__name__] = (strategy, function)
        return function

    return register


def _spec_texts():
    return {name: (specs_folder() / f"{name}.toml").read_bytes() for name in shipped_specs()}


def _tables():
    import tomllib

    return {name: tomllib.loads(text.decode()) for name, text in _spec_texts().items()}


shipped = st.sampled_from(shipped_specs())


@target(shipped.flatmap(lambda n: mutated(_spec_texts()[n])) | st.sampled_from(BOMBS))
def spec_files_in_bytes(text):
    with place({"junk.toml": text}) as folder, bounded():
        use(folder / "junk.toml")


@target(shipped.flatmap(lambda n: changed(_tables()[n])))
def spec_files_in_values(table):
    with place({"junk.toml": toml(table)}) as folder, bounded():
        use(folder / "junk.toml")


@target(st.dictionaries(st.sampled_from(["people", "seed", "params.x", "splits.a.rows", "task"]) | st.text(), scalars))
def overrides(sets):
    from synthgen.spec.spec import load_spec

    with bounded():
        load_spec("bios-multi5", sets=sets)


GRAMMAR = {
    "root": "S",
    "rules": {
        "S": [["A", "B"], ["B", "A", "B"]],
        "A": [{"to": ["x", "y"], "weight": 3}, {"to": ["y"], "weight": 1}],
        "B": [["x"], ["B", "y"]],
    },
}
GRAMMAR_SPEC = toml({"task": "cfg", "params": {"grammar": "g.toml"}, "splits": {"train": {"rows": 4}}})


@target(changed(GRAMMAR).map(toml) | mutated(toml(GRAMMAR)) | st.sampled_from(BOMBS))
def grammar_files(text):
    with place({"junk.toml": GRAMMAR_SPEC, "g.toml": text}) as folder, bounded():
        use(folder / "junk.toml")


symbols = st.sampled_from("STUVxyz")
rules = st.dictionaries(
    st.sampled_from("STUV"), st.lists(st.lists(symbols, max_size=4), min_size=1, max_size=4), min_size=1
)


@target(rules)
def grammars_of_any_shape(rules):
    text = toml({"root": "S", "rules": rules})
    with place({"junk.toml": GRAMMAR_SPEC, "g.toml": text}) as folder, bounded():
        use(folder / "junk.toml")


NLTK = b"S -> A B [0.25] | 'x' [0.75]\nA -> 'y' [1.0]\nB -> A A [0.5] | 'z' [0.5]\n"


@target(mutated(NLTK))
def nltk_grammars(text):
    with bounded():
        Grammar.from_nltk(text.decode("utf-8", "replace"))


LISTS_SPEC = toml({"task": "bios", "params": {"people": 50, "lists": "lists"}, "splits": {"train": {"rows": 50}}})


@functools.cache
def _lists():
    from synthgen.tasks.bios.world.lists import OWN

    return {path.name: path.read_bytes() for path in Path(OWN).iterdir() if path.suffix in (".txt", ".toml")}


@target(
    st.sampled_from(sorted(_lists())).flatmap(
        lambda n: st.tuples(st.just(n), mutated(_lists()[n]) | mutated(b"One\nTwo\nThree\n") | st.sampled_from(BOMBS))
    )
)
def word_lists(file):
    name, text = file
    with place({"junk.toml": LISTS_SPEC, f"lists/{name}": text}) as folder, bounded():
        use(folder / "junk.toml")


@target(list_cases)
def lists_read_to_the_end(case):
    with bounded():
        read_list_or_refuse(*case)


@target(terminal_cases)
def terminals_read_to_the_end(case):
    with bounded():
        read_terminals_or_refuse(*case)


@functools.cache
def _sound(container="arrow"):
    """Return the files of a small dataset, by path."""
    home = Path(tempfile.mkdtemp())
    synthgen.generate("cfg3b", home / "data", splits=["test", "fresh:more"], rows=40, shards=2, format=container)
    found = {p.relative_to(home / "data").as_posix(): p.read_bytes() for p in (home / "data").rglob("*") if p.is_file()}
    shutil.rmtree(home)
    return found


def _manifest():
    return json.loads(_sound()["manifest.json"])


@target(
    st.deferred(lambda: changed(_manifest())).map(lambda t: json.dumps(t, default=str).encode("utf-8", "replace"))
    | st.deferred(lambda: mutated(_sound()["manifest.json"]))
    | st.sampled_from(BOMBS)
)
def manifests(text):
    with place({**_sound(), "manifest.json": text}) as folder:
        for read in (Manifest.read, check_folder, open_folder, functools.partial(read_manifest, verify=True)):
            with bounded():
                read(folder)
        with bounded():
            synthgen.generate("cfg3b", folder, splits=["test", "fresh:more"], rows=40, shards=2, verify=True)


@target(
    st.deferred(lambda: changed(_manifest()["shards"][0])).map(lambda t: json.dumps(t, default=str)).map(str.encode)
)
def manifests_that_lie_of_a_shard(entry):
    table = _manifest()
    table["shards"][0] = json.loads(entry)
    with place({**_sound(), "manifest.json": json.dumps(table).encode()}) as folder:
        for read in (check_folder, open_folder):
            with bounded():
                read(folder)


def _forged(container, data):
    """Return a dataset whose first shard is `data`, with a manifest that agrees."""
    files = dict(_sound(container))
    table = json.loads(files["manifest.json"])
    shard = table["shards"][0]
    shard["bytes"], shard["sha256"] = len(data), hashlib.sha256(data).hexdigest()
    return {**files, shard["path"]: data, "manifest.json": json.dumps(table).encode()}


def _shard(container):
    files = _sound(container)
    return files[json.loads(files["manifest.json"])["shards"][0]["path"]]


@target(st.deferred(lambda: mutated(_shard("arrow"), most=4)) | st.sampled_from(BOMBS))
def arrow_shards(data):
    with place(_forged("arrow", data)) as folder, bounded():
        check_folder(folder, sample=0.5)


@target(st.deferred(lambda: mutated(_shard("parquet"), most=4)) | st.sampled_from(BOMBS))
def parquet_shards(data):
    with place(_forged("parquet", data)) as folder, bounded():
        check_folder(folder, sample=0.5)


@target(st.deferred(lambda: mutated(_shard("arrow-file"), most=4)) | st.sampled_from(BOMBS))
def arrow_files(data):
    with place(_forged("arrow-file", data)) as folder, bounded():
        check_folder(folder, sample=0.5)


@functools.cache
def _foreign_streams():
    """Return Arrow streams that are sound and not ours: other types, dictionaries, a bomb of compressed zeros."""
    tables = [
        pa.table({"id": pa.nulls(10**6, pa.int64())}),
        pa.table({"id": pa.array(["a", "b", "a"]).dictionary_encode()}),
        pa.table({"id": [[1, 2], None], "bits": [{"total": None}, None]}),
        pa.table({}),
    ]
    streams = []
    for table in tables:
        for codec in (None, "zstd", "lz4"):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
                writer.write_table(table)
            streams.append(sink.getvalue().to_pybytes())
    return streams


@target(st.deferred(lambda: st.sampled_from(_foreign_streams())).flatmap(lambda s: st.just(s) | mutated(s)))
def foreign_streams(data):
    with place(_forged("arrow", data)) as folder, bounded():
        check_folder(folder, sample=0.5)


@functools.cache
def _begun():
    """Return the files of an unfinished build, by path."""
    home = Path(tempfile.mkdtemp())
    synthgen.generate("cfg3b", home / "data", splits=["test"], rows=40, shards=2, rank=0, world_size=2)
    found = {p.relative_to(home / "data").as_posix(): p.read_bytes() for p in (home / "data").rglob("*") if p.is_file()}
    shutil.rmtree(home)
    return found


def _entry(name):
    return json.loads(_begun()[name])["entry"]


@target(st.deferred(lambda: changed(_entry(".synthgen/build.json"))) | values)
def journals_under_a_forged_seal(entry):
    try:
        text = _sealed("build.json", entry).encode("utf-8", "replace")
    except (TypeError, ValueError):
        return
    with place({**_begun(), ".synthgen/build.json": text}) as folder:
        with bounded():
            finish(folder)
        with bounded():
            synthgen.generate("cfg3b", folder, splits=["test"], rows=40, shards=2)


@functools.cache
def _row(name):
    source = synthgen.load(name)
    split = next(iter(source.splits), "train")
    return source, split, source.row(0, split)


def judged(verdict):
    """See that something is a verdict."""
    assert isinstance(verdict, Verdict), verdict
    assert 0.0 <= verdict.score <= 1.0
    assert isinstance(verdict.correct, bool)
    assert isinstance(verdict.reason, str)


@target(shipped.flatmap(lambda n: st.tuples(st.just(n), st.deferred(lambda: changed(_row(n)[2])) | values)))
def rows_fed_to_verifiers(junk):
    name, row = junk
    source, split, _ = _row(name)
    with bounded():
        judged(source.verify(row, split=split))


@st.composite
def completions(draw):
    """Return (spec, prompt, completion): the true ones mutated, junk text, junk tokens, or no text at all."""
    name = draw(shipped)
    _, _, row = _row(name)
    parts = [row.get("prompt", row.get("text", row.get("input_ids"))), row.get("completion", row.get("input_ids", ""))]
    for i in range(2):
        match draw(st.integers(0, 3)):
            case 0 if isinstance(parts[i], str):
                parts[i] = draw(mutated(parts[i].encode())).decode("utf-8", "replace")
            case 0 | 1 if isinstance(parts[i], list):
                parts[i] = draw(changed(parts[i]) if parts[i] else values)
            case 2:
                parts[i] = draw(st.text() | st.lists(numbers) | values | st.none())
    return name, *parts


def at_once(name, verify):
    """See that a verdict comes quickly: the first of three tries, or the best of them."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        verdict = verify()
        times.append(time.perf_counter() - started)
        if times[-1] <= ANSWER_SECONDS:
            break
    assert min(times) <= ANSWER_SECONDS, f"{name}: a verdict took {min(times):.2f} s"
    return verdict


@target(completions())
def completions_fed_to_verifiers(junk):
    name, prompt, completion = junk
    source, split, _ = _row(name)
    with bounded():
        if completion is None:
            judged(source.verify(prompt, completion, split=split))
            return
        verdict = at_once(name, lambda: source.verify(prompt, completion, split=split))
        judged(verdict)
        try:
            score = source.reward([prompt], [completion], split=split)[0]
        except WrongKind as error:
            assert verdict.reason == f"format: {error}"
        else:
            assert score == verdict.score


@target(st.tuples(shipped, st.integers(1, 10**6), st.integers(0, 5), st.text(max_size=8)))
def long_completions_fed_to_verifiers(junk):
    name, size, at, noise = junk
    source, split, row = _row(name)
    prompt = evaluators.asked(row) if "text" not in row else row["text"][:50]
    said = row.get("completion") or row.get("text") or row["input_ids"][len(prompt) :]
    part = said[: len(said) >> at] or said[:1]
    said = part * (size // len(part)) + (noise if isinstance(said, str) else []) + said
    with bounded():
        judged(at_once(name, lambda: source.verify(prompt, said, split=split)))


@target(st.tuples(st.sampled_from([*evaluators.EVALUATORS]), st.integers(0, 10**6)))
def answers_held_against_evaluators(junk):
    name, seed = junk
    with bounded():
        wrong, _ = evaluators.disagreements(name, 10, seed, rows=12)
        assert not wrong, wrong


@target(st.tuples(st.sampled_from(["split", "grammar", "lists", "out"]), st.sampled_from(EVIL) | st.text(max_size=12)))
def names_that_lead_elsewhere(junk):
    field, name = junk
    with place() as folder, bounded():
        if field == "split":
            synthgen.generate("cfg3b", folder / "out", splits=[name], rows=4)
        elif field == "out":
            with contextlib.suppress(ValueError) if "\0" in name else contextlib.nullcontext():
                Manifest.read(folder / name)
        else:
            task = {"grammar": "cfg", "lists": "bios"}[field]
            table = {"task": task, "params": {field: name, **({"people": 4} if field == "lists" else {})}}
            (folder / "junk.toml").write_bytes(toml(table))
            use(folder / "junk.toml")


# ---------------------------------------------------------------------------------------------------------------------
# The harness.


def fuzz(name, examples, seed=None):
    """Feed a target this many pieces of junk, always the same ones without a seed. Raises what went wrong."""
    strategy, function = TARGETS[name]

    def one(junk):
        function(junk)

    settings = hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=seed is None,
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=True,
    )
    test = settings(hypothesis.given(strategy)(one))
    (test if seed is None else hypothesis.seed(seed)(test))()


def fuzz_for(name, seconds, batch=50):
    """Feed a target new junk for so many seconds; return (pieces, "" or what went wrong)."""
    started, fed = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        seed = random.SystemRandom().randrange(2**32)
        try:
            fuzz(name, batch, seed)
        except BaseException:
            return fed, f"seed {seed}\n{_short(traceback.format_exc())}"
        fed += batch
    return fed, ""


def _short(text):
    """Return the ends of lines and the middle of what hypothesis says."""
    lines = [line[:300] for line in text.splitlines()]
    return "\n".join([*lines[:5], "...", *lines[-60:]])


def in_child(name, seconds):
    """Run `fuzz_for` in a forked child, and tell of its crash as well."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        with open("/dev/null", "w") as null:
            os.dup2(null.fileno(), 2)
        with os.fdopen(write, "w") as pipe:
            json.dump(fuzz_for(name, seconds), pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return json.loads(text) if status == 0 and text else (0, f"died of signal {-status}")


def main():
    """Fuzz every target (or those whose names hold a word) for its share of the minutes; print a table of findings."""
    minutes, words = float((sys.argv[1:] or ["10"])[0]), sys.argv[2:]
    names = [name for name in TARGETS if not words or any(word in name for word in words)]
    for name in shipped_specs():
        _row(name)  # kernels are compiled here, once
    print(f"{'target':<36}{'pieces of junk':>16}{'findings':>10}", flush=True)
    findings = 0
    for name in names:
        fed, fault = in_child(name, 60 * minutes / len(names))
        findings += bool(fault)
        print(f"{name:<36}{fed:>16,}{bool(fault):>10}", flush=True)
        if fault:
            print(fault, flush=True)
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
