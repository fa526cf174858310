"""A client process that does one job a line, so that a test pays for imports once: JSON in, JSON out.

Jobs are {"do": "push" | "pull" | ..., "arguments": [...], "options": {...}, "env": {...}}; it runs what the command line runs, and tells an
error for people apart from a crash.
"""

import json
import os
import sys
import time
import traceback
from dataclasses import asdict, is_dataclass

import huggingface_hub

from synthgen.dataset.build import generate
from synthgen.errors import SynthgenError
from synthgen.publish.hub import check_remote, pull, pull_collection, push, push_collection, push_space


def snapshot(repo, folder, revision, say):
    """Download a model as anybody does, without synthgen."""
    huggingface_hub.snapshot_download(repo, revision=revision, local_dir=folder)
    return []


CALLS = {
    "push": push, "pull": pull, "check_remote": check_remote, "generate": generate, "push_space": push_space,
    "snapshot": snapshot,
    "push_collection": push_collection, "pull_collection": lambda *names, say: pull_collection(*names, say=say).to_toml(),
}  # fmt: skip
SILENT = ("check_remote", "generate")

for line in sys.stdin:
    job = json.loads(line)
    said, start = [], time.perf_counter()
    os.environ.update(job.get("env", {}))
    options = job["options"] | ({} if job["do"] in SILENT else {"say": said.append})
    try:
        done = CALLS[job["do"]](*job["arguments"], **options)
        plain = (
            done if isinstance(done, str) else [asdict(one) for one in done] if not is_dataclass(done) else asdict(done)
        )
        answer = {"done": plain}
    except SynthgenError as error:
        answer = {"error": str(error), "exit": error.exit_code}
    except Exception:
        answer = {"crash": traceback.format_exc()}
    print(json.dumps(answer | {"said": said, "seconds": time.perf_counter() - start}), flush=True)
