"""trackio: a run logs its metrics there, and what its files hold is what `metrics.jsonl` holds."""

import os
import sys
import tempfile
from pathlib import Path

os.environ["TRACKIO_DIR"] = tempfile.mkdtemp()
sys.path.append(str(Path(__file__).parent))  # last, since this script has the name of the package

from tracked_run import compare, tell, tracked
from trackio.sqlite_storage import SQLiteStorage

run = tracked("trackio")
logged: dict[str, dict[int, float]] = {}
for entry in SQLiteStorage.get_logs("synthgen", run.name):
    for name, value in entry.items():
        if isinstance(value, int | float) and name != "step":
            logged.setdefault(name, {})[entry["step"]] = value
compare(run, logged)
tell("trackio", "50 steps of copy-tiny; every figure of metrics.jsonl is in trackio's database, at its step")
