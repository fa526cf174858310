"""Two checkouts side by side: how fast each makes, stores and verifies rows, taking turns in one run.

    git worktree add ../before COMMIT
    python tests/turns.py ../before                          # every kind of work below, beside this checkout
    python tests/turns.py ../before rows:cfg3f verify:igsm-med-pq

Each checkout works in a process of its own, with the interpreter that runs this. Figures are units a second of the
processor's time, least, median and greatest of the turns, and the median ratio of the turns.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TURNS = 5

WORK = (
    "rows:cfg3f", "rows:depo2-n125", "rows:brevo1-n110", "rows:brevo2-n50", "rows:mano-l10", "rows:recall", "rows:copy",
    "rows:bios-multi5-permute", "shards:bios-multi5-permute", "rows:igsm-med-pq", "rows:igsm-hard-pq", "rows:igsm-open",
    "verify:igsm-med-pq", "verify:igsm-med-retry50", "answers:igsm-med-retry50", "windows:cfg3f", "datasets:cfg3f",
)  # fmt: skip
"""What is done, and to which spec."""

WORKER = """
import functools, sys, tempfile, time
from pathlib import Path
import numpy as np
import synthgen

np.empty(24 << 20, np.uint8)  # malloc keeps its heap from then on, see keep_heap in speed.py
SIZE, LEAST = 4096, 0.4
source = functools.cache(synthgen.load)

def rows(spec):
    batch = source(spec).batch(0, SIZE)
    return len(batch.column("input_ids").values) if "input_ids" in batch.schema.names else batch.num_rows

def shards(spec):
    from synthgen.dataset.shards import write_shard
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        batches = (source(spec).batch(k * SIZE, (k + 1) * SIZE) for k in range(8))
        write_shard(batches, source(spec).schema, Path(folder, "shard.arrow"), "", "train")
    return 8 * SIZE

@functools.cache
def some_rows(spec):
    return source(spec).batch(0, 500).to_pylist()

def verify(spec):
    return sum(source(spec).verify(row).correct for row in some_rows(spec))

def answers(spec):
    return sum(source(spec).verify(row["prompt"], row["completion"]).correct for row in some_rows(spec))

def windows(spec, through_datasets=False):
    packed, taken = synthgen.windows(spec, 512, batch_size=64), 0
    batches = packed.to_datasets().with_format("arrow").iter(batch_size=64) if through_datasets else packed
    for batch in batches:
        taken += len(batch["input_ids"])
        if taken >= 8192:
            return taken

def datasets(spec):
    return windows(spec, True)

print("ready", flush=True)
for line in sys.stdin:
    work, spec = line.strip().split(":")
    do, units, start = globals()[work], 0, time.process_time()
    while units == 0 or time.process_time() - start < LEAST:
        units += do(spec)
    print(units / (time.process_time() - start), flush=True)
"""


class Checkout:
    """A process that works with the package of one checkout."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            env={**os.environ, "PYTHONPATH": str(folder)}, cwd=folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._line() == "ready"

    def rate(self, work: str) -> float:
        """Return the units a second of some work."""
        self.process.stdin.write(f"{work}\n")
        self.process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        line = self.process.stdout.readline().strip()
        if not line:
            sys.exit("a process ended; what it said stands above")
        return line


def main(before: str, *chosen: str) -> None:
    """Print a line of JSON for each kind of work."""
    checkouts = Checkout(Path(before).resolve()), Checkout(ROOT)
    for work in chosen or WORK:
        for checkout in checkouts:
            checkout.rate(work)  # compiled, loaded, warm
        turns = [[checkout.rate(work) for checkout in checkouts] for _ in range(TURNS)]
        figures = [[round(f(side)) for f in (min, statistics.median, max)] for side in zip(*turns, strict=True)]
        ratio = statistics.median(after / before for before, after in turns)
        print(
            json.dumps({"work": work, "before": figures[0], "after": figures[1], "ratio": round(ratio, 2)}), flush=True
        )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
