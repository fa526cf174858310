"""What several tests need: the command line and the Hub's clients as processes, and folders compared byte by byte."""

import contextlib
import functools
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from conformance.server import WRITER

import synthgen
from synthgen.cli import main
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.shards import BATCH_ROWS, read_batches, write_shard

TESTS = Path(__file__).parent


@functools.cache
def loaded(name):
    """Return a shipped spec's source, made once for all tests: what one of them leaves in it must not show in another."""
    return synthgen.load(name)


SPECS = {
    "bios": "bios-multi5-permute",
    "biod": "biod",
    "birthyear": "birthyear-3-2",
    "rewrites": "bios-rewrite5",
    "brevo": "brevo1-tiny",
    "cfg": "cfg3f",
    "chain": "chain-retry50",
    "copy": "copy-tiny",
    "depo": "depo1-tiny",
    "history": "history-questions",
    "hops": "relations-3hop",
    "igsm": "igsm-med-retry50",
    "mano": "mano-tiny",
    "mixture": "cfg-curriculum",
    "qa": "know-retrieve-dual",
    "recall": "recall-tiny",
    "relations": "relations-bios",
    "stories": "stories-boxes",
}
"""One spec a task."""


@dataclass
class Done:
    """A command that is over, as `subprocess.run` would tell it."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments):
    """Run `synthgen ...` in this process; return what it printed and its exit code. See `process` for a real one."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["synthgen", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
                code = 0
            except SystemExit as exit_:
                code = exit_.code or 0
            except BaseException:
                traceback.print_exc()
                code = 1
    finally:
        sys.argv = before
    return Done(code, out.getvalue(), err.getvalue())


def said_beside(stderr):
    """Return what stands in stderr beside the lines on kernels that are compiled, which come on a first run only."""
    return re.sub(r"synthgen: compiling .+ \(first run only\) \.\.\.\n", "", stderr)


def process(*arguments, timeout=300, **extra):
    """Run `synthgen ...` as a user would, in a process of its own; return it when it is finished."""
    env = {**os.environ, **extra.pop("env", {})}
    command = [sys.executable, "-m", "synthgen", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=env, **extra)


def start(*arguments, **extra):
    """Start `synthgen ...` in a process group of its own; return the running process.

    A shell's background jobs ignore Ctrl-C, and so would what they start: here it is heard however the tests are run.
    """
    command = [sys.executable, "-m", "synthgen", *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **extra,
    )


def children(pid):
    """Return the processes that `multiprocessing` spawned from `pid`."""
    spawned = []
    for tasks in Path("/proc", str(pid), "task").glob("*/children"):
        for child in tasks.read_text().split():
            with contextlib.suppress(OSError):  # it has ended
                if "spawn_main" in Path("/proc", child, "cmdline").read_text():
                    spawned.append(int(child))
    return spawned


def files(folder):
    """Return {path: SHA-256} of every file below a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def strict_json(text):
    """Return JSON's value, as a reader has it that is not Python's: NaN and Infinity are no JSON."""

    def refuse(number):
        raise AssertionError(f"{number} is no JSON: {text[:200]}")

    return json.loads(text, parse_constant=refuse)


def manifest(folder):
    """Return a folder's manifest as JSON."""
    return json.loads((Path(folder) / "manifest.json").read_text())


def replant(folder, change, index=0):
    """Change the rows of one shard (a list of dicts, in place); forge its manifest entry, all hashes and the seal."""
    stated = Manifest.read(folder)
    entry = stated.shards[index]
    path = folder / entry.path
    table = pa.Table.from_batches(read_batches(path))
    rows = table.to_pylist()
    change(rows)
    batches = pa.Table.from_pylist(rows, table.schema).to_batches(BATCH_ROWS)
    component = synthgen.load(folder / "spec.toml").task().component_field
    shards = list(stated.shards)
    container = stated.container
    shards[index] = write_shard(batches, table.schema, path, entry.path, entry.split, component, container=container)
    replace(stated, shards=shards).write(folder)


class HubClient:
    """A process with the unmodified client libraries, doing one job after another."""

    def __init__(self, hub, home, **env):
        self.errors = home.with_suffix(".stderr").open("w+")
        self.env = hub.env(home, **env) | {"PYTHONPATH": f"{TESTS}:{os.environ.get('PYTHONPATH', '')}"}
        self.process = subprocess.Popen(
            [sys.executable, str(TESTS / "conformance/client.py")],
            env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
        )  # fmt: skip

    def __call__(self, do, *arguments, env=None, **options):
        job = {"do": do, "arguments": arguments, "options": options, "env": env or {}}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "crash" not in answer, answer["crash"]
        assert WRITER not in json.dumps(answer)
        assert "signature=" not in json.dumps(answer)
        return answer

    def push(self, folder, repo, **options):
        return self("push", [str(folder)], repo, **({"pictures": False} | options))

    def pull(self, repo, folder, **options):
        return self("pull", repo, str(folder), **options)

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        self.process.stdout.close()
        self.errors.seek(0)
        text = self.errors.read()
        self.errors.close()
        assert WRITER not in text
        assert "Traceback" not in text
