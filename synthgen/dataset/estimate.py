"""What a build will cost, told before it runs: bytes, bits, time and memory from a timed sample."""

from __future__ import annotations

import itertools
import resource
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synthgen.dataset.build_plan import Build
from synthgen.dataset.processes import usable_cores
from synthgen.dataset.shards import BATCH_ROWS, Summary

SAMPLE_SECONDS = 0.5
"""How long the sample of each split is timed for."""

PARQUET_SHARE = 0.25
"""About what is left of an Arrow shard's bytes in Parquet with zstd."""

RECORD_BYTES = 700
"""What a shard takes in the manifest: path, sizes, two hashes, bits by book."""


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


def _split(build: Build, name: str, rows: int, shards: int) -> dict[str, Any]:
    """Time batches near the first row and near the last, by turns: a row must not cost more where there are many."""
    size = min(BATCH_ROWS, rows)
    build.source.batch(0, min(64, size), name, build.columns)  # compile before timing
    times: tuple[list[float], list[float]] = ([], [])
    made = size_in_bytes = units = 0
    started = time.perf_counter()
    for turn in itertools.count():
        near_the_end, step = turn % 2, turn // 2 * size % max(1, rows - size + 1)
        first = rows - size - step if near_the_end else step
        start = time.perf_counter()
        batch = build.source.batch(first, first + size, name, build.columns)
        Summary(batch.schema).add(batch)
        size_in_bytes += batch.serialize().size
        times[near_the_end].append((time.perf_counter() - start) / size)
        made += size
        units += _units(batch)
        if near_the_end and time.perf_counter() - started > SAMPLE_SECONDS:
            break
    seconds_a_row = statistics.median([*times[0], *times[1]])
    entropy = build.source.entropy(name, rows, estimates=False)
    return {
        "rows": rows,
        "shards": shards,
        "rows_a_shard": -(-rows // shards),
        "bytes": round(size_in_bytes / made * rows * (PARQUET_SHARE if build.container == "parquet" else 1.0)),
        "unit": "tokens" if "input_ids" in batch.schema.names else "characters",
        "units": round(units / made * rows),
        "bits": entropy.bits * rows,
        "status": entropy.status,
        "rows_a_second": 1 / seconds_a_row,
        "core_seconds": rows * seconds_a_row,
        "growth": min(times[1]) / min(times[0]),
    }


def _units(batch: pa.RecordBatch) -> int:
    """Return the tokens of a batch, or the characters of its text; 0 if its content is left out."""
    names = [name for name in ("input_ids", "text", "prompt", "completion") if name in batch.schema.names]
    return sum(
        int((pc.list_value_length if name == "input_ids" else pc.utf8_length)(batch.column(name)).to_numpy().sum())
        for name in names
    )
