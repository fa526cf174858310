"""A client process that does one job a line, so that a test pays for imports once: JSON in, JSON out.

Jobs are {"do": "push" | "pull" | "snapshot", "arguments": [...], "options": {...}, "env": {...}}; it runs what the command line runs, and tells an
error for people apart from a crash.
"""

import json
import os
import sys
import time
import traceback
from dataclasses import asdict, is_dataclass

import huggingface_hub

from synthgen.errors import SynthgenError
from synthgen.publish.hub import check_remote, pull, push


def snapshot(repo, folder, revision, say):
    """Download a model as anybody does, without synthgen."""
    huggingface_hub.snapshot_download(repo, revision=revision, local_dir=folder)
    return []


CALLS = {"push": push, "pull": pull, "check_remote": check_remote, "snapshot": snapshot}

for line in sys.stdin:
    job = json.loads(line)
    said, start = [], time.perf_counter()
    os.environ.update(job.get("env", {}))
    options = job["options"] | ({} if job["do"] == "check_remote" else {"say": said.append})
    try:
        done = CALLS[job["do"]](*job["arguments"], **options)
        answer = {"done": asdict(done) if is_dataclass(done) else [asdict(one) for one in done]}
    except SynthgenError as error:
        answer = {"error": str(error), "exit": error.exit_code}
    except Exception:
        answer = {"crash": traceback.format_exc()}
    print(json.dumps(answer | {"said": said, "seconds": time.perf_counter() - start}), flush=True)
