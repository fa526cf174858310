"""What several tests need: the command line as a process, and dataset folders compared byte by byte."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path


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
