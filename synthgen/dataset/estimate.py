"""What a build will cost, told before it runs: bytes, bits, time and memory from a timed sample."""

from __future__ import annotations

import itertools
import resource
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

from synthgen.dataset.build_plan import BuildPlan
from synthgen.dataset.processes import usable_cores
from synthgen.dataset.shards import BATCH_ROWS, Summary
from synthgen.errors import SynthgenError
from synthgen.task.arrow import row_lengths

SAMPLE_SECONDS = 0.5
"""How long the sample of each split is timed for."""

PARQUET_SHARE = 0.25
"""About what is left of an Arrow shard's bytes in Parquet with zstd."""

RECORD_BYTES = 700
"""What a shard takes in the manifest: path, sizes, two hashes, bits by book."""


def estimate(plan: BuildPlan, out: Path, workers: int | None) -> dict[str, Any]:
    """Return the plan that `synthgen plan --json` prints: per split and in total, for `workers` processes.

    Times are of a sample on this machine now: batches made, hashed and serialised, not the disk's share.
    """
    if workers is not None and workers < 1:
        raise SynthgenError(f"--workers {workers}: must be at least 1")
    cores = workers or usable_cores()
    splits = {name: _split(plan, name, rows, shards) for name, (rows, shards) in plan.splits.items()}
    seconds = sum(split["core_seconds"] for split in splits.values())
    total_bytes = sum(split["bytes"] for split in splits.values())
    place = next(folder for folder in (out.resolve(), *out.resolve().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    jobs = sum(split["shards"] for split in splits.values())
    return {
        "spec": plan.source.spec.name,
        "content_id": plan.source.spec.content_id,
        "splits": splits,
        "rows": sum(split["rows"] for split in splits.values()),
        "shards": jobs,
        "bytes": total_bytes,
        "manifest_bytes": jobs * RECORD_BYTES,
        "core_hours": seconds / 3600,
        "workers": min(cores, jobs),
        "seconds": seconds / min(cores, jobs),
        "bytes_a_second": total_bytes / seconds * min(cores, jobs),
        "worker_memory_bytes": _most_memory(),
        "disk_free_bytes": free,
        "disk_fits": total_bytes < free,
    }


def _most_memory() -> int:
    """Return the most bytes of memory that this process has held.

    On Linux by its own high-water mark: `getrusage` counts that of whoever started the process, too.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _split(plan: BuildPlan, name: str, rows: int, shards: int) -> dict[str, Any]:
    """Time batches near the first row and near the last, by turns: a row must not cost more where there are many."""
    size = min(BATCH_ROWS, rows)
    plan.source.batch(0, min(64, size), name, plan.columns)  # compile before timing
    times: tuple[list[float], list[float]] = ([], [])
    tried = size_in_bytes = units = 0
    started = time.perf_counter()
    for turn in itertools.count():
        near_the_end, step = turn % 2, turn // 2 * size % max(1, rows - size + 1)
        first = rows - size - step if near_the_end else step
        start = time.perf_counter()
        batch = plan.source.batch(first, first + size, name, plan.columns)
        Summary(batch.schema).add(batch)
        size_in_bytes += batch.serialize().size
        times[near_the_end].append((time.perf_counter() - start) / size)
        tried += size
        units += int(row_lengths(batch).sum())
        if near_the_end and time.perf_counter() - started > SAMPLE_SECONDS:
            break
    seconds_a_row = statistics.median([*times[0], *times[1]])
    entropy = plan.source.entropy(name, rows, estimates=False)
    return {
        "rows": rows,
        "shards": shards,
        "rows_a_shard": -(-rows // shards),
        "bytes": round(size_in_bytes / tried * rows * (PARQUET_SHARE if plan.container == "parquet" else 1.0)),
        "unit": "tokens" if "input_ids" in batch.schema.names else "characters",
        "units": round(units / tried * rows),
        "bits": entropy.bits * rows,
        "status": entropy.status,
        "rows_a_second": 1 / seconds_a_row,
        "core_seconds": rows * seconds_a_row,
        "growth": min(times[1]) / min(times[0]),
    }
