"""What several tests need: the command line and the Hub's clients as processes, and folders compared byte by byte."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from conformance.server import WRITER

TESTS = Path(__file__).parent


def run(*arguments, timeout=300, **extra):
    """Run `synthgen ...` as a user would; return the finished process."""
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


def files(folder):
    """Return {path: SHA-256} of every file below a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def manifest(folder):
    """Return a folder's manifest as JSON."""
    return json.loads((Path(folder) / "manifest.json").read_text())


class HubClient:
    """A process with the unmodified client libraries, doing one job after another."""

    def __init__(self, hub, home, **env):
        self.errors = home.with_suffix(".stderr").open("w+")
        self.env = hub.env(home, **env) | {"PYTHONPATH": f"{TESTS}:{os.environ.get('PYTHONPATH', '')}"}
        self.process = subprocess.Popen(
            [sys.executable, str(TESTS / "conformance/client.py")],
            env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
        )  # fmt: skip

    def __call__(self, do, *arguments, **options):
        self.process.stdin.write(json.dumps({"do": do, "arguments": arguments, "options": options}) + "\n")
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
