"""What a build will cost, told before it runs: bytes, bits, time and memory from a timed sample."""

from __future__ import annotations

import resource
import shutil
import time
from pathlib import Path
from typing import Any

from synthgen.build import Build
from synthgen.pool import usable_cores
from synthgen.shards import BATCH_ROWS, Summary

SAMPLE_SECONDS = 0.5
"""How long the sample of each split is timed for."""


def estimate(build: Build, out: Path, workers: int | None) -> dict[str, Any]:
    """Return the plan that `synthgen plan --json` prints: per split and in total, for `workers` processes.

    Times are of a sample on this machine now: batches made, hashed and serialised, not the disk's share.
    """
    cores = workers or usable_cores()
    splits = {name: _split(build, name, rows, shards) for name, (rows, shards) in build.splits.items()}
    seconds = sum(split["core_seconds"] for split in splits.values())
    total_bytes = sum(split["bytes"] for split in splits.values())
    place = next(folder for folder in (out.resolve(), *out.resolve().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    jobs = sum(split["shards"] for split in splits.values())
    return {
        "spec": build.source.spec.name,
        "content_id": build.source.spec.content_id,
        "splits": splits,
        "rows": sum(split["rows"] for split in splits.values()),
        "shards": jobs,
        "bytes": total_bytes,
        "core_hours": seconds / 3600,
        "workers": min(cores, jobs),
        "seconds": seconds / min(cores, jobs),
        "worker_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "disk_free_bytes": free,
        "disk_fits": total_bytes < free,
    }


def _split(build: Build, name: str, rows: int, shards: int) -> dict[str, Any]:
    size = min(BATCH_ROWS, rows)
    build.source.batch(0, min(64, size), name, build.columns)  # compile before timing
    made, start = 0, time.perf_counter()
    size_in_bytes = 0
    while True:
        first = made % max(1, rows - size + 1)
        batch = build.source.batch(first, first + size, name, build.columns)
        Summary(batch.schema).add(batch)
        size_in_bytes += batch.serialize().size
        made += size
        seconds = time.perf_counter() - start
        if seconds > SAMPLE_SECONDS or made >= rows:
            break
    entropy = build.source.entropy(name, rows, estimates=False)
    return {
        "rows": rows,
        "shards": shards,
        "rows_a_shard": -(-rows // shards),
        "bytes": round(size_in_bytes / made * rows * (0.25 if build.container == "parquet" else 1.0)),
        "bits": entropy.bits * rows,
        "status": entropy.status,
        "rows_a_second": made / seconds,
        "core_seconds": rows * seconds / made,
    }
