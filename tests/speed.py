"""How fast rows of every task are made beside a yardstick: `python tests/speed.py` pins what `test_speed.py` guards.

A rate says little on a machine that others use, so what is pinned is a ratio: seconds of the processor for a batch of
rows over those for a yardstick that is no code of ours, numpy's shuffles, which wait for draws and memory as samplers
do. The two take turns. Ratios hold for one kind of processor, so tests/speed.json has them by its name.
"""

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import synthgen

PINS = Path(__file__).parent / "speed.json"

SPECS = (
    "bios-multi5-permute", "bios-rewrite5", "biod", "qa-extract", "relations-3hop", "history-questions",
    "birthyear-3-2", "brevo2-n50", "cfg3f", "chain-retry50", "copy", "depo2-n125", "igsm-med-retry50", "mano-l10",
    "recall", "stories-boxes",
)  # fmt: skip
"""One spec of every task that has kernels."""

TURNS = 5
SECONDS = 0.06
"""About how long a turn takes, of the contender and of the yardstick."""

BATCH = 4096

HEAP = 24 << 20
"""Bytes, below the 32 MiB from which glibc maps every array anew whatever was freed before."""


def processor() -> str:
    """Return the name of the processor."""
    if Path("/proc/cpuinfo").is_file():
        fields = dict(line.split("\t", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if "\t" in line)
        names = [fields[key].strip(": \t") for key in ("model name", "cpu family", "model") if key in fields]
        if names:
            return " ".join(names)
    return platform.processor() or platform.machine()


def cost(work: Callable[[], object], repeats: int) -> float:
    """Return seconds of the processor for one call."""
    start = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - start) / repeats


def yardstick() -> None:
    """Shuffle 20,000 numbers."""
    generator = np.random.Generator(np.random.Philox(0))
    generator.shuffle(np.arange(20_000))


def keep_heap() -> None:
    """Let malloc keep what is freed: once a block was mapped and freed, glibc maps none that is smaller.

    Without it, whether the pages of a batch's arrays come from the kernel anew for every batch, which doubles what
    cheap rows cost, hangs on what the process happened to free before.
    """
    np.empty(HEAP, np.uint8)


def relative_cost(work: Callable[[], object]) -> float:
    """Return what a call costs in yardsticks: the median of five turns."""
    keep_heap()
    work(), yardstick()  # compile, fill caches
    calls, measures = (max(1, round(SECONDS / cost(one, 1))) for one in (work, yardstick))
    return statistics.median(cost(work, calls) / cost(yardstick, measures) for _ in range(TURNS))


def batch_cost(name: str, size: int = BATCH) -> float:
    """Return what a batch of a spec's rows, with all columns and in memory, costs in yardsticks."""
    source = synthgen.load(name)
    return relative_cost(lambda: source.batch(0, size))


def main() -> None:
    """Pin all specs, or those that are named, for this processor."""
    pins = json.loads(PINS.read_text()) if PINS.exists() else {}
    here = pins.setdefault(processor(), {})
    for name in sys.argv[1:] or SPECS:
        here[name] = round(batch_cost(name), 3)
        print(f"{name:24} {here[name]:10.3f}")
    PINS.write_text(json.dumps(pins, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
