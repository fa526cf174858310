"""Write tests/golden.json anew: for all shipped specs, or for those named. Run it after raising a task's version."""

import json
import sys

from test_contract import GOLDEN, SPECS, golden

import synthgen

pinned = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
for name in sys.argv[1:] or SPECS:
    source = synthgen.load(name)
    pinned[name] = {"version": source.spec.task_class.version} | {
        split: golden(source, split) for split in source.splits
    }
pinned = {name: pinned[name] for name in sorted(pinned) if name in SPECS}
GOLDEN.write_text(json.dumps(pinned, indent=1) + "\n")
print(f"{GOLDEN}: {len(pinned)} specs")
