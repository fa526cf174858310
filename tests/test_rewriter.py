"""Rewrites by a language model: a real HTTP server that misbehaves, a cache that resumes, and rows from the file."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.errors import SynthgenError
from synthgen.tasks.bios.rewrites import endpoint as endpoint_module
from synthgen.tasks.bios.rewrites.endpoint import Sampling, rewrite
from synthgen.tasks.bios.rewrites.reading.model_text import RewriteJudge, messages

ROWS, KEY = 12, "sk-very-secret"


def asked(source, out, sampling, **options):
    """Have a source's rows rewritten."""
    return rewrite(source.task(), source.spec.content_id, out, sampling, **options)


def loaded():
    return synthgen.load("bios-rewrite5", params={"people": 6, "entries": 2})


def good(ask):
    """Return what an obedient model would: the text behind the last blank line, with the tone changed."""
    source = ask.split("\n\n")[1]
    return source + " This is all that is told."


class Model(BaseHTTPRequestHandler):
    """A chat endpoint that does what the test says: `behave(number of the request, what was asked)`."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.asked.append((self.headers.get("Authorization"), self.path, body))
            number = len(server.asked) - 1
        status, headers, content = server.behave(number, body["messages"][-1]["content"])
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client had read enough


def says(text, **more):
    return 200, {}, {"choices": [{"message": {"content": text}, **more}]}


@pytest.fixture
def endpoint(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    server.lock, server.asked, server.behave = threading.Lock(), [], lambda number, ask: says(good(ask))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(endpoint_module, "WAIT", 0.01)
    yield server
    server.shutdown()
    server.server_close()


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rewrites_become_rows(endpoint, tmp_path):
    report = asked(loaded(), tmp_path / "texts.jsonl", Sampling("m"))
    assert (report.rows, report.by_model, report.asked, report.refused) == (ROWS, ROWS, ROWS, 0)
    assert {path for _, path, _ in endpoint.asked} == {"/v1/chat/completions"}
    (tmp_path / "own.toml").write_text(
        'task = "rewrites"\n[params]\npeople = 6\nentries = 2\ntexts = "texts.jsonl"\n[splits.train]\n'
    )
    source = synthgen.load(tmp_path / "own.toml")
    for row in source.batch(0, ROWS).to_pylist():
        assert row["text"].endswith("This is all that is told.")
        assert row["latent"]["rank"] == -1
        assert source.verify(row).correct, source.verify(row).reason
        (span,) = row["latent"]["spans"]["major"]
        assert not source.verify(
            row | {"text": row["text"].replace(row["text"][span["start"] : span["end"]], "Art")}
        ).correct
    assert source.entropy().books["wording"].bits.status == "unknown"
    assert source.entropy().books["attributes"].bits.status == "exact"
    synthgen.generate(tmp_path / "own.toml", tmp_path / "data")
    assert all(finding.ok for finding in check_folder(tmp_path / "data"))
    with pytest.raises(SynthgenError, match="has 12 rows"):
        synthgen.load(tmp_path / "own.toml", params={"people": 7}).batch(0, 13)


def test_log_probabilities_become_an_estimate(endpoint, tmp_path):
    tokens = {"logprobs": {"content": [{"logprob": -0.5}, {"logprob": -1.5}]}}
    endpoint.behave = lambda number, ask: says(good(ask), **tokens)
    asked(loaded(), tmp_path / "texts.jsonl", Sampling("m"))
    (tmp_path / "own.toml").write_text(
        'task = "rewrites"\n[params]\npeople = 6\nentries = 2\ntexts = "texts.jsonl"\n[splits.train]\n'
    )
    wording = synthgen.load(tmp_path / "own.toml").entropy().books["wording"].bits
    assert wording.status == "estimate"
    assert abs(wording.value - 2 / 0.6931471805599453) < 1e-6


FAULTS = {
    "busy": lambda ask: (429, {"Retry-After": "0.01"}, {}),
    "broken": lambda ask: (500, {}, {}),
    "truncated": lambda ask: (200, {}, b'{"choices": [{"message": {"content": "Anna'),
    "empty": lambda ask: (200, {}, b""),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_passing_faults_are_retried(endpoint, tmp_path, fault):
    endpoint.behave = lambda number, ask: FAULTS[fault](ask) if number % 3 == 0 else says(good(ask))
    report = asked(loaded(), tmp_path / "texts.jsonl", Sampling("m"), parallel=1)
    assert (report.by_model, report.asked) == (ROWS, ROWS)
    assert len(endpoint.asked) > ROWS


def changed(ask, what):
    facts = ask.split("and no other fact, name, place or date: ")[1].split(". Answer with")[0].split("; ")
    text = good(ask)
    return {
        "a dropped fact": text.replace(facts[3], "something"),
        "a fact twice": text + f" Yes, {facts[3]}.",
        "an invented fact": text + " Later came a job at Thistlemont Glassworks and one at Swanfield Optics.",
        "an invented date": text + " The wedding was on May 1, 1999.",
        "a refusal": "I'm sorry, but I can't help with that. " + text,
        "nothing": "",
        "no text": None,
        "a huge text": text * 1000,
        "a huge reply": "x" * (endpoint_module.REPLY_MAX + 10),
        "the other pronoun": text + (" He is well known." if "use 'she'" in ask else " She is well known."),
        "somebody else": text + " Robert Abernathy and Westfall know more.",
    }[what]


@pytest.mark.parametrize(
    "what",
    [
        "a dropped fact", "a fact twice", "an invented fact", "an invented date", "a refusal", "nothing", "no text",
        "a huge text", "a huge reply", "the other pronoun", "somebody else",
    ],
)  # fmt: skip
def test_bad_answers_are_refused_and_the_grammar_stays(endpoint, tmp_path, what):
    """The first attempt is bad for every row; then for every second row all attempts are."""
    source = loaded()
    endpoint.behave = lambda number, ask: says(changed(ask, what))
    report = asked(source, tmp_path / "texts.jsonl", Sampling("m", attempts=2))
    assert (report.by_model, report.by_grammar, report.asked) == (0, ROWS, 2 * ROWS)
    (tmp_path / "own.toml").write_text(
        'task = "rewrites"\n[params]\npeople = 6\nentries = 2\ntexts = "texts.jsonl"\n[splits.train]\n'
    )
    own = synthgen.load(tmp_path / "own.toml")
    assert own.batch(0, ROWS)["text"].equals(source.batch(0, ROWS)["text"])
    assert all(own.verify(row).correct for row in own.batch(0, ROWS).to_pylist())


def test_a_second_attempt_hears_what_was_wrong(endpoint, tmp_path):
    first = set()

    def behave(number, ask):
        if "was not accepted" in ask:
            return says(good(ask))
        first.add(ask)
        return says(changed(ask, "a dropped fact"))

    endpoint.behave = behave
    report = asked(loaded(), tmp_path / "texts.jsonl", Sampling("m"))
    assert (report.by_model, report.refused, len(first)) == (ROWS, ROWS, ROWS)
    assert {line.get("attempts") for line in lines(tmp_path / "texts.jsonl")[1:]} == {2}


def test_a_broken_endpoint_stops_the_run_and_the_cache_resumes_it(endpoint, tmp_path):
    source, out = loaded(), tmp_path / "texts.jsonl"
    endpoint.behave = lambda number, ask: says(good(ask)) if number < 7 else (503, {}, {})
    with pytest.raises(SynthgenError, match="no usable reply in 5 tries: HTTP 503"):
        asked(source, out, Sampling("m"), parallel=1)
    assert not out.exists()
    assert not list(tmp_path.glob("*.partial"))
    endpoint.asked.clear()
    endpoint.behave = lambda number, ask: says(good(ask))
    report = asked(source, out, Sampling("m"), parallel=1)
    assert (report.cached, report.asked, len(endpoint.asked)) == (7, ROWS - 7, ROWS - 7)
    whole = out.read_bytes()
    endpoint.asked.clear()
    out.unlink()
    offline = asked(source, out, Sampling("m"), offline=True)
    assert (offline.cached, offline.asked, endpoint.asked) == (ROWS, 0, [])
    assert out.read_bytes() == whole
    with pytest.raises(SynthgenError, match="the cache has no answer"):
        asked(source, out, Sampling("another"), offline=True)


def test_the_key_stands_in_no_file_and_goes_to_the_endpoint_alone(endpoint, tmp_path):
    asked(loaded(), tmp_path / "texts.jsonl", Sampling("m"))
    assert {key for key, _, _ in endpoint.asked} == {f"Bearer {KEY}"}
    for path in tmp_path.iterdir():
        assert KEY.encode() not in path.read_bytes()
    endpoint.behave = lambda number, ask: (401, {}, {"error": {"message": KEY}})
    with pytest.raises(SynthgenError, match="HTTP 401") as refusal:
        asked(loaded(), tmp_path / "more.jsonl", Sampling("m"))
    assert KEY not in str(refusal.value)


def test_refusals(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(SynthgenError, match="OPENAI_BASE_URL"):
        asked(loaded(), tmp_path / "x", Sampling("m"))
    with pytest.raises(SynthgenError, match="task `rewrites`"):
        asked(synthgen.load("bios-single"), tmp_path / "x", Sampling("m"), offline=True)
    (tmp_path / "texts.jsonl").write_text('{"rewrites": {}}\n{"row": 1, "text": null, "bits": null}\n')
    (tmp_path / "own.toml").write_text('task = "rewrites"\n[params]\ntexts = "texts.jsonl"\n[splits.train]\n')
    with pytest.raises(SynthgenError, match="line 2"):
        synthgen.load(tmp_path / "own.toml").batch(0, 1)
    for text in ("", "Hello.", "x" * 70, "(" * 3000):
        line = json.dumps({"row": 0, "text": text, "bits": None})
        (tmp_path / "texts.jsonl").write_text(f'{{"rewrites": {{}}}}\n{line}\n')
        with pytest.raises(SynthgenError, match=r"texts\.jsonl': row 0 has a text that is not accepted: "):
            synthgen.load(tmp_path / "own.toml").batch(0, 1)


def test_the_judge_accepts_the_grammar_and_never_raises():
    source = loaded()
    task = source.task()
    judge = RewriteJudge(task.lists)
    for request in task.requests(0, ROWS):
        assert judge.faults(request.source, request) == ()
        assert request.name in messages(request, ())[0]["content"]
        begun = time.perf_counter()
        for junk in ("", "\0" * 5000, "(" * 2000, "a" * 10**6, request.source * 10):
            assert judge.faults(junk, request)
        assert time.perf_counter() - begun < 5
